"""What any `trivium.loop.sources.Source` must do. Subclass `SourceConformance` and override its two fixtures."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trivium.core.problems import Problem
from trivium.core.project import Project, Table
from trivium.loop.sources import Delivery, Passed, Source

START = datetime(2024, 3, 1, tzinfo=UTC)
FAR = START + timedelta(days=400)
TABLE = "visits"


def day(number: int, *, rows: int = 5, seed: int = 0) -> pl.DataFrame:
    """Make the rows of one day: an id, a time, a number, a text with nulls."""
    return pl.DataFrame(
        {
            "id": [f"{number}-{place}" for place in range(rows)],
            "at": [START + timedelta(days=number, hours=place % 24) for place in range(rows)],
            "x": [place * 0.5 + seed for place in range(rows)],
            "word": [None if place % 3 == 0 else f"w{place}" for place in range(rows)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC"), "word": pl.String},
    )


class Place(Protocol):
    """Where the source's rows are, as the test that puts them there sees it."""

    def put(self, rows: pl.DataFrame) -> None:
        """Make these rows all that the source holds; called again, a row with the key of an earlier one replaces it."""


Open = Callable[[Table], Source]


class SourceConformance:
    """The kit. `place` puts rows; `source` opens the source on them, for the table `visits` with time `at`, key `id`."""

    @pytest.fixture
    def place(self) -> Place:
        raise NotImplementedError("override this fixture: return where rows can be put")

    @pytest.fixture
    def source(self, place: Place) -> Source:
        raise NotImplementedError("override this fixture: return the source of what was put")

    def deliver(self, source: Source, *, now: datetime = FAR, seen: Mapping[str, str] | None = None):
        """Take every delivery as `collect` does, its rows before the next is asked for; tell the problems apart."""
        taken = []
        for found in source.deliveries(TABLE, now=now, seen=seen or {}):
            assert not isinstance(found, Problem), found
            if isinstance(found, Delivery):
                rows = found.frame()
                assert rows.height == found.rows
                assert_frame_equal(found.frame(), rows)
                taken.append((found, rows))
            else:
                assert isinstance(found, Passed)
        return taken

    def test_partitions_come_whole_and_in_order(self, place, source):
        """Each day is one delivery with all its rows in their order, the days in order of time."""
        place.put(pl.concat([day(0), day(1), day(2)]))
        taken = self.deliver(source)
        assert [found.partition.name for found, _ in taken] == ["2024-03-01", "2024-03-02", "2024-03-03"]
        for number, (found, rows) in enumerate(taken):
            assert found.partition.table == TABLE
            assert found.partition.end - found.partition.start == timedelta(days=1)
            self.same(rows, day(number))

    def same(self, rows: pl.DataFrame, expected: pl.DataFrame) -> None:
        """Hold rows to what was put, times as UTC; a source may give times as text."""
        times = rows["at"]
        if times.dtype == pl.String:
            rows = rows.with_columns(times.str.to_datetime(time_unit="us", time_zone="UTC"))
        elif times.dtype.time_zone is None:
            rows = rows.with_columns(times.dt.cast_time_unit("us").dt.replace_time_zone("UTC"))
        assert_frame_equal(rows.select(expected.columns), expected)

    def test_what_is_not_over_waits(self, place, source):
        """A day that is not over yet is not delivered; when it is, it is."""
        place.put(pl.concat([day(0), day(1)]))
        at_noon = START + timedelta(days=1, hours=12)
        assert [found.partition.name for found, _ in self.deliver(source, now=at_noon)] == ["2024-03-01"]
        assert len(self.deliver(source, now=START + timedelta(days=2))) == 2

    def test_what_was_seen_does_not_come_again(self, place, source):
        """A partition whose fingerprint was seen does not come again, however often the source is asked."""
        place.put(pl.concat([day(0), day(1)]))
        seen = {found.partition.name: found.fingerprint for found, _ in self.deliver(source)}
        assert self.deliver(source, seen=seen) == []
        assert self.deliver(source, seen=seen) == []
        again = {found.partition.name: found.fingerprint for found, _ in self.deliver(source)}
        assert again == seen

    def test_late_and_corrected(self, place, source):
        """A day that comes late is delivered then; one whose rows were corrected comes again, and it alone."""
        place.put(pl.concat([day(0), day(2)]))
        seen = {found.partition.name: found.fingerprint for found, _ in self.deliver(source)}
        place.put(pl.concat([day(0), day(1), day(2, seed=7)]))
        taken = self.deliver(source, seen=seen)
        assert [found.partition.name for found, _ in taken] == ["2024-03-02", "2024-03-03"]
        assert sorted(taken[1][1]["x"].to_list()) == day(2, seed=7)["x"].to_list()
        assert all(found.fingerprint != seen.get(found.partition.name) for found, _ in taken)

    def test_chunks_share_their_columns_and_types(self, place, source, monkeypatch):
        """A day of more rows than a chunk holds comes in several chunks, all with the same columns and types."""
        monkeypatch.setattr("trivium.loop.pieces.CHUNK_ROWS", 1000)
        place.put(pl.concat([day(0, rows=2500), day(1)]))
        for found in source.deliveries(TABLE, now=FAR, seen={}):
            chunks = list(found.chunks())
            assert len({tuple(chunk.schema.items()) for chunk in chunks}) == 1
            assert sum(chunk.height for chunk in chunks) == found.rows
            assert max(chunk.height for chunk in chunks) <= 1000
            assert len(chunks) >= (3 if found.rows == 2500 else 1)

    def test_a_source_in_order_can_be_reached(self, place, source):
        """A source that works has no problem to tell."""
        place.put(day(0))
        assert source.reach(TABLE) == []


def project_of(table: Table) -> Project:
    """Make a project with one table, named `visits`."""
    from trivium.core.project import Metric, Model

    model = Model(name="m", task="binary", code="p.py", row_id="id", time="at", label="late")
    return Project(model=model, tables={TABLE: table}, metrics=(Metric(name="log_loss", primary=True),))
