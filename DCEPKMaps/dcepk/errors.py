"""Errors that a person can act on. Front ends show the message as it is; the command exits with 2."""

from __future__ import annotations

from collections.abc import Sequence


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


class GeometryMismatch(InputError):
    """Two images that must share a voxel grid do not; the message says which axis differs and by how much."""


class Cancelled(DCEPKError):
    """The user cancelled; nothing was written."""
