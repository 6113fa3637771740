"""Load on an HTTP server of this machine: connections that ask again once they are answered, or a rate of requests.

Python on uvloop, without a parser: about 8 µs a request, a fraction of what any server measured here spends on one.
Each run tells what share of a processor the generator itself used (`Load.own_share`).

At a fixed rate a request that finds every connection busy waits, and its latency runs from the time it was due: a
server that stalls cannot slow the questions down and look fast (coordinated omission).
"""

import asyncio
import gc
import math
import random
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import uvloop

HOST = "127.0.0.1"
_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: *(\d+)")
_CHUNKED = re.compile(rb"\r\n[Tt]ransfer-[Ee]ncoding: *chunked", re.ASCII)
_CLOSING = re.compile(rb"\r\n[Cc]onnection: *close", re.ASCII)
_NUMBER = b"@@@@@@@@"
_LONGEST_WAIT_S = 30.0  # for the last answers, once no more is asked


@dataclass(frozen=True)
class Request:
    """One request's bytes; where its body has `@@@@@@@@`, each sending puts the next number of eight digits."""

    before: bytes
    after: bytes | None = None

    @classmethod
    def post(cls, path: str, body: bytes, *, headers: Sequence[tuple[str, str]] = ()) -> "Request":
        """Make a POST of JSON."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {HOST}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
        before, mark, after = (head + body).partition(_NUMBER)
        return cls(before, after if mark else None)


@dataclass
class Load:
    """What came of it. Times are of `time.perf_counter`; `latencies` in seconds, answered requests only."""

    seconds: float = 0.0
    own_cpu_s: float = 0.0
    sent: int = 0
    lost: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    most_waiting: int = 0

    @property
    def answered(self) -> int:
        """Requests that were answered with 200."""
        return self.statuses[200]

    @property
    def failed(self) -> int:
        """Requests that were answered with anything else, or lost with their connection."""
        return sum(self.statuses.values()) - self.answered + self.lost

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return self.answered / self.seconds

    @property
    def own_share(self) -> float:
        """The share of one processor that the generator itself used: near 1 it is what was measured."""
        return self.own_cpu_s / self.seconds

    def latency_ms(self, share: float) -> float:
        """Give the latency that this share of answers kept, in ms."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else float("nan")


Meanwhile = Callable[[], Awaitable[None]]
Seen = Callable[[float, int, bytes], None]


