"""Take outcomes in, as they are posted: each is in the log before it is acknowledged, and said to be new, known or not.

They come early, late, twice, corrected, and for rows that nobody knows. All but exact repeats are kept; a tick seals
them, and they join the answers like those of the outcomes' table.
"""

import asyncio
import math
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.answers import Logged
from trivium.core.posted import LoggedOutcome, Outcome
from trivium.core.problems import Problem, StoreError
from trivium.core.values import EPOCH
from trivium.loop.find_answer import row_ids_of
from trivium.loop.workspace import Workspace
from trivium.store.prediction_log import Writer
from trivium.store.segments import ANSWERS, OUTCOMES, log_folder, read, segments

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

# A word on a row answered longer ago is kept, and called unknown; it would not be scored either.
REMEMBERED = timedelta(days=90)
MOST_REMEMBERED = 1_000_000
_MICROSECOND = timedelta(microseconds=1)


class Taken(msgspec.Struct, frozen=True):
    """How many outcomes are new, how many repeat what was said, and how many are about rows not known (yet).

    `problems` are those of the outcomes that were not taken, by their places from 0.
    """

    accepted: int
    duplicate: int
    unknown: int
    problems: tuple[tuple[int, Problem], ...] = ()


class Desk:
    """Where a process takes outcomes in. Any thread may call it; the workspace is its own, and nobody else's."""

    def __init__(self, ws: Workspace) -> None:
        """Open the process's part of the log of outcomes (StoreError TV-STORE-003: the disk refuses)."""
        self._ws = ws
        self._lock = threading.Lock()
        self._writer = Writer(log_folder(ws.root, OUTCOMES), level=ws.project.serve.log)
        self._said: dict[str, tuple[int, float]] = {}
        self._answered: dict[str, Hashes] = {}
        self._posted: set[str] = set()
        self._fresh = _Fresh(ws)

    def take(self, outcomes: Sequence[Outcome], *, at: datetime, by: str) -> Taken:
        """Write outcomes to the log, and tell how many were new.

        Raises:
            StoreError (TV-STORE-003): the disk refused; none of them is acknowledged.
        """
        with self._lock:
            self._catch_up(at)
            return self._take(outcomes, at, by)

    def close(self) -> None:
        """Bring all to the disk."""
        self._writer.close()

    def _take(self, outcomes: Sequence[Outcome], at: datetime, by: str) -> Taken:
        is_binary = self._ws.project.model.task == "binary"
        problems = [(place, problem_of(one, is_binary=is_binary)) for place, one in enumerate(outcomes)]
        bad = tuple((place, problem) for place, problem in problems if problem is not None)
        refused = {place for place, _ in bad}
        good = [_logged(one, at, by) for place, one in enumerate(outcomes) if place not in refused]
        rows = self._rows_of(good)
        known = self._is_answered([row for row in rows if row is not None])
        counts = {"accepted": 0, "duplicate": 0, "unknown": 0}
        new: list[tuple[str, LoggedOutcome]] = []
        said: dict[str, tuple[int, float]] = {}
        for one, row in zip(good, rows, strict=True):
            key = row if row is not None else f"id {one.id}"
            held = said.get(key) or self._said.get(key)
            if held is not None and held[1] == one.label:
                counts["duplicate"] += 1
                continue
            counts["accepted" if row is not None and known[row] else "unknown"] += 1
            said[key] = (one.at, one.label) if held is None or one.at >= held[0] else held
            new.append((key, one))
        self._write([one for _, one in new])
        self._said.update(said)
        return Taken(**counts, problems=bad)

    def _write(self, new: Sequence[LoggedOutcome]) -> None:
        mark = self._writer.append([msgspec.msgpack.encode(one) for one in new])
        if self._writer.refusal is not None:
            raise StoreError(self._writer.refusal)
        asyncio.run(self._writer.durable(mark))

    def _rows_of(self, outcomes: Sequence[LoggedOutcome]) -> list[str | None]:
        """Tell the rows that outcomes are about; None where an answer's id leads to none."""
        ids = [one.id for one in outcomes if one.id is not None and one.id not in self._fresh.rows]
        sealed = row_ids_of(self._ws, ids) if ids else {}
        return [
            one.row_id if one.id is None else self._fresh.rows.get(one.id) or sealed.get(one.id) for one in outcomes
        ]

    def _is_answered(self, rows: Sequence[str]) -> dict[str, bool]:
        import numpy as np

        if not rows:
            return {}
        hashes = _hashed(rows)
        found = np.array([row in self._fresh.row_ids for row in rows])
        for held in self._answered.values():
            places = np.minimum(np.searchsorted(held, hashes), max(len(held) - 1, 0))
            if len(held):
                found |= held[places] == hashes
        return dict(zip(rows, found.tolist(), strict=True))

    def _catch_up(self, now: datetime) -> None:
        """Learn what was answered and posted since the last call, by whichever process."""
        ws = self._ws
        ws.refresh()
        self._fresh.read()
        since = now - REMEMBERED
        blobs = [part.blob for part in ws.state.log.parts() if part.start >= since]
        for event in ws.state.journal.answered.values():
            if "writers" not in event.body and event.at >= since:
                blobs.append(event.body["blob"])
        known = self._answered
        self._answered = {blob: known[blob] if blob in known else _sorted_hashes(ws, blob) for blob in blobs}
        for posted in ws.state.log.posted:
            # A client's word is news even where it says what a review did: it counts more.
            if posted.blob not in self._posted and posted.through >= since and not posted.is_review:
                self._hear(ws, posted.blob)
        for one in sorted(self._fresh.outcomes, key=lambda one: one.got):
            key = one.row_id or self._fresh.rows.get(one.id or "") or f"id {one.id}"
            held = self._said.get(key)
            if held is None or one.at >= held[0]:
                self._said[key] = (one.at, one.label)
        self._fresh.outcomes.clear()

    def _hear(self, ws: Workspace, blob: str) -> None:
        self._posted.add(blob)
        rows = ws.blobs.get_frame(blob, columns=["row_id", "label", "known_at"])
        for row, label, known_at in rows.iter_rows():
            at = (known_at - EPOCH) // _MICROSECOND
            # Of equal times what was heard as it was posted stands: it may be a later word than this one.
            if row not in self._said or at > self._said[row][0]:
                self._said[row] = (at, label)


