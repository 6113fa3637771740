"""How far each partition of a window lies from those before it: shares that moved, values never seen, new extremes.

A partition's reference is what came before it, and never what came after: so an old partition and the newest are
measured by one rule. Only partitions that may serve as reference count into it.
"""

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np

from trivium.core.summary import LOG_RATIO, PHASES
from trivium.monitor.held import laid_out
from trivium.monitor.statistics import SHARES, TABLE, Array, Measures, Statistic, binomial

# Numbers are sorted into this many bins of equal mass.
BINS = 16
# A partition is looked for in so many before it, to see whether they were delivered again.
LOOKED_BACK = 8
# Gaps are looked for in hours of a day, not in quarters, which are empty by chance.
GAP_PHASES = 24
# Correlations weaker than this are no bond, and their coming and going is chance.
BOND = 0.15
DISTANCES = (
    "shares", "lengths", "patterns", "phases", "unseen", "unseen patterns", "unseen marks", "unseen decimals",
    "nulls within", "extent", "repeated", "gap", "bonds",
)  # fmt: skip
_SEEN = {
    "shares": "unseen", "folds": "unseen", "patterns": "unseen patterns", "marks": "unseen marks",
    "decimals": "unseen decimals",
}  # fmt: skip
# What cannot be new by itself: a whole number has no fewer places than it may have.
_ORDERED = ("decimals",)
# What was in no more of the partitions before is still new, where so many are known: a fault that went by untold.
STILL_NEW, OF_KNOWN = 2, 14


