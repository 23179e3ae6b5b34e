"""The report: radiological orientation, honest formatting, everything inside one file, nobody's name in it."""

from __future__ import annotations

import re
import shlex
import struct
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_study import small_study

from dcepk.export import save_results
from dcepk.geometry import Geometry
from dcepk.motion import Motion
from dcepk.notices import Notice
from dcepk.provenance import record_inputs
from dcepk.quantify import quantify
from dcepk.report import figures
from dcepk.report.page import number, with_error
from dcepk.report.scales import Scale
from dcepk.report.slices import View, chosen_slices
from dcepk.roi import analyse_regions
from dcepk.roi_curves import RoiCurve
from dcepk.settings import Settings

AXES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}


def geometry_of(axes: str, size=(4, 5, 6)) -> Geometry:
    """A grid whose x, y, z axes run towards these anatomical directions."""
    columns = np.array([AXES[a] for a in axes], float).T
    return Geometry(size, (1.0, 2.0, 3.0), direction=tuple(columns.ravel()))


def marked(geometry: Geometry, towards: str) -> np.ndarray:
    """A volume that grows towards an anatomical direction."""
    index = np.moveaxis(np.indices(geometry.shape), 0, -1)
    return geometry.ras_of_index(index) @ (np.array(AXES[towards]) * (-1, -1, 1))


def grows_along(stack: np.ndarray, axis: int) -> bool:
    return bool((np.diff(stack, axis=axis) > 0).all())


@pytest.mark.parametrize("axes", ["LPS", "RAS", "LAS", "RPI", "PLS", "ALI"])
def test_axial_slices_show_left_on_the_right_front_up_head_last(axes):
    geometry = geometry_of(axes)
    view = View.of(geometry)
    assert (view.plane, view.top, view.left) == ("axial", "A", "R")
    for towards, axis in (("S", 0), ("P", 1), ("L", 2)):
        assert grows_along(view.oriented(marked(geometry, towards)), axis)


@pytest.mark.parametrize("axes", ["LSP", "RSA", "LIA", "SLP"])
def test_coronal_slices_show_head_up_left_on_the_right(axes):
    geometry = geometry_of(axes)
    view = View.of(geometry)
    assert (view.plane, view.top, view.left) == ("coronal", "S", "R")
    for towards, axis in (("A", 0), ("I", 1), ("L", 2)):
        assert grows_along(view.oriented(marked(geometry, towards)), axis)


@pytest.mark.parametrize("axes", ["PSL", "AIR", "PIL"])
def test_sagittal_slices_show_head_up_front_on_the_left(axes):
    geometry = geometry_of(axes)
    view = View.of(geometry)
    assert (view.plane, view.top, view.left) == ("sagittal", "S", "A")
    for towards, axis in (("L", 0), ("I", 1), ("P", 2)):
        assert grows_along(view.oriented(marked(geometry, towards)), axis)


def test_oblique_slices_take_the_nearest_plane():
    tilt = np.deg2rad(25)
    direction = (1, 0, 0, 0, np.cos(tilt), -np.sin(tilt), 0, np.sin(tilt), np.cos(tilt))
    view = View.of(Geometry((4, 5, 6), direction=direction))
    assert (view.plane, view.top, view.left) == ("axial", "A", "R")


def test_aspect_is_the_height_of_a_voxel_over_its_width():
    assert View.of(geometry_of("LPS")).aspect == 2.0
    assert View.of(geometry_of("PLS")).aspect == 0.5


@given(st.integers(1, 40), st.integers(1, 8), st.data())
def test_chosen_slices_hold_the_mask_and_increase(slices, count, data):
    filled = data.draw(st.sets(st.integers(0, slices - 1), min_size=1))
    mask = np.zeros((slices, 3, 3), bool)
    mask[sorted(filled)] = True
    chosen = chosen_slices(mask, count)
    assert 1 <= len(chosen) <= count
    assert set(chosen) <= filled
    assert chosen == sorted(set(chosen))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.000312, 0.000121, "0.00031 ± 0.00012"),
        (1.2345, 0.05, "1.234 ± 0.050"),
        (123.4, 12.0, "123 ± 12"),
        (0.5, float("nan"), "0.500"),
        (float("nan"), 1.0, "-"),
        (-0.002, 0.004, "-0.0020 ± 0.0040"),
    ],
)
def test_values_carry_two_digits_of_their_error(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.001234, "0.00123"), (1234.5, "1234"), (1e-12, "1.00e-12"), (float("inf"), "-")]
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_small_rates_are_shown_per_thousand():
    scale = Scale.of("Ktrans", np.linspace(0, 0.002, 100))
    assert (scale.label, scale.factor) == ("Ktrans (10⁻³ /min)", 1000)
    assert Scale.of("Ktrans", np.linspace(0, 0.5, 100)).label == "Ktrans (/min)"


def test_colour_range_ends_above_the_98th_percentile_and_ignores_nan():
    scale = Scale.of("ve", np.append(np.linspace(0, 0.5, 1001), [np.nan, 1e6]))
    assert scale.low == 0
    assert 0.49 <= scale.high <= 0.5


