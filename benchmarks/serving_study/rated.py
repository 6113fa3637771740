"""How late answers are at a rate that does not ask whether the server keeps up; what a server takes that is at rest."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.load import Load, Request, closed, rated
from harness.results import Row, of_runs
from harness.servers import Server
from serving_study.model import Model
from serving_study.ours import Trivium

PER_SECOND = 5_000
WARM_S = 0.5
LOOKS_S = 5.0  # the log is sealed within that time once
SETTLES_S = 8.0  # past what a worker does once all is loaded
SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


def at_a_fixed_rate(
    servers: Mapping[str, Server], requests: Sequence[Request], *, rounds: int, seconds: float
) -> Iterator[Row]:
    """Ask each in turn 5,000 times a second, evenly and with random gaps; a latency runs from when its request was due.

    Beside ours there should be one that does nothing: what it is late by is the machine's own doing.
    """
    found: dict[tuple[str, str], list[Load]] = defaultdict(list)
    for number in range(rounds):
        for case, gaps in ((f"{PER_SECOND:,} requests/s", False), (f"{PER_SECOND:,} requests/s, random gaps", True)):
            for name, server in servers.items():
                server.go_on()
                closed(server.port, requests, connections=16, seconds=WARM_S)
                load = rated(
                    server.port, requests, per_second=PER_SECOND, seconds=seconds, random_gaps=gaps, seed=number
                )
                server.pause()
                found[name, case].append(load)
    for (name, case), loads in found.items():
        yield from _rows(name, case, loads)


def _rows(system: str, case: str, loads: list[Load]) -> Iterator[Row]:
    yield of_runs(system, case, "throughput", "requests/s", [load.per_second for load in loads])
    for name, share in SHARES.items():
        yield of_runs(system, case, name, "ms", [load.latency_ms(share) for load in loads])
    yield of_runs(system, case, "failed", "requests", [load.failed for load in loads])


def at_rest(system: Trivium, model: Model, folder: Path, *, starts: int) -> Iterator[Row]:
    """Start a server so many times; give how soon it answered, and its memory after a load, once it has settled."""
    ready, memory, most = [], [], []
    for _ in range(starts):
        server = system.start(model, folder)
        try:
            ready.append(server.ready(lambda server=server: system.answer(server, model.rows[0].tolist()) > 0))
            requests = [system.request(row) for row in model.rows.tolist()]
            closed(server.port, requests, connections=16, seconds=1.0)
            time.sleep(SETTLES_S)
            closed(server.port, requests, connections=16, seconds=2.0, first=1_000_000)
            looks = server.memory_over(LOOKS_S)
            memory.append(min(looks))
            most.append(max(looks)[0])
        finally:
            server.stop()
    case = "alone, after load"
    yield of_runs(system.name, case, "time to ready", "s", ready)
    yield of_runs(system.name, case, "memory", "MB", [rss for rss, _ in memory])
    yield of_runs(system.name, case, "memory, while the log is sealed", "MB", most)
    yield of_runs(system.name, case, "memory, shared pages once", "MB", [pss for _, pss in memory])
