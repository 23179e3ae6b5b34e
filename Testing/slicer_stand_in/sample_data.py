"""Stand-in for Slicer's module `SampleData`: registers sources; loads those with a downloader or with local files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import slicer

_PER_FILE = ("fileNames", "nodeNames", "loadFiles", "loadFileTypes", "checksums")


@dataclass
class SampleDataSource:
    """Fields as in Slicer; a single text among the per-file fields becomes a list of one."""

    sampleName: str | None = None
    sampleDescription: str | None = None
    uris: Any = None
    fileNames: Any = None
    nodeNames: Any = None
    checksums: Any = None
    loadFiles: Any = None
    customDownloader: Any = None
    thumbnailFileName: str | None = None
    loadFileTypes: Any = None
    loadFileProperties: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sampleDescription = self.sampleDescription or self.sampleName
        if isinstance(self.uris, str):
            self.uris = [self.uris]
            for name in _PER_FILE:
                setattr(self, name, [getattr(self, name)])
        count = len(self.uris)  # as in Slicer, a source without uris is a TypeError
        for name in _PER_FILE:
            value = getattr(self, name)
            if name != "fileNames" and (value is None or isinstance(value, str)):
                setattr(self, name, [value] * count)
            if len(getattr(self, name)) != count:
                raise ValueError("All fields of sample data source must have the same length")


class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(
        category="Custom",
        sampleName=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileTypes=None,
        loadFiles=None,
        loadFileProperties=None,
        checksums=None,
    ) -> None:
        source = SampleDataSource(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            checksums=checksums,
            loadFiles=loadFiles,
            customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=loadFileTypes,
            loadFileProperties=loadFileProperties or {},
        )
        if not SampleDataLogic.isSampleDataSourceRegistered(category, source):
            _sources().setdefault(category, []).append(source)

    @staticmethod
    def sampleDataSourcesByCategory(category=None):
        return _sources() if category is None else _sources().get(category, [])

    @staticmethod
    def isSampleDataSourceRegistered(category, sampleDataSource) -> bool:
        return sampleDataSource in _sources().get(category, [])

    def sourceForSampleName(self, sampleName):
        found = (s for sources in _sources().values() for s in sources if s.sampleName == sampleName)
        return next(found, None)

    def downloadSample(self, sampleName):
        return self.downloadSamples(sampleName)[0]

    def downloadSamples(self, sampleName) -> list:
        """Loads a registered sample, as a click on its picture does: through its own downloader where it has one."""
        source = self.sourceForSampleName(sampleName)
        if source is None:
            return []
        return source.customDownloader(source) if source.customDownloader else self.downloadFromSource(source)

    def downloadFromSource(self, source) -> list:
        """Nodes of the source's files; only ``file:`` addresses, for nothing is downloaded in tests."""
        per_file = [source.uris] + [getattr(source, name) for name in _PER_FILE]
        loaded = []
        for uri, _file_name, node_name, load, kind, checksum in zip(*per_file):
            path = _local_file(uri)
            _check(path, checksum)
            if load is False or (kind == "SceneFile" and not load):
                loaded.append(str(path))
                continue
            properties = dict(source.loadFileProperties, name=node_name)
            loaded.append(slicer.util.loadNodeFromFile(str(path), kind, properties))
        return loaded


def _sources() -> dict[str, list[SampleDataSource]]:
    if not hasattr(slicer.modules, "sampleDataSources"):
        slicer.modules.sampleDataSources = {}
    return slicer.modules.sampleDataSources


def _local_file(uri: str) -> Path:
    parts = urlparse(uri)
    if parts.scheme != "file":
        raise AttributeError(f"the stand-in downloads nothing: {uri}")
    return Path(url2pathname(parts.path))


def _check(path: Path, checksum: str | None) -> None:
    if checksum:
        algorithm, digest = slicer.util.extractAlgoAndDigest(checksum)
        if slicer.util.computeChecksum(algorithm, str(path)) != digest:
            raise ValueError(f"checksum of {path} does not match {checksum}")


def downloadSample(sampleName):
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName) -> list:
    return SampleDataLogic().downloadSamples(sampleName)
