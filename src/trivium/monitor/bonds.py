"""Bonds: whether answers and outcomes still belong together as they did, judged on the joined table's own history.

Four things can happen to the truth, and they need different hands. Outcomes are handed to the wrong rows (a label
fault): bonds tear while every rate stays. The same rows come to a different end (concept shift): labels move at the
same features and predictions, whatever was predicted. There is more or less of one end (label shift): predictions
move along, as far as a mixture of the classes would have it. Other rows are asked about (population shift):
predictions move, and stay right. The first two are alarms; the others are shown, since answers stay as good as they
were.

Days vary far more than their rows would explain, so everything is held to the spread of earlier periods (and at least
to the sampling error of the period at hand), a concept shift must last, and each threshold is above everything that
history holds.

Source:
    Telling label shift by the mixture of the classes' predictions: Lipton, Wang and Smola (2018), "Detecting and
    correcting for label shift with black box predictors", ICML. The kinds of shift: Moreno-Torres et al. (2012),
    Pattern Recognition 45(1).
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from trivium.monitor.joined import LABEL, PREDICTION, THIRDS, Joined
from trivium.monitor.reliability import merge

Array = npt.NDArray[np.float64]
Kind = Literal["label fault", "concept shift", "label shift", "population shift", "none"]

# The history that a period is held to, and the least of it.
WINDOW = 56
LEAST_HISTORY = 20
# A concept shift must be in each of so many periods in a row: a storm is over in two.
LASTS = 3
LEVEL_LASTS = 2
# So many spreads from the middle of history, and so many times further than anything in it.
SPREADS = 4.5
BEYOND = 1.3
# So many faulty periods in a row are the new normal, else a change that stays would be a fault for ever.
ACCEPTED_AFTER = 14
# Label and population shift are shown, not paged, and so at fewer spreads.
SHOWN_SPREADS = 3.5
# Only what is bound can come apart: a usual rank correlation of this size, of which at least a quarter of the explained
# part (its square) must go. Its spread, in Fisher's z, is never taken below what 400 rows would have it.
BOUND = 0.3
MOST_KEPT = 0.75
LEAST_Z_SPREAD = 0.05
# Columns of both tables may come to differ in this share of rows more than they did.
LEAST_DISAGREEMENT = 0.05
LEAST_AGREE_SPREAD = 0.005
# A column must have moved so far against the others, in its own residual deviations within a period: a large effect by
# Cohen's convention (1988, "Statistical Power Analysis", section 2.2). What is sure and small is no alarm.
LARGE_EFFECT = 0.8
# The least spread of a label's rate, and of a column as a share of its deviation within periods.
LEAST_RATE_SPREAD = 0.01
LEAST_LEVEL_SPREAD = 0.05
TO_STANDARD = 1.4826


class BondDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the bonds: the kind, whether it is an alarm, the columns to blame and one sentence of evidence."""

    verdict: Literal["ordinary", "shift", "fault", "not enough history"]
    kind: Kind = "none"
    columns: tuple[str, ...] = ()
    words: str = ""
    score: float = 0.0


def judge(history: Sequence[Joined], recent: Sequence[Joined]) -> BondDecision:
    """Judge the last of `recent`, given the periods just before it.

    Args:
        history: ordinary periods before `recent`, in order of time; the last 56 count, at least 20 are needed.
        recent: the last 3 periods, in order of time, the one to judge last; fewer find no concept shift.
    """
    held = list(history)[-WINDOW:]
    if len(held) < LEAST_HISTORY or not recent:
        return BondDecision(verdict="not enough history")
    return (
        _disagree(held, recent[-1])
        or _torn(held, recent[-1])
        or _moved_level(held, recent)
        or _moved_everywhere(held, recent)
        or _shown(held, recent[-1])
        or BondDecision(verdict="ordinary")
    )


def ordinary(faulty: Sequence[bool]) -> list[int]:
    """Choose the places of the periods that later ones are held to, given which were found faulty, in order of time.

    Faulty ones are left out, else a fault would hide the next, and with each the two before it, which may have begun
    what had to last before it was found. So many in a row are what is normal now, and then what was before them is not:
    with both in one history nothing would be odd any more.
    """
    left_out = {place - back for place, is_faulty in enumerate(faulty) if is_faulty for back in range(LASTS)}
    kept: list[int] = []
    run: list[int] = []
    for place, is_faulty in enumerate(faulty):
        run = [*run, place] if is_faulty else []
        if len(run) >= ACCEPTED_AFTER:
            kept = list(run)
        elif place not in left_out:
            kept.append(place)
    return kept


def _spread(values: Array, *, least: float) -> float:
    """Measure the usual distance from the middle, robustly, its far end included."""
    sizes = np.abs(values - np.median(values))
    return max(TO_STANDARD * float(np.median(sizes)), float(np.quantile(sizes, 0.95)) / 1.96, least)


