"""Sample studies: complete without a typed number, offered in Sample Data, cancelled without a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

MODULE = Path(__file__).resolve().parents[1] / "DCEPKMaps" / "DCEPKMaps.py"
ICONS = MODULE.parent / "Resources" / "Icons"


@pytest.fixture(scope="module")
def stroke():
    """The simulated study, without a scene."""
    from slicer_fixtures import require_slicer_core

    require_slicer_core()
    from DCEPKMapsLib.sample_data import simulatedPhantom

    return simulatedPhantom("stroke-small")


@pytest.fixture
def study(scene, stroke):
    from DCEPKMapsLib.sample_data import addPhantom

    return addPhantom(scene, "stroke-small", stroke, withTruth=True)


def test_series_in_the_scene_is_the_simulated_one(study, stroke):
    from DCEPKMapsLib.sequences import seriesOf

    series = seriesOf(study.sequence)
    np.testing.assert_array_equal(series.signal, stroke.series.signal)
    np.testing.assert_allclose(series.times_s, stroke.series.times_s)
    assert series.acquisition == stroke.series.acquisition
    series.geometry.require_same(stroke.series.geometry, "phantom")


def test_flip_angle_volumes_carry_angle_and_repetition_time(study, stroke):
    from DCEPKMapsLib.logic import FLIP_ANGLE, REPETITION_TIME
    from DCEPKMapsLib.volumes import arrayOf

    assert [angle for _, angle in study.flipAngleVolumes] == [2.0, 12.0]
    for (volume, angle), (_, voxels) in zip(study.flipAngleVolumes, stroke.vfa):
        assert float(volume.GetAttribute(FLIP_ANGLE)) == angle
        assert float(volume.GetAttribute(REPETITION_TIME)) == pytest.approx(8.24)
        np.testing.assert_array_equal(arrayOf(volume), voxels)


def test_regions_are_voxels_of_one_tissue(study, stroke):
    from DCEPKMapsLib.sample_data import REGION_COLORS
    from DCEPKMapsLib.volumes import regionsOn

    regions, notices = regionsOn(study.segmentation, stroke.series.geometry)
    assert notices == ()
    assert {"white matter", "cortex", "recent stroke lesion", "venous sinus"} <= {r.name for r in regions}
    for region in regions:
        np.testing.assert_array_equal(region.mask, stroke.pure(region.name, 0.9))
        assert region.color == pytest.approx(REGION_COLORS[region.name], abs=0.01)


def test_only_lesions_are_outlined(study):
    segments, display = study.segmentation.GetSegmentation(), study.segmentation.GetDisplayNode()
    shown = {segments.GetSegment(i).GetName() for i in segments.GetSegmentIDs() if display.GetSegmentVisibility(i)}
    assert shown == {"white matter hyperintensity", "recent stroke lesion"}
    assert not display.GetVisibility2DFill()


def test_point_lies_in_the_sagittal_sinus(study, stroke):
    position = [0.0, 0.0, 0.0]
    study.vesselPoint.GetNthControlPointPositionWorld(0, position)
    z, y, x = stroke.series.geometry.index_of_ras(position)
    assert stroke.sinus_mask[z, y - 1 : y + 2, x - 1 : x + 2].all()
    assert abs(position[0]) < 6
    assert position[2] > 15


def test_true_maps_are_those_of_the_phantom(study, stroke):
    from DCEPKMapsLib.volumes import arrayOf

    assert set(study.truth) == {"Ktrans", "vp", "ve", "kep", "T10"}
    for name, volume in study.truth.items():
        np.testing.assert_array_equal(arrayOf(volume), stroke.truth[name])


def test_nothing_is_missing_for_an_analysis(scene, study):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.request import StudyRequest

    request = StudyRequest(sequence=study.sequence, flipAngleVolumes=study.flipAngleVolumes)
    assert StudyLogic(scene).missing(request) == []


def test_nodes_lie_in_one_folder(slicer, scene, study):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert hierarchy.GetItemName(study.folder) == "DCE mild stroke, small"
    for node in (study.proxy, study.segmentation, study.vesselPoint, *(v for v, _ in study.flipAngleVolumes)):
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == study.folder, node.GetName()
    (truth,) = {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in study.truth.values()}
    assert hierarchy.GetItemName(truth) == "True maps"
    assert hierarchy.GetItemParent(truth) == study.folder


def test_a_second_study_has_names_of_its_own(scene, study, stroke):
    from DCEPKMapsLib.sample_data import addPhantom

    again = addPhantom(scene, "stroke-small", stroke)
    names = [node.GetName() for node in (*study.nodes[2:], *again.nodes[2:])]
    assert len(names) == len(set(names))
    assert again.sequence.GetName() != study.sequence.GetName()


def test_proxy_shows_a_frame(study):
    assert study.proxy is not None
    assert study.proxy.GetImageData().GetDimensions() == (72, 96, 42)


def test_unknown_study_is_refused(scene):
    from DCEPKMapsLib.sample_data import loadPhantom

    from dcepk.errors import InputError

    with pytest.raises(InputError, match="no sample study 'liver'; known are stroke-small"):
        loadPhantom(scene, "liver")


def test_cancelled_simulation_leaves_the_scene_as_it_was(scene):
    from DCEPKMapsLib.sample_data import loadPhantom

    from dcepk.errors import Cancelled

    before = scene.GetNumberOfNodes()
    with pytest.raises(Cancelled):
        loadPhantom(scene, "stroke-small", cancelled=lambda: True)
    assert scene.GetNumberOfNodes() == before


def test_every_study_has_its_picture_and_its_lesion(slicer):
    from DCEPKMapsLib.phantoms import PHANTOMS
    from DCEPKMapsLib.sample_data import REGION_COLORS

    from dcepk.methods import method_named
    from dcepk.phantom import PROTOCOLS

    for phantom in PHANTOMS.values():
        assert (ICONS / phantom.icon).read_bytes()[:4] == b"\x89PNG"
        assert phantom.lesion in REGION_COLORS
        assert phantom.size in PROTOCOLS[phantom.protocol].matrix
        method_named(phantom.method)
    assert PROTOCOLS["stroke"].matrix["full"] == (192, 256, 42)


@pytest.fixture
def samples(slicer):
    """The sources that the module offers in Sample Data."""
    import slicer_stand_in
    from SampleData import SampleDataLogic

    loaded = slicer_stand_in.load_module(MODULE)
    yield {source.sampleName: source for source in SampleDataLogic.sampleDataSourcesByCategory("DCE PK Maps")}
    loaded.unload()


def test_studies_are_offered_once_however_often_the_module_is_loaded(samples, slicer):
    import slicer_stand_in
    from SampleData import SampleDataLogic

    loaded = slicer_stand_in.load_module(MODULE)
    sources = SampleDataLogic.sampleDataSourcesByCategory("DCE PK Maps")
    assert [source.sampleName for source in sources] == list(samples)
    assert len(samples) == 4
    assert all(source.uris == [] for source in sources)
    assert all(Path(source.thumbnailFileName).is_file() for source in sources)
    loaded.unload()


def test_a_click_fills_in_the_panel(samples, scene):
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.parameters import DCEPKMapsParameterNode, toRequest

    source = samples["DCE mild stroke, small"]
    nodes = source.customDownloader(source)
    parameters = DCEPKMapsParameterNode(scene.GetSingletonNode("DCEPKMaps", "vtkMRMLScriptedModuleNode"))
    assert parameters.inputSequence is nodes[0]
    assert parameters.regions.GetName() == "Stroke phantom regions"
    assert parameters.vifPoint is not None
    request = toRequest(parameters)
    assert request.settings.method == "patlak"
    assert StudyLogic(scene).missing(request) == []


def test_a_click_leaves_a_study_of_the_users_own_chosen(samples, scene):
    from DCEPKMapsLib.parameters import DCEPKMapsParameterNode

    import DCEPKMaps

    own = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "own")
    parameters = DCEPKMapsParameterNode(DCEPKMaps.DCEPKMapsLogic().getParameterNode())
    parameters.inputSequence = own
    source = samples["DCE mild stroke, small"]
    assert source.customDownloader(source)
    assert parameters.inputSequence is own


def test_a_click_that_is_cancelled_adds_nothing(samples, slicer, scene, monkeypatch):
    class Window:
        wasCanceled, labelText, value, closed = True, "", 0, False

        def close(self):
            self.closed = True

    window = Window()
    monkeypatch.setattr(slicer.util, "createProgressDialog", lambda **_options: window)
    before = scene.GetNumberOfNodes()
    source = samples["DCE glioma, small"]
    assert source.customDownloader(source) == []
    assert window.closed
    assert scene.GetNumberOfNodes() == before


def test_window_is_kept_alive_while_a_study_is_simulated(samples, slicer, monkeypatch):
    drawn = []
    monkeypatch.setattr(type(slicer.app), "processEvents", lambda _app, *_flags: drawn.append(True))
    source = samples["DCE mild stroke, small"]
    assert source.customDownloader(source)
    assert len(drawn) > 1
