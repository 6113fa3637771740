"""What the rules of a table have found in a partition so far, and the problems that say so.

Not the rules (`checks.py`), and not what befalls the rows (`intake.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from trivium.core.problems import MOST_VALUES_SHOWN, Problem, nearest_first, shown
from trivium.core.values import Partition
from trivium.data.held import BROKE
from trivium.data.measures import Excess
from trivium.data.rules import RowRule

_CODES: Mapping[str, tuple[str, str]] = {
    "block": (
        "TV-DATA-004",
        "correct the rows at the source, or change the check in trivium.toml; all rows are refused",
    ),
    "quarantine": ("TV-DATA-005", "correct the rows at the source, or change the rule and release them"),
    "warn": ("TV-DATA-007", "look for the cause at the source, or change the rule in trivium.toml"),
}
_CODES_OF_MEASURES: Mapping[str, tuple[str, str]] = {
    "block": ("TV-DATA-004", "look for the cause at the source, or change the rule; all rows are refused"),
    "quarantine": ("TV-DATA-005", "look for the cause at the source, then release or drop the rows: all are held back"),
    "warn": ("TV-DATA-007", "look for the cause at the source, or change the rule in trivium.toml"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the rows come in, for the words of a problem, and which of their columns are not to be shown."""

    name: str
    partition: Partition
    private: frozenset[str]

    def where(self, rule: str = "") -> str:
        """Name the table, the partition and, if there is one, the rule."""
        text = f"table {self.name}, partition {self.partition.name}"
        return f"{text}, check {rule!r}" if rule else text


@dataclass(slots=True)
class Tally:
    """How many rows broke a rule, and what the first of them hold: chunk after chunk the same as all at once."""

    rule: RowRule
    rows: int = 0
    _first: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, frame: pl.DataFrame, broke: pl.Series) -> None:
        """Count a chunk's rows that broke the rule."""
        count = int(broke.sum())
        self.rows += count
        reads = self.rule.reads
        # Of one column each value is kept once, and one more than is shown, to tell that there are more.
        most = MOST_VALUES_SHOWN + (len(reads) == 1)
        if not count or not reads or len(self._first) >= most:
            return
        rows = frame.select(reads).filter(broke)
        for row in (rows.unique(maintain_order=True) if len(reads) == 1 else rows).head(most).iter_rows():
            if len(self._first) < most and (len(reads) > 1 or row not in self._first):
                self._first.append(row)

    def problem(self, place: Place, *, total: int) -> Problem:
        """Tell what the rule has found in `total` rows: TV-DATA-004, -005 or -007, by its severity."""
        code, fix = _CODES[self.rule.severity]
        return Problem(
            code=code,
            what=f"{self.rows:,} of {total:,} rows of {place.name!r} {self.rule.what}",
            where=place.where(self.rule.name),
            seen=self._seen(place),
            fix=fix + _reason(self.rule),
        )

    def _seen(self, place: Place) -> str:
        """Show one column's offending values, each once; of several columns, the values row by row."""
        reads = self.rule.reads
        if len(reads) == 1 and reads[0] not in place.private:
            values = [row[0] for row in self._first]
            return shown(values[:MOST_VALUES_SHOWN]) + (" and more" if len(values) > MOST_VALUES_SHOWN else "")
        return "; ".join(
            f"{column}: (private)"
            if column in place.private
            else f"{column}: {shown((row[at] for row in self._first), total=self.rows)}"
            for at, column in enumerate(reads)
        )


def missing_columns(frame: pl.DataFrame, rules: Sequence[RowRule], place: Place) -> dict[str, Problem]:
    """Find the columns that checks read and the frame lacks (TV-DATA-001); those of the contract are not looked at."""
    found = {}
    for rule in rules:
        for column in rule.reads if rule.column is None else ():
            if column not in frame.columns:
                near = nearest_first(column, frame.columns)
                found[f"{rule.name}: {column}"] = Problem(
                    code="TV-DATA-001",
                    what=f"column {column!r} of {place.name!r}, which check {rule.name!r} reads, is gone",
                    where=place.where(rule.name),
                    seen=f"columns: {', '.join(near)}",
                    fix="restore the column at the source, or name the new one in the check",
                )
    return found


def evaluate(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: Place
) -> tuple[dict[str, pl.Series], dict[str, Problem]]:
    """Tell by rule which rows broke it, all in one pass, and which rules these columns' types forbid to compute."""
    asked = [(~rule.ok).fill_null(value=False).alias(str(number)) for number, rule in enumerate(row_rules)]
    try:
        # Beside the frame's own columns, so that a rule that reads none has an answer for each row.
        held = frame.with_columns(asked).select(str(number) for number in range(len(asked)))
    except pl.exceptions.PolarsError:
        return _evaluate_each(frame, row_rules, place)
    return {rule.name: held.to_series(number) for number, rule in enumerate(row_rules)}, {}


def _evaluate_each(
    frame: pl.DataFrame, row_rules: Sequence[RowRule], place: Place
) -> tuple[dict[str, pl.Series], dict[str, Problem]]:
    broken, failures = {}, {}
    for rule in row_rules:
        try:
            held = frame.with_columns((~rule.ok).fill_null(value=False).alias(BROKE))
        except pl.exceptions.PolarsError as error:
            types = {column: frame.schema[column] for column in rule.reads}
            failures[rule.name] = not_computed(rule.name, str(error).splitlines()[0], place, reads=types)
        else:
            broken[rule.name] = held.get_column(BROKE)
    return broken, failures


def not_computed(name: str, error: str, place: Place, *, reads: Mapping[str, object] | None = None) -> Problem:
    """Tell that a check cannot be computed on columns of these types (TV-DATA-010)."""
    return Problem(
        code="TV-DATA-010",
        what=f"the check {name!r} cannot be computed: {error}",
        where=place.where(name),
        seen=", ".join(f"{column} is {dtype}" for column, dtype in (reads or {}).items()),
        fix="correct the check, or give its columns their types in the contract",
    )


def outside(excess: Excess, place: Place) -> Problem:
    """Tell that a measure of the partition is outside its bounds: TV-DATA-004, -005 or -007, by its severity."""
    code, fix = _CODES_OF_MEASURES[excess.severity]
    return Problem(
        code=code, what=excess.what, where=place.where(excess.name), seen=excess.seen, fix=fix + _reason(excess)
    )


def _reason(rule: RowRule | Excess) -> str:
    reasons = [f"it is there because {rule.because}"] if rule.because else []
    reasons += [f"{rule.owner} answers for it"] if rule.owner else []
    return f"; {', and '.join(reasons)}" if reasons else ""


def no_rows(place: Place) -> Problem:
    """Tell that a partition is empty (TV-DATA-006)."""
    return Problem(
        code="TV-DATA-006",
        what=f"a partition of {place.name!r} has no rows",
        where=place.where(),
        fix="send the rows, or remove the empty file",
    )
