"""The joint picture of a partition's columns: hand-worked cases, and NumPy as the oracle."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from trivium.core.summary import MOST_GROUPS, PHASES, SCALE_STEP, Joint, scaled
from trivium.data.summary import merge, summarise

DAY = datetime(2026, 1, 5, tzinfo=UTC)
SPAN = (DAY, DAY + timedelta(days=1))


def joint(columns: dict[str, object], **ask: object) -> Joint:
    found = summarise(pl.DataFrame(columns), **ask).joint  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_joint_scale_turns_a_factor_into_a_shift() -> None:
    """Ln 17 for 1, the sign kept, and 1.609 times a distance of 1,000 is ln 1.609 = 0.4756 more."""
    assert scaled(1.0) == pytest.approx(math.log(17))
    assert scaled(-1.0) == -scaled(1.0)
    assert scaled(1609.0) - scaled(1000.0) == pytest.approx(math.log(1.609), abs=1e-4)
    assert scaled(1e300) == 64.0


def test_comoments_agree_with_numpy_over_the_rows_that_hold_both() -> None:
    """Covariance and correlation of the scaled numbers, nulls left out pair by pair."""
    dice = np.random.default_rng(0)
    x = dice.lognormal(3, 1, 2_000)
    y = np.where(dice.random(2_000) < 0.2, np.nan, -x * dice.lognormal(0, 0.3, 2_000))
    found = joint({"x": x, "y": y, "flag": x > 20}).comoments
    assert found is not None
    assert found.columns == ("flag", "x", "y")
    both = ~np.isnan(y)
    scaled_x, scaled_y = np.log1p(16 * x[both]), -np.log1p(-16 * y[both])
    assert found.correlation("x", "y") == pytest.approx(np.corrcoef(scaled_x, scaled_y)[0, 1], abs=1e-2)
    assert found.covariance("y", "y") == pytest.approx(scaled_y.var(), rel=1e-3)
    assert found.covariance("x", "y") == pytest.approx(found.covariance("y", "x"))


def test_comoments_without_rows_or_spread_say_nothing() -> None:
    """A constant has no correlation, a column of nulls not even a covariance."""
    found = joint({"one": [1.0, 1.0], "x": [1.0, 2.0], "none": pl.Series([None, None], dtype=pl.Float64)}).comoments
    assert found is not None
    assert found.correlation("one", "x") is None
    assert found.covariance("none", "x") is None


def test_groups_hold_each_column_within_each_value() -> None:
    """Carrier A flies 100 and 200 miles, B 300 and nothing known: means of the scaled distances, half of B's null."""
    found = joint(
        {"carrier": ["A", "A", "B", "B", None], "distance": [100.0, 200.0, 300.0, None, 5.0], "late": [True] * 5}
    ).groups
    carriers = found["carrier"]
    assert list(carriers.values) == ["A", "B"]
    assert carriers.mean("A", "distance") == pytest.approx((scaled(100) + scaled(200)) / 2, abs=SCALE_STEP)
    assert carriers.variance("A", "distance") == pytest.approx((scaled(200) - scaled(100)) ** 2 / 4, abs=1e-3)
    assert (carriers.nulls("A", "distance"), carriers.nulls("B", "distance")) == (0.0, 0.5)
    assert carriers.mean("B", "late") == pytest.approx(scaled(1), abs=SCALE_STEP)
    assert list(found["late"].values) == ["true"]
    assert found["late"].values["true"].rows == 5


def test_a_group_without_a_number_has_no_mean() -> None:
    """All of B's distances are null."""
    carriers = joint({"carrier": ["A", "B"], "distance": [1.0, None]}).groups["carrier"]
    assert carriers.mean("B", "distance") is None
    assert carriers.variance("B", "distance") is None


@pytest.mark.parametrize("rows", [0, 3])
def test_a_slicer_without_values_has_no_groups(rows: int) -> None:
    """Where no row came, or each text is null, there is no value to tell of; numbers beside it are no trouble."""
    names = pl.Series("name", [None] * rows, dtype=pl.String)
    found = summarise(pl.DataFrame([names, pl.Series("x", [1.0] * rows), pl.Series("y", [2.0] * rows)])).joint
    assert found is not None
    assert (found.groups["name"].values, found.groups["name"].is_full) == ({}, False)


