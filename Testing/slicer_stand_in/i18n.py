"""Stand-in for `slicer.i18n`: no translation is loaded, so every text is itself."""

from __future__ import annotations


def translate(_context: str, text: str) -> str:
    return text


def tr(text: str) -> str:
    return text


def getContext(sourceFile: str) -> str:
    from pathlib import Path

    return Path(sourceFile).stem
