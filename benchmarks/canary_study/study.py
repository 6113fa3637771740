"""The study: sound canaries and bad ones, looked at after every batch; its figures, its table, its picture."""

import argparse
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np

from canary_study.looks import (
    NOTHING,
    USUAL,
    Borne,
    optimum_of_errors,
    optimum_of_losses,
    ours,
    repeated,
    seen_at,
)
from canary_study.picture import Curve, drawn_picture
from canary_study.world import A_LOOK, LIVE, Rates, drawn, noise_for
from harness import results
from harness.environments import ROOT
from trivium import __version__
from trivium.release.evidence import ALL

PICTURE = ROOT / "docs" / "images" / "canary.svg"
CAUGHT = 0.8
LOOKS = 30
ERROR_RATES = (0.025, 0.03, 0.04, 0.06, 0.1, 0.3)
EXTRA_LOSSES = (0.02, 0.03, 0.05, 0.1, 0.2)
Ends = tuple[int | None, int | None]


def main() -> None:
    """Simulate, print the table, and write results and picture."""
    asked = _asked()
    rows = []
    with ProcessPoolExecutor(asked.jobs) as pool:
        usual, _ = _ends(pool, LIVE, USUAL, asked.canaries)
        rows += _false(usual, "with the usual margins", asked.canaries)
        strict, by = _ends(pool, LIVE, NOTHING, asked.canaries)
        rows += _false(strict, "without margins", asked.canaries)
        caught = [_caught(pool, case, unit, asked.bad) for case, unit in (("errors", "rate"), ("loss", "nats"))]
        for found in caught:
            rows += found[0]
    print(results.table(rows))
    print("without margins taken down though alike, by:", dict(by) or "none")
    path = results.write(
        "canary",
        rows,
        versions={"trivium": __version__},
        settings={"looks": LOOKS, "rows_a_look": A_LOOK, "canaries": asked.canaries, "bad": asked.bad},
    )
    PICTURE.write_text(drawn_picture(_over_time(strict), caught[0][1], caught[1][1]))
    print(f"wrote {path} and {PICTURE}")


def _asked() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--canaries", type=int, default=1000, help="sound canaries")
    asked.add_argument("--bad", type=int, default=200, help="canaries of each other kind")
    asked.add_argument("--jobs", type=int, default=2)
    return asked.parse_args()


def _end(task: tuple[Rates, Borne, int]) -> tuple[int | None, str, int | None]:
    rates, borne, seed = task
    rows = drawn(rates, looks=LOOKS, seed=seed)
    look, why = ours(rows, borne)
    return look, why, repeated(rows, borne)


def _ends(pool: ProcessPoolExecutor, rates: Rates, borne: Borne, count: int) -> tuple[list[Ends], Counter[str]]:
    found = list(pool.map(_end, [(rates, borne, seed) for seed in range(count)], chunksize=5))
    return [(mine, theirs) for mine, _, theirs in found], Counter(why for _, why, _ in found if why)


def _false(ends: list[Ends], case: str, count: int) -> list[results.Row]:
    rows = []
    for place, system in enumerate(("trivium", "repeated z tests")):
        share = sum(end[place] is not None for end in ends) / count
        spread = 1.96 * (share * (1 - share) / count) ** 0.5
        rows.append(
            results.row(
                system,
                f"canaries alike, {case}",
                "false rollbacks",
                "share",
                value=share,
                low=max(0.0, share - spread),
                high=share + spread,
                runs=count,
            )
        )
    return rows


def _caught(pool: ProcessPoolExecutor, case: str, unit: str, count: int) -> tuple[list[results.Row], list[Curve]]:
    """Find the rows after which four fifths of bad canaries are taken down, by the size of what is bad."""
    sizes = ERROR_RATES if case == "errors" else EXTRA_LOSSES
    curves = [Curve("trivium", []), Curve("repeated z tests", []), Curve("one test at the best size", [])]
    rows = []
    for size in sizes:
        rates = replace(LIVE, fails=size) if case == "errors" else replace(LIVE, noise=noise_for(size))
        ends, _ = _ends(pool, rates, USUAL, count)
        best = (
            optimum_of_errors(size, LIVE.fails, power=CAUGHT)
            if case == "errors"
            else optimum_of_losses(size, deviation=_deviation(rates), power=CAUGHT)
        )
        after = [_after([end[place] for end in ends]) for place in (0, 1)]
        for curve, value in zip(curves, [*after, best], strict=True):
            curve.points.append((size, value))
            if value is not None:
                what = (f"{case} {size:g} {unit}", f"rows until {CAUGHT:.0%} are caught", "rows")
                rows.append(results.of_runs(curve.name, *what, [value]))
    return rows, curves


def _after(ends: list[int | None]) -> int | None:
    """The rows by which four fifths are caught; None where fewer are."""
    looks = sorted(end for end in ends if end is not None)
    place = int(np.ceil(CAUGHT * len(ends))) - 1
    return looks[place] * A_LOOK if place < len(looks) else None


def _deviation(rates: Rates) -> float:
    blocks = seen_at(drawn(rates, looks=1000, seed=10**6 + 1), 1000).losses[ALL]
    return float(blocks.std(ddof=1))


def _over_time(ends: list[Ends]) -> list[Curve]:
    """Tell which share of sound canaries is down after how many rows."""
    curves = []
    for place, name in enumerate(("trivium", "repeated z tests")):
        down = [end[place] for end in ends]
        shares = [sum(look is not None and look <= n for look in down) / len(down) for n in range(1, LOOKS + 1)]
        curves.append(Curve(name, [(n * A_LOOK, share) for n, share in enumerate(shares, 1)]))
    return curves
