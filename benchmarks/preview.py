"""How long the live preview takes for each slice on screen when an input function is dragged.

Needs slicer-core (extra ``slicer-test``). The stroke phantom at 256 x 192 x 42 x 21 as a sequence node, a point in the
sagittal sinus that moves at every step; without rendering, one process::

    python benchmarks/preview.py [--moves 20] [--slices 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "DCEPKMaps"), str(ROOT / "Testing"), str(ROOT / "DCEPKMaps" / "Testing")]
METHODS = ("patlak", "etofts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=20, help="positions of the point for each method (default 20)")
    parser.add_argument("--slices", type=int, default=1, help="slices on screen (default 1)")
    arguments = parser.parse_args()

    import slicer_stand_in

    scene = slicer_stand_in.start().mrmlScene
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.preview import LivePreview
    from DCEPKMapsLib.request import StudyRequest, VifKind, VifRequest
    from slicer_scenes import sequence_node

    from dcepk.phantom import make_phantom
    from dcepk.settings import Settings
    from dcepk.vif import VifSource

    phantom = make_phantom("stroke", seed=1, snr=40.0, size="full")
    geometry = phantom.series.geometry
    sequence = sequence_node(scene, phantom.series)
    found = VifSource().input_function(phantom.series).mask
    vessel = geometry.ras_of_index(np.argwhere(found)[len(np.argwhere(found)) // 2])
    point = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "vessel")
    point.AddControlPoint(*(float(v) for v in vessel))
    wholeSlices = replace(
        StudyRequest(sequence, t1S=1.2, vif=VifRequest(VifKind.POINT, point)), mask=None
    )  # every voxel, not the head alone: the most that a slice can cost
    middle = geometry.shape[0] // 2
    slices = range(middle, middle + arguments.slices)
    print(f"{' x '.join(map(str, geometry.size_xyz))} x {phantom.series.frames}, {arguments.slices} slices on screen")
    for method in METHODS:
        request = replace(wholeSlices, settings=Settings(method))
        preview = LivePreview(StudyLogic(scene))
        start = time.perf_counter()
        preview.update(request, slices, "Ktrans")
        first = time.perf_counter() - start
        taken, worked = [], []
        for move in range(arguments.moves):
            point.SetNthControlPointPosition(0, vessel[0], vessel[1] + 0.2 * (move % 2), vessel[2])
            start, startOfWork = time.perf_counter(), time.process_time()
            preview.update(request, slices, "Ktrans")
            taken.append((time.perf_counter() - start) / arguments.slices)
            worked.append((time.process_time() - startOfWork) / arguments.slices)
        typical, worst, work = (1e3 * value for value in (np.median(taken), np.max(taken), np.median(worked)))
        print(
            f"  {method:<8} {typical:5.0f} ms per slice (at most {worst:.0f}; {work:.0f} ms of one processor); "
            f"the first preview takes {first:.1f} s"
        )


if __name__ == "__main__":
    main()
