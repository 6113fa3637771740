"""What may befall a server: while each lasts answers go on and somebody says so, and afterwards all is as before."""

import asyncio
import contextlib
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib

from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server, ask
from serving_study.faulty import Switched
from serving_study.kills import served
from serving_study.model import Model
from serving_study.ours import is_ready, serve
from serving_study.project import made
from trivium.store.segments import log_folder, segments

LASTS_S, LONG_S = 1.5, 14.0
RECOVERS_WITHIN_S = 40.0
CLOCK = "clock-offset"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")  # Debian's package `faketime`
SERVE = "deadline_ms = 100\nmax_memory_mb = 700"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong: how it begins, how it ends, and how one sees from outside that it was noticed."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    is_told: Callable[[Server], bool]
    takes_long: bool = False


@dataclass
class Befell:
    """What came of a fault: the load, who answered meanwhile, whether it was told of, and how soon it was over."""

    load: Load
    sources: Counter[str]
    was_told: bool = False
    recovered_s: float = float("inf")


def endured(server: Server, requests: Sequence[Request], fault: Fault, *, lasts_s: float = LASTS_S) -> Befell:
    """Load a server before, while and after a fault strikes, until the live version answers as before."""
    came = Befell(Load(), Counter())
    phase, last = ["before"], {"source": "", "at": 0.0}

    def see(now: float, status: int, body: bytes) -> None:
        place = body.find(b'"source":"') + 10
        source = body[place : body.find(b'"', place)].decode() if status == 200 else str(status)
        last["source"], last["at"] = source, now
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
            if is_well and not await asyncio.to_thread(_trouble, server):
                came.recovered_s = time.perf_counter() - ended
                break

    came.load = closed(server.port, requests, connections=4, seen=see, meanwhile=meanwhile)
    return came


def _is_told(fault: Fault, server: Server) -> bool:
    with contextlib.suppress(OSError):
        return fault.is_told(server)
    return False


def _trouble(server: Server) -> list[str]:
    with contextlib.suppress(OSError):
        told = json.loads(ask(server.port, "/readyz").body)
        return [line for state in told["models"].values() for line in state["trouble"]]
    return ["no answer"]


def _metric(server: Server, name: str, *, has: str = "") -> float:
    lines = ask(server.port, "/metrics").body.decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and has in line)


def faulty_project(folder: Path, model: Model) -> tuple[Path, Path]:
    """Make a project whose live version fails as a switch says; give it and the switch."""
    switch = folder / "switch"
    switch.unlink(missing_ok=True)
    path = folder / "switched.joblib"
    joblib.dump(Switched(joblib.load(model.path), switch), path)
    bad = Model(path, model.other, model.rows, model.answers)
    return made(folder / "faulty", bad, more="allow_pickle = true", serve=SERVE), switch


def of_versions(switch: Path) -> list[Fault]:
    """Give what a version may do: raise, hang, answer NaN, leak."""

    def put(word: str) -> Callable[[], None]:
        return lambda: switch.write_text(word) and None  # type: ignore[func-returns-value]

    def is_open(server: Server) -> bool:
        return _metric(server, "trivium_breaker_open") > 0

    def was_replaced(server: Server) -> bool:
        return '"worker replaced"' in server.log.read_text(errors="replace")

    def off() -> None:
        switch.unlink(missing_ok=True)

    told = {"raise": is_open, "hang": is_open, "nan": is_open, "leak": was_replaced}
    return [Fault(f"version: {word}", put(word), off, said, word == "leak") for word, said in told.items()]