class Window:
    """Partitions in order of time with everything measured of them, as arrays: a row each, a column per statistic.

    `values` are the statistics, `noise` their variance by sampling. `eras` number the levels that were accepted: a
    partition's reference is of its own era.
    """

    def __init__(self, measures: Sequence[Measures], *, serves: Sequence[bool], eras: Sequence[int]) -> None:
        self.measures = measures
        self.serves = np.array(serves, dtype=bool)
        self.eras = np.array(eras)
        self.values: dict[Statistic, Array] = {}
        self.noise: dict[Statistic, Array] = {}
        self._rows: dict[str, Array] = {}
        # The correlations before each partition: (partitions, columns, columns).
        self.usual_bonds: tuple[list[str], Array] = ([], np.empty((len(measures), 0, 0)))
        self._own()
        inexact = {name for held in measures for name in held.inexact}
        for column, counted in sorted({key for held in measures for key in held.tallies}):
            if counted != ("shares" if column in inexact else "folds"):
                self._tallies(column, counted)
        coarse = {name for held in measures for name in held.coarse}
        for column in sorted({name for held in measures for name in held.numbers} - coarse):
            self._numbers(column)
        for column in sorted({name for held in measures for name in held.extremes}):
            self._extremes(column)
        self._nulls_within()
        self._repeated()
        self._bonds()

    def rows(self, column: str) -> Array:
        """Count the values that each partition holds in a column, at least 1; in the whole table for ""."""
        if column not in self._rows:
            held = [m.counts.get(column, m.rows) if column else m.rows for m in self.measures]
            self._rows[column] = np.maximum(np.array(held, dtype=np.float64), 1.0)
        return self._rows[column]

    def _rows_of(self, key: Statistic) -> Array:
        """Count what a statistic is taken over: a column's values, but for nulls, which are a share of all rows."""
        return self.rows(TABLE if key[1] == "nulls" else key[0])

    def _put(self, key: Statistic, values: Array, variances: Array) -> None:
        if key[1] in SHARES:
            # Where less than a row is expected, one row is no surprise, whatever the normal law says.
            variances = variances + 1.0 / self._rows_of(key) ** 2
        self.values[key], self.noise[key] = values, variances

    def _own(self) -> None:
        for key in sorted({key for held in self.measures for key in held.values}):
            values = np.array([held.values.get(key, np.nan) for held in self.measures])
            noise = np.array([held.noise.get(key, np.nan) for held in self.measures])
            rows = self._rows_of(key)
            if key[1] == "distinct":
                # More rows hold more values: all the more, the more of the values are new with each row (Heaps' law).
                values = values - min(1.0, float(np.nanmedian(np.exp(values) / rows))) * np.log(rows)
            # The middle of all: a partition's own faults do not excuse it.
            self._put(key, values, float(np.nanmedian(noise)) / rows)

    def _tallies(self, column: str, counted: str) -> None:
        tallies = [held.tallies.get((column, counted), {}) for held in self.measures]
        codes = {value: code for code, value in enumerate(dict.fromkeys(chain.from_iterable(tallies)))}
        if counted in _ORDERED:
            codes = {value: code for code, value in enumerate(sorted(codes))}
        if not codes:
            return
        sizes = [len(tally) for tally in tallies]
        rows = np.repeat(np.arange(len(tallies)), sizes)
        places = np.fromiter(map(codes.__getitem__, chain.from_iterable(tallies)), dtype=np.intp, count=sum(sizes))
        counts = np.zeros((len(tallies), len(codes)))
        counts[rows, places] = np.fromiter(
            chain.from_iterable(tally.values() for tally in tallies), dtype=np.float64, count=sum(sizes)
        )
        before = self._before(counts)
        if counted not in ("marks", "decimals"):
            self._moved_shares((column, "shares" if counted == "folds" else counted), counts, before)
        if counted in ("shares", "folds"):
            self._mode(column, counts)
        if counted in _SEEN:
            if counted in _ORDERED:
                # Who needs so many places has room for fewer.
                counts = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
            self._unseen((column, _SEEN[counted]), counts)
        if counted == "phases":
            self._gap(counts, before)

    def _mode(self, column: str, counts: Array) -> None:
        """Measure the share of the value that most rows have, with its sign: what goes by weekday can be taken out."""
        mode = int(np.argmax((counts * self.serves[:, None]).sum(axis=0)))
        rows = counts.sum(axis=1)
        share = _ratio(counts[:, mode], rows)
        usual = float(np.nanmedian(share)) if np.isfinite(share).any() else 0.0
        self._put((column, "mode"), share, binomial(usual * 1e6, 1e6) / np.maximum(rows, 1.0))

    def _unseen(self, key: Statistic, counts: Array) -> None:
        """Measure the share of rows with values that no partition before had, or next to none.

        Of what a row has several of (marks, places), that of the commonest new one.
        """
        column, statistic = key
        overlap = statistic in ("unseen marks", "unseen decimals")
        rows = self.rows(column) if overlap else counts.sum(axis=1)
        partitions = self._before((counts > 0).astype(np.float64))
        known = self._before((rows > 0).astype(np.float64)[:, None])
        new = counts * (partitions <= np.where(known >= OF_KNOWN, STILL_NEW, 0))
        unseen = _ratio(new.max(axis=1) if overlap else new.sum(axis=1), rows)
        unseen[known[:, 0] == 0] = np.nan
        typical = binomial(np.nan_to_num(unseen) * rows, rows)
        self._put(key, unseen, float(np.median(typical)) / np.maximum(rows, 1.0))

    def _gap(self, counts: Array, before: Array) -> None:
        """Measure the greatest share of the usual rows that lies in one run of hours which hold none."""
        hours = counts.reshape(len(counts), GAP_PHASES, PHASES // GAP_PHASES).sum(axis=2)
        usual = before.reshape(len(counts), GAP_PHASES, PHASES // GAP_PHASES).sum(axis=2)
        shares = _ratio(usual, usual.sum(axis=1)[:, None])
        gap, run = np.zeros(len(counts)), np.zeros(len(counts))
        for hour in range(GAP_PHASES):
            run = np.where(hours[:, hour] == 0, run + shares[:, hour], 0.0)
            gap = np.fmax(gap, run)
        self._put((TABLE, "gap"), np.where(usual.sum(axis=1) > 0, gap, np.nan), 1.0 / self.rows(TABLE) ** 2)

    def _numbers(self, column: str) -> None:
        held = [(place, *m.numbers[column]) for place, m in enumerate(self.measures) if column in m.numbers]
        values = np.concatenate([values for _, values, _ in held])
        counts = np.concatenate([counts for _, _, counts in held])
        rows = np.repeat([place for place, _, _ in held], [len(values) for _, values, _ in held])
        edges = self._edges(values, counts * self.serves[rows])
        bins = np.searchsorted(edges, values)
        width = len(edges) + 1
        flat = np.bincount(rows * width + bins, weights=counts, minlength=len(self.measures) * width)
        binned = flat.reshape(len(self.measures), width).astype(np.float64)
        self._moved_shares((column, "shares"), binned, self._before(binned))
        self._unseen_numbers(column, values, counts, rows)

    def _unseen_numbers(self, column: str, values: Array, counts: Array, rows: Array) -> None:
        """Measure the share of rows in buckets that none had before, all as wide as the widest of them."""
        ratio = LOG_RATIO * 2 ** max(held.coarseness.get(column, 0) for held in self.measures)
        with np.errstate(divide="ignore"):
            buckets = np.ceil(np.log(np.abs(values)) / ratio)
        buckets = np.where(values == 0, 0.0, np.copysign(buckets - buckets[values != 0].min(initial=0.0) + 1, values))
        # Whole numbers of a narrow range: what `np.unique` gives, without its sorting.
        numbers = (buckets - buckets.min(initial=0.0)).astype(np.intp)
        held = np.bincount(numbers) > 0
        places, width = (np.cumsum(held) - 1)[numbers], int(held.sum())
        flat = np.bincount(rows * width + places, weights=counts, minlength=len(self.measures) * width)
        self._unseen((column, "unseen"), flat.reshape(len(self.measures), width).astype(np.float64))

    @staticmethod
    def _edges(values: Array, counts: Array) -> Array:
        order = np.argsort(values, kind="stable")
        passed = np.cumsum(counts[order])
        if not passed[-1]:
            return np.empty(0)
        wanted = passed[-1] * np.arange(1, BINS) / BINS
        return np.unique(values[order][np.searchsorted(passed, wanted)])

    def _moved_shares(self, key: Statistic, counts: Array, before: Array) -> None:
        """Measure total variation from the partitions before, less what sampling alone would show.

        Source: the mean absolute deviation of a normal, for each share: E|p - q| = sqrt(2 p (1 - p) (1/n + 1/m) / pi).
        """
        rows, reference = counts.sum(axis=1), before.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = 0.5 * np.abs(counts / rows[:, None] - before / reference[:, None]).sum(axis=1)
            pooled = (counts + before) / (rows + reference)[:, None]
            error = 1.0 / rows + 1.0 / reference
            by_chance = np.sqrt(pooled * (1 - pooled) * error[:, None] / (2 * math.pi)).sum(axis=1)
            variance = (0.25 - 0.5 / math.pi) * (pooled * (1 - pooled)).sum(axis=1) * error
        usual = np.isfinite(moved)
        self._put(key, np.where(usual, moved - by_chance, np.nan), np.where(usual, variance, np.nan))

    def _before(self, counts: Array) -> Array:
        """Sum what came before each partition in its era, of those that serve as reference."""
        serving = counts * self.serves[:, None]
        before: Array = np.cumsum(serving, axis=0) - serving
        for era in np.unique(self.eras)[1:]:
            first = int(np.argmax(self.eras == era))
            before[first:] -= before[first]
        return before

    def _extremes(self, column: str) -> None:
        """Measure how far a partition's extremes lie beyond those before it, in widths of all seen before (log)."""
        ends = np.array([held.extremes.get(column, (np.nan, np.nan)) for held in self.measures])
        serving = np.where(self.serves[:, None], ends, np.nan)
        low = np.fmin.accumulate(serving[:, 0])
        high = np.fmax.accumulate(serving[:, 1])
        low, high = np.append(np.nan, low[:-1]), np.append(np.nan, high[:-1])
        width = high - low
        beyond = np.fmax(np.fmax(ends[:, 1] - high, low - ends[:, 0]), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            extent = np.log1p(np.where(width > 0, beyond / width, np.nan))
        self._put((column, "extent"), extent, np.zeros(len(extent)))

    def _nulls_within(self) -> None:
        """Measure how many rows are null where the rows with the same value of a slicer are not, beyond chance.

        Each column is measured within the slicer that has told most of its nulls so far.
        """
        best: dict[str, tuple[float, Array, Array]] = {}
        for slicer in sorted({name for held in self.measures for name in held.held}):
            columns, rows, nulls = laid_out([held.held.get(slicer) for held in self.measures])
            total = rows.sum(axis=1)[:, None]
            flat = self._before(nulls.reshape(len(nulls), -1)).reshape(nulls.shape)
            usual = _ratio(flat, self._before(rows)[:, :, None])
            usual = np.where(np.isnan(usual), _ratio(nulls, rows[:, :, None]), usual)
            variance = _ratio(np.nan_to_num(usual * (1 - usual) * rows[:, :, None]).sum(axis=1), total**2)
            more = _ratio(np.nan_to_num(np.maximum(nulls - usual * rows[:, :, None], 0.0)).sum(axis=1), total)
            for place, column in enumerate(columns):
                if column == slicer or not nulls[self.serves, :, place].any():
                    continue
                usually = float(np.nanmedian(more[self.serves, place]))
                if column not in best or usually < best[column][0]:
                    best[column] = usually, more[:, place], variance[:, place]
        for column, (_, more, variance) in best.items():
            self._put((column, "nulls within"), more, variance + 1.0 / self.rows(TABLE) ** 2)

    def _repeated(self) -> None:
        """Measure the greatest share of a partition's sampled rows that one of the few before it holds too."""
        shares, variances = np.full(len(self.measures), np.nan), np.full(len(self.measures), np.nan)
        for place in range(1, len(self.measures)):
            mine = self.measures[place].samples
            before = self.measures[max(0, place - LOOKED_BACK) : place]
            if len(mine):
                shares[place] = max(mine.repeated_in(held.samples) for held in before)
                variances[place] = binomial(shares[place] * len(mine), len(mine)) / len(mine)
        if np.isfinite(shares).any():
            self._put((TABLE, "repeated"), shares, variances)

    def _bonds(self) -> None:
        """Measure how far the correlations of each column lie from those before, the strong ones weighing most.

        The root of the mean square, weighted by the square of the usual correlation, less what sampling would show: the
        standard error of a correlation is (1 - r^2) / sqrt(n).
        """
        columns = sorted({name for held in self.measures if held.correlations for name in held.correlations[0]})
        found = np.full((len(self.measures), len(columns), len(columns)), np.nan)
        for place, held in enumerate(self.measures):
            if held.correlations:
                at = [columns.index(name) for name in held.correlations[0]]
                found[place][np.ix_(at, at)] = held.correlations[1]
        known = ~np.isnan(found)
        filled = np.where(known, found, 0.0)
        flat = (len(found), -1)
        many = self._before(known.reshape(flat).astype(np.float64)).reshape(found.shape)
        self.usual_bonds = columns, _ratio(self._before(filled.reshape(flat)).reshape(found.shape), many)
        usual = self.usual_bonds[1]
        is_bond = known & (np.abs(usual) >= BOND) & ~np.eye(len(columns), dtype=bool)
        weights = np.where(is_bond, usual**2, 0.0)
        total = weights.sum(axis=2)
        moved = np.sqrt(_ratio((weights * np.where(is_bond, found - usual, 0.0) ** 2).sum(axis=2), total))
        spread = (weights * np.where(is_bond, 1 - usual**2, 0.0) ** 2).sum(axis=2)
        earlier = np.maximum(np.arange(len(found)), 1)
        for place, column in enumerate(columns):
            variance = _ratio(spread[:, place], total[:, place]) / self.rows(column) * (1 + 1 / earlier)
            self._put((column, "bonds"), moved[:, place] - np.sqrt(variance), variance / 2)


def _ratio(part: Array, whole: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.where(whole > 0, part / whole, np.nan)
    return found
