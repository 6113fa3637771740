"""The database: its tables, how it is opened, how it is brought up to date. Not what the rows mean.

SQLite in WAL mode: any number of readers beside one writer. A write transaction opens with BEGIN IMMEDIATE, so it
waits for its turn at the start; the driver's own way (a read lock, raised later) loses updates between two writers.
"""

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError

from trivium.core.problems import Problem, ProjectError, StoreError
from trivium.store.disk import refused

LATEST = "0001"
BUSY_TIMEOUT_S = 30.0
_WRITES = "trivium_writes"
_MIGRATIONS = Path(__file__).parent / "migrations"

metadata = MetaData()
events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("key", Text, unique=True),
    Column("body", Text, nullable=False),
    Column("wall_clock", Boolean, nullable=False),
    Index("ix_events_kind", "kind"),
    Index("ix_events_subject", "subject"),
    sqlite_autoincrement=True,
)
memo = Table(
    "memo",
    metadata,
    Column("key", Text, primary_key=True, nullable=False),
    Column("value", Text, nullable=False),
)
folds = Table(
    "folds",
    metadata,
    Column("name", Text, primary_key=True, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
)


def open_engine(url: str, *, durable: bool = True) -> Engine:
    """Make the engine for a store's URL; the file is touched at the first use, and made by `migrate`.

    Args:
        url: `sqlite:///relative/path` or `sqlite:////absolute/path`.
        durable: whether a returned write outlives a power cut; without it only a crash of the process.

    Raises:
        ProjectError (TV-STORE-007): the URL does not name a SQLite file.
    """
    place = _sqlite_url(url)
    engine = create_engine(place, connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        _use_wal(connection)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    _keep_to_file(engine)
    return engine


def _keep_to_file(engine: Engine) -> None:
    """Keep connections to the file that stands at the path now, and never make anew one that was there and is gone.

    An open connection goes on reading a file that was deleted, for as long as its process lives; what was put back in
    its place would never be seen.
    """
    place = Path(str(engine.url.database))
    seen: list[tuple[int, int]] = []

    @event.listens_for(engine, "do_connect")
    def hold(*_: Any) -> None:
        if seen and _file_at(place) is None:
            raise refused(str(place), FileNotFoundError(errno.ENOENT, "the database is gone"))

    @event.listens_for(engine, "connect")
    def note(_connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = found = _file_at(place)
        seen[:] = [found] if found else seen

    @event.listens_for(engine, "checkout")
    def hold_to_it(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _file_at(place):
            raise DisconnectionError(f"{place} is another file now")


def _file_at(place: Path) -> tuple[int, int] | None:
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_url(url: str) -> URL:
    try:
        place = make_url(url)
    except ArgumentError:
        raise _only_sqlite(url.partition("://")[0]) from None
    if place.drivername not in ("sqlite", "sqlite+pysqlite") or place.database in (None, "", ":memory:"):
        raise _only_sqlite(place.render_as_string(hide_password=True))
    return place


def _only_sqlite(seen: str) -> ProjectError:
    return ProjectError(
        Problem(
            code="TV-STORE-007",
            what="only SQLite files are supported as a store in this release",
            where="trivium.toml, [store] url",
            seen=seen,
            fix='write url = "sqlite:///.trivium/trivium.db", or leave the line out',
        )
    )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; two processes that switch at once do not wait for each other by themselves, so we do."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if _primary(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a read transaction: one unchanging view of the store, which blocks nobody.

    Raises:
        StoreError (TV-STORE-002, -003, -008): the file is no store, the disk refused, the store is held.
    """
    with _explained(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a write transaction: waits its turn, commits at the end, leaves nothing if the body raises.

    Raises:
        StoreError (TV-STORE-002, -003, -008): the file is no store, the disk refused, the store is held.
    """
    with _explained(engine), engine.connect() as connection:
        connection.execution_options(**{_WRITES: True})
        with connection.begin():
            yield connection


def migrate(engine: Engine) -> None:
    """Make the store, or bring it up to date; nothing to do costs one query. Safe when two processes start at once.

    Raises:
        StoreError (TV-STORE-001): a newer trivium has written the store.
        StoreError (TV-STORE-002): the file is damaged, or another program's.
        StoreError (TV-STORE-003): the disk refused.
    """
    place = str(engine.url.database)
    if not place.startswith("file:"):
        try:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refused(place, error) from error
    with reading(engine) as connection:
        if _version(connection, place) == LATEST:
            return
    with writing(engine) as connection:
        # Asked again: another process may have migrated while we waited for our turn.
        if _version(connection, place) != LATEST:
            _upgrade(connection)


def _version(connection: Connection, place: str) -> str | None:
    """Tell the store's schema version; None for an empty file."""
    tables = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
    if not tables:
        return None
    version = None
    if "alembic_version" in tables:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version is None or not str(version).isdecimal():
        raise _unreadable(place, f"tables {', '.join(sorted(tables)[:5])}")
    if str(version) > LATEST:
        raise StoreError(
            Problem(
                code="TV-STORE-001",
                what="a newer trivium has written this store",
                where=place,
                seen=f"schema {version}; this trivium knows schemas up to {LATEST}",
                fix="upgrade trivium",
            )
        )
    return str(version)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if _primary(cause or error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR):
            # This connection would go on holding what it read of the damaged file once that is restored.
            engine.dispose()
        raise _explain(str(engine.url.database), cause or error) from error


def _explain(place: str, error: BaseException) -> StoreError:
    primary = _primary(error)
    if primary in _REFUSALS:
        return refused(place, error if isinstance(error, Exception) else OSError(str(error)))
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            Problem(
                code="TV-STORE-008",
                what=f"another process has held the store for {BUSY_TIMEOUT_S:.0f} s",
                where=place,
                seen=str(error),
                fix="stop the other process, or wait until it is done, and run the command again",
            )
        )
    return _unreadable(place, str(error))


_REFUSALS = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


def _primary(error: BaseException) -> int:
    """Tell SQLite's primary error code: the low byte of the extended one; 0 when the error carries none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _unreadable(place: str, seen: str) -> StoreError:
    return StoreError(
        Problem(
            code="TV-STORE-002",
            what="the file cannot be read as a Trivium store",
            where=place,
            seen=seen,
            fix="restore the file from a backup, or move it away to start an empty store",
        )
    )
