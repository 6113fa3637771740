"""Which faults strike a table, when and how hard: drawn from a seed, struck by the product's own injector."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from alarm_study.tables import AT, KEY, Table
from trivium.loop.faults import KINDS, ON_VERSIONS, SEVERITIES, Fault
from trivium.loop.strike import strike

# The first days are history alone: no fault, nothing scored.
WARM_UP = 30
LASTS = 2
# Ordinary days between two faults, at least; the rest of the year's quiet days fall between them as the seed will.
QUIET = 3
STRUCK_KINDS = tuple(kind for kind in KINDS if kind not in ON_VERSIONS)


@dataclass(frozen=True)
class Struck:
    """A fault on a table's days `first` to `first + LASTS - 1`, and the columns that an alarm on it should name."""

    fault: Fault
    first: int
    columns: frozenset[str]

    @property
    def days(self) -> range:
        """The days it is on."""
        return range(self.first, self.first + LASTS)


def draw(table: Table, *, seed: int) -> list[Struck]:
    """Draw each kind at each severity once, in any order, on columns and days that the seed chooses."""
    rng = np.random.default_rng([seed, *table.name.encode()])
    cells = [(kind, severity) for kind in STRUCK_KINDS for severity in SEVERITIES]
    cells = [cells[place] for place in rng.permutation(len(cells))]
    spare = len(table.dates) - WARM_UP - len(cells) * (LASTS + QUIET)
    if spare < 0:
        raise ValueError(f"{table.name} has too few days: {len(table.dates)}")
    before = np.diff(np.sort(rng.integers(spare + 1, size=len(cells))), prepend=0)
    day, found = WARM_UP, []
    for (kind, severity), wait in zip(cells, before, strict=True):
        day += int(wait)
        column, other = _target(kind, table, rng)
        fault = Fault(
            id=f"{kind}-{severity}",
            kind=kind,  # type: ignore[arg-type]
            severity=severity,
            from_=table.starts(day),
            until=table.starts(day + LASTS - 1) + timedelta(days=1),
            table=table.name,
            column=column,
            other=other,
        )
        found.append(Struck(fault, day, _blamed(kind, table, column, other)))
        day += LASTS + QUIET
    return found


def _target(kind: str, table: Table, rng: np.random.Generator) -> tuple[str | None, str | None]:
    if kind in ("nulls", "drop_column"):
        return str(rng.choice(table.columns)), None
    if kind in ("scale", "outliers"):
        return str(rng.choice(table.numbers)), None
    if kind == "categories":
        return str(rng.choice(table.texts)), None
    if kind == "swap_columns":
        one, other = rng.choice(table.numbers, size=2, replace=False)
        return str(one), str(other)
    return (table.label, None) if kind == "concept_shift" else (None, None)


def _blamed(kind: str, table: Table, column: str | None, other: str | None) -> frozenset[str]:
    if kind == "label_flip":
        return frozenset(table.outcomes)
    return frozenset(name for name in (column, other) if name is not None)


def strikes(table: Table, faults: list[Struck], *, seed: int) -> Iterator[tuple[int, Struck, pl.DataFrame]]:
    """Give each struck day with its rows as they were delivered; `late` changes none."""
    days = table.days()
    keep = [KEY, AT, *(name for name in table.columns if name not in table.outcomes)]
    for struck in faults:
        for day in struck.days:
            partition = table.dates[day].isoformat()
            rows = strike(struck.fault, days[day], days[day - 1], seed=seed, partition=partition, keep=keep)
            yield day, struck, rows
