"""The second section: native T1, and what else is known of the tissue (B1, motion, mask)."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from dcepk.errors import DCEPKError, InputError, without_options

from ..companions import angleOf, flipAngleVolumes
from ..parameters import (
    MASK_ALL,
    MASK_AUTO,
    MASK_SEGMENTATION,
    T1_CONSTANT,
    T1_FLIP_ANGLES,
    T1_MAP,
    flipAnglePairs,
    inScene,
    plausibleT1,
)
from ..request import Missing
from ..sequences import describe
from ..typed import positiveNumber, typedNumber
from ..volumes import geometryOf
from .connectors import Option, fillOptions
from .fields import NumberField, showSentences
from .section import Section

_VOLUME_COLUMN, _ANGLE_COLUMN = 0, 1
_FEWEST_ANGLES = 2


class T1Section(Section):
    """Native T1, B1 map, motion, mask."""

    uiFile = "T1.ui"

    def title(self) -> str:
        return _("Native T1 (optional) and mask") if self.panel.isOptional("t10") else _("Native T1 and mask")

    def summary(self) -> str:
        parameters = self.panel.parameters
        if parameters.t1Source == T1_MAP:
            volume = inScene(parameters.t1Map)
            return volume.GetName() if volume is not None else _("no map yet")
        if parameters.t1Source == T1_FLIP_ANGLES:
            return _("{count} flip-angle volumes").format(count=len(flipAnglePairs(parameters)))
        return _("{value} s everywhere").format(value=parameters.t1Constant or "?")

    def setup(self) -> None:
        ui = self.ui
        fillOptions(ui.t1Source, (
            Option(T1_CONSTANT, _("One value everywhere"), _("Simple; Ktrans is wrong where T1 differs.")),
            Option(T1_MAP, _("T1 map"), _("A volume in seconds, made elsewhere.")),
            Option(T1_FLIP_ANGLES, _("Flip-angle volumes"), _("T1 is measured from them.")),
        ))  # fmt: skip
        fillOptions(ui.maskSource, (
            Option(MASK_AUTO, _("The head, found automatically"), _("Air is left out.")),
            Option(MASK_ALL, _("All voxels"), _("Air too, which takes longer.")),
            Option(MASK_SEGMENTATION, _("A segmentation"), _("All of its segments together.")),
        ))  # fmt: skip
        self._constant = NumberField(ui.t1Constant, plausibleT1)
        self._repetitionTime = NumberField(
            ui.flipAngleRepetitionTime, lambda text: positiveNumber(text, _("TR of the flip-angle volumes"), "ms")
        )
        table = ui.flipAngleTable
        table.setColumnCount(2)
        table.setHorizontalHeaderLabels([_("Volume"), _("Flip angle (deg)")])
        table.horizontalHeader().setSectionResizeMode(_VOLUME_COLUMN, qt.QHeaderView.Stretch)
        table.verticalHeader().hide()
        table.connect("cellChanged(int,int)", self._onAngleTyped)
        ui.addFlipAngleButton.connect("clicked()", self._onAdd)
        ui.removeFlipAngleButton.connect("clicked()", self._onRemove)
        self._doubt = ""
        self._filled: tuple = ()
        self.panel.signals.seriesChosen.connect(self._onSeriesChosen)

    def refresh(self) -> None:
        ui, parameters = self.ui, self.panel.parameters
        shown = {T1_CONSTANT: "t1ConstantRow", T1_MAP: "t1Map", T1_FLIP_ANGLES: "flipAnglesWidget"}
        for source, name in shown.items():
            getattr(ui, name).setVisible(parameters.t1Source == source)
        ui.t1ConstantLabel.setVisible(parameters.t1Source == T1_CONSTANT)
        ui.t1MapLabel.setVisible(parameters.t1Source == T1_MAP)
        bySegmentation = parameters.maskSource == MASK_SEGMENTATION
        ui.maskSegmentationLabel.setVisible(bySegmentation)
        ui.maskSegmentation.setVisible(bySegmentation)
        self._showTable()
        missing = next((m.text for m in self.panel.missing if m.field == "t1Constant"), "")
        sentences = [missing]
        if parameters.t1Source == T1_CONSTANT:
            sentences = [self._constant.mark(missing)]
        elif parameters.t1Source == T1_FLIP_ANGLES:
            sentences = [self._repetitionTime.mark(), missing, "" if self._filled else self._doubt]
        optional = self.panel.isOptional("t10")
        ui.t1Constant.placeholderText = _("optional, such as 1.2") if optional else _("needed, such as 1.2")
        if optional:
            sentences.append(_("The method needs no T1; with T1 and an input function its curves can be seen too."))
        sentences += [problem.text for problem in self.problems()] if self.panel.request is not None else []
        showSentences(ui.t1Message, sentences if inScene(parameters.inputSequence) is not None else [])
        if bySegmentation and inScene(parameters.maskSegmentation) is None:
            ui.moreBox.collapsed = False

    def problems(self) -> list[Missing]:
        """Volumes on another grid than the series."""
        request = self.panel.request
        named = [(volume, "flip-angle volume") for volume, _angle in request.flipAngleVolumes]
        named += [(request.t1Map, "T1 map"), (request.b1Map, "B1 map")]
        try:
            grid = describe(request.sequence).geometry if request.sequence is not None else None
            for volume, name in named:
                if grid is not None and volume is not None:
                    grid.require_same(geometryOf(volume), f"{name} '{volume.GetName()}'")
        except DCEPKError as error:
            return [Missing("t1Map", without_options(str(error)))]
        return []

    def fillFlipAngles(self, sequence) -> None:
        """Enter the volumes of the scene that carry a flip angle and belong to the series, where that is certain."""
        self._doubt = ""
        try:
            found = flipAngleVolumes(sequence)
        except InputError as error:
            found, self._doubt = [], without_options(str(error))
        if len(found) >= _FEWEST_ANGLES or self._doubt:
            with slicer.util.NodeModify(self.panel.parameters.parameterNode):
                self._setPairs(found)
                self.panel.parameters.t1Source = T1_FLIP_ANGLES

    def _setPairs(self, pairs) -> None:
        parameters = self.panel.parameters
        with slicer.util.NodeModify(parameters.parameterNode):
            parameters.flipAngleVolumes = [volume for volume, _angle in pairs]
            parameters.flipAngles = [float(angle) for _volume, angle in pairs]

    def _showTable(self) -> None:
        table, pairs = self.ui.flipAngleTable, flipAnglePairs(self.panel.parameters)
        self._filled = _identified(pairs)
        wasBlocked = table.blockSignals(True)
        table.setRowCount(len(pairs))
        for row, (volume, angle) in enumerate(pairs):
            name = qt.QTableWidgetItem(volume.GetName())
            name.setFlags(qt.Qt.ItemIsSelectable | qt.Qt.ItemIsEnabled)
            table.setItem(row, _VOLUME_COLUMN, name)
            table.setItem(row, _ANGLE_COLUMN, qt.QTableWidgetItem(f"{angle:g}" if angle > 0 else ""))
        table.blockSignals(wasBlocked)

    def _onAngleTyped(self, row: int, column: int) -> None:
        if column != _ANGLE_COLUMN or self.panel.parameters is None:
            return
        pairs = list(flipAnglePairs(self.panel.parameters))
        try:
            angle = typedNumber(self.ui.flipAngleTable.item(row, column).text(), _("flip angle"), "deg") or 0.0
        except InputError as error:
            self._showTable()
            showSentences(self.ui.t1Message, [str(error)])
            return
        pairs[row] = (pairs[row][0], angle)
        self._setPairs(pairs)

    def _onAdd(self) -> None:
        volume = self.ui.flipAngleVolume.currentNode()
        if volume is None:
            showSentences(self.ui.t1Message, [_("Choose the volume to add first.")])
            return
        pairs = flipAnglePairs(self.panel.parameters)
        if all(volume is not other for other, _angle in pairs):
            self._setPairs([*pairs, (volume, angleOf(volume))])

    def _onRemove(self) -> None:
        rows = {index.row() for index in self.ui.flipAngleTable.selectedIndexes()}
        pairs = flipAnglePairs(self.panel.parameters)
        self._setPairs([pair for row, pair in enumerate(pairs) if row not in rows])

    def _onSeriesChosen(self, previous: str, sequence) -> None:
        """Volumes of the earlier series go; those that were chosen together with this one stay."""
        self._doubt = ""
        pairs = flipAnglePairs(self.panel.parameters)
        if pairs and _identified(pairs) != self._filled:
            return
        if previous:
            self._setPairs([])
        self.fillFlipAngles(sequence)


def _identified(pairs) -> tuple:
    """Pairs by the IDs of their nodes, which keeps no node of a closed scene alive."""
    return tuple((volume.GetID(), angle) for volume, angle in pairs)
