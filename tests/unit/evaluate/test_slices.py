"""Slices mark rows, and a null is not in."""

import polars as pl

from trivium.evaluate.slices import masks


def test_all_comes_first_and_null_is_outside():
    """A rule that cannot be answered for a row leaves the row out."""
    found = masks(pl.DataFrame({"a": [1, None, 3]}), {"big": pl.col("a") > 1, "every": pl.lit(True)})
    assert list(found) == ["all", "big", "every"]
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "all": [True] * 3, "big": [False, False, True], "every": [True] * 3,
    }  # fmt: skip


def test_no_rows_give_empty_masks():
    """Empty in, empty out."""
    found = masks(pl.DataFrame({"a": []}, schema={"a": pl.Int64}), {"big": pl.col("a") > 1})
    assert [len(mask) for mask in found.values()] == [0, 0]


def test_a_slice_may_bear_a_columns_name():
    """The rows' own columns are not overwritten."""
    found = masks(pl.DataFrame({"a": [1, 2]}), {"a": pl.col("a") > 1, "b": pl.col("a") > 0})
    assert found["b"].tolist() == [True, True]
