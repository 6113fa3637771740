"""What checks, summary and decision cost, beside tools that check or compare rows; and whether it stays so at scale.

`python benchmarks/summaries.py` runs all of it: half an hour, and 7 GB of disk for the time being. `--quick` is one
run of each, and no more than 10 million rows. Cases, of rows of 20 columns (see `summary_study/rows.py`):

- 20 checks on a million rows, all good, and with 1 % broken in each of four columns, which are counted or held apart:
  beside Pandera and dataframely;
- a summary of a million rows: beside whylogs;
- checks, summary and decision on a million rows: beside the drift of Evidently and NannyML, which get two tables;
- the same on rows that stream through, up to 100 million;
- a decision on a table with 5,000 partitions.
"""

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.environments import KEPT, environment
from harness.processes import Ran, own_python, run
from harness.results import Row, of_runs, ratio, table, write
from summary_study.rows import write as write_rows

STUDY = Path(__file__).parent / "summary_study"
PLACE = KEPT / "orders"
MILLION = 1_000_000
FILE_ROWS = 250_000
PARTITIONS = 5_000
OURS = "trivium"


@dataclass(frozen=True)
class Peer:
    """A tool: what to install, the first with its version, and the script that runs it."""

    packages: tuple[str, ...]
    script: str

    @property
    def version(self) -> str:
        """The version that is pinned."""
        return self.packages[0].partition("==")[2]


PEERS: Mapping[str, Peer] = {
    "pandera": Peer(("pandera[polars]==0.35.0", "pyarrow"), "run_pandera.py"),
    "dataframely": Peer(("dataframely==3.1.2",), "run_dataframely.py"),
    "whylogs": Peer(("whylogs==1.6.4", "numpy<2", "pandas<3", "pyarrow<20"), "run_whylogs.py"),
    "evidently": Peer(("evidently==0.7.23", "pandas<3", "pyarrow"), "run_evidently.py"),
    # statsmodels is missing from its own list of what it needs; it was not ported to pandas 3.
    "nannyml": Peer(("nannyml==0.13.1", "statsmodels", "pandas<3", "pyarrow", "setuptools<80"), "run_nannyml.py"),
}


@dataclass(frozen=True)
class Case:
    """Pieces of work that are compared: ours by its kind, and those peers; each gets the files."""

    name: str
    kind: str
    files: tuple[Path, ...]
    peers: tuple[str, ...]


def cases() -> list[Case]:
    """Give the cases on a million rows, their files written."""
    good = write_rows(PLACE / "good.parquet", MILLION, seed=0)
    broken = write_rows(PLACE / "broken.parquet", MILLION, seed=0, broken=0.01)
    before = write_rows(PLACE / "before.parquet", MILLION, seed=0, day=-1)
    checkers = ("pandera", "dataframely")
    return [
        Case("20 checks, 1M rows, all good", "checks", (good,), checkers),
        Case("20 checks, 1M rows, 4 % broken", "checks", (broken,), checkers),
        Case("20 checks, good rows apart, 1M rows, 4 % broken", "parted", (broken,), checkers),
        Case("summary, 1M rows", "summary", (good,), ("whylogs",)),
        # Ours reads the last file; the peers compare the two.
        Case("checks, summary and decision, 1M rows", "whole", (before, good), ("nannyml", "evidently")),
    ]


def ours(kind: str, files: Sequence[Path] = (), **more: Any) -> Ran:
    """Run a piece of our work as a process of its own."""
    job = {"kind": kind, "files": [str(path) for path in files], "history": str(PLACE / "history"), **more}
    return run(own_python(), STUDY / "ours.py", job, ours=True)


def theirs(peer: str, kind: str, files: Sequence[Path]) -> Ran:
    """Run a peer in its environment."""
    python = environment(peer, PEERS[peer].packages)
    return run(python, STUDY / "peers" / PEERS[peer].script, {"kind": kind, "files": [str(path) for path in files]})


