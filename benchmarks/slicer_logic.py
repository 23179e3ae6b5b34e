"""From Apply to maps in the scene on a full-size stroke study, and how long the event loop waits meanwhile.

Needs slicer-core (extra ``slicer-test``). One process, nodes in memory as Slicer's DICOM plugin leaves them::

    python benchmarks/slicer_logic.py [--method etofts] [--motion] [--size full]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "DCEPKMaps"), str(ROOT / "Testing"), str(ROOT / "DCEPKMaps" / "Testing")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="patlak")
    parser.add_argument("--motion", action="store_true")
    parser.add_argument("--size", default="full", choices=("small", "full"))
    arguments = parser.parse_args()

    import slicer_stand_in

    scene = slicer_stand_in.start().mrmlScene
    from DCEPKMapsLib.logic import StudyLogic
    from DCEPKMapsLib.request import StudyRequest
    from DCEPKMapsLib.volumes import addVolume
    from slicer_scenes import sequence_node

    from dcepk.phantom import make_phantom
    from dcepk.settings import Settings

    phantom = make_phantom("stroke", seed=1, snr=40.0, size=arguments.size)
    sequence = sequence_node(scene, phantom.series, facts=False)
    for name, value in phantom.series.acquisition.to_dict().items():
        if name != "sources" and value is not None:
            sequence.SetAttribute(f"DCEPKMaps.{name}", str(value))
    volumes = tuple(
        (addVolume(scene, f"FA {angle:g}", array, phantom.series.geometry), angle) for angle, array in phantom.vfa
    )
    request = StudyRequest(
        sequence, Settings(arguments.method), flipAngleVolumes=volumes, flipAngleTrS=phantom.vfa_tr_s,
        correctMotion=arguments.motion,
    )  # fmt: skip

    stages: dict[str, float] = {}
    waits: dict[str, float] = {}
    start = last = time.perf_counter()
    run = StudyLogic(scene).start(request)
    while not run.step(0.02):
        now = time.perf_counter()
        stages[run.stage] = stages.get(run.stage, 0.0) + now - last
        waits[run.stage] = max(waits.get(run.stage, 0.0), now - last)
        last = now
    if run.error:
        sys.exit(run.error)
    size = " x ".join(map(str, (*phantom.series.geometry.size_xyz, phantom.series.frames)))
    print(f"{size}, {arguments.method}: {time.perf_counter() - start:.1f} s from Apply to maps in the scene")
    for stage, seconds in stages.items():
        print(f"  {stage:<24} {seconds:6.2f} s, the event loop waits {waits[stage] * 1e3:4.0f} ms at most")


if __name__ == "__main__":
    main()
