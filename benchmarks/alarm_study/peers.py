"""Ask the peers, each in an environment of its own, what they say of every day; keep what they said."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from alarm_study.cases import CACHE, DRAWN_BY, digest_of, read
from alarm_study.faults import WARM_UP, draw, strikes
from alarm_study.rules import any_column, most_columns, reference_of
from alarm_study.scoring import Walk
from alarm_study.tables import DAY, Table
from alarm_study.verdicts import Verdict, name_of
from harness.environments import environment

SCRIPTS = Path(__file__).parent / "peers"
Columns = dict[str, tuple[bool, float]]


@dataclass(frozen=True)
class Peer:
    """A tool: what to install, the script that runs it, and the systems that its answers give: name and rule."""

    name: str
    packages: tuple[str, ...]
    script: str
    systems: Mapping[str, Callable[[int, Columns], Verdict]]
    most_seeds: int
    feedback: tuple[bool, ...]

    @property
    def version(self) -> str:
        """The version that is pinned."""
        return self.packages[0].partition("==")[2]


PEERS: Mapping[str, Peer] = {
    "evidently": Peer(
        "evidently",
        ("evidently==0.7.23", "pandas<3", "pyarrow"),
        "run_evidently.py",
        {"Evidently, any column": any_column, "Evidently, half of the columns": most_columns},
        most_seeds=5,  # it takes most of the study's time
        feedback=(False,),
    ),
    "nannyml": Peer(
        "nannyml",
        # statsmodels is missing from its own list; it was not ported to pandas 3.
        ("nannyml==0.13.1", "statsmodels", "pandas<3", "pyarrow", "setuptools<80"),
        "run_nannyml.py",
        {"NannyML, any column": any_column},
        most_seeds=20,
        feedback=(False, True),
    ),
}


@dataclass(frozen=True)
class _Asked:
    """A day that a peer is asked about. Only `columns` differ from the same day of the part `clean`."""

    part: str
    day: int
    reference: int
    columns: list[str]
    missing: list[str]


def run(
    peers: Sequence[str],
    folders: Mapping[str, Path],
    seeds: Sequence[int | None],
    *,
    workers: int,
    days: int | None = None,
) -> dict[str, list[Walk]]:
    """Ask each peer about every table; what it has answered before is not asked again.

    Args:
        peers: their names.
        folders: the tables, laid down.
        seeds: of the faults, as many of them as the peer is given time for; None draws no faults.
        workers: how many peers run at once.
        days: the days it is asked about, from the first; None is all.
    """
    jobs = []
    for name in peers:
        peer = PEERS[name]
        python = environment(name, peer.packages)
        mine = list(seeds)[: peer.most_seeds]
        jobs += [(peer, python, folder, mine, _laid_out(peer, folder, mine, days=days)) for folder in folders.values()]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(_ask, jobs))
    found: dict[str, list[Walk]] = {}
    for peer, _, folder, mine, job in jobs:
        for system, walks in _walks(peer, read(folder), mine, job).items():
            found.setdefault(system, []).extend(walks)
    return found


def _ask(job: tuple[Peer, Path, Path, list[int | None], Path]) -> None:
    peer, python, folder, _, place = job
    print(f"    {peer.name}: {folder.name}", file=sys.stderr, flush=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    quiet = {
        "DO_NOT_TRACK": "1",
        "NML_DISABLE_USAGE_LOGGING": "1",
        "OMP_NUM_THREADS": "1",
    }  # both report home otherwise
    subprocess.run([python, SCRIPTS / peer.script, place], check=True, env={**clean, **quiet})


def _laid_out(peer: Peer, folder: Path, seeds: Sequence[int | None], *, days: int | None) -> Path:
    """Write what a peer is asked: rows as Parquet, questions as JSON. Answers given to the same questions stay."""
    scripts = [SCRIPTS / "job.py", SCRIPTS / peer.script]
    name = f"{folder.name}-{digest_of(scripts, DRAWN_BY, peer.packages, peer.feedback, seeds, days)}"
    place = CACHE / "peers" / f"{peer.name}-{name}"
    if (place / "job.json").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    table = read(folder)
    last = min(days or len(table.dates), len(table.dates))
    table.rows.filter(pl.col(DAY) < last).select(DAY, *table.columns).write_parquet(place / "clean.parquet")
    asked = [
        _Asked("clean", day, number, table.columns, [])
        for day in range(WARM_UP, last)
        for number in sorted({reference_of(day, feedback=feedback) for feedback in peer.feedback})
    ]
    for seed in seeds:
        asked += _struck(table, seed, peer, place) if seed is not None else []
    said = {
        "numbers": [column for column in table.columns if table.rows[column].dtype.is_numeric()],
        "texts": [column for column in table.columns if not table.rows[column].dtype.is_numeric()],
        "warm_up": WARM_UP,
        "asked": [vars(one) for one in asked],
    }
    (place / "job.json").write_text(json.dumps(said))
    return place


def _struck(table: Table, seed: int, peer: Peer, place: Path) -> list[_Asked]:
    days, parts, asked = table.days(), [], []
    for day, _, rows in strikes(table, draw(table, seed=seed), seed=seed):
        changed = [name for name in table.columns if name not in rows.columns or not rows[name].equals(days[day][name])]
        missing = [name for name in table.columns if name not in rows.columns]
        if not changed:
            continue  # late: the day is as it always was
        held = [name for name in table.columns if name in rows.columns]
        parts.append(rows.select(pl.lit(day, pl.Int32).alias(DAY), *held))
        numbers = sorted({reference_of(day, feedback=feedback) for feedback in peer.feedback})
        asked += [_Asked(f"struck-{seed}", day, number, changed, missing) for number in numbers]
    pl.concat(parts, how="diagonal_relaxed").write_parquet(place / f"struck-{seed}.parquet")
    return asked


def _walks(peer: Peer, table: Table, seeds: Sequence[int | None], place: Path) -> dict[str, list[Walk]]:
    answers: dict[tuple[str, int, int], Columns] = {}
    for line in (place / "answers.jsonl").read_text().splitlines():
        one = json.loads(line)
        columns = {name: (bool(alarm), float(score)) for name, (alarm, score) in one["columns"].items()}
        answers[one["part"], one["day"], one["reference"]] = columns
    found: dict[str, list[Walk]] = {}
    for seed in seeds:
        faults = draw(table, seed=seed) if seed is not None else []
        for feedback in peer.feedback:
            says = partial(_said, answers, seed=seed, feedback=feedback)
            days = sorted({day for part, day, _ in answers if part == "clean"})
            for system, rule in peer.systems.items():
                verdicts = [rule(day, says(day)) for day in days]
                found.setdefault(name_of(system, feedback=feedback), []).append(
                    Walk(table.name, seed or 0, faults, verdicts)
                )
    return found


def _said(answers: Mapping[tuple[str, int, int], Columns], day: int, *, seed: int | None, feedback: bool) -> Columns:
    """Read what was said of a day: of the columns a fault changed as they were delivered, of the others as ever."""
    number = reference_of(day, feedback=feedback)
    return {**answers["clean", day, number], **answers.get((f"struck-{seed}", day, number), {})}
