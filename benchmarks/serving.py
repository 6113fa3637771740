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
from harness.load import Request, closed
from harness.results import Row, of_runs, ratio, table, write
from harness.servers import Server, ask, free_port
from serving_study.compared import CONNECTIONS, System, case_of, compared
from serving_study.described import under_its_description
from serving_study.faults import under_faults
from serving_study.flights import with_features
from serving_study.fuzz import fuzzed
from serving_study.kills import under_kills
from serving_study.model import Model, fitted
from serving_study.ours import Trivium, is_ready, serve
from serving_study.peers import PEERS
from serving_study.project import made
from serving_study.rated import at_a_fixed_rate
from serving_study.rollbacks import rolled_back

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
    tries: int
    bodies: int
    examples: int

    def project(self) -> Path:
        """Give the project of the trees; made where there is none."""
        folder = PLACE / "struck"
        return folder if (folder / ".trivium").exists() else made(folder, self.model)

    def requests(self) -> list[Request]:
        """Give a request for each unseen row."""
        return [OURS.request(row) for row in self.model.rows.tolist()]


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
        requests = asked.requests()
        for connections in CONNECTIONS:
            loads = [closed(port, requests, connections=connections, seconds=1.0) for _ in range(asked.rounds)]
            case, name = case_of(connections), "load generator on a server that does nothing"
            yield of_runs(name, case, "throughput", "requests/s", [load.per_second for load in loads])
            own = [load.own_cpu_s / load.sent * 1e6 for load in loads]
            yield of_runs(name, case, "generator's processor time a request", "µs", own)
    finally:
        server.stop()


def rated(asked: Asked) -> Iterator[Row]:
    """Ask at a fixed rate."""
    yield from at_a_fixed_rate(OURS, asked.model, PLACE, rounds=asked.rounds, seconds=asked.seconds)


def features(asked: Asked) -> Iterator[Row]:
    """Serve the flights model on a features step of none, of ten expressions, and on its own."""
    yield from with_features(PLACE, rounds=min(3, asked.rounds), seconds=asked.seconds)


def swaps(asked: Asked) -> Iterator[Row]:
    """Roll back and release under load."""
    yield from rolled_back(asked.project(), asked.requests(), tries=asked.tries)


def kills(asked: Asked) -> Iterator[Row]:
    """Kill workers under load."""
    yield from under_kills(asked.project(), asked.requests(), kills=asked.tries)


def faults(asked: Asked) -> Iterator[Row]:
    """Let everything befall a server that can."""
    yield from under_faults(PLACE, asked.model, asked.requests())


def fuzz(asked: Asked) -> Iterator[Row]:
    """Send bodies that nobody should send, then everything that the description allows and more."""
    server = serve(asked.project())
    try:
        server.ready(lambda: is_ready(server))
        came = fuzzed(server, asked.model.rows.tolist(), count=asked.bodies)
        for body in came.worst:
            print(f"  500: {body[:200]!r}", flush=True)
        case = f"{asked.bodies:,} random bodies"
        for status, number in sorted(came.statuses.items()):
            yield of_runs("trivium", case, f"answered {status}", "requests", [number])
        yield of_runs("trivium", case, "without an answer", "requests", [came.load.lost])
        yield of_runs("trivium", case, "longest wait for an answer", "ms", [came.load.latency_ms(1.0)])
        yield of_runs("trivium", case, "memory grown by", "MB", [came.after_mb - came.before_mb])
        yield from under_its_description(server, PLACE, examples=asked.examples)
    finally:
        server.stop()


PARTS: dict[str, Callable[[Asked], Iterator[Row]]] = {
    "generator": generator,
    "compared": beside_peers,
    "rated": rated,
    "features": features,
    "swaps": swaps,
    "kills": kills,
    "faults": faults,
    "fuzz": fuzz,
}


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
    asked = Asked(
        fitted(PLACE), systems, *((1, 1.0, 1, 2, 20_000, 5) if said.quick else (5, 2.0, 3, 20, 1_000_000, 50))
    )
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
