"""The BIDS json beside a NIfTI file: protocol facts and frame times, and the few numbers BIDS has no key for.

Keys are those of the BIDS specification (times in s, angles in degrees). ``RepetitionTime`` means the time
between volumes for some series and the excitation interval for others; it counts as TR only below 0.5 s.
Numbers without a BIDS key stand under ``"dcepk"``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dcepk.acquisition import FACTS, Acquisition, Origin, Source
from dcepk.errors import InputError
from dcepk.notices import Notice
from dcepk.reading.frame_times import centres_from_starts, seconds_of_day
from dcepk.reading.header_facts import HeaderFact, acquisition_from, facts_from, number_or_none

_NO_TIMES = Source(Origin.READ, "no frame times in the files")
_OWN_KEYS = ("relaxivity_per_s_mM", "hematocrit", "baseline_frames")


@dataclass(frozen=True)
class Sidecar:
    """What a BIDS json says.

    Attributes
    ----------
    acquisition : Acquisition
        Protocol facts.
    times_s : ndarray, shape (T,), or None
        Frame centres, s, the first at 0.
    times_source : Source
        The key that the times came from.
    frame_duration_s : float or None
        Duration of every frame.
    acquired_s : float or None
        ``AcquisitionTime``, s of the day.
    notices : tuple of Notice
        What was left out.
    """

    acquisition: Acquisition = Acquisition()
    times_s: np.ndarray | None = None
    times_source: Source = _NO_TIMES
    frame_duration_s: float | None = None
    acquired_s: float | None = None
    notices: tuple[Notice, ...] = ()


def sidecar_of(image: Path) -> Path:
    """Where the json of an image is expected: the same name with ``.json``."""
    name = image.name
    for ending in (".nii.gz", ".seq.nrrd"):
        if name.lower().endswith(ending):
            return image.with_name(name[: -len(ending)] + ".json")
    return image.with_suffix(".json")


def read_sidecar(image: Path) -> Sidecar:
    """The json beside an image; an empty one when there is none.

    Raises
    ------
    InputError
        When the json cannot be parsed, or its frame times are not usable.
    """
    path = sidecar_of(image)
    if not path.exists():
        return Sidecar()
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(f"'{path.name}' is not a readable json file ({error}).") from error
    if not isinstance(content, dict):
        raise InputError(f"'{path.name}' is not a BIDS json: it holds no keys.")
    acquisition, notices = acquisition_from(_facts(content))
    times, key, duration = _times(content, path.name)
    return Sidecar(
        acquisition,
        times,
        Source(Origin.READ, f"BIDS {key}") if key else _NO_TIMES,
        duration,
        seconds_of_day(content.get("AcquisitionTime", "")),
        notices + _interval_notice(content),
    )


def _facts(content: dict[str, Any]) -> tuple[HeaderFact, ...]:
    repetition = number_or_none(content.get("RepetitionTime"))
    highest = FACTS["repetition_time_s"].high
    # Between the highest TR and a second's worth of milliseconds lies the time between volumes; see the
    # notice.
    is_interval = repetition is not None and repetition >= highest
    own = content.get("dcepk")
    own = own if isinstance(own, dict) else {}
    agent = content.get("ContrastBolusIngredient"), content.get("ContrastBolusAgent")
    named = [
        HeaderFact("agent", str(v), "BIDS ContrastBolusIngredient or ContrastBolusAgent") for v in agent if v
    ]
    known = [f for f in named if acquisition_from([f])[0].agent]
    return (
        *facts_from(
            (
                "repetition_time_s",
                content.get("RepetitionTimeExcitation"),
                1.0,
                "BIDS RepetitionTimeExcitation",
            ),
            ("repetition_time_s", None if is_interval else repetition, 1.0, "BIDS RepetitionTime"),
            ("echo_time_s", content.get("EchoTime"), 1.0, "BIDS EchoTime"),
            ("flip_angle_deg", content.get("FlipAngle"), 1.0, "BIDS FlipAngle"),
            ("field_strength_t", content.get("MagneticFieldStrength"), 1.0, "BIDS MagneticFieldStrength"),
            *((key, own.get(key), 1.0, f"dcepk.{key} in the json") for key in _OWN_KEYS),
        ),
        *(known or named)[:1],
    )


def _interval_notice(content: dict[str, Any]) -> tuple[Notice, ...]:
    repetition = number_or_none(content.get("RepetitionTime"))
    if (
        repetition is None
        or repetition < FACTS["repetition_time_s"].high
        or content.get("RepetitionTimeExcitation")
    ):
        return ()
    text = (
        f"BIDS RepetitionTime is {repetition:g} s, which is no TR of a DCE sequence: if it is the time "
        "between frames give it as such (--dt), if it is in ms give it as TR (--tr)."
    )
    return (Notice("implausible-header-value", text),)


def _times(content: dict[str, Any], name: str) -> tuple[np.ndarray | None, str, float | None]:
    key = next((k for k in ("FrameTimesStart", "VolumeTiming") if content.get(k)), "")
    if not key:
        return None, "", None
    starts = _numbers(content[key], key, name)
    duration_key = next(
        (k for k in ("FrameDuration", "AcquisitionDuration") if content.get(k) is not None), None
    )
    durations = None
    if duration_key:
        durations = _numbers(content[duration_key], duration_key, name)
        if durations.size not in (1, starts.size):
            raise InputError(
                f"'{name}' has {durations.size} values of {duration_key} for {starts.size} of {key}."
            )
        durations = np.broadcast_to(durations, starts.shape)
    times, duration = centres_from_starts(starts, durations)
    return times, f"{key} + {duration_key}" if duration_key else key, duration


def _numbers(value: object, key: str, name: str) -> np.ndarray:
    try:
        return np.atleast_1d(np.asarray(value, float))
    except (TypeError, ValueError) as error:
        raise InputError(f"{key} in '{name}' is not a list of numbers.") from error
