"""The prediction log: ids, and how answers meet their outcomes."""

import pytest

from trivium.core.problems import ProjectError
from trivium.store.predictions import PREDICTIONS, empty, partition_part, prediction_id


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
