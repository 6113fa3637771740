"""Whether the mix of rows explains a change, or one value alone moved: worked out by hand."""

import math

import polars as pl
import pytest

from trivium.core.summary import Summary
from trivium.data.summary import summarise
from trivium.monitor.statistics import Measures, measure
from trivium.monitor.subpopulations import explained_by_mix, moved_alone


def orders(north: int, south: int, *, north_price: float = 1.0, south_price: float = 10.0, nulls: int = 0) -> Measures:
    """Orders of two sites, each at its own price; the first rows of the south without one."""
    price = [north_price] * north + [None] * nulls + [south_price] * (south - nulls)
    made: Summary = summarise(pl.DataFrame({"site": ["north"] * north + ["south"] * south, "price": price}))
    return measure(made)


PAST = [orders(50, 50), orders(50, 50)]


def test_other_shares_of_groups_that_stayed_are_a_mix() -> None:
    """Three quarters north, each site at its price: all of the change is the mix."""
    mix = explained_by_mix(orders(75, 25), PAST, "price", nulls=False)
    assert (mix.slicer, round(mix.explained, 6)) == ("site", 1.0)
    assert moved_alone(orders(75, 25), PAST, "price", nulls=False) is None


def test_a_group_that_moved_is_no_mix() -> None:
    """The same shares and another price in the south: only the south moved."""
    now = orders(50, 50, south_price=20.0)
    assert explained_by_mix(now, PAST, "price", nulls=False) is None
    assert moved_alone(now, PAST, "price", nulls=False) == ("site", "south")


def test_nulls_of_one_group_are_that_groups() -> None:
    """All prices of the south are gone, and none of the north."""
    now = orders(50, 50, nulls=50)
    assert moved_alone(now, PAST, "price", nulls=True) == ("site", "south")
    assert explained_by_mix(now, PAST, "price", nulls=True) is None


def test_a_change_of_all_groups_is_no_ones_alone() -> None:
    """Both prices trebled."""
    assert moved_alone(orders(50, 50, north_price=3.0, south_price=30.0), PAST, "price", nulls=False) is None


def test_without_the_joint_part_nothing_is_said() -> None:
    """Old summaries have no groups."""
    bare = Measures(rows=1, values={}, noise={}, counts={})
    assert explained_by_mix(bare, PAST, "price", nulls=False) is None


def test_the_mix_is_measured_at_the_groups_usual_means() -> None:
    """Other shares, and the south a little dearer: of the change, -0.562 of -0.538 is the mix (on the joint scale)."""
    mix = explained_by_mix(orders(75, 25, south_price=11.0), PAST, "price", nulls=False)
    usual = 0.25 * (math.log1p(16) - math.log1p(160))
    total = 0.75 * math.log1p(16) + 0.25 * math.log1p(176) - 0.5 * math.log1p(16) - 0.5 * math.log1p(160)
    assert mix.explained == pytest.approx(1 - abs(total - usual) / abs(total), abs=0.001)
