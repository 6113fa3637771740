"""What a contract asks of a partition as a whole: rows, shares, means, age, repeats; over the rows that are let in.

The share of nulls alone is counted over all rows that were read, as the rule `nulls = 0` is.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median

import polars as pl

from trivium.core.contract import USUAL, Bounds, Check, RowSeverity
from trivium.core.project import WHERE, Table
from trivium.core.summary import Summary
from trivium.core.values import Partition, span
from trivium.data.checks import compiled

LEAST_USUAL = 3  # partitions of history, before there is a usual number of rows
MOST_USUAL = 28


@dataclass(frozen=True, slots=True)
class Excess:
    """A measure of the partition that lies outside its bounds. `what` is a whole sentence, `rows` those it is about."""

    name: str
    rows: int
    severity: RowSeverity
    what: str
    seen: str
    because: str = ""
    owner: str = ""


def nulls_name(column: str, share: float) -> str:
    """Name the rule that at most a share of a partition's rows have no value in a column."""
    return f"{column} nulls within {share:g}"


def needs_history(checks: Sequence[Check], name: str) -> bool:
    """Tell whether a table's checks compare a partition with earlier ones, whose summaries then have to be read."""
    return any(
        check.on == name and (check.repeats is not None or (check.rows is not None and check.rows.of == USUAL))
        for check in checks
    )


class Measures:
    """The measures of one partition that its table's contract bounds, counted chunk by chunk.

    Args (of the constructor):
        table: the contract and the time.
        checks: all of the project's; those over rows, of other tables and the expired are left out.
        name: the table's name.
        partition: which one this is.
        at: the time of the decision.
        history: the summaries of earlier partitions by name, the oldest first; the last 28 are looked at.
    """

    def __init__(
        self,
        table: Table,
        checks: Sequence[Check],
        *,
        name: str,
        partition: Partition,
        at: datetime,
        history: Mapping[str, Summary],
    ) -> None:
        self._table = table
        self._name = name
        self._until = min(at, partition.end) if partition.start != partition.end else at
        self._history = dict(list(history.items())[-MOST_USUAL:])
        today = at.date()
        self._checks = [check for check in checks if check.measure and check.holds(name, today=today)]
        self._private = frozenset(column for column, held in table.columns.items() if held.private)
        self._nulls = {
            column: 0
            for column, contract in table.columns.items()
            if contract.nulls and contract.holds("nulls", today=today)
        }
        self._asked = [expr for check in self._checks for expr in _asked(check, table)]
        self._parts: list[tuple[object, ...]] = []

    def read(self, frame: pl.DataFrame) -> None:
        """Count the rows of a chunk as they were read."""
        for column in self._nulls:
            self._nulls[column] += frame[column].null_count()

    def let_in(self, committed: pl.DataFrame) -> list[tuple[str, str]]:
        """Measure the rows of a chunk that are let in; all measures in one pass.

        Returns:
            What cannot be computed on columns of these types: each check with what Polars says.
        """
        if not self._asked or not committed.height:
            return []
        try:
            self._parts.append(committed.select(e.alias(str(at)) for at, e in enumerate(self._asked)).row(0))
        except pl.exceptions.PolarsError:
            return [failure for check in self._checks if (failure := self._failure(check, committed))]
        return []

    def _failure(self, check: Check, committed: pl.DataFrame) -> tuple[str, str] | None:
        try:
            committed.select(e.alias(str(at)) for at, e in enumerate(_asked(check, self._table)))
        except pl.exceptions.PolarsError as error:
            return check.name, str(error).splitlines()[0]
        return None

    def excesses(self, summary: Summary, *, read: int) -> list[Excess]:
        """Find the measures outside their bounds, once all chunks are counted; what cannot be known is not outside.

        Args:
            summary: that of the rows that are let in.
            read: how many rows were read.
        """
        found = [excess for column, count in self._nulls.items() if (excess := self._of_nulls(column, count, read))]
        columns = list(zip(*self._parts, strict=True)) if self._parts else [()] * len(self._asked)
        place = 0
        for check in self._checks:
            width = len(_asked(check, self._table))
            excess = _JUDGES[check.measure or ""](self, check, columns[place : place + width], summary)
            place += width
            found += [replace(excess, rows=summary.rows)] if excess else []
        return found

    def _of_nulls(self, column: str, count: int, read: int) -> Excess | None:
        contract = self._table.columns[column]
        share = contract.nulls or 0.0
        if count <= share * read:
            return None
        terms = contract.terms("nulls")
        # A share names no row to hold back: it warns, unless its own terms say otherwise.
        severity = contract.rules["nulls"].else_ if "nulls" in contract.rules else None
        what = f"{count:,} of {read:,} rows of {self._name!r} have no {column}"
        return Excess(
            nulls_name(column, share),
            count,
            severity or "warn",
            what,
            f"{count / read:.1%}",
            terms.because or "",
            terms.owner or "",
        )

    def _rows(self, check: Check, _: Sequence[Sequence[object]], summary: Summary) -> Excess | None:
        bounds = check.rows or Bounds()
        what = f"a partition of {self._name!r} has {summary.rows:,} rows"
        if bounds.of is None:
            return _outside(check, bounds, summary.rows, what, str)
        if len(self._history) < LEAST_USUAL:
            return None
        usual = median(earlier.rows for earlier in self._history.values())
        if not usual:
            return None
        return _outside(
            check, bounds, summary.rows / usual, f"{what}; {usual:,.0f} are usual", lambda v: f"{v:.2f} times"
        )

    def _share(self, check: Check, counts: Sequence[Sequence[object]], summary: Summary) -> Excess | None:
        bounds = check.share or Bounds()
        if not summary.rows:
            return None
        held = sum(int(count) for count in counts[0])  # type: ignore[call-overload]  # `_asked` asks for a count
        what = f"{held:,} of {summary.rows:,} rows of {self._name!r} have {bounds.of}"
        return _outside(check, bounds, held / summary.rows, what, lambda share: f"{share:.2%}")

    def _mean(self, check: Check, found: Sequence[Sequence[object]], _: Summary) -> Excess | None:
        bounds = check.mean or Bounds()
        counts = [int(count) for count in found[1]]  # type: ignore[call-overload]  # `_asked` asks for numbers
        if not sum(counts):
            return None
        mean = math.fsum(float(part) for part in found[0]) / sum(counts)  # type: ignore[arg-type]
        reads = compiled(bounds.of or "", "").meta.root_names()
        what = f"the mean of {bounds.of} of {self._name!r} is outside its bounds"
        return _outside(check, bounds, mean, what, lambda v: "(private)" if self._private & set(reads) else f"{v:g}")

    def _age(self, check: Check, found: Sequence[Sequence[object]], _: Summary) -> Excess | None:
        assert check.age is not None
        times = [moment for moment in found[0] if isinstance(moment, datetime)]
        if not times:
            return None
        age = self._until - max(times).astimezone(UTC)
        if age <= span(check.age.max):
            return None
        what = f"the newest row of {self._name!r} is older than {check.age.max}"
        return _excess(check, what, f"{_written(age)} old")

    def _repeats(self, check: Check, _: Sequence[Sequence[object]], summary: Summary) -> Excess | None:
        own = summary.joint.sample_of_contents if summary.joint else None
        shares = {
            name: own.overlap(sample)
            for name, earlier in self._history.items()
            if own and earlier.joint and (sample := earlier.joint.sample_of_contents)
        }
        if not shares:
            return None
        name = max(shares, key=lambda earlier: (shares[earlier], earlier))
        what = f"rows of {self._name!r} were in partition {name} already"
        return _outside(check, check.repeats or Bounds(), shares[name], what, lambda share: f"about {share:.0%}")


