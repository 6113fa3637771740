"""Segments: the files of the prediction log, one writer's each. How they are named, held, listed and read.

`20241124T193000.k3x9f2ab.0001.c15f3a9c.seg` is the first segment of the writer `20241124T193000.k3x9f2ab` (its start,
UTC, and eight random letters) with the frames' marker c15f3a9c. A writer holds a lock of the operating system on the
segment that it writes, which ends with the process, however that ends; it opens none a second time. So a segment that
is not held is closed for good.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trivium.store.disk import make_folder, refused, sync_folder
from trivium.store.framing import Scan, scan

ANSWERS, OUTCOMES = "answers", "outcomes"
_ENDING = ".seg"
_UNBORN = ".new"
_NAME = re.compile(r"(\d{8}T\d{6}\.[0-9a-z]{8})\.(\d{4,})\.([0-9a-f]{8})\.seg")
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
# A segment has its name within milliseconds of being made; one without after this long is what a killed writer left.
_UNBORN_S = 3600.0


def log_folder(root: Path, kind: str = ANSWERS) -> Path:
    """Tell where a store's segments lie: those of `answers`, or of `outcomes`."""
    return root / "log" / kind


def writer_name(at: datetime) -> str:
    """Name a writer that starts now; no two are named alike, on whatever machine."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S}." + "".join(secrets.choice(_LETTERS) for _ in range(8))


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log. `name` tells it from all others, `marker` begins its frames."""

    path: Path
    writer: str
    number: int
    marker: bytes

    @property
    def name(self) -> str:
        """The writer and the number."""
        return f"{self.writer}.{self.number:04d}"

    @property
    def began(self) -> datetime:
        """When its writer started, by the clock it had then."""
        return datetime.strptime(self.writer.partition(".")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a segment from `start` on: its whole records up to `end`, and whether more can come."""

    segment: Segment
    start: int
    end: int
    records: list[bytes]
    torn: int
    damaged: tuple[tuple[int, int], ...]
    is_closed: bool


def segment_at(path: Path) -> Segment | None:
    """Read a file's name; None where it names no segment."""
    match = _NAME.fullmatch(path.name)
    return None if match is None else Segment(path, match[1], int(match[2]), bytes.fromhex(match[3]))


def segments(folder: Path) -> list[Segment]:
    """List the segments of a folder: by the writers' start, each writer's in order.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    try:
        found = [segment_at(path) for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise refused(str(folder), error) from error
    return sorted((one for one in found if one is not None), key=lambda one: (one.writer, one.number))


def open_segment(folder: Path, *, writer: str, number: int) -> tuple[Segment, int]:
    """Make a segment and give its open, held file; once this returns its name outlives a power cut.

    It has its name only once it is held: whoever lists segments never takes one for closed that is about to be written.

    Raises:
        OSError: the disk refused.
    """
    make_folder(folder, durable=True)
    marker = b"\xc1" + secrets.token_bytes(3)
    path = folder / f"{writer}.{number:04d}.{marker.hex()}{_ENDING}"
    unborn = path.with_suffix(_UNBORN)
    handle = os.open(unborn, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unborn.rename(path)
        sync_folder(folder)
    except OSError:
        os.close(handle)
        unborn.unlink(missing_ok=True)
        raise
    return Segment(path, writer, number, marker), handle


@contextmanager
def _held_by_nobody(handle: int) -> Iterator[bool]:
    """Tell whether a segment has no writer; while the context lasts, it gets none."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def read(segment: Segment, *, start: int = 0, most_bytes: int | None = None) -> Reading | None:
    """Read a segment's whole records from a place on, where one begins; None where the file is gone.

    What could still become a record is left for later while the segment has a writer.

    Args:
        segment: which.
        start: where to begin.
        most_bytes: stop at the last whole record within so many bytes, or more where there is none.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    try:
        handle = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refused(str(segment.path), error) from error
    try:
        # Whether it has a writer is asked first: what was written before the answer is read after it.
        with _held_by_nobody(handle) as is_closed, os.fdopen(os.dup(handle), "rb") as file:
            size = os.fstat(handle).st_size
            file.seek(start)
            content = file.read(size - start if most_bytes is None else min(most_bytes, size - start))
        reaches = start + len(content) == size
        found = _reading(segment, scan(content, segment.marker), start, is_closed, reaches=reaches)
        if most_bytes is not None and not reaches and found.end == start:
            return read(segment, start=start, most_bytes=4 * most_bytes)
        return found
    except OSError as error:
        raise refused(str(segment.path), error) from error
    finally:
        os.close(handle)


def _reading(segment: Segment, found: Scan, start: int, is_closed: bool, *, reaches: bool) -> Reading:
    """Tell a scan by places in the file. `reaches` says that it went to the file's end."""
    is_over = is_closed and reaches
    end, damaged = found.end, list(found.damaged)
    if not is_over and damaged and damaged[-1][1] == end:
        # Damage that reaches to the end of what was read may yet turn out to be the first half of a record.
        end = damaged.pop()[0]
    return Reading(
        segment=segment,
        start=start,
        end=start + end,
        records=found.records,
        torn=found.torn if is_over else 0,
        damaged=tuple((start + one, start + other) for one, other in damaged),
        is_closed=is_over,
    )


def sweep_unborn(folder: Path, *, now_s: float) -> None:
    """Remove the nameless, empty files of writers that were killed as they made a segment.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    try:
        for path in folder.glob(f"*{_UNBORN}"):
            if path.stat().st_size == 0 and now_s - path.stat().st_mtime > _UNBORN_S:
                path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise refused(str(folder), error) from error


@contextmanager
def sealing(folder: Path) -> Iterator[None]:
    """Be the one on this machine who seals a folder; others wait. It ends with the process, however that ends.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise refused(str(folder), error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def remove(segment: Segment) -> None:
    """Remove a segment that is closed and sealed.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    try:
        segment.path.unlink(missing_ok=True)
    except OSError as error:
        raise refused(str(segment.path), error) from error
