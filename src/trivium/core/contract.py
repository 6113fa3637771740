"""The contract's values: what is promised of a column, of a row and of a partition.

Sections of `trivium.toml`, decoded by `project.py`; `contract_rules.py` tells whether they make sense together. Not
what they do to rows: that is `data/`'s.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec

RowSeverity = Literal["block", "quarantine", "warn"]
Severity = Literal["block", "quarantine", "warn", "refuse", "override", "fallback", "review"]
ALLOWED_ELSE: dict[str, tuple[str, ...]] = {
    "table": ("block", "quarantine", "warn"),
    "request": ("refuse", "warn"),
    "prediction": ("refuse", "override", "fallback", "review", "warn"),
}
# The measures of a whole partition that a check may bound, in place of `must`.
MEASURES = ("rows", "share", "mean", "age", "repeats")
USUAL = "usual"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the project file: unknown keys are problems."""


class Terms(Section, frozen=True, rename={"else_": "else"}):
    """What goes with a rule: what befalls a row that breaks it, why it is there, who answers for it, until when."""

    else_: RowSeverity | None = None
    because: str | None = None
    owner: str | None = None
    expires: date | None = None


class Column(Section, frozen=True, rename={"else_": "else"}):
    """One column's contract. A break quarantines the row, unless said otherwise by `else`, `unknown` or `nulls`.

    `nulls` is the share of nulls a partition may have: 0 quarantines each null, more only warns. `unknown` is what
    befalls a row whose value is not among `values`. `pattern` must match the whole text. `unique` holds within a
    partition. `references` names the column of another table that must hold the value, as `planes.tailnum`. `else`,
    `because`, `owner` and `expires` hold for all rules of the column, and `rules` says otherwise for one of them, by
    its name in `RULES`. `private` values are shown nowhere. `watch = false` leaves the column out of the drift
    decision: a calendar's month moves every month.
    """

    type: Literal["int", "float", "str", "bool", "datetime", "date"]
    min: float | date | None = None
    max: float | date | None = None
    values: tuple[str | int | float | bool, ...] = ()
    unknown: RowSeverity | None = None
    nulls: float | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    unique: bool = False
    references: str | None = None
    private: bool = False
    watch: bool = True
    else_: RowSeverity | None = None
    because: str | None = None
    owner: str | None = None
    expires: date | None = None
    rules: dict[str, Terms] = {}

    def terms(self, rule: str) -> Terms:
        """What goes with one of the column's rules, by its name in `RULES`: its own terms, else the column's."""
        own = self.rules.get(rule, Terms())
        return Terms(
            else_=own.else_ or (self.unknown if rule == "values" else None) or self.else_,
            because=own.because if own.because is not None else self.because,
            owner=own.owner if own.owner is not None else self.owner,
            expires=own.expires if own.expires is not None else self.expires,
        )

    def holds(self, rule: str, *, today: date) -> bool:
        """Tell whether one of the column's rules, by its name in `RULES`, has not expired by `today`."""
        expires = self.terms(rule).expires
        return expires is None or today < expires


# The rules that a column may state, and the settings that state them.
RULES: Mapping[str, tuple[str, ...]] = {
    "nulls": ("nulls",),
    "range": ("min", "max"),
    "values": ("values",),
    "pattern": ("pattern",),
    "length": ("min_length", "max_length"),
    "unique": ("unique",),
    "references": ("references",),
}


class Bounds(Section, frozen=True):
    """Between which limits, both inside, a measure of a partition must lie; `of` is what it is the measure of."""

    of: str | None = None
    min: float | None = None
    max: float | None = None


class Age(Section, frozen=True):
    """How old the newest row may be; `of` is the column that holds the times, the table's `time` when left out."""

    max: str
    of: str | None = None


class Check(Section, frozen=True, rename={"else_": "else"}):
    """A named rule, and what befalls what breaks it.

    Either over a row: `must` is an expression, and a row for which it is false breaks the check. Or over a table's
    partition as a whole, looking at the rows that are let in: how many `rows`, the `share` of rows for which an
    expression holds, the `mean` of one, the `age` of the newest row, or the share of rows that an earlier partition
    held (`repeats`).
    """

    name: str
    on: str
    must: str = ""
    rows: Bounds | None = None
    share: Bounds | None = None
    mean: Bounds | None = None
    age: Age | None = None
    repeats: Bounds | None = None
    else_: Severity = "quarantine"
    because: str = ""
    owner: str = ""
    expires: date | None = None
    value: str | None = None

    def holds(self, on: str, *, today: date) -> bool:
        """Tell whether the check is about `on` (a table, `request` or `prediction`) and has not expired by `today`."""
        return self.on == on and (self.expires is None or today < self.expires)

    @property
    def measure(self) -> str | None:
        """Which of `MEASURES` the check bounds; None where it is a rule over a row."""
        return next((name for name in MEASURES if getattr(self, name) is not None), None)

    @property
    def expressions(self) -> dict[str, str]:
        """The expressions that the check is made of, by the setting that holds each."""
        held = {"must": self.must or None, "value": self.value}
        held |= {name: bounds.of for name, bounds in (("share", self.share), ("mean", self.mean)) if bounds}
        return {name: text for name, text in held.items() if text is not None}


def reference(text: str) -> tuple[str, str]:
    """Cut `planes.tailnum` into the table and its column; a column's name may hold dots, a table's may not."""
    table, _, column = text.partition(".")
    return table, column


def parents_first(tables: Mapping[str, Mapping[str, Column]]) -> list[str]:
    """Order tables so that each comes after those that its columns reference; else as they stand.

    Of tables that reference each other in a circle, which `broken_contracts` finds, the order is as they stand.
    """
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        for parent in parents(tables.get(name, {})):
            if parent in tables and parent not in above:
                visit(parent, (*above, name))
        done.setdefault(name)

    for name in tables:
        visit(name, (name,))
    return list(done)


def parents(columns: Mapping[str, Column]) -> list[str]:
    """List the tables that a table's columns reference."""
    return [reference(column.references)[0] for column in columns.values() if column.references]


def whole(pattern: str) -> str:
    """Make a pattern match the whole text, in the regular expressions of Polars (Rust's, which never backtrack)."""
    return rf"\A(?:{pattern})\z"
