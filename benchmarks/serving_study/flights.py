"""What a features step costs a request: the flights model on its own step, on ten expressions, and on none."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from harness.load import Request
from harness.results import Row, of_runs
from harness.servers import ask
from serving_study.compared import loaded
from serving_study.ours import is_ready, serve
from serving_study.project import code_digest, trivium

UNTIL = datetime(2013, 2, 15, tzinfo=UTC)
TIMES = {"flights": "scheduled_at", "arrivals": "known_at", "weather": "observed_at"}
ASKED = 500
SETTLES_S = 5.0  # steps are compiled to one row, and proven, once a server is ready
NONE = 'rows.select("hour", "minute", "weekday", "month", "distance", "flight", "sched_arr_time")'
TEN = """rows.select(
        (pl.col("hour") * 60 + pl.col("minute")).alias("minute_of_day"),
        (pl.col("hour") >= rush_from).cast(pl.Int64).alias("is_rush"),
        (pl.col("distance") * 0.01).alias("hundreds"),
        (pl.col("origin") == "JFK").cast(pl.Int64).alias("is_jfk"),
        pl.col("carrier").is_in(["EV", "MQ", "9E"]).cast(pl.Int64).alias("is_regional"),
        pl.col("dest").str.to_integer(base=36, strict=False).alias("to"),
        (pl.col("sched_arr_time") // 100).fill_null(12).alias("arrives"),
        pl.col("scheduled_at").dt.day().alias("day"),
        pl.when(pl.col("weekday") >= 6).then(1).otherwise(0).alias("is_weekend"),
        pl.col("distance").clip(0, 3000).alias("near"),
    )"""
STEP = """@tv.step
def features(flights: pl.DataFrame, *, rush_from: int = 16) -> pl.DataFrame:
    rows = flights
    return {step}


"""
STEPS = {"no expressions": NONE, "ten expressions": TEN, "its own step, three tables joined": ""}


def made(folder: Path) -> Path:
    """Make the project of the template with the first days of its year, collected."""
    stamp, code = folder / "made-by", code_digest()
    if not stamp.exists() or stamp.read_text() != code:
        shutil.rmtree(folder, ignore_errors=True)
        trivium(folder.parent, "init", str(folder), "--template", "flights", anywhere=True)
        for table, time in TIMES.items():
            for path in (folder / "data" / table).glob("*.parquet"):
                _cut(path, time)
        _let_pass(folder / "trivium.toml")
        trivium(folder, "collect")
        stamp.write_text(code)
    return folder


def _cut(path: Path, time: str) -> None:
    """Keep what was known in a file by the moment that the project is at; nothing left, no file."""
    rows = pl.read_parquet(path).filter(pl.col(time) < UNTIL)
    if rows.height:
        rows.write_parquet(path)
    else:
        path.unlink()


def _let_pass(settings: Path) -> None:
    """Widen the gate: what is measured is what a step costs, not how good the model is on it."""
    text = re.sub(
        r"margins\s*= \{[^}]*\}", lambda held: re.sub(r"= *[\d.]+", "= 1000.0", held[0]), settings.read_text()
    )
    settings.write_text(re.sub(r"\[ladder\][^\[]*", "", text) + '\n[ladder]\nrungs = ["full"]\n')


def with_features(folder: Path, *, rounds: int, seconds: float) -> Iterator[Row]:
    """Serve the flights model with each step in turn, nobody asked beside; give what a request costs."""
    base = made(folder / "flights")
    for place, (name, step) in enumerate(STEPS.items()):
        project = folder / f"flights-{place}"
        shutil.rmtree(project, ignore_errors=True)
        shutil.copytree(base, project)
        code = project / "pipeline.py"
        code.write_text(_with_step(code.read_text(), STEP.format(step=step) if step else ""))
        trivium(project, "try", may_lose=True)
        trivium(project, "release", "v1", "--to", "live", "--because", "the benchmark's")
        yield from _measured(project, name, rounds=rounds, seconds=seconds)


def _with_step(source: str, step: str) -> str:
    """Put another features step into the template's code, if any, and take out its heuristic: it is asked beside."""
    if step:
        begins, ends = source.index("@tv.step\ndef features("), source.index("def code(")
        source = source[:begins] + step + source[ends:]
    begins, ends = source.index("@tv.heuristic"), source.index("@tv.metric")
    return source[:begins] + source[ends:]


def _measured(project: Path, name: str, *, rounds: int, seconds: float) -> Iterator[Row]:
    server = serve(project)
    try:
        server.ready(lambda: is_ready(server))
        requests = list(_requests(project))
        first = ask(server.port, "/models/flights/predict", body=requests[0].before.partition(b"\r\n\r\n")[2])
        answer = json.loads(first.body)["predictions"][0]
        if answer["source"] != "model":
            raise RuntimeError(f"the flights model does not answer itself: {answer}")
        time.sleep(SETTLES_S)
        loaded(server, requests, connections=16, seconds=0.5)
        for connections in (1, 16):
            runs = [loaded(server, requests, connections=connections, seconds=seconds) for _ in range(rounds)]
            case = f"flights, {name}, {connections} connection{'s' * (connections > 1)}"
            yield of_runs("trivium", case, "throughput", "requests/s", [load.per_second for load, _ in runs])
            yield of_runs("trivium", case, "processor time a request", "µs", [cpu_us for _, cpu_us in runs])
            yield of_runs("trivium", case, "p50", "ms", [load.latency_ms(0.5) for load, _ in runs])
            yield of_runs("trivium", case, "p99", "ms", [load.latency_ms(0.99) for load, _ in runs])
            yield of_runs("trivium", case, "failed", "requests", [load.failed for load, _ in runs])
    finally:
        server.stop()


def _requests(project: Path) -> Iterator[Request]:
    """Ask about the last day's flights, as a caller does on that day: the other tables in memory reach their time."""
    rows = pl.read_parquet(project / "data" / "flights" / "*.parquet").sort("scheduled_at").tail(ASKED)
    told = rows.with_columns(pl.col("scheduled_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).rows(named=True)
    for row in told:
        yield Request.post("/models/flights/predict", json.dumps({"rows": [row]}).encode())
