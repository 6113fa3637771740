"""Where rows come from: the port that every source keeps, and files. A query, pushes and a rehearsal are others."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from trivium.core.problems import DataError, Problem
from trivium.core.project import Project
from trivium.core.values import WHOLE_TABLE, Partition, digest, moment, span
from trivium.loop.file_chunks import BeginAnew, read_chunks, unreadable
from trivium.loop.pieces import Piece, Pieces, Scratch, Shelf, chunks_of, common_schema, system_scratch, together

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.memo import SqlMemo

# A file up to this size is kept while it is looked at, so that it is read once; a larger one is read again.
KEPT_FILE_BYTES = 16 << 20


@dataclass(frozen=True)
class Delivery:
    """A partition's rows as a source gives them; `fingerprint` changes when they do.

    `chunks` gives them in order, each chunk with the same columns and types, and may be called again: but only until
    the source is asked for the next delivery, since what it keeps of the rows may go then.
    """

    partition: Partition
    source: str
    fingerprint: str
    rows: int
    chunks: "Callable[[], Iterator[pl.DataFrame]]"

    @classmethod
    def of(cls, partition: Partition, rows: "pl.DataFrame", *, source: str, fingerprint: str) -> "Delivery":
        """Make a delivery of rows that are at hand."""
        return cls(partition, source, fingerprint, rows.height, lambda: iter([rows]))

    def frame(self) -> "pl.DataFrame":
        """Read all rows at once."""
        return together(list(self.chunks()))


@dataclass(frozen=True)
class Passed:
    """Rows that a source read and did not deliver: their partition is unchanged since it was seen, or not over yet."""

    partition: str
    rows: int
    why: Literal["unchanged", "waiting"]


class Source(Protocol):
    """What `collect` asks for rows. `tests/conformance/sources.py` holds any implementation to it."""

    def deliveries(
        self, table: str, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """Give each partition that is complete at `now` and differs from what was `seen` (name -> fingerprint).

        What cannot be read comes as a Problem in its place; the rest still comes. What was read for nothing comes as
        Passed.
        """
        ...

    def reach(self, table: str) -> list[Problem]:
        """Tell, without reading much, what would keep the table's rows from coming; nothing is a source in order."""
        ...


def partition_named(name: str, *, table: str, every: str) -> Partition:
    """Find the partition of a name, such as `2013-03-04` or `all`."""
    if name == WHOLE_TABLE:
        return Partition.whole(table)
    start = moment(name)
    return Partition(table, start, start + span(every))


