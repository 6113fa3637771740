"""The stages a version climbs, and when it may climb, must stay or must go. It decides; the loop writes it down."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from trivium.core.problems import ProjectError, unknown_name
from trivium.core.project import Release
from trivium.core.values import span
from trivium.release.sequential import HarmTest

STAGES = ("replay", "shadow", "canary", "live")
RETIRED = "retired"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with a version at its stage, and why in a sentence."""

    move: Literal["advance", "stay", "retire"]
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stage asks. `least_stay` and `least_outcomes` are nothing at replay; `longest_stay` is none at live."""

    least_stay: timedelta
    least_outcomes: int
    longest_stay: timedelta | None
    max_error_share: float
    max_latency_ms: float

    @classmethod
    def of(cls, stage: str, rule: Release) -> "Limits":
        """Read a stage's limits out of the project's `[release]`.

        Raises:
            ProjectError (TV-REL-004): there is no such stage.
        """
        _known(stage)
        stays = {"shadow": rule.shadow, "canary": rule.canary}
        return cls(
            least_stay=span(stays[stage]) if stage in stays else timedelta(0),
            least_outcomes=rule.least_outcomes if stage in stays else 0,
            longest_stay=None if stage == "live" else span(rule.longest_stay),
            max_error_share=rule.max_error_share,
            max_latency_ms=rule.max_latency_ms,
        )


def _known(stage: str) -> None:
    if stage not in STAGES:
        raise ProjectError(unknown_name("TV-REL-004", "stage", stage, STAGES, where="release"))


def next_stage(stage: str) -> str | None:
    """Name the stage after this one; None after live.

    Raises:
        ProjectError (TV-REL-004): there is no such stage.
    """
    _known(stage)
    place = STAGES.index(stage) + 1
    return STAGES[place] if place < len(STAGES) else None


def decide(
    stage: str,
    *,
    entered: datetime,
    now: datetime,
    outcomes: int,
    errors: int,
    answers: int,
    latency_ms: float,
    harm: HarmTest | None,
    rule: Release,
) -> Decision:
    """Decide on a version at `stage`.

    Args:
        stage: one of `STAGES`.
        entered: when it came to the stage (UTC).
        now: the present (UTC).
        outcomes: how many of its answers at this stage have met their outcome.
        errors: how many of its answers at this stage it failed to give: raised, late or not finite.
        answers: how many it was asked for, errors included.
        latency_ms: how long it takes, in milliseconds, by whatever measure the caller holds to the limit; NaN where
            nothing was measured.
        harm: the sequential test of its losses against the live version's, where there is one.
        rule: the project's `[release]`.

    Returns:
        `retire` for what proves it bad (harm, errors, latency) or for the longest stay; else `advance` once it has
        stayed long enough and met enough outcomes; else `stay`. Live never advances: there `retire` means to roll
        back. One single error never retires, however few the answers.

    Raises:
        ProjectError (TV-REL-004): there is no such stage.
    """
    limits = Limits.of(stage, rule)
    stayed = now - entered
    fault = _fault(errors=errors, answers=answers, latency_ms=latency_ms, harm=harm, limits=limits)
    if fault:
        return Decision(move="retire", reason=fault)
    if stage == "live":
        return Decision(move="stay", reason="it is live and within its limits")
    if stayed >= limits.least_stay and outcomes >= limits.least_outcomes:
        reason = f"{_days(stayed)} at {stage} and {outcomes:,} outcomes, no harm found"
        return Decision(move="advance", reason=reason)
    if limits.longest_stay is not None and stayed >= limits.longest_stay:
        reason = (
            f"{_days(stayed)} at {stage} is past the longest stay of {_days(limits.longest_stay)}, "
            f"with {outcomes:,} of {limits.least_outcomes:,} outcomes"
        )
        return Decision(move="retire", reason=reason)
    reason = (
        f"{_days(stayed)} of {_days(limits.least_stay)} at {stage}, {outcomes:,} of {limits.least_outcomes:,} outcomes"
    )
    return Decision(move="stay", reason=reason)


def _fault(*, errors: int, answers: int, latency_ms: float, harm: HarmTest | None, limits: Limits) -> str:
    if harm is not None and harm.is_harmed:
        return (
            f"its mean loss is {harm.mean:.3f} greater than the live version's, at least {harm.low:.3f} "
            f"(margin {harm.margin:.3f}), {harm.rows:,} rows"
        )
    # A lone error among few answers is over any share: two are the least that speak of the version.
    if errors > max(1.0, limits.max_error_share * answers):
        return f"{errors:,} of {answers:,} answers failed (limit {limits.max_error_share:.1%})"
    if latency_ms > limits.max_latency_ms:
        return f"it takes {latency_ms:,.0f} ms to answer (limit {limits.max_latency_ms:,.0f} ms)"
    return ""


def _days(length: timedelta) -> str:
    return f"{length.total_seconds() / 86_400:.3g} d"
