"""Drift: one decision per partition, judged against the history of its own table.

Not a comparison with one fixed reference, and no test per column: on data that lives, both alarm every day. A partition
is judged by its worst statistic, and how bad that is by the worst statistics of the table's ordinary partitions,
treated in the very same way, so that the rate of false alarms is the rate asked for, whatever the columns.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import get_args

import msgspec
import numpy as np

from trivium.core.summary import Summary
from trivium.monitor.decision import Cause, DriftDecision, FaultKind, Moved
from trivium.monitor.evidence import Evidence, Explanation
from trivium.monitor.history import Past, Remembered
from trivium.monitor.kinds import explain
from trivium.monitor.lasting import lasts, still_there
from trivium.monitor.reading import FEWEST_PARTITIONS, Reading, read
from trivium.monitor.statistics import Measures, measure
from trivium.monitor.suspects import within

MOVED_SHOWN = 8
# A column that went less far than this share of the threshold is not told one by one.
NEAR = 0.25
# The score of what needs no statistics to be seen: a column that is gone is as far off as can be.
BEYOND_DOUBT = 1000.0
FAULTS = get_args(FaultKind)


class History(Remembered):
    """A table's history, and the decision on a partition by it. `judge` first, then `add` with what it said."""

    def judge(
        self, summary: Summary, *, start: datetime, rate: float, least_history: int, labels: Sequence[str] = ()
    ) -> DriftDecision:
        """Decide whether a partition is like those of its table about it, and if not, what happened to it.

        Args:
            summary: the partition's.
            start: when it starts; tells its weekday or hour, and its place among the others.
            rate: the share of ordinary partitions that may be called odd, 0 to 1.
            least_history: below so many partitions (and below 14 in any case) wide defaults stand in for the
                table's own spread; below 3 nothing is decided.
            labels: the columns that hold the outcome, if the table does.
        """
        past = self.past(start)
        if len(past) < FEWEST_PARTITIONS:
            return DriftDecision(verdict="not enough history", partitions=len(past))
        reading = self.read(summary, start=start, rate=rate, least_history=least_history)
        evidence = Evidence(reading, labels)
        found = _schema(evidence.now, [row.measures for row in past])
        if found is None and reading.is_beyond:
            found = explain(evidence)
        latest = self.latest(start)
        if found is None or found.kind not in FAULTS:
            found = still_there(reading, latest) or found
        causes = within(evidence, found) if found else ()
        decision = _decision(reading, found, causes, partitions=len(past), rate=rate)
        return msgspec.structs.replace(decision, lasts=lasts(decision, latest))

    def read(self, summary: Summary, *, start: datetime, rate: float, least_history: int) -> Reading:
        """Read a partition against at least 3 others; the arguments are those of `judge`."""
        past = self.past(start)
        era = max((row.era for row in past if row.start < start), default=0)
        mine = Past(start, measure(summary), era, False)
        return read(past, mine, rate=rate, least_history=least_history, seen_before=self.seen_before(start))


def _schema(mine: Measures, past: Sequence[Measures]) -> Explanation | None:
    """Columns that every recent partition had and this one lacks, new ones, and ones of another type."""
    recent = past[-FEWEST_PARTITIONS:]
    known = {column: kind for held in past for column, kind in held.kinds.items() if kind}
    gone = [column for column in recent[-1].kinds if all(column in held.kinds for held in recent)]
    gone = sorted(column for column in gone if column not in mine.kinds)
    new = sorted(column for column in mine.kinds if not any(column in held.kinds for held in past))
    other = sorted(c for c, kind in mine.kinds.items() if kind and known.get(c, kind) != kind)
    said = [f"column {column} is gone" for column in gone]
    said += [f"column {column} is new" for column in new]
    said += [f"column {column} holds {mine.kinds[column]}, and held {known[column]} before" for column in other]
    columns = (*gone, *new, *other)
    return Explanation("schema", columns, "; ".join(said), 0.0, frozenset(columns)) if columns else None


def _p_value(reading: Reading, found: Explanation | None, *, rate: float) -> float:
    """A changed schema is no matter of chance; a new table's tail is not known beyond that it was passed."""
    if found is not None and found.kind == "schema":
        return 0.0
    if reading.is_wide:
        return rate if found else 1.0
    return reading.p_value


def _decision(
    reading: Reading, found: Explanation | None, causes: tuple[Cause, ...], *, partitions: int, rate: float
) -> DriftDecision:
    worst = np.argsort(-np.abs(reading.sizes), kind="stable")[:MOVED_SHOWN]
    moved = tuple(
        Moved(
            column=reading.keys[place][0],
            statistic=reading.keys[place][1],
            seen=float(reading.seen[place]),
            expected=float(reading.expected[place]),
            residual=float(reading.sizes[place]),
        )
        for place in worst
    )
    words = found.words if found else ""
    if found and reading.is_wide:
        words += f" (only {partitions} partitions of history: judged by wide defaults)"
    return DriftDecision(
        verdict="ordinary" if found is None else "fault" if found.kind in FAULTS else "shift",
        kind=found.kind if found else None,
        columns=found.columns if found else (),
        words=words,
        score=max(reading.score, BEYOND_DOUBT) if found and found.kind == "schema" else reading.score,
        threshold=reading.threshold,
        p_value=_p_value(reading, found, rate=rate),
        moved=moved,
        causes=causes,
        partitions=partitions,
        confidence="wide defaults" if reading.is_wide else "own history",
        furthest=_furthest(reading),
    )


def _furthest(reading: Reading) -> dict[str, float]:
    """Tell how far each column went; what lay near what was expected need not be remembered for ever."""
    found: dict[str, float] = {}
    for (column, _), size in zip(reading.keys, np.abs(reading.sizes).tolist(), strict=True):
        if size >= NEAR * reading.threshold:
            found[column] = max(found.get(column, 0.0), float(f"{size:.3g}"))
    return found
