"""A small project on made-up rows: clinics, their visits, whether people came late. Same arguments, same bytes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS_A_DAY = 60
CLINICS = ("north", "south", "east")

PROJECT = """\
[model]
name = "visits"
task = "binary"
code = "pipeline.py"
row_id = "visit_id"
time = "at"
label = "late"
label_delay = "1d"
default = 0.3

[outcomes]
table = "arrivals"
label = "minutes > 10"
at = "known_at"

[tables.visits]
files = "data/visits/*.parquet"
time = "at"
key = ["visit_id"]

[tables.visits.columns]
visit_id = { type = "str", nulls = 0 }
at = { type = "datetime", nulls = 0 }
age = { type = "int", min = 0, max = 120 }
distance = { type = "float", min = 0, max = 500 }
clinic = { type = "str", values = ["north", "south", "east"], unknown = "warn" }

[tables.arrivals]
files = "data/arrivals/*.parquet"
time = "known_at"
key = ["visit_id"]

[tables.arrivals.columns]
visit_id = { type = "str", nulls = 0 }
known_at = { type = "datetime", nulls = 0 }
minutes = { type = "float", min = -100, max = 500 }

[tables.weather]
files = "data/weather.csv"
time = "day"
key = ["day"]

[tables.weather.columns]
day = { type = "datetime", nulls = 0 }
rain = { type = "float", min = 0 }

[[checks]]
name = "babies do not travel far"
on = "visits"
must = "not (age < 1 and distance > 40)"
else = "quarantine"
because = "the two columns were once mixed up"
owner = "intake"

[[checks]]
name = "far is never sure"
on = "prediction"
must = "not (distance > 49 and prediction > 0.99)"
else = "review"

[[slices]]
name = "north"
where = "clinic = 'north'"

[[metrics]]
name = "log_loss"
primary = true

[[metrics]]
name = "brier"

[params.model]
max_iter = 200

[gate]
margins = { log_loss = 0.5, brier = 0.5 }
slice_margins = { log_loss = 1.0, brier = 1.0 }
least_rows = 30

[release]
max_latency_ms = 30000  # half of what a slow version takes, and more than a busy machine does
shadow = "1d"
canary = "1d"
least_answers = 30
least_outcomes = 30

[retrain]
every = "4d"
cooldown = "2d"
first_after = "10d"
window = "14d"
holdout = "4d"

[[objectives]]
name = "calibrated"
metric = "brier"
target = 0.9
window = "7d"
"""

PIPELINE = '''\
"""Who comes late: distance, age, clinic and the rain."""

import polars as pl
import trivium as tv
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


@tv.step
def features(visits: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    days = weather.select(pl.col("day").dt.date(), "rain") if weather.width else pl.DataFrame(
        schema={"day": pl.Date, "rain": pl.Float64}
    )
    joined = visits.with_columns(pl.col("at").dt.date().alias("day")).join(
        days, on="day", how="left", maintain_order="left"
    )
    return joined.select(
        pl.col("age").cast(pl.Float64), "distance", (pl.col("clinic") == "north").cast(pl.Float64).alias("north"), "rain"
    ).fill_null(0.0)


@tv.step
def model(features: pl.DataFrame, label: pl.Series, *, max_iter: int, strength: float = 1.0):
    made = make_pipeline(StandardScaler(), LogisticRegression(max_iter=max_iter, C=strength))
    return made.fit(features.to_numpy(), label.to_numpy())


@tv.heuristic
def usually(features: pl.DataFrame) -> pl.Series:
    return features.select(pl.when(pl.col("north") == 1).then(0.5).otherwise(0.3)).to_series()
'''


def visits_of(day: int, *, rows: int = ROWS_A_DAY, start: datetime = START, seed: int = 0) -> pl.DataFrame:
    """Make the visits of one day (from 0), in time order."""
    draw = np.random.default_rng([seed, day, 1])
    seconds = np.sort(draw.integers(0, 86_400, rows))
    return pl.DataFrame(
        {
            "visit_id": [f"v{day:03d}{place:03d}" for place in range(rows)],
            "at": pl.Series(
                [start + timedelta(days=day, seconds=int(s)) for s in seconds], dtype=pl.Datetime("us", "UTC")
            ),
            "age": draw.integers(1, 95, rows),
            "distance": np.round(draw.uniform(0, 50, rows), 2),
            "clinic": draw.choice(CLINICS, rows).tolist(),
        }
    )


def rain_of(day: int) -> float:
    """Tell the millimetres of rain on a day."""
    return float(day * 7 % 10)


def arrivals_of(visits: pl.DataFrame, day: int, *, seed: int = 0) -> pl.DataFrame:
    """Make what became known of a day's visits, within 12 hours of each."""
    draw = np.random.default_rng([seed, day, 2])
    push = 0.4 * visits["distance"].to_numpy() + 6 * (visits["clinic"] == "north").to_numpy() + rain_of(day)
    return visits.select(
        "visit_id",
        (pl.col("at") + pl.duration(minutes=draw.integers(30, 700, visits.height))).alias("known_at"),
        pl.Series("minutes", np.round(push - 8 + draw.normal(0, 6, visits.height), 1)),
    )


def make(
    folder: Path,
    *,
    days: int = 40,
    rows: int = ROWS_A_DAY,
    start: datetime = START,
    seed: int = 0,
    project: str = PROJECT,
    pipeline: str = PIPELINE,
) -> Path:
    """Write the project and `days` of its data: a file a day for visits and arrivals, one for the weather."""
    for table in ("visits", "arrivals"):
        (folder / "data" / table).mkdir(parents=True, exist_ok=True)
    (folder / "trivium.toml").write_text(project, encoding="utf-8")
    (folder / "pipeline.py").write_text(pipeline, encoding="utf-8")
    known = []
    for day in range(days):
        visits = visits_of(day, rows=rows, start=start, seed=seed)
        visits.write_parquet(file_of(folder, "visits", day, start=start))
        known.append(arrivals_of(visits, day, seed=seed))
    arrivals = pl.concat(known).sort("known_at", "visit_id")
    for day in range(days):
        begins = start + timedelta(days=day)
        part = arrivals.filter((pl.col("known_at") >= begins) & (pl.col("known_at") < begins + timedelta(days=1)))
        part.write_parquet(file_of(folder, "arrivals", day, start=start))
    weather = pl.DataFrame(
        {
            "day": [f"{start + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in range(days)],
            "rain": [rain_of(day) for day in range(days)],
        }
    )
    weather.write_csv(folder / "data" / "weather.csv")
    return folder


def day_name(day: int, *, start: datetime = START) -> str:
    """Name the partition of a day."""
    return f"{start + timedelta(days=day):%Y-%m-%d}"


def file_of(folder: Path, table: str, day: int, *, start: datetime = START) -> Path:
    """Find the file that holds a day of `visits` or `arrivals`."""
    return folder / "data" / table / f"{day_name(day, start=start)}.parquet"
