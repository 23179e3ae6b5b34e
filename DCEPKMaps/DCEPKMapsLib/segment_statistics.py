"""The numbers of the panel's statistics in Slicer's own module Segment Statistics.

Slicer makes the plugin when Segment Statistics opens and registers it at its start, so the engine is imported where a
number is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import slicer
from SegmentStatistics import SegmentStatisticsLogic
from SegmentStatisticsPlugins import SegmentStatisticsPluginBase
from slicer.i18n import tr as _


@dataclass(frozen=True)
class _Quantity:
    """A map: its DICOM code (CID 4107, and T1) and that of its unit (UCUM)."""

    name: str
    unit: str
    code: tuple[str, str, str] | None
    unitCode: tuple[str, str, str]


@dataclass(frozen=True)
class _Measure:
    """A statistic: the field of `dcepk.roi.RoiStatistics`, and the DICOM code of how it is derived (SNOMED CT)."""

    field: str
    code: tuple[str, str, str] | None = None


_PER_MINUTE, _NO_UNITS = ("/min", "UCUM", "per minute"), ("1", "UCUM", "no units")
_SECOND, _VOXELS = ("s", "UCUM", "second"), ("{voxels}", "UCUM", "voxels")
QUANTITIES = (
    _Quantity("Ktrans", "/min", ("126312", "DCM", "Ktrans"), _PER_MINUTE),
    _Quantity("vp", "", ("126331", "DCM", "vp"), _NO_UNITS),
    _Quantity("ve", "", ("126314", "DCM", "ve"), _NO_UNITS),
    _Quantity("kep", "/min", ("126313", "DCM", "kep"), _PER_MINUTE),
    _Quantity("delay", "s", None, _SECOND),
    _Quantity("T10", "s", ("113063", "DCM", "T1"), _SECOND),
)
MEASURES = (
    _Measure("n"),
    _Measure("mean", ("373098007", "SCT", "Mean")),
    _Measure("sd", ("386136009", "SCT", "Standard Deviation")),
    _Measure("noise_error"),
    _Measure("median", ("373099004", "SCT", "Median")),
    _Measure("q1"),
    _Measure("q3"),
    _Measure("curve_fit"),
    _Measure("curve_fit_error"),
)
_DEFAULT_FIELDS = ("mean", "sd", "noise_error", "curve_fit")
_COUNT = "n"


def register(logicOf: Callable[[], object]) -> type:
    """Make the plugin known to Segment Statistics, in place of one of an earlier load of this module.

    Parameters
    ----------
    logicOf : callable
        ``() -> StudyLogic or None``: the logic of the panel. Where there is none, or it has no results, those of the
        scene count.

    Returns
    -------
    type
        The class of the plugin.
    """

    class DCEPKMapsSegmentStatisticsPlugin(_Plugin):
        """Slicer makes plugins without arguments, so each registration is a class."""

        def panelLogic(self):
            return logicOf()

    plugins = SegmentStatisticsLogic.registeredPlugins
    plugins[:] = [plugin for plugin in plugins if plugin.__name__ != DCEPKMapsSegmentStatisticsPlugin.__name__]
    SegmentStatisticsLogic.registerPlugin(DCEPKMapsSegmentStatisticsPlugin())
    return DCEPKMapsSegmentStatisticsPlugin


class _Plugin(SegmentStatisticsPluginBase):
    """Statistics of every map of one result: that of the chosen scalar volume, else the latest."""

    def __init__(self):
        super().__init__()
        self.name = "DCE PK Maps"
        self.title = _("DCE PK Maps")
        self._measurements = {f"{q.name}_{m.field}": (q, m) for q in QUANTITIES for m in MEASURES}
        self.keys = list(self._measurements)
        self.defaultKeys = [
            key for key, (_q, measure) in self._measurements.items() if measure.field in _DEFAULT_FIELDS
        ]
        self._sceneLogic = None

    def panelLogic(self):
        """The logic of the panel, or None."""
        raise NotImplementedError

    def computeStatistics(self, segmentID):
        """The requested measurements of one segment by key; nothing where there are no maps."""
        from dcepk.errors import DCEPKError

        from .statistics import regionStatistics

        scene = self.getParameterNode().GetScene() or slicer.mrmlScene
        segmentation = scene.GetNodeByID(self.getParameterNode().GetParameter("Segmentation"))
        result = self._result(scene)
        if result is None or segmentation is None:
            return {}
        requested = [(key, *self._measurements[key]) for key in self.getRequestedKeys()]
        try:
            rows = {
                row.map: row for row in regionStatistics(result, segmentation, segmentIds=[segmentID]).rois.statistics
            }
        except DCEPKError:  # outside the series, or empty: no voxel, for a column of counts must have no gaps
            names = (*result.maps.values, *(() if result.nodes.t10 is None else ("T10",)))
            return {
                key: 0 for key, quantity, measure in requested if measure.field == _COUNT and quantity.name in names
            }
        return {
            key: getattr(rows[quantity.name], measure.field)
            for key, quantity, measure in requested if quantity.name in rows
        }  # fmt: skip

    def getMeasurementInfo(self, key):
        """Name, description, unit and DICOM codes of a measurement."""
        if key not in self._measurements:
            return None
        quantity, measure = self._measurements[key]
        title, description = _texts()[measure.field]
        count = measure.field == _COUNT
        return self.createMeasurementInfo(
            name=f"{quantity.name} {_NAMES[measure.field]}",
            title=f"{quantity.name} {title}",
            description=description.format(map=quantity.name),
            units=_("voxels") if count else quantity.unit,
            quantityDicomCode=None if count else self._code(quantity.code),
            unitsDicomCode=self._code(_VOXELS if count else quantity.unitCode),
            derivationDicomCode=self._code(measure.code),
        )

    def _code(self, code: tuple[str, str, str] | None) -> str | None:
        return None if code is None else self.createCodedEntry(*code, True)

    def _result(self, scene):
        """The result that the chosen scalar volume belongs to, else the latest of the panel, else of the scene."""
        logic = self.panelLogic()
        if logic is None:
            from .logic import StudyLogic

            logic = self._sceneLogic = self._sceneLogic or StudyLogic(scene)
        if logic.latest() is None:
            logic.restore()
        chosen = self.getParameterNode().GetParameter("ScalarVolume")
        owners = [r for r in logic.results.values() if any(node.GetID() == chosen for node in r.nodes.all())]
        return owners[-1] if owners else logic.latest()


_NAMES = {
    "n": "voxels", "mean": "mean", "sd": "SD", "noise_error": "noise error", "median": "median", "q1": "quartile 1",
    "q3": "quartile 3", "curve_fit": "of mean curve", "curve_fit_error": "of mean curve SE",
}  # fmt: skip
"""Names for machines, which are not translated."""


def _texts() -> dict[str, tuple[str, str]]:
    """Title and description of each measure."""
    return {
        "n": (_("voxels"), _("Voxels of the segment that have a value in the map of {map}.")),
        "mean": (_("mean"), _("Mean of the map of {map}.")),
        "sd": (_("SD"), _("Standard deviation of the voxels of the map of {map}: biology and noise together.")),
        "noise_error": (
            _("noise error"),
            _("What signal noise alone does to the mean of {map}, from the voxels' own standard errors."),
        ),
        "median": (_("median"), _("Median of the map of {map}.")),
        "q1": (_("quartile 1"), _("First quartile of the map of {map}.")),
        "q3": (_("quartile 3"), _("Third quartile of the map of {map}.")),
        "curve_fit": (_("of mean curve"), _("{map} fitted to the mean concentration curve of the segment.")),
        "curve_fit_error": (
            _("of mean curve SE"),
            _("Standard error of {map} fitted to the mean concentration curve of the segment."),
        ),
    }
