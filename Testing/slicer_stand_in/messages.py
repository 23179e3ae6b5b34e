"""Texts that Slicer would show in windows are kept for tests to read, and so are exceptions that nobody catches."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One window that would have opened. ``level`` is ``info``, ``warning``, ``error`` or ``question``."""

    level: str
    text: str
    title: str = ""
    detail: str = ""


#: What was shown since the last `slicer_stand_in.clear`, oldest first.
shown_messages: list[Message] = []
#: The next answers to questions, oldest first: True is OK, Yes or Retry. Questions beyond them are answered with True.
answers: list[bool] = []
#: Exceptions that left a signal's slot or an observer's callback; Slicer would print them and go on.
uncaught: list[BaseException] = []

_LEVELS = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


def _answer(buttons):
    from .qt_layer.pythonqt import qt

    box = qt.QMessageBox
    pairs = ((box.Ok, box.Cancel), (box.Yes, box.No), (box.Retry, box.Close))
    for agree, refuse in pairs:
        if buttons is not None and buttons & refuse:
            return agree if (answers.pop(0) if answers else True) else refuse
    return None


def _message_display(level, text, testingReturnValue, mainWindowNeeded=False, parent=None, windowTitle=None, **options):
    """In the place of ``slicer.util._messageDisplay``, through which Slicer's own *Display functions go."""
    import slicer

    logging.log(level, text)
    reply = _answer(options.get("standardButtons"))
    kind = _LEVELS[level] if reply is None else "question"
    shown_messages.append(Message(kind, str(text), windowTitle or "", str(options.get("detailedText") or "")))
    return testingReturnValue if slicer.app.testingEnabled() else reply


def _message_box(text, parent=None, **options):
    from .qt_layer.pythonqt import qt

    detail, title = str(options.get("detailedText") or ""), options.get("windowTitle", "")
    reply = _answer(options.get("standardButtons"))
    shown_messages.append(Message("info" if reply is None else "question", str(text), title, detail))
    return qt.QMessageBox.Ok if reply is None else reply


def _delay_display(message, autoCloseMsec=1000, parent=None, **options):
    import slicer

    logging.info(message)
    slicer.app.processEvents()
    if autoCloseMsec >= 400:
        shown_messages.append(Message("info", str(message)))


def _status_message(message, duration=0):
    return False  # as in Slicer without a main window


def _keep_uncaught(previous):
    def hook(kind, error, trace):
        already_shown = any(m.level == "error" and str(error) and str(error) in m.text for m in shown_messages)
        if not already_shown:
            uncaught.append(error)
            previous(kind, error, trace)

    return hook


def install(slicer) -> None:
    slicer.util._messageDisplay = _message_display
    slicer.util.messageBox = _message_box
    slicer.util.delayDisplay = _delay_display
    slicer.util.showStatusMessage = _status_message
    sys.excepthook = _keep_uncaught(sys.excepthook)


def forget() -> None:
    for kept in (shown_messages, answers, uncaught):
        kept.clear()
