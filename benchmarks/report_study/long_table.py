"""A real store with a table of any length: the events and summaries of a year, told again day by day before it.

What a partition's events hold is taken from partitions that were collected and judged; only days and summaries change.
"""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trivium.core.events import Event
from trivium.core.values import iso, moment
from trivium.data.packing import encode
from trivium.data.summary import summarise
from trivium.loop.workspace import Workspace

SUMMARIES = 60
NUMBERS, TEXTS = 14, 6
ROWS = 2_000
TABLE = "orders"


def lengthened(folder: Path, *, partitions: int) -> None:
    """Append so many partitions of 20 columns to the ledger of a project whose table was collected and watched."""
    ws = Workspace(folder, actor="benchmark")
    ws.refresh()
    blobs = [ws.blobs.put(encode(summarise(_frame(seed)))) for seed in range(SUMMARIES)]
    held = list(ws.ledger.events(subject=TABLE))
    collected = next(event for event in held if event.kind == "collected")
    judged = next(event for event in held if event.kind == "watched" and event.body["of"] == "collected")
    first = moment(collected.body["start"])
    draw = random.Random(0)
    events: list[Event] = []
    for number in range(1, partitions + 1):
        start = first - timedelta(days=number)
        blob = blobs[number % SUMMARIES]
        name, end = f"{start:%Y-%m-%d}", start + timedelta(days=1)
        moved = {"partition": name, "start": iso(start), "end": iso(end), "summary": blob}
        events.append(_again(ws, collected, collected.body | moved))
        events.append(_again(ws, judged, judged.body | moved | _decision(draw, is_fault=number % 50 == 0)))
    ws.unit(None, lambda: events)


def _again(ws: Workspace, event: Event, body: dict[str, Any]) -> Event:
    return ws.event(event.kind, TABLE, **body)


def _decision(draw: random.Random, *, is_fault: bool) -> dict[str, Any]:
    score = 9.0 if is_fault else draw.uniform(0.5, 2.9)
    moved = [
        {"column": f"n{place}", "statistic": "q50", "seen": 2.0, "expected": 1.0, "residual": score / (place + 1)}
        for place in range(5)
    ]
    return {
        "verdict": "fault" if is_fault else "ordinary",
        "kind": "scale" if is_fault else None,
        "columns": ["n0"] if is_fault else [],
        "words": "n0 is twice its usual scale" if is_fault else "",
        "score": score,
        "threshold": 3.0,
        "moved": moved,
    }


def _frame(seed: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    numbers = {f"n{place}": draw.normal(10.0 * (place + 1), 3.0, ROWS) for place in range(NUMBERS)}
    texts = {f"t{place}": draw.choice(["AA", "B6", "UA", "DL", "WN"], ROWS) for place in range(TEXTS)}
    return pl.DataFrame(numbers | texts)
