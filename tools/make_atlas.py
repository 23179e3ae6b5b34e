"""Derive the phantom's label atlas from the MNI ICBM152 2009a maps that the nilearn wheel carries.

Run once by a developer; the atlas is shipped, so nobody needs nilearn to run the phantom. The atlas is a
label map at 1 mm (labels of ``data/tissues.csv``): the most probable of white matter, grey matter and CSF;
deep grey matter painted as ellipsoids where the T1 template is grey (the maps have no class for it); and a
thin shell of CSF around the brain, because the templates are stripped to the brain's surface.

    python tools/make_atlas.py [nilearn-0.14.1-py3-none-any.whl]
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

MAP = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
FOLDER = "nilearn/datasets/data/"
TARGET = Path(__file__).resolve().parents[1] / "DCEPKMaps/dcepk/data/atlas/mni152_tissues_1mm.nii.gz"
AIR, WHITE_MATTER, CORTEX, DEEP_GREY, CSF = range(5)

DEEP_GREY_ELLIPSOIDS_MM = (
    ((12, -18, 8), (9, 14, 9)),  # thalamus
    ((12, 14, 8), (6, 9, 9)),  # head of the caudate
    ((26, 3, 2), (6, 15, 10)),  # putamen
    ((20, -4, 0), (6, 8, 7)),  # pallidum
)
"""Centre (right side, RAS) and semi-axes, mm; mirrored to the left."""
DEEP_GREY_T1_RANGE = (170, 215)
CSF_SHELL_MM = 2.5
MARGIN_MM = 12
"""Room around the brain for the venous sinuses, which lie outside it."""


def read_maps(wheel: Path | None) -> list[sitk.Image]:
    """T1 template, grey and white matter probability (uint8, 0 to 255)."""
    with tempfile.TemporaryDirectory() as folder:
        if wheel is None:
            source = Path(find_spec("nilearn").submodule_search_locations[0]).parent
        else:
            source = Path(folder)
            with zipfile.ZipFile(wheel) as archive:
                for kind in ("t1", "gm", "wm"):
                    archive.extract(FOLDER + MAP.format(kind), source)
        images = [sitk.ReadImage(str(source / FOLDER / MAP.format(kind))) for kind in ("t1", "gm", "wm")]
        return [sitk.DICOMOrient(image, "LPS") for image in images]


def label(t1: np.ndarray, grey: np.ndarray, white: np.ndarray, ras_mm: np.ndarray) -> np.ndarray:
    """The label map from the three maps, shape (Z, Y, X); ``ras_mm`` has the shape (3, Z, Y, X)."""
    components, _ = ndimage.label(t1 > 0)
    brain = components == 1 + np.argmax(np.bincount(components.ravel())[1:])
    csf = 255.0 - grey - white
    order = np.array([WHITE_MATTER, CORTEX, CSF], np.uint8)
    labels = np.where(brain, order[np.argmax([white, grey, csf], axis=0)], AIR).astype(np.uint8)
    low, high = DEEP_GREY_T1_RANGE
    deep = np.zeros_like(brain)
    for centre, axes in DEEP_GREY_ELLIPSOIDS_MM:
        mirrored = np.stack([np.abs(ras_mm[0]), ras_mm[1], ras_mm[2]])
        distance = sum(((mirrored[i] - centre[i]) / axes[i]) ** 2 for i in range(3))
        deep |= distance <= 1
    labels[deep & brain & (t1 >= low) & (t1 <= high)] = DEEP_GREY
    shell = (ndimage.distance_transform_edt(~brain) <= CSF_SHELL_MM) & ~brain
    labels[shell] = CSF
    return labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "wheel", nargs="?", type=Path, help="the nilearn wheel; default: an installed nilearn"
    )
    t1, grey, white = read_maps(parser.parse_args().wheel)
    size, origin = np.array(t1.GetSize()), np.array(t1.GetOrigin())
    axes = [origin[i] + np.arange(size[i]) * t1.GetSpacing()[i] for i in range(3)]
    z, y, x = np.meshgrid(axes[2], -axes[1], -axes[0], indexing="ij")
    arrays = [sitk.GetArrayFromImage(image).astype(float) for image in (t1, grey, white)]
    labels = np.pad(label(*arrays, np.stack([x, y, z])), MARGIN_MM)
    inside = np.argwhere(labels)
    low, high = inside.min(0) - MARGIN_MM, inside.max(0) + MARGIN_MM + 1
    low = np.maximum(low, 0)
    cropped = labels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    image = sitk.GetImageFromArray(cropped)
    image.SetOrigin([float(o) for o in origin + low[::-1] - MARGIN_MM])
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(TARGET), useCompression=True)
    print(TARGET, image.GetSize(), f"{TARGET.stat().st_size / 1e6:.2f} MB", np.bincount(cropped.ravel()))


if __name__ == "__main__":
    main()
