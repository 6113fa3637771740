"""How the worker stands: how far its event loop is behind, and whether it is about to end."""

import asyncio

BEAT_S = 0.05


class Pulse:
    """A beat 20 times a second; `lag_s` is how late the last two came, at least: what requests wait to be looked at.

    One late beat is no overload: something else had the processor, and what waited is answered next.
    """

    def __init__(self) -> None:
        self._due_at: float | None = None
        self.lag_s = self._last_s = 0.0
        self.is_draining = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to beat, in an event loop."""
        self._due_at = loop.time() + BEAT_S
        loop.call_at(self._due_at, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        late_s = max(0.0, now - (self._due_at or now))
        self.lag_s = min(late_s, self._last_s)
        self._last_s = late_s
        self._due_at = now + BEAT_S
        loop.call_at(self._due_at, self._beat, loop)
