"""A server as a whole: all the processes that one command started, what they use, and how soon it answers."""

import http.client
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.load import HOST

_MARK = "BENCHMARK_SERVER"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes


def ask(
    port: int, path: str, *, body: bytes | None = None, method: str = "", timeout_s: float = 30.0,
    headers: Mapping[str, str] | None = None,
) -> Reply:  # fmt: skip
    """Ask once, on a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        said = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method or ("GET" if body is None else "POST"), path, body, {**said, **(headers or {})})
        reply = connection.getresponse()
        return Reply(reply.status, reply.read())
    finally:
        connection.close()


def free_port() -> int:
    """Give a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """A command and every process that came of it, known by a mark in their environment."""

    def __init__(
        self, command: Sequence[str | Path], *, port: int, log: Path, cwd: Path, more: Mapping[str, str]
    ) -> None:
        self.port, self.log, self.mark = port, log, uuid.uuid4().hex
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        log.parent.mkdir(parents=True, exist_ok=True)
        self._out = log.open("wb")
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(word) for word in command],
            env={**kept, **more, _MARK: self.mark},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ready(self, good: Callable[[], bool], *, within_s: float = 120.0) -> float:
        """Wait until it answers as it should; give the seconds from its start.

        Raises:
            RuntimeError: it ended, or never did; what it said last is in the message.
        """
        while time.perf_counter() < self.started + within_s:
            with suppress(OSError, http.client.HTTPException):
                if good():
                    return time.perf_counter() - self.started
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"{self.process.args} does not answer:\n{self.log.read_text(errors='replace')[-3000:]}")

    def pids(self) -> list[int]:
        """Find its processes."""
        marked = f"{_MARK}={self.mark}".encode()
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdigit():
                with suppress(OSError):
                    if marked in (place / "environ").read_bytes():
                        found.append(int(place.name))
        return sorted(found)

    def cpu_s(self) -> float:
        """Processor seconds used so far, by all processes and their ended children."""
        return sum(map(_cpu_s, self.pids()))

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory of all processes in MB (10^6 bytes): their sum, and with shared pages counted once (PSS)."""
        sizes = [_memory_kib(pid) for pid in self.pids()]
        return sum(rss for rss, _ in sizes) * 1024 / 1e6, sum(pss for _, pss in sizes) * 1024 / 1e6

    def memory_over(self, seconds: float) -> list[tuple[float, float]]:
        """Look at the memory twice a second for so long: some of a server's processes come and go."""
        looks = [self.memory_mb()]
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            time.sleep(0.5)
            looks.append(self.memory_mb())
        return looks

    def pause(self) -> None:
        """Stop its processes where they are, so that they use nothing while another is measured."""
        self._tell(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them run again."""
        self._tell(signal.SIGCONT)

    def stop(self) -> None:
        """End it, first by asking."""
        self.go_on()
        if self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        deadline = time.perf_counter() + 5
        while self.pids() and time.perf_counter() < deadline:
            self._tell(signal.SIGTERM)
            time.sleep(0.2)
        self._tell(signal.SIGKILL)
        self.process.wait()
        self._out.close()

    def _tell(self, number: signal.Signals) -> None:
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _cpu_s(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return 0.0
    return sum(map(int, words[11:15])) / _TICKS


def _memory_kib(pid: int) -> tuple[int, int]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.split()[-1:] == ["kB"]}
    return sizes.get("Rss", 0), sizes.get("Pss", 0)
