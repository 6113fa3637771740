"""A thread of a version's own: what runs in it may hang, and whoever asked goes on after the deadline.

A thread cannot be ended from outside. One that hangs is left behind and ends by itself, if ever; a few may be left
behind at once, and past that nothing is started until one has come back.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_LEFT_BEHIND = 3


class _Task(Generic[T]):
    """Work handed over, and what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._raised: Exception | None = None
        self._gave: list[T] = []
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self._gave.append(self._work())
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asked
            self._raised = error
        finally:
            self.done.set()

    def result(self) -> T:
        if self._raised is not None:
            raise self._raised
        return self._gave[0]


class OwnThread:
    """Runs one task at a time, of any number of callers. Started when first used; a daemon: it holds up no exit."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._tasks: SimpleQueue[_Task[object] | None] | None = None
        self._thread: threading.Thread | None = None
        self._left_behind: list[threading.Thread] = []

    @property
    def left_behind(self) -> int:
        """How many threads still hang."""
        self._left_behind = [thread for thread in self._left_behind if thread.is_alive()]
        return len(self._left_behind)

    def call(self, work: Callable[[], T], *, timeout_s: float) -> T:
        """Run the work there and wait for it; whatever it raises is raised here.

        Raises:
            TimeoutError: it has not come back in time, or too many hang already.
        """
        task = _Task(work)
        tasks = self._hand_over(task)
        if not task.done.wait(timeout_s):
            self._leave_behind(tasks)
            raise TimeoutError
        return task.result()

    def start(self, work: Callable[[], object]) -> None:
        """Run the work there and wait for nothing; what it raises is lost, so it must raise nothing."""
        self._hand_over(_Task(work))

    def _hand_over(self, task: _Task[T]) -> "SimpleQueue[_Task[object] | None]":
        """Give the task to the thread, and the queue that it waits in to the caller."""
        with self._lock:
            if self._tasks is None:
                if self.left_behind >= MOST_LEFT_BEHIND:
                    raise TimeoutError
                self._tasks = SimpleQueue()
                self._thread = threading.Thread(target=_work, args=(self._tasks,), name=self._name, daemon=True)
                self._thread.start()
            self._tasks.put(task)  # type: ignore[arg-type]  # the queue holds tasks of any result
            return self._tasks

    def _leave_behind(self, tasks: "SimpleQueue[_Task[object] | None]") -> None:
        """Give up the thread that this caller waited for; another caller who waited for it may have, already."""
        with self._lock:
            if self._tasks is tasks and self._thread is not None:
                tasks.put(None)
                self._left_behind.append(self._thread)
                self._tasks = self._thread = None


def _work(tasks: "SimpleQueue[_Task[object] | None]") -> None:
    while (task := tasks.get()) is not None:
        task.run()
