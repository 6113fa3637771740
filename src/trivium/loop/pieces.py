"""Rows on their way from a source to the store: cut into partitions as they stream by, in bounded memory.

Not a source: files, queries and pushes all hand their chunks to `Pieces`. What waits to be taken in lies on a `Shelf`.
"""

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, cast

from trivium.core.problems import DataError, Problem
from trivium.core.project import Table
from trivium.core.values import EPOCH, Partition, digest, span

if TYPE_CHECKING:
    import polars as pl

# What is checked and summarised at once; half a row group of the store's blobs. Larger chunks gain no speed, and take
# memory in proportion: a summary of 20 columns some 3 KB a row while it is made.
CHUNK_ROWS = 65_536
SHELF_BYTES = 64 << 20
LOOSE_BYTES = 32 << 20
Scratch = Callable[[], AbstractContextManager[Path]]


@contextmanager
def system_scratch() -> Iterator[Path]:
    """Give a folder of the system's own for temporary files, where no store is at hand."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


class Shelf:
    """Where blocks of rows wait: in memory up to `memory_bytes`, past that in files. A context; then all is gone."""

    def __init__(self, scratch: Scratch = system_scratch, *, memory_bytes: int = SHELF_BYTES) -> None:
        self._scratch = scratch
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._files = 0

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def has_room(self, size_bytes: int) -> bool:
        """Tell whether so much more would stay in memory."""
        return self._held_bytes + size_bytes <= self._memory_bytes

    def put(self, rows: "pl.DataFrame") -> "Block":
        """Keep rows until they are dropped."""
        size = int(rows.estimated_size())
        if self.has_room(size):
            self._held_bytes += size
            return Block(rows.height, rows.schema, self, rows=rows, size_bytes=size)
        if self._folder is None:
            self._folder = self._stack.enter_context(self._scratch())
        path = self._folder / f"{self._files}.arrow"
        self._files += 1
        rows.write_ipc(path, compression="lz4")
        return Block(rows.height, rows.schema, self, path=path)

    def drop(self, block: "Block") -> None:
        """Forget a block's rows."""
        self._held_bytes -= block.size_bytes
        if block.path is not None:
            block.path.unlink(missing_ok=True)


@dataclass
class Block:
    """Some rows on a shelf."""

    height: int
    schema: "pl.Schema"
    shelf: Shelf
    rows: "pl.DataFrame | None" = None
    path: Path | None = None
    size_bytes: int = 0

    def get(self) -> "pl.DataFrame":
        """Read the rows."""
        import polars as pl

        if self.rows is not None:
            return self.rows
        assert self.path is not None
        return pl.read_ipc(self.path)

    def drop(self) -> None:
        """Let the rows go; the block is not to be read again."""
        self.shelf.drop(self)
        self.rows, self.path, self.size_bytes = None, None, 0


@dataclass
class Piece:
    """What one source holds of a partition: how many rows, a digest of them, and, if they were kept, the rows."""

    partition: Partition
    digest: str
    rows: int
    blocks: list[Block] = field(default_factory=list)

    def drop(self) -> None:
        """Let the rows go."""
        for block in self.blocks:
            block.drop()


class Pieces:
    """Cuts chunks into a table's partitions by time. With a shelf the rows are kept there; without, only digested.

    Rows without a readable time go to the end of the last partition, where the contract refuses or quarantines them. If
    the time column is gone, or no row has a readable time, all rows are one partition, named `all`.
    """

    def __init__(self, table: Table, *, name: str, shelf: Shelf | None) -> None:
        self._table = table
        self._name = name
        self._shelf = shelf
        self._every = span(table.every)
        self._parts: dict[int, _Part] = {}
        self._without_time = _Part(shelf)
        self._loose_bytes = 0.0

    def take(self, chunk: "pl.DataFrame") -> None:
        """Cut the next rows up, each to its partition, in the order they come."""
        for start, rows in self._cut(chunk):
            part = self._without_time if start is None else self._parts.setdefault(start, _Part(self._shelf))
            part.add(rows)
        self._loose_bytes += chunk.estimated_size()
        if self._loose_bytes > LOOSE_BYTES:
            for part in (*self._parts.values(), self._without_time):
                part.seal()
            self._loose_bytes = 0.0

    def finish(self) -> dict[str, Piece]:
        """Give the pieces by the partitions' names, in time order; at least one, though it may hold no rows."""
        if self._without_time.rows or not self._parts:
            last = max(self._parts) if self._parts else None
            if last is None:
                whole = Partition.whole(self._name)
                return {whole.name: self._without_time.finish(whole)}
            self._parts[last].append(self._without_time)
        found = {}
        for start, part in sorted(self._parts.items()):
            at = EPOCH + self._every * start
            partition = Partition(self._name, at, at + self._every)
            found[partition.name] = part.finish(partition)
        return found

    def _cut(self, chunk: "pl.DataFrame") -> "Iterator[tuple[int | None, pl.DataFrame]]":
        times = None
        if self._table.time is not None and self._table.time in chunk.columns and chunk.height:
            times = as_times(chunk[self._table.time])
        if times is None or times.null_count() == chunk.height:
            yield None, chunk
            return
        starts = times.dt.timestamp("us") // int(self._every.total_seconds() * 1_000_000)
        if starts.null_count() == 0 and starts.min() == starts.max():
            yield int(starts[0]), chunk
            return
        marked = chunk.with_columns(starts.alias("_start"))
        parts = marked.partition_by("_start", as_dict=True, maintain_order=True, include_key=False)
        for (start,), rows in sorted(parts.items(), key=lambda each: (each[0][0] is None, each[0][0] or 0)):
            yield None if start is None else int(start), rows


