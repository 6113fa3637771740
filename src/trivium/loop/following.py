"""Follow the route: a server's view of who answers, kept up with the ledger by two threads off the reply's path.

One thread looks: at the shared number that writers of this machine raise (`store/signal.py`), and at the ledger itself,
for writers elsewhere. The other loads versions. A new route takes effect with one assignment, as soon as those of its
versions that are loaded can answer it; a version that loads slowly, or cannot be loaded, holds nobody up.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from trivium.core.problems import Problem, StoreError, TriviumError
from trivium.loop.bodies import body_of
from trivium.loop.workspace import Workspace
from trivium.release.route import Route, with_only
from trivium.store.signal import Signal

T = TypeVar("T")
LOOK_S = 0.01
ASK_S = 0.1
# After a store that is gone, or a route that nothing could be made of: neither is hammered.
REST_S = 0.2
# A version that could not be loaded is tried again: a disk may be back, a blob restored.
TRY_AGAIN_S = 30.0
WANT_S = 1.0
# Versions that left the route stay loaded, the latest of them, in case somebody wants them back at once.
KEPT_WARM = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed(Generic[T]):
    """What answers now. `named` is the route of the ledger up to event `head`, `route` what of it is loaded."""

    route: Route
    named: Route
    value: T
    head: int


class Follower(Generic[T]):
    """Keeps `current` up with the ledger. Read `current` once for each request and hold on to it: that is the swap.

    A request that began on one route ends on it, so no swap drops one. `troubles` says which versions could not be
    loaded and why. The workspace belongs to the follower's threads from `start` on.
    """

    current: Followed[T]

    def __init__(
        self,
        ws: Workspace,
        make: Callable[[Route, T | None], T],
        *,
        load: Callable[[Workspace, str], Any] = body_of,
        ask_s: float = ASK_S,
    ) -> None:
        """Prepare to follow.

        Args:
            ws: a workspace of the follower's own.
            make: makes what answers by a route, all of whose versions are loaded, from what answered before; called
                in the looking thread whenever the ledger has moved.
            load: loads a version so that it stays in memory; called in the loading thread.
            ask_s: seconds between two looks into the ledger itself.
        """
        self._ws, self._make, self._load, self._ask_s = ws, make, load, ask_s
        self._signal = Signal(ws.root)
        self._loaded: dict[str, None] = {}
        self._try_at: dict[str, float] = {}
        self._wanted: list[str] = []
        self._wake = threading.Condition()
        self._is_stopping = threading.Event()
        self._news = threading.Event()
        self._read_at = time.monotonic()
        self._ask_at = self._rest_until = self._want_at = 0.0
        self._signalled = self._told = 0
        self._threads: list[threading.Thread] = []
        self.troubles: dict[str, Problem] = {}

    @property
    def behind_s(self) -> float:
        """Tell for how many seconds the ledger could not be read; about `ask_s` at most when all is well."""
        return time.monotonic() - self._read_at

    def start(self) -> None:
        """Load what the route names, make the first value, and begin to follow.

        Raises:
            TriviumError: the ledger or the project could not be read, or `make` could not make anything.
        """
        self._ws.refresh()
        named = self._ws.route
        for ref in named.named:
            self._try_to_load(ref)
        self._swap(named, None)
        for work in (self._looks, self._loads):
            thread = threading.Thread(target=work, name=f"trivium-route-{work.__name__[1:]}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def renew(self) -> None:
        """Have what answers made anew, though the ledger has not moved: checks expire as another day comes."""
        self._news.set()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop following; what is current stays."""
        self._is_stopping.set()
        with self._wake:
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)
        self._signal.close()

    def _looks(self) -> None:
        while not self._is_stopping.wait(LOOK_S):
            try:
                self._look()
            except Exception:  # noqa: BLE001 - this thread outlives whatever a route or a table brings; it is logged
                if self._told != self._head:
                    _log.exception("event %d cannot be followed; the route before answers on", self._head)
                self._told = self._head
                self._news.set()
                self._rest_until = time.monotonic() + REST_S

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._rest_until:
            return
        signalled = self._signal.read()
        if now >= self._ask_at or signalled != self._signalled:
            self._read(now, signalled)
        if self._news.is_set() or self._head != self.current.head:
            self._news.clear()
            named = self._ws.route
            self._want(named)
            self._swap(named, self.current.value)
        elif now >= self._want_at:
            self._want(self.current.named)

    @property
    def _head(self) -> int:
        return self._ws.state.journal.head

    def _read(self, now: float, signalled: int) -> None:
        """Bring the state up to the ledger's head; a store that is gone leaves it as it is, and is asked again."""
        try:
            self._ws.refresh()
        except StoreError as error:
            if self._read_at + 1 < now:
                _log.warning("the ledger cannot be read, the route of event %d answers on: %s", self._head, error)
            self._rest_until = time.monotonic() + REST_S
            return
        self._read_at, self._signalled = time.monotonic(), signalled
        self._ask_at = self._read_at + self._ask_s

    def _swap(self, named: Route, before: T | None) -> None:
        route = with_only(named, self._loaded)
        self.current = Followed(route, named, self._make(route, before), self._head)

    def _want(self, route: Route) -> None:
        """Ask for the versions that the route names and that are not loaded, and let go of those long out of it."""
        named = route.named
        now = time.monotonic()
        self._want_at = now + WANT_S
        cold = [ref for ref in named if ref not in self._loaded and now >= self._try_at.get(ref, 0.0)]
        with self._wake:
            if cold != self._wanted:
                self._wanted = cold
                self._wake.notify_all()
        left = [ref for ref in self._loaded if ref not in named]
        for ref in left[:-KEPT_WARM]:
            self._loaded.pop(ref, None)
            self._ws.cache.pop(f"body/{ref}", None)

    def _loads(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._wanted or self._is_stopping.is_set())
                if self._is_stopping.is_set():
                    return
                ref = self._wanted.pop(0)
            if ref not in self._loaded and time.monotonic() >= self._try_at.get(ref, 0.0):
                self._try_to_load(ref)
                self._news.set()

    def _try_to_load(self, ref: str) -> None:
        try:
            self._load(self._ws, ref)
        except TriviumError as error:
            self._note(ref, error.problems[0])
        except Exception as error:  # noqa: BLE001 - a version is other people's code: whatever it does, others answer
            self._note(ref, _not_loaded(ref, error))
        else:
            self.troubles.pop(ref, None)
            self._loaded[ref] = None

    def _note(self, ref: str, problem: Problem) -> None:
        _log.warning("%s is left out of the route: %s", ref, problem)
        self.troubles[ref] = problem
        self._try_at[ref] = time.monotonic() + TRY_AGAIN_S


def _not_loaded(ref: str, error: Exception) -> Problem:
    return Problem(
        code="TV-REL-005",
        what=f"version {ref} cannot be loaded",
        where=ref,
        seen=f"{type(error).__name__}: {error}"[:200],
        fix="install what it needs, or roll back: trivium rollback",
    )
