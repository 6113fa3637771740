"""Take the systems that need no environment of their own through the tables: a walk per seed, each kept on disk."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from alarm_study import neighbours, ours, rules, tables
from alarm_study.cases import CACHE, DRAWN_BY, ROOT, digest_of, read
from alarm_study.faults import WARM_UP, draw, strikes
from alarm_study.scoring import Walk
from alarm_study.verdicts import FEEDBACK, Verdict, name_of

Said = dict[str, list[Verdict]]


# --- what runs in a worker, where `cache` holds what its walks share


@cache
def _table(folder: Path) -> tables.Table:
    return read(folder)


@cache
def _clean_summaries(folder: Path) -> list[ours.Summary]:
    return [ours.summary_of(rows, _table(folder), day=day) for day, rows in enumerate(_table(folder).days())]


@cache
def _clean_features(folder: Path) -> list["neighbours.np.ndarray"]:
    table = _table(folder)
    return [neighbours.features(rows, table) for rows in table.days()]


@cache
def _references(folder: Path, rule: str) -> rules.Columns:
    table = _table(folder)
    return rules.Columns(rules.RULES[rule], table, table.days())


@cache
def _clean_says(folder: Path, rule: str, reference: int, day: int) -> dict[str, tuple[bool, float]]:
    held = _references(folder, rule)
    return held.says(held.days[day], reference=reference)


def _walk_ours(folder: Path, seed: int | None) -> Said:
    table = _table(folder)
    drawn = draw(table, seed=seed) if seed is not None else []
    struck = {
        day: (fault, ours.summary_of(rows, table, day=day))
        for day, fault, rows in strikes(table, drawn, seed=seed or 0)
    }
    clean = _clean_summaries(folder)
    found: Said = {}
    for feedback in FEEDBACK:
        pairs = list(ours.judged(table, clean, struck, feedback=feedback))
        found[name_of("Trivium", feedback=feedback)] = [told for told, _ in pairs]
        if not feedback:
            found["Trivium, each verdict"] = [decided for _, decided in pairs]
    return found


def _walk_neighbours(folder: Path, seed: int | None) -> Said:
    table = _table(folder)
    drawn = draw(table, seed=seed) if seed is not None else []
    struck = {day: neighbours.features(rows, table) for day, _, rows in strikes(table, drawn, seed=seed or 0)}
    clean = _clean_features(folder)
    return {
        name_of("average kNN", feedback=feedback): list(neighbours.judged(clean, struck, feedback=feedback))
        for feedback in FEEDBACK
    }


def _walk_rules(folder: Path, seed: int | None) -> Said:
    table = _table(folder)
    drawn = draw(table, seed=seed) if seed is not None else []
    struck = {day: rows for day, _, rows in strikes(table, drawn, seed=seed or 0)}
    found: Said = {}
    for rule in rules.RULES:
        held = _references(folder, rule)
        for feedback in FEEDBACK:
            said = []
            for day in range(WARM_UP, len(table.dates)):
                number = rules.reference_of(day, feedback=feedback)
                if day in struck:
                    columns = held.says(struck[day], reference=number)
                else:
                    columns = _clean_says(folder, rule, number, day)
                said.append(rules.any_column(day, columns))
            found[name_of(rule, feedback=feedback)] = said
    return found


WALKERS: Mapping[str, Callable[[Path, int | None], Said]] = {
    "ours": _walk_ours,
    "neighbours": _walk_neighbours,
    "rules": _walk_rules,
}


def _code_of(walker: str) -> str:
    """Name the state of all the code that a walker's verdicts depend on."""
    if walker == "ours":
        rooms = [path for room in ("core", "data", "monitor") for path in (ROOT / "src/trivium" / room).rglob("*.py")]
        return digest_of([*rooms, Path(ours.__file__)], DRAWN_BY)
    return digest_of([Path({"neighbours": neighbours, "rules": rules}[walker].__file__ or "")], DRAWN_BY)


def _walk(walker: str, folder: Path, seed: int | None, kept: Path) -> None:
    said = WALKERS[walker](folder, seed)
    plain = {system: [_plain(verdict) for verdict in verdicts_] for system, verdicts_ in said.items()}
    aside = kept.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(plain))
    aside.rename(kept)


def _plain(said: Verdict) -> list[object]:
    return [said.day, said.alarm, said.shown, list(said.columns), said.kind, said.messages, said.after_h]


def _read_verdict(plain: list) -> Verdict:  # type: ignore[type-arg]
    day, alarm, shown, columns, kind, messages, after_h = plain
    return Verdict(day, alarm, shown, tuple(columns), kind, messages, after_h)


# --- what runs here: the pool and the cache


def run(
    walkers: Sequence[str], folders: Mapping[str, Path], seeds: Sequence[int | None], *, workers: int
) -> dict[str, list[Walk]]:
    """Walk every table under every seed's faults; what was walked before, by the same code, is read."""
    (CACHE / "walks").mkdir(parents=True, exist_ok=True)
    wanted = [
        (walker, folder, seed, CACHE / "walks" / f"{folder.name}-{walker}-{seed}-{_code_of(walker)}.json")
        for walker in walkers
        for folder in folders.values()
        for seed in seeds
    ]
    left = [one for one in wanted if not one[3].exists()]
    _go(left, workers)
    found: dict[str, list[Walk]] = {}
    for _, folder, seed, kept in wanted:
        table = _table(folder)
        drawn = draw(table, seed=seed) if seed is not None else []
        for system, plain in json.loads(kept.read_text()).items():
            walk = Walk(table.name, seed or 0, drawn, [_read_verdict(one) for one in plain])
            found.setdefault(system, []).append(walk)
    return found


def _go(left: Sequence[tuple[str, Path, int | None, Path]], workers: int) -> None:
    if not left:
        return
    # Each worker is one core: frames are small, and threads would only wait for one another.
    os.environ |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_walk, *one) for one in left]
        for place, done in enumerate(as_completed(running), 1):
            done.result()
            spent = time.monotonic() - began
            rest = spent / place * (len(left) - place)
            print(
                f"    {place} of {len(left)} walks, {spent:.0f} s, about {rest:.0f} s left", file=sys.stderr, flush=True
            )
