"""A version climbs when it has stayed and proved itself, and goes when it is proven bad."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from trivium.core.problems import ProjectError
from trivium.core.project import Release
from trivium.release.sequential import HarmTest
from trivium.release.stages import decide, next_stage

START = datetime(2013, 3, 1, tzinfo=UTC)
GOOD = {"outcomes": 500, "errors": 0, "answers": 500, "latency_ms": 20.0, "harm": None}


def move(stage="canary", *, days=3.0, **changed):
    return decide(stage, entered=START, now=START + timedelta(days=days), rule=Release(), **{**GOOD, **changed})


def test_the_stages_follow_one_another():
    """Live is the last; an unknown stage is named with those there are."""
    assert [next_stage(stage) for stage in ("replay", "shadow", "canary", "live")] == [
        "shadow", "canary", "live", None,
    ]  # fmt: skip
    with pytest.raises(ProjectError, match="TV-REL-004"):
        next_stage("canari")


@pytest.mark.parametrize(
    ("stage", "days", "outcomes", "expected"),
    [
        ("replay", 0, 0, "advance"),
        ("shadow", 0.9, 500, "stay"),
        ("shadow", 1, 200, "advance"),
        ("canary", 1.9, 500, "stay"),
        ("canary", 2, 199, "stay"),
        ("canary", 14, 199, "retire"),
        ("canary", 14, 200, "advance"),
        ("live", 400, 0, "stay"),
    ],
)
def test_least_stay_outcomes_and_longest_stay(stage, days, outcomes, expected):
    """Each limit at its edge."""
    assert move(stage, days=days, outcomes=outcomes).move == expected


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"errors": 6}, "6 of 500 answers failed"),
        ({"errors": 2, "answers": 2}, "2 of 2 answers failed"),
        ({"latency_ms": 201.0}, "201 ms"),
        ({"harm": HarmTest(rows=800, mean=0.2, low=0.05, margin=0.01)}, "0.200 greater"),
    ],
)
@pytest.mark.parametrize("stage", ["replay", "shadow", "canary", "live"])
def test_a_fault_retires_at_any_stage(stage, changed, words):
    """Errors, latency and harm go before every other rule."""
    decision = move(stage, **changed)
    assert decision.move == "retire" and words in decision.reason


@pytest.mark.parametrize(
    "changed",
    [
        {"errors": 1, "answers": 3},
        {"errors": 5},
        {"latency_ms": 200.0},
        {"latency_ms": math.nan},
        {"harm": HarmTest(rows=800, mean=0.2, low=0.01, margin=0.01)},
    ],
)
def test_what_is_at_its_limit_is_borne(changed):
    """A lone error, the share itself, the latency itself and a bound on the margin do not retire."""
    assert move(**changed).move == "advance"
