"""What a partition's score may be, by the scores of ordinary ones: conformal ranks, and the tail beyond them."""

import numpy as np

from trivium.monitor.residuals import LEAST_SCORE
from trivium.monitor.statistics import Array

# The share of the scores that is the tail.
TAIL = 0.25


def tail(scores: Array, *, score: float, rate: float) -> tuple[float, float]:
    """Place a score among those of ordinary partitions.

    Up to the upper quartile by rank; beyond it the tail is taken as exponential, an assumption, with the mean that its
    middle tells. The middle, since the bag is not clean at its far end: it lacks what was called odd, and holds the
    faults that nobody was told of, each of which would hide the next if the greatest score were the measure.

    Args:
        scores: the ordinary partitions', shape (n,), n >= 1, in any order.
        score: the one to place; ties count as at least as high.
        rate: the share of ordinary partitions that may lie above the threshold, 0 to 0.25.

    Returns:
        The threshold, at least `LEAST_SCORE`, and the p-value.

    Source:
        Vovk, Gammerman and Shafer (2005), conformal p-values; the exponential tail is the generalised Pareto law of
        shape 0 (Pickands, 1975), its mean from the median excess (the median of an exponential is ln 2 means).
    """
    ordered = np.sort(scores)
    upper = float(ordered[int((1 - TAIL) * (len(ordered) - 1))])
    excess = max(float(np.median(ordered[ordered >= upper] - upper)) / float(np.log(2)), 1e-9)
    threshold = upper + excess * float(np.log(TAIL / rate))
    if score > upper:
        p_value = TAIL * float(np.exp(-(score - upper) / excess))
    else:
        p_value = (1 + int(np.sum(ordered >= score))) / (len(ordered) + 1)
    return max(threshold, LEAST_SCORE), min(p_value, 1.0)
