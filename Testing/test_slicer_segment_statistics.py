"""The plugin of Segment Statistics: the same numbers as the panel's table, with units and codes."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from slicer_results import NAMES
from slicer_scenes import segmentation_node, small_request
from small_study import T10_S

from dcepk.maps import PARAMETERS
from dcepk.settings import Settings


@pytest.fixture
def plugins(slicer):
    """The registered plugins, as they were before when the test is over."""
    from SegmentStatistics import SegmentStatisticsLogic

    before = list(SegmentStatisticsLogic.registeredPlugins)
    yield SegmentStatisticsLogic.registeredPlugins
    SegmentStatisticsLogic.registeredPlugins[:] = before


def measured(logicOf, segmentation, volume=None, everything=True):
    """What Segment Statistics finds: its logic, after computing."""
    from DCEPKMapsLib.segment_statistics import register
    from SegmentStatistics import SegmentStatisticsLogic

    plugin = register(logicOf)
    found = SegmentStatisticsLogic()
    node = found.getParameterNode()
    node.SetParameter("Segmentation", segmentation.GetID())
    node.SetParameter("ScalarVolume", "" if volume is None else volume.GetID())
    if everything:
        for key in plugin().keys:
            node.SetParameter(f"{plugin.__name__}.{key}.enabled", "True")
    found.computeStatistics()
    return found


def values(found, index: int) -> dict[str, float]:
    """The measurements of one segment, without the name of the plugin."""
    statistics = found.getStatistics()
    segment = statistics["SegmentIDs"][index]
    return {key[1].partition(".")[2]: value for key, value in statistics.items() if key[0] == segment and "." in key[1]}


def test_numbers_are_those_of_the_panels_table(scene, logic, study, segmentation, plugins):
    from DCEPKMapsLib.segment_statistics import MEASURES
    from DCEPKMapsLib.statistics import regionStatistics
    from DCEPKMapsLib.volumes import addVolume

    t1 = addVolume(scene, "T1", np.full(study.mask.shape, T10_S, np.float32), study.series.geometry)
    result = logic.run(small_request(scene, study, settings=Settings("etofts"), t1S=None, t1Map=t1))
    found = measured(lambda: logic, segmentation)
    table = regionStatistics(result, segmentation)
    for index, name in enumerate(NAMES.values()):
        own = values(found, index)
        rows = [row for row in table.rois.statistics if row.name == name]
        assert set(own) == {f"{row.map}_{measure.field}" for row in rows for measure in MEASURES}
        for row in rows:
            for measure in MEASURES:
                expected = getattr(row, measure.field)
                number = own[f"{row.map}_{measure.field}"]
                assert number == expected or (math.isnan(number) and math.isnan(expected))


def test_slicer_can_make_its_table_of_them(scene, logic, study, segmentation, plugins):
    logic.run(small_request(scene, study))
    segmentation.GetSegmentation().AddEmptySegment("empty", "nothing drawn")
    table = scene.AddNewNodeByClass("vtkMRMLTableNode")
    found = measured(lambda: logic, segmentation)
    found.exportToTable(table)
    assert table.GetNumberOfRows() == 3
    assert values(found, 2) == {"Ktrans_n": 0, "vp_n": 0}
    counts = [{key for key in values(found, i) if key.endswith("_n")} for i in range(3)]
    assert counts[0] == counts[1] == counts[2], "Slicer cannot fill a gap in a column of whole numbers"
    assert table.GetColumnUnitLabel("Ktrans mean") == "/min"


def test_only_what_was_asked_for_is_returned(scene, logic, study, segmentation, plugins):
    logic.run(small_request(scene, study))
    own = values(measured(lambda: logic, segmentation, everything=False), 0)
    assert set(own) == {f"{m}_{f}" for m in ("Ktrans", "vp") for f in ("mean", "sd", "noise_error", "curve_fit")}


def test_the_result_of_the_chosen_volume_counts_else_the_latest(scene, logic, study, segmentation, plugins):
    request = small_request(scene, study)
    patlak, tofts = (logic.run(replace(request, settings=Settings(m))) for m in ("patlak", "tofts"))
    assert "ve_mean" in values(measured(lambda: logic, segmentation), 0)
    assert "ve_mean" not in values(measured(lambda: logic, segmentation, patlak.nodes.maps["Ktrans"]), 0)
    assert "ve_mean" in values(measured(lambda: logic, segmentation, tofts.nodes.errors["ve"]), 0)


def test_maps_of_a_loaded_scene_count_without_the_panel(scene, logic, study, segmentation, plugins):
    logic.run(small_request(scene, study))
    expected = values(measured(lambda: logic, segmentation), 0)
    assert values(measured(lambda: None, segmentation), 0) == pytest.approx(expected)


def test_maps_of_a_closed_scene_do_not_count_for_the_next(scene, logic, study, plugins):
    from DCEPKMapsLib.segment_statistics import register
    from SegmentStatistics import SegmentStatisticsLogic

    register(lambda: None)
    found, seen = SegmentStatisticsLogic(), []
    for t1 in (T10_S, 2.5):  # Segment Statistics keeps its plugins, and IDs of nodes begin anew
        result = logic.run(replace(small_request(scene, study), t1S=t1))
        segments = segmentation_node(scene, study.labels.array, study.series.geometry, NAMES)
        found.getParameterNode().SetParameter("Segmentation", segments.GetID())
        found.getParameterNode().SetParameter("ScalarVolume", result.nodes.maps["Ktrans"].GetID())
        found.computeStatistics()
        seen.append(next(v for k, v in found.getStatistics().items() if str(k[1]).endswith("Ktrans_mean")))
        scene.Clear(0)
        logic.forget()
    assert seen[0] != pytest.approx(seen[1])


def test_without_maps_there_is_nothing(scene, logic, segmentation, plugins):
    assert values(measured(lambda: logic, segmentation), 0) == {}


def test_registering_again_replaces_the_plugin_of_an_earlier_load(slicer, plugins):
    from DCEPKMapsLib.segment_statistics import register

    before = len(plugins)
    register(lambda: None)
    latest = register(lambda: None)
    assert len(plugins) == before + 1
    assert plugins[-1] is latest


def test_measurements_carry_units_and_codes_of_dicom(slicer, plugins):
    from DCEPKMapsLib.segment_statistics import register

    plugin = register(lambda: None)()
    info = plugin.getMeasurementInfo("Ktrans_mean")
    assert (info["name"], info["units"]) == ("Ktrans mean", "/min")
    assert info["description"] == "Mean of the map of Ktrans."
    assert info["DICOM.QuantityCode"] == "CodeValue:126312|CodingSchemeDesignator:DCM|CodeMeaning:Ktrans"
    assert info["DICOM.UnitsCode"].startswith("CodeValue:/min|CodingSchemeDesignator:UCUM")
    assert info["DICOM.DerivationCode"].startswith("CodeValue:373098007|CodingSchemeDesignator:SCT")
    names = [plugin.getMeasurementInfo(key)["name"] for key in plugin.keys]
    assert len(set(names)) == len(names)
    assert not any("{" in plugin.getMeasurementInfo(key)["description"] for key in plugin.keys)
    assert not any("." in key for key in plugin.keys)


def test_codes_are_those_of_the_dicom_standard(slicer):
    from DCEPKMapsLib.segment_statistics import MEASURES, QUANTITIES
    from pydicom.sr._concepts_dict import concepts

    def known(code):
        return code[0] in {value for entry in concepts[code[1]].values() for value in entry}

    assert all(known(q.code) for q in QUANTITIES if q.code)
    assert all(known(m.code) for m in MEASURES if m.code)
    assert all(known(q.unitCode) for q in QUANTITIES)


def test_quantities_are_those_of_the_engine_with_their_units(slicer):
    from DCEPKMapsLib.segment_statistics import QUANTITIES

    assert {q.name: q.unit for q in QUANTITIES} == {name: p.unit for name, p in PARAMETERS.items()}


def test_registering_at_the_start_of_slicer_imports_no_engine(slicer):
    """In a process of its own, for here everything is imported already."""
    testing = Path(__file__).resolve().parent
    code = (
        f"import sys; sys.path[:0] = [{str(testing)!r}, {str(testing.parent / 'DCEPKMaps')!r}]\n"
        "import slicer_stand_in; slicer_stand_in.start()\n"
        "from DCEPKMapsLib.segment_statistics import register; register(lambda: None)\n"
        "assert 'dcepk' not in sys.modules, 'the engine was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
