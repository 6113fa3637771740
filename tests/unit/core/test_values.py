"""Spans, moments, partitions and digests."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from trivium.core.problems import ProjectError
from trivium.core.values import EPOCH, Partition, digest, floor_to, iso, moment, sha256, span


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("36h", timedelta(hours=36)),
        ("1.5d", timedelta(hours=36)),
        (" 2 w ", timedelta(days=14)),
    ],
)
def test_span(text: str, length: timedelta) -> None:
    """A number and a unit make a length of time."""
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "7 days", "1e3s", "1h30m"])
def test_what_is_no_span(text: str) -> None:
    """Anything else is TV-PROJ-006, which names the place."""
    with pytest.raises(ProjectError) as caught:
        span(text, where="here")
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [("TV-PROJ-006", "here")]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2013-03-04", datetime(2013, 3, 4, tzinfo=UTC)),
        ("2013-03-04T14:05", datetime(2013, 3, 4, 14, 5, tzinfo=UTC)),
        ("2013-03-04T14:05Z", datetime(2013, 3, 4, 14, 5, tzinfo=UTC)),
        ("2013-03-04T14:05+02:00", datetime(2013, 3, 4, 12, 5, tzinfo=UTC)),
    ],
)
def test_moment(text: str, at: datetime) -> None:
    """ISO 8601; without a zone it is UTC."""
    assert moment(text) == at
    assert moment(text).tzinfo is UTC


def test_what_is_no_moment() -> None:
    """Anything else is TV-PROJ-007."""
    with pytest.raises(ProjectError) as caught:
        moment("4 March", where="here")
    assert [(problem.code, problem.where) for problem in caught.value.problems] == [("TV-PROJ-007", "here")]


def test_iso_is_short_and_exact() -> None:
    """Midnight is written as a date, any other time to its last digit, in UTC; `moment` reads both back."""
    assert iso(datetime(2013, 3, 4, tzinfo=UTC)) == "2013-03-04"
    assert iso(datetime(2013, 3, 4, 16, 5, tzinfo=timezone(timedelta(hours=2)))) == "2013-03-04T14:05:00Z"
    at = datetime(2013, 3, 4, 14, 5, 6, 7, tzinfo=UTC)
    assert moment(iso(at)) == at


def test_floor_to_counts_from_the_epoch() -> None:
    """Partitions of any length start at whole multiples since 1970-01-01 UTC, before it too."""
    at = datetime(2013, 3, 4, 14, 5, tzinfo=UTC)
    assert floor_to(at, timedelta(days=1)) == datetime(2013, 3, 4, tzinfo=UTC)
    assert floor_to(at, timedelta(hours=6)) == datetime(2013, 3, 4, 12, tzinfo=UTC)
    assert floor_to(EPOCH - timedelta(seconds=1), timedelta(days=1)) == EPOCH - timedelta(days=1)
    assert (floor_to(at, timedelta(days=7)) - EPOCH) % timedelta(days=7) == timedelta(0)


def test_a_partition_holds_its_start_and_not_its_end() -> None:
    """A row at midnight belongs to the day that begins."""
    day = timedelta(days=1)
    partition = Partition.holding("flights", datetime(2013, 3, 4, 23, 59, tzinfo=UTC), every=day)
    assert partition == Partition("flights", datetime(2013, 3, 4, tzinfo=UTC), datetime(2013, 3, 5, tzinfo=UTC))
    assert Partition.holding("flights", partition.end, every=day).start == partition.end
    assert partition.name == "2013-03-04"


def test_the_partition_of_a_whole_table() -> None:
    """A table without a time has one partition, named `all`."""
    assert Partition.whole("airports").name == "all"
    assert Partition.whole("airports").start == EPOCH


def test_partitions_are_ordered_by_table_and_start() -> None:
    """Sorting gives the order of time within a table."""
    day = timedelta(days=1)
    days = [Partition.holding("a", EPOCH + number * day, every=day) for number in (2, 1)]
    assert sorted([Partition.whole("b"), *days]) == [days[1], days[0], Partition.whole("b")]


def test_sha256_of_nothing() -> None:
    """The known digest of no bytes (FIPS 180-4)."""
    assert sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_digest_knows_no_order_of_keys() -> None:
    """Keys in another order digest alike; other values, order of a list or number of parts do not."""
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    others = [
        digest({"a": 1}),
        digest({"a": 2}),
        digest({"a": "1"}),
        digest([1, 2]),
        digest([2, 1]),
        digest(1, 2),
        digest(),
    ]
    assert len(set(others)) == len(others)
    assert digest(Partition("a", EPOCH, EPOCH), date(2013, 1, 1)) == digest(
        Partition("a", EPOCH, EPOCH), date(2013, 1, 1)
    )
