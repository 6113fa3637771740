"""Who looks at a canary after every batch, and when each takes it down: ours, and a test repeated at each look.

And the fixed-sample optimum, which looks once, and knows beforehand what it looks for, how large that is and after how
many rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log, sqrt
from statistics import NormalDist

import numpy as np

from canary_study.world import A_LOOK, LATE_LOOKS, SHARE, SLICES, Array, Flags, Rows
from trivium.core.project import Release
from trivium.release.betting import arm_values, log_purses, tallied
from trivium.release.evidence import (
    ALL,
    BLOCK_ROWS,
    ERRORS,
    GUARDRAILS,
    LATENCY,
    LEAST_BLOCKS,
    LOSS,
    MEASURES,
    SHIFT,
    SHIFT_STEP,
    TIGHTEST_AT,
    Arms,
    Pairs,
    Seen,
    complete_blocks,
)
from trivium.release.sequential import lower_bound

LOSS_MARGIN, SLICE_MARGIN = 0.01, 0.02


@dataclass(frozen=True)
class Borne:
    """How much worse a canary may be: the project's `[release]`, and the margins of the loss."""

    rule: Release
    margins: Mapping[str, float]


USUAL = Borne(Release(), {ALL: LOSS_MARGIN, **dict.fromkeys(SLICES, SLICE_MARGIN)})
# The hardest that can be asked of a test: whatever is any worse is to be caught, and a canary alike never.
NOTHING = Borne(
    Release(max_error_share=0.0, max_guardrail_share=0.0, max_shift=0.0), dict.fromkeys((ALL, *SLICES), 0.0)
)


def seen_at(rows: Rows, look: int) -> Seen:
    """Tell what has been seen of a canary at a look (from 1), as the loop would."""
    n = look * A_LOOK
    failed, live_failed = rows.failed[:n], rows.live_failed[:n]
    both = ~(failed | live_failed)
    mine, slow = rows.is_canary[:n], rows.slow[:n]
    is_due = np.arange(n) < n - LATE_LOOKS * A_LOOK
    came = np.isfinite(rows.lost[:n]) & is_due
    return Seen(
        answers=n,
        outcomes=int(came.sum()),
        errors=_pairs(failed, live_failed),
        guardrails=_pairs(rows.broke[:n][both], rows.live_broke[:n][both]),
        latency=Arms(int((slow & mine).sum()), int(mine.sum()), int((slow & ~mine).sum()), int((~mine).sum()), SHARE),
        shift=rows.shift[:n][both],
        losses={
            name: complete_blocks(came[mask[:n]], rows.lost[:n][mask[:n]], share=1.0, is_due=is_due[mask[:n]])
            for name, mask in _parts(rows).items()
        },
    )


def _parts(rows: Rows) -> dict[str, Flags]:
    return {ALL: np.ones(len(rows.lost), dtype=bool), **rows.slices}


def _pairs(worse: Flags, better: Flags) -> Pairs:
    return Pairs(int((worse & ~better).sum()), int((better & ~worse).sum()), len(worse))


def ours(rows: Rows, borne: Borne) -> tuple[int | None, str]:
    """Tell at which look our bounds first prove harm, and of what; (None, "") if at none.

    All looks of a canary at once, for a thousand of them are looked at: that it says what `findings` says look by look
    is held by a test.
    """
    rule, each = borne.rule, borne.rule.false_rollbacks / len(MEASURES)
    both = ~(rows.failed | rows.live_failed)
    mine = rows.is_canary
    values = np.array([1.0, -1.0, 0.0])
    arms = arm_values(SHARE)
    harm = {
        ERRORS: _won(values, _kinds(rows.failed, rows.live_failed), rule.max_error_share, low=-1.0, alpha=each),
        LATENCY: _won(
            arms, _kinds(rows.slow & mine, rows.slow & ~mine), rule.max_error_share, low=float(arms.min()), alpha=each
        ),
        GUARDRAILS: _won(
            values,
            _kinds(rows.broke & both, rows.live_broke & both, of=both),
            rule.max_guardrail_share,
            low=-1.0,
            alpha=each,
        ),
        SHIFT: _shifted(rows.shift, both, rule.max_shift, alpha=each / 2)
        | _shifted(-rows.shift, both, rule.max_shift, alpha=each / 2),
    }
    for part, mask in _parts(rows).items():
        alpha = each / 2 if part == ALL else each / 2 / len(SLICES)
        harm[f"{LOSS} {part}"] = _lost(rows.lost, mask, borne.margins[part], alpha=alpha)
    first = {name: int(np.argmax(looks)) + 1 for name, looks in harm.items() if looks.any()}
    if not first:
        return None, ""
    name = min(first, key=lambda name: first[name])
    return first[name], name


def _by_look(flags: Flags | Array) -> Array:
    """Add up what has come by the end of each look, shape (looks,)."""
    summed: Array = np.add.reduceat(flags.astype(np.float64), np.arange(0, len(flags), A_LOOK)).cumsum()
    return summed


def _kinds(worse: Flags, better: Flags, *, of: Flags | None = None) -> Array:
    """Count by look the rows that are worse alone, better alone, and neither; shape (3, looks)."""
    ups, downs = _by_look(worse & ~better), _by_look(better & ~worse)
    rows = _by_look(np.ones(len(worse)) if of is None else of)
    return np.stack([ups, downs, rows - ups - downs])


def _won(values: Array, counts: Array, margin: float, *, low: float, alpha: float) -> Flags:
    found: Flags = log_purses(values, counts, np.array([margin]), low=low)[0] >= log(1 / alpha)
    return found


