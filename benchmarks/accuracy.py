"""How far the numbers can be trusted, on the digital brain phantom with its known truth: ``make accuracy``.

Prints Markdown tables. Coverage of 95 % intervals: with the input function and T10 known; with both measured; and
with both measured while the scanner is imperfect (flip angles off by an unmapped B1, T2* loss in blood), which is
what the standard error does not contain. Then the Ktrans error of Patlak, extended Tofts and the automatic choice.
Voxels hold at least 99 % of one tissue, which is what eroding a tissue mask is for in practice.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from dcepk.completion import completed
from dcepk.maps import ParameterMaps
from dcepk.phantom import Phantom, make_phantom
from dcepk.quantify import quantify
from dcepk.settings import Settings
from dcepk.t1 import fit_t1
from dcepk.vif import InputFunction, automatic, default_t1_blood_s

STROKE_TISSUES = (
    "white matter", "cortex", "deep grey matter", "white matter hyperintensity", "recent stroke lesion",
)  # fmt: skip
GLIOMA_TISSUES = (
    "white matter", "cortex", "deep grey matter", "enhancing tumour", "tumour core", "non-enhancing tumour", "oedema",
)  # fmt: skip
_LEVEL = 0.95
BLOOD_R2STAR_PER_S_MM = 7.0


@dataclass(frozen=True)
class TissueErrors:
    """A parameter of one tissue against the truth, voxels of several phantoms pooled; in the parameter's unit."""

    tissue: str
    voxels: int
    truth: float
    bias: float
    rmse: float
    coverage: float


def known_input_function(phantom: Phantom) -> InputFunction:
    """The true plasma curve, averaged over each frame."""
    return InputFunction(phantom.series.times_s, phantom.plasma_at_frames, "curve", "phantom's truth")


def analysed(phantom: Phantom, method: str, *, measured: bool, fit_offset: bool = False) -> ParameterMaps:
    """Maps of the brain, with the true input function, T10 and B1, or with the first two measured and no B1 map."""
    brain = phantom.labels.array > 0
    b1 = None if measured else phantom.b1
    if not measured:
        vif, t10 = known_input_function(phantom), phantom.truth["T10"]
    else:
        series = completed(phantom.series, brain)
        vif = automatic(series, t1_blood_s=default_t1_blood_s(series.acquisition.field_strength_t))
        angles, volumes = zip(*phantom.vfa)
        t10 = fit_t1(np.stack(volumes), angles, phantom.vfa_tr_s, mask=brain).t1_s
    return quantify(phantom.series, vif, Settings(method=method, fit_offset=fit_offset), t10=t10, b1=b1, mask=brain)


def phantoms(kind: str, seeds: Iterable[int], snr: float, *, imperfect: bool = False) -> Iterator[Phantom]:
    """Small phantoms of one kind; imperfect ones have wrong flip angles and T2* loss in blood."""
    r2star = BLOOD_R2STAR_PER_S_MM if imperfect else 0.0
    return (
        make_phantom(kind, seed=seed, snr=snr, size="small", b1_error=imperfect, blood_r2star_per_s_mM=r2star)
        for seed in seeds
    )


def tissue_errors(
    cases: Iterable[tuple[Phantom, ParameterMaps]],
    tissues: Iterable[str],
    unknowns: int,
    parameter: str = "Ktrans",
) -> list[TissueErrors]:
    """Bias, RMSE and coverage of Student's t intervals, per tissue.

    Parameters
    ----------
    cases : iterable of (Phantom, ParameterMaps)
        Phantoms and their maps.
    tissues : iterable of str
        Names of tissues.
    unknowns : int
        Unknowns per voxel, the baseline offset included: they set the degrees of freedom.
    parameter : str
        Which parameter.
    """
    pooled = {name: [] for name in tissues}
    for phantom, maps in cases:
        quantile = stats.t.ppf(0.5 + _LEVEL / 2, phantom.series.frames - unknowns)
        for name, parts in pooled.items():
            voxels = phantom.pure(name)
            truth, estimate = phantom.truth[parameter][voxels], maps.values[parameter][voxels]
            parts.append(np.stack([truth, estimate, quantile * maps.standard_errors[parameter][voxels]]).astype(float))
    rows = []
    for name, parts in pooled.items():
        truth, estimate, half_width = np.concatenate(parts, axis=1)
        error = estimate - truth
        rows.append(
            TissueErrors(
                name, len(error), float(truth.mean()), float(np.nanmean(error)),
                float(np.sqrt(np.nanmean(error**2))), float(np.mean(np.abs(error) <= half_width)),
            )
        )  # fmt: skip
    return rows


