"""Single slices of a study fitted again and again: what does not change with the input function is kept."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np

from dcepk.completion import completed, detect_baseline_frames
from dcepk.errors import InputError
from dcepk.fitting import PatlakModel, TracerModel
from dcepk.masking import tissue_mask
from dcepk.methods import FIT, method_named
from dcepk.quantify import concentration_curves, plasma_curve
from dcepk.series import DynamicSeries
from dcepk.settings import Settings
from dcepk.study import StudyInputs
from dcepk.t1 import fit_t1
from dcepk.vif import InputFunction, VifSource


@dataclass(frozen=True, eq=False)
class SliceModel:
    """What slices are fitted with: a model of one input function, for a series that is complete.

    Attributes
    ----------
    model : TracerModel
        The model.
    series : DynamicSeries
        The series with its baseline frames.
    settings : Settings
        How concentrations are computed.
    vif : InputFunction
        The input function.
    """

    model: TracerModel
    series: DynamicSeries
    settings: Settings
    vif: InputFunction


class SliceFitter:
    """Fits single slices of a study; concentrations are computed once for each slice.

    Arrays alone, no nodes: what `dcepk.study.analyse` does, slice by slice, without motion correction and standard
    errors.

    Parameters
    ----------
    inputs : StudyInputs
        Series, T1, B1 and mask. Input functions and settings are given later, as they change.

    Raises
    ------
    DCEPKError
        When the study cannot be analysed.
    """

    def __init__(self, inputs: StudyInputs):
        inputs.require_complete()
        series = inputs.series
        self.inputs = inputs
        self._mask = tissue_mask(series) if isinstance(inputs.mask, str) else inputs.mask
        self._given = series.acquisition.baseline_frames
        self._arrival = None if self._given is not None else _arrival(series.signal, self._mask)
        self._kept: tuple[tuple, dict[int, tuple[np.ndarray, np.ndarray]]] = ((), {})

    def model(self, source: VifSource, settings: Settings) -> SliceModel:
        """The model for an input function and settings; everything that does not depend on the slice.

        Raises
        ------
        DCEPKError
            When there is no input function, or the method is not fitted.
        """
        method = method_named(settings.method)
        if method.kind != FIT:
            raise InputError(f"There is no preview of '{method.label}': it is inferred by a network, not fitted.")
        series = self._completed(source)
        vif = source.input_function(series, b1=self.inputs.b1, r2star_per_s_mM=settings.r2star_per_s_mM)
        curve = plasma_curve(series.require_times(), vif)
        model = method.model(curve, series.acquisition.baseline_frames, settings)
        return SliceModel(model, series, settings, vif)

    def values(self, prepared: SliceModel, z: int, name: str) -> np.ndarray:
        """One parameter in one slice.

        Parameters
        ----------
        prepared : SliceModel
            From `model`.
        z : int
            The slice.
        name : str
            A parameter of the model.

        Returns
        -------
        ndarray, shape (Y, X), float32
            NaN outside the mask and where nothing can be computed.

        Raises
        ------
        InputError
            When the model has no such parameter.
        """
        known = [parameter.name for parameter in prepared.model.reported_parameters]
        if name not in known:
            raise InputError(f"{prepared.model.name} has no '{name}'; it has {', '.join(known)}.")
        mask, curves = self._curves(prepared, z)
        values = np.full(mask.shape, np.nan, np.float32)
        if len(curves):
            values[mask] = _estimated(prepared.model, curves, name)
        return values

    def _completed(self, source: VifSource) -> DynamicSeries:
        """The series with its baseline frames, which end where mask or vessel show contrast first."""
        series = self.inputs.series
        if self._given is None:
            vessel = source.vessel(series.geometry)
            found = [self._arrival, None if vessel is None else _arrival(*_around(series.signal, vessel))]
            found = [frames for frames in found if frames is not None]
            frames = min(found) if found else detect_baseline_frames(series.signal)
            series = series.with_acquisition(replace(series.acquisition, baseline_frames=frames))
        return completed(series)

    def _curves(self, prepared: SliceModel, z: int) -> tuple[np.ndarray, np.ndarray]:
        """Analysed voxels of a slice (Y, X) and their concentrations (n, T), mM."""
        settings = prepared.settings
        state = (prepared.series.acquisition, settings.signal_form, settings.r2star_per_s_mM)
        if self._kept[0] != state:
            self._kept = (state, {})
        kept = self._kept[1]
        if z not in kept:
            kept[z] = self._newCurves(prepared, z)
        return kept[z]

    def _newCurves(self, prepared: SliceModel, z: int) -> tuple[np.ndarray, np.ndarray]:
        part, inputs = slice(z, z + 1), self.inputs
        series = prepared.series.slab(z, z + 1)
        mask = np.ones(series.geometry.shape, bool) if self._mask is None else self._mask[part].copy()
        b1 = None if inputs.b1 is None else inputs.b1[part]
        if b1 is not None:
            mask &= b1 > 0
        t10, m0 = (inputs.t10[part] if np.ndim(inputs.t10) == 3 else inputs.t10), None
        if inputs.flip_angles is not None:
            volumes = inputs.flip_angles
            signals = np.stack([volume[part] for volume in volumes.signals])
            measured = fit_t1(signals, volumes.flip_angles_deg, volumes.repetition_time_s, b1=b1, mask=mask)
            t10, m0 = measured.t1_s, measured.m0
        with np.errstate(invalid="ignore"):
            mask &= np.asarray(t10) > 0
        if not mask.any():
            return mask[0], np.empty((0, series.frames), np.float32)
        curves, _ = concentration_curves(series, prepared.settings, t10=t10, b1=b1, mask=mask, m0=m0)
        return mask[0], curves


def _estimated(model: TracerModel, curves: np.ndarray, name: str) -> np.ndarray:
    """One parameter of curves (n, T); by the faster way where there is one, for no standard error is shown."""
    if isinstance(model, PatlakModel) and model.delay_range_s is None:
        ktrans, vp = model.estimate(curves)
        return ktrans if name == "Ktrans" else vp
    return model.fit(curves).values[name]


def _arrival(signal: np.ndarray, mask: np.ndarray | None) -> int | None:
    """Frames before contrast arrives in a mask; None without a mask, or when it does not enhance."""
    if mask is None or not mask.any():
        return None
    with contextlib.suppress(InputError):
        return detect_baseline_frames(signal, mask)
    return None


def _around(signal: np.ndarray, vessel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slices that a vessel lies in, of a series and of the vessel."""
    z = np.flatnonzero(vessel.any((1, 2)))
    part = slice(z[0], z[-1] + 1) if z.size else slice(0, 0)
    return signal[:, part], vessel[part]
