"""Will a flight out of New York arrive more than 15 minutes late, be diverted or be cancelled?

Asked at the scheduled departure. Each feature uses only what was known at that moment: the schedule, the last weather
observed, and the outcomes known by then. A row's features never depend on the other rows of its batch.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

import trivium as tv

WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "visib", "pressure"]
WEATHER_IS_STALE_AFTER = "6h"
TIME = pl.Datetime("us", "UTC")

# One value for every plane of unknown age, for want of a tail number or of an entry in the registry alike.
USUAL_AGE = 11.0
# The share of late flights in a window starts from the yearly share as if 5 flights had been seen: none is ever empty.
USUAL_SHARE, USUAL_WEIGHT = 0.25, 5.0
# A delay says little more past two hours.
LONGEST_DELAY = 120

# Assumed costs per flight, in USD: rebooking and re-crewing early costs 200; a late flight costs 900 when nobody
# prepared for it and 300 when somebody did. So it pays to act from a probability of 200 / (900 - 300) = 1/3.
COST_OF_ACTING, COST_UNPREPARED, COST_PREPARED = 200.0, 900.0, 300.0


@tv.step
def features(
    flights: pl.DataFrame,
    weather_seen: pl.DataFrame,
    planes_built: pl.DataFrame,
    known_by_origin: pl.DataFrame,
    known_by_carrier: pl.DataFrame,
    *,
    rush_from: int = 16,
) -> pl.DataFrame:
    """Turn each flight into numbers, one row per flight in the flights' order; missing weather stays null."""
    # As-of joins want rows in the order of time; `_row` brings back the order they came in.
    rows = flights.with_row_index("_row").sort("scheduled_at", maintain_order=True)
    rows = rows.join_asof(
        weather_seen,
        left_on="scheduled_at",
        right_on="observed_at",
        by="origin",
        strategy="backward",
        tolerance=WEATHER_IS_STALE_AFTER,
        check_sortedness=False,
    ).join(planes_built, on="tailnum", how="left", maintain_order="left")
    rows = lately(rows, known_by_origin, by="origin", hours=[2, 6])
    rows = lately(rows, known_by_carrier, by="carrier", hours=[6])
    return rows.sort("_row").select(
        code("carrier"),
        code("origin"),
        code("dest"),
        "hour",
        (pl.col("hour") * 60 + pl.col("minute")).alias("minute_of_day"),
        "weekday",
        (pl.col("hour") >= rush_from).cast(pl.Int64).alias("is_rush"),
        "distance",
        (pl.col("scheduled_at").dt.year() - pl.col("built")).cast(pl.Float64).fill_null(USUAL_AGE).alias("plane_age"),
        *WEATHER,
        "^(late|delay)_.*$",
    )


# --- What depends on the other tables alone: worked out once for many requests ----------------------------------------


@tv.step
def weather_seen(weather: pl.DataFrame) -> pl.DataFrame:
    """Put the weather in the order in which it was observed."""
    if weather.is_empty():
        numbers = dict.fromkeys(WEATHER, pl.Float64)
        return pl.DataFrame(schema={"origin": pl.String, "observed_at": TIME, **numbers})
    return weather.select("origin", "observed_at", *WEATHER).sort("observed_at", maintain_order=True)


@tv.step
def planes_built(planes: pl.DataFrame) -> pl.DataFrame:
    """Tell the year in which each plane was built, where it is known."""
    return planes.filter(pl.col("year").is_not_null()).select("tailnum", built="year")


@tv.step
def outcomes_in_order(arrivals: pl.DataFrame) -> pl.DataFrame:
    """Sort outcomes by when they became known; `late` is the label's own rule in trivium.toml."""
    if arrivals.is_empty():
        kinds = {"known_at": TIME, "late": pl.Int64, "delay": pl.Int64}
        return pl.DataFrame(schema={"origin": pl.String, "carrier": pl.String, **kinds})
    return arrivals.select(
        "known_at",
        "origin",
        "carrier",
        late=(pl.col("arr_delay") > 15).fill_null(True).cast(pl.Int64),
        # A flight that never left counts as late as a flight can be.
        delay=pl.col("dep_delay").clip(0, LONGEST_DELAY).fill_null(LONGEST_DELAY).cast(pl.Int64),
    ).sort("known_at", maintain_order=True)


