"""The funnel of ideas, folded from events."""

from datetime import UTC, datetime
from typing import Any

from trivium.core.events import Event
from trivium.experiment.ideas import Ideas

AT = datetime(2013, 3, 1, tzinfo=UTC)


def event(kind: str, subject: str, because: str = "", **body: Any) -> Event:
    """Make an event."""
    return Event(at=AT, kind=kind, subject=subject, actor="ann", because=because, body=body)


def tried(run: str, rung: str, verdict: str, version: str | None = None) -> Event:
    """Make an event of a try."""
    return event(
        "tried", "wider", run=run, name="wider", because="more rows", params={"model": {"depth": 2}},
        steps={"features": {"key": "k", "ran": True}}, rung=rung, verdict=verdict, reason="why", version=version,
    )  # fmt: skip


def folded(*events: Event) -> Ideas:
    """Fold events."""
    ideas = Ideas()
    for one in events:
        ideas.apply(one)
    return ideas


def test_an_idea_climbs_to_live() -> None:
    """Try, version, gate and stages lift one idea."""
    ideas = folded(
        tried("r1", "replay", "pass"),
        event("versioned", "v1", run="r1"),
        event("judged", "v1", verdict="pass", reasons=["better", "everywhere"]),
        event("staged", "v1", stage="shadow"),
        event("staged", "v1", stage="live", because="gate passed"),
        event("ticked", "flights"),
    )
    (idea,) = ideas.all()
    assert (idea.name, idea.rung, idea.verdict, idea.version, idea.reason) == (
        "wider", "live", "pass", "v1", "gate passed",
    )  # fmt: skip
    assert idea.steps["features"]["ran"]


def test_the_gate_stops_an_idea_but_not_one_that_is_staged() -> None:
    """A verdict counts before the stages, and not after."""
    stopped = folded(tried("r1", "replay", "pass", "v1"), event("judged", "v1", verdict="fail", reasons=["worse"]))
    assert (stopped.all()[0].verdict, stopped.all()[0].reason) == ("fail", "worse")
    staged = folded(
        tried("r1", "replay", "pass", "v1"),
        event("staged", "v1", stage="live"),
        event("judged", "v1", verdict="fail", reasons=["worse"]),
    )
    assert staged.all()[0].verdict == "pass"


def test_leaving_the_canary_is_a_stop_and_leaving_live_is_not() -> None:
    """A version retired before it was live failed at its highest stage."""
    canary = folded(
        tried("r1", "replay", "pass", "v1"),
        event("staged", "v1", stage="canary"),
        event("staged", "v1", stage="retired", because="harm"),
    )
    assert (canary.all()[0].rung, canary.all()[0].verdict, canary.all()[0].reason) == ("canary", "fail", "harm")
    live = folded(
        tried("r1", "replay", "pass", "v1"), event("staged", "v1", stage="live"), event("staged", "v1", stage="retired")
    )
    assert (live.all()[0].rung, live.all()[0].verdict) == ("live", "pass")


def test_the_funnel_counts_each_rung() -> None:
    """Who reached a rung reached all below it; fail and unknown stop."""
    ideas = folded(
        tried("r1", "sample", "fail"),
        tried("r2", "full", "unknown"),
        tried("r3", "replay", "pass", "v3"),
        event("staged", "v3", stage="shadow"),
    )
    assert ideas.funnel() == [
        ("sample", 3, 1), ("full", 2, 1), ("replay", 1, 0), ("shadow", 1, 0), ("canary", 0, 0), ("live", 0, 0),
    ]  # fmt: skip


def test_a_run_told_again_is_one_idea() -> None:
    """A run that climbs rung by rung stays one idea, and keeps its version."""
    ideas = folded(tried("r1", "sample", "pass", "v1"), tried("r1", "full", "fail"))
    assert [(idea.rung, idea.version) for idea in ideas.all()] == [("full", "v1")]


def test_a_version_of_no_known_run_changes_nothing() -> None:
    """Events on versions without an idea pass by."""
    ideas = folded(event("versioned", "v9", run="r9"), event("staged", "v9", stage="live"))
    assert ideas.all() == ()
    assert ideas.of_version("v9") is None
