"""How long networks take for the volume of Ulas 2019, 256 x 192 x 42 voxels with 21 frames, and how much memory.

    python benchmarks/inference.py [--device cuda] [--network CARD]

Needs PyTorch (extra ``models``). The stroke phantom in its brain mask; seconds of each way to run, after one slice to
warm up, beside those of the Patlak fit in the same process. By default the first network of the package.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from dcepk.inference import device_named, infer
from dcepk.networks import read_card, shipped_cards
from dcepk.phantom import make_phantom
from dcepk.quantify import quantify
from dcepk.settings import DEVICES, TILINGS, Settings
from dcepk.vif import VifSource


def main() -> None:
    """Make the phantom, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="where to run (default: cpu)")
    parser.add_argument("--network", type=Path, help="card of another network")
    arguments = parser.parse_args()
    card = read_card(arguments.network) if arguments.network else shipped_cards()[0]
    import torch

    phantom = make_phantom("stroke", seed=1, snr=40.0, size="full")
    series, mask = phantom.series, phantom.anatomy.labels > 0
    where = device_named(arguments.device)
    print(f"{card.name} on {where}, {torch.get_num_threads()} threads; {int(mask.sum()):,} voxels")

    start = time.perf_counter()
    vif = VifSource().input_function(series)
    quantify(series, vif, Settings("patlak"), t10=phantom.truth["T10"], mask=mask)
    print(f"{'Patlak fit, input function included':40}{time.perf_counter() - start:7.1f} s")
    for tiling in reversed(TILINGS):
        one = mask.copy()
        one[1:] = False
        infer(series, card, mask=one, tiling=tiling, device=arguments.device)
        start = time.perf_counter()
        infer(series, card, mask=mask, tiling=tiling, device=arguments.device)
        print(f"{tiling:40}{time.perf_counter() - start:7.1f} s")


if __name__ == "__main__":
    main()
