"""Seal: what servers logged becomes Parquet, and a period that is over becomes one `answered` event like any other.

Three steps, each safe to kill and to repeat: records are sealed as they come (`logged`), outcomes likewise (`posted`),
and the parts of a period are put together once it is over. A segment is removed when its last byte is on record; a
part, some time after the period holds its rows.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from trivium.core.events import Event
from trivium.loop.log_account import clear, unread
from trivium.loop.log_records import Taken, frames_of, told
from trivium.loop.periods import close_periods
from trivium.loop.private import hider_of
from trivium.loop.pushed_requests import push_requests
from trivium.loop.seal_outcomes import seal_outcomes
from trivium.loop.workspace import Workspace
from trivium.store.segments import ANSWERS, log_folder, sealing

# Whoever read the ledger a moment ago may still open what it named then.
SPARED = timedelta(minutes=10)
LOOKED_BACK = timedelta(days=2)


def seal(ws: Workspace) -> list[Event]:
    """Seal all that is logged by now. Any number of servers and workers may call it at once."""
    ws.refresh()
    done: list[Event] = []
    folder = log_folder(ws.root, ANSWERS)
    if folder.is_dir():
        with sealing(folder):
            while new := _seal_once(ws):
                done += new
            clear(ws, ANSWERS)
    done += seal_outcomes(ws)
    done += close_periods(ws)
    _drop_parts(ws)
    return done


def _seal_once(ws: Workspace) -> list[Event]:
    return ws.unit(None, _Work(ws))


@dataclass
class _Work:
    """What one event accounts for. Asked again after somebody else appended, it reads anew only what was not sealed."""

    ws: Workspace
    _decided: list[Event] = field(default_factory=list)
    _as_of: int = -1

    def __call__(self) -> list[Event]:
        seq = self.ws.state.log.seq
        if self._as_of != seq:
            self._decided, self._as_of = self._decide(), seq
        return list(self._decided)

    def _decide(self) -> list[Event]:
        ws = self.ws
        table = ws.project.tables[ws.project.requests]
        taken = Taken(table, hider_of(ws).columns, ws.clock.now())
        for reading, last_read in unread(ws, ANSWERS):
            taken.take(reading, last_read=last_read)
        if not taken.account.read:
            return []
        parts, pushed = [], []
        for _, period in sorted(taken.periods.items()):
            answers, requests = frames_of(period)
            parts.append(
                {**told(period), "blob": ws.blobs.put_frame(answers), "requests": ws.blobs.put_frame(requests)}
            )
            pushed += push_requests(ws, requests)
        misdated = {"ahead": taken.ahead, "behind": taken.behind}
        account = taken.account.told(ws)
        logged = ws.event("logged", ws.project.model.name, parts=parts, rows=taken.rows, misdated=misdated, **account)
        return [logged, *pushed]


def _drop_parts(ws: Workspace) -> None:
    """Remove the parts whose rows a whole period, or a larger part, holds by now."""
    now = ws.clock.now()
    for at, blob in ws.state.log.superseded:
        if SPARED < now - at < LOOKED_BACK:
            ws.blobs.drop(blob)
