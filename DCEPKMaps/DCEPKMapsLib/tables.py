"""Table nodes that this module keeps in a scene: found again by their purpose, filled column by column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import vtk

PURPOSE = "DCEPKMaps.purpose"
"""Attribute by which such a table is known."""


@dataclass(frozen=True)
class Column:
    """One column: texts, or numbers, of which every value is of the type of the first.

    Attributes
    ----------
    title : str
        Its title, with the unit.
    values : sequence of str, int or float
        A cell for each row.
    description : str
        What it holds, in one sentence.
    """

    title: str
    values: Sequence[str | int | float]
    description: str = ""


def ownTable(scene, name: str):
    """The table of that name that this module made in a scene; a new one where there is none.

    Parameters
    ----------
    scene : vtkMRMLScene
        The scene.
    name : str
        Its name, and its purpose.

    Returns
    -------
    vtkMRMLTableNode
    """
    for i in range(scene.GetNumberOfNodesByClass("vtkMRMLTableNode")):
        node = scene.GetNthNodeByClass(i, "vtkMRMLTableNode")
        if node.GetAttribute(PURPOSE) == name:
            return node
    node = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    node.SetAttribute(PURPOSE, name)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    return node


def fillTable(node, columns: Iterable[Column]) -> None:
    """Replace what a table node holds."""
    columns, table = list(columns), vtk.vtkTable()
    for column in columns:
        array = _arrayFor(column.values)
        array.SetName(column.title)
        for value in column.values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    wasModifying = node.StartModify()
    for i in range(node.GetNumberOfColumns()):
        node.RemoveAllColumnProperties(i)
    node.SetAndObserveTable(table)
    for column in columns:
        node.SetColumnTitle(column.title, column.title)
        if column.description:
            node.SetColumnDescription(column.title, column.description)
    node.EndModify(wasModifying)


def _arrayFor(values: Sequence[str | int | float]):
    first = values[0] if len(values) else ""
    if isinstance(first, str):
        return vtk.vtkStringArray()
    return vtk.vtkIntArray() if isinstance(first, int) else vtk.vtkDoubleArray()
