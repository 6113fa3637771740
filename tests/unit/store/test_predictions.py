"""The prediction log: ids, and how answers meet their outcomes."""

from datetime import UTC, datetime

import pytest

from trivium.core.answers import Logged
from trivium.core.problems import ProjectError
from trivium.store.predictions import PREDICTIONS, SERVED, answers_frame, empty, numbered, partition_part, prediction_id


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


def test_records_become_rows():
    """Records are laid out in the columns of a server's log, lists and all, in their order."""
    troubles = (("v2", "raised", "oh"), ("v3", "late", "9 ms"))
    records = [
        Logged("p1", "a", 0, "v1", "live", "model", 0.5),
        Logged("p2", "b", 1, None, "canary", "default", None, ("far", "old"), True, 1.5, troubles),
        Logged("p3", "c", 2, "v1", "live", "model", 0.5, ("far",)),
    ]
    rows = answers_frame(records, [0, 1_000_000, 2])
    assert rows.schema == SERVED
    assert rows["checks"].to_list() == [[], ["far", "old"], ["far"]]
    assert rows["failed"].to_list() == [[], ["v2", "v3"], []]
    assert rows["at"].to_list()[1] == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert rows.row(1)[:2] == ("p2", "b")
    assert answers_frame(records[:1], [0])["checks"].to_list() == [[]]
    assert answers_frame([], []).schema == SERVED


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("p20241124T193000.k3x9f2ab-000017", ("20241124T193000.k3x9f2ab", 17)),
        ("p20130304-000017", None),
        ("p20241124T193000.K3X9F2AB-000017", None),
        ("p20241124T193000.k3x9f2ab-17", None),
        ("nonsense", None),
    ],
)
def test_a_server_s_id(text, number):
    """A server's id tells the log's writer and place; a batch's, and nonsense, none."""
    assert numbered(text) == number
