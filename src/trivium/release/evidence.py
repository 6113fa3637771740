"""What speaks for and against a candidate, measured against what answers now, by bounds that hold at every look.

Five things are measured: errors, latency, guardrails (answers that broke a check), shift (how far its answers lie from
the others'), and the loss once outcomes come, over all rows and in each slice. Each gets its part of the chance of a
false alarm, so that all of them together, over all looks, take a sound version down with that chance at most. Counts of
answers are bounded exactly, from the first row on; losses, which have no limit, asymptotically.

It measures; `stages` decides.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from trivium.core.project import Release
from trivium.release.betting import Values, arm_values, least_mean, most_mean, tallied
from trivium.release.sequential import lower_bound, upper_bound

ERRORS, LATENCY, GUARDRAILS, SHIFT, LOSS = MEASURES = ("errors", "latency", "guardrails", "shift", "loss")
ALL = "all"
# Losses of rows close in time are alike (one storm), so means of so many in a row are the units.
BLOCK_ROWS = 25
# An asymptotic bound needs some units to stand on; it is tightest about TIGHTEST_AT of them.
LEAST_BLOCKS, TIGHTEST_AT = 20, 100
# Shifts are counted by steps of this many of what they are measured in, rounded so that nothing is proven by it.
SHIFT_STEP = 1 / 64
# Differences of answers of a regression are cut at so many standard deviations.
MOST_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """On how many rows the candidate alone did badly (`worse`), on how many the other alone, and of how many rows."""

    worse: int
    better: int
    rows: int


@dataclass(frozen=True, slots=True)
class Arms:
    """How many answers of each arm were slow, of one row an entity; `share` is the chance to fall to the canary's."""

    slow: int
    rows: int
    live_slow: int
    live_rows: int
    share: float


