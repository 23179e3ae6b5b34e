"""The evaluation from its command to its figures, and what each row must be."""

import csv
import json
import re

import evaluate
import numpy as np
import pytest
from evaluation.card_metrics import card_metrics
from evaluation.figures import Figures
from evaluation.rows import (
    BLIND,
    FIT,
    NETWORK,
    SMOOTHED,
    TILED,
    Row,
    class_means_row,
    sampled_voxels,
    smoothed,
    smoothed_row,
    zero_row,
)
from evaluation.smoothing import WIDTHS_MM, best_width
from evaluation.study import TRUTH, Record, Study
from evaluation.tables import tables_of, write_records
from evaluation.verdict import AS_WELL, BETTER_THAN_SMOOTHING, UNTESTED, WORSE
from metrics import errors
from simulate import make_subject, targets_of
from small_network import card_of, protocol_of, write_network

from dcepk.errors import InputError
from dcepk.phantom.tissues import label_of


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("bodies")


@pytest.fixture(scope="module")
def subject(cache):
    return make_subject("stroke", 3, snr=40, grid="small", cache=cache)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, cache):
    place = tmp_path_factory.mktemp("evaluation")
    target, times = place / "smoke", np.arange(21) * 73.0
    write_network(place, card_of(times, protocol=protocol_of(times, 1), stride=24))
    arguments = ["--cohort", "stroke", "--size", "smoke", "-o", str(target), "--cache", str(cache)]
    assert evaluate.main([*arguments, "--network", str(place / "small.json")]) == 0
    return target


