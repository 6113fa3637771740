"""A table on its way into a blob, frame by frame: in memory up to a row group, past it a file that grows.

The bytes depend on the rows alone, not on the frames they came in: a table written frame by frame has the digest that
`FileBlobs.put_frame` would give it whole (with one Polars version).
"""

import io
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.store.disk import held, refused

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs

# A row group is what a reader skips whole by its statistics; 2**17 rows is Delta's and DuckDB's order of size too.
ROW_GROUP_ROWS = 131_072
_MOST_WAITING = 8
_PARQUET: dict[str, Any] = {"compression": "zstd", "statistics": True, "row_group_size": ROW_GROUP_ROWS}


def parquet(frame: "pl.DataFrame") -> bytes:
    """Write a table as Parquet bytes; equal frames, however chunked, give the same."""
    buffer = io.BytesIO()
    # Polars writes columns of lists chunk by chunk: the same rows in other chunks would be other bytes.
    frame.rechunk().write_parquet(buffer, **_PARQUET)
    return buffer.getvalue()


class FrameWriter:
    """Takes frames of one schema, and keeps them as one blob. Use it as a context: what is not kept by then is gone."""

    def __init__(self, blobs: "FileBlobs", *, aside: Path, durable: bool) -> None:
        self._blobs = blobs
        self._aside = aside
        self._durable = durable
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._file: _GrowingFile | None = None
        self._stack = ExitStack()
        self.rows = 0

    def __enter__(self) -> "FrameWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.abandon()
        self._stack.close()

    def write(self, frame: "pl.DataFrame") -> None:
        """Add rows; a first frame without rows tells the schema.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        if frame.height or not self._waiting:
            self._waiting.append(frame)
            self._waiting_rows += frame.height
            self.rows += frame.height
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting = [_apart(self._waiting)]
        # One row more than a group must be there: a table of one group alone is never a file of its own.
        while self._waiting_rows > ROW_GROUP_ROWS:
            if self._file is None:
                self._open()
            self._pass_on(ROW_GROUP_ROWS)

    def keep(self) -> str:
        """Finish the table and return its digest; once it returns the rows are there for good.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        import polars as pl

        if self._file is None:
            whole = pl.concat(self._waiting) if self._waiting else pl.DataFrame()
            return self._blobs.put(parquet(whole))
        self._pass_on(self._waiting_rows)
        with _refusals(self._aside):
            path = self._file.finish(durable=self._durable)
        self._file = None
        return self._blobs.adopt(path)

    def _open(self) -> None:
        with _refusals(self._aside):
            self._stack.enter_context(held(self._aside, durable=self._durable))
            self._file = _GrowingFile(self._aside, self._waiting[0].schema)

    def _pass_on(self, rows: int) -> None:
        import polars as pl

        assert self._file is not None
        whole = pl.concat(self._waiting)
        with _refusals(self._aside):
            self._file.write(_compact(whole.head(rows)))
        self._waiting = [whole.slice(rows)]
        self._waiting_rows -= rows


def _apart(frames: "Sequence[pl.DataFrame]") -> "pl.DataFrame":
    """Put frames together in memory of their own.

    The few rows that a filter leaves of a chunk keep all of that chunk's text in memory: 60 bytes for every row read,
    where a partition of four million was held to a check.
    """
    import polars as pl

    buffer = io.BytesIO()
    pl.concat(frames).write_ipc(buffer, compression="uncompressed", compat_level=pl.CompatLevel.oldest())
    buffer.seek(0)
    return pl.read_ipc(buffer)


def _compact(frame: "pl.DataFrame") -> "pl.DataFrame":
    """Copy nested columns, so that no column carries the rows before and after a slice: the writer would see them."""
    import polars as pl

    if any(kind.is_nested() for kind in frame.dtypes):
        return frame.select(pl.all().gather(pl.int_range(pl.len()))).rechunk()
    return frame.rechunk()


class _GrowingFile:
    """A Parquet file that Polars' streaming engine writes in a thread, fed one row group at a time."""

    def __init__(self, folder: Path, schema: "pl.Schema") -> None:
        import tempfile

        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        self.path = Path(name)
        self._schema = schema
        # One group waits while another is written: more would only cost memory.
        self._groups: queue.Queue[pl.DataFrame | None] = queue.Queue(maxsize=1)
        self._error: Exception | None = OSError("the writer stopped before the end")
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sink, name="trivium-parquet", daemon=True)
        self._thread.start()

    def write(self, group: "pl.DataFrame") -> None:
        self._offer(group)
        if self._is_over.is_set():
            raise self._error or OSError("the writer stopped before the end")

    def finish(self, *, durable: bool) -> Path:
        self._offer(None)
        self._thread.join()
        if self._error is not None:
            raise self._error
        if durable:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        return self.path

    def abandon(self) -> None:
        self._offer(None)
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _offer(self, group: "pl.DataFrame | None") -> None:
        """Hand a group over, or see that the thread has ended and will take none."""
        while not self._is_over.is_set():
            try:
                self._groups.put(group, timeout=0.1)
                return
            except queue.Full:
                continue

    def _sink(self) -> None:
        import polars as pl
        from polars.io.plugins import register_io_source

        def source(*_: object) -> Iterator[pl.DataFrame]:
            while (group := self._groups.get()) is not None:
                yield group

        try:
            register_io_source(source, schema=self._schema).sink_parquet(self.path, **_PARQUET)
            self._error = None
        except (OSError, pl.exceptions.PolarsError) as error:
            self._error = error
        finally:
            self._is_over.set()


@contextmanager
def _refusals(place: Path) -> Iterator[None]:
    """Tell a disk that refuses as a problem of the store; Polars tells of it in errors of its own."""
    import polars as pl

    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise refused(str(place), error) from error
