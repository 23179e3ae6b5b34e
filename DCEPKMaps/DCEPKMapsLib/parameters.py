"""What the panel knows, kept in the scene: a typed parameter node, and the request that it stands for.

Numbers that nobody need type are texts, because an empty field means "as read" or "as published".
"""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import Choice, Default, WithinRange, parameterNodeWrapper

from dcepk._version import __version__
from dcepk.errors import InputError
from dcepk.settings import Settings
from dcepk.study import require_plausible_t1
from dcepk.vif import AUTOMATIC

from .request import StudyRequest, VifKind, VifRequest
from .typed import positiveNumber, typedAcquisition, typedInterval

T1_CONSTANT, T1_MAP, T1_FLIP_ANGLES = "constant", "map", "flipAngles"
MASK_AUTO, MASK_ALL, MASK_SEGMENTATION = "auto", "all", "segmentation"
_DEFAULTS = Settings()
_MS = 1e-3
_LARGEST_ANGLE_DEG = 180.0


@parameterNodeWrapper
class DCEPKMapsParameterNode:
    """Everything that the panel shows; names are those of the fields (``SlicerParameterName``)."""

    # VTK calls the first observer of a node last, so the wrapper learns that its first parameter was changed through
    # another wrapper (a script's) only after the widgets were told: nothing that is shown may stand first.
    savedBy: Annotated[str, Default(f"dcepk {__version__}")]
    # Input
    inputSequence: slicer.vtkMRMLSequenceNode
    typedFacts: dict[str, str]
    typedInterval: str
    # Native T1, B1, motion, mask
    t1Source: Annotated[str, Choice([T1_CONSTANT, T1_MAP, T1_FLIP_ANGLES]), Default(T1_CONSTANT)]
    t1Constant: str
    t1Map: slicer.vtkMRMLScalarVolumeNode
    flipAngleVolumes: list[slicer.vtkMRMLScalarVolumeNode]
    flipAngles: list[float]
    flipAngleRepetitionTime: str
    b1Map: slicer.vtkMRMLScalarVolumeNode
    correctMotion: bool
    maskSource: Annotated[str, Choice([MASK_AUTO, MASK_ALL, MASK_SEGMENTATION]), Default(MASK_AUTO)]
    maskSegmentation: slicer.vtkMRMLSegmentationNode
    # Input function
    vifSource: Annotated[str, Choice([kind.value for kind in VifKind]), Default(VifKind.AUTOMATIC.value)]
    vifPoint: slicer.vtkMRMLMarkupsFiducialNode
    vifRoi: slicer.vtkMRMLMarkupsROINode
    vifSegmentation: slicer.vtkMRMLSegmentationNode
    vifSegmentId: str
    vifTable: slicer.vtkMRMLTableNode
    vifForm: Annotated[str, Default("heye")]
    vifFitted: bool
    t1Blood: str
    # Method
    method: Annotated[str, Default(_DEFAULTS.method)]
    fitDelay: bool
    fitOffset: bool
    kepMax: str
    signalForm: Annotated[str, Default(_DEFAULTS.signal_form)]
    r2star: Annotated[float, WithinRange(0.0, 200.0)]
    maxIterations: Annotated[int, WithinRange(1, 1000), Default(_DEFAULTS.max_iterations)]
    tiling: Annotated[str, Default(_DEFAULTS.tiling)]
    device: Annotated[str, Default(_DEFAULTS.device)]
    livePreview: bool
    # Display
    shownMap: Annotated[str, Default("Ktrans")]
    colorName: str
    rangeLow: float
    rangeHigh: float
    opacity: Annotated[float, WithinRange(0.0, 1.0), Default(0.6)]
    hideAbove: Annotated[float, WithinRange(0.0, 200.0)]
    layout: Annotated[str, Default("maps")]
    # Curve explorer
    explorerPoint: slicer.vtkMRMLMarkupsFiducialNode
    followCursor: bool
    # Statistics
    regions: slicer.vtkMRMLSegmentationNode
    excludeUncertain: bool
    maxRelativeError: Annotated[float, WithinRange(1.0, 1000.0), Default(50.0)]
    # Export
    exportFolder: str
    exportReport: Annotated[bool, Default(True)]


def resetToDefaults(parameters: DCEPKMapsParameterNode) -> None:
    """Every parameter to its default; the chosen series stays."""
    with slicer.util.NodeModify(parameters.parameterNode):
        for name in parameters.allParameters:
            if name != "inputSequence":
                parameters.setValue(name, parameters.default(name).value)


