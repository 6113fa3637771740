"""The prediction log: ids, and how answers meet their outcomes."""

from datetime import UTC, datetime

import polars as pl
import pytest

from trivium.core.problems import ProjectError
from trivium.store.predictions import PREDICTIONS, empty, join_outcomes, partition_part, prediction_id


def log(*row_ids):
    rows = {name: [None] * len(row_ids) for name in PREDICTIONS} | {
        "row_id": list(row_ids),
        "prediction_id": [prediction_id("2013-03-04", place) for place in range(len(row_ids))],
        "at": [datetime(2013, 3, 4, tzinfo=UTC)] * len(row_ids),
    }
    return pl.DataFrame(rows, schema=PREDICTIONS)


def test_empty():
    """An empty log has all columns with their types."""
    assert empty().schema == PREDICTIONS
    assert empty().height == 0


@pytest.mark.parametrize(
    ("partition", "place", "expected"),
    [
        ("2013-03-04", 17, "p20130304-000017"),
        ("2013-03-04T14:05:00Z", 0, "p20130304T140500-000000"),
        ("2013-03-04", 1_234_567, "p20130304-1234567"),
        ("all", 5, "p-000005"),
    ],
)
def test_ids(partition, place, expected):
    """An id tells its partition and place, and gives the partition's part back."""
    assert prediction_id(partition, place) == expected
    assert partition_part(expected) == prediction_id(partition, 0).rpartition("-")[0]


def test_a_negative_place_is_a_fault():
    """Places count from 0."""
    with pytest.raises(ValueError, match="counts from 0"):
        prediction_id("2013-03-04", -1)


@pytest.mark.parametrize(
    "text", ["", "p20130304", "20130304-000017", "p20130304-17", "p2013-03-04-000017", "p1-000017\n"]
)
def test_what_is_no_id(text):
    """A text that is no id is refused with TV-STORE-011."""
    with pytest.raises(ProjectError, match="TV-STORE-011"):
        partition_part(text)


def test_join():
    """Answers with an outcome stay, in their order, each with its outcome; numbers meet text."""
    outcomes = pl.DataFrame({"flight": [2, 9, 1], "label": [0, 1, 1]})
    joined = join_outcomes(log("3", "1", "2", "1"), outcomes, row_id="flight")
    assert joined["row_id"].to_list() == ["1", "2", "1"]
    assert joined["label"].to_list() == [1, 0, 1]
    assert joined.columns == [*PREDICTIONS, "label"]


def test_the_last_outcome_counts():
    """A corrected outcome replaces the earlier one and doubles no answer."""
    outcomes = pl.DataFrame({"row_id": ["1", "1"], "label": [0, 1]})
    assert join_outcomes(log("1"), outcomes, row_id="row_id")["label"].to_list() == [1]


def test_a_name_of_both_is_told_apart():
    """The outcome's own `at` becomes `at_outcome`."""
    outcomes = pl.DataFrame({"id": ["1"], "at": [datetime(2013, 3, 6, tzinfo=UTC)]})
    joined = join_outcomes(log("1"), outcomes, row_id="id")
    assert joined["at"][0] < joined["at_outcome"][0]


def test_nulls_never_meet():
    """A row without an id has no outcome."""
    outcomes = pl.DataFrame({"id": [None, "1"], "label": [1, 0]}, schema={"id": pl.String, "label": pl.Int64})
    assert join_outcomes(log(None, "1"), outcomes, row_id="id").height == 1


@pytest.mark.parametrize("outcomes", [{"id": [], "label": []}, {"id": [7], "label": [1]}])
def test_no_outcomes(outcomes):
    """Without a known outcome the answer is empty, with all columns."""
    joined = join_outcomes(log("1"), pl.DataFrame(outcomes), row_id="id")
    assert joined.height == 0
    assert joined.columns == [*PREDICTIONS, "label"]
