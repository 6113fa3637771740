"""Laws of the route and of the canary's draw."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.events import Event
from trivium.release.canary import Arms
from trivium.release.route import MOST_FALLBACKS, Canary, Route, advance, route_at, with_only

AT = datetime(2013, 3, 1, tzinfo=UTC)
REFS = st.sampled_from(["v1", "v2", "v3", "v4"])
STAGED = st.builds(
    lambda ref, stage: Event(at=AT, kind="staged", subject=ref, actor="loop", body={"stage": stage, "share": 0.1}),
    REFS,
    st.sampled_from(["replay", "shadow", "canary", "live", "retired"]),
)
BACK = st.builds(
    lambda to, away: Event(at=AT, kind="rolled_back", subject="m", actor="ann", body={"to": to, "from": away}),
    st.none() | REFS,
    REFS,
)


@settings(max_examples=100, deadline=None)
@given(events=st.lists(st.one_of(STAGED, BACK), max_size=12))
def test_a_version_stands_in_one_place_at_most(events):
    """Whatever the history, places do not overlap and fallbacks are few; folding at once or by steps is one."""
    route = Route()
    for event in events:
        route = advance(route, event)
        places = [*route.shadow, *route.replay, *route.fallback]
        places += [ref for ref in (route.live, *route.canary_refs) if ref is not None]
        assert len(places) == len(set(places))
        assert len(route.fallback) <= MOST_FALLBACKS
        if event.kind == "rolled_back" and event.body["from"] != event.body["to"]:
            assert event.body["from"] not in places
    assert route == route_at(events)


@settings(max_examples=100, deadline=None)
@given(events=st.lists(STAGED, max_size=12), ready=st.sets(REFS))
def test_a_route_of_what_is_ready_names_nothing_else(events, ready):
    """Versions that are loaded answer alone, asking twice changes nothing, and all that is ready keeps its place."""
    route = route_at(events)
    found = with_only(route, ready)
    assert set(found.named) <= ready
    assert with_only(found, ready) == found
    assert set(found.named) == set(route.named) & ready
    assert with_only(route, set(route.named)) == route


@settings(max_examples=50, deadline=None)
@given(
    ids=st.lists(st.text(max_size=8), max_size=50), low=st.floats(0, 1), high=st.floats(0, 1), salt=st.text(max_size=5)
)
def test_a_greater_share_keeps_all_who_were_in(ids, low, high, salt):
    """The draw grows; each entity is drawn alone, whatever its batch and whatever canaries come later."""
    low, high = sorted((low, high))
    small = Arms(Route(canaries=(Canary("v1", low),), salt=salt))
    large = Arms(Route(canaries=(Canary("v1", high), Canary("v2", 0.5)), salt=salt))
    was = small.assign(ids)
    assert all(arm == "v1" for arm, before in zip(large.assign(ids), was, strict=True) if before)
    assert was == [small.of(each) for each in ids]