def test_a_slicer_of_too_many_values_is_none_for_ever() -> None:
    """21 values are too many, and so they are after a merge with two of them; 20 in two halves are not."""
    many = [f"v{number:02}" for number in range(MOST_GROUPS + 1)]
    full, few = (summarise(pl.DataFrame({"s": values})) for values in (many, many[:2]))
    assert full.joint is not None
    assert (full.joint.groups["s"].is_full, full.joint.groups["s"].values) == (True, {})
    halves = [summarise(pl.DataFrame({"s": half})) for half in (many[:10], many[10:20], many[10:])]
    for parts, is_full in (((full, few), True), (halves[:2], False), ((halves[0], halves[2]), True)):
        merged = merge(*parts).joint
        assert merged is not None
        assert merged.groups["s"].is_full is is_full


def test_keys_and_private_columns_are_no_slicers() -> None:
    """A key tells rows apart, and no value of a private column may stand anywhere."""
    ask = {"key": ("id",), "private": ("name",)}
    found = joint({"id": ["a", "b"], "name": ["x", "y"], "kind": ["k", "k"]}, **ask)
    assert set(found.groups) == {"kind"}
    assert found.groups["kind"].columns == ("name",)


def test_a_repeated_day_has_new_times_and_keys_and_the_same_contents() -> None:
    """The next day's rows with yesterday's contents overlap wholly in contents, and in keys and whole rows not at all."""
    dice = np.random.default_rng(1)
    x = dice.random(3_000)
    days = [
        joint(
            {"id": range(day * 3_000, day * 3_000 + 3_000), "at": [DAY + timedelta(days=day)] * 3_000, "x": x},
            time="at", key=("id",), span=SPAN,
        )
        for day in range(2)
    ]  # fmt: skip
    for sample, overlap in (("sample_of_contents", 1.0), ("sample_of_rows", 0.0), ("sample_of_keys", 0.0)):
        assert getattr(days[1], sample).overlap(getattr(days[0], sample)) == overlap


def test_a_row_sent_twice_is_seen_in_its_key() -> None:
    """Of four rows one repeats another's key: a quarter."""
    found = joint({"id": [1, 2, 3, 3], "x": [1.0, 1.0, 1.0, 2.0]}, key=("id",))
    assert found.sample_of_keys is not None
    assert found.sample_of_keys.duplicates == 0.25
    assert joint({"id": [1]}, key=("id",), private=("id",)).sample_of_keys is None


def test_the_names_of_columns_are_part_of_a_row() -> None:
    """Swapped columns make other rows, columns in another order the same."""
    one, swapped, turned = (
        joint(columns).sample_of_rows for columns in ({"a": [1], "b": [2]}, {"a": [2], "b": [1]}, {"b": [2], "a": [1]})
    )
    assert one == turned
    assert one != swapped


def test_phases_count_rows_by_quarter_of_an_hour() -> None:
    """The first at 00:00, two at 00:15, one in the last microsecond; what lies outside counts at the edge."""
    at = [DAY, *[DAY + timedelta(minutes=15)] * 2, SPAN[1] - timedelta(microseconds=1), SPAN[1], None]
    found = joint({"at": at}, time="at", span=SPAN).phases
    assert (len(found), found[0], found[1], found[-1], sum(found)) == (PHASES, 1, 2, 2, 5)
    assert joint({"at": at}, time="at").phases == ()


def test_blocks_add_up_to_the_same_whole_numbers() -> None:
    """Rows past one block give what their parts give, to the bit."""
    dice = np.random.default_rng(2)
    frame = pl.DataFrame(
        {"s": dice.choice(list("abc"), 200_000), "x": dice.normal(0, 1e6, 200_000), "y": dice.random(200_000)}
    )
    whole = merge(summarise(frame))
    parts = merge(*(summarise(frame[start : start + 30_000]) for start in range(0, 200_000, 30_000)))
    assert parts.joint == whole.joint
