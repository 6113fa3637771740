"""What people took and decided, folded from events; what an answer is worth looking at; and who comes first."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.events import Event
from trivium.respond.reviews import Entry, Reviews, entropy, ordered, state_of, value_of

AT = datetime(2013, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def folded(*events: Event) -> Reviews:
    """Fold events."""
    reviews = Reviews()
    for event in events:
        reviews.apply(event)
    return reviews


def taken(*names: str, by: str = "ann", at: datetime = AT) -> Event:
    """Take answers for an hour."""
    body = {"answers": list(names), "until": (at + HOUR).isoformat()}
    return Event(at=at, kind="review_taken", subject="late", actor=by, body=body)


def said(kind: str, name: str, **body: str) -> Event:
    """Decide on an answer, or skip it."""
    return Event(at=AT, kind=kind, subject=name, actor="ann", because="seen it", body=body)


def state(reviews: Reviews, *, hours: float, is_known: bool = False) -> str:
    """Tell the state of the answer `p` given at AT, some hours later; it expires after a day."""
    now = AT + hours * HOUR
    return state_of("p", reviews, at=AT, now=now, expires_after=DAY, is_known=is_known)


def entry(name: str, *, at: datetime = AT, value: float = 1.0) -> Entry:
    """Make an entry that waits."""
    return Entry(
        id=name, row_id=name, at=at, prediction=0.5, version="v1", stage="live", source="model", checks=("c",),
        asked_by=("c",), expires_at=at + DAY, value=value, state="waiting",
    )  # fmt: skip


def test_a_lease_ends_by_itself() -> None:
    """It holds until its time, that moment left out; whoever takes again begins anew."""
    reviews = folded(taken("p", "q"))
    assert [state(reviews, hours=hours) for hours in (0, 0.99, 1)] == ["taken", "taken", "waiting"]
    held = reviews.lease("q", now=AT)
    assert held is not None and held.by == "ann"
    reviews.apply(taken("p", by="bob", at=AT + HOUR))
    again = reviews.lease("p", now=AT + HOUR)
    assert again is not None and (again.by, again.until) == ("bob", AT + 2 * HOUR)


def test_states_give_way_in_order() -> None:
    """Decided and skipped stay; before that the truth counts more than the age, and the age more than a lease."""
    assert state(folded(said("reviewed", "p", outcome="b")), hours=100, is_known=True) == "decided"
    assert state(folded(said("review_skipped", "p")), hours=0) == "skipped"
    assert state(folded(), hours=100, is_known=True) == "overtaken"
    assert [state(folded(), hours=hours) for hours in (23.9, 24)] == ["waiting", "expired"]
    assert state(folded(taken("p", at=AT + 23.5 * HOUR)), hours=24) == "expired"


def test_a_decision_is_remembered_with_its_author() -> None:
    """Who, when and why; a lease on the answer is over with it."""
    reviews = folded(taken("p"), said("reviewed", "p", outcome="b"))
    decision = reviews.decision("p")
    assert decision is not None
    assert (decision.verdict, decision.by, decision.at, decision.because) == ("decided", "ann", AT, "seen it")
    assert decision.outcome == "b"
    assert reviews.lease("p", now=AT) is None
    assert reviews.decision("q") is None


def test_the_value_by_hand() -> None:
    """One in 8 answers breaks the one check, one in 4 the other, the model says 0.5: 3 + 2 + 1 bits."""
    shares = {"rare": 1 / 8, "usual": 1 / 4}
    assert value_of(["rare", "usual"], shares=shares, prediction=0.5) == pytest.approx(6)
    assert value_of(["rare"], shares=shares, prediction=None) == pytest.approx(3)
    assert value_of([], shares=shares, prediction=1.0) == 0
    # H(0.9) = 0.9 log2(10/9) + 0.1 log2(10)
    assert entropy(0.9) == pytest.approx(0.9 * math.log2(10 / 9) + 0.1 * math.log2(10))
    assert [entropy(number) for number in (0.0, 1.0, -3.0, 7.0, float("nan"))] == [0.0] * 5


@given(st.floats(0, 1), st.floats(0.001, 1), st.floats(0.001, 1))
def test_the_value_has_its_laws(probability: float, one: float, other: float) -> None:
    """Never negative; the same for yes as for no; a rarer check is worth more; another check broken never less."""
    shares = {"one": one, "other": other}
    alone = value_of(["one"], shares=shares, prediction=probability)
    assert 0 <= alone <= value_of(["one", "other"], shares=shares, prediction=probability)
    assert entropy(probability) == pytest.approx(entropy(1 - probability), abs=1e-9)
    assert entropy(probability) <= 1 + 1e-12
    if one < other:
        assert alone > value_of(["other"], shares=shares, prediction=probability) - 1e-12


def test_the_oldest_day_first_then_the_most_valuable() -> None:
    """Days count whole: of two from one day the more valuable is first, of equal ones the older; then by name."""
    now = AT + 3 * DAY
    old = entry("old", at=AT + 2 * HOUR, value=1)
    rich = entry("rich", at=AT + 5 * HOUR, value=9)
    new = entry("new", at=AT + 1.5 * DAY, value=99)
    twin = entry("twin", at=AT + 2 * HOUR, value=1)
    assert [one.id for one in ordered([new, twin, old, rich], now=now)] == ["rich", "old", "twin", "new"]
