"""Warnings as objects: carried by results, so that every front end shows the same ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """Something the user should know about a result.

    Attributes
    ----------
    code : str
        Short stable identifier, such as ``"coarse-sampling"``.
    message : str
        One or two sentences for a person.
    """

    code: str
    message: str

    def __str__(self) -> str:
        return self.message
