"""How fast subjects and patches are simulated on this machine.

    python training/simulate/speed.py [--patches 1024] [--presets stroke glioma]

Prints a table in processor seconds, which a busy machine hardly lengthens: per new body, per study of a cached body,
and patches per second and core for each target. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simulate import PRESETS, PatchSource, make_subject  # noqa: E402
from simulate.body import body_of  # noqa: E402


def measured(preset: str, patches: int, cache: Path) -> list[str]:
    """One row of the table."""
    start = time.process_time()
    body_of(preset, 0, cache=cache)
    body_s = time.process_time() - start
    start = time.process_time()
    make_subject(preset, 0, snr=30, cache=cache)
    study_s = time.process_time() - start
    rates = []
    for target in ("patlak", "etofts", "truth"):
        source, rng = PatchSource(preset, [0], target=target, cache=cache), np.random.default_rng(0)
        source.draw(16, rng)
        start = time.process_time()
        source.draw(patches, rng)
        rates.append(patches / (time.process_time() - start))
    return [preset, f"{body_s:.1f}", f"{study_s:.1f}", *(f"{rate:.0f}" for rate in rates)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=int, default=1024)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print("| preset | new body, s | study, s | patches/s, Patlak | patches/s, eTofts | patches/s, truth |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for preset in arguments.presets:
            print("| " + " | ".join(measured(preset, arguments.patches, Path(folder))) + " |", flush=True)


if __name__ == "__main__":
    main()
