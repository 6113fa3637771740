"""What a partition's reading offers to those who explain it: sizes by column, distributions, and plain words."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trivium.monitor.decision import Kind
from trivium.monitor.fits import BUCKET, Ladder
from trivium.monitor.reading import Reading
from trivium.monitor.statistics import TABLE, Array, Measures

# Half of a threshold is movement enough to belong to a cause that was found elsewhere.
FOLLOWS = 0.5
# More rows than this are all of them; fewer than this are few.
WHOLE = 0.97
FEW = 0.1
BULK = ("q10", "q50", "q90")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One explanation: its kind, the columns it blames, what it says, and how strongly its signature speaks.

    `strength` is in spreads. `accounts` are columns whose movement follows from it, the blamed ones among them.
    """

    kind: Kind
    columns: tuple[str, ...]
    words: str
    strength: float
    accounts: frozenset[str] = field(default_factory=frozenset)


class Evidence:
    """A reading with what explanations ask of it: the sizes by column, and the usual distributions."""

    def __init__(self, reading: Reading, labels: Sequence[str]) -> None:
        self.reading = reading
        self.labels = tuple(labels)
        self.now = reading.window.measures[reading.place]
        window = reading.window
        # What it may have been before is what it was on the level that holds now.
        self.past: list[Measures] = [
            held
            for place, held in enumerate(window.measures)
            if place != reading.place and window.eras[place] == window.eras[reading.place]
        ]
        self._worst: dict[str, float] = {}
        for (column, _), size in zip(reading.keys, np.abs(reading.sizes).tolist(), strict=True):
            self._worst[column] = max(size, self._worst.get(column, 0.0))

    def size(self, column: str, *statistics: str) -> float:
        """Tell the greatest size among some statistics of a column."""
        return max((abs(self.reading.size(column, statistic)) for statistic in statistics), default=0.0)

    def beyond(self, column: str, *statistics: str) -> bool:
        """Tell whether any of some statistics of a column moved beyond the threshold."""
        return self.size(column, *statistics) > self.reading.threshold

    def fell_by(self) -> float:
        """Tell which share of the expected rows is missing, if that is beyond the threshold; else 0."""
        if self.reading.size(TABLE, "rows") > -self.reading.threshold:
            return 0.0
        seen, expected = self.seen(TABLE, "rows")
        return 1.0 - float(np.exp(seen - expected))

    def moments(self, column: str) -> tuple[float, float]:
        """Mean and standard deviation of a number column."""
        mean, spread = self.now.values[column, "mean"], self.now.noise[column, "mean"]
        return mean, float(np.sqrt(spread))

    def usual_moments(self, column: str) -> tuple[float, float]:
        """The middle of each over the partitions before."""
        held = [m for m in self.past if (column, "mean") in m.values]
        return (
            float(np.median([m.values[column, "mean"] for m in held])),
            float(np.sqrt(np.median([m.noise[column, "mean"] for m in held]))),
        )

    def outside(self, column: str, usual: Ladder) -> float:
        """Tell which share of a column's rows lies outside the middle 99 % of the usual ones."""
        values, counts = usual
        passed = np.cumsum(counts) / counts.sum()
        low, high = values[np.searchsorted(passed, (0.005, 0.995))]
        now = self.now.numbers[column]
        return 1.0 - within(*now, low, high)

    def up(self, column: str, statistic: str) -> bool:
        """Tell whether a statistic rose beyond the threshold."""
        return self.reading.size(column, statistic) > self.reading.threshold

    def moved(self, share: float = 1.0) -> list[str]:
        """List the columns that moved beyond a share of the threshold, the furthest first."""
        beyond = [
            column for column, size in self._worst.items() if column != TABLE and size > share * self.reading.threshold
        ]
        return sorted(beyond, key=lambda column: (-self._worst[column], column))

    def worst(self, column: str) -> float:
        """Tell how far a column moved in whatever moved furthest."""
        return self._worst.get(column, 0.0)

    def seen(self, column: str, statistic: str) -> tuple[float, float]:
        """Tell what was seen and what was expected."""
        place = self.reading.keys.index((column, statistic))
        return float(self.reading.seen[place]), float(self.reading.expected[place])

    def now_of(self, column: str) -> Ladder | None:
        """The distribution of a number column in this partition."""
        return self.now.numbers.get(column)

    def usual_of(self, column: str) -> Ladder | None:
        """The distribution of a number column in the partitions before."""
        held = [m.numbers[column] for m in self.past if column in m.numbers]
        if not held:
            return None
        values, places = np.unique(np.concatenate([v for v, _ in held]), return_inverse=True)
        return values, np.bincount(places, weights=np.concatenate([c for _, c in held])).astype(np.float64)


def within(values: Array, counts: Array, low: float, high: float) -> float:
    """Tell which share of a distribution lies between two values, with a bucket's width to spare."""
    inside = (values >= low - BUCKET * abs(low)) & (values <= high + BUCKET * abs(high))
    return float(counts[inside].sum() / counts.sum())


def how(evidence: Evidence, column: str) -> str:
    """Say in words how a column moved, by what moved furthest."""
    reading = evidence.reading
    statistic = max((s for c, s in reading.keys if c == column), key=lambda s: abs(reading.size(column, s)))
    seen, expected = evidence.seen(column, statistic)
    if statistic in ("nulls", "zeros", "negatives"):
        what = {"nulls": "null", "zeros": "0", "negatives": "negative"}[statistic]
        return f"{column} is {what} in {percent(seen)} of the rows, usually in {percent(max(expected, 0.0))}"
    if statistic == "distinct":
        return f"{column} has {np.exp(seen - expected):.3g} times as many values as usual"
    if statistic == "spread":
        return f"{column} spreads {np.exp(seen - expected):.3g} times as wide as usual"
    if statistic in ("mean", "q10", "q50", "q90"):
        name = {"mean": "mean", "q10": "10 % point", "q50": "middle", "q90": "90 % point"}[statistic]
        return f"the {name} of {column} is {seen:.4g}, expected {expected:.4g}"
    return f"{percent(max(seen, 0.0))} of the rows have other values of {column} than usual"


def percent(share: float) -> str:
    """Write a share in per cent, to two figures."""
    shown = 100 * share
    return f"{shown:.0f} %" if shown >= 9.5 else f"{shown:.2g} %"
