"""The route is a fold over what was staged and rolled back."""

from datetime import UTC, datetime, timedelta

from trivium.core.events import Event
from trivium.release.route import Canary, Route, advance, route_at, with_only

START = datetime(2013, 3, 1, tzinfo=UTC)


def staged(ref, stage, *, day=0, share=None):
    return Event(at=START + timedelta(days=day), kind="staged", subject=ref, actor="loop", because="passed",
                 body={"stage": stage, "from": None, "share": share})  # fmt: skip


def rolled_back(to, away_from, *, day=0):
    return Event(at=START + timedelta(days=day), kind="rolled_back", subject=to or "heuristic", actor="ann",
                 body={"to": to, "from": away_from, "reason": "harm"})  # fmt: skip


def test_a_version_climbs_and_stands_in_one_place():
    """Each stage takes it out of the one before."""
    route = route_at([staged("v1", "replay")])
    assert route.replay == ("v1",)
    route = advance(route, staged("v1", "shadow"))
    assert (route.replay, route.shadow) == ((), ("v1",))
    route = advance(route, staged("v1", "canary", share=0.1))
    assert (route.shadow, route.canaries) == ((), (Canary("v1", 0.1),))
    route = advance(route, staged("v1", "live"))
    assert (route.canaries, route.live, route.by, route.because) == ((), "v1", "loop", "passed")


def test_earlier_live_versions_stand_behind_the_most_recent_first():
    """Three at most."""
    route = route_at([staged(f"v{n}", "live", day=n) for n in range(1, 6)])
    assert (route.live, route.fallback) == ("v5", ("v4", "v3", "v2"))
    assert route.since == START + timedelta(days=5)


def test_a_roll_back_takes_the_bad_version_out_for_good():
    """It is in no fallback afterwards, not even when the next version goes live."""
    events = [staged("v1", "live"), staged("v2", "live"), rolled_back("v1", "v2", day=1)]
    route = route_at(events)
    assert (route.live, route.fallback, route.by, route.because) == ("v1", (), "ann", "harm")
    assert advance(route, staged("v3", "live")).fallback == ("v1",)


def test_a_roll_back_to_nothing_leaves_the_heuristic():
    """`to` None: no version answers, and none that was live is behind."""
    route = route_at([staged("v1", "live"), rolled_back(None, "v1", day=2)])
    assert (route.live, route.fallback, route.since) == (None, (), START + timedelta(days=2))


def test_retired_versions_leave_every_place():
    """The live one too."""
    assert route_at([staged("v1", "live"), staged("v1", "retired")]).live is None
    assert route_at([staged("v1", "canary", share=0.1), staged("v1", "retired")]) == Route()


def test_staging_the_live_version_live_again_changes_nothing():
    """Work is safe to repeat."""
    route = route_at([staged("v1", "live")])
    assert advance(route, staged("v1", "live", day=9)) == route


def test_the_past_and_other_kinds():
    """`at` cuts the fold; events of other kinds pass by."""
    events = [staged("v1", "live"), staged("v2", "live", day=5)]
    assert route_at(events, START + timedelta(days=4)).live == "v1"
    assert route_at(events, START + timedelta(days=5)).live == "v2"
    other = Event(at=START, kind="ticked", subject="m", actor="loop")
    assert advance(Route(), other) == Route()


def test_canaries_stand_side_by_side():
    """A second one comes after the first; a new share for the first takes it to the end."""
    route = route_at([staged("v1", "canary", share=0.1), staged("v2", "canary", share=0.2)])
    assert route.canary_refs == ("v1", "v2")
    assert advance(route, staged("v1", "canary", share=0.3)).canaries == (Canary("v2", 0.2), Canary("v1", 0.3))
    assert advance(route, staged("v1", "live")).canary_refs == ("v2",)


FULL = Route(live="v4", canaries=(Canary("v5", 0.1),), shadow=("v6",), fallback=("v3", "v2"), salt="m", default=0.5)


def test_every_version_that_answers_is_named():
    """Live, canaries, shadows and fallbacks, once each; a version at replay answers nobody."""
    assert FULL.named == ("v4", "v5", "v6", "v3", "v2")
    assert Route(replay=("v1",)).named == ()


def test_what_is_not_ready_is_left_out():
    """A live version that is not loaded waits behind the first fallback that is; with none the heuristic answers."""
    assert with_only(FULL, FULL.named) == FULL
    waiting = with_only(FULL, {"v3", "v2"})
    assert (waiting.live, waiting.canaries, waiting.shadow, waiting.fallback) == ("v3", (), (), ("v2",))
    assert (waiting.salt, waiting.default) == ("m", 0.5)
    assert (with_only(FULL, {"v2"}).live, with_only(FULL, {"v2"}).fallback) == ("v2", ())
    assert with_only(FULL, ()).live is None
