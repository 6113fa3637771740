"""A worker killed under load, again and again: every acknowledged answer must stand in the log, once."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server
from serving_study.ours import is_ready, serve
from trivium.core.answers import Logged
from trivium.loop.workspace import Workspace
from trivium.store.segments import log_folder, read, segments

BETWEEN_S = (0.3, 0.8)
_ID = b'"id":"'


@dataclass(frozen=True)
class Killed:
    """What came of it: acknowledged answers, those of them that the log lacks, and those that it holds twice."""

    load: Load
    kills: int
    acknowledged: int
    missing: int
    twice: int
    logged: int


def killed(server: Server, project: Path, requests: Sequence[Request], *, kills: int, seed: int = 0) -> Killed:
    """Kill a worker of a server so many times under 16 connections, and hold the log to what clients were told."""
    moments, acknowledged, struck = random.Random(seed), [], []

    def see(now: float, status: int, body: bytes) -> None:
        if status == 200:
            place = body.find(_ID) + len(_ID)
            acknowledged.append(body[place : body.index(b'"', place)].decode())

    async def meanwhile() -> None:
        for _ in range(kills):
            await asyncio.sleep(moments.uniform(*BETWEEN_S))
            struck.append(moments.choice(await workers(server)))
            os.kill(struck[-1], signal.SIGKILL)
        await workers(server, but=struck[-1])

    load = closed(server.port, requests, connections=16, seen=see, meanwhile=meanwhile)
    held = Counter(served(project))
    missing = sum(one not in held for one in acknowledged)
    return Killed(load, len(struck), len(acknowledged), missing, sum(n > 1 for n in held.values()), len(held))


async def workers(server: Server, *, but: int = 0) -> list[int]:
    """Wait for a worker, other than one that was killed, and list them all."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    while not (found := [int(pid) for pid in children.read_text().split() if int(pid) != but]):
        await asyncio.sleep(0.01)
    return found


def served(project: Path) -> Iterator[str]:
    """Give the ids of the answers that the log holds as served."""
    decode = msgspec.msgpack.Decoder(Logged).decode
    for segment in segments(log_folder(Workspace(project).root)):
        found = read(segment)
        for record in found.records if found else ():
            logged = decode(record)
            if logged.source != "unserved":
                yield logged.id


def under_kills(project: Path, requests: Sequence[Request], *, kills: int) -> Iterator[Row]:
    """Kill a worker so many times, with one and with two of them; give what the log lacks, and what clients noticed."""
    for count in (1, 2):
        server = serve(project, "--workers", str(count))
        try:
            server.ready(lambda server=server: is_ready(server))
            came = killed(server, project, requests, kills=kills // 2, seed=count)
        finally:
            server.stop()
        case = f"kill -9 of a worker of {count}, {came.kills} times under 16 connections"
        yield of_runs("trivium", case, "acknowledged answers", "answers", [came.acknowledged])
        yield of_runs("trivium", case, "acknowledged, and not in the log", "answers", [came.missing])
        yield of_runs("trivium", case, "twice in the log", "answers", [came.twice])
        yield of_runs("trivium", case, "requests lost with their connection", "requests", [came.load.lost])
        yield of_runs("trivium", case, "longest wait for an answer", "ms", [came.load.latency_ms(1.0)])
