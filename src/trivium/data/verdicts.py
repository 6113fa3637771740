"""What two contracts decide on the same rows, and the rows on which they differ."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from trivium.core.problems import MOST_VALUES_SHOWN
from trivium.data.held import BROKE, Taken
from trivium.data.intake import Decided

ROW = "_row"
# Decides on a partition's rows by one of the contracts.
Decide = Callable[[pl.DataFrame], tuple[Taken, Decided]]


@dataclass(slots=True)
class Moved:
    """The rows that one rule let in or kept out: how many, and the first few values that it looks at."""

    rows: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Differences:
    """What changes from an old contract to a new one, over all the partitions that were compared.

    `let_in` is by the old rule that had held the rows back, `kept_out` by the new rule that would. A row that broke two
    rules counts for both; `rows_let_in` and `rows_kept_out` count it once. The rows of a partition that is refused for
    its schema count under `schema`.
    """

    rows: int = 0
    partitions: int = 0
    rows_let_in: int = 0
    rows_kept_out: int = 0
    let_in: dict[str, Moved] = field(default_factory=dict)
    kept_out: dict[str, Moved] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame, old: Decide, new: Decide, *, shown: Callable[[str], list[str]]) -> None:
        """Compare what the two decide on a partition.

        Args:
            rows: the partition's.
            old: the contract as it was.
            new: the contract as it is to be.
            shown: tells which columns a rule looks at that may be shown.
        """
        numbered = rows.with_row_index(ROW)
        before, after = _fates(numbered, old), _fates(numbered, new)
        self.partitions += 1
        self.rows += rows.height
        both = before.join(after, on=ROW, suffix="_after")
        let_in = both.filter((pl.col(BROKE).list.len() > 0) & (pl.col(f"{BROKE}_after").list.len() == 0))
        kept_out = both.filter((pl.col(BROKE).list.len() == 0) & (pl.col(f"{BROKE}_after").list.len() > 0))
        self.rows_let_in += let_in.height
        self.rows_kept_out += kept_out.height
        _count(self.let_in, rows, let_in.select(ROW, BROKE), shown)
        _count(self.kept_out, rows, kept_out.select(ROW, pl.col(f"{BROKE}_after").alias(BROKE)), shown)


def _fates(rows: pl.DataFrame, decide: Decide) -> pl.DataFrame:
    """Tell what each row broke; nothing where it is let in."""
    taken, decided = decide(rows)
    if decided.refused:
        names = list(decided.breaks) or ["schema"]
        return rows.select(ROW).with_columns(pl.Series(BROKE, [names] * rows.height, dtype=pl.List(pl.String)))
    let_in = taken.committed.select(ROW).with_columns(
        pl.Series(BROKE, [[]] * taken.committed.height, dtype=pl.List(pl.String))
    )
    return pl.concat([let_in, taken.quarantined.select(ROW, BROKE)])


def _count(found: dict[str, Moved], rows: pl.DataFrame, moved: pl.DataFrame, shown: Callable[[str], list[str]]) -> None:
    for rule, places in moved.explode(BROKE).group_by(BROKE, maintain_order=True).agg(ROW).sort(BROKE).iter_rows():
        held = found.setdefault(rule, Moved())
        held.rows += len(places)
        columns = [column for column in shown(rule) if column in rows.columns]
        if columns and len(held.examples) < MOST_VALUES_SHOWN:
            for row in rows[places].select(columns).unique(maintain_order=True).head(MOST_VALUES_SHOWN).iter_rows():
                text = ", ".join(f"{column} {value!r}" for column, value in zip(columns, row, strict=True))
                if text not in held.examples and len(held.examples) < MOST_VALUES_SHOWN:
                    held.examples.append(text)
