"""Two rules of thumb against a reference: PSI above 0.2, and a test with p below .05, any column.

Like the tools that have them built in, they know one reference: the first 30 days. With feedback the reference becomes,
every 30 days, the 30 days before with their faults mended.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import polars as pl
from scipy import stats

from alarm_study.faults import WARM_UP
from alarm_study.tables import Table
from alarm_study.verdicts import Verdict

PSI_LIMIT = 0.2
PSI_BINS = 10
PSI_FLOOR = 1e-4
P_LIMIT = 0.05


def reference_of(day: int, *, feedback: bool) -> int:
    """Number the reference that a day is held to: reference r is the days 30 r to 30 r + 29."""
    return (day - WARM_UP) // WARM_UP if feedback else 0


class Rule(Protocol):
    """Scores a column against a reference; the higher, the odder."""

    def __init__(self, reference: pl.Series) -> None: ...

    def says(self, recent: pl.Series) -> tuple[bool, float]:
        """Tell whether the column alarms, and how odd it is."""


class Psi:
    """The population stability index over tenths of the reference, or over values; above 0.2 is called a big shift."""

    def __init__(self, reference: pl.Series) -> None:
        self._is_number = reference.dtype.is_numeric()
        if self._is_number:
            held = reference.drop_nulls().cast(pl.Float64).to_numpy()
            self._edges = (
                np.unique(np.quantile(held, np.linspace(0, 1, PSI_BINS + 1)[1:-1])) if held.size else np.array([])
            )
        self._shares = self._binned(reference)

    def _binned(self, column: pl.Series) -> dict[object, float]:
        held = column.drop_nulls()
        if self._is_number:
            places = np.searchsorted(self._edges, held.cast(pl.Float64).to_numpy(), side="left")
            counts: dict[object, float] = dict(enumerate(np.bincount(places, minlength=len(self._edges) + 1).tolist()))
        else:
            counts = dict(held.cast(pl.String).value_counts().iter_rows())
        return {key: count / max(held.len(), 1) for key, count in counts.items()}

    def says(self, recent: pl.Series) -> tuple[bool, float]:
        """See `Rule`."""
        seen = self._binned(recent)
        score = 0.0
        for key in self._shares.keys() | seen.keys():
            was, now = max(self._shares.get(key, 0.0), PSI_FLOOR), max(seen.get(key, 0.0), PSI_FLOOR)
            score += (now - was) * np.log(now / was)
        return score > PSI_LIMIT, float(score)


class Test:
    """Kolmogorov and Smirnov's test for numbers, chi-squared for values: p below .05."""

    def __init__(self, reference: pl.Series) -> None:
        self._is_number = reference.dtype.is_numeric()
        held = reference.drop_nulls()
        self._size = held.len()
        if self._is_number:
            self._sorted = np.sort(held.cast(pl.Float64).to_numpy())
        else:
            self._counts: dict[str, int] = dict(held.cast(pl.String).value_counts().iter_rows())

    def says(self, recent: pl.Series) -> tuple[bool, float]:
        """See `Rule`."""
        held = recent.drop_nulls()
        if held.len() == 0 or self._size == 0:
            return True, 1.0  # the test cannot be made: whoever runs it every day hears of that
        p = self._p_of_numbers(held) if self._is_number else self._p_of_values(held)
        return p < P_LIMIT, 1 - p

    def _p_of_numbers(self, held: pl.Series) -> float:
        recent = np.sort(held.cast(pl.Float64).to_numpy())
        # Between two recent values only the reference's share grows, so the widest gap lies at one of them.
        gap = max(
            np.abs(
                np.searchsorted(self._sorted, recent, side) / self._size
                - np.searchsorted(recent, recent, side) / recent.size
            ).max()
            for side in ("left", "right")
        )
        size = self._size * recent.size / (self._size + recent.size)
        return float(stats.kstwo.sf(gap, max(round(size), 1)))

    def _p_of_values(self, held: pl.Series) -> float:
        seen = dict(held.cast(pl.String).value_counts().iter_rows())
        keys = sorted(self._counts.keys() | seen.keys())
        if len(keys) < 2:
            return 1.0
        table = np.array([[counts.get(key, 0) for key in keys] for counts in (self._counts, seen)])
        return float(stats.chi2_contingency(table, correction=False).pvalue)


RULES: Mapping[str, type[Rule]] = {"PSI > 0.2": Psi, "KS / chi2, p < .05": Test}


class Columns:
    """Every column's rule against each reference, made when first asked for."""

    def __init__(self, rule: type[Rule], table: Table, days: Sequence[pl.DataFrame]) -> None:
        self._rule, self._table, self.days = rule, table, days
        self._made: dict[tuple[int, str], Rule] = {}

    def says(self, rows: pl.DataFrame, *, reference: int) -> dict[str, tuple[bool, float]]:
        """Hold a partition to a reference; a column that is gone stops the job, which is noticed."""
        return {
            name: self._of(reference, name).says(rows[name]) if name in rows.columns else (True, np.inf)
            for name in self._table.columns
        }

    def _of(self, reference: int, name: str) -> Rule:
        if (reference, name) not in self._made:
            held = [day[name] for day in self.days[reference * WARM_UP : (reference + 1) * WARM_UP]]
            self._made[reference, name] = self._rule(pl.concat(held))
        return self._made[reference, name]


def any_column(day: int, said: Mapping[str, tuple[bool, float]]) -> Verdict:
    """Raise an alarm if any column does; the oddest column first, and a message for each."""
    names = sorted((name for name, (alarm, _) in said.items() if alarm), key=lambda name: (-said[name][1], name))
    return Verdict(day, bool(names), columns=tuple(names), messages=len(names))


def most_columns(day: int, said: Mapping[str, tuple[bool, float]], *, share: float = 0.5) -> Verdict:
    """Raise one alarm if at least a share of the columns do."""
    names = sorted((name for name, (alarm, _) in said.items() if alarm), key=lambda name: (-said[name][1], name))
    alarm = len(names) >= share * len(said)
    return Verdict(day, alarm, columns=tuple(names) if alarm else (), messages=int(alarm))