def _score(values: Array, value: float, *, least: float, sign: float = 1.0) -> float:
    """Tell how many spreads a value lies beyond the middle, in the direction of `sign`; 0 unless beyond all history."""
    middle = float(np.median(values))
    beyond = sign * (value - middle)
    if beyond <= BEYOND * float((sign * (values - middle)).max()):
        return 0.0
    return beyond / _spread(values, least=least)


def _disagree(held: Sequence[Joined], now: Joined) -> BondDecision | None:
    """Find columns of both tables that came to differ."""
    found: dict[str, tuple[float, float, float]] = {}
    for name, share in now.agree.items():
        values = np.array([one.agree[name] for one in held if name in one.agree])
        if len(values) < LEAST_HISTORY or float(np.median(values)) - share < LEAST_DISAGREEMENT:
            continue
        least = max(LEAST_AGREE_SPREAD, math.sqrt(share * (1 - share) / now.rows))
        score = _score(values, share, least=least, sign=-1.0)
        if score > SPREADS:
            found[name] = (score, share, float(np.median(values)))
    if not found:
        return None
    worst = max(found, key=lambda name: (found[name][0], name))
    score, share, usual = found[worst]
    return BondDecision(
        verdict="fault",
        kind="label fault",
        columns=tuple(sorted(found, key=lambda name: (-found[name][0], name))),
        words=f"{worst} of the outcomes is that of the request in {share:.0%} of the rows, usually {usual:.0%}: "
        "outcomes belong to other rows",
        score=score,
    )


def _torn(held: Sequence[Joined], now: Joined) -> BondDecision | None:
    """Find bonds between a request (or its prediction) and its outcome that came apart."""
    # The sampling error of Fisher's z.
    least = max(LEAST_Z_SPREAD, 1 / math.sqrt(max(1, now.rows - 3)))
    found: dict[str, tuple[float, float, float]] = {}
    for bond, value in now.ranks.items():
        values = np.array([one.ranks[bond] for one in held if bond in one.ranks])
        if len(values) < LEAST_HISTORY:
            continue
        usual = float(np.median(values))
        signed = np.sign(usual) * values
        if abs(usual) < BOUND or max(0.0, np.sign(usual) * value) ** 2 > MOST_KEPT * usual**2:
            continue
        score = _score(_fisher(signed), float(_fisher(np.sign(usual) * value)), least=least, sign=-1.0)
        if score > SPREADS:
            found[bond] = (score, value, usual)
    if not found:
        return None
    worst = max(found, key=lambda bond: (found[bond][0], bond))
    score, value, usual = found[worst]
    one, other = worst.split("|")
    ordered = sorted(found, key=lambda bond: (-found[bond][0], bond))
    return BondDecision(
        verdict="fault",
        kind="label fault",
        columns=tuple(dict.fromkeys(name for bond in ordered for name in reversed(bond.split("|")))),
        words=f"{other} has come apart from {one}: a rank correlation of {value:.2f}, usually {usual:.2f}, at rates as "
        f"ever: outcomes may belong to other rows",
        score=score,
    )


def _fisher(correlation: Array | float) -> Array:
    return np.asarray(np.arctanh(np.clip(correlation, -0.999, 0.999)))


def _moved_level(held: Sequence[Joined], recent: Sequence[Joined]) -> BondDecision | None:
    """Find a column of the outcomes that moved against what all other columns foretell, in each of the last periods."""
    last = recent[-LEVEL_LASTS:]
    same = [one for one in held if one.columns == recent[-1].columns and one.columns]
    if len(same) < LEAST_HISTORY or len(last) < LEVEL_LASTS or any(one.columns != same[0].columns for one in last):
        return None
    columns, asked = same[0].columns, same[0].asked
    within = np.average([one.covariance for one in same], axis=0, weights=[one.rows for one in same])
    found: dict[str, tuple[float, float]] = {}
    for place in range(asked, len(columns)):
        residual, deviation = _residuals(np.array([one.means for one in (*same, *last)]), within, place)
        past, now = residual[: len(same)], residual[len(same) :]
        least = max(LEAST_LEVEL_SPREAD * float(np.sqrt(within[place, place])), deviation / math.sqrt(recent[-1].rows))
        for sign in (1.0, -1.0):
            # The run's weakest period against history's runs' weakest: what lasts, not what peaks.
            weakest = float(sign * np.min(sign * now))
            by = weakest - float(np.median(past))
            score = _score(_runs(sign * past, LEVEL_LASTS), sign * weakest, least=least)
            if score > SPREADS and sign * by > LARGE_EFFECT * deviation:
                found[columns[place]] = (score, by)
    if not found:
        return None
    ordered = sorted(found, key=lambda name: (-_own_move(same, recent[-1], name), name))
    worst = ordered[0]
    score, by = found[worst]
    return BondDecision(
        verdict="fault",
        kind="concept shift",
        columns=tuple(ordered),
        words=f"{worst} is {abs(by):.4g} {'higher' if by > 0 else 'lower'} than all other columns foretell, in each of "
        f"the last {LEVEL_LASTS} periods",
        score=score,
    )


