"""The database: how it is opened, made and refused."""

import sqlite3
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from trivium.core.problems import ProjectError, StoreError
from trivium.store import records
from trivium.store.records import LATEST, metadata, migrate, open_engine, reading, writing


@pytest.fixture
def open_store(tmp_path):
    engines = []

    def open_(name="trivium.db", **words):
        engines.append(open_engine(f"sqlite:///{tmp_path}/{name}", **words))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite:///a", "file", "x://[", ""],
)
def test_only_sqlite_files(url):
    """Any other URL is refused, and a password in it is not shown."""
    with pytest.raises(ProjectError, match="TV-STORE-007") as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_opening_touches_nothing(open_store, tmp_path):
    """An engine alone makes no file; `migrate` makes the file and its folder."""
    engine = open_store("deep/er/trivium.db")
    assert list(tmp_path.iterdir()) == []
    migrate(engine)
    assert (tmp_path / "deep/er/trivium.db").is_file()


def test_a_relative_path_is_of_the_working_folder(tmp_path, monkeypatch):
    """Three slashes name a path relative to the working folder."""
    monkeypatch.chdir(tmp_path)
    engine = open_engine("sqlite:///.trivium/trivium.db")
    migrate(engine)
    engine.dispose()
    assert (tmp_path / ".trivium/trivium.db").is_file()


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_settings(open_store, durable, level):
    """Each connection waits 30 s, checks foreign keys, writes ahead, and syncs as asked."""
    engine = open_store(durable=durable)
    migrate(engine)
    with reading(engine) as connection:

        def setting(name):
            return connection.execute(text(f"PRAGMA {name}")).scalar()

        assert setting("journal_mode") == "wal"
        assert setting("busy_timeout") == 30_000
        assert setting("foreign_keys") == 1
        assert setting("synchronous") == level


def test_a_write_transaction_holds_the_lock_from_its_start(open_store, tmp_path):
    """BEGIN IMMEDIATE: another writer is kept out before the first write, a reader is not."""
    engine = open_store()
    migrate(engine)
    other = sqlite3.connect(tmp_path / "trivium.db", timeout=0, isolation_level=None)
    with writing(engine):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM events").fetchone() == (0,)
    with reading(engine):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_held_store_is_said_to_be_held(open_store, tmp_path, monkeypatch):
    """A writer that waits in vain gets TV-STORE-008."""
    migrate(open_store())
    other = sqlite3.connect(tmp_path / "trivium.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(records, "BUSY_TIMEOUT_S", 0.05)
    with pytest.raises(StoreError, match="TV-STORE-008"), writing(open_store()):
        pass
    other.close()


def test_a_body_that_raises_leaves_nothing(open_store):
    """What was written before the body raised is gone, and the next writer can go on."""
    engine = open_store()
    migrate(engine)
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(records.memo.insert(), {"key": "a", "value": "{}"})
        raise RuntimeError
    with writing(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM memo")).scalar() == 0


def test_migrations_make_the_declared_tables(open_store):
    """The migrations' end and the tables that the code declares are the same schema."""
    engine = open_store()
    migrate(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = 'events'")).scalar()
    assert "AUTOINCREMENT" in made


def test_latest_is_the_last_migration():
    """The version that the code asks for is the last one that is packaged."""
    assert ScriptDirectory(str(records._MIGRATIONS)).get_heads() == [LATEST]


def test_migrating_again_changes_nothing(open_store):
    """A store that is up to date is left alone."""
    engine = open_store()
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(records.memo.insert(), {"key": "a", "value": "{}"})
    migrate(engine)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [LATEST]
        assert connection.execute(text("SELECT count(*) FROM memo")).scalar() == 1


def test_an_up_to_date_store_needs_no_alembic(open_store, tmp_path):
    """Opening a store that is up to date imports no Alembic: it is slow to load."""
    migrate(open_store())
    program = (
        "import sys; from trivium.store.records import *\n"
        f"migrate(open_engine('sqlite:///{tmp_path}/trivium.db')); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_newer_store_is_refused(open_store):
    """A schema that this version does not know is left alone: TV-STORE-001, exit 3."""
    engine = open_store()
    migrate(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="TV-STORE-001") as caught:
        migrate(engine)
    assert caught.value.exit_code == 3
    assert caught.value.problems[0].fix == "upgrade trivium"


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE events (a)",
        "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('1975ea83b712')",
        "CREATE TABLE alembic_version (version_num)",
    ],
)
def test_another_programs_file_is_refused(open_store, tmp_path, statements):
    """A database that is not ours is neither read nor changed."""
    connection = sqlite3.connect(tmp_path / "trivium.db")
    connection.executescript(statements)
    connection.close()
    with pytest.raises(StoreError, match="TV-STORE-002"):
        migrate(open_store())


def test_a_file_that_was_deleted_and_put_back_is_read_anew(open_store, tmp_path):
    """An engine reads the file that stands at its path now, not the one that its connection still holds open."""
    engine = open_store()
    migrate(engine)
    kept = {path: path.read_bytes() for path in tmp_path.glob("trivium.db*")}
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO memo VALUES ('late', 'x')"))
    for path in tmp_path.glob("trivium.db*"):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM memo")).scalar() == 0


def test_a_file_that_is_gone_is_told_and_not_made_anew(open_store, tmp_path):
    """An engine whose file is gone says so; it does not go on with an empty one."""
    engine = open_store()
    migrate(engine)
    for path in tmp_path.glob("trivium.db*"):
        path.unlink()
    with pytest.raises(StoreError, match="TV-STORE-003"), reading(engine):
        pass
    assert list(tmp_path.glob("trivium.db*")) == []
