"""The arrangements of views in the language of Slicer's layout node. It imports nothing, so that Slicer can know them
from its start: a scene that was saved while one of them was shown asks for it by its number."""

from __future__ import annotations

ERROR_VIEW = "DCEPKMapsError"
"""Name of the slice view that shows the standard error in the layout "uncertainty"."""
MAPS, UNCERTAINTY, CURVES = "maps", "uncertainty", "curves"
LAYOUTS = {MAPS: 7310, UNCERTAINTY: 7311, CURVES: 7312}
"""Names and their numbers in the layout node, far from those of 3D Slicer and of other extensions."""


def registerLayouts(layoutNode) -> None:
    """Make our arrangements known to a layout node (vtkMRMLLayoutNode); also after an update of this module."""
    for name, number in LAYOUTS.items():
        description = _description(name)
        if not layoutNode.AddLayoutDescription(number, description):
            layoutNode.SetLayoutDescription(number, description)


def _description(name: str) -> str:
    """The arrangement in the language of the layout node."""
    axial = _slice("Red", "Axial", "R", "#F34A33")
    if name == MAPS:
        coronal, sagittal = _slice("Green", "Coronal", "G", "#6EB04B"), _slice("Yellow", "Sagittal", "Y", "#EDD54C")
        right = _split("vertical", (400, coronal), (400, sagittal), (350, _plot()))
        return _split("horizontal", (620, axial), (380, right))
    if name == UNCERTAINTY:
        return _split("horizontal", (500, axial), (500, _slice(ERROR_VIEW, "Axial", "SE", "#4C7FB8")))
    lower = _split("horizontal", (500, axial), (500, _view("vtkMRMLTableViewNode", "TableView1", "T")))
    return _split("vertical", (550, _plot()), (450, lower))


def _split(direction: str, *parts: tuple[int, str]) -> str:
    items = "".join(f'<item splitSize="{size}">{part}</item>' for size, part in parts)
    return f'<layout type="{direction}" split="true">{items}</layout>'


def _slice(tag: str, orientation: str, label: str, color: str) -> str:
    return _view("vtkMRMLSliceNode", tag, label, _property("orientation", orientation) + _property("viewcolor", color))


def _plot() -> str:
    return _view("vtkMRMLPlotViewNode", "PlotView1", "P")


def _view(className: str, tag: str, label: str, properties: str = "") -> str:
    properties += _property("viewlabel", label)
    return f'<view class="{className}" singletontag="{tag}">{properties}</view>'


def _property(name: str, value: str) -> str:
    return f'<property name="{name}" action="default">{value}</property>'
