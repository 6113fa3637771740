"""What a partition's score may be, by the scores of ordinary ones: conformal ranks, and the tail beyond them."""

import numpy as np

from trivium.monitor.residuals import LEAST_SCORE
from trivium.monitor.statistics import Array


def tail(scores: Array, *, score: float, rate: float) -> tuple[float, float]:
    """Place a score among those of ordinary partitions.

    The bag lacks its own top: whatever scored above a threshold was not called ordinary and is not in it. So `rate` of
    the mass lies above all of `scores`, and the rest is shared among them; without this each removal
    would lower the next threshold, and the rate of false alarms would creep up.

    Args:
        scores: the ordinary partitions', shape (n,), n >= 1, in any order.
        score: the one to place; ties count as at least as high.
        rate: the share of ordinary partitions that may lie above the threshold.

    Returns:
        The threshold, at least `LEAST_SCORE`, and the p-value. Beyond the greatest score the tail is
        taken as exponential, with the mean excess over the upper quartile: an assumption, for ranks end at 1 / (n + 1).

    Source:
        Vovk, Gammerman and Shafer (2005), conformal p-values; the exponential tail is the generalised Pareto law of
        shape 0 (Pickands, 1975).
    """
    ordered = _without_faults(np.sort(scores), rate=rate)
    rank = (1.0 - rate) / (len(ordered) + 1)
    upper = ordered[int(0.75 * (len(ordered) - 1))]
    excess = max(float(np.mean(ordered[ordered >= upper] - upper)), 1e-9)
    greatest = float(ordered[-1])
    threshold = greatest + excess * float(np.log((rate + rank) / rate))
    if score > greatest:
        p_value = (rate + rank) * float(np.exp(-(score - greatest) / excess))
    else:
        p_value = rate + (1 + int(np.sum(ordered >= score))) * rank
    return max(threshold, LEAST_SCORE), min(p_value, 1.0)


def _without_faults(ordered: Array, *, rate: float) -> Array:
    """Leave out scores that no ordinary partition has: faults from before the table was judged.

    They lie beyond the rate's tenth of the tail as its middle tells it, which a few of them cannot move.
    """
    upper = ordered[int(0.75 * (len(ordered) - 1))]
    excess = float(np.median(ordered[ordered >= upper] - upper)) / np.log(2)
    greatest = max(upper + excess * float(np.log(2.5 / rate)), LEAST_SCORE)
    kept: Array = ordered[ordered <= greatest]
    return kept
