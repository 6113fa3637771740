"""Files as chunks of rows: Parquet, CSV and JSON lines, each read a part at a time, whatever its size."""

import io
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.core.problems import DataError, Problem
from trivium.loop.pieces import CHUNK_ROWS

if TYPE_CHECKING:
    import polars as pl

# As many rows as a reader looks at to guess a CSV's types; where a later value belies the guess, it looks at all.
GUESSED_FROM_ROWS = 10_000
LINES_BYTES = 16 << 20


class BeginAnew(Exception):  # noqa: N818 - no error: a word to who reads
    """The chunks given so far are void: later rows belie their types. Read the file again, `settled`."""


def read_chunks(path: Path, *, settled: bool = False, texts: Collection[str] = ()) -> "Iterator[pl.DataFrame]":
    """Read one file by its ending: .parquet, .csv, .jsonl or .ndjson. At least one chunk comes, if only of no rows.

    Chunks of JSON lines may differ in their columns and types.

    Args:
        path: the file.
        settled: look at all values of a CSV before giving any, to find types that suit all of them.
        texts: columns of a CSV that are text, whatever they look like: `00501` is no number.

    Raises:
        BeginAnew: not settled, and the types of the first rows do not suit the later ones.
        DataError: TV-SRC-002 no such kind of file, -003 empty, -004 missing, truncated or not what its name says.
            It may come after some chunks have.
    """
    import polars as pl

    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            Problem(
                code="TV-SRC-002",
                what=f"{path.name} is of no kind that can be read",
                where=str(path),
                seen=path.suffix or "no ending",
                fix=f"use one of: {', '.join(READERS)}",
            )
        )
    try:
        if path.stat().st_size == 0:
            raise DataError(
                Problem(
                    code="TV-SRC-003",
                    what=f"{path.name} is empty",
                    where=str(path),
                    seen="0 bytes",
                    fix="write the file again; remove it if there is nothing to deliver",
                )
            )
        if reader is _csv:
            yield from (_settled_csv if settled else _csv)(path, texts)
        else:
            yield from reader(path)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """Say that a file cannot be read (TV-SRC-004); the caller raises it."""
    return DataError(
        Problem(
            code="TV-SRC-004",
            what=f"{path.name} cannot be read as {path.suffix.lstrip('.')}",
            where=str(path),
            seen=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            fix="write the file again: it is missing, truncated or of another kind",
        )
    )


def _parquet(path: Path) -> "Iterator[pl.DataFrame]":
    import polars as pl

    yield from _batches(pl.scan_parquet(path, glob=False))


def _csv(path: Path, texts: Collection[str] = ()) -> "Iterator[pl.DataFrame]":
    """Read a CSV with the types its first rows suggest; where a later value belies them, with types that suit all."""
    import polars as pl

    known = dict.fromkeys(texts, pl.String())
    if path.stat().st_size <= LINES_BYTES:
        read = partial(pl.read_csv, path, try_parse_dates=True, schema_overrides=known)
        try:
            yield read(infer_schema_length=GUESSED_FROM_ROWS)
        except pl.exceptions.ComputeError:
            yield read(infer_schema_length=None)
        return
    guessed = pl.scan_csv(
        path, infer_schema_length=GUESSED_FROM_ROWS, try_parse_dates=True, schema_overrides=known, glob=False
    )
    try:
        yield from _batches(guessed)
    except pl.exceptions.ComputeError as error:
        raise BeginAnew(str(error)) from None


def _settled_csv(path: Path, texts: Collection[str] = ()) -> "Iterator[pl.DataFrame]":
    """Read a CSV twice: once as text, to find the type that suits all values of each column, and once to give them.

    Polars' own look at all rows took 60 s for half a gigabyte, this one 10.
    """
    import polars as pl

    text = pl.scan_csv(path, infer_schema=False, glob=False)
    kinds: dict[str, list[pl.DataType]] = {}
    for chunk in _batches(text):
        for column in chunk.get_columns():
            left = kinds.setdefault(column.name, [] if column.name in texts else [pl.Int64(), pl.Float64()])
            kinds[column.name] = [
                kind for kind in left if column.cast(kind, strict=False).null_count() == column.null_count()
            ]
    for chunk in _batches(text):
        yield chunk.with_columns(pl.col(name).cast(left[0]) for name, left in kinds.items() if left)


def _batches(lazy: "pl.LazyFrame") -> "Iterator[pl.DataFrame]":
    import polars as pl

    count = 0
    for chunk in lazy.collect_batches(chunk_size=CHUNK_ROWS, maintain_order=True):
        count += 1
        yield chunk
    if not count:
        yield pl.DataFrame(schema=lazy.collect_schema())


def _lines(path: Path) -> "Iterator[pl.DataFrame]":
    """Read JSON lines some megabytes at a time, each part with types of its own.

    One guess for the whole file would drop, without a word, a field that only later lines have.
    """
    import polars as pl

    with path.open("rb") as file:
        while block := file.read(LINES_BYTES):
            block += file.readline()
            yield pl.read_ndjson(io.BytesIO(block), infer_schema_length=None)


READERS: "dict[str, Callable[[Path], Iterator[pl.DataFrame]]]" = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _lines,
    ".ndjson": _lines,
}
