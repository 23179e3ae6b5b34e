"""One part of the panel, with its own .ui file: what all parts have in common."""

from __future__ import annotations

import ctk
import qt
import slicer

from ..request import Missing
from .connectors import bindingsOf
from .fields import letShrink

_SHORTEST_ENTRY = 12
"""Letters of a menu that are always seen."""


class Section:
    """A collapsible part of the panel.

    A section reads and writes ``self.panel.parameters`` alone; it shows their state in `refresh`, which the panel calls
    after every change. A subclass names its .ui file and title and extends `setup`, `refresh` and, where it observes
    anything, `disconnect`.

    Parameters
    ----------
    panel : Panel
        With ``logic``, ``parameters``, ``signals``, ``scene`` and ``resourcePath(name)``.

    Attributes
    ----------
    widget : ctkCollapsibleButton or qMRMLWidget
        What the panel adds to its layout.
    ui : object
        The named widgets of the .ui file.
    """

    uiFile = ""
    """Name under Resources/UI."""
    collapsible = True
    collapsed = False
    """Whether it is closed when the panel opens."""

    def __init__(self, panel):
        self.panel = panel
        self._guiTag = None
        self.content = slicer.util.loadUI(panel.resourcePath(f"UI/{self.uiFile}"))
        self.ui = slicer.util.childWidgetVariables(self.content)
        for label in self.content.findChildren(qt.QLabel):
            if label.wordWrap:
                letShrink(label)
        for comboBox in self.content.findChildren(qt.QComboBox):  # as wide as the panel, not as the longest entry
            comboBox.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
            comboBox.setMinimumContentsLength(_SHORTEST_ENTRY)
        self.widget = self._framed(self.content) if self.collapsible else self.content
        self.setup()
        self.content.setMRMLScene(panel.scene)

    def title(self) -> str:
        """What the header says, in the user's language."""
        return ""

    def summary(self) -> str:
        """A few words on the state, shown in the header while the section is closed; empty for none."""
        return ""

    def setup(self) -> None:
        """Fill menus and connect the signals of the widgets; called once."""

    def connect(self, parameters) -> None:
        """A parameter node appears: bind the widgets that carry ``SlicerParameterName``."""
        # Not connectGui: in Slicer 5.8 it returns no tag, and without one nothing can be disconnected.
        self._guiTag = parameters.connectParametersToGui(bindingsOf(self.ui))

    def disconnect(self) -> None:
        """The parameter node goes."""
        if self._guiTag is not None:
            self.panel.parameters.disconnectGui(self._guiTag)
            self._guiTag = None

    def refresh(self) -> None:
        """Show the state of the parameters; called after any change, so it must be cheap."""

    def refreshHeader(self) -> None:
        """Show title and summary."""
        if not self.collapsible:
            return
        summary = self.summary() if self.widget.collapsed and self.panel.parameters is not None else ""
        text = f"{self.title()}: {summary}" if summary else self.title()
        if self.widget.text != text:
            self.widget.text = text

    def problems(self) -> list[Missing]:
        """What this section knows to be wrong, beyond what the logic asks for: the analysis waits for it too."""
        return []

    def enter(self) -> None:
        """The module is shown."""

    def exit(self) -> None:
        """The module is left."""

    def sceneChanged(self) -> None:
        """Nodes came or went; called once Slicer is idle again, while the module is shown."""

    def sceneCloses(self) -> None:
        """The scene is about to be closed."""

    def cleanup(self) -> None:
        """The panel goes for good."""

    def _framed(self, content):
        frame = ctk.ctkCollapsibleButton()
        frame.text = self.title()
        frame.collapsed = self.collapsed
        layout = qt.QVBoxLayout(frame)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(content)
        frame.connect("contentsCollapsed(bool)", self._onCollapsed)
        return frame

    def _onCollapsed(self, _collapsed) -> None:
        self.refreshHeader()
