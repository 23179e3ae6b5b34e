"""What holds for every test here and in the folders below."""

from __future__ import annotations

import os

import pytest

collect_ignore_glob = [
    "Testing/slicer_stand_in/*",
    "DCEPKMaps/DCEPKMaps.py",
    "DCEPKMaps/DCEPKMapsLib/*",
]
"""What is not imported in the search for doctests: code that runs inside 3D Slicer or in its stand-ins only."""


def _failed_if_required(report):
    """With DCEPK_REQUIRE_ALL=1, as in CI, what would be skipped fails, so that nothing goes unchecked."""
    if os.environ.get("DCEPK_REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        where, line, reason = report.longrepr
        report.longrepr = f"{where}:{line}: {reason}; nothing is skipped with DCEPK_REQUIRE_ALL=1"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _failed_if_required((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _failed_if_required((yield))
