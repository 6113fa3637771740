"""A number in a small shared file, by which processes of one machine tell each other that the route has moved.

It holds the ledger's place of the last move, so it only grows. It is a hint and no truth: whoever sees it change reads
the ledger, and whoever misses it finds the move there a little later. A torn or lost number costs a moment, never an
answer by a wrong route.
"""

import fcntl
import mmap
import os
import struct
from contextlib import closing
from pathlib import Path

_NUMBER = struct.Struct("<Q")
_PLACE = Path("route") / "moved"


def raise_signal(root: Path, seq: int) -> None:
    """Say that the ledger's event `seq` moved the route; a greater number that stands there stays.

    Raises:
        OSError: the disk refused. The move stands in the ledger all the same.
    """
    path = root / _PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_size < _NUMBER.size:
            os.ftruncate(handle, _NUMBER.size)
        with closing(mmap.mmap(handle, _NUMBER.size)) as shared:
            if _NUMBER.unpack_from(shared)[0] < seq:
                _NUMBER.pack_into(shared, 0, seq)
    finally:
        os.close(handle)


class Signal:
    """The number as one process reads it: a look costs no call to the operating system once the file is there."""

    def __init__(self, root: Path) -> None:
        self._path = root / _PLACE
        self._shared: mmap.mmap | None = None

    def read(self) -> int:
        """Tell the place of the last move that was signalled; 0 when none was yet, or the file cannot be read."""
        if self._shared is None:
            self._shared = self._mapped()
            if self._shared is None:
                return 0
        number: int = _NUMBER.unpack_from(self._shared)[0]
        return number

    def _mapped(self) -> mmap.mmap | None:
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except OSError:
            return None
        try:
            if os.fstat(handle).st_size < _NUMBER.size:
                return None
            return mmap.mmap(handle, _NUMBER.size, prot=mmap.PROT_READ)
        except (OSError, ValueError):
            return None
        finally:
            os.close(handle)

    def close(self) -> None:
        """Let go of the file."""
        if self._shared is not None:
            self._shared.close()
            self._shared = None
