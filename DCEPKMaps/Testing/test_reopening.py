"""Curves of maps that were saved: those of the analysis itself, or a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_study import T10_S, small_study

from dcepk.acquisition import Acquisition
from dcepk.errors import GeometryMismatch, InputError
from dcepk.quantify import quantify
from dcepk.reopening import curves_again
from dcepk.settings import Settings

ETOFTS = Settings("etofts")


@pytest.fixture(scope="module")
def study():
    return small_study(noise=0.001)


def saved(study, settings=ETOFTS, t10=T10_S, b1=None):
    """Maps with their curves, and the same without."""
    maps = quantify(study.series, study.vif, settings, t10=t10, b1=b1, mask=study.mask)
    return maps, replace(maps, curves=None)


@pytest.mark.parametrize("method", ["patlak", "etofts", "auto"])
def test_curves_are_those_of_the_analysis(study, method):
    t10 = np.where(study.mask, T10_S, np.nan).astype(np.float32)
    b1 = np.full(study.mask.shape, 0.95, np.float32)
    maps, bare = saved(study, Settings(method), t10, b1)
    curves = curves_again(study.series, bare, study.vif, t10, b1)
    for voxels in (study.mask, np.ones_like(study.mask)):
        measured, fitted = maps.measured_and_fitted(voxels)
        assert np.array_equal(curves.measured(voxels), measured)
        assert np.array_equal(curves.fitted(voxels), fitted, equal_nan=True)


def test_voxels_outside_the_mask_have_no_curve(study):
    _, bare = saved(study)
    curves = curves_again(study.series, bare, study.vif, T10_S)
    assert curves.measured(~study.mask).shape == (0, study.series.frames)


def test_times_and_protocol_are_those_of_the_maps_and_not_of_the_file(study):
    maps, bare = saved(study)
    untyped = replace(study.series, times_s=None).with_acquisition(Acquisition())
    curves = curves_again(untyped, bare, study.vif, T10_S)
    assert np.array_equal(curves.measured(study.mask), maps.curves.measured(study.mask))


def test_series_of_another_length_is_refused(study):
    _, bare = saved(study)
    shorter = replace(study.series, signal=study.series.signal[:20], times_s=study.series.times_s[:20])
    with pytest.raises(InputError, match="20 frames, the maps were made from 30"):
        curves_again(shorter, bare, study.vif, T10_S)


def test_series_on_another_grid_is_refused(study):
    _, bare = saved(study)
    moved = replace(study.series, geometry=replace(study.series.geometry, origin_mm=(0.0, 0.0, 0.0)))
    with pytest.raises(GeometryMismatch, match="origin along x"):
        curves_again(moved, bare, study.vif, T10_S)


def test_what_is_not_saved_is_named(study):
    maps, bare = saved(study)
    with pytest.raises(InputError, match="Native T1 is not among the results"):
        curves_again(study.series, bare, study.vif, None)
    settings = replace(ETOFTS, signal_form="difference").to_dict()
    difference = replace(bare, provenance={**bare.provenance, "settings": settings})
    with pytest.raises(InputError, match="needs M0"):
        curves_again(study.series, difference, study.vif, T10_S)
