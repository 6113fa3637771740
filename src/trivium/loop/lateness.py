"""Lateness: the partitions that should have come by now and did not, each told once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from trivium.core.events import Event
from trivium.core.values import Partition, floor_to, iso, span
from trivium.loop.workspace import Workspace

LATE_LOOKED_BACK = 7  # partitions
MOST_LATE = 7


def note_late(ws: Workspace, table: str) -> list[Event]:
    """Record the partitions that should have come by now and did not; each once.

    After 7 partitions without any the table is taken as stopped: the first missing ones were told, more say nothing.
    """
    settings = ws.project.tables[table]
    ws.refresh()
    records = ws.state.snapshot.partitions(table)
    if settings.time is None or not records:
        return []
    held = ws.state.snapshot.fingerprints(table)
    done: list[Event] = []
    every, grace = span(settings.every), span(settings.grace)
    # A partition may be missing before the last that came, so the look begins somewhat before that one.
    begin = max(records[0].start, records[-1].start - LATE_LOOKED_BACK * every - grace)
    until = min(ws.clock.now() - grace, records[-1].end + MOST_LATE * every)
    for partition in _expected(table, floor_to(begin, every), every, until):
        key = f"late/{table}/{partition.name}"
        if partition.name not in held and key not in ws.state.journal.keys:
            done += ws.unit(key, partial(_late, ws, partition))
    return done


def _late(ws: Workspace, partition: Partition) -> list[Event]:
    return [
        ws.event("late", partition.table, partition=partition.name, start=iso(partition.start), end=iso(partition.end))
    ]


def _expected(table: str, start: datetime, every: timedelta, until: datetime) -> Iterator[Partition]:
    """Give the partitions after the one that starts at `start`, as far as they end by `until`."""
    while (start := start + every) + every <= until:
        yield Partition(table, start, start + every)
