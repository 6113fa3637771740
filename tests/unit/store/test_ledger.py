"""The SQL ledger: the conformance kit, and what it does beyond the port."""

from datetime import datetime

import pytest

from conformance.ledger import LedgerConformance, event
from trivium.core.problems import StoreError
from trivium.store import ledger as module
from trivium.store.ledger import SqlLedger
from trivium.store.records import migrate, open_engine


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/trivium.db", durable=False)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(engine):
    return SqlLedger(engine)


class TestSqlLedger(LedgerConformance):
    @pytest.fixture
    def ledger(self, engine):
        return SqlLedger(engine)


def test_find(ledger):
    """`find` reads the one event with a key, or None."""
    _, kept = ledger.append([event("a"), event("b", body={"n": 1})])
    assert ledger.find("b") == kept
    assert ledger.find("c") is None


def test_last(ledger):
    """`last` reads the end of the ledger in order; all of it when it is shorter, none for 0."""
    kept = ledger.append([event(str(n)) for n in range(5)])
    assert ledger.last(2) == kept[-2:]
    assert ledger.last(50) == kept
    assert ledger.last(0) == []


@pytest.mark.parametrize("rows", [2, 3, 4, 6, 7])
def test_pages_meet_without_gap_or_overlap(ledger, monkeypatch, rows):
    """Whatever the page's size, each event comes once, also where the last page is full or empty."""
    monkeypatch.setattr(module, "PAGE_ROWS", rows)
    ledger.append([event(subject=str(n % 2)) for n in range(6)])
    assert [kept.seq for kept in ledger.events()] == [1, 2, 3, 4, 5, 6]
    assert [kept.seq for kept in ledger.events(subject="1", after=1)] == [2, 4, 6]


def test_one_append_with_a_key_twice_is_a_fault(ledger):
    """An append that collides with itself is a programming fault, and keeps nothing."""
    with pytest.raises(ValueError, match="same key"):
        ledger.append([event("a"), event("a")])
    assert ledger.head() == 0


def test_a_time_without_a_zone_is_a_fault(ledger):
    """A time whose moment is not known is not kept."""
    with pytest.raises(ValueError, match="zone"):
        ledger.append([event(at=datetime(2013, 1, 1))])
    assert ledger.head() == 0


def test_another_reader_sees_an_append_at_once(ledger, engine):
    """What one connection appends, another sees."""
    ledger.append([event("a")])
    other = open_engine(str(engine.url), durable=False)
    assert SqlLedger(other).head() == 1
    other.dispose()


def test_checkpoints(ledger):
    """A checkpoint comes back as it was kept; under another version or name there is none."""
    assert ledger.checkpoint("tables", version=1) is None
    ledger.keep_checkpoint("tables", version=1, seq=5, state=b"\x00five")
    assert ledger.checkpoint("tables", version=1) == (5, b"\x00five")
    assert ledger.checkpoint("tables", version=2) is None
    assert ledger.checkpoint("route", version=1) is None


def test_a_checkpoint_never_goes_back(ledger):
    """Of two writers the one who got further stays; a new version replaces any other."""
    ledger.keep_checkpoint("tables", version=1, seq=5, state=b"five")
    ledger.keep_checkpoint("tables", version=1, seq=4, state=b"four")
    assert ledger.checkpoint("tables", version=1) == (5, b"five")
    ledger.keep_checkpoint("tables", version=1, seq=6, state=b"six")
    assert ledger.checkpoint("tables", version=1) == (6, b"six")
    ledger.keep_checkpoint("tables", version=2, seq=1, state=b"one")
    assert ledger.checkpoint("tables", version=2) == (1, b"one")


def test_a_store_that_was_never_migrated_is_no_store(tmp_path):
    """Reading a file without tables is a problem with a code, not a driver's error."""
    engine = open_engine(f"sqlite:///{tmp_path}/trivium.db")
    with pytest.raises(StoreError, match="TV-STORE-002"):
        SqlLedger(engine).head()
    engine.dispose()
