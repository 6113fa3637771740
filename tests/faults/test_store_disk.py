"""The store on a disk that is full, closed to writing, or damaged: a problem with a code, and nothing lost."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from trivium.core.events import Event
from trivium.core.problems import StoreError
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.memo import SqlMemo
from trivium.store.records import migrate, open_engine

EVENT = Event(at=datetime(2013, 1, 1, tzinfo=UTC), kind="ticked", subject="m", actor="a", body={"text": "x" * 1000})

# RLIMIT_FSIZE makes each write past the limit fail, as a full disk does, also for root.
FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from trivium.core.events import Event
from trivium.core.problems import StoreError
from trivium.store.blobs import FileBlobs
from trivium.store.ledger import SqlLedger
from trivium.store.records import open_engine

root = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
ledger = SqlLedger(open_engine(f"sqlite:///{root}/trivium.db"))
event = Event(at=datetime(2013, 1, 1, tzinfo=UTC), kind="ticked", subject="m", actor="a", body={"text": "x" * 1000})
kept = 0
try:
    while kept < 2000:
        kept += len(ledger.append([event]))
except StoreError as error:
    print(error.problems[0].code, kept)
try:
    FileBlobs(root).put(b"x" * 300_000)
except StoreError as error:
    print(error.problems[0].code)
"""


@pytest.fixture
def open_store(tmp_path):
    engines = []

    def open_(place=tmp_path / "trivium.db"):
        engines.append(open_engine(f"sqlite:///{place}"))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.dispose()


def test_a_full_disk(open_store, tmp_path):
    """What was appended before the disk was full is there; what failed left no trace; room again, and it goes on."""
    engine = open_store()
    migrate(engine)
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True, capture_output=True, text=True)
    ledger_line, blob_line = done.stdout.splitlines()
    assert blob_line == "TV-STORE-003"
    code, kept = ledger_line.split()
    assert code == "TV-STORE-003"
    ledger = SqlLedger(engine)
    assert ledger.head() == int(kept) == len(list(ledger.events()))
    assert ledger.head() > 0
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    ledger.append([EVENT])
    assert ledger.head() == int(kept) + 1


def test_a_store_that_may_only_be_read(open_store, tmp_path):
    """A store opened for reading answers, and refuses each write with TV-STORE-003."""
    engine = open_store()
    migrate(engine)
    SqlLedger(engine).append([EVENT])
    closed = open_store(f"file:{tmp_path}/trivium.db?mode=ro&uri=true")
    migrate(closed)
    assert SqlLedger(closed).head() == 1
    for write in (
        lambda: SqlLedger(closed).append([EVENT]),
        lambda: SqlLedger(closed).keep_checkpoint("f", version=1, seq=1, state=b""),
        lambda: SqlMemo(closed).remember("a", {}),
    ):
        with pytest.raises(StoreError, match="TV-STORE-003"):
            write()


def test_a_file_where_the_folder_should_be(open_store, tmp_path):
    """A store that cannot have its folder says so: TV-STORE-003, for database and blobs alike."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match="TV-STORE-003") as caught:
        migrate(open_store(tmp_path / "taken" / "trivium.db"))
    assert caught.value.exit_code == 3
    blobs = FileBlobs(tmp_path / "taken")
    for use in (lambda: blobs.put(b"a"), lambda: blobs.get("0" * 64)):
        with pytest.raises(StoreError, match="TV-STORE-003"):
            use()


def test_a_folder_where_the_file_should_be(open_store, tmp_path):
    """A database that is a folder is refused: TV-STORE-003."""
    (tmp_path / "trivium.db").mkdir()
    with pytest.raises(StoreError, match="TV-STORE-003"):
        migrate(open_store())


def test_a_file_that_is_no_database(open_store, tmp_path):
    """A file of other bytes is not touched: TV-STORE-002."""
    (tmp_path / "trivium.db").write_bytes(b"not a database at all " * 500)
    with pytest.raises(StoreError, match="TV-STORE-002"):
        migrate(open_store())
    assert (tmp_path / "trivium.db").read_bytes() == b"not a database at all " * 500


def test_a_damaged_database(open_store, tmp_path):
    """Pages overwritten with other bytes are found when they are read: TV-STORE-002."""
    engine = open_store()
    migrate(engine)
    SqlLedger(engine).append([EVENT] * 200)
    engine.dispose()
    path = tmp_path / "trivium.db"
    content = path.read_bytes()
    assert len(content) > 100_000
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    with pytest.raises(StoreError, match="TV-STORE-002"):
        list(SqlLedger(open_store()).events())


def test_a_database_that_is_lost_and_restored(open_store, tmp_path):
    """Overwritten under a process that reads it, and put back from a copy: that process reads it again."""
    ledger = SqlLedger(open_store())
    migrate(ledger._engine)
    ledger.append([EVENT] * 200)
    beside = SqlLedger(open_store())  # as a server has several
    assert beside.head() == 200
    kept = {path: path.read_bytes() for path in tmp_path.glob("trivium.db*")}
    for path, content in kept.items():
        with path.open("r+b") as file:
            file.write(b"\xff" * len(content))
    for _ in range(3):
        with pytest.raises(StoreError, match=r"TV-STORE-00[23]"):
            ledger.head()
        with pytest.raises(StoreError, match=r"TV-STORE-00[23]"):
            beside.head()
    for path, content in kept.items():
        path.write_bytes(content)
    assert len(list(ledger.events())) == len(list(beside.events())) == 200


def test_a_damaged_blob(tmp_path):
    """One flipped bit in a partition's blob is found before a row of it is read: TV-STORE-006."""
    import polars as pl

    blobs = FileBlobs(tmp_path)
    digest = blobs.put_frame(pl.DataFrame({"n": range(1000)}))
    content = bytearray(blobs.path(digest).read_bytes())
    content[len(content) // 2] ^= 1
    blobs.path(digest).write_bytes(content)
    with pytest.raises(StoreError, match="TV-STORE-006"):
        blobs.get_frame(digest, columns=["n"])
    blobs.path(digest).unlink()
    with pytest.raises(StoreError, match="TV-STORE-005"):
        blobs.get_frame(digest)
