"""The decision on one partition: the value that alarms, pages and reports read. How it is reached: `drift.py`."""

from typing import Literal

import msgspec

Verdict = Literal["ordinary", "shift", "fault", "not enough history"]
# What broke: somebody has to mend it, so a fault is an alarm.
FaultKind = Literal[
    "missing",
    "scale",
    "category",
    "schema",
    "swapped",
    "outliers",
    "duplicates",
    "truncated",
    "stale",
    "late",
]
# How the world moved: shown, and an alarm only where it foretells harm.
ShiftKind = Literal["population shift", "label shift", "concept shift"]
Kind = Literal[FaultKind, ShiftKind]
# What a person says of a fault that was told.
Mark = Literal["useful", "noise"]
Confidence = Literal["own history", "wide defaults", "none"]


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One statistic of one column ("" is the whole table): what was seen and expected, their distance in spreads."""

    column: str
    statistic: str
    seen: float
    expected: float
    residual: float


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that may lie behind a decision, in one sentence. `weight` ranks causes: 1 is as good as proven."""

    what: Literal["column", "slice", "check", "contract", "config", "release", "upstream"]
    name: str
    words: str
    weight: float


class DriftDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a partition is like its table's history; if not, what happened to it, and to which columns.

    `columns` are the culprits, the first to blame first; () if it is the table as a whole. `words` say it in one
    sentence. `score` is the greatest residual, in spreads; `threshold` what it may be; `p_value` the share of ordinary
    partitions that would score as high. `moved` are the statistics that moved most, the worst first. `partitions` is
    how many the judgement rests on, `confidence` by which rule: with few of them wide defaults stand in for the
    table's own spread. `furthest` tells of each column ("" is the whole table) how far its furthest statistic lay, in
    spreads, to three digits; below a quarter of the threshold it is left out. `lasts` counts this partition and those
    of the two before it that leaned the same way. Without enough history score, threshold
    and p_value say nothing: 0, 0 and 1.
    """

    verdict: Verdict
    kind: Kind | None = None
    columns: tuple[str, ...] = ()
    words: str = ""
    score: float = 0.0
    threshold: float = 0.0
    p_value: float = 1.0
    moved: tuple[Moved, ...] = ()
    causes: tuple[Cause, ...] = ()
    partitions: int = 0
    confidence: Confidence = "none"
    furthest: dict[str, float] = {}
    lasts: int = 1

    @property
    def is_alarm(self) -> bool:
        """Tell whether data broke; a shift alone is no alarm."""
        return self.verdict == "fault"
