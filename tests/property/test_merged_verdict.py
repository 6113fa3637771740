"""The verdict on a partition whose summary was merged from very many parts does not know how they were merged."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from random import Random

import numpy as np
import polars as pl
import pytest

from trivium.core.summary import Summary
from trivium.data.packing import decode, encode
from trivium.data.summary import merge, summarise
from trivium.monitor.drift import History

START = datetime(2026, 1, 5, tzinfo=UTC)
PARTS = 1_000
ASK = {"rate": 0.01, "least_history": 14}


def rows(count: int, *, day: int, factor: float = 1.0) -> pl.DataFrame:
    dice = np.random.default_rng([7, day])
    return pl.DataFrame(
        {
            "at": pl.Series(np.sort(dice.integers(0, 86_400_000_000, count))).cast(pl.Duration("us"))
            + pl.Series([START + timedelta(days=day)]).dt.cast_time_unit("us"),
            "distance": dice.lognormal(6, 0.7, count) * factor,
            "delay": np.where(dice.random(count) < 0.05, np.nan, dice.normal(0, 20, count)),
            "carrier": pl.Series(list("ABCDEFGH")).gather(dice.integers(0, 8, count)),
            "tail": [f"N{number}" for number in dice.integers(0, 2_000, count)],
            "late": dice.random(count) < 0.2,
        }
    )


def summary(frame: pl.DataFrame, *, day: int) -> Summary:
    start = START + timedelta(days=day)
    return summarise(frame, time="at", span=(start, start + timedelta(days=1)), breaks={"late": 1})


@pytest.fixture(scope="module")
def history() -> History:
    known = History()
    for day in range(30):
        known.add(summary(rows(2_000, day=day), day=day), start=START + timedelta(days=day))
    return known


@pytest.mark.parametrize("factor", [1.0, 1.609])
def test_merging_1000_summaries_in_any_order_gives_the_same_verdict(history: History, factor: float) -> None:
    """Forwards, backwards, shuffled, two by two, one after the other, written and read in between: one decision."""
    frame = rows(2_000, day=30, factor=factor)
    parts = [summary(frame[2 * number : 2 * number + 2], day=30) for number in range(PARTS)]
    shuffled = Random(1).sample(parts, PARTS)
    ways = {
        "forwards": merge(*parts),
        "backwards": merge(*reversed(parts)),
        "shuffled": merge(*shuffled),
        "by tens": merge(*(merge(*shuffled[at : at + 10]) for at in range(0, PARTS, 10))),
        "one after the other": reduce(merge, shuffled[:200], merge(*shuffled[200:])),
        "written and read": merge(*(decode(encode(part)) for part in shuffled)),
    }
    decisions = {
        way: history.judge(merged, start=START + timedelta(days=30), **ASK)  # type: ignore[arg-type]
        for way, merged in ways.items()
    }
    assert all(decision == decisions["forwards"] for decision in decisions.values())
    assert (decisions["forwards"].verdict == "ordinary") is (factor == 1.0)
    one = history.judge(summary(frame, day=30), start=START + timedelta(days=30), **ASK)  # type: ignore[arg-type]
    assert (one.verdict, one.kind, one.columns) == tuple(
        getattr(decisions["forwards"], field) for field in ("verdict", "kind", "columns")
    )
