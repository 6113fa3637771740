"""Will a flight out of New York arrive more than 15 minutes late, be diverted or be cancelled?

Asked at the scheduled departure. Each feature uses only what was known at that moment: the schedule, the last weather
seen before it, and the outcomes that were known before it. tests/unit/examples/test_flights.py holds it to that.
"""

import numpy as np
import polars as pl

import trivium as tv

CARRIERS = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"]
ORIGINS = ["EWR", "JFK", "LGA"]
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "visib", "pressure"]

# One value for every plane whose age is not known, be it for want of a tail number or of an entry in the registry.
USUAL_AGE = 11.0
# Late shares start from the yearly share, as if this many flights had been seen, so that no window is empty.
USUAL_SHARE, USUAL_WEIGHT = 0.25, 5.0

# What a needless warning and a missed one cost, per flight, in USD. Assumed: a passenger service team that rebooks and
# re-crews early spends 200; a late flight nobody prepared for costs 900 in missed connections and overtime.
COST_OF_ACTING, COST_OF_SURPRISE = 200.0, 900.0
COST_LEFT_WHEN_PREPARED = 300.0


@tv.step
def features(
    flights: pl.DataFrame, weather: pl.DataFrame, planes: pl.DataFrame, arrivals: pl.DataFrame, *, rush_from: int = 16
) -> pl.DataFrame:
    """Turn each flight into numbers, in the flights' order; a row's numbers never depend on the other rows."""
    rows = flights.with_columns(
        pl.col("scheduled_at").cast(pl.Datetime("us", "UTC")), _row=pl.int_range(pl.len())
    ).sort("scheduled_at")
    rows = _with_weather(rows, weather)
    rows = _with_age(rows, planes)
    rows = _with_lateness(rows, arrivals)
    local_minute = pl.col("hour") * 60 + pl.col("minute")
    return rows.sort("_row").select(
        _code("carrier", CARRIERS),
        _code("origin", ORIGINS),
        # A place's code is a hash of its name: it never changes, and a new airport needs no edit here.
        dest=_letters("dest"),
        hour=pl.col("hour").cast(pl.Int64),
        minute_of_day=local_minute.cast(pl.Int64),
        weekday=pl.col("weekday").cast(pl.Int64),
        is_rush=(pl.col("hour") >= rush_from).cast(pl.Int64),
        distance=pl.col("distance").cast(pl.Float64),
        plane_age=pl.col("plane_age"),
        *(),
    ) if False else _numbers(rows.sort("_row"), rush_from)
