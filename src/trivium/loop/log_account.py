"""The account of a reading of the log: what no event holds yet is read, and what was lost on the way is counted."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trivium.loop.workspace import Workspace
from trivium.store.framing import framed
from trivium.store.segments import Reading, log_folder, read, remove, segments, sweep_unborn

# What is read at once, and what one event accounts for: decoded records take some five times their bytes.
READ_BYTES = 4 << 20
UNIT_BYTES = 32 << 20
_RAW = b"\xc1raw"


@dataclass
class Account:
    """How far each segment was read, and what could not be taken in of it.

    `torn_bytes` are of records that a writer's end cut short. `damaged` stretches hold no whole record and should.
    `strange` records are whole and none of ours; they are kept as they are, framed.
    """

    read: dict[str, int] = field(default_factory=dict)
    torn_bytes: int = 0
    damaged: int = 0
    damaged_bytes: int = 0
    strange: list[bytes] = field(default_factory=list)

    def note(self, reading: Reading) -> None:
        """Take one more reading in."""
        self.read[reading.segment.name] = reading.end + reading.torn
        self.torn_bytes += reading.torn
        self.damaged += len(reading.damaged)
        self.damaged_bytes += sum(end - start for start, end in reading.damaged)

    def keep_strange(self, record: bytes) -> None:
        """Keep a record that cannot be read, such as one that a newer trivium wrote."""
        self.strange.append(framed(record, _RAW))

    def told(self, ws: Workspace) -> dict[str, Any]:
        """Tell it as an event does; the bytes that nobody understands are kept as a blob."""
        return {
            "read": dict(sorted(self.read.items())),
            "torn_bytes": self.torn_bytes,
            "damaged": {"places": self.damaged, "bytes": self.damaged_bytes},
            "strange": {
                "records": len(self.strange),
                "blob": ws.blobs.put(b"".join(self.strange)) if self.strange else None,
            },
        }


def unread(ws: Workspace, kind: str) -> Iterator[tuple[Reading, datetime | None]]:
    """Read what no event accounts for, some 32 MiB at most; with each reading, when its segment was read before."""
    book, left = ws.state.log, UNIT_BYTES
    for segment in segments(log_folder(ws.root, kind)):
        before = book.read.get(segment.name)
        start = before.until if before else 0
        while left > 0:
            reading = read(segment, start=start, most_bytes=READ_BYTES)
            if reading is None or reading.end + reading.torn == start:
                break
            yield reading, before.at if before else None
            left -= reading.end - start
            start = reading.end + reading.torn


def clear(ws: Workspace, kind: str) -> None:
    """Remove the segments that are closed, and accounted for to their last byte."""
    for segment in segments(log_folder(ws.root, kind)):
        before = ws.state.log.read.get(segment.name)
        start = before.until if before else 0
        if start == 0 or segment.path.stat().st_size == start:
            reading = read(segment, start=start)
            if reading is not None and reading.is_closed and reading.end == start and not reading.torn:
                remove(segment)
    sweep_unborn(log_folder(ws.root, kind), now_s=ws.clock.now().timestamp())