@tv.step
def known_by_origin(outcomes_in_order: pl.DataFrame) -> pl.DataFrame:
    """Count up what was known of flights from each origin."""
    return counted_up(outcomes_in_order, by="origin")


@tv.step
def known_by_carrier(outcomes_in_order: pl.DataFrame) -> pl.DataFrame:
    """Count up what was known of each carrier's flights."""
    return counted_up(outcomes_in_order, by="carrier")


def counted_up(outcomes: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Make running sums of outcomes, of late ones and of delays.

    Whole numbers, to be subtracted: exact, and the same however long a history the table holds.
    """
    return outcomes.select(
        by,
        "known_at",
        n=pl.int_range(1, pl.len() + 1).over(by),
        late=pl.col("late").cum_sum().over(by),
        delay=pl.col("delay").cum_sum().over(by),
    )


# --- What is asked of each row ----------------------------------------------------------------------------------------


def code(column: str) -> pl.Expr:
    """Read a name as a number in base 36: the same for ever, whatever other names there are; null if it is none."""
    return pl.col(column).str.to_integer(base=36, strict=False)


def lately(rows: pl.DataFrame, known: pl.DataFrame, *, by: str, hours: Sequence[int]) -> pl.DataFrame:
    """Measure how late flights with the same `by` were, over outcomes known in the last hours before departure."""

    def until(rows: pl.DataFrame, back: int) -> pl.DataFrame:
        """Add what was known so many hours before departure; nothing is 0."""
        rows = rows.with_columns(_at=pl.col("scheduled_at") - timedelta(hours=back)).join_asof(
            known, left_on="_at", right_on="known_at", by=by, strategy="backward", check_sortedness=False
        )
        sums = (pl.col(name).cast(pl.Int64).fill_null(0).alias(f"_{name}_{back}") for name in ("n", "late", "delay"))
        return rows.with_columns(*sums).drop("n", "late", "delay", "known_at", "_at", strict=False)

    rows = until(rows, 0)
    for window in hours:
        rows = until(rows, window)
        n, late, delay = (pl.col(f"_{name}_0") - pl.col(f"_{name}_{window}") for name in ("n", "late", "delay"))
        rows = rows.with_columns(
            ((late + USUAL_SHARE * USUAL_WEIGHT) / (n + USUAL_WEIGHT)).alias(f"late_{by}_{window}h"),
            (delay / (n + USUAL_WEIGHT)).alias(f"delay_{by}_{window}h"),
        )
    return rows


@tv.step
def model(
    features: pl.DataFrame,
    label: pl.Series,
    *,
    max_iter: int,
    learning_rate: float = 0.15,
    max_leaf_nodes: int = 15,
    l2: float = 1.0,
    seed: int = 0,
) -> Any:
    """Fit boosted trees; they take missing values as they are."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        l2_regularization=l2,
        early_stopping=False,
        random_state=seed,
    )
    return trees.fit(features.to_numpy().astype(np.float64), label.to_numpy().astype(bool))


@tv.heuristic
def usual_lateness(features: pl.DataFrame) -> pl.Series:
    """Guess as a dispatcher would: delays pile up from dawn to night, and worse when it is hard to see."""
    # 10 % at six in the morning, 2 points more each hour: rounded from the late shares by hour of 2013 itself, so the
    # rule has seen the year that it is scored on. The 20 points more under 3 miles of sight are a guess, not measured.
    by_hour = 0.10 + 0.02 * (pl.col("hour").clip(6, 21) - 6)
    unseen = 0.20 * (pl.col("visib") < 3).fill_null(False).cast(pl.Float64)
    return features.select(prediction=(by_hour + unseen).clip(0.05, 0.9))["prediction"]


@tv.metric(better="lower", unit="USD")
def cost_usd(label: pl.Series, prediction: pl.Series, rows: pl.DataFrame) -> float:
    """Tell the mean cost per flight of acting wherever acting is expected to pay."""
    is_late = label.cast(pl.Boolean).to_numpy()
    acts = prediction.to_numpy() >= COST_OF_ACTING / (COST_UNPREPARED - COST_PREPARED)
    late_cost = np.where(acts, COST_PREPARED, COST_UNPREPARED)
    return float(np.mean(acts * COST_OF_ACTING + is_late * late_cost))
