"""A full study of Ulas 2019 through the product: 256 x 192 x 42 voxels, 21 frames, extended Tofts, all files written.

Prints the wall time of each stage and the peak memory over the size of the input. The phantom is made first, in
another process, so that its memory does not count.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dcepk.pipeline import StudyOptions, run_study, write_study
from dcepk.settings import Settings


def main() -> None:
    """Make the phantom if need be, run the study, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phantom", type=Path, help="folder of a full stroke phantom; made when absent")
    phantom = parser.parse_args().phantom
    with tempfile.TemporaryDirectory() as scratch:
        if phantom is None:
            phantom = Path(scratch) / "phantom"
        if not phantom.exists():
            command = [sys.executable, "-m", "dcepk", "phantom", "stroke", "--size", "full", "-o", str(phantom)]
            subprocess.run(command, check=True)
        options = StudyOptions(
            (phantom / "dce.nii.gz",), Settings("etofts"), t1=phantom / "t1.nii.gz", labels=phantom / "labels.nii.gz"
        )
        before = _peak_bytes()
        start = time.perf_counter()
        study = run_study(options)
        computed = time.perf_counter() - start
        write_study_to = Path(scratch) / "out"
        write_study_to.mkdir()
        write_study(write_study_to, study, options, with_report=False)
        total = time.perf_counter() - start
        size = study.series.signal.nbytes
    for stage, seconds in study.timing_s.items():
        print(f"{stage:24}{seconds:7.1f} s")
    print(f"{'files written':24}{total - computed:7.1f} s")
    print(f"{'all, reading included':24}{total:7.1f} s")
    print(f"{'voxels fitted':24}{int(study.maps.mask.sum()):>9,}")
    print(f"input {size / 1e9:.2f} GB as float32; peak over it {(_peak_bytes() - before - size) / 1e9:.2f} GB")


def _peak_bytes() -> int:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


if __name__ == "__main__":
    main()
