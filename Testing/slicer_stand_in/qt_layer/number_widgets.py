"""Stand-ins for Slicer's sliders and spin boxes that know units; here the unit is left alone."""

from __future__ import annotations

from .ctk_numbers import ctkDoubleSpinBox, ctkRangeWidget, ctkSliderWidget
from .mrml_base import SceneAware
from .pythonqt import stand_in


@stand_in
class qMRMLSliderWidget(SceneAware, ctkSliderWidget):
    INERT = ("quantity", "unitAwareProperties")


@stand_in
class qMRMLSpinBox(SceneAware, ctkDoubleSpinBox):
    INERT = ("quantity", "unitAwareProperties")


@stand_in
class qMRMLRangeWidget(SceneAware, ctkRangeWidget):
    INERT = ("quantity", "unitAwareProperties")