def _own_move(held: Sequence[Joined], now: Joined, name: str) -> float:
    """Tell how far a column's own mean moved, in its spreads: of two that came apart, the one that moved is blamed."""
    place = now.columns.index(name)
    means = np.array([one.means[place] for one in held])
    return abs(now.means[place] - float(np.median(means))) / _spread(means, least=np.finfo(np.float64).tiny)


def _residuals(means: Array, within: Array, place: int) -> tuple[Array, float]:
    """Take from a column's means what the means of the others foretell, by the covariance within periods.

    Also tells the deviation that rows have around what the other columns foretell.
    """
    others = [other for other in range(len(within)) if other != place]
    slope = np.linalg.lstsq(within[np.ix_(others, others)], within[others, place], rcond=1e-8)[0]
    left: Array = means[:, place] - means[:, others] @ slope
    return left, float(np.sqrt(max(0.0, within[place, place] - within[others, place] @ slope)))


def _runs(values: Array, length: int) -> Array:
    """The least value of each run of so many."""
    weakest: Array = np.lib.stride_tricks.sliding_window_view(values, length).min(axis=1)
    return weakest


def _moved_everywhere(held: Sequence[Joined], recent: Sequence[Joined]) -> BondDecision | None:
    """Find labels that moved whatever was predicted, in each of the last periods."""
    last = [one.thirds for one in recent[-LASTS:] if one.thirds]
    past = np.array([one.thirds for one in held if one.thirds])
    if len(last) < LASTS or len(past) < LEAST_HISTORY:
        return None
    for sign, way in ((1.0, "higher"), (-1.0, "lower")):
        weakest = (sign * past).min(axis=1)
        now = float((sign * np.array(last)).min())
        least = max(LEAST_RATE_SPREAD, 0.1 * _deviation(held), _error(recent[-1], rows=recent[-1].rows / THIRDS))
        score = _score(_runs(weakest, LASTS), now, least=least)
        if score > SPREADS and now > 0:
            return BondDecision(
                verdict="fault",
                kind="concept shift",
                columns=(LABEL,),
                words=f"the label is {way} than predicted by {now:.3g} or more, whatever was predicted, in each of the "
                f"last {LASTS} periods: the same rows come to another end",
                score=score,
            )
    return None


def _error(now: Joined, *, rows: float) -> float:
    """Tell the sampling error of a mean of label less prediction over so many rows of a period."""
    square = math.fsum(one.error_square for one in now.answers.bins.values()) / max(1, now.answers.rows)
    return math.sqrt(square / max(1.0, rows))


def _deviation(held: Sequence[Joined]) -> float:
    """The label's deviation between periods, as a scale where labels are no shares."""
    return float(np.std([one.label for one in held]))


def _shown(held: Sequence[Joined], now: Joined) -> BondDecision | None:
    """Find a shift that is no alarm, or none yet, and name it by how far predictions moved along with labels."""
    labels, said = np.array([one.label for one in held]), np.array([one.prediction for one in held])
    least = max(LEAST_RATE_SPREAD, _error(now, rows=now.rows))
    came = max(_score(labels, now.label, least=least, sign=sign) for sign in (1.0, -1.0))
    asked = max(_score(said, now.prediction, least=least, sign=sign) for sign in (1.0, -1.0))
    if max(came, asked) <= SHOWN_SPREADS:
        return None
    usual, usually_said = float(np.median(labels)), float(np.median(said))
    kind = _kind(now.label - usual, now.prediction - usually_said, apart=_apart(held)) if came > SHOWN_SPREADS else None
    return BondDecision(
        verdict="shift",
        kind=kind or "population shift",
        columns=(LABEL if came > SHOWN_SPREADS else PREDICTION,),
        words=f"label {now.label:.3g}, usually {usual:.3g}; "
        f"prediction {now.prediction:.3g}, usually {usually_said:.3g}",
        score=max(came, asked),
    )


def _kind(label_by: float, prediction_by: float, *, apart: float | None) -> Kind:
    """Name a shift by which of them would have moved the mean prediction nearest to where it went.

    Under a concept shift it stays; under a population shift, of a calibrated model, it moves as the labels do; under a
    label shift by `apart` of that, the distance between the classes' mean predictions.
    """
    would: dict[Kind, float] = {"concept shift": 0.0, "population shift": label_by}
    if apart is not None:
        would["label shift"] = label_by * apart
    return min(would, key=lambda kind: abs(prediction_by - would[kind]))


def _apart(held: Sequence[Joined]) -> float | None:
    """Tell how far the mean predictions of the two classes lie apart; None where labels are no classes."""
    whole = merge([one.answers for one in held])
    bins = list(whole.bins.values())
    ones, rows = sum(one.label for one in bins), whole.rows
    if not whole.is_probability or not 0 < ones < rows:
        return None
    of_ones = sum(one.prediction / one.rows * one.label for one in bins) / ones
    of_others = sum(one.prediction / one.rows * (one.rows - one.label) for one in bins) / (rows - ones)
    return of_ones - of_others
