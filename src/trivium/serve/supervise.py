"""The supervisor: starts the workers on one listening socket, starts them anew when they die or hang, and ends them.

Now and then it starts the keeper too, which seals what the workers have logged.

It holds nothing but the socket, and loads little of the standard library and nothing else: what it watches may fail, it
should not, and the memory that it takes is a part of the server's.
Requests that come while a worker is away wait in the socket, or go to the others.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from types import FrameType

from trivium.serve.orders import Orders

# A worker whose event loop has not turned for so long is killed: it answers nobody.
HUNG_S = 20.0
LOOKS_S = 0.5
STARTING_S = 120.0
LONGEST_WAIT_S = 5.0
STEADY_S = 10.0
KILL_AFTER_S = 5.0
# The keeper is started once all workers are ready and have settled, and then this long after the last has ended. Until
# answers are sealed they stand in the workers' segments, and are found there too.
FIRST_KEPT_S = 10.0
KEPT_S = 60.0


class _Child:
    """One worker: its process, and the pipe over which it says that it is ready, alive, or too large."""

    def __init__(self, orders: Orders, number: int) -> None:
        self.number = number
        self.pipe, theirs = os.pipe()
        told = orders._replace(number=number, beat_fd=theirs)
        words = [sys.executable, "-m", "trivium.serve.worker", told.write()]
        # Of a worker's threads one works at a time: an arena of the C library's for each would hold more for nothing.
        environment = {"MALLOC_ARENA_MAX": "1", **os.environ}
        self.process = subprocess.Popen(words, pass_fds=(orders.listen_fd, theirs), env=environment)
        os.close(theirs)
        self.started_at = self.beat_at = time.monotonic()
        self.is_ready = False
        self.ends_at: float | None = None

    def end(self, *, within_s: float) -> None:
        """Ask it to finish what it has begun and go."""
        if self.ends_at is None:
            self.ends_at = time.monotonic() + within_s
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()

    def trouble(self, now: float) -> str | None:
        """Tell why it must be killed, if it must."""
        if self.ends_at is not None:
            return "does not end" if now > self.ends_at else None
        return "hangs" if now - self.beat_at > (HUNG_S if self.is_ready else STARTING_S) else None


class _Keeper:
    """Starts the process that keeps house, one at a time; `due_at` is when the next may start."""

    def __init__(self, orders: Orders) -> None:
        self._words = [sys.executable, "-m", "trivium.serve.keeper", orders.write()]
        self._process: subprocess.Popen[bytes] | None = None
        self.due_at = math.inf

    def tend(self, now: float) -> None:
        """Start the next, or see that the last has ended."""
        if self._process is None:
            if now >= self.due_at:
                self._process = subprocess.Popen(self._words)
        elif self._process.poll() is not None:
            self._process, self.due_at = None, now + KEPT_S

    def end(self) -> None:
        """End it where it stands: what it does is safe to kill."""
        self.due_at = math.inf
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Supervisor:
    """Keeps `workers` processes running until it is told to stop."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = dict.fromkeys(range(orders.workers), 0.0)
        self._failures: dict[int, int] = {}
        self._heirs: dict[int, _Child] = {}
        self._keeper = _Keeper(orders)
        self._next = orders.workers
        self._is_stopping = self._is_announced = False
        self._exit_code = 0
        self._wake_fd, woken_fd = os.pipe()
        os.set_blocking(woken_fd, False)
        os.set_blocking(self._wake_fd, False)
        signal.set_wakeup_fd(woken_fd)
        self._selector.register(self._wake_fd, selectors.EVENT_READ, None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def run(self) -> int:
        """Watch until all workers are gone; the exit code is 0 after a stop, else what kept the first from serving."""
        while not self._is_stopping or self._children:
            began = time.monotonic()
            self._start_due(began)
            for key, _ in self._selector.select(timeout=LOOKS_S):
                if key.data is None:
                    self._drain_wakeups()
                else:
                    self._hear(key.data)
            now = time.monotonic()
            if now - began > HUNG_S / 2:
                self._was_held_up(now)
            self._kill_hanging(now)
            self._keeper.tend(now)
        _remove(self._orders.run_folder)
        return self._exit_code

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop(exit_code=0)

    def _stop(self, *, exit_code: int) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._exit_code = exit_code
            self._due.clear()
            # The workers have it too: it is closed when the last of them takes no more.
            os.close(self._orders.listen_fd)
            self._keeper.end()
        for child in self._children.values():
            child.end(within_s=self._orders.drain_s + KILL_AFTER_S)

    def _drain_wakeups(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_fd, 4096)

    def _start_due(self, now: float) -> None:
        for number in [number for number, at in self._due.items() if at <= now]:
            del self._due[number]
            self._start(number)

    def _start(self, number: int) -> _Child:
        child = self._children[number] = _Child(self._orders, number)
        self._selector.register(child.pipe, selectors.EVENT_READ, child)
        return child

    def _hear(self, child: _Child) -> None:
        said = os.read(child.pipe, 4096)
        if not said:
            self._bury(child)
            return
        child.beat_at = time.monotonic()
        if b"r" in said:
            child.is_ready = True
            self._welcome(child)
        if b"m" in said and child.ends_at is None and child not in self._heirs.values() and not self._is_stopping:
            self._replace(child)

    def _welcome(self, child: _Child) -> None:
        """Let a worker that is ready take the place of the one that it was started for."""
        old = self._heirs.pop(child.number, None)
        if old is not None:
            old.end(within_s=self._orders.drain_s + KILL_AFTER_S)
        if not self._is_announced and len(self._children) == self._orders.workers:
            self._is_announced = all(one.is_ready for one in self._children.values())
            if self._is_announced:
                self._announce()
                self._keeper.due_at = time.monotonic() + FIRST_KEPT_S

    def _replace(self, child: _Child) -> None:
        """Start another in the place of one that holds too much memory, and end that once the other is ready."""
        self._heirs[self._next] = child
        self._say({"event": "worker replaced", "worker": child.number, "by": self._next, "why": "memory"})
        self._start(self._next)
        self._next += 1

    def _bury(self, child: _Child) -> None:
        """See to a worker that is gone: start another, unless it was to go or could not even begin."""
        self._selector.unregister(child.pipe)
        os.close(child.pipe)
        code = child.process.wait()
        del self._children[child.number]
        if self._is_stopping or child.ends_at is not None:
            return
        if not self._is_announced and code > 0:
            self._stop(exit_code=code)
            return
        number = child.number
        is_steady = time.monotonic() - child.started_at > STEADY_S
        failures = self._failures[number] = 0 if is_steady else self._failures.get(number, 0) + 1
        wait_s = min(LONGEST_WAIT_S, 0.1 * 2**failures) if failures > 1 else 0.0
        self._due[number] = time.monotonic() + wait_s
        self._say({"event": "worker gone", "worker": number, "exit": code, "again_in_s": wait_s})

    def _was_held_up(self, now: float) -> None:
        """Give the workers their time anew: what kept this process from looking kept them from beating."""
        for child in self._children.values():
            child.beat_at = now

    def _kill_hanging(self, now: float) -> None:
        for child in self._children.values():
            why = child.trouble(now)
            if why is not None:
                self._say({"event": "worker killed", "worker": child.number, "why": why})
                child.process.kill()
                child.beat_at = now
                child.ends_at = None if child.ends_at is None else now + KILL_AFTER_S

    def _announce(self) -> None:
        orders = self._orders
        told = {"url": orders.url, "models": orders.models, "workers": orders.workers, "pid": os.getpid()}
        workers = f"{orders.workers} worker{'s' * (orders.workers > 1)}"
        plain = f"serving {', '.join(orders.models)} at {orders.url} ({workers}); Ctrl-C drains and ends"
        sys.stdout.write((json.dumps(told) if orders.is_json else plain) + "\n")
        sys.stdout.flush()

    def _say(self, line: dict[str, object]) -> None:
        sys.stderr.write(json.dumps({"level": "warning", **line}) + "\n")
        sys.stderr.flush()


def _remove(folder: str) -> None:
    """Remove a folder that holds files alone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            os.unlink(entry)  # noqa: PTH108 - pathlib would be loaded for this alone
        os.rmdir(folder)  # noqa: PTH106


if __name__ == "__main__":
    sys.exit(Supervisor(Orders.read(sys.argv[1])).run())
