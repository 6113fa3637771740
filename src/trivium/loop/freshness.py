"""How old a table that features read may be before an answer says so, or falls back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trivium.core.project import Project
from trivium.core.values import span

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Freshness:
    """One table's declared freshness, and the time of its newest row; None where it has no row."""

    table: str
    newest: datetime | None
    limit: timedelta
    falls_back: bool

    @property
    def check(self) -> str:
        """The name under which an answer tells of a table too old, among the checks that it broke."""
        return f"{self.table} is fresh"

    def is_stale(self, at: datetime) -> bool:
        """Tell whether the table is too old for an answer as of a time."""
        return self.newest is None or at - self.newest > self.limit


def freshness_of(project: Project, newest: Mapping[str, datetime]) -> tuple[Freshness, ...]:
    """List the tables that declare how fresh they must be."""
    return tuple(
        Freshness(name, newest.get(name), span(table.stale_after), table.stale == "fallback")
        for name, table in project.tables.items()
        if table.stale_after is not None
    )


def newest_rows(project: Project, frames: "Mapping[str, pl.DataFrame]") -> dict[str, datetime]:
    """Tell the time of each table's newest row; tables without a time, or without rows, are left out."""
    found = {}
    for name, frame in frames.items():
        time = project.tables[name].time
        last = frame[time].max() if time is not None and time in frame.columns else None
        if isinstance(last, datetime):
            found[name] = last
    return found


def as_of(times: Sequence[datetime | None], at: datetime) -> list[datetime]:
    """Tell as of when each row is asked: its own time, but no later than the answer's; a row without one, the answer's.

    So a row asked about after the fact is held to what was known then, and one about tomorrow to what is known now.
    """
    return [at if time is None else min(at, time) for time in times]
