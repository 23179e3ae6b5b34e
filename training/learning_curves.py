"""Learning curves: a table that a spreadsheet reads, and a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkpoint import Checkpoint


@dataclass(frozen=True)
class Row:
    """One epoch.

    Attributes
    ----------
    epoch, iteration : int
        Epochs and iterations done.
    seconds : float
        Time since the beginning, without the time in which training was stopped.
    training, validation : dict of str to float
        The mean loss (``total``) and its parts, in the epoch and after it.
    """

    epoch: int
    iteration: int
    seconds: float
    training: dict[str, float]
    validation: dict[str, float]

    @classmethod
    def of(cls, state: Checkpoint, validation: dict[str, float], seconds: float) -> Row:
        """The row of the epoch that just ended."""
        iterations = state.iteration - (state.rows[-1].iteration if state.rows else 0)
        training = {name: value / iterations for name, value in state.sums.items()}
        return cls(state.epoch + 1, state.iteration, seconds, training, validation)

    def told(self, best_epoch: int) -> str:
        """One line for the terminal."""
        parts = ", ".join(f"{k} {v:.4g}" for k, v in self.validation.items() if k != "total")
        best = " (best)" if best_epoch == self.epoch else ""
        return (
            f"epoch {self.epoch}: training {self.training['total']:.4g}, validation {self.validation['total']:.4g} "
            f"({parts}){best}, {self.seconds / 60:.1f} min"
        )


def draw_curves(folder: Path, title: str, rows: Sequence[Row]) -> None:
    """Write ``curves.csv`` and ``curves.png`` into a folder; nothing where there is no epoch yet."""
    if not rows:
        return
    names = list(rows[0].validation)
    with open(folder / "curves.csv", "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(
            ["epoch", "iteration", "seconds", *(f"training_{n}" for n in names), *(f"validation_{n}" for n in names)]
        )
        for r in rows:
            values = (*(r.training[n] for n in names), *(r.validation[n] for n in names))
            writer.writerow([r.epoch, r.iteration, f"{r.seconds:.1f}", *(f"{v:.6g}" for v in values)])

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(names), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    epochs = [r.epoch for r in rows]
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        axis.plot(epochs, [r.training[name] for r in rows], marker=".", label="training")
        axis.plot(epochs, [r.validation[name] for r in rows], marker=".", label="validation")
        axis.set(xlabel="epoch", title=f"loss: {name}", yscale="log")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle(title)
    figure.savefig(folder / "curves.png", dpi=100)
