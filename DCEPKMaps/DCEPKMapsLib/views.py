"""Slice views: what lies behind and in front, where they look, and how they were before."""

from __future__ import annotations

from dataclasses import dataclass

import vtk


def sliceLogicsOf(applicationLogic) -> list:
    """The slice logics of an application, one for each slice view.

    Parameters
    ----------
    applicationLogic : vtkMRMLApplicationLogic
        In 3D Slicer ``slicer.app.applicationLogic()``.
    """
    logics = applicationLogic.GetSliceLogics()
    return [] if logics is None else [logics.GetItemAsObject(i) for i in range(logics.GetNumberOfItems())]


def lay(sliceLogic, background, foreground, opacity: float) -> None:
    """Lay a volume over another in one view; either may be None."""
    composite = sliceLogic.GetSliceCompositeNode()
    wasModifying = composite.StartModify()
    composite.SetBackgroundVolumeID(None if background is None else background.GetID())
    composite.SetForegroundVolumeID(None if foreground is None else foreground.GetID())
    composite.SetForegroundOpacity(opacity)
    composite.EndModify(wasModifying)


def lookAt(sliceLogic, volume, ras) -> None:
    """Turn a view to the planes of a volume, show all of it, and cut it at a point (RAS, mm)."""
    node = sliceLogic.GetSliceNode()
    node.RotateToVolumePlane(volume)
    sliceLogic.FitSliceToBackground()
    node.JumpSliceByOffsetting(*(float(v) for v in ras))


def align(sliceLogic, reference) -> None:
    """Let a view show what another shows: the same plane, at the same zoom."""
    node, other = sliceLogic.GetSliceNode(), reference.GetSliceNode()
    wasModifying = node.StartModify()
    node.GetSliceToRAS().DeepCopy(other.GetSliceToRAS())
    node.SetFieldOfView(*_fieldAsHigh(node, other.GetFieldOfView()))
    node.SetXYZOrigin(*other.GetXYZOrigin())
    node.UpdateMatrices()
    node.EndModify(wasModifying)


def link(sliceLogics, linked: bool) -> None:
    """Let views of one orientation move together, or each for itself."""
    for logic in sliceLogics:
        logic.GetSliceCompositeNode().SetLinkedControl(linked)


@dataclass(frozen=True, eq=False)
class _View:
    """One slice view as it was."""

    background: str | None
    foreground: str | None
    opacity: float
    linked: bool
    sliceToRas: tuple[float, ...]
    fieldOfView: tuple[float, ...]
    origin: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ViewState:
    """The slice views as they were: volumes, opacity, linking, place and zoom, by the name of the view."""

    views: dict[str, _View]

    @classmethod
    def of(cls, sliceLogics) -> ViewState:
        """The state of views."""
        return cls({logic.GetSliceNode().GetLayoutName(): _stateOf(logic) for logic in sliceLogics})

    def restore(self, sliceLogics) -> None:
        """Bring views back to this state; views and volumes that are gone are passed over."""
        for logic in sliceLogics:
            view = self.views.get(logic.GetSliceNode().GetLayoutName())
            if view is not None:
                _restore(logic, view)


def _stateOf(logic) -> _View:
    composite, node = logic.GetSliceCompositeNode(), logic.GetSliceNode()
    matrix = node.GetSliceToRAS()
    return _View(
        composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID(), composite.GetForegroundOpacity(),
        bool(composite.GetLinkedControl()), tuple(matrix.GetElement(i, j) for i in range(4) for j in range(4)),
        tuple(node.GetFieldOfView()), tuple(node.GetXYZOrigin()),
    )  # fmt: skip


def _restore(logic, view: _View) -> None:
    composite, node = logic.GetSliceCompositeNode(), logic.GetSliceNode()
    scene = composite.GetScene()

    def there(identifier):
        return identifier if identifier and scene.GetNodeByID(identifier) is not None else None

    wasModifying = composite.StartModify()
    composite.SetLinkedControl(False)  # each view goes back to its own place
    composite.SetBackgroundVolumeID(there(view.background))
    composite.SetForegroundVolumeID(there(view.foreground))
    composite.SetForegroundOpacity(view.opacity)
    composite.EndModify(wasModifying)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(view.sliceToRas)
    wasModifying = node.StartModify()
    node.GetSliceToRAS().DeepCopy(matrix)
    node.SetFieldOfView(*_fieldAsHigh(node, view.fieldOfView))
    node.SetXYZOrigin(*view.origin)
    node.UpdateMatrices()
    node.EndModify(wasModifying)
    composite.SetLinkedControl(view.linked)


def _fieldAsHigh(node, fieldOfView) -> tuple[float, float, float]:
    """A field of view as high as another, as wide as the view is: views keep the height when they are resized."""
    _, height, depth = fieldOfView
    columns, rows, _ = node.GetDimensions()
    return height * columns / max(rows, 1), height, depth
