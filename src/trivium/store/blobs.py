"""Immutable bytes by their sha256, each a file. Not a cache: what is put stays until it is collected as garbage."""

import hashlib
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.core.problems import Problem, StoreError
from trivium.core.values import sha256
from trivium.store.disk import into_place, refused, scratch, sweep, sync_folder, write_whole
from trivium.store.frame_writer import ROW_GROUP_ROWS, FrameWriter

if TYPE_CHECKING:
    import polars as pl

_READ_BYTES = 1 << 22
# A blob up to this size is read at once: that verifies it on the way, and the streaming engine has a start to pay for.
_READ_AT_ONCE_BYTES = 8 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileBlobs:
    """`core.ports.Blobs` on a folder: `root/blobs/ab/cdef…`. Any number of threads and processes may share it.

    `standing` tells which blob stands for one now: another, where rows of it were erased. Who asks for the erased one
    gets that other, and the erased bytes are not taken again.
    """

    def __init__(
        self, root: Path, *, durable: bool = True, standing: Callable[[str], str] = lambda digest: digest
    ) -> None:
        self._standing = standing
        self._root = root / "blobs"
        self._aside = self._root / "new"
        self._durable = durable

    def put(self, content: bytes) -> str:
        """Keep the bytes and return their digest; a blob that is there is not written again, only made young.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        digest = sha256(content)
        path = self.path(digest)
        if self._standing(digest) != digest:
            return digest
        try:
            if not self._renewed(path, size_bytes=len(content)):
                write_whole(path, content, aside=self._aside, durable=self._durable)
        except OSError as error:
            raise refused(str(path), error) from error
        return digest

    def _renewed(self, path: Path, *, size_bytes: int) -> bool:
        """Make a blob that is there young, so that garbage collection spares it until its event is appended.

        One of the wrong size is not there: a power cut can leave such a file where writes are not durable.
        """
        try:
            os.utime(path)
            whole = path.stat().st_size == size_bytes
        except FileNotFoundError:
            return False
        if whole and self._durable:
            # The process that wrote it may not have come to this yet.
            sync_folder(path.parent)
        return whole

    def get(self, digest: str) -> bytes:
        """Return the bytes, verified.

        Raises:
            StoreError (TV-STORE-005 missing, TV-STORE-006 damaged, TV-STORE-003 the disk refused).
        """
        digest = self._standing(digest)
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise _missing(digest, where=str(path)) from None
        except OSError as error:
            raise refused(str(path), error) from error
        if (found := sha256(content)) != digest:
            raise _damaged(path, f"{len(content):,} bytes with sha256 {found}")
        return content

    def has(self, digest: str) -> bool:
        """Tell whether the bytes are held; does not verify them."""
        return _DIGEST.fullmatch(digest) is not None and self.path(self._standing(digest)).is_file()

    def drop(self, digest: str) -> bool:
        """Delete a blob that no event needs any more; tell whether it was there.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise refused(str(path), error) from error
        return True

    def path(self, digest: str) -> Path:
        """Tell the file that holds, or would hold, the bytes; whoever reads it verifies nothing.

        Raises:
            StoreError (TV-STORE-005): the text is no digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise _missing(digest, where=str(self._root))
        return self._root / digest[:2] / digest[2:]

    def put_frame(self, frame: "pl.DataFrame") -> str:
        """Keep a table as Parquet; equal frames, however chunked, give the same digest (with one Polars version).

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        with self.frame_writer() as writer:
            writer.write(frame)
            return writer.keep()

    def frame_writer(self) -> FrameWriter:
        """Open a writer for a table that comes frame by frame, and may be larger than memory."""
        return FrameWriter(self, aside=self._aside, durable=self._durable)

    def adopt(self, path: Path) -> str:
        """Keep a finished file of the folder of unfinished ones, synced already, under its digest.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        try:
            digest = _file_digest(path)
            place = self.path(digest)
            if self._standing(digest) != digest or self._renewed(place, size_bytes=path.stat().st_size):
                path.unlink()
            else:
                into_place(path, place, durable=self._durable)
        except OSError as error:
            raise refused(str(path), error) from error
        return digest

    def verified_path(self, digest: str) -> Path:
        """Tell the file that holds the bytes, after reading them through: for tables too large to be read whole.

        Raises:
            StoreError (TV-STORE-005 missing, TV-STORE-006 damaged, TV-STORE-003 the disk refused).
        """
        digest = self._standing(digest)
        path = self.path(digest)
        try:
            found = _file_digest(path)
        except FileNotFoundError:
            raise _missing(digest, where=str(path)) from None
        except OSError as error:
            raise refused(str(path), error) from error
        if found != digest:
            raise _damaged(path, f"{path.stat().st_size:,} bytes with sha256 {found}")
        return path

    def scratch(self) -> AbstractContextManager[Path]:
        """Give an empty folder on the store's disk for the length of a context; nothing in it outlives a crash long."""
        return scratch(self._aside)

    def sweep(self) -> int:
        """Remove what killed writers left unfinished, unless somebody is writing; return how many files went."""
        try:
            return sweep(self._aside)
        except OSError as error:
            raise refused(str(self._aside), error) from error

    def get_frame(self, digest: str, *, columns: list[str] | None = None) -> "pl.DataFrame":
        """Return a table, verified, its rows in the order they were put.

        Args:
            digest: what `put_frame` returned.
            columns: read only these, in this order; those the table does not have are left out.

        Raises:
            StoreError (TV-STORE-005, -006, -003): as `get`.
            StoreError (TV-STORE-009): the bytes are not a table.
        """
        import polars as pl

        content = self.get(digest)
        try:
            if columns is not None:
                held = pl.read_parquet_schema(io.BytesIO(content))
                columns = [name for name in columns if name in held]
            return pl.read_parquet(io.BytesIO(content), columns=columns)
        except pl.exceptions.ComputeError as error:
            raise StoreError(
                Problem(
                    code="TV-STORE-009",
                    what="the blob does not hold a table",
                    where=str(self.path(digest)),
                    seen=str(error),
                    fix="name the blob of a table's partition; this one holds something else",
                )
            ) from error

    def frames(self, digest: str, *, columns: list[str] | None = None) -> "Iterator[pl.DataFrame]":
        """Return a table, verified, its rows in order, in frames of a row group or so; at least one.

        Args:
            digest: what `put_frame` or a writer's `keep` returned.
            columns: read only these, in this order; those the table does not have are left out.

        Raises:
            StoreError (TV-STORE-005, -006, -003, -009): as `get_frame`.
        """
        import polars as pl

        digest = self._standing(digest)
        if not self.has(digest) or self.path(digest).stat().st_size <= _READ_AT_ONCE_BYTES:
            yield self.get_frame(digest, columns=columns)
            return
        lazy = pl.scan_parquet(self.verified_path(digest), glob=False)
        if columns is not None:
            held = lazy.collect_schema()
            lazy = lazy.select([name for name in columns if name in held])
        yield from lazy.collect_batches(chunk_size=ROW_GROUP_ROWS, maintain_order=True)

    def collect_garbage(self, live: set[str], *, older_than_s: float) -> int:
        """Delete blobs that no event names; return how many went. What killed writers left is `sweep`'s to remove.

        Args:
            live: the digests that must stay.
            older_than_s: spare younger files. Longer than any work between a put and its event, or a blob
                whose event is about to be appended goes.

        Raises:
            StoreError (TV-STORE-003): the disk refused.
        """
        gone = 0
        try:
            for path in self._files():
                if path.parent.name + path.name not in live and self._is_older(path, older_than_s):
                    path.unlink(missing_ok=True)
                    gone += 1
        except OSError as error:
            raise refused(str(self._root), error) from error
        return gone

    def _files(self) -> Iterator[Path]:
        for folder in sorted(self._root.iterdir()) if self._root.is_dir() else ():
            if folder.is_dir() and folder != self._aside:
                yield from sorted(folder.iterdir())

    def _is_older(self, path: Path, age_s: float) -> bool:
        try:
            return time.time() - path.stat().st_mtime >= age_s
        except FileNotFoundError:
            return False


def _file_digest(path: Path) -> str:
    running = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            running.update(block)
    return running.hexdigest()


def _missing(digest: str, *, where: str) -> StoreError:
    return StoreError(
        Problem(
            code="TV-STORE-005",
            what="a blob is missing from the store",
            where=where,
            seen=digest[:64],
            fix="restore the blobs folder from a backup, or collect the data again",
        )
    )


def _damaged(path: Path, seen: str) -> StoreError:
    return StoreError(
        Problem(
            code="TV-STORE-006",
            what="a blob is damaged: its bytes are not those that were put",
            where=str(path),
            seen=seen,
            fix="restore this file from a backup, or delete it and collect the data again",
        )
    )
