"""A made-up canary: both versions answer the same rows, some fail, some are slow, and outcomes come a look late.

The versions are not alike. Each errs by itself, so that between two that are equally good there is a difference on
every row, and none on the mean. Rows come in storms: 100 in a row share a piece of their luck, as flights of one
morning do.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

A_LOOK = 400
LATE_LOOKS = 1
STORM = 100
SHARE = 0.1
SLICES = ("north", "south", "east", "west")
# How far each version's answers lie from the truth, in logits.
NOISE = 0.3


@dataclass(frozen=True)
class Rates:
    """What is true of a version: the shares of answers that fail, are slow, break a check; its noise and its lean."""

    fails: float = 0.005
    is_slow: float = 0.005
    breaks: float = 0.03
    noise: float = NOISE
    lean: float = 0.0


@dataclass(frozen=True)
class Rows:
    """One canary's rows, in the order they are asked; `lost` are its losses minus live's, NaN where either failed."""

    failed: Flags
    live_failed: Flags
    broke: Flags
    live_broke: Flags
    is_canary: Flags
    slow: Flags
    shift: Array
    lost: Array
    slices: dict[str, Flags]


LIVE = Rates()


def drawn(rates: Rates, *, looks: int, seed: int) -> Rows:
    """Draw a canary of so many looks. Same arguments, same rows."""
    draw = np.random.default_rng([7, seed])
    count = looks * A_LOOK
    storms = np.repeat(draw.normal(0, 0.5, count // STORM + 1), STORM)[:count]
    logit = draw.normal(-1, 1, count)
    label = draw.random(count) < _share(logit + storms)
    said = _share(logit + draw.normal(0, 1, count) * rates.noise) + rates.lean
    other = _share(logit + draw.normal(0, 1, count) * LIVE.noise)
    said = np.clip(said, 1e-6, 1 - 1e-6)
    failed, live_failed = draw.random(count) < rates.fails, draw.random(count) < LIVE.fails
    is_canary = draw.random(count) < SHARE
    place = draw.integers(0, len(SLICES), count)
    neither = failed | live_failed
    lost = np.where(neither, np.nan, _losses(label, said) - _losses(label, other))
    return Rows(
        failed=failed,
        live_failed=live_failed,
        broke=draw.random(count) < rates.breaks,
        live_broke=draw.random(count) < LIVE.breaks,
        is_canary=is_canary,
        slow=draw.random(count) < np.where(is_canary, rates.is_slow, LIVE.is_slow),
        shift=said - other,
        lost=lost,
        slices={name: place == number for number, name in enumerate(SLICES)},
    )


def _share(logit: Array) -> Array:
    share: Array = 1 / (1 + np.exp(-logit))
    return share


def _losses(label: Flags, said: Array) -> Array:
    losses: Array = -np.log(np.where(label, said, 1 - said))
    return losses


def extra_loss(noise: float) -> float:
    """Tell how much greater the mean loss of a version of that noise is than live's, from 400,000 rows."""
    rows = drawn(replace(LIVE, noise=noise), looks=1000, seed=10**6)
    return float(np.nanmean(rows.lost))


def noise_for(extra: float) -> float:
    """Find the noise that makes the mean loss so much greater, by halving."""
    low, high = NOISE, 4.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if extra_loss(middle) < extra else (low, middle)
    return (low + high) / 2
