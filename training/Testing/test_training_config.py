"""Configurations: what a file may say, and one sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

pytest.importorskip("torch")

import config  # noqa: E402
import train  # noqa: E402
from config import PRESETS, Loss, read_config  # noqa: E402
from losses import LOSSES, objective_of  # noqa: E402
from small_patches import small_config  # noqa: E402

from dcepk.errors import InputError  # noqa: E402

CONFIGS = sorted((Path(train.__file__).parent / "configs").glob("*.yaml"))
PATIENTS = {"source": "patients", "folder": "fits", "target": "patlak", "subjects": 9}


@pytest.fixture
def values() -> dict:
    """A good configuration, to be spoiled."""
    return yaml.safe_load(CONFIGS[0].read_text(encoding="utf-8"))


def written(folder: Path, values: object) -> Path:
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_committed_configuration_is_valid(path, preset):
    read = read_config(path, preset)
    assert read.name == path.stem
    assert read.preset == preset
    assert read.loss.name in LOSSES
    assert read.network.arguments["outputs"] == len(read.outputs)
    objective_of(read, [0.0, 1.0])


def test_the_paper_s_schedule_is_that_of_the_files():
    for path in CONFIGS:
        if path.stem.startswith("dual-path"):
            read = read_config(path, "full")
            schedule = read.schedule
            assert (schedule.batch, schedule.epochs, schedule.patience) == (1000, 200, 15)
            assert (schedule.learning_rate, schedule.decay) == (1e-3, 1e-4)
            assert (read.data.patch, read.data.stride, read.data.validation_share) == (24, 6, 0.2)


def test_presets_change_what_they_name_and_nothing_else():
    smoke, cpu = (read_config(CONFIGS[0], preset) for preset in ("smoke", "cpu"))
    assert smoke.schedule.epochs < cpu.schedule.epochs
    assert smoke.schedule.learning_rate == cpu.schedule.learning_rate
    assert smoke.network == cpu.network


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("colour",), "red", "unknown key 'colour'"),
        (("schedule", "learning_rat"), 1.0, "schedule has the unknown key 'learning_rat'"),
        (("schedule", "learning_rate"), "fast", "learning_rate must be a number, not 'fast'"),
        (("schedule", "learning_rate"), -1.0, "learning_rate must be above 0"),
        (("presets", "cpu", "schedule", "batch"), 10**9, "must hold a batch"),
        (("presets", "cpu", "schedule", "decay"), -1.0, "decay must not be below 0"),
        (("seed",), True, "seed must be a whole number, not True"),
        (("seed",), -1, "seed must not be below 0"),
        (("name",), "My network", "small letters"),
        (("outputs",), [], "at least one output"),
        (("outputs",), [{"name": "vp", "unit": "", "scale": 1.0}] * 2, "hold vp more than once"),
        (("data", "stride"), 30, r"stride must not be above patch \(24\), as 30 is"),
        (("outputs",), [{"name": "Ktrans", "unit": "/s", "scale": 1.0}], "unit of Ktrans"),
        (("data", "source"), "web", "source must be one of simulator, patients, not 'web'"),
        (("data", "source"), "patients", "need the folder"),
        (
            ("data",),
            PATIENTS | {"snr": [5, 20], "lesion_share": 0.5},
            "'patients' do not take lesion_share, snr: leave",
        ),
        (("presets", "cpu", "data"), {"folder": "fits"}, "'simulator' do not take folder: leave out"),
        (("data", "protocol"), "", "need a protocol"),
        (("data", "snr"), [10], "list of 2 values"),
        (("data", "validation_share"), 1.0, "between 0 and 1"),
        (("data", "subjects"), 1, "subjects must be above 1"),
        (("target_limits",), {"ve": [0, 1]}, "target_limits must be one of"),
        (("network",), "dual-path", "network must be a table"),
        (("presets",), {"cpu": {}}, "presets must be smoke, cpu, full"),
        (("presets", "cpu", "compute"), {"device": "tpu"}, "device must be one of auto, cpu, cuda, mps"),
        (("presets", "cpu", "compute"), {"precision": "int8"}, "precision must be one of"),
        (("presets", "cpu", "data"), 3, "presets: cpu: data must be a table"),
    ],
)
def test_mistakes_are_one_sentence(values, tmp_path, place, value, words):
    inner = values
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(InputError, match=words):
        read_config(written(tmp_path, values), "cpu")


@pytest.mark.parametrize("preset", PRESETS)
def test_the_readme_s_recipe_for_patients_makes_a_configuration(tmp_path, preset):
    readme = (Path(train.__file__).parent / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Your own patients")[1].split("\n## ")[0]
    changes = yaml.load(section.split("```yaml")[1].split("```")[0], config._Loader)
    stroke = yaml.load((CONFIGS[0].parent / "dual-path-patlak-stroke.yaml").read_text(encoding="utf-8"), config._Loader)
    del stroke["presets"]["smoke"]["data"]["grid"]
    read = read_config(written(tmp_path, {**stroke, **changes}), preset)
    assert read.data.source == "patients"
    assert read.target_limits["Ktrans"][1] > 0.1
    assert read.input.limits[1] > 2.5


def test_unknown_loss_or_argument_is_refused():
    with pytest.raises(InputError, match="Unknown loss 'l1'; known are tracer-kinetic"):
        objective_of(small_config(loss=Loss("l1", {})), [0.0, 1.0])
    with pytest.raises(InputError, match="unknown key 'weight'"):
        objective_of(small_config(loss=Loss("tracer-kinetic", {"model": "patlak", "weight": 1})), [0.0, 1.0])
    with pytest.raises(InputError, match="needs the output kep"):
        objective_of(small_config(loss=Loss("tracer-kinetic", {"model": "etofts"})), [0.0, 1.0])


def test_the_command_tells_a_mistake_in_a_sentence_and_exits_with_2(values, tmp_path, capsys):
    values["schedule"]["epoch"] = 3
    assert train.main(["--config", str(written(tmp_path, values)), "--runs", str(tmp_path / "runs")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("train: x.yaml: schedule has the unknown key 'epoch'; known are")
    assert told.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    assert train.main(["--config", "dual-path-patlak-stroke"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("train: There is no file dual-path-patlak-stroke: name a configuration, of which ")
    assert "has dual-path-etofts-stroke.yaml, " in told
    assert told.count("\n") == 1
    (tmp_path / "y.yaml").write_text("- 1\n")
    assert train.main(["--config", str(tmp_path / "y.yaml")]) == 2
    (tmp_path / "y.yaml").write_text("a: [")
    assert train.main(["--config", str(tmp_path / "y.yaml")]) == 2


def test_numbers_with_an_exponent_are_numbers(values, tmp_path):
    text = yaml.safe_dump(values).replace("learning_rate: 0.001", "learning_rate: 1e-3")
    if "1e-3" not in text:
        values["schedule"]["learning_rate"] = "PLACE"
        text = yaml.safe_dump(values).replace("PLACE", "1e-3")
    (tmp_path / "x.yaml").write_text(text)
    assert read_config(tmp_path / "x.yaml", "cpu").schedule.learning_rate == 1e-3