def toRequest(parameters: DCEPKMapsParameterNode) -> StudyRequest:
    """The analysis that the parameters stand for; what is missing stays None.

    Raises
    ------
    InputError
        When a typed text is no number, or a value is implausible.
    """
    return StudyRequest(
        sequence=inScene(parameters.inputSequence),
        settings=_settings(parameters),
        facts=typedAcquisition(parameters.typedFacts),
        intervalS=typedInterval(parameters.typedInterval),
        vif=vifRequest(parameters),
        b1Map=inScene(parameters.b1Map),
        mask=_mask(parameters),
        correctMotion=parameters.correctMotion,
        **_t1(parameters),
    )


def vifRequest(parameters: DCEPKMapsParameterNode) -> VifRequest:
    """The choice of input function alone; errors as `toRequest`."""
    kind = VifKind(parameters.vifSource)
    node = {
        VifKind.POINT: parameters.vifPoint,
        VifKind.ROI: parameters.vifRoi,
        VifKind.SEGMENT: parameters.vifSegmentation,
        VifKind.TABLE: parameters.vifTable,
    }.get(kind)
    return VifRequest(
        kind, inScene(node),
        segmentId=parameters.vifSegmentId if kind is VifKind.SEGMENT else "",
        form=parameters.vifForm if kind is VifKind.FORM else "",
        fitted=parameters.vifFitted,
        t1BloodS=positiveNumber(parameters.t1Blood, "T1 of blood", "s"),
    )  # fmt: skip


def plausibleT1(text: str) -> float | None:
    """Native T1 as typed, s; None for an empty text.

    Raises
    ------
    InputError
        When it is no number, or no T1 of tissue.
    """
    value = positiveNumber(text, "native T1", "s")
    if value is not None:
        require_plausible_t1(value)
    return value


def inScene(node):
    """The node, or None when it was deleted: the wrapper remembers nodes that are gone."""
    return node if node is not None and node.GetScene() is not None else None


def flipAnglePairs(parameters: DCEPKMapsParameterNode) -> tuple:
    """Volumes that are still there with their flip angles, degrees."""
    pairs = zip(parameters.flipAngleVolumes, parameters.flipAngles)
    return tuple((volume, angle) for volume, angle in pairs if inScene(volume) is not None)


def _settings(parameters: DCEPKMapsParameterNode) -> Settings:
    return Settings(
        method=parameters.method,
        signal_form=parameters.signalForm,
        r2star_per_s_mM=parameters.r2star,
        fit_offset=parameters.fitOffset,
        kep_max_per_min=positiveNumber(parameters.kepMax, "upper bound of kep", "/min"),
        fit_delay=parameters.fitDelay,
        max_iterations=parameters.maxIterations,
        tiling=parameters.tiling,
        device=parameters.device,
    )


def _t1(parameters: DCEPKMapsParameterNode) -> dict:
    """The fields of `StudyRequest` that say where T1 comes from: those of the chosen source alone."""
    if parameters.t1Source == T1_MAP:
        return {"t1Map": inScene(parameters.t1Map)}
    if parameters.t1Source == T1_FLIP_ANGLES:
        repetitionTimeMs = positiveNumber(parameters.flipAngleRepetitionTime, "TR of the flip-angle volumes", "ms")
        return {
            "flipAngleVolumes": _measuredAngles(parameters),
            "flipAngleTrS": None if repetitionTimeMs is None else repetitionTimeMs * _MS,
        }
    return {"t1S": plausibleT1(parameters.t1Constant)}


def _measuredAngles(parameters: DCEPKMapsParameterNode) -> tuple:
    pairs = flipAnglePairs(parameters)
    if len(pairs) == 1:
        raise InputError("T1 mapping needs volumes with at least 2 flip angles; there is 1.")
    for volume, angle in pairs:
        if not 0 < angle <= _LARGEST_ANGLE_DEG:
            raise InputError(f"Type the flip angle of the volume '{volume.GetName()}', above 0 and up to 180 degrees.")
    return pairs


def _mask(parameters: DCEPKMapsParameterNode):
    if parameters.maskSource == MASK_ALL:
        return None
    if parameters.maskSource == MASK_SEGMENTATION:
        segmentation = inScene(parameters.maskSegmentation)
        if segmentation is None:
            raise InputError("Choose the segmentation whose segments are to be analyzed, or another mask.")
        return segmentation
    return AUTOMATIC
