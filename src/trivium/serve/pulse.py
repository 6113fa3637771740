"""How the worker stands: how far its event loop is behind, and whether it is about to end."""

import asyncio

BEAT_S = 0.05


class Pulse:
    """A beat 20 times a second; `lag_s` is how late the last one came: what a request waits until it is looked at."""

    def __init__(self) -> None:
        self._due_at: float | None = None
        self.lag_s = 0.0
        self.is_draining = False

    def start(self) -> None:
        """Begin to beat, in the running event loop."""
        loop = asyncio.get_running_loop()
        self._due_at = loop.time() + BEAT_S
        loop.call_at(self._due_at, self._beat, loop)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self.lag_s = max(0.0, now - (self._due_at or now))
        self._due_at = now + BEAT_S
        loop.call_at(self._due_at, self._beat, loop)
