"""Errors that a person can act on. The command shows the message as it is and exits with 2.

Messages and notices name the command's options in parentheses that hold nothing else, such as ``(--dt or --times)``,
with a value where one is meant: ``(--vif auto)``. Front ends without a command line leave those out by
`without_options`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPTION = r"--[a-z0-9][a-z0-9-]*(?: (?!or |and )[a-z]+)?"
_OPTIONS = re.compile(rf" \({_OPTION}(?:(?:, | or | and ){_OPTION})*\)")


def without_options(message: str) -> str:
    """A message without the command's options."""
    return _OPTIONS.sub("", message)


class DCEPKError(Exception):
    """Base of every error this package raises on purpose; the message names what was wrong and what to do."""


class InputError(DCEPKError):
    """The data or an option cannot be used as given."""


class MissingFact(InputError):
    """Something that the computation needs is in no header and was not given; it is never invented.

    Parameters
    ----------
    message : str
        What is missing and which option gives it.
    facts : sequence of str
        Names of the missing facts (fields of `Acquisition`, ``"times_s"``), for front ends that mark their fields.
    """

    def __init__(self, message: str, facts: Sequence[str] = ()):
        super().__init__(message)
        self.facts = tuple(facts)


class MissingPackage(InputError):
    """An optional package that was asked for indirectly is not installed.

    Parameters
    ----------
    message : str
        What needs it and how to install it.
    package : str
        Its name, for front ends that can install it.
    """

    def __init__(self, message: str, package: str):
        super().__init__(message)
        self.package = package


class GeometryMismatch(InputError):
    """Two images that must share a voxel grid do not; the message says which axis differs and by how much."""


class Cancelled(DCEPKError):
    """The user cancelled; nothing was written."""
