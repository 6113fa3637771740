"""Days of a small table, drawn from a fixed seed, as summaries."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from trivium.core.summary import RELATIVE_ERROR, ColumnSummary, Summary

START = datetime(2013, 1, 7, tzinfo=UTC)  # a Monday
LOG_RATIO = math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR))


def summarised(values: np.ndarray, nulls: int = 0) -> ColumnSummary:
    """Summarise numbers by definition, one by one."""
    positive: dict[int, int] = {}
    negative: dict[int, int] = {}
    for value in values[values != 0]:
        side = positive if value > 0 else negative
        bucket = math.ceil(math.log(abs(value)) / LOG_RATIO)
        side[bucket] = side.get(bucket, 0) + 1
    return ColumnSummary(
        rows=len(values) + nulls, nulls=nulls, distinct=len(set(values.tolist())),
        minimum=float(values.min(initial=math.inf)), maximum=float(values.max(initial=-math.inf)),
        mean=float(values.mean()), m2=float(((values - values.mean()) ** 2).sum()),
        zeros=int((values == 0).sum()), positive=positive, negative=negative,
    )  # fmt: skip


def text(counts: dict[str, int], nulls: int = 0) -> ColumnSummary:
    """Summarise text from counts."""
    return ColumnSummary(rows=sum(counts.values()) + nulls, nulls=nulls, distinct=len(counts), top=counts)


class Days:
    """A table with a number, a number with a weekend, and a text column."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)

    def start(self, day: int) -> datetime:
        """Tell when a day starts."""
        return START + timedelta(days=day)

    def draw(
        self, day: int, *, rows: int = 300, shift: float = 0.0, nulls: int = 0, share: float = 0.5, extra: str = ""
    ) -> Summary:
        """Draw a day; `shift` moves the first number, `share` is that of carrier A."""
        is_weekend = self.start(day).weekday() >= 5
        rows = rows // 2 if is_weekend else rows
        carriers = self._rng.choice(["A", "B", "C"], rows, p=[share, 0.8 - share, 0.2])
        counts = {str(name): int((carriers == name).sum()) for name in "ABC"}
        if extra:
            counts[extra] = rows // 20
        return Summary(
            rows=rows,
            columns={
                "distance": summarised(self._rng.normal(10 + shift, 2, rows - nulls), nulls),
                "delay": summarised(self._rng.normal(5 if is_weekend else 0, 3, rows).round()),
                "carrier": text(counts),
            },
        )


@pytest.fixture
def days() -> Callable[..., Days]:
    """Hand out the maker of days."""
    return Days


@pytest.fixture
def number() -> Callable[..., ColumnSummary]:
    """Hand out the summary of numbers by definition."""
    return summarised
