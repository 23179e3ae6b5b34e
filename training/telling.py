"""What the commands here say in the terminal while they work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Tell = Callable[[str], None]
"""Takes a line for people."""
_Item = TypeVar("_Item")


def say(line: str) -> None:
    """Print a line at once, also where the output goes into a file."""
    print(line, flush=True)


def say_nothing(line: str) -> None:
    """Nobody listens."""


def counted(number: int, noun: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "patient"), counted(20000, "voxel")
    ('1 patient', '20,000 voxels')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def told(items: Sequence[_Item], what: str, tell: Tell, every: int = 1) -> Iterator[_Item]:
    """Some items one after the other, with a line for how many are done: before the first, after every few, at the end.

    Parameters
    ----------
    items : sequence
        What takes long, each.
    what : str
        What is done with them, in words.
    tell : callable
        Takes the lines; there is none where there are no items.
    every : int
        Items from line to line.
    """
    for done, item in enumerate(items):
        if done % every == 0:
            tell(f"{what}: {done} of {len(items)}")
        yield item
    if items:
        tell(f"{what}: {len(items)} of {len(items)}")
