"""A rollback and a release under load, many times: how soon the other version answers, and what it costs clients."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from serving_study.ours import is_ready, serve
from serving_study.project import COMMAND, own_environment, trivium

SETTLES_S = 0.5  # how long the load goes on after each swap was seen
SEEN_WITHIN_S = 20.0


@dataclass(frozen=True)
class Swap:
    """One swap of the live version: when the ledger says it was, in seconds of `time.time`, and to which version."""

    at: float
    to: str


def swapped(
    port: int, project: Path, requests: Sequence[Request], *, tries: int, connections: int = 16
) -> tuple[Load, list[tuple[float, str]], list[Swap]]:
    """Load a server while v2 is rolled back (v1 answers) and released again, so many times.

    Returns what came of the load, who answered when, and the swaps.
    """
    answers: list[tuple[float, str]] = []
    behind = time.time() - time.perf_counter()

    def see(now: float, status: int, body: bytes) -> None:
        place = body.find(b'"version":"')
        answers.append((now + behind, body[place + 11 : place + 13].decode()))

    async def answers_by(version: str) -> None:
        until = time.perf_counter() + SEEN_WITHIN_S
        while (not answers or answers[-1][1] != version) and time.perf_counter() < until:
            await asyncio.sleep(0.01)
        await asyncio.sleep(SETTLES_S)

    async def meanwhile() -> None:
        await answers_by("v2")
        for _ in range(tries):
            for words, version in ((("rollback",), "v1"), (("release", "v2", "--to", "live"), "v2")):
                await _say(project, *words)
                await answers_by(version)

    load = closed(port, requests, connections=connections, seconds=0, seen=see, meanwhile=meanwhile)
    events = [event for event in trivium(project, "ledger")["events"] if event["kind"] in ("staged", "rolled_back")]
    swaps = [Swap(datetime.fromisoformat(event["at"]).timestamp(), _live_after(event)) for event in events]
    return load, answers, swaps[-2 * tries :]


async def _say(project: Path, *words: str) -> None:
    command = [*COMMAND, "--project", str(project), *words, "--because", "the benchmark's"]
    done = await asyncio.create_subprocess_exec(
        *command, env=own_environment(), stdout=asyncio.subprocess.DEVNULL, stderr=sys.stderr
    )
    if await done.wait():
        raise RuntimeError(f"trivium {' '.join(words)} ended with {done.returncode}")


def _live_after(event: dict) -> str:
    return event["body"]["to"] if event["kind"] == "rolled_back" else event["subject"]


def delays_ms(answers: Sequence[tuple[float, str]], swaps: Sequence[Swap]) -> list[float]:
    """Give, for each swap, the ms from its event to the last answer of another version than the one it made live."""
    found = []
    for swap, until in zip(swaps, [*(swap.at for swap in swaps[1:]), float("inf")], strict=True):
        others = [at - swap.at for at, version in answers if swap.at <= at < until and version != swap.to]
        found.append(max(others, default=0.0) * 1e3)
    return found


def rolled_back(project: Path, requests: Sequence[Request], *, tries: int) -> Iterator[Row]:
    """Roll back and release under 16 connections; give the delays, and the requests that failed."""
    server = serve(project)
    try:
        server.ready(lambda: is_ready(server))
        load, answers, swaps = swapped(server.port, project, requests, tries=tries)
    finally:
        server.stop()
    delays = delays_ms(answers, swaps)
    case = f"a swap under 16 connections, {tries} times each way"
    yield of_runs("trivium", case, "rollback: last answer of the other version after", "ms", delays[0::2])
    yield of_runs("trivium", case, "release: last answer of the other version after", "ms", delays[1::2])
    yield of_runs("trivium", case, "failed", "requests", [load.failed])
    yield of_runs("trivium", case, "answered meanwhile", "requests", [load.answered])
