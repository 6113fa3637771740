"""The flights rehearsal under `standard` faults, seed by seed: were the alarms right, and were the faults caught?

Ours alone: no peer rehearses a loop. Develop on seeds 0 to 9; the figures that are told come from seeds 304 to 323.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from harness import results
from trivium import __version__
from trivium.core.alarms import OF_RELEASES
from trivium.respond.marks import share_interval

COMMAND = [sys.executable, "-c", "from trivium.cli.main import main; main()"]
FIGURES = {
    "precision": "share of alarms",
    "recall": "share of faults",
    "median_hours_to_detect": "hours",
    "pages_per_week": "pages",
    "rows_answered_badly": "rows",
}


def main() -> None:
    """Rehearse each seed, print what came of it, and write the results."""
    asked = _asked()
    with tempfile.TemporaryDirectory(prefix="trivium-rehearsal-") as made:
        folder = asked.keep or Path(made)
        _trivium("init", str(folder / "flights"), "--template", "flights", skip=(folder / "flights").exists())
        with ThreadPoolExecutor(asked.jobs) as pool:
            told = list(pool.map(lambda seed: _rehearsed(folder, f"seed-{seed}", seed, "standard"), asked.seeds))
        quiet = _rehearsed(folder, "quiet", 0, "none")
    _print_seeds(told)
    _print_kinds(told)
    _print_causes(told)
    _print_quiet(quiet)
    settings = {"seeds": [one["seed"] for one in told], "faults": "standard"}
    results.write(
        "rehearsal", [*_rows(told), *_quiet_rows(quiet)], versions={"trivium": __version__}, settings=settings
    )


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=_seeds, default=_seeds("304-323"), help="such as 0-4 or 3,7 (304-323)")
    parser.add_argument("--jobs", type=int, default=2, help="rehearsals at once (2)")
    parser.add_argument("--keep", type=Path, help="a folder to keep the project and its rehearsals in")
    return parser.parse_args()


def _seeds(text: str) -> list[int]:
    ends = [part.split("-") for part in text.split(",")]
    return [seed for end in ends for seed in range(int(end[0]), int(end[-1]) + 1)]


def _trivium(*words: str, skip: bool = False) -> str:
    if skip:
        return ""
    done = subprocess.run([*COMMAND, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout


def _rehearsed(folder: Path, name: str, seed: int, faults: str) -> dict[str, Any]:
    """Rehearse one seed in a copy of the project, so that no rehearsal finds another's steps remembered."""
    own = folder / name
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(folder / "flights", own)
    options = ("--name", "bench", "--faults", faults, "--seed", str(seed), "--json")
    told: dict[str, Any] = json.loads(_trivium("--project", str(own), "rehearse", *options))
    (folder / f"{name}.json").write_text(json.dumps(told))
    one = told["summary"]
    print(
        f"{name}: precision {_of(one['precision'])}, recall {_of(one['recall'])}, {told['wall_s']:.0f} s",
        flush=True,
    )
    return told


def _print_seeds(told: Sequence[dict[str, Any]]) -> None:
    print(f"\n{'figure':<26}{'median':>10}{'least':>10}{'most':>10}")
    for figure in FIGURES:
        values = _values(told, figure)
        if values:
            print(f"{figure:<26}{_of(median(values)):>10}{_of(min(values)):>10}{_of(max(values)):>10}")
    for figure, hits, trials in _together(told):
        print(f"{figure} of all seeds together: {hits} of {trials}, {hits / trials:.3f}")


def _print_kinds(told: Sequence[dict[str, Any]]) -> None:
    faults = [fault for one in told for fault in one["faults"]]
    print(f"\n{'kind of fault':<26}{'faults':>10}{'caught':>10}{'hours':>10}")
    for kind in sorted({fault["kind"] for fault in faults}):
        own = [fault for fault in faults if fault["kind"] == kind]
        hours = [_hours(fault) for fault in own if fault["caught_at"]]
        print(f"{kind:<26}{len(own):>10}{len(hours):>10}{_of(median(hours)) if hours else '–':>10}")


def _print_causes(told: Sequence[dict[str, Any]]) -> None:
    alarms = [alarm for one in told for alarm in one["alarms"]]
    print(f"\n{'alarms of':<40}{'all':>8}{'right':>8}{'paged':>8}")
    right = Counter(_rule(alarm) for alarm in alarms if alarm.get("right", alarm["fault"] is not None))
    paged = Counter(_rule(alarm) for alarm in alarms if alarm["paged"])
    for rule, number in sorted(Counter(map(_rule, alarms)).items()):
        print(f"{rule:<40}{number:>8}{right[rule]:>8}{paged[rule]:>8}")


def _rule(alarm: dict[str, Any]) -> str:
    return f"{alarm['kind']} on {'a version' if alarm['kind'] in ('answers', *OF_RELEASES) else alarm['subject']}"


def _hours(fault: dict[str, Any]) -> float:
    return (datetime.fromisoformat(fault["caught_at"]) - datetime.fromisoformat(fault["from"])).total_seconds() / 3600


def _values(told: Iterable[dict[str, Any]], figure: str) -> list[float]:
    return [one["summary"][figure] for one in told if one["summary"][figure] is not None]


def _of(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _print_quiet(quiet: dict[str, Any]) -> None:
    """Tell the alarms of the year in which nothing was injected: what the data itself holds, and what is false."""
    print(f"\nthe year without a fault: {len(quiet['alarms'])} alarms, {len(quiet['shifts'])} shifts shown")
    for alarm in quiet["alarms"]:
        print(f"  {alarm['at'][:10]} {alarm['kind']} {alarm['what'][:100]}")


def _quiet_rows(quiet: dict[str, Any]) -> list[results.Row]:
    figures = {
        "alarms": ("alarms a year", len(quiet["alarms"])),
        "pages_per_week": ("pages", quiet["summary"]["pages_per_week"]),
        "shifts": ("shifts shown a year", len(quiet["shifts"])),
    }
    case = "flights, no faults"
    return [results.of_runs("trivium", case, name, unit, [value]) for name, (unit, value) in figures.items()]


def _rows(told: Sequence[dict[str, Any]]) -> list[results.Row]:
    """Write the figures a seed as SURFACE's rows, and those of all seeds together, with Wilson's bounds of 90 %."""
    case = "flights, standard"
    rows = [
        results.of_runs("trivium", case, figure, unit, values)
        for figure, unit in FIGURES.items()
        if (values := _values(told, figure))
    ]
    for figure, hits, trials in _together(told):
        low, high = share_interval(hits, trials)
        name = f"{figure}, all seeds together"
        share = {"value": hits / trials, "low": low, "high": high, "runs": len(told)}
        rows.append(results.row("trivium", case, name, FIGURES[figure], **share))
    return rows


def _together(told: Sequence[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Count right alarms among all that are not about a release, and caught faults among all faults."""
    alarms = [alarm["fault"] is not None for one in told for alarm in one["alarms"] if alarm["kind"] not in OF_RELEASES]
    faults = [fault["caught_at"] is not None for one in told for fault in one["faults"]]
    return [(name, sum(held), len(held)) for name, held in (("precision", alarms), ("recall", faults)) if held]


if __name__ == "__main__":
    main()
