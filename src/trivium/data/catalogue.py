"""Every rule that a table's contract and checks state, expired ones too: what it does, whose it is, until when.

Not what the rules find: that is counted by whoever decides on a partition.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from trivium.core.contract import Check
from trivium.core.project import Table
from trivium.core.values import EPOCH
from trivium.data.checks import UNIQUE, UNIQUE_ACROSS, WITHIN_PARTITION, rules, unique_name
from trivium.data.measures import nulls_name

_HOUSE = "the table's time and key say so"


@dataclass(frozen=True, slots=True)
class Stated:
    """One rule: its name as breaks are counted by it, what befalls what breaks it, and the terms it is held on.

    `of` is `row`, or `partition` for a rule on a partition as a whole.
    """

    name: str
    does: str
    of: str = "row"
    because: str = ""
    owner: str = ""
    expires: date | None = None


def catalogue(
    table: Table, checks: Sequence[Check], *, name: str, references: Mapping[str, pl.Series]
) -> Iterator[Stated]:
    """List a table's rules: those of time and key, of its columns, and the project's checks on it.

    Args:
        table: the contract, time and key.
        checks: all of the project's.
        name: the table's name.
        references: for each column that the contract references, values of any number.

    Raises:
        ProjectError: as `rules`.
    """
    # At the beginning of time nothing has expired.
    for rule in rules(table, checks, name=name, at=EPOCH, references=references):
        yield Stated(rule.name, rule.severity, "row", rule.because, rule.owner, rule.expires)
    if table.time is not None:
        yield Stated(WITHIN_PARTITION, "quarantine", because=_HOUSE)
    if table.key:
        yield Stated(UNIQUE, "quarantine", because=_HOUSE)
        yield Stated(UNIQUE_ACROSS, "quarantine", because=_HOUSE)
    for column, contract in table.columns.items():
        if contract.unique:
            terms = contract.terms("unique")
            does, because, owner = terms.else_ or "quarantine", terms.because or "", terms.owner or ""
            yield Stated(unique_name(column), does, "row", because, owner, terms.expires)
        if contract.nulls:
            terms = contract.terms("nulls")
            own = contract.rules["nulls"].else_ if "nulls" in contract.rules else None
            share = nulls_name(column, contract.nulls)
            yield Stated(share, own or "warn", "partition", terms.because or "", terms.owner or "", terms.expires)
    for check in checks:
        if check.on == name and check.measure:
            yield Stated(check.name, check.else_, "partition", check.because, check.owner, check.expires)
