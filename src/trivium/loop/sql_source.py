"""A query as a source of rows: any database that SQLAlchemy speaks to, read through a cursor, a chunk at a time.

The password of the database stands in no problem, event or message.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trivium.core.problems import DataError, Problem, ProjectError
from trivium.core.project import WHERE, Project, Table
from trivium.core.values import EPOCH, WHOLE_TABLE, floor_to, iso, span
from trivium.loop.pieces import CHUNK_ROWS, Piece, Pieces, Scratch, Shelf, chunks_of, common_schema, system_scratch
from trivium.loop.plain_rows import frame_of
from trivium.loop.sources import Delivery, Passed, partition_named
from trivium.loop.sql_engine import warehouse, words

if TYPE_CHECKING:
    import polars as pl
    from sqlalchemy import Connection

FETCHED_ROWS = 16_384


class SqlSource:
    """The rows of a table's `sql`, asked from its `url`. `:since` and `:until` in the query are filled in."""

    def __init__(
        self, project: Project, environ: Mapping[str, str], *, folder: str, scratch: Scratch = system_scratch
    ) -> None:
        self.project = project
        self._environ = environ
        self._folder = folder
        self._scratch = scratch

    def deliveries(
        self, table: str, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """See `Source`. The answer is read once, and waits on disk where it is larger than memory."""
        settings = self.project.tables[table]
        since, until = window(settings, now=now, seen=seen)
        with Shelf(self._scratch) as shelf:
            try:
                pieces = Pieces(settings, name=table, shelf=shelf)
                with closing(self._answer(table, since=since, until=until)) as answer:
                    for chunk in answer:
                        pieces.take(chunk)
                found = pieces.finish()
                self._hold_to_window(table, found, since=since, until=until)
            except (DataError, ProjectError) as error:
                yield from error.problems
                return
            for name, piece in found.items():
                yield from self._deliver(table, name, piece, now=now, seen=seen)
                piece.drop()

    def reach(self, table: str) -> list[Problem]:
        """See `Source`: connects, and asks for the query's first row."""
        try:
            with closing(self._answer(table, since=EPOCH, until=EPOCH, most_rows=1)) as answer:
                next(answer)
        except (DataError, ProjectError) as error:
            return list(error.problems)
        return []

    def _deliver(
        self, table: str, name: str, piece: Piece, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        settings = self.project.tables[table]
        partition = partition_named(name, table=table, every=settings.every)
        if seen.get(name) == piece.digest:
            yield Passed(name, piece.rows, "unchanged")
        elif partition.end > now:
            yield Passed(name, piece.rows, "waiting")
        elif piece.rows or not names_in(settings.sql or ""):
            where = f"table {table}, partition {name}"
            try:
                common_schema([block.schema for block in piece.blocks], where=where)
            except DataError as error:
                yield from error.problems
                return
            yield Delivery(
                partition, f"query of {table}", piece.digest, piece.rows, lambda: chunks_of([piece], where=where)
            )

    def _answer(
        self, table: str, *, since: datetime, until: datetime, most_rows: int | None = None
    ) -> "Generator[pl.DataFrame, None, None]":
        """Ask the query, and give its rows in chunks; at least one, though it may hold none.

        Raises:
            ProjectError: TV-SRC-006 to -008, as `warehouse`.
            DataError (TV-SRC-009): the database refused the query, or broke off.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        settings = self.project.tables[table]
        query = (settings.sql or "").strip().rstrip(";")
        times = {"since": since, "until": until}
        with warehouse(settings.url or "", self._environ, folder=self._folder, table=table) as connection:
            try:
                asked = text(_escaped(query)).bindparams(
                    **{name: _bound(connection, times[name]) for name in names_in(query)}
                )
                options = connection.execution_options(stream_results=True, max_row_buffer=FETCHED_ROWS)
                with options.execute(asked) as answer:
                    columns = list(answer.keys())
                    rows = answer.fetchmany(most_rows or CHUNK_ROWS)
                    yield frame_of(columns, rows)
                    while most_rows is None and (rows := answer.fetchmany(CHUNK_ROWS)):
                        yield frame_of(columns, rows)
            except SQLAlchemyError as error:
                raise DataError(
                    Problem(
                        code="TV-SRC-009",
                        what=f"the database refused the query of table {table!r}",
                        where=f"{WHERE}, tables.{table}.sql",
                        seen=words(error, connection.engine.url),
                        fix="correct the query; try it in the database's own client",
                    )
                ) from None

    def _hold_to_window(self, table: str, pieces: Mapping[str, Piece], *, since: datetime, until: datetime) -> None:
        """Refuse an answer with rows outside what was asked: as parts, they would replace whole partitions."""
        settings = self.project.tables[table]
        asked = names_in(settings.sql or "")
        for name, piece in pieces.items():
            start = partition_named(name, table=table, every=settings.every).start
            outside = (name == WHOLE_TABLE and piece.rows) or (
                name != WHOLE_TABLE and (("since" in asked and start < since) or ("until" in asked and start >= until))
            )
            if asked and outside:
                raise DataError(
                    Problem(
                        code="TV-SRC-010",
                        what=f"the query of table {table!r} gave rows outside the time it was asked for",
                        where=f"{WHERE}, tables.{table}.sql",
                        seen=f"{piece.rows:,} rows in partition {name}; asked for {iso(since)} to {iso(until)}",
                        fix=f"hold {settings.time or 'a time column'} itself against :since and :until in the query",
                    )
                )


def names_in(query: str) -> list[str]:
    """List which of `:since` and `:until` a query names, outside quotes and comments."""
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", " ", query, flags=re.DOTALL)
    return [name for name in ("since", "until") if re.search(rf"(?<![:\w\\]):{name}\b", bare)]


def _escaped(query: str) -> str:
    """Keep SQLAlchemy from taking other words after a colon, such as in '12:30', for parameters."""
    return re.sub(r"(?<![:\w\\]):(?!(?:since|until)\b)(?=\w)", r"\\:", query)


def window(settings: Table, *, now: datetime, seen: Mapping[str, str]) -> tuple[datetime, datetime]:
    """Tell the time to ask for: from `revisit` before the end of the last partition seen, to the last that is over.

    Both lie on the border of a partition. Nothing was seen: from 1970.
    """
    every = span(settings.every)
    # Names that are no times are of the whole table, or of a source that could not be read.
    starts = [name for name in seen if name[:1].isdigit()]
    if not starts:
        return EPOCH, floor_to(now, every)
    last = max(partition_named(name, table="", every=settings.every).end for name in starts)
    return max(EPOCH, floor_to(last - span(settings.revisit), every)), floor_to(now, every)


def _bound(connection: "Connection", at: datetime) -> Any:
    """Give a time as the database compares it: in SQLite, which has no other, as text; elsewhere in UTC."""
    at = at.astimezone(UTC)
    if connection.dialect.name == "sqlite":
        # The shortest form is below every longer one of the same time, in whatever way those are written.
        return at.strftime("%Y-%m-%d" if at.hour == at.minute == at.second == 0 else "%Y-%m-%d %H:%M:%S")
    return at if connection.dialect.name == "postgresql" else at.replace(tzinfo=None)
