"""The method table: every way to turn a series into maps, in one place.

Menus, the command's choices, the tests and ``docs/methods.md`` are made from this table. Adding a method is adding
a row here and a file under ``fitting/`` or ``networks/``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dcepk.errors import InputError
from dcepk.fitting import AutoModel, EToftsLbfgsModel, EToftsModel, PatlakModel, ToftsModel, TracerModel
from dcepk.kinetics import PlasmaCurve
from dcepk.maps import KEP, KTRANS, VE, VP, Parameter
from dcepk.networks.card import SUFFIX as CARD_SUFFIX
from dcepk.networks.card import NetworkCard, read_card, shipped_cards, unreadable_cards
from dcepk.settings import Settings

FIT, NETWORK = "fit", "network"

ModelBuilder = Callable[[PlasmaCurve, int, Settings], TracerModel]
"""``(plasma curve, number of baseline frames, settings) -> model``."""


@dataclass(frozen=True)
class Method:
    """One row of the method table.

    Attributes
    ----------
    name : str
        What the command and settings call it; of a network from a card file, the absolute path of the card.
    label : str
        What menus show.
    kind : {"fit", "network"}
        Fitted to the concentration, or inferred by a trained network.
    summary : str
        One line of explanation.
    parameters : tuple of Parameter
        The maps it makes.
    needs : frozenset of str
        Inputs it cannot do without: "vif", "t10".
    options : tuple of str
        The fields of `Settings` that it uses.
    reference : str
        Where it was published.
    model : callable or None
        Makes the tracer model of a fit. Of a network, the model that its parameters belong to, which predicts its
        curves; None where there is none.
    card : NetworkCard or None
        Of a network.
    """

    name: str
    label: str
    kind: str
    summary: str
    parameters: tuple[Parameter, ...]
    needs: frozenset[str]
    options: tuple[str, ...]
    reference: str
    model: ModelBuilder | None = None
    card: NetworkCard | None = None


_FIT_NEEDS = frozenset({"vif", "t10"})
_SIGNAL = ("signal_form", "r2star_per_s_mM", "fit_offset")
_DELAY = ("fit_delay", "delay_range_s")


def _delay(settings: Settings) -> tuple[float, float] | None:
    return settings.delay_range_s if settings.fit_delay else None


def _patlak(plasma: PlasmaCurve, baseline: int, settings: Settings) -> TracerModel:
    return PatlakModel(
        plasma.times_s, plasma, baseline_frames=baseline, fit_offset=settings.fit_offset,
        delay_range_s=_delay(settings),
    )  # fmt: skip


def _tofts(plasma: PlasmaCurve, baseline: int, settings: Settings) -> TracerModel:
    return ToftsModel(
        plasma.times_s, plasma, baseline_frames=baseline, fit_offset=settings.fit_offset,
        delay_range_s=_delay(settings), kep_max_per_min=settings.kep_max_per_min, compiled=settings.compiled,
    )  # fmt: skip


def _etofts(plasma: PlasmaCurve, baseline: int, settings: Settings) -> TracerModel:
    return EToftsModel(
        plasma.times_s, plasma, baseline_frames=baseline, fit_offset=settings.fit_offset,
        delay_range_s=_delay(settings), kep_max_per_min=settings.kep_max_per_min, compiled=settings.compiled,
    )  # fmt: skip


def _etofts_lbfgs(plasma: PlasmaCurve, baseline: int, settings: Settings) -> TracerModel:
    return EToftsLbfgsModel(
        plasma.times_s, plasma, baseline_frames=baseline, fit_offset=settings.fit_offset,
        kep_max_per_min=settings.kep_max_per_min, max_iterations=settings.max_iterations,
    )  # fmt: skip


def _auto(plasma: PlasmaCurve, baseline: int, settings: Settings) -> TracerModel:
    return AutoModel([_patlak(plasma, baseline, settings), _etofts(plasma, baseline, settings)])


_NETWORK_OPTIONS = ("tiling", "device", "signal_form", "r2star_per_s_mM")
_MODEL_OF_MAPS = {frozenset({"Ktrans", "vp"}): _patlak, frozenset({"Ktrans", "vp", "kep"}): _etofts}


def _network(card: NetworkCard, name: str, taken: Iterable[Method]) -> Method:
    """The row of a network: it needs neither an input function nor T1. Refused when another row has its name."""
    if card.name in {method.name for method in taken}:
        raise InputError(f"The network '{card.label}' is called '{card.name}', as another method is: rename its card.")
    model = _MODEL_OF_MAPS.get(frozenset(o.name for o in card.outputs))
    return Method(
        name, card.label, NETWORK, card.summary, card.parameters, frozenset(), _NETWORK_OPTIONS, card.reference,
        model, card,
    )  # fmt: skip


def _with_networks(fits: tuple[Method, ...]) -> tuple[tuple[Method, ...], tuple[str, ...]]:
    """The fits and the networks that come with the package; and why networks were skipped, a sentence each."""
    methods, skipped = fits, unreadable_cards()
    for card in shipped_cards():
        try:
            methods = (*methods, _network(card, card.name, methods))
        except InputError as error:
            skipped = (*skipped, str(error))
    return methods, skipped


_FITS: tuple[Method, ...] = (
    Method(
        "patlak", "Patlak", FIT,
        "Uptake without return, closed form: the choice for the slowly leaking brain (Ktrans below about 0.003 /min).",
        (KTRANS, VP), _FIT_NEEDS, (*_SIGNAL, *_DELAY),
        "Patlak, Blasberg and Fenstermacher, J Cereb Blood Flow Metab 1983;3:1-7", _patlak,
    ),
    Method(
        "tofts", "Tofts", FIT,
        "Uptake and return without a plasma term, global least squares.",
        (KTRANS, VE, KEP), _FIT_NEEDS, (*_SIGNAL, *_DELAY, "kep_max_per_min", "compiled"),
        "Tofts and Kermode, Magn Reson Med 1991;17:357-367", _tofts,
    ),
    Method(
        "etofts", "Extended Tofts", FIT,
        "Plasma, uptake and return, global least squares by variable projection: the choice for tumours.",
        (KTRANS, VP, VE, KEP), _FIT_NEEDS, (*_SIGNAL, *_DELAY, "kep_max_per_min", "compiled"),
        "Tofts et al., J Magn Reson Imaging 1999;10:223-232", _etofts,
    ),
    Method(
        "etofts-lbfgs", "Extended Tofts (L-BFGS)", FIT,
        "Extended Tofts by a local search of at most 30 iterations, as in Ulas 2019: slow, for comparison.",
        (KTRANS, VP, VE, KEP), _FIT_NEEDS, (*_SIGNAL, "kep_max_per_min", "max_iterations"),
        "Ulas et al., Front Neurol 2019;9:1147", _etofts_lbfgs,
    ),
    Method(
        "auto", "Automatic choice", FIT,
        "Extended Tofts where the corrected Akaike criterion prefers it and Ktrans is then known to 10 %, else Patlak; "
        "with a map of the choice.",
        (KTRANS, VP, VE, KEP), _FIT_NEEDS, (*_SIGNAL, *_DELAY, "kep_max_per_min", "compiled"),
        "Hurvich and Tsai, Biometrika 1989;76:297-307", _auto,
    ),
)  # fmt: skip

METHODS, SKIPPED_NETWORKS = _with_networks(_FITS)
"""Every row; and why networks that come with the package are not among them, a sentence each."""


def method_named(name: str) -> Method:
    """The row of that name; or, for the path of a card (``.json``), the row of that network.

    Raises
    ------
    InputError
        When there is none; the message lists the known names. When the file is no card, or its network has the name of
        a fit.
    """
    for method in METHODS:
        if method.name == name:
            return method
    if name.endswith(CARD_SUFFIX):
        return _network(read_card(name), str(Path(name).absolute()), _FITS)
    raise InputError(f"Unknown method '{name}'; known are {', '.join(m.name for m in METHODS)}.")


def network_named(name: str) -> Method:
    """The row of a network by its name, or by the path of its card (``.json``).

    Raises
    ------
    InputError
        When there is no such network; the message lists the known names. When the file is no card.
    """
    names = [m.name for m in METHODS if m.kind == NETWORK]
    if name in names or name.endswith(CARD_SUFFIX):
        return method_named(name)
    if name in {m.name for m in METHODS}:
        problem = f"'{name}' is not a network but a fit (dcepk fit)"
    elif Path(name + CARD_SUFFIX).is_file():
        problem = f"There is no network '{name}'; did you mean '{name}{CARD_SUFFIX}'?"
    elif Path(name).exists():
        problem = f"'{name}' is not the card of a network: that is the file that ends with {CARD_SUFFIX}"
    else:
        written = {n.lower(): n for n in names}
        alike = [written[n] for n in difflib.get_close_matches(name.lower(), written, 1)]
        problem = f"There is no network '{name}'" + (f"; did you mean '{alike[0]}'?" if alike else "")
    known = ", ".join(names) or "none came with this installation"
    raise InputError(f"{problem.rstrip('.')}{'' if problem.endswith('?') else '.'} Networks: {known}.")


def model_of_maps(name: str, maps: Iterable[str]) -> ModelBuilder:
    """What makes the tracer model that predicts the curves of maps.

    Parameters
    ----------
    name : str
        The method that made them. The card of a network may be gone: its model follows from its maps.
    maps : iterable of str
        Their names.

    Raises
    ------
    InputError
        When there is no such method, or no model has just these parameters.
    """
    maps = tuple(maps)
    model = _MODEL_OF_MAPS.get(frozenset(maps)) if name.endswith(CARD_SUFFIX) else method_named(name).model
    if model is None:
        raise InputError(f"There are no curves of {', '.join(maps)}: no tracer model has just these parameters.")
    return model
