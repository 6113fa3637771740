"""Rows that arrive in one turn of the event loop share one model call. There is no timer.

A quick call is made in the event loop at the end of the turn; a dear one in a thread, and the rows that come while it
runs share the next: the busier, the larger the calls.
Rows that wait beyond the bound are refused at once rather than answered late.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, NamedTuple

from trivium.core.answers import Answered
from trivium.core.problems import Problem
from trivium.serve.refusal import TOO_MANY, RefusedError

Rows = Sequence[dict[str, Any]]


class Call(NamedTuple):
    """What came of a model call: the answers, the mark of their records in the log, and how long it took."""

    answers: Sequence[Answered]
    mark: int
    took_s: float


class _Asked(NamedTuple):
    """Rows that wait, who is told, and whether they still want to be."""

    rows: Rows
    then: Callable[[Call | Exception], None]
    is_gone: Callable[[], bool]


class Turns:
    """Gathers rows into calls, one at a time, in a thread of its own."""

    def __init__(
        self,
        ask: Callable[[Rows], Call],
        *,
        queue: int,
        most_rows: int,
        then: Callable[[Call], None],
        is_quick: Callable[[int], bool] = lambda rows: False,
    ) -> None:
        """Prepare to call `ask`: in the event loop where it `is_quick` about so many rows, else in the thread.

        `then` is called in the event loop, once a call.
        """
        self._ask, self._then, self._queue, self._most_rows = ask, then, queue, most_rows
        self._is_quick = is_quick
        self._waiting: deque[_Asked] = deque()
        self._is_calling = self._is_planned = False
        self._caller = Caller("trivium-model")
        self._row_s = 0.001
        self.rows = 0

    async def ask(self, rows: Rows) -> Call:
        """Ask for some rows together with those of others; only their own answers come back.

        Raises:
            RefusedError (TV-SERVE-060): `queue` rows wait already.
        """
        future: asyncio.Future[Call] = asyncio.get_running_loop().create_future()

        def then(came: Call | Exception) -> None:
            if isinstance(came, Call):
                future.set_result(came)
            else:
                future.set_exception(came)

        self.put(rows, then, is_gone=future.done)
        return await future

    def put(self, rows: Rows, then: Callable[[Call | Exception], None], *, is_gone: Callable[[], bool]) -> None:
        """Ask for rows as `ask` does, and go on: `then` is called with what came, in the event loop, unless `is_gone`.

        Raises:
            RefusedError (TV-SERVE-060): `queue` rows wait already.
        """
        if self.rows and self.rows + len(rows) > self._queue:
            raise too_busy(f"{self.rows} rows wait", after_s=self.rows * self._row_s)
        self._waiting.append(_Asked(rows, then, is_gone))
        self.rows += len(rows)
        if not self._is_calling and not self._is_planned:
            self._plan(asyncio.get_running_loop())

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call after this turn of the loop: what else it brings is there by then."""
        self._is_planned = True
        loop.call_soon(self._call, loop)

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_planned = False
        taken, rows = self._take()
        if not taken:
            return

        def answered(came: Call | Exception) -> None:
            self._is_calling = False
            if isinstance(came, Call):
                self._row_s += 0.1 * (came.took_s / len(rows) - self._row_s)
                self._then(came)
            _share(taken, came)
            if self._waiting and not self._is_planned:
                self._plan(loop)

        self._is_calling = True
        if self._is_quick(len(rows)):
            answered(_done(lambda: self._ask(rows)))
        else:
            self._caller.call(lambda: self._ask(rows), answered, loop)

    def _take(self) -> "tuple[list[_Asked], list[dict[str, Any]]]":
        """Take as many of those who wait as fit into one call, and one at least; who has gone is left out."""
        taken: list[_Asked] = []
        rows: list[dict[str, Any]] = []
        while self._waiting and (not taken or len(rows) + len(self._waiting[0].rows) <= self._most_rows):
            asked = self._waiting.popleft()
            self.rows -= len(asked.rows)
            if not asked.is_gone():
                taken.append(asked)
                rows += asked.rows
        return taken, rows

    def close(self) -> None:
        """Let the thread end when it has nothing left to do."""
        self._caller.close()


def _share(taken: "Sequence[_Asked]", came: Call | Exception) -> None:
    """Give each who asked their own answers, or what kept all from theirs."""
    place = 0
    for asked in taken:
        end = place + len(asked.rows)
        if not asked.is_gone():
            asked.then(Call(came.answers[place:end], came.mark, came.took_s) if isinstance(came, Call) else came)
        place = end


def too_busy(seen: str, *, after_s: float) -> RefusedError:
    """Refuse a request that could only be answered late (TV-SERVE-060)."""
    problem = Problem(
        code="TV-SERVE-060",
        what="the server is too busy to answer in time",
        where="server",
        seen=seen,
        fix="wait as Retry-After says; add workers (`trivium serve --workers`) or machines if it lasts",
    )
    return RefusedError(TOO_MANY, problem, headers={"retry-after": str(max(1, round(after_s)))})


def _done(work: Callable[[], Any]) -> Any:
    """Give what came of some work, or what it raised."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - handed on to whoever waits for it
        return error


class Caller:
    """One thread that does what it is handed, in order, and tells the event loop. It never holds up the exit."""

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def call(self, work: Callable[[], Any], then: Callable[[Any], None], loop: asyncio.AbstractEventLoop) -> None:
        """Do `work` in the thread, and hand what came of it, or what it raised, to `then` in the loop."""

        def run() -> None:
            came = _done(work)
            if not loop.is_closed():
                loop.call_soon_threadsafe(then, came)

        self._work.put(run)

    async def do(self, work: Callable[[], Any]) -> Any:
        """Do `work` in the thread, and wait for what it gives."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def then(came: Any) -> None:
            if future.done():
                return
            if isinstance(came, BaseException):
                future.set_exception(came)
            else:
                future.set_result(came)

        self.call(work, then, loop)
        return await future

    def close(self) -> None:
        """Let the thread end when it has nothing left to do."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
