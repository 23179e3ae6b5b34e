"""Where the reference data are, and what a test does without them.

The folder is named by the variable DCEPK_REFERENCE_DATA (default ``../shared/data``, from the repository).
Without the data a test is skipped.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def reference_file(relative: str) -> Path:
    """The path of a file or folder of the reference data; skips the test when it is not there.

    Parameters
    ----------
    relative : str
        Path below the folder of the reference data, such as ``"qiba_dro/v9_dicom"``.
    """
    folder = Path(os.environ.get("DCEPK_REFERENCE_DATA") or REPOSITORY.parent / "shared" / "data")
    path = folder / relative
    if path.exists():
        return path
    pytest.skip(f"no reference data ('{path}' does not exist)")
