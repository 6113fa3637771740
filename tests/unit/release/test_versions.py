"""Versions are folded from events, found by name, and known by their history."""

from datetime import UTC, datetime

import pytest

from trivium.core.events import Event
from trivium.core.problems import ProjectError, StoreError
from trivium.release.versions import Versions, from_event

AT = datetime(2013, 3, 1, tzinfo=UTC)
BODY = {
    "model": "delays", "idea": "base", "run": "r1", "parent": None, "artifact": "ab" * 32, "tables": {"flights": "cd"},
    "config": {}, "code": {"digest": "ef"}, "environment": "lock", "seed": 7, "trained_from": "2013-01-01",
    "trained_until": "2013-02-20T05:00:00Z", "holdout_until": AT, "rows": 1000,
}  # fmt: skip


def event(kind, subject, **body):
    return Event(at=AT, kind=kind, subject=subject, actor="loop", because="why", body=body)


def folded(*events):
    versions = Versions()
    for each in events:
        versions.apply(each)
    return versions


def test_a_version_is_read_from_its_event():
    """Times come as text of either form or as times."""
    version = from_event(event("versioned", "v1", **BODY))
    assert (version.ref, version.at, version.seed, version.because) == ("v1", AT, 7, "why")
    assert version.trained_from == datetime(2013, 1, 1, tzinfo=UTC)
    assert version.trained_until == datetime(2013, 2, 20, 5, tzinfo=UTC)
    assert version.holdout_until == AT


def test_an_event_that_makes_no_version_is_the_stores_fault():
    """Without an artifact there is no version."""
    with pytest.raises(StoreError, match="TV-REL-003"):
        from_event(event("versioned", "v1", model="delays"))


def test_refs_count_up():
    """The next number is after the highest, gaps or not."""
    assert folded().next_ref() == "v1"
    assert folded(event("versioned", "v9", **BODY), event("versioned", "v10", **BODY)).next_ref() == "v11"


def test_an_unknown_version_names_the_nearest():
    """And a route without a live version says how to get one."""
    versions = folded(event("versioned", "v12", **BODY))
    with pytest.raises(ProjectError, match=r"TV-REL-001.*did you mean 'v12'"):
        versions.get("v13")
    with pytest.raises(ProjectError, match="trivium try"):
        folded().get("v1")
    with pytest.raises(ProjectError, match="TV-REL-002"):
        versions.resolve("live")


def test_live_previous_and_the_histories():
    """Verdicts and stages are kept per version, the oldest first."""
    versions = folded(
        event("versioned", "v1", **BODY),
        event("staged", "v1", stage="live"),
        event("versioned", "v2", **BODY),
        event("judged", "v2", against="v1", verdict="pass", reasons=["fine"], scorecard="aa"),
        event("staged", "v2", stage="live"),
    )
    assert [versions.resolve(name).ref for name in ("live", "previous", "v1")] == ["v2", "v1", "v1"]
    assert [each.verdict for each in versions.verdicts("v2")] == ["pass"] and versions.verdicts("v1") == ()
    versions.apply(event("rolled_back", "v1", to="v1", **{"from": "v2"}, reason="harm"))
    assert [each.stage for each in versions.stays("v2")] == ["live", "rolled_back"]
    assert (versions.stage("v1"), versions.stage("v2"), versions.stage("v3")) == ("live", "rolled_back", None)
    assert versions.route.live == "v1" and [each.ref for each in versions.all()] == ["v1", "v2"]
