"""A version climbs when it has stayed and proved itself, and goes when it is proven bad, or when waiting has an end."""

import math
from datetime import timedelta

import msgspec
import pytest

from trivium.core.problems import ProjectError
from trivium.core.project import Release, StageRule
from trivium.release.evidence import ALL, ERRORS, GUARDRAILS, LATENCY, LOSS, SHIFT, Finding
from trivium.release.stages import decide, next_stage

RULE = Release()


def finding(measure=LOSS, *, low=0.05, margin=0.01, high=0.3, part=ALL):
    return Finding(measure=measure, slice=part, rows=800, worse_by=0.2, low=low, high=high, margin=margin, alpha=0.01)


def verdict(stage="canary", *, days=3.0, answers=500, outcomes=500, findings=(), rule=RULE):
    stayed = timedelta(days=days)
    return decide(stage, stayed=stayed, answers=answers, outcomes=outcomes, findings=findings, rule=rule)


def test_the_stages_follow_one_another():
    """Live is the last; an unknown stage is named with those there are."""
    assert [next_stage(stage) for stage in ("replay", "shadow", "canary", "live")] == [
        "shadow", "canary", "live", None,
    ]  # fmt: skip
    with pytest.raises(ProjectError, match="TV-REL-004"):
        next_stage("canari")
    with pytest.raises(ProjectError, match="TV-REL-004"):
        verdict("canari")


@pytest.mark.parametrize(
    ("stage", "days", "answers", "outcomes", "expected"),
    [
        ("replay", 0, 50, 0, "promote"),
        ("replay", 0, 49, 0, None),
        ("replay", 14, 49, 0, "unknown"),
        ("shadow", 0.9, 500, 500, None),
        ("shadow", 1, 500, 500, "promote"),
        ("shadow", 14, 500, 0, "unknown"),
        ("canary", 1.9, 500, 500, None),
        ("canary", 2, 500, 499, None),
        ("canary", 14, 500, 499, "unknown"),
        ("canary", 14, 500, 500, "promote"),
    ],
)
def test_bake_time_evidence_and_longest_stay(stage, days, answers, outcomes, expected):
    """Each limit at its edge: nothing goes up without its time and its evidence, and nothing waits for ever."""
    assert verdict(stage, days=days, answers=answers, outcomes=outcomes).verdict == expected


@pytest.mark.parametrize("stage", ["replay", "shadow", "canary"])
def test_no_promotion_on_no_data(stage):
    """A project that asks for nothing still asks for one answer."""
    nothing = Release(least_answers=0, least_outcomes=0, shadow="1s", canary="1s")
    assert verdict(stage, answers=0, outcomes=0, rule=nothing).verdict is None
    assert verdict(stage, answers=0, outcomes=0, days=15, rule=nothing).verdict == "unknown"
    assert verdict(stage, answers=1, outcomes=0, rule=nothing).verdict == "promote"


def test_a_stage_may_ask_otherwise():
    """What a stage's own rule says goes before what holds for all; the rest stays."""
    own = msgspec.structs.replace(RULE, stages={"shadow": StageRule(least_outcomes=0, longest_stay="3d")})
    assert verdict("shadow", outcomes=0, rule=own).verdict == "promote"
    assert verdict("shadow", answers=0, outcomes=0, rule=own).verdict == "unknown"
    assert verdict("canary", outcomes=0, rule=own).verdict is None


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (ERRORS, "it fails to answer 20.0% more often than live, at least 5.0% (margin 1.0%), 800 answers"),
        (LATENCY, "it is too slow 20.0% more often"),
        (GUARDRAILS, "its answers break a check 20.0% more often"),
        (SHIFT, "its answers lie 0.200 from live's on the mean, at least 0.050"),
        (LOSS, "its mean loss is 0.200 greater than live's, at least 0.050 (margin 0.01), 800 outcomes"),
    ],
)
@pytest.mark.parametrize("stage", ["replay", "shadow", "canary"])
def test_harm_goes_before_every_other_rule(stage, measure, words):
    """Whatever the time and the evidence, proven harm takes a version down, and says what it is."""
    for days in (0.0, 3.0, 20.0):
        decision = verdict(stage, days=days, findings=(finding(measure, low=0.0), finding(measure)))
        assert decision.verdict == "roll back" and words in decision.reason


def test_harm_in_a_slice_names_it():
    """A version that is good on the whole and bad in a slice goes because of the slice."""
    decision = verdict(findings=(finding(low=0.0), finding(part="JFK evenings")))
    assert decision.verdict == "roll back" and "in 'JFK evenings'" in decision.reason


def test_a_bound_on_the_margin_is_borne():
    """What is proven is no more than is borne."""
    assert verdict(findings=(finding(low=0.01),)).verdict == "promote"


def test_harm_must_be_ruled_out_where_that_is_asked():
    """With `rule_out` a canary waits until so great a harm is out of the question, and does not wait for ever."""
    rule = Release(rule_out=0.25)
    assert verdict(findings=(finding(low=0.0, high=0.3),), rule=rule).verdict is None
    assert verdict(findings=(finding(low=0.0, high=0.25),), rule=rule).verdict == "promote"
    assert verdict(findings=(), rule=rule).verdict is None
    assert verdict(findings=(finding(low=0.0, high=math.inf),), rule=rule, days=14).verdict == "unknown"
    assert verdict("shadow", findings=(finding(low=0.0, high=0.3),), rule=rule).verdict == "promote"


def test_a_promotion_says_what_could_have_stayed_unseen():
    """The reason of a promotion names the evidence and the least harm that is ruled out."""
    reason = verdict(findings=(finding(low=0.0, high=0.25),)).reason
    assert (
        reason
        == "3 d at canary, 500 answers and 500 outcomes: no harm found, a mean loss more than 0.25 greater is ruled out"
    )
    assert verdict(outcomes=0, answers=3).reason == "at canary: 3 of 50 answers; 0 of 500 outcomes"
