"""A worker killed under load, again and again: every acknowledged answer must stand in the log, once."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server
from serving_study.ours import is_ready, serve
from trivium.loop.seal import seal
from trivium.loop.workspace import Workspace

BETWEEN_S = (0.3, 0.8)
_ID = b'"id":"'


@dataclass(frozen=True)
class Killed:
    """What came of it: acknowledged answers, how many of them the sealed log lacks, and how many it holds twice."""

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
            acknowledged.append(id_in(body))

    async def meanwhile() -> None:
        for _ in range(kills):
            await answering(server, acknowledged)
            await asyncio.sleep(moments.uniform(*BETWEEN_S))
            struck.append(moments.choice(await answering(server, acknowledged)))
            os.kill(struck[-1], signal.SIGKILL)
        await answering(server, acknowledged)

    load = closed(server.port, requests, connections=16, seen=see, meanwhile=meanwhile)
    held = Counter(served(project))
    missing = sum(one not in held for one in acknowledged)
    return Killed(load, len(struck), len(acknowledged), missing, sum(n > 1 for n in held.values()), len(held))


def id_in(body: bytes) -> str:
    """Read the id of the first answer of a reply, without decoding all of it: the load goes on meanwhile."""
    place = body.find(_ID) + len(_ID)
    return body[place : body.index(b'"', place)].decode()


async def answering(server: Server, acknowledged: Sequence[str]) -> list[int]:
    """Wait until clients get answers; list the workers that write them to the log, and could lose them."""
    known = len(acknowledged)
    while len(acknowledged) <= known or not (found := [pid for pid in server.pids() if _writes(pid)]):
        await asyncio.sleep(0.01)
    return found


def _writes(pid: int) -> bool:
    with suppress(OSError):
        return any(handle.readlink().suffix == ".seg" for handle in Path(f"/proc/{pid}/fd").iterdir())
    return False


def served(project: Path) -> Iterator[str]:
    """Seal the log as a server or a worker does, and give the ids of the answers that it holds as served."""
    ws = Workspace(project)
    seal(ws)
    ws.refresh()
    for part in ws.state.log.parts():
        log = ws.frame(part.blob)
        yield from log.filter(log["source"] != "unserved")["prediction_id"]


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
