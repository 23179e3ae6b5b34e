"""Color legends: title with unit, and as many numbers as fall on round values, with the digits that these need."""

from __future__ import annotations

import math

import slicer

from .colors import Category

_COUNTS = (6, 5, 4, 7, 3)
"""Numbers along a legend, the preferred count first."""
_LONGEST = 5
_POSITION = (0.98, 0.03)
"""Lower right corner, as a share of the view: a head leaves the corners free, and the names of volumes stand left."""
_HEIGHT, _BAR_WIDTH, _CHARACTER_WIDTH, _LETTER_WIDTH = 0.34, 0.03, 0.009, 0.013
"""Shares of the view. The legend's texts grow until they fill its width, so that width follows their length."""
_TITLE_POINTS, _LABEL_POINTS = 14, 12


def numberFormat(low: float, high: float) -> tuple[int, str]:
    """How a range is written along a legend.

    Parameters
    ----------
    low, high : float
        Ends of the range.

    Returns
    -------
    count : int
        How many numbers, both ends included.
    format : str
        Their printf format.
    """
    digits = {count: _digits(low, high, count) for count in _COUNTS}
    fewest = min(digits.values())
    count = next(c for c in _COUNTS if digits[c] == fewest)
    if fewest > _LONGEST or max(abs(low), abs(high)) >= 1e6:
        return count, "%.2e"
    return count, f"%.{fewest}f"


def _digits(low: float, high: float, count: int) -> int:
    """Decimals with which evenly spaced numbers are told apart and written exactly, or to 1 % of their step."""
    step = (high - low) / (count - 1)
    first = max(0, -math.floor(math.log10(step)))
    for digits in range(first, first + 3):
        if all(abs(round(low + i * step, digits) - (low + i * step)) <= 0.01 * step for i in range(count)):
            return digits
    return first + 2


def showLegend(displayNode, title: str, categories: list[Category] | None = None):
    """Show the legend of a volume; its numbers are those of the shown range (window) of the display node.

    Parameters
    ----------
    displayNode : vtkMRMLScalarVolumeDisplayNode
        With its range and colors set.
    title : str
        Such as ``Ktrans (/min)``.
    categories : list of Category, optional
        Names in place of numbers.

    Returns
    -------
    vtkMRMLColorLegendDisplayNode
    """
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(displayNode)
    wasModifying = legend.StartModify()
    legend.SetTitleText(title)
    if categories:
        legend.SetUseColorNamesForLabels(True)
        legend.SetMaxNumberOfColors(len(categories))
        legend.SetNumberOfLabels(len(categories))
        legend.SetLabelFormat(legend.GetDefaultTextLabelFormat())
        width = _LETTER_WIDTH * max(len(category.name) for category in categories)
    else:
        low, high = displayNode.GetWindowLevelMin(), displayNode.GetWindowLevelMax()
        count, text = numberFormat(low, high)
        width = _CHARACTER_WIDTH * max(len(text % low), len(text % high))
        legend.SetUseColorNamesForLabels(False)
        legend.SetMaxNumberOfColors(256)
        legend.SetNumberOfLabels(count)
        legend.SetLabelFormat(text)
    legend.SetPosition(*_POSITION)
    legend.SetSize(_BAR_WIDTH + width, _HEIGHT)
    for properties, points in (
        (legend.GetTitleTextProperty(), _TITLE_POINTS),
        (legend.GetLabelTextProperty(), _LABEL_POINTS),
    ):
        properties.SetFontSize(points)
        properties.SetFontFamilyToArial()
        properties.SetColor(1, 1, 1)
        properties.ShadowOn()  # legible over bright tissue too
        properties.BoldOff()
        properties.ItalicOff()
    legend.SetVisibility(True)
    legend.EndModify(wasModifying)
    legend.Modified()  # views look for the volume now; they do not when the volumes they show are changed by a program
    return legend


def hideLegend(volume) -> None:
    """Hide the legend of a volume where it has one."""
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
    if legend is not None:
        legend.SetVisibility(False)