def _shifted(shift: Array, both: Flags, margin: float, *, alpha: float) -> Flags:
    values, _ = tallied(shift, step=SHIFT_STEP)
    place = np.searchsorted(values, np.floor(shift / SHIFT_STEP + 1e-9) * SHIFT_STEP - SHIFT_STEP / 2)
    counts = np.zeros((len(values), len(shift) // A_LOOK))
    np.add.at(counts, (place[both], np.arange(len(shift))[both] // A_LOOK), 1.0)
    return _won(values, counts.cumsum(axis=1), margin, low=-1.0 - SHIFT_STEP, alpha=alpha)


def _lost(lost: Array, mask: Flags, margin: float, *, alpha: float) -> Flags:
    """Tell at which looks the bound on the mean of those blocks is above the margin that have all outcomes by then."""
    means, known_at = _blocks(lost, mask)
    found = np.zeros(len(lost) // A_LOOK, dtype=bool)
    for look in range(LATE_LOOKS + 1, len(found) + 1):
        held = means[: np.searchsorted(known_at, look, side="right")]
        if len(held) >= LEAST_BLOCKS:
            variance = float(held.var(ddof=1))
            low = lower_bound(len(held), float(held.mean()), variance, alpha=alpha, tightest_at=TIGHTEST_AT)
            found[look - 1] = low > margin
    return found


def _blocks(lost: Array, mask: Flags) -> tuple[Array, Array]:
    """Make the means of blocks, and the look at which each is whole."""
    places = np.flatnonzero(mask)
    places = places[: len(places) // BLOCK_ROWS * BLOCK_ROWS].reshape(-1, BLOCK_ROWS)
    return np.nanmean(lost[places], axis=1), places[:, -1] // A_LOOK + 1 + LATE_LOOKS


def repeated(rows: Rows, borne: Borne) -> int | None:
    """Tell at which look an ordinary test, 5 % for each measure, says harm: a z test made anew after every batch."""
    worst, rule = NormalDist().inv_cdf(0.95), borne.rule
    both = ~(rows.failed | rows.live_failed)
    values = np.array([1.0, -1.0, 0.0])
    losses = {part: _blocks(rows.lost, mask) for part, mask in _parts(rows).items()}
    scores = [
        _z_of_kinds(values, _kinds(rows.failed, rows.live_failed), rule.max_error_share),
        _z_of_kinds(values, _kinds(rows.broke & both, rows.live_broke & both, of=both), rule.max_guardrail_share),
        _z_of_kinds(
            arm_values(SHARE), _kinds(rows.slow & rows.is_canary, rows.slow & ~rows.is_canary), rule.max_error_share
        ),
        _z_of_shift(rows.shift, both, rule.max_shift),
        *(
            _z_of_blocks(*blocks, borne.margins[part], looks=len(rows.lost) // A_LOOK)
            for part, blocks in losses.items()
        ),
    ]
    harm = np.max(np.stack(scores), axis=0) > worst
    return int(np.argmax(harm)) + 1 if harm.any() else None


def _z_of_kinds(values: Array, counts: Array, margin: float) -> Array:
    """The z scores of a mean above its margin, by look; without a spread there is none."""
    rows = counts.sum(axis=0)
    mean = values @ counts / rows
    return _scores(mean - margin, np.sqrt((values**2 @ counts / rows - mean**2) / rows))


def _z_of_shift(shift: Array, both: Flags, margin: float) -> Array:
    held = np.where(both, shift, 0.0)
    rows, mean = _by_look(both), _by_look(held) / _by_look(both)
    return _scores(np.abs(mean) - margin, np.sqrt((_by_look(held**2) / rows - mean**2) / rows))


def _z_of_blocks(means: Array, known_at: Array, margin: float, *, looks: int) -> Array:
    """The z scores of losses; fewer than 5 blocks have none."""
    found = np.zeros(looks)
    for look in range(1, looks + 1):
        held = means[: np.searchsorted(known_at, look, side="right")]
        if len(held) >= 5:
            found[look - 1] = (held.mean() - margin) / (held.std(ddof=1) / sqrt(len(held)))
    return found


def _scores(excess: Array, spread: Array) -> Array:
    scores: Array = np.divide(excess, spread, out=np.zeros_like(excess), where=spread > 0)
    return scores


def optimum(excess: float, *, deviation: float, power: float, alpha: float = 0.05) -> int:
    """Tell after how many units one test, made once, finds an excess over the margin with a chance of `power`."""
    z = NormalDist().inv_cdf(1 - alpha) + NormalDist().inv_cdf(power)
    return ceil((z * deviation / excess) ** 2)


def optimum_of_errors(rate: float, live: float, *, power: float) -> int:
    """The rows of that test on failures, both versions failing by themselves, in whole looks."""
    difference = rate - live
    deviation = sqrt(rate * (1 - live) + live * (1 - rate) - difference**2)
    return _looked(optimum(difference - USUAL.rule.max_error_share, deviation=deviation, power=power))


def optimum_of_losses(extra: float, *, deviation: float, power: float) -> int:
    """The rows of that test on means of blocks of losses; `deviation` is a block's."""
    blocks = optimum(extra - LOSS_MARGIN, deviation=deviation, power=power)
    return _looked(blocks * BLOCK_ROWS) + LATE_LOOKS * A_LOOK


def _looked(rows: int) -> int:
    return ceil(rows / A_LOOK) * A_LOOK
