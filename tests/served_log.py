"""What a server leaves behind, without a server: answers written to the log of a small project, by hand."""

from datetime import UTC, datetime, timedelta

import msgspec

import small_project
from trivium.core.answers import Logged
from trivium.core.clock import VirtualClock
from trivium.core.values import EPOCH
from trivium.loop.periods import requests_in
from trivium.loop.workspace import Workspace
from trivium.store.prediction_log import Writer
from trivium.store.predictions import SERVED
from trivium.store.segments import log_folder

NIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOON = NIGHT + timedelta(hours=36)  # of tomorrow: no test of a day's parts runs over midnight
DAYS = 3


def project(folder, *, text=small_project.PROJECT, days=DAYS):
    """Make the small project, its last day the one before the served answers'."""
    return small_project.make(folder, days=days, start=NIGHT + timedelta(days=1 - days), project=text)


def workspace(folder, *, at=NOON):
    """Open it at a time, as tomorrow's tick would."""
    return Workspace(folder, clock=VirtualClock(at), durable=False)


def request(row_id, *, at=NOON, **changes):
    """A row as the server decodes it."""
    return {"visit_id": row_id, "at": at, "age": 40, "distance": 12.5, "clinic": "north", **changes}


def logged(name, row_id, *, at=NOON, prediction=0.25, **changes):
    """One served answer."""
    said = {"version": "v1", "stage": "live", "source": "model", "latency_ms": 0.5, "request": request(row_id, at=at)}
    return Logged(
        id=name,
        row_id=row_id,
        at=(at - EPOCH) // timedelta(microseconds=1),
        prediction=prediction,
        **{**said, **changes},
    )


def serve(ws, row_ids, *, at=NOON, writer=None, **changes):
    """Answer rows as a server does, and stop; give the answers' ids."""
    own = writer or Writer(log_folder(ws.root))
    names = own.next_ids(len(row_ids))
    records = [logged(name, row_id, at=at, **changes) for name, row_id in zip(names, row_ids, strict=True)]
    own.append([msgspec.msgpack.encode(record) for record in records])
    if writer is None:
        own.close()
    return names


def logged_frames(ws):
    """Give the sealed answers that no `answered` event holds yet, part by part: period's start, answers, requests."""
    return [
        (part.start, ws.frame(part.blob).select(list(SERVED)), requests_in(ws, part.requests))
        for _, parts in sorted(ws.state.log.waiting.items())
        for part in parts
    ]
