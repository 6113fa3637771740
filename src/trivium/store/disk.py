"""How bytes come to rest on a disk, and what is said when the disk refuses. Knows no digests and no database."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trivium.core.problems import Problem, StoreError


def refused(where: str, error: Exception) -> StoreError:
    """Say that a disk did not take or give what was asked (TV-STORE-003); the caller raises it."""
    return StoreError(
        Problem(
            code="TV-STORE-003",
            what="the disk refused to read or write the store",
            where=where,
            seen=str(error),
            fix="free some space, or make the folder one that this user may write to, and run the command again",
        )
    )


def write_whole(path: Path, content: bytes, *, aside: Path, durable: bool) -> None:
    """Put a file in its place whole or not at all, by a temporary name in `aside` (same file system) and a rename.

    With `durable` the file outlives a power cut once this returns: content, name and new folders are synced.

    Raises:
        OSError: the disk refused; no temporary file is left unless the process was killed.
    """
    with held(aside, durable=durable):
        handle, temporary = tempfile.mkstemp(dir=aside)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            into_place(Path(temporary), path, durable=durable)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def into_place(temporary: Path, path: Path, *, durable: bool) -> None:
    """Give a finished file its name, replacing what had it; the file's own bytes are the caller's to sync."""
    make_folder(path.parent, durable=durable)
    temporary.replace(path)
    if durable:
        sync_folder(path.parent)


@contextmanager
def held(aside: Path, *, durable: bool = False) -> Iterator[Path]:
    """Hold the folder of unfinished files, so that nobody sweeps it; any number of writers may hold it at once.

    The hold is a lock of the operating system: it ends with the process, however that ends.
    """
    make_folder(aside, durable=durable)
    handle = os.open(aside, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield aside
    finally:
        os.close(handle)


@contextmanager
def scratch(aside: Path) -> Iterator[Path]:
    """Give an empty folder for files that nobody needs afterwards; it goes at the end, or at the next sweep."""
    with held(aside):
        folder = Path(tempfile.mkdtemp(dir=aside))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(aside: Path) -> int:
    """Remove what killed writers left among the unfinished files; return how many files and folders went.

    While anybody holds the folder nothing is removed: the next sweep will do it. So age plays no part, and a file that
    is being written is never taken for rubbish.
    """
    try:
        handle = os.open(aside, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left = sorted(aside.iterdir())
        for path in left:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return len(left)
    except BlockingIOError:
        return 0
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, *, durable: bool) -> None:
    """Make a folder and those it lies in, unless they are there; with `durable` their names outlive a power cut.

    Raises:
        OSError: the disk refused.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, durable=durable)
    folder.mkdir(exist_ok=True)
    if durable:
        sync_folder(folder.parent)
