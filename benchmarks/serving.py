"""What an answer costs beside other prediction servers, and what is left of it when things go wrong.

`python benchmarks/serving.py` runs all of it in under 15 minutes; `--only PART,…` runs parts of it.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.environments import KEPT
from harness.load import closed
from harness.results import Row, of_runs, ratio, table, write
from harness.servers import Server, ask, free_port
from serving_study.compared import CONNECTIONS, System, case_of, compared
from serving_study.model import Model, fitted
from serving_study.ours import Trivium
from serving_study.peers import PEERS

PLACE = KEPT / "serving"
OURS = Trivium()
UNCOMPILED = Trivium("trivium, not compiled", "compile = false")
COMPARED: tuple[System, ...] = (OURS, UNCOMPILED, *PEERS)


@dataclass(frozen=True)
class Asked:
    """What is measured, and how often."""

    model: Model
    systems: Sequence[System]
    rounds: int
    seconds: float
    starts: int


def beside_peers(asked: Asked) -> Iterator[Row]:
    """Load the same model behind each server."""
    yield from compared(
        asked.systems, asked.model, PLACE, rounds=asked.rounds, seconds=asked.seconds, starts=asked.starts
    )


def generator(asked: Asked) -> Iterator[Row]:
    """Load a server that does nothing: what is measured elsewhere must lie far below."""
    port = free_port()
    command = [sys.executable, Path(__file__).parent / "serving_study" / "nothing.py", str(port)]
    server = Server(command, port=port, log=PLACE / "nothing.log", cwd=PLACE, more={})
    try:
        server.ready(lambda: ask(port, "/", body=b"{}").status == 200)
        requests = [OURS.request(row) for row in asked.model.rows.tolist()]
        for connections in CONNECTIONS:
            loads = [closed(port, requests, connections=connections, seconds=1.0) for _ in range(asked.rounds)]
            case, name = case_of(connections), "load generator on a server that does nothing"
            yield of_runs(name, case, "throughput", "requests/s", [load.per_second for load in loads])
            own = [load.own_cpu_s / load.sent * 1e6 for load in loads]
            yield of_runs(name, case, "generator's processor time a request", "µs", own)
    finally:
        server.stop()


PARTS: dict[str, Callable[[Asked], Iterator[Row]]] = {"generator": generator, "compared": beside_peers}


def ratios(rows: Sequence[Row], systems: Sequence[System]) -> list[Row]:
    """Put our figures, compiled and not, over each peer's."""
    held = {(row["system"], row["case"], row["figure"]) for row in rows}
    found = []
    for ours in (OURS, UNCOMPILED):
        for peer in (system for system in systems if system not in (OURS, UNCOMPILED)):
            for case, figure in _compared_figures():
                if {(ours.name, case, figure), (peer.name, case, figure)} <= held:
                    one = ratio(rows, case, figure, ours=ours.name, over=peer.name)
                    found.append(one if ours is OURS else {**one, "case": f"{case}, {ours.name}"})
    return found


def _compared_figures() -> list[tuple[str, str]]:
    loads = [
        (case_of(connections), figure)
        for connections in CONNECTIONS
        for figure in ("throughput", "processor time a request", "p99")
    ]
    return [*loads, ("start", "time to ready"), ("after load", "memory")]


def main() -> None:
    """Run the parts, print the table, write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one short round of each")
    options.add_argument("--only", help=f"parts, by comma: {', '.join(PARTS)}")
    options.add_argument("--systems", help="systems to compare, by semicolon; all of them when left out")
    options.add_argument("--name", default="serving", help="the results' name (serving)")
    said = options.parse_args()
    systems = [one for one in COMPARED if said.systems is None or one.name in said.systems.split(";")]
    asked = Asked(fitted(PLACE), systems, *((1, 1.0, 1) if said.quick else (5, 2.5, 3)))
    rows: list[Row] = []
    for part in said.only.split(",") if said.only else PARTS:
        print(f"{part}: {(PARTS[part].__doc__ or '').splitlines()[0]}", flush=True)
        started = time.perf_counter()
        rows += PARTS[part](asked)
        print(f"  {time.perf_counter() - started:.0f} s", flush=True)
    found = ratios(rows, systems)
    print(table(rows), "", sep="\n")
    for row in found:
        print(f"{row['case']}: {row['figure']} over {row['ours_over']}: {row['ratio']:g}")
    write(said.name, rows, versions={system.name: system.version for system in systems}, ratios=found)


if __name__ == "__main__":
    main()
