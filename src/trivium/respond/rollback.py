"""Whether the version before should answer again.

Not whenever the live version does badly: on a bad day every version does, and going back would only swap one bad day
for another. The one before must have done what the live one did not, on the same rows, and by a margin.
"""

import math

import msgspec


class RollbackDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to roll back, and why or why not."""

    rollback: bool
    reason: str


def decide(
    *,
    live: float | None,
    previous: float | None,
    target: float,
    better: str,
    rows: int,
    margin: float = 0.0,
    least_rows: int = 200,
) -> RollbackDecision:
    """Decide on two versions' values of an objective's metric over its window.

    Args:
        live: the live version's value; None when unknown.
        previous: that of the version that answered before it, on the same rows; None when unknown.
        target: what the objective asks.
        better: `higher` or `lower`.
        rows: the rows that both were scored on.
        margin: how much better than the live one the previous must be, in the metric's unit, >= 0.
        least_rows: below this nothing is done.
    """
    if live is None or previous is None or not (math.isfinite(live) and math.isfinite(previous)):
        return RollbackDecision(rollback=False, reason="one of the two versions has no value on these rows")
    if rows < least_rows:
        return RollbackDecision(rollback=False, reason=f"{rows} rows are too few; {least_rows} are needed")
    # Turned so that more is better.
    sign = 1.0 if better == "higher" else -1.0
    if sign * live >= sign * target:
        return RollbackDecision(rollback=False, reason="the live version meets its objective")
    if sign * previous < sign * target:
        return RollbackDecision(rollback=False, reason="the previous version would have missed the objective too")
    gain = sign * (previous - live)
    if gain <= margin:
        reason = f"the previous version is better by {gain:.4g}, not by more than {margin:.4g}"
        return RollbackDecision(rollback=False, reason=reason)
    reason = f"live {live:.4g} misses {target:.4g}; the previous version has {previous:.4g} on the same {rows} rows"
    return RollbackDecision(rollback=True, reason=reason)
