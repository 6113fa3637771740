"""The rows that the benchmark is about: 20 columns as a table of orders may have them, and 20 checks on them.

10 numbers of several shapes (two with nulls), 4 counts, 4 texts of 4 to 20,000 values, a boolean and a time.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from summary_study.values import COUNTRIES, STATUSES

DAY = datetime(2026, 1, 5, tzinfo=UTC)


def frame(rows: int, *, seed: int, broken: float = 0.0, day: int = 0) -> pl.DataFrame:
    """Draw a day's orders.

    Args:
        rows: how many.
        seed: of the draw.
        broken: the share of rows in which each of four columns is out of its limits.
        day: which day, after the first.
    """
    dice = np.random.default_rng([seed, 1_000 + day])
    start = DAY + timedelta(days=day)
    at = np.sort(dice.integers(0, 86_400_000_000, rows))
    amount = np.round(dice.lognormal(3.5, 1.0, rows), 2)
    items = dice.poisson(2.0, rows) + 1
    discount = np.round(dice.beta(1, 8, rows), 3)
    columns: dict[str, pl.Series] = {
        "ordered_at": pl.Series(at).cast(pl.Duration("us")) + pl.Series([start]).dt.cast_time_unit("us"),
        "status": _text(dice, STATUSES, rows, skew=0.6),
        "country": _text(dice, COUNTRIES, rows, skew=1.1),
        "city": _text(dice, tuple(f"City {number:03}" for number in range(500)), rows, skew=1.0),
        "product": _text(dice, tuple(f"P-{number:05}" for number in range(20_000)), rows, skew=0.9),
        "is_member": pl.Series(dice.random(rows) < 0.4),
        "items": pl.Series(items),
        "visits": pl.Series(dice.geometric(0.2, rows)),
        "age": pl.Series(np.clip(dice.normal(41, 14, rows), 18, 99).astype(np.int64)),
        "points": pl.Series(dice.integers(0, 10_000, rows)),
        "amount": pl.Series(amount),
        "discount": pl.Series(discount),
        "tax": pl.Series(np.round(amount * 0.19, 2)),
        "total": pl.Series(np.round(amount * 1.19 * (1 - discount), 2)),
        "weight": pl.Series(dice.gamma(2.0, 1.5, rows)),
        "distance": _holed(dice, dice.lognormal(5.0, 0.8, rows), 0.03),
        "temperature": _holed(dice, dice.normal(11.0, 8.0, rows), 0.1),
        "balance": pl.Series(dice.normal(0.0, 250.0, rows)),
        "score": pl.Series(dice.random(rows)),
        "seconds": pl.Series(dice.exponential(40.0, rows)),
    }
    found = pl.DataFrame(columns)
    return _broken(found, dice, broken) if broken else found


def _text(dice: np.random.Generator, values: tuple[str, ...], rows: int, *, skew: float) -> pl.Series:
    shares = np.arange(1, len(values) + 1) ** -skew
    drawn = dice.choice(len(values), rows, p=shares / shares.sum())
    return pl.Series(values).gather(drawn)


def _holed(dice: np.random.Generator, values: np.ndarray, share: float) -> pl.Series:
    return pl.Series(np.where(dice.random(values.size) < share, np.nan, values)).fill_nan(None)


def _broken(found: pl.DataFrame, dice: np.random.Generator, share: float) -> pl.DataFrame:
    struck = {name: pl.Series(dice.random(found.height) < share) for name in ("amount", "age", "status", "score")}
    return found.with_columns(
        amount=pl.when(struck["amount"]).then(-pl.col("amount")).otherwise(pl.col("amount")),
        age=pl.when(struck["age"]).then(150).otherwise(pl.col("age")),
        status=pl.when(struck["status"]).then(pl.lit("lost")).otherwise(pl.col("status")),
        score=pl.when(struck["score"]).then(pl.lit(7.0)).otherwise(pl.col("score")),
    )


def write(path: Path, rows: int, *, seed: int, broken: float = 0.0, day: int = 0) -> Path:
    """Write a day's orders as Parquet, once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        frame(rows, seed=seed, broken=broken, day=day).write_parquet(path)
    return path
