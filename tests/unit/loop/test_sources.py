"""Files become partitions: cut by time, told apart by their rows alone, and read whatever their kind."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import small_project
from trivium.core.problems import DataError, Problem
from trivium.core.project import read_project
from trivium.core.values import Partition
from trivium.loop.file_chunks import read_chunks
from trivium.loop.pieces import as_times, content_digest, split, together
from trivium.loop.sources import Delivery, FileSource, Passed

PROJECT = read_project(small_project.PROJECT)
VISITS = PROJECT.tables["visits"]
FAR = datetime(2100, 1, 1, tzinfo=UTC)
START = small_project.START


@pytest.fixture
def source(tmp_path):
    return FileSource(small_project.make(tmp_path, days=3), PROJECT)


def deliver(source, table, *, now=FAR, seen=()):
    """Take every delivery as `collect` does: its rows before the next is asked for."""
    return [
        Delivery.of(found.partition, found.frame(), source=found.source, fingerprint=found.fingerprint)
        if isinstance(found, Delivery)
        else found
        for found in source.deliveries(table, now=now, seen=dict(seen))
    ]


def test_split_cuts_by_time():
    """Each row is in the partition that holds its time, in the order it came; partitions are in time order."""
    rows = pl.concat([small_project.visits_of(day) for day in (2, 0, 1)])
    parts = split(rows, VISITS, name="visits")
    assert [partition.name for partition in parts] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert sum(part.height for part in parts.values()) == rows.height
    for partition, part in parts.items():
        assert part["at"].is_between(partition.start, partition.end, closed="left").all()
    assert parts[Partition.holding("visits", START, every=timedelta(days=1))].equals(small_project.visits_of(0))


def test_split_of_times_before_1970():
    """Partitions count back from 1970 as they count on from it."""
    at = datetime(1969, 12, 31, 23, tzinfo=UTC)
    parts = split(pl.DataFrame({"at": [at]}), VISITS, name="visits")
    (partition,) = parts
    assert partition.start <= at < partition.end


def test_split_without_times():
    """Without rows, time column or readable times all is one partition; rows without a time go with the last."""
    rows = small_project.visits_of(0)
    whole = Partition.whole("visits")
    assert list(split(rows.drop("at"), VISITS, name="visits")) == [whole]
    assert list(split(rows.clear(), VISITS, name="visits")) == [whole]
    assert list(split(rows.with_columns(at=pl.lit(7)), VISITS, name="visits")) == [whole]
    assert list(split(rows.with_columns(at=pl.lit("soon")), VISITS, name="visits")) == [whole]
    both = pl.concat([rows, small_project.visits_of(1)])
    holed = both.with_columns(at=pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("at"))
    assert [part.height for part in split(holed, VISITS, name="visits").values()] == [55, 65]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(["2024-01-01T12:00:00Z"]),
        pl.Series([datetime(2024, 1, 1, 12)]),
        pl.Series([datetime(2024, 1, 1, 12, tzinfo=UTC)]),
        pl.Series([datetime(2024, 1, 1, 12)]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
    ],
)
def test_as_times(column):
    """Text, times without a zone and times of another zone are read as UTC."""
    assert as_times(column).to_list() == [datetime(2024, 1, 1, 12, tzinfo=UTC)]


def test_as_times_of_dates_and_numbers():
    """A date is its midnight; a number is no time."""
    assert as_times(pl.Series([datetime(2024, 1, 1).date()])).to_list() == [datetime(2024, 1, 1, tzinfo=UTC)]
    assert as_times(pl.Series([1.5])) is None


def test_content_digest_is_of_rows_and_schema():
    """The same rows in other chunks have the same digest; other rows, order, names or types have another."""
    rows = small_project.visits_of(0)
    same = content_digest(rows)
    assert content_digest(pl.concat([rows.head(20), rows.tail(40)], rechunk=False)) == same
    others = [
        rows.reverse(),
        rows.head(59),
        rows.rename({"age": "years"}),
        rows.with_columns(pl.col("age").cast(float)),
    ]
    assert len({same, *map(content_digest, others)}) == 5


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl", "ndjson"])
def test_read_file_of_each_kind(tmp_path, kind):
    """Parquet, CSV and JSON lines give the same rows, each day its own partition."""
    rows = pl.concat([small_project.visits_of(day) for day in range(2)])
    path = tmp_path / f"rows.{kind}"
    writers = {
        "parquet": rows.write_parquet,
        "csv": rows.write_csv,
        "jsonl": rows.write_ndjson,
        "ndjson": rows.write_ndjson,
    }
    writers[kind](path)
    read = together(list(read_chunks(path)))
    assert read["visit_id"].to_list() == rows["visit_id"].to_list()
    assert read["distance"].to_list() == rows["distance"].to_list()
    assert [part.height for part in split(read, VISITS, name="visits").values()] == [60, 60]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xml", b"<a/>", "TV-SRC-002"),
        ("a", b"x", "TV-SRC-002"),
        ("a.csv", b"", "TV-SRC-003"),
        ("a.parquet", b"PAR1", "TV-SRC-004"),
        ("a.jsonl", b"{nonsense", "TV-SRC-004"),
        ("a.parquet", None, "TV-SRC-004"),
    ],
)
def test_read_file_that_cannot_be_read(tmp_path, name, content, code):
    """What cannot be read is told by name, with what to do."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(read_chunks(path))
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == (code, str(path))
    assert problem.seen
    assert problem.fix