def figures_of(folder):
    with open(folder / "figures.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_command_writes_tables_pictures_and_how_they_were_made(folder):
    about = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert about["size"] == "smoke"
    assert about["subjects"] == 2
    assert re.fullmatch("[0-9a-f]{64}", about["cohort_sha256"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 6
    assert "not a medical device" in page
    summary = (folder / "summary.md").read_text(encoding="utf-8")
    for title in ("Similarity of the maps", "Concentration curves", "Errors of Ktrans", "Errors of vp", "Time"):
        assert title in summary
        assert title in page
    assert {p.stem for p in folder.glob("*.csv")} >= {
        "similarity-brain-snr20",
        "wilcoxon-snr20",
        "agreement-truth-snr20",
    }


def test_every_row_has_its_figures(folder):
    figures = figures_of(folder)
    rows = {f["row"] for f in figures}
    fits = {"patlak", "etofts", "etofts-lbfgs", "patlak-smoothed", "etofts-smoothed"}
    assert rows >= {*fits, "class-means", "zero", "small", "small-sparse", "small-slices"}
    for row in rows:
        metrics = {f["metric"] for f in figures if f["row"] == row}
        wanted = {"mean", "bias", "rmse", "seconds"}
        if row != "etofts-lbfgs":
            wanted |= {"auroc", "ssim", "nrmse", "curve_ssim", "curve_nrmse"}
        assert metrics == wanted, row
    assert {f["against"] for f in figures if f["row"] == "small"} >= {"truth", "patlak", "etofts"}
    assert {f["against"] for f in figures if f["row"] == "small-slices"} >= {"truth", "small"}
    lesions = [f for f in figures if f["where"] == "lesions below 5 mm" and f["row"] == "patlak"]
    assert lesions
    assert all(int(f["n"]) >= 1 for f in lesions)


def test_metrics_on_which_nothing_scores_well_are_worth_something(folder):
    def mean(row, metric, parameter, against="truth"):
        values = [
            float(f["value"]) for f in figures_of(folder)
            if (f["row"], f["metric"], f["parameter"], f["against"]) == (row, metric, parameter, against)
        ]  # fmt: skip
        return np.nanmean(values)

    assert mean("zero", "ssim", "Ktrans") < mean("patlak", "ssim", "Ktrans") < mean("patlak-smoothed", "ssim", "Ktrans")
    assert mean("zero", "auroc", "Ktrans", "") == 0.5
    assert mean("patlak-smoothed", "auroc", "Ktrans", "") > mean("patlak", "auroc", "Ktrans", "") > 0.6
    assert mean("patlak-smoothed", "rmse", "Ktrans") < 0.6 * mean("patlak", "rmse", "Ktrans")


def test_wrong_noise_level_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--cohort", "stroke", "--snr", "25", "-o", str(tmp_path / "out")])
    assert "10, 20, 40, 60, not 25" in capsys.readouterr().err


def test_earlier_results_are_not_overwritten(folder, capsys):
    assert evaluate.main(["--cohort", "stroke", "--size", "smoke", "-o", str(folder)]) == 2
    assert str(folder.name) in capsys.readouterr().err


def test_missing_network_card_is_told_in_one_line(tmp_path, cache, capsys):
    arguments = ["--cohort", "stroke", "--size", "smoke", "-o", str(tmp_path / "out"), "--cache", str(cache)]
    assert evaluate.main([*arguments, "--network", str(tmp_path / "nothing.json")]) == 2
    assert "nothing.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_class_means_know_tissues_and_no_subject(subject, cache):
    other = make_subject("stroke", 4, snr=40, grid="small", cache=cache)
    maps = class_means_row([other]).maps(subject)
    white = subject.labels == label_of("white matter")
    assert len(np.unique(maps["Ktrans"][white])) == 1
    expected = other.truth["Ktrans"][other.tissue("white matter")].mean()
    assert maps["Ktrans"][white][0] == pytest.approx(expected, rel=1e-5)


def test_smoothing_lowers_noise_and_keeps_flat_regions(subject):
    mild, strong = (smoothed(subject, width) for width in (1.5, 4.0))
    white = subject.tissue("white matter", 1.0)
    noise = [np.diff(r.series.signal[8:, white], axis=0).std() for r in (subject.reading, mild, strong)]
    assert noise[0] > noise[1] > noise[2]
    for reading in (mild, strong):
        level = reading.series.signal[:, white].mean() / subject.series.signal[:, white].mean()
        assert level == pytest.approx(1, abs=0.05)
        assert np.all(np.isfinite(reading.t10_s[subject.brain]))
    narrow = smoothed(subject, 1e-3)
    np.testing.assert_allclose(narrow.series.signal, subject.series.signal, rtol=1e-5)
    inside = subject.brain & np.isfinite(subject.t10_s) & (subject.t10_s > 0)
    np.testing.assert_allclose(narrow.t10_s[inside], subject.t10_s[inside], rtol=1e-4)


def test_chosen_width_comes_nearest_to_the_truth(cache):
    noisy = make_subject("stroke", 5, snr=10, grid="small", cache=cache)

    def error(width):
        ktrans = smoothed(noisy, width).fit("patlak", noisy.brain).values["Ktrans"]
        wanted = ("white matter", "cortex", "deep grey matter", "white matter hyperintensity", "recent stroke lesion")
        places = [noisy.tissue(name) for name in (*wanted, "lacune") if noisy.tissue(name).sum() >= 20]
        return np.mean([np.log(errors(ktrans, noisy.truth["Ktrans"], place).rmse) for place in places])

    chosen = best_width([noisy], ("patlak",))["patlak"]
    assert chosen in WIDTHS_MM
    assert error(chosen) <= min(error(WIDTHS_MM[0]), error(WIDTHS_MM[-1])) + 1e-9
    assert chosen > WIDTHS_MM[0]


def test_slow_fits_see_the_same_voxels_of_every_tissue(subject):
    chosen = sampled_voxels(subject, 150)
    np.testing.assert_array_equal(chosen, sampled_voxels(subject, 150))
    assert 0 < (chosen & subject.tissue("cortex")).sum() <= 150
    assert chosen.sum() < 1500


def test_true_maps_have_no_error_and_zero_has_its_own(subject):
    study = Study(subject, {"patlak": targets_of(subject, "patlak")})
    perfect = zero_row()
    found = {(r.metric, r.parameter, r.against, r.where): r.value for r in study.records(perfect, subject.truth, 1.0)}
    assert found["rmse", "Ktrans", TRUTH, "white matter"] == 0
    assert found["ssim", "Ktrans", TRUTH, "brain"] == pytest.approx(1)
    zeros = zero_row().maps(subject)
    found = {(r.metric, r.parameter, r.against, r.where): r.value for r in study.records(perfect, zeros, 1.0)}
    true = subject.truth["Ktrans"][subject.tissue("white matter")].mean()
    assert found["bias", "Ktrans", TRUTH, "white matter"] == pytest.approx(-true, rel=1e-5)


def test_fit_of_the_engine_describes_its_own_curves_best(subject):
    study = Study(subject, {})
    rows = {name: targets_of(subject, name) for name in ("patlak", "etofts")}
    rows["zero"] = zero_row().maps(subject)
    rows["smoothed"] = smoothed_row("patlak", "Patlak", 3.0).maps(subject)
    error = {
        name: next(r.value for r in study.records(zero_row(), maps, 0.0) if r.metric == "curve_nrmse")
        for name, maps in rows.items()
    }
    assert error["patlak"] < error["smoothed"] < error["zero"]


def record(row, seed, where, metric, value, parameter="Ktrans", against=TRUTH):
    return Record(row, seed, 20.0, metric, parameter, against, where, 10, value)


def test_tables_summarise_as_they_say():
    """Two tissues of eight subjects whose figures are known."""
    records = []
    for seed in range(8):
        for where, true in (("deep grey matter", 1e-3), ("white matter hyperintensity", 5e-4)):
            mean = true + 1e-4 + 1e-6 * seed
            records += [record("mine", seed, where, m, v) for m, v in (("mean", mean), ("bias", mean - true))]
            records.append(record("mine", seed, where, "rmse", 3e-4 if seed % 2 else 4e-4))
    mine = Row("mine", "Mine", FIT, lambda subject: {})
    tables = {t.title: t for t in tables_of(Figures(records, [mine]), "stroke", 20.0)}
    table = tables["Errors of Ktrans"]
    assert table.columns == ("map", "deep grey matter", "white matter hyperintensity")
    assert table.rows[0] == ("truth (mean)", "1.00", "0.50")
    assert table.rows[1] == ("Mine", "0.35 (+0.10)", "0.35 (+0.10)")
    differences = tables["Differences between tissues"]
    assert differences.rows[1][1] == "0.008"  # 2 / 2^8, all eight differ one way
    agreement = tables["Agreement of tissue means with the truth"]
    assert agreement.columns == ("map", "deep grey matter", "white matter hyperintensity")
    assert agreement.rows[0][1] == "0.10 (0.10 to 0.11); 0.00"  # the truth is the same in all subjects
    assert "| Mine |" in table.to_markdown()
    assert "<td>Mine</td>" in table.to_html()


def test_networks_are_judged_beside_the_best_fit_and_the_best_smoothed_fit():
    kinds = {"patlak": FIT, "etofts": FIT, "soft": SMOOTHED, "softer": SMOOTHED, "net": NETWORK, "net-slices": TILED}
    rows = [Row(n, n, kind, lambda subject: {}, dense="net" if kind == TILED else "") for n, kind in kinds.items()]
    rows.append(Row("class-means", "class means", BLIND, lambda subject: {}))
    figures = {
        "white matter": (2.0, 4.0, 0.6, 0.5, 0.4, 0.45, 0.2),  # better than all
        "deep grey matter": (1.0, 4.0, 0.9, 0.9, 0.8, 0.9, 0.4),  # better than smoothing, but not by 30 % than Patlak
        "recent stroke lesion": (2.0, 2.0, 0.9, 0.5, 0.6, 0.6, 0.4),  # smoothing is better
    }
    records = [
        record(row.name, seed, place, "rmse", 1e-3 * value * (1 + 0.01 * seed))
        for place, values in figures.items() for row, value in zip(rows, values) for seed in range(8)
    ]  # fmt: skip
    separations = (0.80, 0.85, 0.90, 0.95, 0.97, 0.95)
    records += [
        record(row.name, seed, "lesion", "auroc", v - 0.01 * seed, against="")
        for row, v in zip(rows, separations) for seed in range(8)
    ]  # fmt: skip
    difference = (("rmse", 3e-4), ("bias", 0.0))
    records += [record("net-slices", 0, "white matter", m, v, against="net") for m, v in difference]
    tables = {t.title: t for t in tables_of(Figures(records, rows), "stroke", 20.0)}
    rows = tables["Networks, fits and smoothing"].rows
    assert rows == [
        ("net", "white matter", "0.41", "-80%", "-20%", "p 0.0039", "+100%", "better"),
        ("net", "deep grey matter", "0.83", "-20%", "-11%", "p 0.0039", "+100%", BETTER_THAN_SMOOTHING),
        ("net", "recent stroke lesion", "0.62", "-70%", "+20%", "p 0.0039", "+50%", WORSE),
        ("net", "lesion, AUROC", "0.935", "0.815", "0.915", "p 0.0039", "-", "better"),
    ]
    changed = tables["Sparse patches and whole slices against dense ones"]
    assert (changed.columns, changed.rows) == (("map", "white matter"), [("net-slices", "0.30 (+0.00)")])


@pytest.mark.parametrize(
    ("soft", "net", "words"),
    [
        ((0.5,) * 8, (0.1, *(0.51,) * 7), AS_WELL),  # one subject makes the difference
        ((5.0, *(0.50,) * 14), (1.1, *(0.51,) * 14), AS_WELL),  # lower in the mean, and higher in 14 of 15
        ((0.5,) * 8, (0.6, 0.7, 0.8, 0.6, 0.9, 0.7, 0.8, 0.6), WORSE),
        ((0.5,) * 3, (0.1,) * 3, UNTESTED),
    ],
)
def test_a_verdict_needs_subjects_that_agree(soft, net, words):
    rows = [Row(n, n, k, lambda subject: {}) for n, k in (("fit", FIT), ("soft", SMOOTHED), ("net", NETWORK))]
    values = {"fit": (3.0,) * len(net), "soft": soft, "net": net}
    records = [
        record(name, seed, "white matter", "rmse", 1e-3 * v)
        for name, found in values.items() for seed, v in enumerate(found)
    ]  # fmt: skip
    table = next(t for t in tables_of(Figures(records, rows), "stroke", 20.0) if t.title.startswith("Networks"))
    (row,) = table.rows
    assert row[-1] == words
    assert (row[5] == "-") == (words == UNTESTED)


def test_likeness_is_compared_with_maps_that_know_nothing():
    kinds = {"soft": SMOOTHED, "zero": BLIND, "net": NETWORK, "worse": NETWORK}
    rows = [Row(n, n, kind, lambda subject: {}, target="patlak") for n, kind in kinds.items()]
    ssim = {"soft": 0.5, "zero": 0.6, "net": 0.7, "worse": 0.55}
    records = [
        record(name, seed, "brain", metric, v if metric == "ssim" else 1 - v, parameter, "patlak")
        for name, v in ssim.items() for seed in (0, 1) for parameter in ("Ktrans", "vp") for metric in ("ssim", "nrmse")
    ]  # fmt: skip
    table = next(t for t in tables_of(Figures(records, rows), "stroke", 20.0) if t.title.startswith("Likeness"))
    assert table.rows[0] == ("net", "patlak", "Ktrans", "0.700 / 30.0", "0.600 / 40.0", "yes", "-")
    assert [row[5] for row in table.rows] == ["yes", "yes", "no", "no"]


def test_an_evaluation_of_other_subjects_than_the_frozen_ones_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "changes", lambda cohort, seeds, cache: ["the recipe has changed"])
    assert evaluate.main(["--cohort", "stroke", "--size", "smoke", "-o", str(tmp_path / "out")]) == 2
    assert "do not give the frozen cohort: the recipe has changed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_cards_of_one_name_are_refused(tmp_path, capsys):
    times = np.arange(21) * 73.0
    cards = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_network(tmp_path / folder, card_of(times, protocol=protocol_of(times, 1), stride=24))
        cards.append(str(tmp_path / folder / "small.json"))
    arguments = ["--cohort", "stroke", "--size", "smoke", "-o", str(tmp_path / "out"), "--network", *cards]
    assert evaluate.main(arguments) == 2
    assert "have the name small" in capsys.readouterr().err


def test_card_tells_what_an_evaluation_of_its_very_weights_found(tmp_path):
    about = {"size": "full", "cohort": "stroke", "networks": {"net": "abc"}}
    (tmp_path / "evaluation.json").write_text(json.dumps(about), encoding="utf-8")
    records = [record("net", seed, "white matter", "rmse", v) for seed, v in enumerate((3e-4, 4e-4))]
    records += [record("net", 0, "lesion", "auroc", 0.9, against=""), record("other", 0, "white matter", "rmse", 1.0)]
    write_records(tmp_path / "figures.csv", records)
    assert card_metrics(tmp_path, "net", "abc") == {
        "cohort stroke at SNR 20: RMSE of Ktrans, white matter, 1e-3 /min": pytest.approx(0.3536),
        "cohort stroke at SNR 20: AUROC of Ktrans, lesions": 0.9,
    }
    with pytest.raises(InputError, match="no evaluation of these weights of net"):
        card_metrics(tmp_path, "net", "abcd")
    (tmp_path / "evaluation.json").write_text(json.dumps({**about, "size": "smoke"}), encoding="utf-8")
    with pytest.raises(InputError, match="a part of the cohort"):
        card_metrics(tmp_path, "net", "abc")
    with pytest.raises(InputError, match="holds no evaluation"):
        card_metrics(tmp_path / "nothing", "net", "abc")
