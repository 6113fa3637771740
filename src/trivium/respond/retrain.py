"""Whether to retrain now. It does not say that the new version is any better: that is the gate's word."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from trivium.core.project import Retrain
from trivium.core.values import iso, span


class RetrainDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether to retrain, and why or why not."""

    retrain: bool
    reason: str


def due(
    rule: Retrain,
    *,
    now: datetime,
    last_try: datetime | None,
    first_data: datetime | None,
    findings: Collection[str],
    in_flight: bool,
) -> RetrainDecision:
    """Decide whether a retrain is due.

    Args:
        rule: the project file's `[retrain]`.
        now: the present.
        last_try: when the last training started, whatever became of it; None before the first.
        first_data: when the first partition that can be trained on starts; None while there is none.
        findings: what monitors found since the last try: any of `drift`, `objective`, `concept`; those that are not in
            `rule.on` do not count.
        in_flight: whether an earlier candidate is still on its way up.
    """
    if in_flight:
        return _no("a candidate is on its way up already")
    if first_data is None:
        return _no("there is no data to train on")
    first = first_data + span(rule.first_after)
    if now < first:
        return _no(f"the first training waits for {rule.first_after} of data, until {iso(first)}")
    if last_try is None:
        return RetrainDecision(retrain=True, reason=f"the first training: {rule.first_after} of data are there")
    cool = last_try + span(rule.cooldown)
    if now < cool:
        return _no(f"the last try was less than {rule.cooldown} ago; the next may start {iso(cool)}")
    causes = [finding for finding in rule.on if finding in findings]
    if causes:
        return RetrainDecision(retrain=True, reason=f"found: {', '.join(causes)}")
    planned = last_try + span(rule.every)
    if now >= planned:
        return RetrainDecision(retrain=True, reason=f"on schedule: every {rule.every}")
    return _no(f"the next training is planned for {iso(planned)}")


def _no(reason: str) -> RetrainDecision:
    return RetrainDecision(retrain=False, reason=reason)