@pytest.mark.parametrize("values", [[], [np.nan], [0, 0], [-1, -2]])
def test_colour_range_without_positive_values_is_the_parameters_own(values):
    assert Scale.of("ve", np.array(values, float)).high == 0.6


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> str:
    """A report of everything there can be, made from a folder with a patient's name."""
    study = small_study(noise=0.002)
    place = tmp_path_factory.mktemp("SMITH_JOHN_1948")
    source = place / "DOE_JANE" / "series.nii.gz"
    slices = place / "ROE RICHARD"
    for folder in (source.parent, slices):
        folder.mkdir()
    for file in (source, *(slices / f"{i}.dcm" for i in range(20))):
        file.write_bytes(b"x")
    series = replace(study.series, inputs=(str(source),))
    inputs = [*record_inputs("series", [source]), *record_inputs("flip angle 12 degrees", [slices])]
    blood = study.series.signal[:, 1, 10, 5]
    vif = replace(study.vif, blood_signal=blood, quality={"peak_mM": 4.7, "measured_plasma_mM": [1.0]})
    maps = quantify(series, vif, Settings("auto"), t10=1.2, mask=study.mask)
    maps = replace(maps, notices=(Notice("a", "Sampling is <coarse> & slow."),))
    t10 = np.full(study.mask.shape, 1.2, np.float32)
    frames = study.series.frames
    motion = Motion(
        np.zeros((frames, 3)), np.zeros((frames, 3)), np.linspace(0, 1.25, frames), 0, np.ones(frames, bool)
    )
    save_results(
        place / "out", maps, vif=vif, series=series, t10=t10, motion=motion,
        rois=analyse_regions(maps, study.labels, vif, t10=t10), timing_s={"fitting": 1.5}, inputs=inputs,
        command=shlex.join(["dcepk", "fit", str(source), "--vfa", f"{slices}:12", "-o", f"{place}/"]),
    )  # fmt: skip
    return (place / "out" / "report.html").read_text(encoding="utf-8")


def test_report_says_that_it_is_for_research_only(html):
    assert "Research use only: not a medical device." in html


def test_warnings_come_before_everything_else_and_are_escaped(html):
    warning = html.index("Sampling is &lt;coarse&gt; &amp; slow.")
    assert warning < html.index("What was done") < html.index("<img")


def test_report_tells_what_standard_errors_leave_out(html):
    section = html[html.index("What the standard error does not contain") :]
    for word in ("input function", "T1", "flip angle", "model"):
        assert word in section


def test_report_is_self_contained(html):
    sources = re.findall(r'(?:src|href)="([^"]{0,30})', html)
    assert sources
    assert all(s.startswith("data:image/png;base64,") for s in sources)
    assert "@import" not in html
    assert "http" not in html


def test_every_picture_is_a_png(html):
    pictures = re.findall(r"base64,([^\"]+)", html)
    assert len(pictures) == 2 + 1 + 1 + 1 + 1 + 1, "two maps, model, input function, curves, histograms, motion"
    assert all(b64decode(p).startswith(b"\x89PNG") for p in pictures)


def test_a_map_without_values_is_told_and_not_pictured(html):
    """Patlak is chosen everywhere in this study, so ve and kep have no value."""
    for name in ("ve", "kep"):
        assert re.search(rf"<h3>{name}</h3><p>0 of \d+ voxels have a value", html)


def test_protocol_shows_units_and_origins(html):
    assert re.search(r"repetition time TR</td><td>5 ms</td><td>read \(made up\)", html)
    assert re.search(r"contrast agent</td><td>not known", html)


def test_regions_are_named_with_their_fits(html):
    assert "slow tissue" in html
    assert "fit of the mean curve" in html
    assert "T10 (s)" in html


def test_no_folder_that_could_name_a_patient_is_shown(html):
    assert "series.nii.gz" in html
    assert "20 files" in html
    text = re.sub(r"base64,[^\"]+", "", html)
    for name in ("SMITH", "JANE", "DOE", "RICHARD", "ROE"):
        assert name not in text


def test_motion_is_told(html):
    assert "largest displacement 1.25 mm" in html


def test_curves_of_very_many_regions_stay_one_page():
    curve = RoiCurve(0, "region", 1, np.arange(3.0), *np.ones((3, 3)), {"Ktrans": 0.1}, {"Ktrans": 0.01}, "patlak")
    few = figures.region_curves([replace(curve, label=i, n=i) for i in range(figures.MOST_REGIONS)])
    many = figures.region_curves([replace(curve, label=i, n=i) for i in range(figures.MOST_REGIONS + 30)])
    assert png_size(many) == png_size(few)


def png_size(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


def test_report_without_anything_optional(tmp_path):
    study = small_study()
    maps = quantify(study.series, study.vif, Settings("patlak"), t10=1.2, mask=study.mask)
    save_results(tmp_path / "out", maps, vif=study.vif, series=study.series, t10=1.2)
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Read this first" not in html
    assert "<h2>Regions</h2>" not in html
    assert "1.2 s everywhere" in html


def test_maps_without_any_value_still_have_a_report(tmp_path):
    study = small_study()
    signal = study.series.signal.copy()
    signal[0] = np.nan
    maps = quantify(replace(study.series, signal=signal), study.vif, Settings(), t10=1.2, mask=study.mask)
    assert np.isnan(maps.values["Ktrans"]).all()
    save_results(tmp_path / "out", maps, vif=study.vif, series=replace(study.series, signal=signal), t10=1.2)
    assert "no usable signal before contrast" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