def method_errors(kind: str, tissues: Iterable[str], seeds: Iterable[int], snr: float) -> dict[str, list[TissueErrors]]:
    """Errors of Patlak, extended Tofts and the automatic choice on the same phantoms, with known inputs."""
    cases = list(phantoms(kind, seeds, snr))
    return {
        method: tissue_errors(((p, analysed(p, method, measured=False)) for p in cases), tissues, unknowns)
        for method, unknowns in (("patlak", 2), ("etofts", 3), ("auto", 3))
    }


def _print_coverage(title: str, rows: list[TissueErrors]) -> None:
    print(f"\n{title}\n\n| tissue | voxels | true Ktrans /min | bias | RMSE | 95 % interval covers |")
    print("|---|---|---|---|---|---|")
    for r in rows:
        print(f"| {r.tissue} | {r.voxels:,} | {r.truth:.2e} | {r.bias:+.1e} | {r.rmse:.1e} | {r.coverage:.3f} |")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6, help="phantoms per table (default 6)")
    seeds = range(parser.parse_args().seeds)
    for method, unknowns in (("patlak", 2), ("etofts", 3)):
        for inputs, measured, imperfect in (
            ("known input function and T10", False, False),
            ("measured input function and T10", True, False),
            ("measured input function and T10, imperfect scanner", True, True),
        ):
            subjects = phantoms("stroke", seeds, 40.0, imperfect=imperfect)
            cases = ((p, analysed(p, method, measured=measured)) for p in subjects)
            title = f"Stroke phantom, SNR 40, {method}, {inputs}"
            _print_coverage(title, tissue_errors(cases, STROKE_TISSUES, unknowns))
    cases = ((p, analysed(p, "patlak", measured=False, fit_offset=True)) for p in phantoms("stroke", seeds, 40.0))
    title = "Stroke phantom, SNR 40, offset fitted along (--fit-offset), Patlak, known input function and T10"
    _print_coverage(title, tissue_errors(cases, STROKE_TISSUES, 3))
    print("\nEnhancing tumour, extended Tofts, known input function and T10\n")
    print("| parameter | SNR | voxels | truth | bias | RMSE | 95 % interval covers |\n|---|---|---|---|---|---|---|")
    for snr in (20.0, 40.0):
        tumours = [(p, analysed(p, "etofts", measured=False)) for p in phantoms("glioma", seeds, snr)]
        for parameter in ("Ktrans", "vp", "ve", "kep"):
            (r,) = tissue_errors(tumours, ["enhancing tumour"], 3, parameter)
            numbers = f"{r.truth:.3f} | {r.bias:+.4f} | {r.rmse:.4f} | {r.coverage:.3f} |"
            print(f"| {parameter} | {snr:g} | {r.voxels:,} | {numbers}")
    for kind, tissues in (("stroke", STROKE_TISSUES), ("glioma", GLIOMA_TISSUES)):
        for snr in (20.0, 40.0):
            errors = method_errors(kind, tissues, seeds, snr)
            print(f"\nKtrans RMSE (/min), {kind} phantom, SNR {snr:g}, known input function and T10\n")
            print("| tissue | voxels | Patlak | extended Tofts | automatic | automatic / better |")
            print("|---|---|---|---|---|---|")
            for patlak, etofts, auto in zip(*errors.values()):
                ratio = auto.rmse / min(patlak.rmse, etofts.rmse)
                row = f"| {patlak.tissue} | {patlak.voxels:,} | {patlak.rmse:.2e} | {etofts.rmse:.2e} |"
                print(f"{row} {auto.rmse:.2e} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
