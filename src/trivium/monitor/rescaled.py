"""Numbers on another scale, or in another column's place: what fits on a column's distribution say."""

import numpy as np

from trivium.core.summary import DECIMALS
from trivium.monitor.evidence import BULK, FEW, FOLLOWS, WHOLE, Evidence, Explanation, percent, within
from trivium.monitor.fits import BUCKET, FACTORS, Fit, ScaleFit, by_moments, mixture, moved_by, rescaled
from trivium.monitor.statistics import FEW_VALUES
from trivium.monitor.subpopulations import explained_by_mix

# A fit explains a column when it leaves at most so much of the (squared) distance from its usual distribution.
WELL = 0.93
# A factor that no table of units names must leave still less; and any, at most half of what a mere move of all leaves.
VERY_WELL = 0.98
BETTER = 0.5
# Or a fit explains most of it, and leaves no more of the rows beyond what an ordinary day leaves.
MOSTLY = 0.6
LEFT = 0.06
# What a factor moves.
SCALED = (*BULK, "mean", "shares", "spread", "unseen decimals", "unseen")
# Two columns were swapped when each holds rows of the other, in shares no further apart than this.
SWAP_APART = 0.15
LEAST_SWAP = 0.03
# So many of the rows must lie within what was seen, once a factor is taken back; so few where they belong.
MOST_INSIDE = 0.95
AWAY = 0.6


def fits_well(evidence: Evidence, column: str, fit: Fit) -> bool:
    """Tell whether a fit leaves no more than an ordinary day does, or next to nothing of what there was."""
    usual = max(0.0, evidence.seen(column, "shares")[1]) if (column, "shares") in evidence.reading.keys else 0.0
    by_chance = 1.0 / float(np.sqrt(max(evidence.now.counts[column], 1)))
    return fit.explained >= WELL or (fit.explained >= MOSTLY and fit.left <= LEFT + usual + by_chance)


def scaled(evidence: Evidence, column: str) -> Explanation | None:
    """Explain a column by a factor, of all rows or of some."""
    now, usual = evidence.now_of(column), evidence.usual_of(column)
    if now is None or usual is None or not evidence.beyond(column, *SCALED):
        return None
    if column in evidence.now.coarse:
        fitted = by_moments(evidence.moments(column), evidence.usual_moments(column))
        if fitted is None:
            return None
    else:
        fitted = rescaled(now, usual)
        if not fits_well(evidence, column, fitted.fit) or fitted.fit.share < FEW:
            return None
        if not fitted.unit and fitted.fit.explained < VERY_WELL:
            return None
        is_rounded = _places(evidence, column) == {0} and fitted.fit.explained >= VERY_WELL and fitted.fit.share == 1
        if _would_show(evidence, column, fitted.factor) and not is_rounded:
            return None
        if 1 - fitted.fit.explained > BETTER * (1 - moved_by(now, usual).explained) or _could_be(
            evidence, column, fitted
        ):
            return None
    if explained_by_mix(evidence.now, evidence.past, column, nulls=False):
        return None
    return _of_scale(evidence, column, fitted)


def _would_show(evidence: Evidence, column: str, factor: float) -> bool:
    """Tell whether a factor would have left decimal places that the column never had, and none are there."""
    usual = _places(evidence, column)
    few = bool(usual) and max(usual) < DECIMALS[-1]
    return few and not factor.is_integer() and not evidence.up(column, "unseen decimals")


def _places(evidence: Evidence, column: str) -> set[int]:
    """List the decimal places that a column's numbers had before."""
    return {places for held in evidence.past for places in held.tallies.get((column, "decimals"), ())}


def _could_be(evidence: Evidence, column: str, fitted: ScaleFit) -> bool:
    """Tell whether all of a column's values are usual ones, in other shares: days of a calendar, more of the large.

    Of few values, scaled ones are new; where some rows alone are scaled, most of those lie outside of the usual.
    """
    now, usual = evidence.now_of(column), evidence.usual_of(column)
    if now is None or usual is None:
        return True
    if len(usual[0]) <= FEW_VALUES:
        return bool(now[1][~np.isin(now[0], usual[0])].sum() < FEW / 2 * now[1].sum())
    return fitted.fit.share < 1 and evidence.outside(column, usual) < fitted.fit.share / 2


