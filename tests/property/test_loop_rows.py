"""Whatever strikes, each row that was read is committed, quarantined or refused, and no other is committed."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import small_project
from trivium.core.clock import VirtualClock
from trivium.core.project import read_project
from trivium.loop.collect import collect, table_rows
from trivium.loop.faults import Fault
from trivium.loop.history import HistorySource
from trivium.loop.sources import FileSource
from trivium.loop.workspace import Workspace

DAYS = 6
TABLES = {
    "visits": {"number": ["distance", "age"], "any": ["distance", "age", "clinic", "visit_id"]},
    "arrivals": {"number": ["minutes"], "any": ["minutes", "visit_id"]},
}
KINDS = ["nulls", "scale", "outliers", "drop_column", "duplicates", "truncate", "stale", "late", "sample_shift"]


@st.composite
def faults(draw):
    """Draw up to four faults, which may overlap, on the two tables of files."""
    found = []
    for place in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(KINDS))
        table = draw(st.sampled_from(sorted(TABLES)))
        column = draw(st.sampled_from(TABLES[table]["number" if kind in ("scale", "outliers") else "any"]))
        begins = draw(st.integers(0, DAYS - 1))
        found.append(
            Fault(
                id=f"f{place}",
                kind=kind,
                table=table,
                column=column,
                from_=small_project.START + timedelta(days=begins),
                until=small_project.START + timedelta(days=begins + draw(st.integers(1, 3))),
                share=draw(st.sampled_from([0.1, 0.5, 1.0])),
                factor=draw(st.sampled_from([-1.0, 100.0])),
                delay=draw(st.sampled_from(["1d", "2d"])),
            )
        )
    return tuple(found)


class Noting:
    """A source that notes what it delivered."""

    def __init__(self, source):
        self.source, self.delivered = source, {}

    def deliveries(self, table, *, now, seen):
        for delivery in self.source.deliveries(table, now=now, seen=seen):
            self.delivered[table, delivery.partition.name] = delivery.frame()
            yield delivery


PLAIN = TemporaryDirectory()
FOLDER = small_project.make(Path(PLAIN.name), days=DAYS, rows=20)
HISTORY = HistorySource(
    FileSource(FOLDER, read_project(small_project.PROJECT)), read_project(small_project.PROJECT), faults=(), seed=0
)


@settings(max_examples=25)
@given(struck=faults(), seed=st.integers(0, 3))
def test_rows_are_neither_lost_nor_made_up(struck, seed):
    """Read = committed + quarantined + refused per partition, and each committed row is one that was delivered."""
    with TemporaryDirectory() as store:
        clock = VirtualClock(small_project.START)
        ws = Workspace(FOLDER, clock=clock, store=Path(store), durable=False)
        source = Noting(HISTORY.with_faults(struck, seed=seed))
        for day in range(1, DAYS + 4):
            clock.move_to(small_project.START + timedelta(days=day))
            for table in ("visits", "arrivals", "weather"):
                collect(ws, table, source=source)
        for table in ("visits", "arrivals", "weather"):
            counts = table_rows(ws, table)
            assert counts["read"] == counts["committed"] + counts["quarantined"] + counts["refused"]
            assert counts["read"] == sum(rows.height for (of, _), rows in source.delivered.items() if of == table)
            committed = 0
            for record in ws.state.snapshot.partitions(table):
                rows = ws.frame(record.blob)
                delivered = source.delivered[table, record.partition].select(rows.columns)
                assert plain(rows) <= plain(delivered)
                committed += rows.height
            assert committed == counts["committed"]
        visits = ws.rows(ws.state.snapshot.partitions("visits"))
        assert visits.is_empty() or visits["visit_id"].is_unique().all()


def plain(rows):
    """Write rows as text, numbers as floats, so that they can be compared whatever their types."""
    return {
        msgspec.json.encode([float(v) if isinstance(v, int) else str(v) if v is not None else v for v in row])
        for row in rows.cast({name: float for name, kind in rows.schema.items() if kind.is_integer()}).iter_rows()
    }
