"""A small noisy study in memory and on disk, for the tests of the command."""

from __future__ import annotations

import pytest
from small_study import small_study, write_small_study


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.0005)


@pytest.fixture
def files(tmp_path, study):
    return write_small_study(tmp_path / "in", study)