_JUDGES: Mapping[str, Callable[[Measures, Check, Sequence[Sequence[object]], Summary], Excess | None]] = {
    "rows": Measures._rows,
    "share": Measures._share,
    "mean": Measures._mean,
    "age": Measures._age,
    "repeats": Measures._repeats,
}


def _asked(check: Check, table: Table) -> list[pl.Expr]:
    """List what a check needs of each chunk's rows, beside their summary."""
    where = f"{WHERE}, checks {check.name!r}"
    if check.share is not None:
        # Beside a column of the frame, so that a constant counts for each row.
        return [
            (compiled(check.share.of or "", where).fill_null(value=False) & pl.repeat(value=True, n=pl.len())).sum()
        ]
    if check.mean is not None:
        value = compiled(check.mean.of or "", where).cast(pl.Float64)
        return [value.sum(), value.count()]
    if check.age is not None:
        return [pl.col(check.age.of or table.time or "").cast(pl.Datetime("us", "UTC")).max()]
    return []


def _outside(check: Check, bounds: Bounds, value: float, what: str, written: Callable[[float], str]) -> Excess | None:
    if bounds.min is not None and value < bounds.min:
        return _excess(check, f"{what}: below {bounds.min:g}", written(value))
    if bounds.max is not None and value > bounds.max:
        return _excess(check, f"{what}: above {bounds.max:g}", written(value))
    return None


def _excess(check: Check, what: str, seen: str) -> Excess:
    severity: RowSeverity = "warn" if check.else_ == "warn" else "block" if check.else_ == "block" else "quarantine"
    return Excess(check.name, 0, severity, what, seen, check.because, check.owner)


def _written(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
