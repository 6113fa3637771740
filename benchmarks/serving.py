"""What an answer costs beside other prediction servers, and what is left of it when things go wrong.

`python benchmarks/serving.py` runs all of it in about 20 minutes; `--only PART,…` runs parts of it. What a part has
found is kept in `.bench/serving`, with the code it was found with, and stands in the results until that code changes.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environments import KEPT, ROOT
from harness.kept import Kept, Part, digest_of
from harness.load import Request, closed
from harness.results import Row, of_runs, table, write
from harness.servers import Server, ask, free_port
from serving_study.befalls import under_faults
from serving_study.compared import CONNECTIONS, System, beside, case_of, compared, ratios
from serving_study.described import under_its_description
from serving_study.flights import with_features
from serving_study.fuzz import under_fuzz
from serving_study.kills import under_kills
from serving_study.model import Model, fitted
from serving_study.ours import Trivium, is_ready, serve
from serving_study.peers import PEERS
from serving_study.project import kept
from serving_study.rated import SETTLES_S, at_a_fixed_rate, at_rest
from serving_study.rollbacks import rolled_back

HERE = Path(__file__).parent
PLACE = KEPT / "serving"
OURS = Trivium()
UNCOMPILED = Trivium("trivium, not compiled", "compile = false")
BESIDE = Trivium("trivium, a fallback and a heuristic asked beside", alone=False)
COMPARED: tuple[System, ...] = (OURS, UNCOMPILED, BESIDE, *PEERS)


@dataclass(frozen=True)
class Amount:
    """How often and how long each thing is measured."""

    rounds: int = 3
    seconds: float = 2.0
    starts: int = 2
    tries: int = 20
    bodies: int = 1_000_000
    examples: int = 50


QUICK = Amount(rounds=1, seconds=1.0, starts=1, tries=2, bodies=20_000, examples=5)


@dataclass(frozen=True)
class Asked:
    """What is measured."""

    model: Model
    systems: Sequence[System]
    amount: Amount

    def project(self) -> Path:
        """Give the project of the trees; made where there is none."""
        return kept(PLACE / "struck", self.model)

    def requests(self) -> list[Request]:
        """Give a request for each unseen row."""
        return [OURS.request(row) for row in self.model.rows.tolist()]


def beside_peers(asked: Asked) -> Iterator[Row]:
    """Load the same model behind each server."""
    much = asked.amount
    yield from compared(asked.systems, asked.model, PLACE, rounds=much.rounds, seconds=much.seconds, starts=much.starts)


@contextmanager
def doing_nothing() -> Iterator[Server]:
    """Run a server that answers at once and does nothing."""
    port = free_port()
    command = [sys.executable, HERE / "serving_study" / "nothing.py", str(port)]
    server = Server(command, port=port, log=PLACE / "nothing.log", cwd=PLACE, more={})
    try:
        server.ready(lambda: ask(port, "/", body=b"{}").status == 200)
        yield server
    finally:
        server.stop()


def generator(asked: Asked) -> Iterator[Row]:
    """Load a server that does nothing: what is measured elsewhere must lie far below."""
    requests = asked.requests()
    with doing_nothing() as server:
        for connections in CONNECTIONS:
            loads = [
                closed(server.port, requests, connections=connections, seconds=1.0) for _ in range(asked.amount.rounds)
            ]
            case, name = case_of(connections), "load generator on a server that does nothing"
            yield of_runs(name, case, "throughput", "requests/s", [load.per_second for load in loads])
            own = [load.own_cpu_s / load.sent * 1e6 for load in loads]
            yield of_runs(name, case, "generator's processor time a request", "µs", own)


def rated(asked: Asked) -> Iterator[Row]:
    """Ask at a fixed rate, ours and a server that does nothing in turn."""
    much, row = asked.amount, asked.model.rows[0].tolist()
    with doing_nothing() as nothing, ExitStack() as running:
        ours = OURS.start(asked.model, PLACE)
        running.callback(ours.stop)
        ours.ready(lambda: OURS.answer(ours, row) > 0)
        time.sleep(SETTLES_S)
        servers = {OURS.name: ours, "a server that does nothing": nothing}
        yield from at_a_fixed_rate(servers, asked.requests(), rounds=2 * much.rounds, seconds=2 * much.seconds)


def footprint(asked: Asked) -> Iterator[Row]:
    """Start ours alone several times, load it, and look at its memory once it has settled."""
    yield from at_rest(OURS, asked.model, PLACE, starts=asked.amount.rounds)


def features(asked: Asked) -> Iterator[Row]:
    """Serve the flights model on a features step of none, of ten expressions, and on its own."""
    yield from with_features(PLACE, rounds=asked.amount.rounds, seconds=asked.amount.seconds)


def swaps(asked: Asked) -> Iterator[Row]:
    """Roll back and release under load."""
    yield from rolled_back(asked.project(), asked.requests(), tries=asked.amount.tries)


def kills(asked: Asked) -> Iterator[Row]:
    """Kill workers under load."""
    yield from under_kills(asked.project(), asked.requests(), kills=asked.amount.tries)


def faults(asked: Asked) -> Iterator[Row]:
    """Let everything befall a server that can."""
    yield from under_faults(PLACE, asked.model, asked.requests())


def fuzz(asked: Asked) -> Iterator[Row]:
    """Send bodies that nobody should send, then everything that the description allows and more."""
    server = serve(asked.project())
    try:
        server.ready(lambda: is_ready(server))
        yield from under_fuzz(server, asked.model.rows.tolist(), count=asked.amount.bodies)
        yield from under_its_description(server, PLACE, examples=asked.amount.examples)
    finally:
        server.stop()


PARTS: dict[str, tuple[Callable[[Asked], Iterator[Row]], tuple[str, ...]]] = {
    "generator": (generator, ("nothing",)),
    "compared": (beside_peers, ("compared", "peers")),
    "rated": (rated, ("rated", "nothing")),
    "footprint": (footprint, ("rated",)),
    "features": (features, ("flights",)),
    "swaps": (swaps, ("rollbacks",)),
    "kills": (kills, ("kills",)),
    "faults": (faults, ("faults", "faulty", "befalls", "kills")),
    "fuzz": (fuzz, ("fuzz", "described")),
}


def digest_for(part: str, asked: Asked) -> str:
    """Name the state of all that a part's figures depend on: our code, the part's own, and how much is measured."""
    study = HERE / "serving_study"
    own = [place for name in PARTS[part][1] for place in (study / f"{name}.py", study / name) if place.exists()]
    names = [f"{system.name} {system.version}" for system in asked.systems] if part == "compared" else []
    shared = [ROOT / "src" / "trivium", HERE / "harness" / "load.py", HERE / "harness" / "servers.py"]
    shared += [study / f"{name}.py" for name in ("model", "ours", "project")]
    return digest_of([*shared, *own], asked.amount, names)


def _name(part: str, asked: Asked) -> str:
    return part if asked.amount == Amount() else f"{part}-quick"


def measured(part: str, asked: Asked, digest: str) -> Part:
    """Measure a part now, and keep what it found."""
    measure = PARTS[part][0]
    print(f"{part}: {(measure.__doc__ or '').splitlines()[0]}", flush=True)
    started, load = time.perf_counter(), os.getloadavg()[0]
    rows = list(measure(asked))
    took_s = time.perf_counter() - started
    found = Kept(PLACE / "found").keep(_name(part, asked), digest, rows, seconds=took_s, load_before=load)
    print(f"  {found.seconds:.0f} s", flush=True)
    return found


def found_by(asked: Asked, *, only: Sequence[str], again: bool, older: bool) -> dict[str, Part]:
    """Measure the parts that are asked for and not yet kept; give all that are kept, if wanted of other code too."""
    kept_parts, found = Kept(PLACE / "found"), {}
    for part in PARTS:
        digest = digest_for(part, asked)
        held = kept_parts.get(_name(part, asked), digest)
        if part in only and (held is None or again):
            held = measured(part, asked, digest)
        elif held is None and older and (held := kept_parts.newest(_name(part, asked))):
            print(f"{part}: of other code, {held.commit}, from {held.at}", flush=True)
        elif held is not None:
            print(f"{part}: kept from {held.at}", flush=True)
        if held is None:
            print(f"{part}: not measured", flush=True)
        else:
            found[part] = held
    return found


def settings_of(asked: Asked, found: dict[str, Part]) -> dict[str, Any]:
    """Tell how much was measured, and when, for how long and at what load each part was."""
    told = {
        name: {"at": part.at, "seconds": part.seconds, "load": list(part.load), "commit": part.commit}
        for name, part in found.items()
    }
    return {**vars(asked.amount), "workers": 1, "parts": told}


def _words(only: str | None) -> list[str]:
    return list(PARTS) if only is None else [word for word in only.split(",") if word]


def main() -> None:
    """Run the parts, print the tables, write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one short round of each; results only with --name")
    options.add_argument("--only", help=f"parts, by comma: {', '.join(PARTS)}")
    options.add_argument("--again", action="store_true", help="measure also what is kept")
    options.add_argument("--older", action="store_true", help="put in what other code has found, where this has not")
    options.add_argument("--systems", help="systems to compare, by semicolon; all of them when left out")
    options.add_argument("--name", help="the results' name (serving)")
    said = options.parse_args()
    systems = [one for one in COMPARED if said.systems is None or one.name in said.systems.split(";")]
    asked = Asked(fitted(PLACE), systems, QUICK if said.quick else Amount())
    found = found_by(asked, only=_words(said.only), again=said.again, older=said.older)
    rows = [row for part in found.values() for row in part.rows]
    over = ratios(rows, systems, ours=(OURS, UNCOMPILED, BESIDE))
    print(table(rows), "", sep="\n")
    print(beside(rows, systems))
    for row in over:
        print(f"{row['case']}: {row['figure']} over {row['ours_over']}: {row['ratio']:g}")
    name = said.name or (None if said.quick or said.systems else "serving")
    if name:
        versions = {system.name: system.version for system in systems}
        write(name, rows, versions=versions, ratios=over, settings=settings_of(asked, found))


if __name__ == "__main__":
    main()