def test_deliveries_in_time_order(source):
    """Complete partitions come in time order with their rows; one that is not over yet waits."""
    found = deliver(source, "visits")
    assert [delivery.partition.name for delivery in found] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert found[0].frame().equals(small_project.visits_of(0))
    first, second, third = deliver(source, "visits", now=START + timedelta(days=2))
    assert [first.partition.name, second.partition.name] == ["2024-01-01", "2024-01-02"]
    assert third == Passed("2024-01-03", 60, "waiting")


def test_deliveries_leave_out_what_was_seen(source):
    """A partition whose fingerprint was seen does not come again until its rows change, whatever its file's times."""
    seen = {d.partition.name: d.fingerprint for d in deliver(source, "visits")}
    path = small_project.file_of(source.folder, "visits", 1)
    rows = pl.read_parquet(path)
    rows.write_parquet(path, compression="snappy")
    assert {found.why for found in deliver(source, "visits", seen=seen)} == {"unchanged"}
    rows.with_columns(age=pl.lit(3)).write_parquet(path)
    (changed,) = [found for found in deliver(source, "visits", seen=seen) if isinstance(found, Delivery)]
    assert changed.partition.name == "2024-01-02"
    assert changed.fingerprint != seen["2024-01-02"]


def test_one_partition_in_many_files(source):
    """Files that hold rows of the same day are one partition, in the order of their names."""
    more = small_project.visits_of(0, seed=9).with_columns(pl.lit("w").add(pl.col("visit_id")).alias("visit_id"))
    more.write_parquet(source.folder / "data" / "visits" / "more.parquet")
    first = deliver(source, "visits")[0]
    assert first.rows == 120
    assert first.source == "2024-01-01.parquet, more.parquet"


def test_many_partitions_in_one_file(source):
    """The weather's one file holds a partition for each day."""
    assert [delivery.rows for delivery in deliver(source, "weather")] == [1, 1, 1]


def test_problems_come_beside_the_rest(source):
    """A file that cannot be read comes as a problem, a pattern without files too; the rest still comes."""
    small_project.file_of(source.folder, "visits", 1).write_bytes(b"")
    kinds = [type(found) for found in deliver(source, "visits")]
    assert kinds.count(Problem) == 1
    assert len(kinds) == 3
    (source.folder / "data" / "weather.csv").unlink()
    (nothing,) = deliver(source, "weather")
    assert nothing.code == "TV-SRC-001"
