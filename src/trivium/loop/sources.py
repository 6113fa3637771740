"""Where rows come from: files on disk, cut into partitions by time. A rehearsal's history is another source."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trivium.core.problems import DataError, Problem
from trivium.core.project import Project, Table
from trivium.core.values import EPOCH, Partition, digest, sha256, span

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.memo import SqlMemo


@dataclass(frozen=True)
class Delivery:
    """A partition's rows as a source gave them; `fingerprint` changes when they do."""

    partition: Partition
    rows: "pl.DataFrame"
    source: str
    fingerprint: str


class Source(Protocol):
    """What `collect` asks for rows."""

    def deliveries(self, table: str, *, now: datetime, seen: Mapping[str, str]) -> Iterator[Delivery | Problem]:
        """Give each partition that is complete at `now` and differs from what was `seen` (name -> fingerprint).

        What cannot be read comes as a Problem in its place; the rest still comes.
        """
        ...


class FileSource:
    """Rows of Parquet, CSV or JSON-lines files named by a glob. A file may hold many partitions, and many files one."""

    def __init__(self, folder: Path, project: Project, *, memo: "SqlMemo | None" = None) -> None:
        self.folder = folder
        self.project = project
        self._memo = memo

    def deliveries(self, table: str, *, now: datetime, seen: Mapping[str, str]) -> Iterator[Delivery | Problem]:
        """See `Source`. An unchanged file whose partitions were all seen is not read again."""
        yield from self.read(table, self.files(table), now=now, seen=seen)

    def read(
        self, table: str, files: Iterable[Path | Problem], *, now: datetime, seen: Mapping[str, str]
    ) -> Iterator[Delivery | Problem]:
        """Give the partitions of these files, as `deliveries` does of all the table's files."""
        indexes: dict[Path, dict[str, str]] = {}
        for file in files:
            if isinstance(file, Problem):
                yield file
                continue
            try:
                indexes[file] = self._index(table, file)
            except DataError as error:
                yield from error.problems
        holders: dict[str, list[Path]] = {}
        for file, index in indexes.items():
            for name in index:
                holders.setdefault(name, []).append(file)
        pieces: dict[Path, dict[Partition, pl.DataFrame]] = {}
        for name in sorted(holders):
            fingerprint = digest(sorted(indexes[file][name] for file in holders[name]))
            if seen.get(name) == fingerprint:
                continue
            for file in holders[name]:
                if file not in pieces:
                    pieces[file] = split(read_file(file), self.project.tables[table], name=table)
            yield from self._due(
                name, [pieces[file] for file in holders[name]], now=now, source=holders[name], fingerprint=fingerprint
            )

    def _due(
        self,
        name: str,
        pieces: list[dict[Partition, "pl.DataFrame"]],
        *,
        now: datetime,
        source: list[Path],
        fingerprint: str,
    ) -> Iterator[Delivery]:
        import polars as pl

        parts = [(partition, rows) for piece in pieces for partition, rows in piece.items() if partition.name == name]
        if parts and parts[0][0].end <= now:
            rows = pl.concat([rows for _, rows in parts], how="diagonal_relaxed")
            yield Delivery(parts[0][0], rows, ", ".join(path.name for path in source), fingerprint)

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

    def _index(self, table: str, file: Path) -> dict[str, str]:
        """Name the partitions a file holds, each with a digest of its rows; remembered while the file is unchanged."""
        settings = self.project.tables[table]
        try:
            stat = file.stat()
        except OSError as error:
            raise _unreadable(file, error) from None
        key = digest("index", str(file), stat.st_size, stat.st_mtime_ns, settings.time, settings.every)
        found = self._memo.find(key) if self._memo else None
        if found is None:
            parts = split(read_file(file), settings, name=table)
            found = {partition.name: content_digest(rows) for partition, rows in parts.items()}
            if self._memo:
                self._memo.remember(key, found)
        return found


def read_file(path: Path) -> "pl.DataFrame":
    """Read one file by its ending: .parquet, .csv, .jsonl or .ndjson.

    Raises:
        DataError: TV-SRC-002 no such kind of file, -003 empty, -004 missing, truncated or not what its name says.
    """
    import polars as pl

    readers = {
        ".parquet": pl.read_parquet,
        ".csv": lambda file: pl.read_csv(file, infer_schema_length=10_000, try_parse_dates=True),
        ".jsonl": pl.read_ndjson,
        ".ndjson": pl.read_ndjson,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            Problem(
                code="TV-SRC-002",
                what=f"{path.name} is of no kind that can be read",
                where=str(path),
                seen=path.suffix or "no ending",
                fix=f"use one of: {', '.join(readers)}",
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
        return reader(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(
        Problem(
            code="TV-SRC-004",
            what=f"{path.name} cannot be read as {path.suffix.lstrip('.')}",
            where=str(path),
            seen=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            fix="write the file again: it is missing, truncated or of another kind",
        )
    )


def split(rows: "pl.DataFrame", table: Table, *, name: str) -> "dict[Partition, pl.DataFrame]":
    """Cut rows into partitions by their time, in time order.

    Rows without a readable time go with the last partition, where the contract refuses or quarantines them. If the time
    column is gone or holds no times at all, all rows are one partition, named `all`.
    """
    if table.time is None or table.time not in rows.columns or rows.is_empty():
        return {Partition.whole(name): rows}
    times = as_times(rows[table.time])
    if times is None or times.null_count() == rows.height:
        return {Partition.whole(name): rows}
    every = span(table.every)
    step = int(every.total_seconds() * 1_000_000)
    starts = (times.dt.timestamp("us").fill_null(strategy="max") // step).alias("_start")
    parts = rows.with_columns(starts).partition_by("_start", as_dict=True, maintain_order=True, include_key=False)
    found = {}
    for (start,), part in sorted(parts.items()):
        at = EPOCH + every * int(start)
        found[Partition(name, at, at + every)] = part
    return found


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


def content_digest(rows: "pl.DataFrame") -> str:
    """Digest a frame's schema and values."""
    import io

    buffer = io.BytesIO()
    rows.rechunk().write_ipc(buffer, compression="uncompressed")
    return sha256(buffer.getvalue())