class _Connection(asyncio.Protocol):
    """One connection, one request at a time: no pipelining, as clients of a prediction server do."""

    __slots__ = ("_buffer", "_due", "_run", "_transport", "_whole", "busy")

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer, self._whole = b"", 0
        self._due = 0.0
        self.busy = False

    def connection_made(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._run.is_here(self)

    def ask(self, due: float) -> None:
        """Send the next request."""
        self.busy, self._due = True, due
        self._transport.write(self._run.next_request())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._buffer:
            data = self._buffer + data
        if not self._is_whole(data):
            self._buffer = data
            return
        self._buffer, self._whole, self.busy = b"", 0, False
        self._run.answered(data, due=self._due, now=now)
        if _CLOSING.search(data, 0, data.find(b"\r\n\r\n")):
            self._transport.close()
        else:
            self._run.is_free(self)

    def _is_whole(self, data: bytes) -> bool:
        if not self._whole:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                return False
            length = _LENGTH.search(data, 0, head + 2)
            if length:
                self._whole = head + 4 + int(length.group(1))
            elif _CHUNKED.search(data, 0, head + 2):
                return data.endswith(b"\r\n0\r\n\r\n")
            else:
                self._whole = head + 4
        return len(data) >= self._whole

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.is_gone(self)

    def close(self) -> None:
        self._transport.close()


class _Run:
    """One run of load: it hands requests to free connections until its time is over."""

    def __init__(self, port: int, requests: Sequence[Request], *, first: int, seen: Seen | None, most: float) -> None:
        self.port, self._requests, self._seen = port, requests, seen
        self._next, self._most = first, most
        self.is_done = asyncio.Event()
        self.load = Load()
        self.is_open = True
        self._connections: set[_Connection] = set()
        self._joining: set[asyncio.Task[None]] = set()

    async def connect(self, count: int) -> None:
        for _ in range(count):
            await self._join()

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: _Connection(self), HOST, self.port)

    def next_request(self) -> bytes:
        number, self._next = self._next, self._next + 1
        self.load.sent += 1
        request = self._requests[number % len(self._requests)]
        return request.before if request.after is None else b"%b%08d%b" % (request.before, number, request.after)

    def answered(self, data: bytes, *, due: float, now: float) -> None:
        status = int(data[9:12])
        self.load.statuses[status] += 1
        self.load.latencies.append(now - due)
        if self._seen:
            self._seen(now, status, data[data.find(b"\r\n\r\n") + 4 :])

    def is_free(self, connection: _Connection) -> None:
        if self.is_open and self.load.sent < self._most:
            connection.ask(time.perf_counter())
        elif self.is_open and not any(each.busy for each in self._connections):
            self.is_done.set()

    def is_here(self, connection: _Connection) -> None:
        self._connections.add(connection)
        if self.is_open:
            self.is_free(connection)

    def is_gone(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self.load.lost += connection.busy
        connection.busy = False
        if self.is_open:
            joining = asyncio.get_running_loop().create_task(self._again())
            self._joining.add(joining)
            joining.add_done_callback(self._joining.discard)

    async def _again(self) -> None:
        while self.is_open:
            try:
                await self._join()
                break
            except OSError:  # nobody listens for the moment: a worker that was killed, a server that restarts
                await asyncio.sleep(0.01)

    async def last_answers(self) -> None:
        """Wait for what is still asked, then hang up; who is still joining finishes first, to be hung up on as well."""
        await asyncio.gather(*self._joining)
        until = time.perf_counter() + _LONGEST_WAIT_S
        while any(each.busy for each in self._connections) and time.perf_counter() < until:
            await asyncio.sleep(0.005)
        self.load.lost += sum(each.busy for each in self._connections)
        for each in list(self._connections):
            each.busy = False
            each.close()
        while self._connections:  # an event loop that ends sooner leaves their sockets open
            await asyncio.sleep(0)


class _RatedRun(_Run):
    """A run at times that are set beforehand."""

    def __init__(self, port: int, requests: Sequence[Request], *, first: int, due: Sequence[float]) -> None:
        super().__init__(port, requests, first=first, seen=None, most=math.inf)
        self._due, self._place = due, 0
        self._free: list[_Connection] = []
        self._waiting: deque[float] = deque()

    def is_free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.ask(self._waiting.popleft())
        else:
            self._free.append(connection)

    def is_gone(self, connection: _Connection) -> None:
        if connection in self._free:
            self._free.remove(connection)
        super().is_gone(connection)

    async def ask_when_due(self, begin: float) -> None:
        """Spin: a timer of the event loop is as coarse as a millisecond."""
        while self._place < len(self._due):
            now = time.perf_counter()
            while self._place < len(self._due) and begin + self._due[self._place] <= now:
                self._ask(begin + self._due[self._place])
                self._place += 1
            await asyncio.sleep(0)
        while self._waiting and time.perf_counter() < begin + self._due[-1] + _LONGEST_WAIT_S:
            await asyncio.sleep(0.001)
        self.load.lost += len(self._waiting)
        self._waiting.clear()

    def _ask(self, due: float) -> None:
        if self._free:
            self._free.pop().ask(due)
        else:
            self._waiting.append(due)
            self.load.most_waiting = max(self.load.most_waiting, len(self._waiting))


def closed(
    port: int,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float = 0.0,
    most: int | None = None,
    first: int = 0,
    seen: Seen | None = None,
    meanwhile: Meanwhile | None = None,
) -> Load:
    """Ask on so many connections, each again as soon as it is answered: for `seconds`, or `most` requests.

    `first` is the number of the first request. `seen` is told each answer: when it came, its status, its body.
    `meanwhile` runs beside the load, which then lasts at least as long.
    """
    run = _Run(port, requests, first=first, seen=seen, most=math.inf if most is None else most)

    async def work() -> None:
        await run.connect(connections)
        over = asyncio.sleep(seconds) if most is None else run.is_done.wait()
        await asyncio.gather(over, *([meanwhile()] if meanwhile else []))

    return _measured(run, work)


def rated(
    port: int,
    requests: Sequence[Request],
    *,
    per_second: float,
    seconds: float,
    connections: int = 64,
    first: int = 0,
    random_gaps: bool = False,
    seed: int = 0,
) -> Load:
    """Ask so many times a second whatever comes back, evenly or with exponential gaps (as independent clients do)."""
    draw = random.Random(seed)
    due, at = [], 0.0
    while at < seconds:
        due.append(at)
        at += draw.expovariate(per_second) if random_gaps else 1 / per_second
    run = _RatedRun(port, requests, first=first, due=due)

    async def work() -> None:
        await run.connect(connections)
        await run.ask_when_due(time.perf_counter())

    return _measured(run, work)


def _measured(run: _Run, work: Callable[[], Awaitable[None]]) -> Load:
    async def whole() -> None:
        started, used = time.perf_counter(), time.process_time()
        await work()
        run.is_open = False
        run.load.seconds = time.perf_counter() - started
        run.load.own_cpu_s = time.process_time() - used
        await run.last_answers()

    gc.collect()
    gc.disable()
    try:
        uvloop.run(whole())
    finally:
        gc.enable()
    return run.load
