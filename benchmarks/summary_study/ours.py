"""Our side, measured: a script that does one of the pieces of work below and tells its seconds and memory."""

import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from harness.told import job, measured, tell
from summary_study.rows import DAY, frame
from summary_study.values import COUNTRIES, STATUSES
from trivium.core.contract import Check, Column
from trivium.core.project import Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.checks import rules
from trivium.data.findings import Place, Tally, evaluate
from trivium.data.held import split
from trivium.data.intake import begin
from trivium.data.packing import decode, encode
from trivium.data.schema import conform
from trivium.data.summary import summarise_partition
from trivium.monitor.drift import History

NAME = "orders"
HISTORY_DAYS = 28
HISTORY_ROWS = 1_000_000
DECISION = {"rate": 0.01, "least_history": 14}


def contract(*, time: str | None) -> Table:
    """Give the table: 18 rules on columns; `ordered_at` has its type alone."""
    columns = {
        "ordered_at": Column(type="datetime"),
        "status": Column(type="str", values=STATUSES),
        "country": Column(type="str", values=COUNTRIES),
        "city": Column(type="str", nulls=0.0),
        "product": Column(type="str", pattern=r"P-\d{5}"),
        "is_member": Column(type="bool"),
        "items": Column(type="int", min=1, max=100),
        "visits": Column(type="int", min=1),
        "age": Column(type="int", min=18, max=99),
        "points": Column(type="int", min=0, max=9_999),
        "amount": Column(type="float", min=0.0),
        "discount": Column(type="float", min=0.0, max=1.0),
        "tax": Column(type="float", min=-1e5),
        "total": Column(type="float", min=-1e5),
        "weight": Column(type="float", min=0.0),
        "distance": Column(type="float", min=0.0),
        "temperature": Column(type="float", min=-60.0, max=60.0),
        "balance": Column(type="float", min=-5_000.0, max=5_000.0),
        "score": Column(type="float", min=0.0, max=1.0),
        "seconds": Column(type="float", min=0.0),
    }
    return Table(push=True, time=time, columns=columns)


CHECKS = (
    Check(name="total is below amount and tax", on=NAME, must="total <= tax + 20 + abs(amount)"),
    Check(name="tax is below amount", on=NAME, must="tax <= abs(amount)"),
)


def partition(day: int = 0) -> Partition:
    """Give a day's partition."""
    return Partition(NAME, DAY + timedelta(days=day), DAY + timedelta(days=day + 1))


def check(rows: pl.DataFrame, *, parted: bool) -> dict[str, int]:
    """Hold rows to types and 20 rules; and if wanted part the good from the bad, which are told what they broke."""
    table = contract(time=None)
    held, _ = conform(rows, table)
    row_rules = rules(table, CHECKS, name=NAME, at=DAY)
    assert len(row_rules) == 20
    broken, _ = evaluate(held, row_rules, Place(NAME, Partition.whole(NAME), frozenset()))
    tallies = [(Tally(rule), broken[rule.name]) for rule in row_rules if broken[rule.name].any()]
    for tally, mask in tallies:
        tally.add(held, mask)
    found = {"broken": sum(tally.rows for tally, _ in tallies)}
    if parted:
        found["good"] = split(held, [(tally.rule, mask) for tally, mask in tallies]).committed.height
    return found


def take_in(chunks: Iterable[pl.DataFrame], history: History) -> dict[str, Any]:
    """Take a partition in, chunk by chunk, and judge it: types, 20 checks and the span, summary, decision."""
    intake = begin(contract(time="ordered_at"), name=NAME, partition=partition(), checks=CHECKS, at=DAY)
    good = sum(intake.take(chunk).committed.height for chunk in chunks)
    decided = intake.finish()
    decision = history.judge(decided.summary, start=DAY, **DECISION)  # type: ignore[arg-type]
    return {"good": good, "verdict": decision.verdict}


def known(place: Path, *, partitions: int) -> History:
    """Give a table's history: so many days before the day that is judged, from `HISTORY_DAYS` different summaries."""
    held = [decode((place / f"{number}.summary").read_bytes()) for number in range(HISTORY_DAYS)]
    history = History()
    for number in range(partitions):
        history.add(held[number % HISTORY_DAYS], start=DAY - timedelta(days=partitions - number))
    return history


def write_history(place: Path) -> None:
    """Write the summaries of as many days, once."""
    place.mkdir(parents=True, exist_ok=True)
    for number in range(HISTORY_DAYS):
        path = place / f"{number}.summary"
        if not path.exists():
            rows = frame(HISTORY_ROWS, seed=1, day=number)
            path.write_bytes(encode(summarise_partition(rows, contract(time="ordered_at"), partition(number))))


def sizes(summary: Summary) -> dict[str, float]:
    """Measure a written summary: bytes in all, and a column on average and at most."""
    whole = len(encode(summary))
    columns = {
        name: len(encode(Summary(rows=summary.rows, columns={name: column})))
        for name, column in summary.columns.items()
    }
    return {"whole": whole, "a_column": whole / len(columns), "most": max(columns.values())}


def main() -> None:
    """Do what the job names."""
    asked = job()
    kind = asked["kind"]
    if kind == "history":
        write_history(Path(asked["history"]))
        tell({})
        return
    if kind == "decision":
        tell(_decision(Path(asked["history"]), asked["partitions"]))
        return
    files = [Path(path) for path in asked["files"]]
    if kind == "stream":
        history = known(Path(asked["history"]), partitions=HISTORY_DAYS)
        tell(measured(lambda: take_in(map(pl.read_parquet, files), history)))
        return
    rows = pl.read_parquet(files[0])
    small = rows.head(10_000)
    if kind in ("checks", "parted"):
        check(small, parted=kind == "parted")
        tell(measured(lambda: check(rows, parted=kind == "parted")))
    elif kind == "summary":
        summarise_partition(small, contract(time="ordered_at"), partition())
        tell(measured(lambda: sizes(summarise_partition(rows, contract(time="ordered_at"), partition()))))
    else:
        history = known(Path(asked["history"]), partitions=HISTORY_DAYS)
        take_in([small], history)
        tell(measured(lambda: take_in([rows], history)))


def _decision(place: Path, partitions: int) -> dict[str, Any]:
    history = known(place, partitions=partitions)
    summary = decode((place / "0.summary").read_bytes())
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        history.judge(summary, start=DAY, **DECISION)  # type: ignore[arg-type]
        seconds.append(time.perf_counter() - started)
    return {"seconds": sorted(seconds)[len(seconds) // 2], "most": max(seconds), "partitions": len(history)}


if __name__ == "__main__":
    main()
