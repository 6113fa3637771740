"""What befalls a server is endured or not: while it lasts answers go on and somebody says so; then all is as before."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server, ask
from serving_study.kills import id_in
from serving_study.project import NAME

LASTS_S = 1.5
RECOVERS_WITHIN_S = 40.0


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong: how it begins and ends, and how one sees from outside that it was noticed.

    `is_told` None: there is nobody who could know. `lasts_s` is how long it is given to be noticed.
    """

    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    is_told: Callable[[Server], bool] | None
    lasts_s: float = LASTS_S


@dataclass
class Befell:
    """What came of a fault: who answered meanwhile, the answers' ids, whether it was told of, how soon it was over.

    `troubles` are the live version's, by kind, in rows.
    """

    load: Load
    sources: Counter[str]
    acknowledged: list[str]
    troubles: Counter[str] = field(default_factory=Counter)
    was_told: bool = False
    recovered_s: float = float("inf")


def endured(server: Server, requests: Sequence[Request], fault: Fault, *, lasts_s: float | None = None) -> Befell:
    """Load a server before, while and after a fault strikes, until the live version answers as before."""
    lasts_s = fault.lasts_s if lasts_s is None else lasts_s
    came = Befell(Load(), Counter(), [])
    phase, last = ["before"], {"source": "", "at": 0.0}

    def see(now: float, status: int, body: bytes) -> None:
        place = body.find(b'"source":"') + 10
        source = body[place : body.find(b'"', place)].decode() if status == 200 else str(status)
        last["source"], last["at"] = source, now
        if status == 200:
            came.acknowledged.append(id_in(body))
        if phase[0] == "during":
            came.sources[source] += 1

    async def meanwhile() -> None:
        await asyncio.sleep(0.5)
        fault.begin()
        phase[0] = "during"
        began = time.perf_counter()
        while time.perf_counter() < began + lasts_s:
            await asyncio.sleep(0.1)
            came.was_told = came.was_told or await asyncio.to_thread(_is_told, fault, server)
        fault.end()
        phase[0], ended = "after", time.perf_counter()
        while time.perf_counter() < ended + RECOVERS_WITHIN_S:
            await asyncio.sleep(0.05)
            is_well = last["source"] == "model" and last["at"] > ended
            if is_well and not await asyncio.to_thread(trouble, server):
                came.recovered_s = time.perf_counter() - ended
                break

    had = troubles_of_live(server)
    came.load = closed(server.port, requests, connections=4, seen=see, meanwhile=meanwhile)
    came.troubles = troubles_of_live(server) - had
    return came


def troubles_of_live(server: Server) -> Counter[str]:
    """Give what the live version could not answer so far, in rows by kind of trouble."""
    told = json.loads(ask(server.port, f"/models/{NAME}/route").body)
    return Counter(told["state"]["troubles"].get(told["live"], {}))


def _is_told(fault: Fault, server: Server) -> bool:
    with contextlib.suppress(OSError):
        return fault.is_told is not None and fault.is_told(server)
    return False


def trouble(server: Server) -> list[str]:
    """Give what the server says is the matter with it."""
    with contextlib.suppress(OSError):
        told = json.loads(ask(server.port, "/readyz").body)
        return [line for state in told["models"].values() for line in state["trouble"]]
    return ["no answer"]


def metric(server: Server, name: str) -> float:
    """Add up a metric of the server, over its labels."""
    lines = ask(server.port, "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def rows_of(fault: Fault, came: Befell) -> Iterator[Row]:
    """Print what came of a fault, and give its figures."""
    case, load = fault.name, came.load
    spoken = ", ".join(f"{source} {number:,}" for source, number in came.sources.most_common())
    why = ", ".join(f"{kind} {number:,}" for kind, number in came.troubles.most_common()) or "nothing"
    print(
        f"  {case}: {load.failed} failed; meanwhile {spoken}; the live version's troubles: {why}; "
        f"told: {came.was_told}; back in {came.recovered_s:.1f} s",
        flush=True,
    )
    yield of_runs("trivium", case, "failed", "requests", [load.failed])
    yield of_runs("trivium", case, "longest wait for an answer", "ms", [load.latency_ms(1.0)])
    for source, number in sorted(came.sources.items()):
        yield of_runs("trivium", case, f"answered meanwhile by: {source}", "requests", [number])
    for kind, number in sorted(came.troubles.items()):
        yield of_runs("trivium", case, f"rows that the live version did not answer: {kind}", "rows", [number])
    if fault.is_told is not None:
        yield of_runs("trivium", case, "was told of", "yes is 1", [float(came.was_told)])
    yield of_runs("trivium", case, "back to normal after", "s", [came.recovered_s])
