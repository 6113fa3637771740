"""Whether so many broken rows are news: a check's breaks on a partition, held to that check's own history."""

import math
from collections.abc import Sequence
from typing import Literal

# Fewer partitions tell nothing of what is usual.
LEAST_PARTITIONS = 14
# By chance alone so many rows break in one partition of 1,000 at most: told at once.
AT_ONCE = 1e-3
# In one of 20 at most: told when it comes again soon (see `persists` in `alarms.py`).
IF_AGAIN = 0.05
# What goes wrong lasts for days: so many partitions before and after the worst are of one accident with it.
BESIDE = 2
# Prior to any row seen: half a break, the Jeffreys prior of a rate.
PRIOR = 0.5

News = Literal["no", "if again", "at once"]


def news(count: int, rows: int, past: Sequence[tuple[int, int]]) -> News:
    """Tell whether `count` of `rows` breaking a check is news, given (count, rows) of earlier partitions.

    With fewer than 14 earlier partitions nothing is known of what is usual, and the answer is "at once".
    """
    if count == 0:
        return "no"
    if len(past) < LEAST_PARTITIONS:
        return "at once"
    chance = chance_of(count, rows * usual_share(past))
    return "at once" if chance <= AT_ONCE else "if again" if chance <= IF_AGAIN else "no"


def usual_share(past: Sequence[tuple[int, int]]) -> float:
    """Tell the share of rows that may ordinarily break: the greatest of the earlier partitions, one accident left out.

    The accident is the worst partition with the two before and the two after it. So one accident does not hide the
    next, and what came at two times is known. Never below what all the other rows together leave possible, with half a
    break added; partitions without rows are left out.

    Args:
        past: (count, rows) of earlier partitions, in the order of time.
    """
    held = [(count, rows) for count, rows in past if rows > 0]
    if len(held) > 1:
        worst = max(range(len(held)), key=lambda place: held[place][0] / held[place][1])
        held = held[: max(0, worst - BESIDE)] + held[worst + BESIDE + 1 :]
    pooled = (sum(count for count, _ in held) + PRIOR) / max(1, sum(rows for _, rows in held))
    return max(pooled, *(count / rows for count, rows in held), 0.0)


def chance_of(count: int, expected: float) -> float:
    """Bound from above the chance that a Poisson count with mean `expected` is at least `count`; 1 below the mean.

    Source:
        Chernoff (1952); e.g. Mitzenmacher and Upfal, Probability and Computing, theorem 5.4.
    """
    if count <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    return math.exp(count - expected - count * math.log(count / expected))
