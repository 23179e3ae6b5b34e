"""What is to be analysed, as nodes of a scene and numbers: one value that front ends make and the logic takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from dcepk.acquisition import Acquisition
from dcepk.settings import Settings
from dcepk.vif import AUTOMATIC


class VifKind(str, Enum):
    """Where the input function comes from."""

    AUTOMATIC = "automatic"
    POINT = "point"
    ROI = "roi"
    SEGMENT = "segment"
    TABLE = "table"
    FORM = "form"


@dataclass(frozen=True, eq=False)
class VifRequest:
    """A choice of input function.

    Attributes
    ----------
    kind : VifKind
        The way.
    node : vtkMRMLNode or None
        What it needs: a markups point list (its first point counts), a markups ROI, a segmentation or a table with
        the columns ``time_s`` and ``plasma_mM`` or ``blood_mM``.
    segmentId : str
        The segment, for `VifKind.SEGMENT`.
    form : str
        Name of a population form (`dcepk.vif.POPULATION_FORMS`), for `VifKind.FORM`.
    fitted : bool
        Replace the curve by a functional form fitted to it.
    t1BloodS : float or None
        Native T1 of blood, s; None for the published value.
    """

    kind: VifKind = VifKind.AUTOMATIC
    node: Any = None
    segmentId: str = ""
    form: str = ""
    fitted: bool = False
    t1BloodS: float | None = None


@dataclass(frozen=True, eq=False)
class StudyRequest:
    """One analysis.

    Attributes
    ----------
    sequence : vtkMRMLSequenceNode or None
        The series: a sequence of scalar volumes.
    settings : Settings
        Method and its options.
    facts : Acquisition
        Protocol facts that the user typed; they win over those of the sequence.
    intervalS : float or None
        Time between frames that the user typed, s.
    timesS : ndarray, shape (T,), or None
        Frame times that the user gave instead, s.
    vif : VifRequest
        The input function.
    t1S : float or None
        Native T1, s: one value everywhere.
    t1Map : vtkMRMLScalarVolumeNode or None
        Instead: a map, s.
    flipAngleVolumes : tuple of (vtkMRMLScalarVolumeNode, float)
        Instead: volumes with their flip angles, degrees.
    flipAngleTrS : float or None
        Their TR, s; None for the one they carry, or that of the series.
    b1Map : vtkMRMLScalarVolumeNode or None
        B1 relative to nominal.
    mask : "auto" or vtkMRMLSegmentationNode or None
        Voxels to analyse: the head as found in the series, the segments of a node, or all.
    correctMotion : bool
        Correct rigid motion first.
    """

    sequence: Any = None
    settings: Settings = Settings()
    facts: Acquisition = Acquisition()
    intervalS: float | None = None
    timesS: np.ndarray | None = None
    vif: VifRequest = VifRequest()
    t1S: float | None = None
    t1Map: Any = None
    flipAngleVolumes: tuple[tuple[Any, float], ...] = ()
    flipAngleTrS: float | None = None
    b1Map: Any = None
    mask: Any = AUTOMATIC
    correctMotion: bool = False

    @property
    def nodes(self) -> tuple[Any, ...]:
        """Every node that the analysis rests on."""
        mask = None if isinstance(self.mask, str) else self.mask
        volumes = (volume for volume, _ in self.flipAngleVolumes)
        given = (self.sequence, self.vif.node, self.t1Map, *volumes, self.b1Map, mask)
        return tuple(node for node in given if node is not None)


@dataclass(frozen=True)
class Missing:
    """Something that an analysis waits for.

    Attributes
    ----------
    field : str
        The parameter that gives it (`parameters.DCEPKMapsParameterNode`), for front ends that mark their fields; for
        a protocol fact its name in `dcepk.acquisition.FACTS`.
    text : str
        One sentence.
    """

    field: str
    text: str
