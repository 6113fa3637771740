"""The same trees behind every server: answers checked, then rounds of load in turn, all others held still meanwhile."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from harness.load import Load, Request, closed
from harness.results import Row, aligned, of_runs, ratio
from harness.servers import Server
from serving_study.model import Model

CONNECTIONS = (1, 16)
CHECKED = 100
SAME = 1e-9  # the most that an answer may differ from `predict_proba`
WARM_S = 0.5
LOOKS_S = 2.0  # at the memory, of which the least counts: longer than what comes and goes
SETTLES_S = 4.0  # what a server still does once it answers: ours proves its compiled features
FIGURES = {"throughput": "requests/s", "processor time a request": "µs", "p50": "ms", "p99": "ms", "failed": "requests"}


class System(Protocol):
    """A server that is measured."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    def start(self, model: Model, folder: Path) -> Server: ...  # noqa: D102
    def request(self, row: Sequence[float]) -> Request: ...  # noqa: D102
    def answer(self, server: Server, row: Sequence[float]) -> float: ...  # noqa: D102


def compared(
    systems: Sequence[System], model: Model, folder: Path, *, rounds: int, seconds: float, starts: int
) -> Iterator[Row]:
    """Start all, check what they answer, load them in turn; give each one's figures."""
    ready: dict[str, list[float]] = defaultdict(list)
    for _ in range(starts - 1):
        for system in systems:
            with _started(system, model, folder, ready):
                pass
    with ExitStack() as running:
        servers = {}
        for system in systems:
            server = servers[system.name] = running.enter_context(_started(system, model, folder, ready))
            most = max(abs(system.answer(server, row) - said) for row, said in _asked(model))
            print(
                f"  {system.name}: {ready[system.name][-1]:.2f} s to ready, answers differ by {most:.1g} at most",
                flush=True,
            )
            if most > SAME:
                raise RuntimeError(f"{system.name} does not serve the same model: answers differ by {most:.3g}")
            time.sleep(SETTLES_S)
            server.pause()
        yield from _rounds(systems, servers, model, rounds=rounds, seconds=seconds)
    for name, values in ready.items():
        yield of_runs(name, "start", "time to ready", "s", values)


class _started(ExitStack):  # noqa: N801  # reads as a statement
    """A server that has answered once as it should; stopped at the end."""

    def __init__(self, system: System, model: Model, folder: Path, ready: dict[str, list[float]]) -> None:
        super().__init__()
        self._server = server = system.start(model, folder)
        self.callback(server.stop)
        row, said = model.rows[0].tolist(), model.answers[0]
        try:
            ready[system.name].append(server.ready(lambda: abs(system.answer(server, row) - said) <= SAME))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Server:  # type: ignore[override]
        return self._server


def _asked(model: Model) -> Iterator[tuple[list[float], float]]:
    yield from zip(model.rows[:CHECKED].tolist(), model.answers[:CHECKED].tolist(), strict=True)


def _rounds(
    systems: Sequence[System], servers: dict[str, Server], model: Model, *, rounds: int, seconds: float
) -> Iterator[Row]:
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for system in systems:
            server = servers[system.name]
            requests = [system.request(row) for row in model.rows.tolist()]
            server.go_on()
            closed(server.port, requests, connections=max(CONNECTIONS), seconds=WARM_S, first=number * 10_000_000)
            for connections in CONNECTIONS:
                first = number * 10_000_000 + connections * 500_000
                load, cpu_us = loaded(server, requests, connections=connections, seconds=seconds, first=first)
                _tell(system, connections, load, cpu_us)
                for figure, value in zip(FIGURES, figures_of(load, cpu_us), strict=True):
                    found[system.name, case_of(connections), figure].append(value)
            for figure, value in zip(
                ("memory", "memory, shared pages once"), min(server.memory_over(LOOKS_S)), strict=True
            ):
                found[system.name, "after load", figure].append(value)
            server.pause()
    for (name, case, figure), values in found.items():
        yield of_runs(name, case, figure, FIGURES.get(figure, "MB"), values)


def case_of(connections: int) -> str:
    """Name a case."""
    return f"{connections} connection{'s' * (connections > 1)}"


def loaded(
    server: Server, requests: Sequence[Request], *, connections: int, seconds: float, first: int = 0
) -> tuple[Load, float]:
    """Load a server; give what came of it, and the processor time a request in µs, of all its processes together."""
    before = server.cpu_s()
    load = closed(server.port, requests, connections=connections, seconds=seconds, first=first)
    return load, (server.cpu_s() - before) / max(1, load.sent) * 1e6


def figures_of(load: Load, cpu_us: float) -> tuple[float, ...]:
    """Give a load's figures in the order of `FIGURES`."""
    return load.per_second, cpu_us, load.latency_ms(0.5), load.latency_ms(0.99), float(load.failed)


def _tell(system: System, connections: int, load: Load, cpu_us: float) -> None:
    print(
        f"  {system.name}, {case_of(connections)}: {load.per_second:,.0f}/s, {cpu_us:,.0f} µs, "
        f"p50 {load.latency_ms(0.5):.2f}, "
        f"p99 {load.latency_ms(0.99):.2f} ms, {load.failed} failed, generator {load.own_share:.0%} of a processor",
        flush=True,
    )


def beside(rows: Sequence[Row], systems: Sequence[System]) -> str:
    """Lay the systems' figures side by side, a system a line: medians, at 1 and at the most connections."""
    one, many = (case_of(count) for count in CONNECTIONS)
    columns = [
        ("requests/s, 1", one, "throughput"),
        (f"requests/s, {CONNECTIONS[-1]}", many, "throughput"),
        ("p50 ms, 1", one, "p50"),
        (f"p99 ms, {CONNECTIONS[-1]}", many, "p99"),
        (f"µs a request, {CONNECTIONS[-1]}", many, "processor time a request"),
        ("memory MB", "after load", "memory"),
        ("ready s", "start", "time to ready"),
    ]
    held = {(row["system"], row["case"], row["figure"]): row["median"] for row in rows}
    lines = [["system", "version", *(title for title, _, _ in columns)]]
    for system in systems:
        cells = [held.get((system.name, case, figure)) for _, case, figure in columns]
        if any(cell is not None for cell in cells):
            lines.append([system.name, system.version, *("" if cell is None else f"{cell:,g}" for cell in cells)])
    return aligned(lines)


def ratios(rows: Sequence[Row], systems: Sequence[System], *, ours: Sequence[System]) -> list[Row]:
    """Put the figures of each of ours over each peer's; the case names which of ours, past the first."""
    held = {(row["system"], row["case"], row["figure"]) for row in rows}
    names = [one.name for one in ours]
    found = []
    for mine in names:
        for peer in (system.name for system in systems if system.name not in names):
            for case, figure in _compared_figures():
                if {(mine, case, figure), (peer, case, figure)} <= held:
                    over = ratio(rows, case, figure, ours=mine, over=peer)
                    found.append(over if mine == names[0] else {**over, "case": f"{case}, {mine}"})
    return found


def _compared_figures() -> list[tuple[str, str]]:
    loads = [
        (case_of(connections), figure)
        for connections in CONNECTIONS
        for figure in ("throughput", "processor time a request", "p99")
    ]
    return [*loads, ("start", "time to ready"), ("after load", "memory")]