def of_the_machine(project: Path, server: Server) -> list[Fault]:
    """Give what the machine may do: its disk is full, its database lost."""
    database = project / ".trivium" / "trivium.db"
    files = [database.with_name(database.name + more) for more in ("", "-wal", "-shm")]
    kept: dict[Path, bytes] = {}
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in server.pids()}

    def fill() -> None:
        for pid in server.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits.get(pid, (0, -1))[1]))

    def empty() -> None:
        for pid in server.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits.get(pid, (resource.RLIM_INFINITY,) * 2))

    def lose() -> None:
        kept.update({path: path.read_bytes() for path in files if path.exists()})
        for path, content in kept.items():
            with path.open("r+b") as file:
                file.write(os.urandom(len(content)))

    def find() -> None:
        for path, content in kept.items():
            path.write_bytes(content)

    def has_trouble(server: Server) -> bool:
        return bool(_trouble(server))

    return [Fault("full disk", fill, empty, has_trouble), Fault("lost database", lose, find, has_trouble, True)]


def of_the_clock(project: Path) -> list[Fault]:
    """Give what a clock may do. Nobody tells of it: nobody there knows better, and no answer depends on it."""

    def jump(seconds: str) -> Callable[[], None]:
        return lambda: (project / CLOCK).write_text(seconds) and None  # type: ignore[func-returns-value]

    def is_nothing_to_tell(server: Server) -> bool:
        return True

    return [
        Fault("clock a day ahead", jump("+86400"), jump("+0"), is_nothing_to_tell),
        Fault("clock a day back", jump("-86400"), jump("+0"), is_nothing_to_tell),
    ]


def _movable_clock(project: Path) -> dict[str, str]:
    """Let a file move the clock of the server's processes; each look at the clock then costs a look at the file."""
    (project / CLOCK).write_text("+0")
    moved = {
        "FAKETIME_TIMESTAMP_FILE": str(project / CLOCK),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    return {"LD_PRELOAD": str(FAKETIME), **moved}


def corrupted(project: Path, requests: Sequence[Request]) -> tuple[int, int, int]:
    """Damage a segment of the log in its middle while nobody serves; give its answers, those left, and new ones."""
    path = max((one.path for one in segments(log_folder(project / ".trivium"))), key=lambda path: path.stat().st_size)
    before = len(set(served(project)))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(64))
    left = len(set(served(project)))
    server = serve(project)
    try:
        server.ready(lambda: is_ready(server))
        load = closed(server.port, requests, connections=4, most=200, first=90_000_000)
    finally:
        server.stop()
    return before, left, len(set(served(project))) - left - load.answered


def under_faults(folder: Path, model: Model, requests: Sequence[Request]) -> Iterator[Row]:
    """Let each befall a server of a version that can fail, and tell what its clients and its operators saw."""
    project, switch = faulty_project(folder, model)
    kinds: list[tuple[dict[str, str], Callable[[Server], list[Fault]]]] = [
        ({}, lambda server: of_versions(switch)),
        ({}, lambda server: of_the_machine(project, server)),
        *([(_movable_clock(project), lambda server: of_the_clock(project))] if FAKETIME.exists() else []),
    ]
    for more, faults in kinds:
        server = serve(project, **more)
        try:
            server.ready(lambda server=server: is_ready(server))
            for fault in faults(server):
                lasts_s = LONG_S if fault.takes_long else LASTS_S
                yield from _rows(fault, endured(server, requests, fault, lasts_s=lasts_s))
        finally:
            switch.unlink(missing_ok=True)
            server.stop()
    before, left, off = corrupted(project, requests)
    case = "corrupt segment"
    yield of_runs("trivium", case, "answers lost to the damage", "answers", [before - left])
    yield of_runs("trivium", case, "answers afterwards that the log lacks", "answers", [-off])


def _rows(fault: Fault, came: Befell) -> Iterator[Row]:
    case, load = fault.name, came.load
    spoken = ", ".join(f"{source} {number:,}" for source, number in came.sources.most_common())
    print(
        f"  {case}: {load.failed} failed; meanwhile {spoken}; told: {came.was_told}; back in {came.recovered_s:.1f} s",
        flush=True,
    )
    yield of_runs("trivium", case, "failed", "requests", [load.failed])
    yield of_runs("trivium", case, "longest wait for an answer", "ms", [load.latency_ms(1.0)])
    yield of_runs("trivium", case, "was told of", "yes is 1", [float(came.was_told)])
    yield of_runs("trivium", case, "back to normal after", "s", [came.recovered_s])
