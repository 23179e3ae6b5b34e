"""Stand-in for Slicer's modules `SegmentStatistics` and `SegmentStatisticsPlugins`: the plugin's base, and the logic.

Slicer's own three plugins are not here: statistics come from registered plugins alone.
"""

from __future__ import annotations

import logging

import slicer
import vtk

from .qt_layer.pythonqt import qt
from .scripted import ScriptedLoadableModuleLogic


class SegmentStatisticsPluginBase:
    """Subclasses set name, title, keys and defaultKeys; they give computeStatistics and getMeasurementInfo."""

    @staticmethod
    def createCodedEntry(codeValue, codingScheme, codeMeaning, returnAsString=False):
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(codeValue, codingScheme, codeMeaning)
        return entry.GetAsString() if returnAsString else entry

    @staticmethod
    def isValidCodedEntry(codedEntryStr):
        if not codedEntryStr:
            return False
        entry = slicer.vtkCodedEntry()
        entry.SetFromString(codedEntryStr)
        return entry.GetCodeValue() or entry.GetCodingSchemeDesignator() or entry.GetCodeMeaning()

    @staticmethod
    def createMeasurementInfo(
        name,
        title,
        description,
        units,
        quantityDicomCode=None,
        unitsDicomCode=None,
        measurementMethodDicomCode=None,
        derivationDicomCode=None,
        componentNames=None,
    ) -> dict:
        info = {"name": name, "title": title, "description": description, "units": units}
        if componentNames:
            info["componentNames"] = componentNames
        codes = (
            ("Quantity", quantityDicomCode),
            ("Units", unitsDicomCode),
            ("MeasurementMethod", measurementMethodDicomCode),
            ("Derivation", derivationDicomCode),
        )
        for kind, code in codes:
            if SegmentStatisticsPluginBase.isValidCodedEntry(code):
                info[f"DICOM.{kind}Code"] = code
        return info

    def __init__(self) -> None:
        self.name, self.title, self.keys, self.defaultKeys = "", "", [], []
        self.requestedKeysCheckboxes: dict[str, object] = {}
        self.parameterNode, self.parameterNodeObserver = None, None

    def computeStatistics(self, segmentID):
        """Overridden by plugins."""

    def getMeasurementInfo(self, key):
        """Overridden by plugins."""

    def setDefaultParameters(self, parameterNode, overwriteExisting=False) -> None:
        enabled = type(self).__name__ + ".enabled"
        if not parameterNode.GetParameter(enabled):
            parameterNode.SetParameter(enabled, "True")
        for key in self.keys:
            parameter = self.toLongKey(key) + ".enabled"
            if overwriteExisting or not parameterNode.GetParameter(parameter):
                parameterNode.SetParameter(parameter, str(key in self.defaultKeys))

    def getRequestedKeys(self):
        node = self.parameterNode
        if not node:
            return ()
        return [key for key in self.keys if node.GetParameter(self.toLongKey(key) + ".enabled") == "True"]

    def toLongKey(self, key: str) -> str:
        return f"{type(self).__name__}.{key}"

    def toShortKey(self, key: str) -> str:
        prefix = type(self).__name__ + "."
        return key.removeprefix(prefix) if key.startswith(prefix) else ""

    def setParameterNode(self, parameterNode) -> None:
        if self.parameterNode is parameterNode:
            return
        if self.parameterNode and self.parameterNodeObserver:
            self.parameterNode.RemoveObserver(self.parameterNodeObserver)
        self.parameterNode = parameterNode
        if parameterNode:
            self.setDefaultParameters(parameterNode)
            event = vtk.vtkCommand.ModifiedEvent
            self.parameterNodeObserver = parameterNode.AddObserver(event, self.updateGuiFromParameterNode)
        self.createDefaultOptionsWidget()
        self.updateGuiFromParameterNode()

    def getParameterNode(self):
        return self.parameterNode

    def createDefaultOptionsWidget(self) -> None:
        self.optionsWidget = qt.QWidget()
        form = qt.QFormLayout(self.optionsWidget)
        self.pluginCheckbox = qt.QCheckBox(f"{self.title} plugin enabled")
        self.pluginCheckbox.checked = True
        form.addRow(self.pluginCheckbox)
        self.requestedKeysCheckboxes = {}
        for key in self.keys:
            info = self.getMeasurementInfo(key) or {}
            checkbox = qt.QCheckBox(info.get("name", info.get("description", key)), self.optionsWidget)
            checkbox.checked = key in self.getRequestedKeys()
            checkbox.toolTip = "\n".join(f"{k}: {info[k]}" for k in ("name", "description", "units") if k in info)
            form.addRow(checkbox)
            self.requestedKeysCheckboxes[key] = checkbox
        for checkbox in (self.pluginCheckbox, *self.requestedKeysCheckboxes.values()):
            checkbox.connect("toggled(bool)", self.updateParameterNodeFromGui)

    def updateGuiFromParameterNode(self, caller=None, event=None) -> None:
        if not self.parameterNode:
            return
        enabled = self.parameterNode.GetParameter(type(self).__name__ + ".enabled") != "False"
        self.pluginCheckbox.checked = enabled
        for key, checkbox in self.requestedKeysCheckboxes.items():
            before = checkbox.blockSignals(True)
            checkbox.checked = self.parameterNode.GetParameter(self.toLongKey(key) + ".enabled") == "True"
            checkbox.enabled = enabled
            checkbox.blockSignals(before)

    def updateParameterNodeFromGui(self) -> None:
        if not self.parameterNode:
            return
        with slicer.util.NodeModify(self.parameterNode):
            enabled = type(self).__name__ + ".enabled"
            self.parameterNode.SetParameter(enabled, str(self.pluginCheckbox.checked))
            for key, checkbox in self.requestedKeysCheckboxes.items():
                self.parameterNode.SetParameter(self.toLongKey(key) + ".enabled", str(checkbox.checked))