def beyond_all(evidence: Evidence, column: str) -> Explanation | None:
    """Find the known factor that takes back what lies beyond anything ever seen, however the days vary among them."""
    now, usual = evidence.now_of(column), evidence.usual_of(column)
    if now is None or usual is None or not evidence.beyond(column, *SCALED):
        return None
    low, high = float(usual[0][0]), float(usual[0][-1])
    values, counts = now
    outside = (values < low - BUCKET * abs(low)) | (values > high + BUCKET * abs(high))
    share = float(counts[outside].sum() / counts.sum())
    if share < FEW:
        return None
    expected = evidence.usual_moments(column)[0]
    if (column, "mean") in evidence.reading.keys:
        expected = evidence.seen(column, "mean")[1]
    mean = float(np.average(values[outside], weights=counts[outside]))
    able = [
        (factor, unit)
        for factor, unit in FACTORS
        if factor > 0
        and not _would_show(evidence, column, factor)
        and within(values[outside] / factor, counts[outside], low, high) >= MOST_INSIDE
    ]
    if not able or mean * expected <= 0:
        return None
    factor, unit = min(able, key=lambda one: abs(float(np.log(mean / one[0] / expected))))
    return _of_scale(evidence, column, ScaleFit(factor, 0.0, unit, Fit(share, 1.0, 0.0)))


def converted(evidence: Evidence, column: str) -> Explanation | None:
    """Explain a column whose numbers need more decimal places than they did: what a conversion leaves."""
    if not evidence.up(column, "unseen decimals"):
        return None
    seen, _ = evidence.seen(column, "unseen decimals")
    words = f"{column} has more decimal places than ever in {percent(seen)} of the rows: looks converted"
    return Explanation("scale", (column,), words, evidence.size(column, "unseen decimals"))


def _of_scale(evidence: Evidence, column: str, fitted: ScaleFit) -> Explanation:
    times = "on another scale" if fitted.offset else f"{fitted.factor:.4g} times its usual scale"
    where = "" if fitted.fit.share > WHOLE else f" in {percent(fitted.fit.share)} of the rows"
    unit = f": looks like {fitted.unit}" if fitted.unit else ""
    return Explanation("scale", (column,), f"{column} is {times}{where}{unit}", evidence.worst(column))


def swapped(evidence: Evidence) -> list[Explanation]:
    """Pairs of columns that each hold rows of the other."""
    moved = [column for column in evidence.moved() if evidence.now_of(column) is not None]
    found: list[Explanation] = []
    taken: set[str] = set()
    follow = [column for column in evidence.moved(FOLLOWS) if evidence.now_of(column) is not None]
    for place, one in enumerate(moved):
        for other in follow[place + 1 :]:
            if not {one, other} & taken and (share := _swapped_share(evidence, one, other)):
                taken |= {one, other}
                where = "" if share > WHOLE else f" in {percent(share)} of the rows"
                words = f"{one} and {other} hold each other's usual values{where}: looks swapped"
                found.append(
                    Explanation("swapped", (one, other), words, max(evidence.worst(one), evidence.worst(other)))
                )
    return found


def _swapped_share(evidence: Evidence, one: str, other: str) -> float:
    """Tell which share of the rows holds the one in the place of the other, 0 if none does."""
    shares = []
    for column, instead in ((one, other), (other, one)):
        now, mine, theirs = evidence.now_of(column), evidence.usual_of(column), evidence.usual_of(instead)
        if now is None or mine is None or theirs is None:
            return 0.0
        fit = mixture(now, mine, theirs)
        is_coarse = {one, other} & evidence.now.coarse
        if not is_coarse and not fits_well(evidence, column, fit):
            found = _in_each_others_range(evidence, one, other) or _of_each_others_values(evidence, one, other)
            return 1.0 if found else 0.0
        (mean, _), (usual, _), (instead_of, _) = (
            evidence.moments(column), evidence.usual_moments(column), evidence.usual_moments(instead),
        )  # fmt: skip
        shares.append((mean - usual) / (instead_of - usual) if is_coarse and instead_of != usual else fit.share)
    is_swap = min(shares) >= LEAST_SWAP and abs(shares[0] - shares[1]) <= SWAP_APART
    return min(shares[0], 1.0) if is_swap else 0.0


def _of_each_others_values(evidence: Evidence, one: str, other: str) -> bool:
    """Tell whether what each holds that it never held is what the other usually holds."""
    for column, instead in ((one, other), (other, one)):
        now, mine, theirs = evidence.now_of(column), evidence.usual_of(column), evidence.usual_of(instead)
        if now is None or mine is None or theirs is None or not evidence.up(column, "unseen"):
            return False
        values, counts = now
        new = ~np.isin(values, mine[0])
        if counts[new & np.isin(values, theirs[0])].sum() < MOST_INSIDE * counts[new].sum():
            return False
    return True


def _in_each_others_range(evidence: Evidence, one: str, other: str) -> bool:
    """Tell whether both columns lie where the other usually does, and at least one is away from where it was itself.

    For columns whose days differ so much that no day has the distribution of them all.
    """
    if max(evidence.size(column, "unseen") for column in (one, other)) < FOLLOWS * evidence.reading.threshold:
        return False
    found = {}
    for column, of in ((one, one), (one, other), (other, one), (other, other)):
        usual = evidence.usual_of(of)
        found[column, of] = 1.0 - evidence.outside(column, usual) if usual else 0.0
    is_there = min(found[one, other], found[other, one]) >= MOST_INSIDE
    return is_there and min(found[one, one], found[other, other]) <= AWAY
