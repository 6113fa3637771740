"""Distances of partitions from those before them, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from trivium.core.summary import PHASES, ColumnSummary, Joint, Sample, Summary
from trivium.monitor.distances import Window
from trivium.monitor.statistics import TABLE, measure


def window(*columns: ColumnSummary, eras: list[int] | None = None, serves: list[bool] | None = None) -> Window:
    """Make a window of partitions with one column each."""
    measures = [measure(Summary(rows=column.rows, columns={"x": column})) for column in columns]
    return Window(measures, serves=serves or [True] * len(measures), eras=eras or [0] * len(measures))


def text(**counts: int) -> ColumnSummary:
    """Summarise text from counts."""
    return ColumnSummary(rows=sum(counts.values()), distinct=len(counts), top=counts)


def test_moved_shares_are_total_variation_less_what_chance_shows() -> None:
    """Half A half B of 100 after 3/4 and 1/4 of 300: 0.25, less 2 sqrt(p (1 - p) (1/100 + 1/300) / 2 pi), p = 0.6875."""
    found = window(text(A=225, B=75), text(A=50, B=50)).values["x", "shares"]
    by_chance = 2 * math.sqrt(0.6875 * 0.3125 * (1 / 100 + 1 / 300) / (2 * math.pi))
    assert math.isnan(found[0])
    assert found[1] == pytest.approx(0.25 - by_chance)


def test_what_chance_shows_grows_with_the_number_of_values() -> None:
    """On identical partitions of 1,000 values the mean excess is near 0, where the bare distance is far from it."""
    dice = np.random.default_rng(0)
    parts = [
        text(**{f"v{v}": int(n) for v, n in enumerate(dice.multinomial(2000, [1e-3] * 1000)) if n}) for _ in range(40)
    ]
    parts = [ColumnSummary(rows=p.rows, distinct=p.distinct, top=p.top) for p in parts]
    found = window(*parts).values["x", "shares"][20:]
    assert abs(found.mean()) < 0.01


def test_unseen_values_are_those_of_no_partition_before() -> None:
    """3 of 10 rows hold Z; the partition after it knows Z."""
    found = window(text(A=30), text(A=7, Z=3), text(A=5, Z=5)).values["x", "unseen"]
    assert found[1:].tolist() == [0.3, 0.0]


def test_only_what_serves_is_a_reference() -> None:
    """A partition that does not serve teaches nothing to those after it."""
    found = window(text(A=30), text(A=7, Z=3), text(A=5, Z=5), serves=[True, False, True]).values["x", "unseen"]
    assert found[2] == 0.5


def test_a_new_era_has_its_own_reference() -> None:
    """The first of an era has nothing before it."""
    found = window(text(A=30), text(B=30), text(B=30), eras=[0, 1, 1]).values["x", "unseen"]
    assert math.isnan(found[1])
    assert found[2] == 0.0


def test_extremes_are_told_in_widths_of_what_was_seen(number) -> None:
    """After 0 to 10, a 30 lies two widths beyond: ln 3; a 5 none."""
    found = window(number(np.array([0.0, 10.0])), number(np.array([5.0, 30.0])), number(np.array([5.0]))).values[
        "x", "extent"
    ]
    assert found[1:] == pytest.approx([math.log(3), 0.0])


def test_a_gap_is_the_usual_share_of_hours_without_rows() -> None:
    """All day before; now nothing in the last 6 of 24 hours, and nothing in one before: the longer run counts."""
    whole, cut = [1] * PHASES, [1] * PHASES
    cut[72:], cut[:4] = [0] * 24, [0] * 4
    measures = [measure(Summary(rows=sum(p), columns={}, joint=Joint(phases=tuple(p)))) for p in (whole, cut)]
    found = Window(measures, serves=[True, True], eras=[0, 0])
    assert found.values[TABLE, "gap"][1] == pytest.approx(0.25)


def test_rows_seen_before_are_found_a_few_partitions_back() -> None:
    """A partition that repeats the third before it overlaps wholly."""
    samples = [Sample(rows=3, hashes=tuple(h), counts=(1, 1, 1)) for h in ((1, 2, 3), (4, 5, 6), (7, 8, 9), (1, 2, 3))]
    measures = [measure(Summary(rows=3, columns={}, joint=Joint(sample_of_rows=s))) for s in samples]
    found = Window(measures, serves=[True] * 4, eras=[0] * 4).values[TABLE, "repeated"]
    assert found[1:].tolist() == [0.0, 0.0, 1.0]
