"""Rows of a request: decoded in one pass, and each bad one told what is wrong with it."""

from datetime import UTC, date, datetime, timedelta, timezone

import msgspec
import pytest

import small_project
from trivium.core.project import read_project
from trivium.serve.refusal import RefusedError
from trivium.serve.rows import Reader, shallow

READER = Reader(read_project(small_project.PROJECT), today=date(2024, 5, 1))
GOOD = {"visit_id": "a", "at": "2024-05-01T10:00:00Z", "age": 40, "distance": 3.5, "clinic": "north"}


def read(*rows):
    return READER.read(msgspec.json.encode({"rows": rows}))


def test_a_good_row_has_every_column_in_its_type():
    """What is left out is null, a time is aware and UTC, a whole number is a float where the contract says so."""
    batch = read({"visit_id": "a", "at": "2024-05-01T12:00:00+02:00", "distance": 3})
    at = datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert batch.rows == [{"visit_id": "a", "at": at, "age": None, "distance": 3.0, "clinic": None}]
    assert batch.rows[0]["at"].tzinfo is UTC
    assert (batch.places, batch.problems, batch.warnings) == ([0], {}, [])


def test_each_bad_row_gets_its_problem_and_the_good_ones_go_on():
    """One batch, every kind of fault; the rows between them are read."""
    batch = read(
        GOOD,
        GOOD | {"age": "old"},
        GOOD | {"age": 200, "distance": -1.0},
        {"at": GOOD["at"]},
        {"visit_id": "e", "at": GOOD["at"], "distnace": 1.0},
        "row",
        GOOD | {"at": "0001-01-01T00:00:00+23:00"},
        GOOD | {"visit_id": "last"},
    )
    assert [row["visit_id"] for row in batch.rows] == ["a", "last"]
    assert {place: problem.code for place, problem in batch.problems.items()} == {
        1: "TV-SERVE-005",
        2: "TV-SERVE-008",
        3: "TV-SERVE-006",
        4: "TV-SERVE-007",
        5: "TV-SERVE-005",
        6: "TV-SERVE-005",
    }
    assert batch.problems[2].what == "age is below 0.0 or above 120.0; distance is below 0.0 or above 500.0"
    assert batch.problems[4].what == "unknown column 'distnace'; did you mean 'distance'?"
    assert (batch.problems[1].where, batch.problems[1].seen) == ("rows[1].age", "'old'")


def test_a_new_column_beside_all_known_ones_is_let_in():
    """A client that is ahead of the contract is answered, and the column counted."""
    batch = read(GOOD | {"weather": {"deep": [1]}})
    assert batch.rows[0].keys() == GOOD.keys()
    assert batch.warnings == ["columns outside the contract"]


def test_a_rule_that_warns_refuses_nobody():
    """An unknown clinic is answered, and counted under the rule's name."""
    batch = read(GOOD | {"clinic": "west"})
    assert (len(batch.rows), batch.warnings) == (1, ["clinic is known"])


def test_a_check_of_the_table_holds_for_requests():
    """The rule that would quarantine the row keeps it out here."""
    problem = read(GOOD | {"age": 0, "distance": 41.0}).problems[0]
    assert (problem.code, "babies do not travel far" in problem.what) == ("TV-SERVE-008", True)


def test_whole_numbers_of_clients_that_know_doubles_alone():
    """3.0 is a whole number, 3.5 is none; NaN is how some say null."""
    batch = READER.of_plain([GOOD | {"age": 3.0}, GOOD | {"age": 3.5}, GOOD | {"age": float("nan")}])
    assert [row["age"] for row in batch.rows] == [3, None]
    assert list(batch.problems) == [1]


def test_texts_alone():
    """CSV: an empty text is null, a number is read, what is none is told."""
    batch = READER.of_texts([{"visit_id": "a", "at": "2024-05-01", "age": "3", "distance": "", "clinic": "x"}])
    assert (batch.rows[0]["age"], batch.rows[0]["distance"]) == (3, None)
    assert list(READER.of_texts([{"visit_id": "a", "at": "2024-05-01", "age": "x"}]).problems) == [0]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "TV-SERVE-001"),
        (b"{", 400, "TV-SERVE-001"),
        (b"\xff", 400, "TV-SERVE-001"),
        (b"[]", 422, "TV-SERVE-002"),
        (b'{"row": []}', 422, "TV-SERVE-002"),
        (b'{"rows": 3}', 422, "TV-SERVE-002"),
        (b'{"rows": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "TV-SERVE-004"),
        (b'{"rows": ' + b"[" * 200_000, 400, "TV-SERVE-001"),
        (b'{"rows": [' + b"{}," * 1000 + b"{}]}", 413, "TV-SERVE-003"),
    ],
)
def test_a_body_that_cannot_be_read(body, status, code):
    """Whose fault it is stands in the status."""
    with pytest.raises(RefusedError) as caught:
        READER.read(body)
    assert (caught.value.status, caught.value.problems[0].code) == (status, code)


def test_brackets_within_texts_are_not_nested():
    """Depth is that of the JSON, not of what its texts hold."""
    shallow(msgspec.json.encode({"a": '[[[["\\', "b": "{{{{\\\\"}), 2)


def test_a_private_value_is_not_shown():
    """The problem of a row never holds what may not be seen."""
    text = small_project.PROJECT.replace("max = 120 }", "max = 120, private = true }")
    reader = Reader(read_project(text), today=date(2024, 5, 1))
    problem = reader.of_plain([GOOD | {"age": 987}]).problems[0]
    assert "987" not in str(problem) and "(private)" in problem.seen


def test_a_time_of_another_zone_stays_the_same_moment():
    """Aware times are brought to UTC, whoever decoded them."""
    at = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert READER.of_plain([GOOD | {"at": at}]).rows[0]["at"] == at
