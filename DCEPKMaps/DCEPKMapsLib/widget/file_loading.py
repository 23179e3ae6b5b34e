"""Loading a DCE series from a file as Slicer's file readers do: with messages, and shown in the slice views."""

from __future__ import annotations

import slicer
import vtk

from dcepk.errors import DCEPKError, without_options

from ..sequence_reader import readSequenceNodes


def loadSeries(reader, properties) -> bool:
    """Load the file of a request; what is wrong with it becomes one message, what is doubtful a warning.

    Parameters
    ----------
    reader : qSlicerScriptedFileReader
        Takes the messages and the nodes that were made.
    properties : mapping
        Of Slicer's IO manager: ``fileName``, perhaps ``name`` and ``show``.

    Returns
    -------
    bool
        Whether a series was loaded.
    """
    messages = reader.userMessages()
    try:
        loaded = readSequenceNodes(slicer.mrmlScene, properties["fileName"], name=properties.get("name") or "")
    except DCEPKError as error:
        messages.AddMessage(vtk.vtkCommand.ErrorEvent, without_options(str(error)))
        return False
    for notice in loaded.notices:
        messages.AddMessage(vtk.vtkCommand.WarningEvent, without_options(notice.message))
    nodes = (loaded.sequence, loaded.browser, loaded.proxy)
    reader.loadedNodes = [node.GetID() for node in nodes if node is not None]
    if loaded.proxy is not None and properties.get("show", True):
        slicer.util.setSliceViewerLayers(background=loaded.proxy, fit=True)
    return True
