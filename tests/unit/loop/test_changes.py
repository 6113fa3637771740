"""What changed between two contents of a partition, in one frame or dealt into buckets."""

import polars as pl
import pytest

from trivium.loop.changes import changes_between
from trivium.store.blobs import FileBlobs

OLD = pl.DataFrame({"id": range(100), "x": [n * 1.0 for n in range(100)], "word": ["a"] * 100})


@pytest.fixture
def blobs(tmp_path):
    return FileBlobs(tmp_path, durable=False)


def changes(blobs, old, new, *, key=("id",), at_once=1000):
    return changes_between(blobs, blobs.put_frame(old), blobs.put_frame(new), key=key, compared_rows=at_once)


@pytest.mark.parametrize("at_once", [1000, 7])
def test_by_key(blobs, at_once):
    """Rows added, removed and changed are counted by key, and changed values by column; order is no difference."""
    new = OLD.with_columns(
        x=pl.when(pl.col("id") < 60).then(-1.0).otherwise("x"),
        word=pl.when(pl.col("id") == 3).then(None).otherwise("word"),
    )
    new = pl.concat([new.slice(0, 90).reverse(), pl.DataFrame({"id": [500], "x": [0.0], "word": ["b"]})])
    found = changes(blobs, OLD, new, at_once=at_once)
    assert (found["rows_added"], found["rows_removed"], found["rows_changed"]) == (1, 10, 60)
    assert found["columns"] == {"word": 1, "x": 60}


@pytest.mark.parametrize("at_once", [1000, 7])
def test_without_a_key(blobs, at_once):
    """Without a key a changed row is one removed and one added; equal rows are counted as often as they come."""
    new = pl.concat([OLD.with_columns(x=pl.when(pl.col("id") == 1).then(9.5).otherwise("x")), OLD.slice(50, 2)])
    found = changes(blobs, OLD, new, key=(), at_once=at_once)
    assert (found["rows_added"], found["rows_removed"], found["rows_changed"]) == (3, 1, 0)


def test_columns_that_came_and_went(blobs):
    """A column of one side alone is named, and changes no row; another type with equal values is no change."""
    found = changes(blobs, OLD, OLD.drop("word").with_columns(new=pl.lit(1), x=pl.col("x").cast(pl.Int64)))
    assert (found["columns_added"], found["columns_removed"]) == (["new"], ["word"])
    assert found["rows_changed"] == found["rows_added"] == found["rows_removed"] == 0


def test_the_same_content(blobs):
    """Equal contents differ in nothing."""
    assert set(map(str, changes(blobs, OLD, OLD).values())) == {"0", "{}", "[]"}
