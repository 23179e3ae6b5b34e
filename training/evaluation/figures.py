"""The figures of many studies, looked up and summarised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from evaluation.rows import Row
from evaluation.study import BRAIN, NORMAL, SMALL_MM, TRUTH, Record

BORDERS, SMALL = "lesion borders", f"lesions below {SMALL_MM:g} mm"
_LESIONS = (
    "white matter hyperintensity", "recent stroke lesion", "lacune", "oedema", "enhancing tumour", "tumour core",
    "non-enhancing tumour", "metastasis", "meningioma",
)  # fmt: skip
PLACES = (*NORMAL, *_LESIONS, BORDERS, SMALL)
"""Where errors are told, in the order of the tables."""


class Figures:
    """The records of an evaluation, looked up.

    Parameters
    ----------
    records : iterable of Record
    rows : sequence of Row
        In the order of the tables.
    """

    def __init__(self, records: Iterable[Record], rows: Sequence[Row]):
        self.rows = tuple(rows)
        self.labels = {row.name: row.label for row in rows}
        self._found: dict[tuple, dict[int, float]] = {}
        for r in records:
            key = (r.row, r.snr, r.metric, r.parameter, r.against, r.where)
            self._found.setdefault(key, {})[r.seed] = r.value
        self.snr = sorted({key[1] for key in self._found})

    def of(self, row: str, snr: float, metric: str, parameter="", against="", where=BRAIN) -> dict[int, float]:
        """Values by subject; empty where there are none."""
        return self._found.get((row, snr, metric, parameter, against, where), {})

    def mean(self, row: str, snr: float, metric: str, parameter="", against="", where=BRAIN) -> float:
        """Mean over subjects; the root of the mean square for ``rmse``."""
        values = np.array(list(self.of(row, snr, metric, parameter, against, where).values()), float)
        values = values[np.isfinite(values)]
        if not values.size:
            return np.nan
        return float(np.sqrt(np.mean(values**2)) if metric == "rmse" else values.mean())

    def of_kind(self, *kinds: str) -> list[Row]:
        """Rows of some kinds."""
        return [row for row in self.rows if row.kind in kinds]

    def knows(self, snr: float, against: str) -> bool:
        """Whether anything is compared with a reference."""
        return any(key[1] == snr and key[4] == against for key in self._found)

    def places(self, snr: float) -> list[str]:
        """Where any row has errors against the truth."""
        known = {key[5] for key in self._found if key[1] == snr and key[2] == "rmse" and key[4] == TRUTH}
        return [place for place in PLACES if place in known]

    def tissue_means(
        self, row: str, snr: float, parameter: str, against: str, place: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean of a map and of its reference in a tissue of each subject that has it, paired."""
        means, bias = (self.of(row, snr, metric, parameter, against, place) for metric in ("mean", "bias"))
        pairs = [(means[seed], means[seed] - bias[seed]) for seed in means]
        return tuple(np.array(pairs).reshape(-1, 2).T)
