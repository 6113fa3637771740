"""Unsealed: what servers of this machine have logged and no event accounts for yet, at most some minutes of answers."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from trivium.core.answers import Gist, Logged
from trivium.core.values import EPOCH, floor_to, span
from trivium.loop.workspace import Workspace
from trivium.store.segments import ANSWERS, Segment, log_folder, read, segments

_MICROSECOND = timedelta(microseconds=1)


@dataclass
class Fresh:
    """Served answers that are not sealed: how many in each period, how many broke each check, and those for review."""

    rows: Counter[datetime] = field(default_factory=Counter)
    hits: dict[datetime, Counter[str]] = field(default_factory=dict)
    reviews: list[Logged] = field(default_factory=list)

    def count(self, records: Iterable[bytes], *, every: timedelta) -> None:
        """Count records of the log in."""
        for record in records:
            try:
                gist = msgspec.msgpack.decode(record, type=Gist)
                if gist.source == "unserved":
                    continue
                if gist.review:
                    self.reviews.append(msgspec.msgpack.decode(record, type=Logged))
            except msgspec.DecodeError:
                continue  # another trivium's; sealing keeps it as it is
            start = floor_to(EPOCH + gist.at * _MICROSECOND, every)
            self.rows[start] += 1
            if gist.checks:
                self.hits.setdefault(start, Counter()).update(gist.checks)

    def add(self, other: "Fresh") -> None:
        """Count what another one holds in as well."""
        self.rows += other.rows
        for start, hits in other.hits.items():
            self.hits.setdefault(start, Counter()).update(hits)
        self.reviews += other.reviews


@dataclass
class _Counted:
    """What was counted of one segment, from where to where."""

    start: int
    end: int
    fresh: Fresh = field(default_factory=Fresh)


def unsealed(ws: Workspace) -> Fresh:
    """Count the served answers that are not sealed, with the state brought up so that none counts there as well.

    What was counted of a segment is remembered by the workspace and counted on, until more of it is sealed.
    """
    ws.refresh()
    while True:
        as_of, found = ws.state.log.seq, Fresh()
        known: dict[str, _Counted] = ws.cache.get("unsealed", {})
        ws.cache["unsealed"] = counted = {
            segment.name: _counted(ws, segment, known.get(segment.name))
            for segment in segments(log_folder(ws.root, ANSWERS))
        }
        for one in counted.values():
            found.add(one.fresh)
        ws.refresh()
        if ws.state.log.seq == as_of:
            return found


def _counted(ws: Workspace, segment: Segment, held: _Counted | None) -> _Counted:
    """Count on from where it was left; anew where more of the segment has been sealed since."""
    before = ws.state.log.read.get(segment.name)
    start = before.until if before else 0
    if held is None or held.start != start:
        held = _Counted(start, start)
    reading = read(segment, start=held.end)
    if reading is not None:
        held.fresh.count(reading.records, every=span(ws.project.tables[ws.project.requests].every))
        held.end = reading.end
    return held


def unsealed_records(ws: Workspace, *, writer: str) -> Iterator[bytes]:
    """Give the records of one writer's answers that lie behind what is sealed."""
    for segment in segments(log_folder(ws.root, ANSWERS)):
        if segment.writer == writer:
            before = ws.state.log.read.get(segment.name)
            reading = read(segment, start=before.until if before else 0)
            yield from reading.records if reading else ()
