"""Laws of the route and of the canary's draw."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.events import Event
from trivium.release.canary import in_canary
from trivium.release.route import MOST_FALLBACKS, Route, advance, route_at

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
        places += [ref for ref in (route.live, route.canary) if ref is not None]
        assert len(places) == len(set(places))
        assert len(route.fallback) <= MOST_FALLBACKS
        if event.kind == "rolled_back" and event.body["from"] != event.body["to"]:
            assert event.body["from"] not in places
    assert route == route_at(events)


@settings(max_examples=50, deadline=None)
@given(
    ids=st.lists(st.text(max_size=8), max_size=50), low=st.floats(0, 1), high=st.floats(0, 1), salt=st.text(max_size=5)
)
def test_a_greater_share_keeps_all_who_were_in(ids, low, high, salt):
    """The draw grows; each row is drawn alone, whatever its batch."""
    low, high = sorted((low, high))
    small, large = in_canary(ids, share=low, salt=salt), in_canary(ids, share=high, salt=salt)
    assert not np.any(small & ~large)
    assert small.tolist() == [bool(in_canary([each], share=low, salt=salt)[0]) for each in ids]
