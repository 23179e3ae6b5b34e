"""Text fields for numbers: a warning sign in the field, with the sentence that says what is wrong or missing."""

from __future__ import annotations

from collections.abc import Callable

import qt

from dcepk.errors import InputError, without_options


class NumberField:
    """A line edit whose text is checked.

    Parameters
    ----------
    lineEdit : QLineEdit
        The field; its tool tip is kept while there is nothing to say.
    check : callable
        ``(text)``; raises `InputError` when the text cannot be used.
    """

    def __init__(self, lineEdit, check: Callable[[str], object]):
        self.lineEdit = lineEdit
        self._check = check
        self._toolTip = lineEdit.toolTip
        icon = lineEdit.style().standardIcon(qt.QStyle.SP_MessageBoxWarning)
        self._sign = lineEdit.addAction(icon, qt.QLineEdit.TrailingPosition)
        self._sign.setVisible(False)

    def problem(self) -> str:
        """Why the text cannot be used, in one sentence; empty when it can."""
        try:
            self._check(self.lineEdit.text)
        except InputError as error:
            return without_options(str(error))
        return ""

    def mark(self, missing: str = "") -> str:
        """Show the sign where the text cannot be used, or something is missing.

        Parameters
        ----------
        missing : str
            What the analysis waits for; empty for nothing.

        Returns
        -------
        str
            The sentence that the sign stands for.
        """
        sentence = self.problem() or missing
        self._sign.setVisible(bool(sentence))
        self.lineEdit.toolTip = sentence or self._toolTip
        return sentence


def showSentences(label, sentences) -> None:
    """Show sentences in a label that is hidden while there are none."""
    label.text = "\n".join(dict.fromkeys(s for s in sentences if s))
    label.setVisible(bool(label.text))


def letShrink(widget) -> None:
    """Keep what a widget says from making the panel wider: the views beside it would move with every message."""
    policy = widget.sizePolicy
    policy.setHorizontalPolicy(qt.QSizePolicy.Ignored)
    widget.setSizePolicy(policy)
