"""Errors that a person can act on. Front ends show the message as it is; the command exits with 2."""


class DCEPKError(Exception):
    """Base of every error this package raises on purpose; the message names what was wrong and what to do."""


class InputError(DCEPKError):
    """The data or an option cannot be used as given."""


class MissingFact(InputError):
    """A number that the computation needs is in no header and was not given; it is never invented."""


class GeometryMismatch(InputError):
    """Two images that must share a voxel grid do not; the message says which axis differs and by how much."""


class Cancelled(DCEPKError):
    """The user cancelled; nothing was written."""
