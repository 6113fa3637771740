"""The way to a user's database: its URL, its driver, a connection that only reads. Not our own store's."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.core.problems import DataError, Problem, ProjectError
from trivium.core.project import WHERE

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.engine import URL

CONNECT_WITHIN_S = 10
# Which of our extras brings the driver; for other databases the driver's own package is named.
EXTRAS = {"postgresql": "postgres"}


@contextmanager
def warehouse(url: str, environ: Mapping[str, str], *, folder: str, table: str) -> "Iterator[Connection]":
    """Open a connection for the length of a context; whatever the query did there is rolled back.

    Args:
        url: a SQLAlchemy URL, or `env:NAME`.
        environ: where NAME is looked up.
        folder: the project's; a relative SQLite file is looked for there.
        table: whose source it is, for the words of a problem.

    Raises:
        ProjectError: TV-SRC-006 the URL is none or its variable is not set, -007 its driver is not installed.
        DataError (TV-SRC-008): the database cannot be reached, or lets this user not in.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
    from sqlalchemy.pool import NullPool

    where = f"{WHERE}, tables.{table}.url"
    place = resolved(url, environ, folder=folder, where=where)
    try:
        engine = create_engine(place, poolclass=NullPool, connect_args=_connect_args(place))
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise ProjectError(_no_driver(place, error, where)) from None
    except ArgumentError as error:
        raise ProjectError(_no_url(str(error), where)) from None
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise DataError(
            Problem(
                code="TV-SRC-008",
                what=f"the database of table {table!r} cannot be reached",
                where=place.render_as_string(hide_password=True),
                seen=words(error, place),
                fix="check that it runs, and the host, user and password of the URL",
            )
        ) from None
    try:
        if place.get_backend_name() == "postgresql":
            connection = connection.execution_options(postgresql_readonly=True)
        yield connection
    finally:
        connection.close()
        engine.dispose()


def resolved(url: str, environ: Mapping[str, str], *, folder: str, where: str) -> "URL":
    """Read a URL, from the environment if it says so."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if url.startswith("env:"):
        name = url.removeprefix("env:")
        if not environ.get(name):
            raise ProjectError(
                Problem(
                    code="TV-SRC-006",
                    what=f"the environment variable {name} is not set",
                    where=where,
                    seen=url,
                    fix=f"set it to a database's URL: export {name}=postgresql://user:password@host/database",
                )
            )
        url = environ[name]
    try:
        place = make_url(url)
    except (ArgumentError, ValueError):
        raise ProjectError(_no_url("a text that is no URL (not shown: it may hold a password)", where)) from None
    if place.drivername == "postgresql":
        place = place.set(drivername="postgresql+psycopg")
    if place.get_backend_name() == "sqlite":
        return _sqlite(place, folder=folder, where=where)
    return place


def _sqlite(place: "URL", *, folder: str, where: str) -> "URL":
    """Find the file, and open it for reading alone: SQLite would make one that is not there."""
    path = Path(folder, place.database or "")
    if not path.is_file():
        raise DataError(
            Problem(
                code="TV-SRC-008",
                what="the SQLite file is not there",
                where=where,
                seen=place.database or "no file named",
                fix="correct the path: it is relative to the project's folder, or begins with four slashes",
            )
        )
    return place.set(database=f"file:{path.resolve()}", query={"mode": "ro", "uri": "true"})


def _connect_args(place: "URL") -> dict[str, Any]:
    if place.get_backend_name() == "postgresql":
        # In UTC, so that a time without a zone is held against :since as the contract reads it.
        return {"connect_timeout": CONNECT_WITHIN_S, "options": "-c timezone=utc"}
    return {"connect_timeout": CONNECT_WITHIN_S} if place.get_backend_name() in ("mysql", "mariadb") else {}


def _no_driver(place: "URL", error: Exception, where: str) -> Problem:
    extra = EXTRAS.get(place.get_backend_name())
    return Problem(
        code="TV-SRC-007",
        what=f"the driver for {place.get_backend_name()} is not installed",
        where=where,
        seen=str(error),
        fix=f'install the extra `{extra}`: pip install "trivium[{extra}]"'
        if extra
        else "install the driver's package, and name it in the URL: dialect+driver://…",
    )


def _no_url(seen: str, where: str) -> Problem:
    return Problem(
        code="TV-SRC-006",
        what="the URL of a database cannot be read",
        where=where,
        seen=seen,
        fix="write dialect://user:password@host/database, or env:NAME for one in the environment",
    )


def words(error: Exception, place: "URL") -> str:
    """Tell what a database said, in its own words, without the statement and without the password."""
    said = str(getattr(error, "orig", None) or error)
    for secret in {place.password or "", _quoted(place.password or "")} - {""}:
        said = said.replace(str(secret), "***")
    return re.sub(r"\s+", " ", said).strip()[:300]


def _quoted(text: Any) -> str:
    from urllib.parse import quote

    return quote(str(text), safe="")
