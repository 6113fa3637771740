"""Bodies that nobody should send, by the million: an answer below 500 to each, none late, memory flat."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.load import HOST, Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server
from serving_study.ours import PATH, row_of

PATHS = (PATH, PATH, PATH, "/models/trees/outcomes", "/v2/models/trees/infer", "/invocations")
KINDS = (
    "application/json",
    "application/json",
    "application/json",
    "application/vnd.apache.arrow.stream",
    "text/plain",
    "",
)
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, -(2**64), 1e308, -1e308, 10**400, 5e-324, "", " ", "NaN", "Infinity", "-0", "null",
    "\x00", "é" * 300, "\u202e", "../../etc/passwd", "__import__('os')", "{{7*7}}", "' or 1=1 --",
    [], {}, [[]], [None] * 50, {"rows": []},
    {"": ""}, "2024-02-30T25:61:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2024-02-01",
)  # fmt: skip
RAW = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"0x10",
    b"01",
    b"1.",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    b"//",
    b",",
    b"",
)
DEEP = 3_000

PARTS = 5
SETTLES_S = 4.0  # longer than the process lives that seals the log now and then


class Bodies(Sequence[Request]):
    """Requests without end, each drawn from the seed and its number: the same number, the same bytes."""

    def __init__(self, rows: Sequence[Sequence[float]], *, seed: int, count: int) -> None:
        self._rows, self._seed, self._count = rows, seed, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Request:
        draw = random.Random(self._seed * 1_000_003 + number)
        body = _body(draw, self._rows[number % len(self._rows)], number)
        path, kind = draw.choice(PATHS), draw.choice(KINDS)
        said = f"Content-Type: {kind}\r\n" if kind else ""
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{said}Content-Length: {len(body)}\r\n\r\n"
        return Request(head.encode() + body)


def _body(draw: random.Random, row: Sequence[float], number: int) -> bytes:
    good: dict[str, Any] = {"rows": [row_of(row, f"z{number}")]}
    kind = draw.randrange(10)
    if kind == 0:
        return json.dumps(good).encode()
    if kind == 1:
        return draw.randbytes(draw.randrange(400))
    if kind == 2:
        return b"[" * draw.randrange(DEEP) + b"1" + b"]" * draw.randrange(DEEP)
    if kind == 3:
        return json.dumps(draw.choice(ODD), allow_nan=True).encode()
    if kind < 7:
        return json.dumps(_with_odd_values(draw, good)).encode()
    return _cut(draw, json.dumps(good).encode())


def _with_odd_values(draw: random.Random, body: dict[str, Any]) -> Any:
    """Change columns, leave some out, add others, ask for more rows, or put the whole into something else."""
    row = body["rows"][0]
    for _ in range(draw.randrange(1, 4)):
        column = draw.choice(list(row) or ["f00"])
        change = draw.randrange(4)
        if change == 0:
            row.pop(column, None)
        elif change == 1:
            row[f"{column}{draw.randrange(9)}"] = draw.choice(ODD)
        else:
            row[column] = draw.choice(ODD)
    shape = draw.randrange(8)
    if shape == 0:
        return draw.choice([[body], {"rows": row}, {"rows": [row, None]}, {"row": [row]}, {"outcomes": body["rows"]}])
    if shape == 1:
        return {"rows": [row] * draw.randrange(30)}
    if shape == 2:
        return {
            "inputs": [
                {
                    "name": draw.choice(["rows", "f00", ""]),
                    "shape": [draw.randrange(-1, 9)],
                    "datatype": "FP64",
                    "data": draw.choice(ODD),
                }
            ]
        }
    return body


def _cut(draw: random.Random, body: bytes) -> bytes:
    """Splice bytes: cut, doubled, overwritten by what parsers stumble over."""
    for _ in range(draw.randrange(1, 5)):
        begin = draw.randrange(len(body) + 1)
        end = min(len(body), begin + draw.randrange(12))
        put = draw.choice([draw.randbytes(draw.randrange(6)), draw.choice(RAW), body[begin:end] * 2])
        body = body[:begin] + put + body[end:]
    return body


@dataclass(frozen=True)
class Fuzzed:
    """What came of it: the load, some answers of 500 or above, and the server's memory before and after each part."""

    load: Load
    worst: tuple[bytes, ...]
    memory_mb: tuple[float, ...]

    @property
    def statuses(self) -> Counter[int]:
        """How often each status was answered."""
        return self.load.statuses


def fuzzed(server: Server, rows: Sequence[Sequence[float]], *, count: int, parts: int = PARTS) -> Fuzzed:
    """Send so many bodies on 16 connections, after a tenth of them by which the server's memory has found its level."""
    bodies = Bodies(rows, seed=0, count=count + count // 10)
    worst: list[bytes] = []

    def see(now: float, status: int, body: bytes) -> None:
        if status >= 500 and len(worst) < 20:
            worst.append(body)

    closed(server.port, bodies, connections=16, seconds=0, most=count // 10)
    whole, memory, first = Load(), [min(server.memory_over(SETTLES_S))[0]], count // 10
    for _ in range(parts):
        load = closed(server.port, bodies, connections=16, seconds=0, first=first, most=count // parts, seen=see)
        first += count // parts
        whole.lost += load.lost
        whole.statuses += load.statuses
        whole.latencies += load.latencies
        memory.append(min(server.memory_over(SETTLES_S))[0])
    return Fuzzed(whole, tuple(worst), tuple(memory))


def under_fuzz(server: Server, rows: Sequence[Sequence[float]], *, count: int) -> Iterator[Row]:
    """Send so many bodies; give what was answered, what was not, the longest wait, and what the memory did."""
    came = fuzzed(server, rows, count=count)
    for body in came.worst:
        print(f"  5xx: {body[:200]!r}", flush=True)
    case = f"{count:,} random bodies"
    for status, number in sorted(came.statuses.items()):
        yield of_runs("trivium", case, f"answered {status}", "requests", [number])
    yield of_runs("trivium", case, "answered 500 or above", "requests", [_faults(came.statuses)])
    yield of_runs("trivium", case, "without an answer", "requests", [came.load.lost])
    yield of_runs("trivium", case, "longest wait for an answer", "ms", [came.load.latency_ms(1.0)])
    for part, memory_mb in enumerate(came.memory_mb[1:], start=1):
        figure = f"memory grown by, after {part} of {PARTS} parts"
        yield of_runs("trivium", case, figure, "MB", [memory_mb - came.memory_mb[0]])


def _faults(statuses: Counter[int]) -> int:
    return sum(number for status, number in statuses.items() if status >= 500)
