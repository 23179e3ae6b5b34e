"""The module's own test, which runs inside 3D Slicer: on simulated studies with known truth; nothing is downloaded.

Tolerances are those of single simulated subjects at the default noise; accuracy is measured elsewhere (benchmarks).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import slicer

from dcepk.errors import DCEPKError
from dcepk.settings import Settings

from .parameters import DCEPKMapsParameterNode, toRequest
from .phantoms import PHANTOMS
from .request import StudyRequest, VifKind, VifRequest
from .results import groupedNodes
from .sample_data import SampleStudy, addPhantom, simulatedPhantom
from .sequences import describe, seriesOf
from .statistics import regionStatistics, statisticsTable
from .volumes import arrayOf, regionsOn
from .widget.sample_sources import loadSample

_PATLAK_TOLERANCE, _ETOFTS_TOLERANCE = 0.15, 0.10
"""Largest relative error of the mean (Patlak, stroke) and median (extended Tofts, tumour) of a region."""
_VESSEL_TOLERANCE = 0.15
"""Largest relative difference of the peak between ways to measure an input function: small patches lose some."""


def patlakOnStroke(study) -> None:
    """Patlak with an input function found in the sagittal sinus finds the truth in the stroke phantom."""
    sample = _added("stroke-small", withTruth=True)
    result = study.run(_request(sample, "patlak"))
    for name in ("Ktrans", "vp"):
        for tissue in ("white matter", "cortex"):
            _agrees(result, sample, name, tissue, np.mean, _PATLAK_TOLERANCE)
    table = statisticsTable(slicer.mrmlScene, regionStatistics(result, sample.segmentation))
    segments = sample.segmentation.GetSegmentation().GetNumberOfSegments()
    rows = table.GetNumberOfRows()
    _require(rows >= 2 * segments, f"The table has {rows} rows for {segments} regions.")


def extendedToftsOnGlioma(study) -> None:
    """Extended Tofts finds the truth in the tumour of the glioma phantom."""
    sample = _added("glioma-small", withTruth=True)
    result = study.run(_request(sample, "etofts", mask=sample.segmentation))
    for name in ("Ktrans", "vp", "ve"):
        _agrees(result, sample, name, "enhancing tumour", np.median, _ETOFTS_TOLERANCE)


def inputFunctionsFromNodes(study) -> None:
    """A point, a box, a segment and a table give the input function that is found automatically."""
    sample = _added("stroke-small")
    found = study.inputFunction(_request(sample, "patlak"))
    scene, center = slicer.mrmlScene, [0.0, 0.0, 0.0]
    sample.vesselPoint.GetNthControlPointPositionWorld(0, center)
    box = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "box")
    box.SetCenter(center)
    box.SetSize(6.0, 6.0, 4.0)
    sinus = sample.segmentation.GetSegmentation().GetSegmentIdBySegmentName("venous sinus")
    columns = {"time_s": found.times_s, "plasma_mM": found.plasma_mM}
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "curve")
    slicer.util.updateTableFromArray(table, tuple(columns.values()), tuple(columns))
    for vif in (
        VifRequest(VifKind.POINT, sample.vesselPoint),
        VifRequest(VifKind.ROI, box),
        VifRequest(VifKind.SEGMENT, sample.segmentation, sinus),
        VifRequest(VifKind.TABLE, table),
    ):
        peak = float(study.inputFunction(_request(sample, "patlak", vif=vif)).plasma_mM.max())
        expected = float(found.plasma_mM.max())
        near = abs(peak - expected) <= _VESSEL_TOLERANCE * expected
        _require(near, f"The peak from a {vif.kind.value} is {peak:.3g} mM, found automatically {expected:.3g} mM.")


def sequenceSavedAndLoaded(study) -> None:
    """A sequence that was saved and loaded says the same of its times and protocol."""
    sample = _added("stroke-small")
    before = describe(sample.sequence)
    path = str(Path(slicer.util.tempDirectory()) / "series.seq.nrrd")
    _require(slicer.util.saveNode(sample.sequence, path), f"The sequence was not saved to {path}.")
    loaded = slicer.util.loadNodeFromFile(path, "SequenceFile", {"show": False})
    after = describe(loaded)
    _require(np.allclose(after.times.times_s, before.times.times_s), "The frame times changed.")
    _require(after.acquisition == before.acquisition, f"The protocol changed: {after.acquisition}")
    _require(np.array_equal(seriesOf(loaded).signal, seriesOf(sample.sequence).signal), "The voxels changed.")


def niftiWithJson(study) -> None:
    """A 4D NIfTI file with a BIDS json is read as a sequence with times and protocol; a damaged one is refused."""
    folder = Path(slicer.util.tempDirectory())
    times = [0.0, 4.5, 9.5]
    frames = [sitk.Image([8, 6, 4], sitk.sitkFloat32) + 100.0 for _ in times]
    sitk.WriteImage(sitk.JoinSeries(frames), str(folder / "dce.nii.gz"))
    facts = {"FrameTimesStart": times, "RepetitionTimeExcitation": 0.004, "FlipAngle": 15, "MagneticFieldStrength": 3}
    (folder / "dce.json").write_text(json.dumps(facts), encoding="utf-8")
    sequence = slicer.util.loadNodeFromFile(str(folder / "dce.nii.gz"), "DCESeriesFile")
    description = describe(sequence)
    _require(np.allclose(description.times.times_s, times), f"The frame times are {description.times.times_s}.")
    _require(description.acquisition.repetition_time_s == 0.004, "The repetition time was lost.")
    whole = (folder / "dce.nii.gz").read_bytes()
    (folder / "damaged.nii.gz").write_bytes(whole[: len(whole) // 2])
    try:
        slicer.util.loadNodeFromFile(str(folder / "damaged.nii.gz"), "DCESeriesFile")
    except RuntimeError:
        return
    raise AssertionError("A truncated file was loaded.")


def runInTheBackground(study) -> None:
    """A run in the background gives maps; one that is cancelled leaves the scene as it was."""
    sample = _added("stroke-small")
    run = study.start(_request(sample, "patlak"))
    run.cancel()
    while not run.step():
        slicer.app.processEvents()
    _require(run.cancelled and not run.error, f"The cancelled run says: {run.error}")
    _require(not groupedNodes(slicer.mrmlScene), "The cancelled run left nodes.")
    run = study.start(_request(sample, "patlak"))
    while not run.step():
        slicer.app.processEvents()
    _require(run.result is not None, f"The run failed: {run.error}")


def badInputIsRefused(study) -> None:
    """What cannot be analyzed is refused in one sentence, and leaves nothing behind."""
    scene = slicer.mrmlScene
    sample = _added("stroke-small")
    empty = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "empty")
    outside = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "outside")
    outside.AddControlPoint(0.0, 900.0, 0.0)
    point = VifRequest(VifKind.POINT, outside)
    nodes = scene.GetNumberOfNodes()
    for request, word in (
        (StudyRequest(), "sequence"),
        (StudyRequest(sequence=empty, t1S=1.0), "empty"),
        (_request(sample, "patlak", flipAngleVolumes=()), "T1"),
        (_request(sample, "patlak", vif=point), "outside"),
        (_request(sample, "patlak", intervalS=-1.0), "-1"),
    ):
        try:
            study.run(request)
        except DCEPKError as error:
            _require(word in str(error) and "\n" not in str(error), f"The refusal reads: {error}")
        else:
            raise AssertionError(f"A request that lacks something was analyzed ({word}).")
    _require(scene.GetNumberOfNodes() == nodes, "A refused analysis left nodes.")


SELF_TESTS: tuple[Callable, ...] = (
    patlakOnStroke, extendedToftsOnGlioma, inputFunctionsFromNodes, sequenceSavedAndLoaded, niftiWithJson,
    runInTheBackground, badInputIsRefused,
)  # fmt: skip
"""Each takes the StudyLogic of an empty scene."""


def sampleDataToTable(makeLogic: Callable) -> None:
    """From Sample Data to maps and a table of regions, without typing a number."""
    logic = makeLogic()
    loadSample(PHANTOMS["stroke-small"].title, logic.getParameterNode)
    parameters = DCEPKMapsParameterNode(logic.getParameterNode())
    request = toRequest(parameters)
    missing = [each.text for each in logic.study.missing(request)]
    _require(not missing, f"Something is still missing: {missing}")
    found = regionStatistics(logic.study.run(request), parameters.regions)
    means = {row.name: row.mean for row in found.rowsOf("Ktrans")}
    highest = max((name for name in means if name != "venous sinus"), key=means.get)
    _require(highest == PHANTOMS["stroke-small"].lesion, f"Ktrans is highest in {highest}: {means}")


def runAll(makeLogic: Callable, report: Callable[[str], None]) -> None:
    """Run every test, each in an empty scene.

    Parameters
    ----------
    makeLogic : callable
        ``() -> DCEPKMapsLogic``.
    report : callable
        Shows the progress, as ``report(text)``.

    Raises
    ------
    AssertionError
        With a sentence that says what is wrong.
    """
    slicer.mrmlScene.Clear(False)
    report(sampleDataToTable.__doc__)
    sampleDataToTable(makeLogic)
    for test in SELF_TESTS:
        slicer.mrmlScene.Clear(False)
        report(test.__doc__)
        test(makeLogic().study)
    slicer.mrmlScene.Clear(False)
    _simulated.cache_clear()
    report("All tests of DCE PK Maps passed.")


_simulated = functools.cache(simulatedPhantom)


def _added(name: str, withTruth: bool = False) -> SampleStudy:
    return addPhantom(slicer.mrmlScene, name, _simulated(name), withTruth=withTruth)


def _request(sample: SampleStudy, method: str, **changes) -> StudyRequest:
    given = {"flipAngleVolumes": sample.flipAngleVolumes, **changes}
    return StudyRequest(sequence=sample.sequence, settings=Settings(method), **given)


def _agrees(result, sample: SampleStudy, name: str, tissue: str, middle: Callable, tolerance: float) -> None:
    segmentId = sample.segmentation.GetSegmentation().GetSegmentIdBySegmentName(tissue)
    (region,), _notices = regionsOn(sample.segmentation, result.maps.geometry, [segmentId])
    found, truth = (middle(arrayOf(node)[region.mask]) for node in (result.nodes.maps[name], sample.truth[name]))
    near = abs(found - truth) <= tolerance * truth
    _require(near, f"{name} of {tissue} is {found:.4g}, the truth is {truth:.4g} (tolerance {tolerance:.0%}).")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
