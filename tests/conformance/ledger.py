"""What any `core.ports.Ledger` must do. Subclass `LedgerConformance` and override the fixture `ledger`."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from trivium.core.events import Event, ledger_digest
from trivium.core.ports import Ledger
from trivium.core.problems import StoreError

AT = datetime(2013, 3, 4, 5, 6, 7, 890, tzinfo=UTC)


def event(key=None, **changes):
    fields = {"at": AT, "kind": "collected", "subject": "flights", "actor": "tick"} | changes
    return Event(key=key, **fields)


class LedgerConformance:
    @pytest.fixture
    def ledger(self) -> Ledger:
        raise NotImplementedError("override this fixture: return an empty ledger")

    def test_empty(self, ledger):
        """An empty ledger has head 0, no events and no keys."""
        assert ledger.head() == 0
        assert list(ledger.events()) == []
        assert not ledger.has("a")

    def test_appending_nothing(self, ledger):
        """Appending nothing leaves the ledger as it was."""
        assert ledger.append([]) == []
        assert ledger.head() == 0

    def test_all_fields_come_back(self, ledger):
        """An event comes back with all its fields and its place."""
        new = event("a", because="b", body={"n": 1, "x": 0.1, "no": None, "of": ["é", {"t": True}]}, wall_clock=False)
        (kept,) = ledger.append([new])
        assert list(ledger.events()) == [kept]
        assert kept.seq == 1
        for name in ("at", "kind", "subject", "actor", "because", "key", "body", "wall_clock"):
            assert getattr(kept, name) == getattr(new, name)

    def test_what_append_returns_is_what_is_read(self, ledger):
        """Times and tuples in a body are plain values already in what `append` returns."""
        kept = ledger.append([event(body={"start": AT, "pair": (1, 2)})])
        assert kept == list(ledger.events())
        assert kept[0].body == {"start": "2013-03-04T05:06:07.000890Z", "pair": [1, 2]}

    def test_digest_survives(self, ledger):
        """The digest of the decisions is the same before and after they are kept."""
        new = [event(str(n), body={"start": AT, "n": n}, wall_clock=False) for n in range(3)]
        ledger.append(new)
        assert ledger_digest(list(ledger.events())) == ledger_digest(new)

    def test_times_are_utc(self, ledger):
        """A time in another zone comes back as the same moment, in UTC."""
        ledger.append([event(at=AT.astimezone(timezone(timedelta(hours=-5))))])
        (kept,) = ledger.events()
        assert kept.at == AT
        assert kept.at.utcoffset() == timedelta(0)

    def test_order_and_places(self, ledger):
        """Events keep their order, within an append and between appends."""
        ledger.append([event("a"), event("b")])
        ledger.append([event("c")])
        assert [(kept.seq, kept.key) for kept in ledger.events()] == [(1, "a"), (2, "b"), (3, "c")]
        assert ledger.head() == 3

    def test_events_without_a_key_never_collide(self, ledger):
        """Any number of equal events without a key are held."""
        ledger.append([event(), event()])
        ledger.append([event()])
        assert ledger.head() == 3

    def test_a_held_key_makes_the_whole_append_a_no_op(self, ledger):
        """One held key among several events keeps all of them out."""
        ledger.append([event("a")])
        assert ledger.append([event("b"), event("a"), event()]) == []
        assert ledger.head() == 1
        assert ledger.has("a")
        assert not ledger.has("b")

    def test_expected_head(self, ledger):
        """An append goes through on the expected head, and is refused whole on another."""
        assert len(ledger.append([event("a")], expect_head=0)) == 1
        with pytest.raises(StoreError, match="TV-STORE-004"):
            ledger.append([event("b"), event("c")], expect_head=0)
        assert ledger.head() == 1
        assert len(ledger.append([event("b")], expect_head=1)) == 1

    def test_a_repeat_is_a_no_op_whatever_the_head(self, ledger):
        """Work repeated after its own success is not refused for the head that it moved itself."""
        ledger.append([event("a")], expect_head=0)
        assert ledger.append([event("a")], expect_head=0) == []

    def test_filters(self, ledger):
        """`after`, `kind` and `subject` each leave out the rest, alone and together."""
        ledger.append([event(kind="collected", subject="flights"), event(kind="refused", subject="flights")])
        ledger.append([event(kind="collected", subject="weather"), event(kind="collected", subject="flights")])

        def seqs(**words):
            return [kept.seq for kept in ledger.events(**words)]

        assert seqs(after=2) == [3, 4]
        assert seqs(after=4) == []
        assert seqs(kind="collected") == [1, 3, 4]
        assert seqs(subject="flights") == [1, 2, 4]
        assert seqs(kind="collected", subject="flights", after=1) == [4]

    def test_many_events(self, ledger):
        """A long ledger comes back whole and in order."""
        ledger.append([event(str(n), kind="late" if n % 3 else "collected") for n in range(2500)])
        assert [kept.seq for kept in ledger.events()] == list(range(1, 2501))
        assert len(list(ledger.events(kind="late", after=10))) == sum(1 for n in range(10, 2500) if n % 3)

    def test_reading_while_appending_ends(self, ledger):
        """Whoever appends an event for each one read comes to an end."""
        ledger.append([event() for _ in range(2000)])
        for _ in ledger.events():
            ledger.append([event()])
        assert ledger.head() == 4000
