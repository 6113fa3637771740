"""Days of a small table, drawn from a fixed seed, as summaries."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from trivium.core.summary import RELATIVE_ERROR, ColumnSummary, Summary
from trivium.data.summary import summarise
from trivium.monitor.drift import History

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


class Shop:
    """A table of orders, day by day, as rows: two texts, numbers of which some go together, an outcome."""

    def __init__(self, seed: int = 0, rows: int = 1_000) -> None:
        self._seed, self._rows = seed, rows

    def start(self, day: int) -> datetime:
        """Tell when a day starts."""
        return START + timedelta(days=day)

    def frame(self, day: int, rows: int | None = None) -> pl.DataFrame:
        """Draw a day's rows, in order of time; weekends have fewer, and prices grow slowly."""
        dice = np.random.default_rng([self._seed, day])
        count = rows or int(self._rows * (0.6 if self.start(day).weekday() >= 5 else 1.0))
        size = dice.normal(size=count)
        site = dice.choice(3, count, p=[0.5, 0.3, 0.2])
        price = 100 + 10 * size + 0.05 * day
        return pl.DataFrame(
            {
                "id": np.arange(count) + day * 100_000,
                "at": pl.Series(np.sort(dice.integers(0, 86_400_000_000, count))).cast(pl.Duration("us"))
                + pl.Series([self.start(day)]).dt.cast_time_unit("us"),
                "site": pl.Series(["north", "south", "east"]).gather(site),
                "product": pl.Series([f"p{place}" for place in range(40)]).gather(dice.integers(0, 40, count)),
                "price": price,
                "distance": np.exp(dice.normal(3, 0.6, count)),
                "weight": 5 + size + dice.normal(size=count) + 0.5 * site,
                "warmth": dice.normal(60, 8, count),
                "paid": dice.random(count) < 0.3,
                "late": (dice.random(count) < 1 / (1 + np.exp(1 - 1.5 * size))).astype(np.int64),
            }
        )

    def summary(
        self, frame: pl.DataFrame, day: int, *, watch: tuple[str, ...] = (), breaks: dict[str, int] | None = None
    ) -> Summary:
        """Summarise a day as collecting does; `watch` keeps these columns alone."""
        start = self.start(day)
        made = summarise(frame, breaks=breaks, time="at", key=["id"], span=(start, start + timedelta(days=1)))
        kept = {
            name: held
            for name, held in made.columns.items()
            if name not in {"id", "at"} and (not watch or name in watch)
        }
        return msgspec.structs.replace(made, columns=kept)

    def lived(self, until: int, *, since: int = 0) -> History:
        """Let a history see ordinary days."""
        history = History()
        for day in range(since, until):
            history.add(self.summary(self.frame(day), day), start=self.start(day))
        return history


@pytest.fixture(scope="session")
def shop() -> Shop:
    """Hand out the shop."""
    return Shop()


@pytest.fixture(scope="session")
def lived(shop: Shop) -> History:
    """Hand out 50 days of the shop; tests must not add to it."""
    return shop.lived(50)