def compared(case: Case, *, runs: int) -> Iterator[Row]:
    """Run a case's systems in turn, so that a busy minute of the machine strikes them all."""
    found: dict[str, list[Ran]] = {system: [] for system in (OURS, *case.peers)}
    for _ in range(runs):
        found[OURS].append(ours(case.kind, case.files[-1:]))
        for peer in case.peers:
            found[peer].append(theirs(peer, case.kind, case.files))
    for system, ran in found.items():
        yield of_runs(system, case.name, "time", "s", [one.seconds for one in ran])
        yield of_runs(system, case.name, "processor time", "s", [one.cpu_s for one in ran])
        yield of_runs(system, case.name, "peak memory", "MB", [one.peak_mb for one in ran])
        for figure, unit in (("whole", "bytes"), ("a_column", "bytes"), ("most", "bytes")):
            if figure in ran[0].told:
                name = {"whole": "size", "a_column": "size a column", "most": "size of the largest column"}[figure]
                yield of_runs(system, case.name, name, unit, [one.told[figure] for one in ran])


def streamed(millions: int, *, runs: int) -> Iterator[Row]:
    """Stream so many rows through intake and decision, from files that are written before and removed after."""
    place = PLACE / f"stream-{millions}"
    count = millions * MILLION // FILE_ROWS
    files = [write_rows(place / f"{number:04}.parquet", FILE_ROWS, seed=2 + number) for number in range(count)]
    ran = [ours("stream", files) for _ in range(runs)]
    shutil.rmtree(place)
    case = f"checks, summary and decision, {millions}M rows streamed"
    yield of_runs(OURS, case, "time", "s", [one.seconds for one in ran])
    yield of_runs(OURS, case, "time a million rows", "s", [one.seconds / millions for one in ran])
    yield of_runs(OURS, case, "processor time a million rows", "s", [one.cpu_s / millions for one in ran])
    yield of_runs(OURS, case, "peak memory", "MB", [one.peak_mb for one in ran])


def decided(*, runs: int) -> Iterator[Row]:
    """Judge a partition of a table that has very many before it."""
    ran = [ours("decision", partitions=PARTITIONS) for _ in range(runs)]
    case = f"decision, a table of {PARTITIONS:,} partitions"
    yield of_runs(OURS, case, "time beyond the summary", "ms", [one.seconds * 1e3 for one in ran])
    yield of_runs(OURS, case, "slowest of 20", "ms", [one.told["most"] * 1e3 for one in ran])


def ratios(rows: Sequence[Row], of: Sequence[Case], sizes: Sequence[int]) -> list[Row]:
    """Put our figures over the peers', and the largest stream's over the smallest's: 1 where it is linear."""
    found = [
        ratio(rows, case.name, figure, ours=OURS, over=peer)
        for case in of
        for peer in case.peers
        for figure in ("time", "processor time", "peak memory")
    ]
    names = [f"checks, summary and decision, {size}M rows streamed" for size in (sizes[0], sizes[-1])]
    for figure in ("time a million rows", "processor time a million rows", "peak memory"):
        first, last = (
            next(row["median"] for row in rows if (row["case"], row["figure"]) == (name, figure)) for name in names
        )
        found.append({"case": names[1], "figure": figure, "ours_over": names[0], "ratio": float(f"{last / first:.4g}")})
    return found


def main() -> None:
    """Run the cases, print the table, write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="one run of each, and no more than 10 million rows")
    asked = options.parse_args()
    runs, sizes = (1, [1, 10]) if asked.quick else (5, [1, 10, 100])
    for name, peer in PEERS.items():
        environment(name, peer.packages)
    ours("history")
    rows: list[Row] = []
    for case in cases():
        few = min(runs, 3) if "evidently" in case.peers else runs  # minutes a run
        rows += compared(case, runs=few)
    rows += decided(runs=runs)
    for size in sizes:
        rows += streamed(size, runs=min(runs, 3) if size < 100 else 1)
    found = ratios(rows, cases(), sizes)
    versions = {OURS: version("trivium"), **{name: peer.version for name, peer in PEERS.items()}}
    print(table(rows), "", sep="\n")
    for row in found:
        print(f"{row['case']}: {row['figure']} over {row['ours_over']}: {row['ratio']:g}")
    write("summaries", rows, versions=versions, ratios=found)


if __name__ == "__main__":
    main()
