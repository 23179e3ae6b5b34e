"""Native T1 of blood, which turns a vessel's signal into concentration: typed, or assumed by the field."""

from __future__ import annotations

from dcepk.acquisition import Acquisition, Origin, Source
from dcepk.errors import InputError, MissingFact
from dcepk.notices import Notice

_T1_BLOOD_1P5T_S, _T1_BLOOD_3T_S = 1.441, 1.65
_SOURCE_1P5T = "Stanisz et al., Magn Reson Med 2005;54:507-512"
_SOURCE_3T = "Lu et al., Magn Reson Med 2004;52:679-682, 1/(0.52 Hct + 0.38) at a haematocrit of 0.43"


def default_t1_blood_s(field_strength_t: float) -> float:
    """T1 of blood at the measured field nearest to ``field_strength_t``, s.

    Raises
    ------
    InputError
        When the field is outside 1 to 4 T, where neither measured value applies.
    """
    if not 1.0 <= field_strength_t <= 4.0:
        raise InputError(f"No T1 of blood is known at {field_strength_t:g} T (only 1.5 and 3 T): give it (--t1-blood).")
    return _T1_BLOOD_1P5T_S if field_strength_t < 2.25 else _T1_BLOOD_3T_S


def t1_of_blood(acquisition: Acquisition, typed_s: float | None) -> tuple[float, Source, list[Notice]]:
    """T1 of blood to use, where it comes from, and a notice when it was assumed.

    Parameters
    ----------
    acquisition : Acquisition
        Gives the field strength.
    typed_s : float or None
        The user's value, s.

    Raises
    ------
    InputError
        When the typed value is implausible (ms given as s), or no default is known at the field.
    MissingFact
        When there is neither a typed value nor a field strength.
    """
    if typed_s is not None:
        if not 0.2 <= typed_s <= 5.0:
            raise InputError(
                f"The T1 of blood of {typed_s:g} s is implausible (expected 0.2 to 5 s; it takes s) (--t1-blood)."
            )
        return float(typed_s), Source(Origin.TYPED, "--t1-blood"), []
    if acquisition.field_strength_t is None:
        raise MissingFact("The T1 of blood is not known: give it (--t1-blood), or the field strength (--field).")
    value = default_t1_blood_s(acquisition.field_strength_t)
    source = Source(Origin.ASSUMED, _SOURCE_1P5T if value == _T1_BLOOD_1P5T_S else _SOURCE_3T)
    message = f"The T1 of blood was assumed: {value:g} s at {acquisition.field_strength_t:g} T ({source.detail})."
    return value, source, [Notice("assumed-t1-blood", message)]
