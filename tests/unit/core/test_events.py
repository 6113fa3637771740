"""Events and the digest of the decisions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from trivium.core.events import KINDS, Event, ledger_digest

AT = datetime(2013, 3, 4, tzinfo=UTC)


def event(**changes: Any) -> Event:
    said: dict[str, Any] = {"at": AT, "kind": "staged", "subject": "v1", "actor": "tick", "wall_clock": False}
    return Event(**(said | changes))


def test_each_kind_says_its_subject() -> None:
    """The meaning of a kind ends with its subject in brackets."""
    assert all(kind.islower() and meaning.endswith("]") and "[" in meaning for kind, meaning in KINDS.items())


def test_an_event_survives_json() -> None:
    """What is written is what is read."""
    said = event(key="k", because="it was due", body={"stage": "live", "share": 0.5})
    assert msgspec.json.decode(msgspec.json.encode(said), type=Event) == said


def test_an_event_does_not_change() -> None:
    """Events are frozen."""
    with pytest.raises(AttributeError):
        event().kind = "retired"  # type: ignore[misc]


@pytest.mark.parametrize(
    "changes",
    [
        {"at": AT + timedelta(seconds=1)},
        {"kind": "tried"},
        {"subject": "v2"},
        {"actor": "Ada"},
        {"because": "why not"},
        {"body": {"a": 1}},
    ],
)
def test_the_digest_sees_each_decision(changes: dict[str, Any]) -> None:
    """Whatever was decided is in the digest."""
    assert ledger_digest([event(**changes)]) != ledger_digest([event()])


def test_the_digest_leaves_out_places_keys_and_wall_times() -> None:
    """Where an event stands in the ledger, its key, and when the machine says it was, are no decision."""
    assert ledger_digest([event(key="k")]) == ledger_digest([event()])
    assert ledger_digest([event(seq=3)]) == ledger_digest([event(seq=4)])
    late = event(at=AT + timedelta(days=1), wall_clock=True)
    assert ledger_digest([late]) == ledger_digest([event(wall_clock=True)])


def test_the_digest_sees_order_but_not_that_of_keys() -> None:
    """Events in another order are other decisions; keys of a body in another order are not."""
    one, two = event(subject="v1"), event(subject="v2")
    assert ledger_digest([one, two]) != ledger_digest([two, one])
    assert ledger_digest([event(body={"a": 1, "b": 2})]) == ledger_digest([event(body={"b": 2, "a": 1})])
    assert len(ledger_digest([])) == 64
