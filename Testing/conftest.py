"""Fixtures that every test file here has at hand."""

from slicer_fixtures import modules_as_before, scene, slicer  # noqa: F401
from slicer_network import complete, network, ready  # noqa: F401
from slicer_panel import shown  # noqa: F401
from slicer_results import logic, request_, result, results, segmentation, study  # noqa: F401
