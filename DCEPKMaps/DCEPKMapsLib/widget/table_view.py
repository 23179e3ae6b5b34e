"""Tables in the panel: as small as their contents."""

from __future__ import annotations


def fitTable(view) -> None:
    """Fit columns and rows of a table view to their contents, without numbers of rows."""
    view.verticalHeader().setVisible(False)
    view.resizeColumnsToContents()
    view.resizeRowsToContents()