class _Fresh:
    """What the segments on this machine hold, read on as they grow; what is gone from them is sealed, and known so."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._at: dict[str, int] = {}
        self.rows: dict[str, str] = {}
        self.row_ids: set[str] = set()
        self.outcomes: list[LoggedOutcome] = []

    def read(self) -> None:
        """Read on; past a million answers begin anew, with what lies in the segments then."""
        if len(self.rows) > MOST_REMEMBERED:
            self._at, self.rows, self.row_ids = {}, {}, set()
        for record in self._records(ANSWERS):
            try:
                logged = msgspec.msgpack.decode(record, type=Logged)
            except msgspec.DecodeError:
                continue  # another trivium's; sealing keeps it as it is
            if logged.source != "unserved":
                self.rows[logged.id] = logged.row_id
                self.row_ids.add(logged.row_id)
        for record in self._records(OUTCOMES):
            try:
                self.outcomes.append(msgspec.msgpack.decode(record, type=LoggedOutcome))
            except msgspec.DecodeError:
                continue

    def _records(self, kind: str) -> Iterator[bytes]:
        for segment in segments(log_folder(self._ws.root, kind)):
            reading = read(segment, start=self._at.get(segment.name, 0))
            if reading is not None:
                self._at[segment.name] = reading.end
                yield from reading.records


def problem_of(outcome: Outcome, *, is_binary: bool) -> Problem | None:
    """Tell what is wrong with an outcome; None where nothing is."""
    if (outcome.row_id is None) == (outcome.id is None):
        seen = "neither" if outcome.id is None else "both"
        return _bad("an outcome names one row, by row_id or by the answer's id", "row_id, id", seen, "give one of them")
    label = float(outcome.label)
    if not math.isfinite(label) or (is_binary and label not in (0.0, 1.0)):
        kind = "0 or 1" if is_binary else "a finite number"
        return _bad(f"a label is {kind}", "label", str(outcome.label), f"give the label as {kind}")
    if outcome.at is not None and outcome.at.tzinfo is None:
        return _bad("a time needs its zone", "at", str(outcome.at), "write the time with its zone, such as …T14:05:00Z")
    return None


def _bad(what: str, where: str, seen: str, fix: str) -> Problem:
    return Problem(code="TV-RUN-085", what=what, where=f"outcome, {where}", seen=seen, fix=fix)


def _logged(outcome: Outcome, now: datetime, by: str) -> LoggedOutcome:
    at = ((outcome.at or now) - EPOCH) // _MICROSECOND
    row_id = None if outcome.row_id is None else str(outcome.row_id)
    return LoggedOutcome(row_id, outcome.id, float(outcome.label), at, time.time_ns() // 1000, by)


def _hashed(rows: "Sequence[str] | pl.Series") -> "Hashes":
    import polars as pl

    return pl.Series(rows, dtype=pl.String).hash().to_numpy()


def _sorted_hashes(ws: Workspace, blob: str) -> "Hashes":
    """Hash the rows that a sealed log answered: eight bytes each stay in memory, not their text."""
    import numpy as np

    log = ws.blobs.get_frame(blob, columns=["row_id", "source"])
    return np.sort(_hashed(log.filter(log["source"] != "unserved")["row_id"]))


def add_outcome(
    ws: Workspace, *, label: float, at: datetime, by: str, row_id: str | None = None, answer_id: str | None = None
) -> Taken:
    """Write one outcome to the log, in somebody's name: what a review decided, for one."""
    desk = Desk(ws)
    try:
        return desk.take([Outcome(label=label, row_id=row_id, id=answer_id, at=at)], at=at, by=by)
    finally:
        desk.close()
