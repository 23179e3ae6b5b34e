"""Arrangements of views: maps over anatomy, a map beside its uncertainty, curves; and how the views were before."""

from __future__ import annotations

from dataclasses import dataclass

from dcepk.errors import InputError

from .layout_descriptions import CURVES, ERROR_VIEW, LAYOUTS, MAPS, UNCERTAINTY, registerLayouts
from .views import ViewState

__all__ = [
    "CURVES", "ERROR_VIEW", "LAYOUTS", "MAPS", "UNCERTAINTY", "Arrangement", "isOurs", "registerLayouts", "show",
]  # fmt: skip


def show(layoutNode, name: str) -> None:
    """Switch to one of our arrangements.

    Parameters
    ----------
    layoutNode : vtkMRMLLayoutNode
        Of the application.
    name : str
        One of `LAYOUTS`.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    if name not in LAYOUTS:
        raise InputError(f"There is no layout '{name}'; known are {', '.join(LAYOUTS)}.")
    registerLayouts(layoutNode)
    layoutNode.SetViewArrangement(LAYOUTS[name])


def isOurs(layoutNode) -> bool:
    """Whether one of our arrangements is shown."""
    return layoutNode.GetViewArrangement() in LAYOUTS.values()


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The views as a user left them: the layout, what each slice view shows and where, which legends are seen."""

    layout: int
    views: ViewState
    legends: frozenset[str]

    @classmethod
    def of(cls, layoutNode, sliceLogics) -> Arrangement:
        """How the views are now.

        Parameters
        ----------
        layoutNode : vtkMRMLLayoutNode
            Of the application.
        sliceLogics : list of vtkMRMLSliceLogic
            Of its views.
        """
        shown = (legend for legend in _legends(layoutNode.GetScene()) if legend.GetVisibility())
        names = frozenset(legend.GetID() for legend in shown)
        return cls(layoutNode.GetViewArrangement(), ViewState.of(sliceLogics), names)

    def restore(self, layoutNode, sliceLogics) -> None:
        """Bring the views back; volumes that were removed in the meantime leave their place empty."""
        layoutNode.SetViewArrangement(self.layout)
        self.views.restore(sliceLogics)
        for legend in _legends(layoutNode.GetScene()):
            legend.SetVisibility(legend.GetID() in self.legends)
            legend.Modified()  # see `legends.showLegend`


def _legends(scene) -> list:
    className = "vtkMRMLColorLegendDisplayNode"
    return [scene.GetNthNodeByClass(i, className) for i in range(scene.GetNumberOfNodesByClass(className))]