class FileSource:
    """Rows of Parquet, CSV or JSON-lines files named by a glob. A file may hold many partitions, and many files one."""

    def __init__(
        self, folder: Path, project: Project, *, memo: "SqlMemo | None" = None, scratch: Scratch = system_scratch
    ) -> None:
        self.folder = folder
        self.project = project
        self._memo = memo
        self._scratch = scratch

    def deliveries(
        self, table: str, *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """See `Source`. An unchanged file whose partitions were all seen is not read again."""
        yield from self.read(table, self.files(table), now=now, seen=seen)

    def reach(self, table: str) -> list[Problem]:
        """See `Source`: reads the beginning of each file."""
        found = []
        for file in self.files(table):
            if isinstance(file, Problem):
                found.append(file)
                continue
            try:
                next(read_chunks(file))
            except DataError as error:
                found += error.problems
            except BeginAnew:
                continue
        return found

    def read(
        self, table: str, files: Iterable[Path | Problem], *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Passed | Problem]:
        """Give the partitions of these files, as `deliveries` does of all the table's files."""
        with Shelf(self._scratch) as shelf:
            looked: list[_File] = []
            for file in files:
                if isinstance(file, Problem):
                    yield file
                    continue
                try:
                    looked.append(self._look(table, file, shelf))
                except DataError as error:
                    yield from error.problems
            holders: dict[str, list[_File]] = {}
            for each in looked:
                for name in each.index:
                    holders.setdefault(name, []).append(each)
            for name in sorted(holders):
                yield from self._deliver(table, name, holders[name], now=now, seen=seen, shelf=shelf)

    def _deliver(
        self,
        table: str,
        name: str,
        files: "Sequence[_File]",
        *,
        now: datetime,
        seen: Mapping[str, str],
        shelf: Shelf,
    ) -> Iterator[Delivery | Passed | Problem]:
        """Give a partition that is due; let its rows go afterwards."""
        partition = partition_named(name, table=table, every=self.project.tables[table].every)
        fingerprint = digest(sorted(file.index[name].digest for file in files))
        if seen.get(name) == fingerprint or partition.end > now:
            why: Literal["unchanged", "waiting"] = "unchanged" if seen.get(name) == fingerprint else "waiting"
            rows = sum(file.index[name].rows for file in files if file.is_fresh)
            if rows:
                yield Passed(name, rows, why)
        else:
            try:
                pieces = [self._piece(table, file, name, shelf) for file in files]
                source = ", ".join(file.path.name for file in files)
                where = f"table {table}, partition {name}: {source}"
                rows = sum(piece.rows for piece in pieces)
                # The types are looked at here, so that a problem comes in place of the delivery, not out of it.
                common_schema([block.schema for piece in pieces for block in piece.blocks], where=where)
                yield Delivery(partition, source, fingerprint, rows, lambda: chunks_of(pieces, where=where))
            except DataError as error:
                yield from error.problems
        for file in files:
            file.let_go(name)

    def _piece(self, table: str, file: "_File", name: str, shelf: Shelf) -> Piece:
        if not file.pieces:
            file.pieces = self._cut(table, file.path, shelf)
        piece = file.pieces.get(name)
        if piece is None or piece.digest != file.index[name].digest:
            raise DataError(
                Problem(
                    code="TV-SRC-005",
                    what=f"{file.path.name} changed while it was read",
                    where=str(file.path),
                    seen=f"partition {name}",
                    fix="write the file under another name and rename it when it is whole; then collect again",
                )
            )
        return piece

    def _look(self, table: str, path: Path, shelf: Shelf) -> "_File":
        """Name the partitions a file holds, each with a digest of its rows; remembered while the file is unchanged."""
        settings = self.project.tables[table]
        try:
            stat = path.stat()
        except OSError as error:
            raise unreadable(path, error) from None
        texts = self._texts(table)
        key = digest("pieces", str(path), stat.st_size, stat.st_mtime_ns, settings.time, settings.every, texts)
        found = self._memo.find(key) if self._memo else None
        if found is not None:
            return _File(path, {name: _Held(*held) for name, held in found.items()}, is_fresh=False)
        kept = stat.st_size <= KEPT_FILE_BYTES and shelf.has_room(4 * stat.st_size)
        pieces = self._cut(table, path, shelf if kept else None)
        index = {name: _Held(piece.digest, piece.rows) for name, piece in pieces.items()}
        if self._memo:
            self._memo.remember(key, {name: [held.digest, held.rows] for name, held in index.items()})
        return _File(path, index, is_fresh=True, pieces=pieces if kept else {})

    def _cut(self, table: str, path: Path, shelf: Shelf | None) -> dict[str, Piece]:
        for settled in (False, True):
            pieces = Pieces(self.project.tables[table], name=table, shelf=shelf)
            try:
                for chunk in read_chunks(path, settled=settled, texts=self._texts(table)):
                    pieces.take(chunk)
            except BeginAnew:
                for piece in pieces.finish().values():
                    piece.drop()
                continue
            return pieces.finish()
        raise AssertionError("unreachable: settled chunks do not begin anew")

    def _texts(self, table: str) -> list[str]:
        """List the columns that the contract calls text: a CSV does not say so itself."""
        return sorted(name for name, column in self.project.tables[table].columns.items() if column.type == "str")

    def files(self, table: str) -> list[Path | Problem]:
        """List the files that a table's pattern matches, or the problem that there are none."""
        pattern = self.project.tables[table].files or ""
        files = sorted(self.folder.glob(pattern))
        if files:
            return list(files)
        return [
            Problem(
                code="TV-SRC-001",
                what=f"no file matches the pattern of table {table!r}",
                where=str(self.folder),
                seen=pattern,
                fix=f"put the files there, or correct tables.{table}.files in trivium.toml",
            )
        ]


@dataclass(frozen=True)
class _Held:
    """What a file was found to hold of a partition."""

    digest: str
    rows: int


@dataclass
class _File:
    """A file that was looked at: what it holds, and the rows themselves while they are on the shelf."""

    path: Path
    index: dict[str, _Held]
    is_fresh: bool
    pieces: dict[str, Piece] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)

    def let_go(self, name: str) -> None:
        """Drop the rows of a partition that is done with; when all are, nothing is kept."""
        self._gone.add(name)
        if name in self.pieces:
            self.pieces[name].drop()
        if len(self._gone) == len(self.index):
            self.pieces = {}
