"""The table of sample studies. It imports nothing, so that Slicer can list them at its start at no cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SAMPLE = "DCEPKMaps.sample"
"""Attribute of the sequence of a sample study: its name."""


@dataclass(frozen=True)
class SamplePhantom:
    """One sample study.

    Attributes
    ----------
    name : str
        What `sample_data.loadPhantom` takes.
    title : str
        What people see.
    protocol, size : str
        Preset and size of the phantom (`dcepk.phantom.PROTOCOLS`).
    method : str
        The method of `dcepk.methods` that suits it.
    lesion : str
        The tissue to look at first.
    """

    name: str
    title: str
    protocol: str
    size: str
    method: str
    lesion: str

    @property
    def icon(self) -> str:
        """File name of its thumbnail under ``Resources/Icons``."""
        return f"{self.name}.png"


_STROKE, _GLIOMA = ("patlak", "recent stroke lesion"), ("etofts", "enhancing tumour")

PHANTOMS: Mapping[str, SamplePhantom] = MappingProxyType(
    {
        phantom.name: phantom
        for phantom in (
            SamplePhantom("stroke-small", "DCE mild stroke, small", "stroke", "small", *_STROKE),
            SamplePhantom("stroke-full", "DCE mild stroke, full size", "stroke", "full", *_STROKE),
            SamplePhantom("glioma-small", "DCE glioma, small", "glioma", "small", *_GLIOMA),
            SamplePhantom("glioma-full", "DCE glioma, full size", "glioma", "full", *_GLIOMA),
        )
    }
)
"""Every sample study by name. "Full size" is the matrix of the protocol: 192 x 256 x 42 voxels and 21 frames for the
stroke protocol of Ulas 2019, 144 x 192 x 42 and 60 for the glioma; "small" has 72 x 96 x 42 voxels."""
