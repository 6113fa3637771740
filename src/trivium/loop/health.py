"""How those who answer do in this process: a breaker each, what befell them, and what was counted. Kept over routes.

Not the ledger's: each worker has its own, since one worker's stuck thread says nothing of another's.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from trivium.loop.own_thread import OwnThread
from trivium.release.breaker import Breaker


class Standing:
    """One version's (or the heuristic's) standing: whether it is asked, and what it last answered well.

    `control` is the last row that it answered: asked again when it fails on another, it tells a bad row from a broken
    version, so that no caller's rows can open a breaker.
    """

    def __init__(self, ref: str, timer: Callable[[], float]) -> None:
        self.ref = ref
        self.thread = OwnThread(f"answers of {ref}")
        self.trials = OwnThread(f"trials of {ref}")
        self.troubles: Counter[str] = Counter()
        self.control: Mapping[str, Any] | None = None
        self.breaker = Breaker()
        self._timer = timer
        self._lock = threading.Lock()
        self._on_trial = False

    @property
    def state(self) -> str:
        """The breaker's state now: closed, open or half_open."""
        return self.breaker.state(self._timer())

    def did_well(self, control: Mapping[str, Any]) -> None:
        """Note a good answer, and a row that it was given for."""
        self.control = control
        with self._lock:
            self.breaker.succeeded(self._timer())

    def failed(self, *, hangs: bool = False) -> None:
        """Note a failure that is the version's, not the row's."""
        with self._lock:
            self.breaker.failed(self._timer(), hangs=hangs)

    def begins_trial(self) -> bool:
        """Tell whether a trial is due, and take it: one runs at a time."""
        with self._lock:
            if self._on_trial or self.breaker.state(self._timer()) != "half_open":
                return False
            self._on_trial = True
            return True

    def ends_trial(self) -> None:
        """Let the next trial begin."""
        with self._lock:
            self._on_trial = False


class Health:
    """All standings of this process, and the counts of what was answered."""

    def __init__(self, timer: Callable[[], float]) -> None:
        self.timer = timer
        self.rows = 0
        self.hits: Counter[str] = Counter()
        self.served: Counter[tuple[str | None, str, str]] = Counter()
        self._standings: dict[str, Standing] = {}

    def of(self, ref: str) -> Standing:
        """Give the standing of a version, or of the heuristic; a new one is as good as any."""
        if ref not in self._standings:
            self._standings[ref] = Standing(ref, self.timer)
        return self._standings[ref]
