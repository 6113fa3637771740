"""How bytes come to rest on a disk, and what is said when the disk refuses. Knows no digests and no database."""

import os
import tempfile
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
    for folder in (aside, path.parent):
        _make_folder(folder, durable=durable)
    handle, temporary = tempfile.mkstemp(dir=aside)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path, *, durable: bool) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent, durable=durable)
    folder.mkdir(exist_ok=True)
    if durable:
        sync_folder(folder.parent)
