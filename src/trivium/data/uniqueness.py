"""What must differ from row to row: a table's key, within a partition and across them, and its unique columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from trivium.core.project import Table
from trivium.data.checks import UNIQUE, UNIQUE_ACROSS, unique_name
from trivium.data.keys import HashSet, SeenKeys
from trivium.data.rules import RowRule

_PLACE = "_place"
# Is handed the key columns of some rows, and gives those keys among them that another partition of the table holds.
ExistingKeys = Callable[[pl.DataFrame], pl.DataFrame | None]


@dataclass(frozen=True, slots=True)
class Unique:
    """A rule that no two rows of a partition have the same values in some columns, and the values seen so far."""

    rule: RowRule
    columns: tuple[str, ...]
    seen: SeenKeys


def uniques_of(table: Table, at: datetime, hash_set: Callable[[], HashSet]) -> Iterator[Unique]:
    """Give a table's key, and its unique columns whose rule has not expired at a time, each with a set of its own."""
    if table.key:
        what = f"have the {', '.join(table.key)} of an earlier row of the partition"
        yield Unique(RowRule(UNIQUE, _columns(table.key), "quarantine", None, what), table.key, SeenKeys(hash_set()))
    for column, contract in table.columns.items():
        if contract.unique and contract.holds("unique", today=at.date()):
            terms = contract.terms("unique")
            rule = RowRule(
                name=unique_name(column),
                ok=_columns((column,)),
                severity=terms.else_ or "quarantine",
                column=column,
                what=f"have the {column} of an earlier row of the partition",
                because=terms.because or "",
                owner=terms.owner or "",
                expires=terms.expires,
            )
            yield Unique(rule, (column,), SeenKeys(hash_set()))


def across(key: Sequence[str]) -> RowRule:
    """Give the rule that no other partition holds a row's key."""
    what = f"have the {', '.join(key)} of a row of another partition"
    return RowRule(UNIQUE_ACROSS, _columns(key), "quarantine", None, what)


def _columns(names: Sequence[str]) -> pl.Expr:
    """Stand for a rule that is not computed row by row: an expression that reads these columns."""
    return pl.all_horizontal(pl.col(column).is_not_null() for column in names)


def held_elsewhere(keys: pl.DataFrame, existing_keys: ExistingKeys | None) -> pl.Series:
    """Tell which of these keys another partition of the table holds."""
    held = existing_keys(keys) if existing_keys else None
    nowhere = pl.repeat(value=False, n=keys.height, dtype=pl.Boolean, eager=True)
    if held is None or held.is_empty():
        return nowhere
    existing = held.select(pl.col(column).cast(keys.schema[column], strict=False) for column in keys.columns)
    shared = keys.with_row_index(_PLACE).join(existing, on=keys.columns, how="semi", maintain_order="left")
    return nowhere.scatter(shared[_PLACE], True)
