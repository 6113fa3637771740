"""The prediction log's writer: what it was given is in the file before `append` returns.

One `write` a call, so a killed process loses nothing that it had appended; only a power cut can. At level `os` a thread
brings the file to the disk within 10 ms of a write; at level `sync` whoever awaits `durable` answers only after that,
and all who wait while one sync is under way share the next: nobody waits for a timer.
"""

import asyncio
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from trivium.core.problems import Problem, StoreError
from trivium.store.disk import refused
from trivium.store.framing import framed
from trivium.store.segments import Segment, open_segment, writer_name

Level = Literal["os", "sync"]
ROLL_BYTES = 64 << 20
ROLL_S = 600.0
SYNC_S = 0.01
RETRY_S = 1.0
MOST_HELD_BYTES = 16 << 20
MOST_FAILURES = 64  # that are remembered; whoever waits asks within the turn in which it appended
_PROBE = bytes(1 << 16)
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Stats:
    """How a writer fares: records and bytes written, records that wait for a disk that refuses, records lost to it."""

    records: int
    written_bytes: int
    held: int
    lost: int
    syncs: int
    unsynced_s: float
    segment_age_s: float


@dataclass(slots=True)
class _Waiter:
    mark: int
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[None]"


class Writer:
    """One process's part of the log. Any thread may append; the answers of one turn belong into one call.

    A disk that refuses stops nobody at level `os`: records are held in memory up to 16 MiB, and written once the disk
    takes them; past that they are lost and counted. At level `sync` `append` raises, and nothing is held: an answer
    that cannot be kept must not be given. `refusal` tells what is the matter while it lasts.
    """

    def __init__(
        self, folder: Path, *, level: Level = "os", roll_bytes: int = ROLL_BYTES, roll_s: float = ROLL_S
    ) -> None:
        """Open the first segment; StoreError (TV-STORE-003) where the disk refuses it."""
        self.level = level
        self.name = writer_name(datetime.now(UTC))
        self.refusal: Problem | None = None
        self._folder, self._roll_bytes, self._roll_s = folder, roll_bytes, roll_s
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_closed = False
        self._given = self._number = 0
        self._mark = self._synced = 0
        self._dirty_since: float | None = None
        self._waiting: list[_Waiter] = []
        self._failed: deque[tuple[int, int, StoreError]] = deque(maxlen=MOST_FAILURES)
        self._held: deque[Sequence[bytes]] = deque()
        self._held_records = self._held_bytes = 0
        self._records = self._bytes = self._lost = self._syncs = 0
        self._retry_at = 0.0
        self._is_broken = False
        try:
            self._take_up(*open_segment(folder, writer=self.name, number=0))
        except OSError as error:
            raise refused(str(folder), error) from error
        self._thread = threading.Thread(target=self._tend, name="trivium-log", daemon=True)
        self._thread.start()

    def next_ids(self, count: int) -> list[str]:
        """Name the next answers, such as `p20241124T193000.k3x9f2ab-000017`; each name is given once, anywhere."""
        with self._lock:
            first = self._given
            self._given += count
        return [f"p{self.name}-{place:06d}" for place in range(first, first + count)]

    def append(self, records: Sequence[bytes]) -> int:
        """Write records with one call to the operating system; give the mark that `durable` waits for.

        Raises:
            StoreError (TV-STORE-003): the disk refused; at level `sync` alone, and none of the records is kept.
        """
        with self._lock:
            if records and (self._held or self._is_closed or not self._write(records)):
                if self.level == "sync":
                    raise StoreError(self.refusal or _closed(self._folder))
                self._hold(records)
            if self._dirty_since is None:
                self._dirty_since = time.monotonic()
                self._wake.set()
            return self._mark

    async def durable(self, mark: int) -> None:
        """Return once all up to the mark would outlive a power cut; at once at level `os`.

        Raises:
            StoreError (TV-STORE-003): the disk refused to say so. The record may stand in the log all the same.
        """
        if self.level == "os":
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(mark, loop, loop.create_future())
        with self._lock:
            for after, upto, error in self._failed:
                if after < mark <= upto:
                    raise error
            if mark <= self._synced:
                return
            self._waiting.append(waiter)
            self._wake.set()
        await waiter.future

    def stats(self) -> Stats:
        """Tell how the writer fares."""
        now = time.monotonic()
        with self._lock:
            return Stats(
                records=self._records,
                written_bytes=self._bytes,
                held=self._held_records,
                lost=self._lost,
                syncs=self._syncs,
                unsynced_s=0.0 if self._dirty_since is None else now - self._dirty_since,
                segment_age_s=now - self._opened_at,
            )

    def close(self) -> None:
        """Bring all to the disk and let go of the segment; what the disk still refuses is lost and counted."""
        with self._lock:
            self._is_closed = True
            self._wake.set()
        self._thread.join()

    def _write(self, records: Sequence[bytes]) -> bool:
        """Write with the lock held; where the disk refuses, the file ends as before, and False is the answer."""
        if self._is_broken:
            return False
        content = memoryview(b"".join([framed(record, self._segment.marker) for record in records]))
        done = 0
        try:
            while done < len(content):
                done += os.write(self._handle, content[done:])
        except OSError as error:
            self._refuse(error)
            self._is_broken = not self._cut() or error.errno not in _FULL
            self._wake.set()
            return False
        self._size += done
        self._bytes += done
        self._records += len(records)
        self._mark += 1
        self.refusal = None
        if self._size >= self._roll_bytes:
            self._wake.set()
        return True

    def _cut(self) -> bool:
        """Take off what a refused write left; a file that cannot even be cut is given up for a new one."""
        try:
            os.ftruncate(self._handle, self._size)
        except OSError:
            return False
        return True

    def _refuse(self, error: OSError) -> StoreError:
        found = refused(str(self._segment.path), error)
        self.refusal = found.problems[0]
        return found

    def _hold(self, records: Sequence[bytes]) -> None:
        size = sum(map(len, records))
        if self._is_closed or self._held_bytes + size > MOST_HELD_BYTES:
            self._lost += len(records)
            return
        self._held.append(records)
        self._held_records += len(records)
        self._held_bytes += size

    def _tend(self) -> None:
        """Roll, retry and sync, in a thread of its own, until the writer is closed and nothing is left to do."""
        while True:
            self._wake.wait(self._patience())
            self._wake.clear()
            if self.level == "os" and not self._is_closed:
                self._wake.wait(SYNC_S)
            with self._lock:
                is_last = self._is_closed
            self._roll()
            self._retry()
            self._sync()
            if is_last:
                self._let_go()
                return

    def _patience(self) -> float | None:
        """Tell how long there is nothing to do unless somebody calls."""
        with self._lock:
            if self.refusal:
                return RETRY_S
            return max(RETRY_S, self._roll_s - (time.monotonic() - self._opened_at)) if self._size else None

    def _roll(self) -> None:
        """Go on in a new segment where this one is full, old or broken; the old one is then anyone's to seal."""
        now = time.monotonic()
        with self._lock:
            is_old = self._size > 0 and now - self._opened_at >= self._roll_s
            if not (self._is_broken or self._size >= self._roll_bytes or is_old) or now < self._retry_at:
                return
            # A disk that takes files and no bytes would else be given one with every answer.
            self._retry_at = now + RETRY_S if self._is_broken else 0.0
        try:
            segment, handle = open_segment(self._folder, writer=self.name, number=self._number)
        except OSError as error:
            self._refuse(error)
            self._retry_at = now + RETRY_S
            return
        with self._lock:
            old = self._handle
            self._take_up(segment, handle)
            upto = self._mark
        self._settle(upto, self._sync_file(old))
        os.close(old)

    def _take_up(self, segment: Segment, handle: int) -> None:
        self._segment, self._handle = segment, handle
        self._number += 1
        self._size = 0
        self._opened_at = time.monotonic()
        self._is_broken = False

    def _retry(self) -> None:
        """Write what was held, as far as the disk takes it; where nothing was, ask the disk whether it would."""
        with self._lock:
            while self._held and self._write(self._held[0]):
                records = self._held.popleft()
                self._held_records -= len(records)
                self._held_bytes -= sum(map(len, records))
            if self.refusal and not self._held and not self._is_broken and self._would_take():
                self.refusal = None

    def _would_take(self) -> bool:
        try:
            return os.write(self._handle, _PROBE) == len(_PROBE)
        except OSError:
            return False
        finally:
            self._is_broken = not self._cut()

    def _sync(self) -> None:
        """Bring what was written to the disk, and tell those who wait for it."""
        with self._lock:
            if self._dirty_since is None and not self._waiting:
                return
            handle, upto, self._dirty_since = self._handle, self._mark, None
        error = self._sync_file(handle)
        if error is not None:
            with self._lock:
                # It is not asked again: what a file says after a failed sync has no worth (fsync(2)).
                self._is_broken = True
        self._settle(upto, error)

    def _sync_file(self, handle: int) -> StoreError | None:
        try:
            os.fdatasync(handle)
        except OSError as error:
            return self._refuse(error)
        self._syncs += 1
        return None

    def _settle(self, upto: int, error: StoreError | None) -> None:
        with self._lock:
            if error is not None:
                # A later sync says nothing of what this one should have brought to the disk.
                self._failed.append((self._synced, upto, error))
            self._synced = max(self._synced, upto)
            done = [waiter for waiter in self._waiting if waiter.mark <= upto]
            self._waiting = [waiter for waiter in self._waiting if waiter.mark > upto]
        _tell(done, error)

    def _let_go(self) -> None:
        with self._lock:
            self._lost += self._held_records
            self._held.clear()
            self._held_records = self._held_bytes = 0
            os.close(self._handle)


def _tell(done: list[_Waiter], error: StoreError | None) -> None:
    """Wake those whose records are on the disk, or were refused; one call for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in done:
        loops.setdefault(waiter.loop, []).append(waiter.future)
    for loop, futures in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, futures, error)


def _settle(futures: "list[asyncio.Future[None]]", error: StoreError | None) -> None:
    for future in futures:
        if future.done():
            continue  # its client has gone
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _closed(folder: Path) -> Problem:
    return refused(str(folder), OSError(errno.EBADF, "the writer is closed")).problems[0]
