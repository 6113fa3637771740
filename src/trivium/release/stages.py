"""The stages a version climbs, and when it may climb, must stay or must go. It decides; the loop writes it down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import msgspec

from trivium.core.problems import ProjectError, unknown_name
from trivium.core.project import Release, StageRule
from trivium.core.values import span
from trivium.release.evidence import ALL, ERRORS, GUARDRAILS, LATENCY, LOSS, SHIFT, Finding

STAGES = ("replay", "shadow", "canary", "live")
RETIRED = "retired"
Verdict = Literal["promote", "roll back", "unknown"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with a version at its stage, and why in a sentence. Until there is a `verdict` it stays.

    `harm` is what was proven of one that is rolled back, where one of the measures proved it.
    """

    verdict: Verdict | None
    reason: str
    harm: Finding | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stage before live asks."""

    least_stay: timedelta
    least_answers: int
    least_outcomes: int
    longest_stay: timedelta
    rule_out: float | None

    @classmethod
    def of(cls, stage: str, rule: Release) -> "Limits":
        """Read a stage's limits out of the project's `[release]`.

        Raises:
            ProjectError (TV-REL-004): there is no such stage.
        """
        known(stage)
        own = next((own for name, own in rule.stages.items() if name == stage), StageRule())
        bakes = {"shadow": rule.shadow, "canary": rule.canary}
        outcomes = rule.least_outcomes if stage in bakes else 0
        return cls(
            least_stay=span(bakes[stage]) if stage in bakes else timedelta(0),
            # One answer at the least: nothing is promoted on no data.
            least_answers=max(1, rule.least_answers if own.least_answers is None else own.least_answers),
            least_outcomes=outcomes if own.least_outcomes is None else own.least_outcomes,
            longest_stay=span(own.longest_stay or rule.longest_stay),
            rule_out=rule.rule_out if stage == "canary" else None,
        )


def known(stage: str) -> None:
    """Refuse a stage that there is not (ProjectError TV-REL-004)."""
    if stage not in STAGES:
        raise ProjectError(unknown_name("TV-REL-004", "stage", stage, STAGES, where="release"))


def next_stage(stage: str) -> str | None:
    """Name the stage after this one; None after live.

    Raises:
        ProjectError (TV-REL-004): there is no such stage.
    """
    known(stage)
    place = STAGES.index(stage) + 1
    return STAGES[place] if place < len(STAGES) else None


def decide(
    stage: str, *, stayed: timedelta, answers: int, outcomes: int, findings: Sequence[Finding], rule: Release
) -> Decision:
    """Decide on a version at a stage before live. May be asked as often as one likes.

    Args:
        stage: replay, shadow or canary.
        stayed: for how long it has been there.
        answers: how many it was asked for there.
        outcomes: of how many of them the outcome is known, beside an answer of the live version.
        findings: what was measured of it; see `evidence.findings`.
        rule: the project's `[release]`.

    Returns:
        `roll back` as soon as any harm is proven; else `promote` once it has stayed long enough, with enough answers
        and outcomes, and what must be ruled out is; else `unknown` at the longest stay; else no verdict yet.

    Raises:
        ProjectError (TV-REL-004): there is no such stage.
    """
    limits = Limits.of(stage, rule)
    harm = next((finding for finding in findings if finding.is_harm), None)
    if harm is not None:
        return Decision(verdict="roll back", reason=harm_of(harm), harm=harm)
    missing = _missing(stayed=stayed, answers=answers, outcomes=outcomes, findings=findings, limits=limits)
    if not missing:
        known = f" and {outcomes:,} outcomes" if outcomes else ", losses not compared"
        shown = f"{answers:,} answers{known}"
        ruled = _ruled_out(findings)
        stay = f"{_days(stayed)} at {stage}, " if stayed else ""
        return Decision(verdict="promote", reason=f"{stay}{shown}: no harm found{ruled}")
    if stayed >= limits.longest_stay:
        reason = f"{_days(stayed)} at {stage} end the longest stay, and still {'; '.join(missing)}"
        return Decision(verdict="unknown", reason=reason)
    return Decision(verdict=None, reason=f"at {stage}: {'; '.join(missing)}")


def _missing(
    *, stayed: timedelta, answers: int, outcomes: int, findings: Sequence[Finding], limits: Limits
) -> list[str]:
    """Say what a version lacks to go up."""
    missing = []
    if stayed < limits.least_stay:
        missing.append(f"{_days(stayed)} of {_days(limits.least_stay)}")
    if answers < limits.least_answers:
        missing.append(f"{answers:,} of {limits.least_answers:,} answers")
    if outcomes < limits.least_outcomes:
        missing.append(f"{outcomes:,} of {limits.least_outcomes:,} outcomes")
    if limits.rule_out is not None:
        high = next((found.high for found in findings if (found.measure, found.slice) == (LOSS, ALL)), float("inf"))
        if high > limits.rule_out:
            missing.append(f"a mean loss {limits.rule_out:.3g} greater is not ruled out (up to {high:.3g})")
    return missing


def _ruled_out(findings: Sequence[Finding]) -> str:
    """Say how much harm could have stayed unseen, by the least that is ruled out of the loss."""
    high = next((found.high for found in findings if (found.measure, found.slice) == (LOSS, ALL)), float("inf"))
    if high == 0:
        return ", its mean loss is not greater than live's"
    if high < 0:
        return f", its mean loss is at least {-high:.3g} less than live's"
    return f", a mean loss more than {high:.3g} greater is ruled out" if high < float("inf") else ""


def harm_of(found: Finding) -> str:
    """Say in a sentence what harm is proven."""
    where = "" if found.slice == ALL else f" in {found.slice!r}"
    if found.measure in _SHARES:
        return (
            f"{_SHARES[found.measure]}{found.worse_by:.1%} more often than live, at least {found.low:.1%} "
            f"(margin {found.margin:.1%}), {found.rows:,} answers"
        )
    if found.measure == SHIFT:
        return (
            f"its answers lie {found.worse_by:.3f} from live's on the mean, at least {found.low:.3f} "
            f"(margin {found.margin:.3g}), {found.rows:,} answers"
        )
    return (
        f"its mean loss{where} is {found.worse_by:.3f} greater than live's, at least {found.low:.3f} "
        f"(margin {found.margin:.3g}), {found.rows:,} outcomes"
    )


_SHARES = {
    ERRORS: "it fails to answer ",
    LATENCY: "it is too slow ",
    GUARDRAILS: "its answers break a check ",
}


def _days(length: timedelta) -> str:
    return f"{length.total_seconds() / 86_400:.3g} d"
