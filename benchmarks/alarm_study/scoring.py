"""Score what systems said against what was done to the tables: the study's arithmetic, which runs nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from scipy.stats import beta

from alarm_study.faults import LASTS, WARM_UP, Struck
from alarm_study.verdicts import Verdict

DAYS_A_MONTH = 30.4
# The kind of fault, in the words of a decision, that an injected kind is named right by.
NAMED: dict[str, frozenset[str]] = {
    "nulls": frozenset({"missing"}),
    "scale": frozenset({"scale"}),
    "categories": frozenset({"category"}),
    "drop_column": frozenset({"schema", "missing"}),
    "swap_columns": frozenset({"swapped"}),
    "outliers": frozenset({"outliers"}),
    "duplicates": frozenset({"duplicates"}),
    "truncate": frozenset({"truncated"}),
    "stale": frozenset({"stale"}),
    "late": frozenset({"late"}),
    "sample_shift": frozenset({"population shift"}),
    "label_flip": frozenset({"swapped", "label shift", "concept shift"}),
    "concept_shift": frozenset({"label shift", "concept shift"}),
}
# Here the world moved and no data broke: a system may show it without an alarm.
SHIFTS = ("sample_shift", "concept_shift")


@dataclass(frozen=True)
class Walk:
    """One system's way through one table under one seed's faults."""

    table: str
    seed: int
    faults: Sequence[Struck]
    verdicts: Sequence[Verdict]

    @cached_property
    def on(self) -> dict[int, Struck]:
        """The fault that is on, by day."""
        return {day: struck for struck in self.faults for day in struck.days}

    @cached_property
    def clean(self) -> list[Verdict]:
        """What was said of the days without a fault, the warm-up left out."""
        return [said for said in self.verdicts if said.day >= WARM_UP and said.day not in self.on]


@dataclass(frozen=True)
class Outcome:
    """How one fault fared: whether an alarm caught it, or at least something was shown; how soon; what was named."""

    table: str
    kind: str
    severity: str
    caught: bool
    noticed: bool
    hours: float | None
    first_right: bool | None
    top_3_right: bool | None
    kind_right: bool | None

    @property
    def explained(self) -> bool:
        """Whether an alarm caught it and named nothing wrong first: the column, or where there is none, the kind."""
        if self.first_right is not None:
            return self.caught and self.first_right
        return self.caught and self.kind_right is not False


def outcomes(walk: Walk) -> list[Outcome]:
    """Tell how each of a walk's faults fared. A fault is caught by an alarm on any of its days."""
    said = {verdict.day: verdict for verdict in walk.verdicts}
    found = []
    for struck in walk.faults:
        on = [said[day] for day in struck.days if day in said]
        alarms = [verdict for verdict in on if verdict.alarm]
        told = next(iter([*alarms, *(verdict for verdict in on if verdict.shown)]), None)
        named = told is not None and bool(struck.columns) and bool(told.columns)
        found.append(
            Outcome(
                table=walk.table,
                kind=struck.fault.kind,
                severity=str(struck.fault.severity),
                caught=bool(alarms),
                noticed=told is not None,
                hours=min((24.0 * (v.day - struck.first) + v.after_h for v in alarms), default=None),
                first_right=told.columns[0] in struck.columns
                if told and named
                else (False if _owes(told, struck) else None),
                top_3_right=bool(struck.columns & set(told.columns[:3]))
                if told and named
                else (False if _owes(told, struck) else None),
                kind_right=told.kind in NAMED[struck.fault.kind] if told and told.kind else None,
            )
        )
    return found


def _owes(told: Verdict | None, struck: Struck) -> bool:
    """Tell whether a system that names columns should have named one, and did not."""
    return told is not None and told.kind is not None and bool(struck.columns)


@dataclass(frozen=True)
class Share:
    """A share k of n, k perhaps not whole, with its exact 95 % interval."""

    k: float
    n: float

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing is 0."""
        return self.k / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Give the exact interval (Clopper and Pearson, 1934)."""
        if not self.n:
            return 0.0, 1.0
        low = float(beta.ppf(0.025, self.k, self.n - self.k + 1)) if self.k > 0 else 0.0
        high = float(beta.ppf(0.975, self.k + 1, self.n - self.k)) if self.k < self.n else 1.0
        return low, high


def by_chance(false_days_: Share) -> float:
    """Tell what share of faults alarms would catch that come as often as on fault-free days, and ask for nothing."""
    return 1 - (1 - false_days_.value) ** LASTS


def share_of(found: Iterable[Outcome], is_so: Callable[[Outcome], bool | None]) -> Share:
    """Count the outcomes of which something is so, among those of which it can be said."""
    said = [answer for answer in map(is_so, found) if answer is not None]
    return Share(sum(said), len(said))


def false_days(walks: Sequence[Walk], is_so: Callable[[Verdict], bool]) -> Share:
    """Tell how many fault-free days were alarmed, of how many, in the mean over the seeds of each table.

    The seeds share a table's days, so a real day counts once: the interval is that of one year a table, not of 20.
    """
    k = n = 0.0
    for table in sorted({walk.table for walk in walks}):
        mine = [walk for walk in walks if walk.table == table]
        k += sum(sum(map(is_so, walk.clean)) for walk in mine) / len(mine)
        n += sum(len(walk.clean) for walk in mine) / len(mine)
    return Share(k, n)


def a_month(share: Share) -> tuple[float, float, float]:
    """Turn a share of days into days per table and month: the estimate and its interval."""
    low, high = share.interval
    return share.value * DAYS_A_MONTH, low * DAYS_A_MONTH, high * DAYS_A_MONTH


def a_week(walks: Sequence[Walk], count: Callable[[Verdict], int]) -> float:
    """Count something per table and week, faults' days and all."""
    days = sum(len(walk.clean) + len(walk.on) for walk in walks)
    return (
        7 * sum(count(said) for walk in walks for said in walk.verdicts if said.day >= WARM_UP) / days if days else 0.0
    )


def precision(walks: Sequence[Walk]) -> Share:
    """Count the alarmed days on which a fault was on."""
    alarmed = [(walk, said) for walk in walks for said in walk.verdicts if said.alarm and said.day >= WARM_UP]
    return Share(sum(said.day in walk.on for walk, said in alarmed), len(alarmed))


def hours_to_detect(found: Sequence[Outcome]) -> float | None:
    """Give the median over the faults that were caught."""
    hours = [one.hours for one in found if one.hours is not None]
    return median(hours) if hours else None