class SegmentStatisticsLogic(ScriptedLoadableModuleLogic):
    registeredPlugins: list[type] = []
    segmentColumnName = segmentColumnTitle = "Segment"

    @staticmethod
    def registerPlugin(plugin) -> None:
        """As in Slicer: an instance is given, its class is kept, and other objects are silently left alone."""
        if not isinstance(plugin, SegmentStatisticsPluginBase):
            return
        if any("." in key for key in plugin.keys):
            logging.warning("Plugin keys should not contain '.'")
        if type(plugin) in SegmentStatisticsLogic.registeredPlugins:
            logging.warning("a plugin with the same name has already been registered")
        else:
            SegmentStatisticsLogic.registeredPlugins.append(type(plugin))

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.plugins = [plugin() for plugin in self.registeredPlugins]
        self.isSingletonParameterNode = False
        self.parameterNode = None
        self.notAvailableValueString = ""
        self.reset()

    def getParameterNode(self):
        if not self.parameterNode:
            self.setParameterNode(super().getParameterNode())
        return self.parameterNode

    def setParameterNode(self, parameterNode) -> None:
        if self.parameterNode is parameterNode:
            return
        for plugin in self.plugins:
            plugin.setDefaultParameters(parameterNode)
        if not parameterNode.GetParameter("visibleSegmentsOnly"):
            parameterNode.SetParameter("visibleSegmentsOnly", "True")
        self.parameterNode = parameterNode
        for plugin in self.plugins:
            plugin.setParameterNode(parameterNode)

    def reset(self) -> None:
        self.keys = [self.segmentColumnName, *(p.toLongKey(k) for p in self.plugins for k in p.keys)]
        self.getParameterNode().statistics = {"SegmentIDs": [], "MeasurementInfo": {}}

    def getStatistics(self) -> dict:
        return self.getParameterNode().statistics

    def computeStatistics(self) -> None:
        self.reset()
        node = slicer.mrmlScene.GetNodeByID(self.getParameterNode().GetParameter("Segmentation"))
        if node.GetParentTransformNode() is not None:
            raise AttributeError("the stand-in computes no statistics of transformed segmentations")
        identities = vtk.vtkStringArray()
        if self.getParameterNode().GetParameter("visibleSegmentsOnly") == "True":
            node.GetDisplayNode().GetVisibleSegmentIDs(identities)
        else:
            node.GetSegmentation().GetSegmentIDs(identities)
        for index in range(identities.GetNumberOfValues()):
            self.updateStatisticsForSegment(identities.GetValue(index))

    def updateStatisticsForSegment(self, segmentID: str) -> None:
        node = slicer.mrmlScene.GetNodeByID(self.getParameterNode().GetParameter("Segmentation"))
        segment = node.GetSegmentation().GetSegment(segmentID)
        if not segment:
            return
        statistics = self.getStatistics()
        if segmentID not in statistics["SegmentIDs"]:
            statistics["SegmentIDs"].append(segmentID)
        statistics[segmentID, self.segmentColumnName] = segment.GetName()
        for plugin in self.plugins:
            if self.getParameterNode().GetParameter(type(plugin).__name__ + ".enabled") != "True":
                continue
            for key, value in plugin.computeStatistics(segmentID).items():
                statistics[segmentID, plugin.toLongKey(key)] = value
                statistics["MeasurementInfo"][plugin.toLongKey(key)] = plugin.getMeasurementInfo(key)

    def getMeasurementInfo(self, key: str):
        found = (p for p in self.plugins if p.toShortKey(key) in p.keys)
        plugin = next(found, None)
        return plugin.getMeasurementInfo(plugin.toShortKey(key)) if plugin else None

    def getNonEmptyKeys(self) -> list[str]:
        statistics = self.getStatistics()
        return [key for key in self.keys if any((s, key) in statistics for s in statistics["SegmentIDs"])]

    def exportToTable(self, table, nonEmptyKeysOnly=True) -> None:
        """Columns named as the measurement or, without a name, by the key; missing values are NaN."""
        statistics = self.getStatistics()
        table.RemoveAllColumns()
        for key in self.getNonEmptyKeys() if nonEmptyKeysOnly else self.keys:
            info = statistics["MeasurementInfo"].get(key) or {}
            text = key == self.segmentColumnName
            column = table.AddColumn(vtk.vtkStringArray() if text else vtk.vtkDoubleArray())
            column.SetName(info.get("name") or key)
            for segment in statistics["SegmentIDs"]:
                column.InsertNextValue(statistics.get((segment, key), float("nan")))
            if info.get("units"):
                table.SetColumnUnitLabel(column.GetName(), str(info["units"]))
        table.Modified()