class _Part:
    """A partition in the making: rows come in, and are sealed in blocks of one length, however they came.

    So the digest is of the rows, not of the chunks they were read in. Only where a source mixes more partitions than
    fit into memory are blocks sealed early; then another chunking may give another digest, and so a second look.
    """

    def __init__(self, shelf: Shelf | None) -> None:
        self._shelf = shelf
        self._loose: list[pl.DataFrame] = []
        self._loose_rows = 0
        self._digests: list[str] = []
        self._blocks: list[Block] = []
        self.rows = 0

    def add(self, rows: "pl.DataFrame") -> None:
        self._loose.append(rows)
        self._loose_rows += rows.height
        self.rows += rows.height
        while self._loose_rows > CHUNK_ROWS:
            self._seal(CHUNK_ROWS)

    def append(self, other: "_Part") -> None:
        other.seal()
        self.seal()
        self._digests += other._digests
        self._blocks += other._blocks
        self.rows += other.rows

    def seal(self) -> None:
        if self._loose_rows:
            self._seal(self._loose_rows)

    def _seal(self, rows: int) -> None:
        whole = together(self._loose)
        block = whole.head(rows)
        self._loose, self._loose_rows = [whole.slice(rows)], whole.height - rows
        self._digests.append(content_digest(block))
        if self._shelf is not None:
            self._blocks.append(self._shelf.put(block))

    def finish(self, partition: Partition) -> Piece:
        if self._loose_rows or not self._digests:
            self._seal(self._loose_rows)
        digests = self._digests
        return Piece(partition, digests[0] if len(digests) == 1 else digest(digests), self.rows, self._blocks)


def split(rows: "pl.DataFrame", table: Table, *, name: str) -> "dict[Partition, pl.DataFrame]":
    """Cut rows that are at hand into partitions by their time, as `Pieces` does."""
    with Shelf(memory_bytes=1 << 62) as shelf:
        pieces = Pieces(table, name=name, shelf=shelf)
        pieces.take(rows)
        return {piece.partition: together([b.get() for b in piece.blocks]) for piece in pieces.finish().values()}


def chunks_of(pieces: Sequence[Piece], *, where: str) -> "Iterator[pl.DataFrame]":
    """Give the rows of pieces of one partition, in chunks of one schema; small pieces come together in one chunk.

    Raises:
        DataError (TV-SRC-011): the pieces' columns have types that do not go together.
    """
    blocks = [block for piece in pieces for block in piece.blocks]
    schema = common_schema([block.schema for block in blocks], where=where)
    return in_chunks(fitted(block.get(), schema) for block in blocks)


def in_chunks(frames: "Iterable[pl.DataFrame]") -> "Iterator[pl.DataFrame]":
    """Put small frames together and cut large ones up, into chunks of at most `CHUNK_ROWS`; one at least."""
    waiting: list[pl.DataFrame] = []
    rows = 0
    for frame in frames:
        if waiting and rows + frame.height > CHUNK_ROWS:
            yield together(waiting)
            waiting, rows = [], 0
        *whole, last = [frame.slice(start, CHUNK_ROWS) for start in range(0, max(frame.height, 1), CHUNK_ROWS)]
        yield from whole
        waiting.append(last)
        rows += last.height
    if waiting:
        yield together(waiting)


def fitted(rows: "pl.DataFrame", schema: "pl.Schema") -> "pl.DataFrame":
    """Give rows the columns and types of a schema that holds theirs; what they lack is null."""
    import polars as pl

    if rows.schema == schema:
        return rows
    return pl.concat([pl.DataFrame(schema=schema), rows], how="diagonal_relaxed")


def common_schema(schemas: "Iterable[pl.Schema]", *, where: str) -> "pl.Schema":
    """Find the columns and types that hold those of all.

    Raises:
        DataError (TV-SRC-011): types do not go together.
    """
    import polars as pl

    distinct: list[pl.Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    if len(distinct) == 1:
        return distinct[0]
    try:
        return pl.concat([pl.DataFrame(schema=schema) for schema in distinct], how="diagonal_relaxed").schema
    except pl.exceptions.PolarsError as error:
        raise DataError(
            Problem(
                code="TV-SRC-011",
                what="the parts of a partition have columns of types that do not go together",
                where=where,
                seen=str(error).splitlines()[0][:200],
                fix="write all parts with the same types",
            )
        ) from None


def together(frames: "Sequence[pl.DataFrame]") -> "pl.DataFrame":
    """Put frames one below the other; a column that some lack is null there."""
    import polars as pl

    if not frames:
        return pl.DataFrame()
    if len(frames) == 1:
        return frames[0]
    same = all(frame.schema == frames[0].schema for frame in frames)
    return pl.concat(frames, how="vertical" if same else "diagonal_relaxed")


def as_times(column: "pl.Series") -> "pl.Series | None":
    """Read a column as UTC times; None when it holds no times (numbers, or text that is no ISO 8601)."""
    import polars as pl

    if column.dtype == pl.String:
        column = column.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    if column.dtype == pl.Date:
        column = column.cast(pl.Datetime("us"))
    if not isinstance(column.dtype, pl.Datetime):
        return None
    if column.dtype.time_zone is None:
        return column.dt.replace_time_zone("UTC")
    return column.dt.convert_time_zone("UTC")


class _Digesting(io.RawIOBase):
    """A file that keeps nothing of what is written to it but a digest."""

    def __init__(self) -> None:
        self.running = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.running.update(content)
        return len(content)


def content_digest(rows: "pl.DataFrame") -> str:
    """Digest a frame's schema and values."""
    file = _Digesting()
    rows.rechunk().write_ipc(cast(IO[bytes], file), compression="uncompressed")
    return file.running.hexdigest()