@dataclass(frozen=True)
class Seen:
    """All that was seen of a candidate since it came to its stage.

    `answers` it was asked for; `outcomes` of them are known beside an answer of each. `shift` are differences of
    answers on the same rows, candidate minus other: of probabilities, or in standard deviations, cut at
    `MOST_DEVIATIONS`. `losses` are, by slice, means of blocks of such differences of losses, in the order in which the
    rows were asked. What could not be measured is None or left out.
    """

    answers: int = 0
    outcomes: int = 0
    errors: Pairs = Pairs(0, 0, 0)
    guardrails: Pairs | None = None
    latency: Arms | None = None
    shift: Values | None = None
    losses: Mapping[str, Values] = field(default_factory=dict)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One measure: how much worse the candidate is, at least and at most by all that was seen, and what is borne.

    Over all looks, `low` is above the truth with a chance of at most `alpha`, and so is `high` below it.
    """

    measure: str
    slice: str = ALL
    rows: int
    worse_by: float
    low: float
    high: float
    margin: float
    alpha: float

    @property
    def is_harm(self) -> bool:
        """Tell whether it is proven that the candidate is worse by more than is borne."""
        return self.low > self.margin


def findings(
    seen: Seen, *, rule: Release, task: str, margins: Mapping[str, float], slices: tuple[str, ...]
) -> tuple[Finding, ...]:
    """Measure a candidate.

    Args:
        seen: what was seen of it.
        rule: the project's `[release]`.
        task: binary or regression.
        margins: how much greater its mean loss may be, by slice; `all` for all rows.
        slices: all slices that the project names, `all` left out: those without a row have their part of the chance.

    Returns:
        One finding per thing that there was anything to measure of.
    """
    each = rule.false_rollbacks / len(MEASURES)
    found = [_paired(ERRORS, seen.errors, margin=rule.max_error_share, alpha=each)]
    if seen.latency is not None:
        found.append(_of_arms(seen.latency, margin=rule.max_error_share, alpha=each))
    if seen.guardrails is not None:
        found.append(_paired(GUARDRAILS, seen.guardrails, margin=rule.max_guardrail_share, alpha=each))
    if seen.shift is not None:
        limit = 1.0 if task == "binary" else MOST_DEVIATIONS
        found.append(_shifted(seen.shift, margin=rule.max_shift, limit=limit, alpha=each))
    for part, blocks in seen.losses.items():
        alpha = each if not slices else each / 2 if part == ALL else each / 2 / len(slices)
        found.append(_lost(part, blocks, margin=margins[part], alpha=alpha))
    return tuple(one for one in found if one.rows)


def _paired(measure: str, pairs: Pairs, *, margin: float, alpha: float) -> Finding:
    values = np.array([1.0, -1.0, 0.0])
    counts = np.array([pairs.worse, pairs.better, pairs.rows - pairs.worse - pairs.better], dtype=np.float64)
    return _bounded(measure, values, counts, low=-1.0, high=1.0, margin=margin, alpha=alpha)


def _of_arms(arms: Arms, *, margin: float, alpha: float) -> Finding:
    values = arm_values(arms.share)
    rows = arms.rows + arms.live_rows
    counts = np.array([arms.slow, arms.live_slow, rows - arms.slow - arms.live_slow], dtype=np.float64)
    low, high = float(values.min()), float(values.max())
    return _bounded(LATENCY, values, counts, low=low, high=high, margin=margin, alpha=alpha)


def _bounded(
    measure: str, values: Values, counts: Values, *, low: float, high: float, margin: float, alpha: float
) -> Finding:
    rows = int(counts.sum())
    return Finding(
        measure=measure,
        rows=rows,
        worse_by=float(values @ counts / rows) if rows else math.nan,
        low=least_mean(values, counts, low=low, high=high, alpha=alpha),
        high=most_mean(values, counts, low=low, high=high, alpha=alpha),
        margin=margin,
        alpha=alpha,
    )


def _shifted(shift: Values, *, margin: float, limit: float, alpha: float) -> Finding:
    """Measure a shift to either side; each side has half of the chance."""
    up, down = (
        # Rounding down may fall a step below the least value that there can be.
        least_mean(*tallied(side, step=SHIFT_STEP), low=-limit - SHIFT_STEP, high=limit, alpha=alpha / 2)
        for side in (shift, -shift)
    )
    return Finding(
        measure=SHIFT,
        rows=len(shift),
        worse_by=abs(float(shift.mean())) if len(shift) else math.nan,
        low=max(up, down, 0.0),
        high=min(max(-up, -down), limit),
        margin=margin,
        alpha=alpha,
    )


def _lost(part: str, blocks: Values, *, margin: float, alpha: float) -> Finding:
    count = len(blocks)
    mean = float(blocks.mean()) if count else math.nan
    variance = float(blocks.var(ddof=1)) if count > 1 else math.nan
    bounds = (-math.inf, math.inf)
    if count >= LEAST_BLOCKS:
        how = {"alpha": alpha, "tightest_at": TIGHTEST_AT}
        bounds = lower_bound(count, mean, variance, **how), upper_bound(count, mean, variance, **how)
    return Finding(
        measure=LOSS,
        slice=part,
        rows=count * BLOCK_ROWS,
        worse_by=mean,
        low=bounds[0],
        high=bounds[1],
        margin=margin,
        alpha=alpha,
    )


def complete_blocks(known: Any, differences: Values, *, share: float, is_due: Any) -> Values:
    """Make the means of blocks of rows of which enough outcomes have come.

    Outcomes that come soon are not like those that come late (a flight in time lands before one that waits). So a
    block counts once `share` of its rows have theirs, or all are due; then those that came are its mean.

    Args:
        known: whether the row's outcome is known beside both answers, shape (rows,), in the order they were asked.
        differences: of losses, shape (rows,); whatever where not known.
        share: of the rows, for a block to count.
        is_due: whether the row's outcome should have come by now, shape (rows,).

    Returns:
        The means, shape (blocks,). A block without one known row, and the rows after the last whole block, give none.
    """
    whole = len(known) // BLOCK_ROWS * BLOCK_ROWS
    came = np.asarray(known)[:whole].reshape(-1, BLOCK_ROWS)
    due = np.asarray(is_due)[:whole].reshape(-1, BLOCK_ROWS)
    values = np.where(came, np.asarray(differences)[:whole].reshape(-1, BLOCK_ROWS), 0.0)
    counts = came.sum(axis=1)
    is_complete = (counts > 0) & ((counts >= share * BLOCK_ROWS) | (came | due).all(axis=1))
    means: Values = values.sum(axis=1)[is_complete] / counts[is_complete]
    return means
