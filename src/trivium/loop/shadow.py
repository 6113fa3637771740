"""Shadow: what versions nobody sees would have said, asked off the reply's path in a bounded queue.

Not the asking itself: whoever answers hands in how. A reply never waits for a shadow: a full queue drops, and counts.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
# Nobody waits for a shadow: what comes within so long is asked in one call, which costs little more than one row does.
GATHER_S = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """What became of all that was offered: `offered` = `asked` + `failed` + `dropped` + `waiting`."""

    offered: int
    asked: int
    failed: int
    dropped: int
    waiting: int


class ShadowQueue(Generic[T]):
    """A bounded queue and the thread that empties it. Any thread may offer; one asks, a batch at a time."""

    def __init__(self, ask: Callable[[Sequence[T]], None], *, size: int = 4096, batch: int = 256) -> None:
        """Start the thread.

        Args:
            ask: asks the shadows about a batch and logs what they say; what it raises is logged, and the batch counted
                as failed.
            size: how many may wait. Then the oldest is dropped: what is fresh says more of a shadow's speed.
            batch: how many are asked about at once, at most.
        """
        self._ask, self._size, self._batch = ask, size, batch
        self._held: deque[T] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._closes = threading.Event()
        self._offered = self._asked = self._failed = self._dropped = self._under_way = 0
        self._thread = threading.Thread(target=self._work, name="trivium-shadow", daemon=True)
        self._thread.start()

    def offer(self, item: T) -> None:
        """Put something in the queue; returns at once, whatever the shadows do. After `close` it is dropped."""
        with self._changed:
            self._offered += 1
            if self._is_closing:
                self._dropped += 1
                return
            if len(self._held) >= self._size:
                self._held.popleft()
                self._dropped += 1
            self._held.append(item)
            self._changed.notify()

    def counts(self) -> ShadowCounts:
        """Tell what became of all that was offered."""
        with self._changed:
            waiting = len(self._held) + self._under_way
            return ShadowCounts(self._offered, self._asked, self._failed, self._dropped, waiting)

    def close(self, timeout_s: float = 5.0) -> ShadowCounts:
        """Ask about what still waits, as far as the time allows; the rest is dropped and counted."""
        with self._changed:
            self._is_closing = True
            self._closes.set()
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            self._dropped += len(self._held)
            self._held.clear()
        return self.counts()

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._ask(batch)
            except Exception:  # noqa: BLE001 - a shadow harms nobody: what it raises is logged and counted
                _log.exception("a shadow could not be asked about %d answers", len(batch))
                self._done(failed=len(batch))
            else:
                self._done(asked=len(batch))

    def _next(self) -> list[T]:
        """Take the next batch, waiting for one; nothing once the queue is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._is_closing)
            is_full = len(self._held) >= self._batch
        if not is_full:
            self._closes.wait(GATHER_S)
        with self._changed:
            batch = [self._held.popleft() for _ in range(min(self._batch, len(self._held)))]
            self._under_way = len(batch)
            return batch

    def _done(self, *, asked: int = 0, failed: int = 0) -> None:
        with self._changed:
            self._asked += asked
            self._failed += failed
            self._under_way = 0
