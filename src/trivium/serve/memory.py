"""How much memory this process holds, how much the machine has, and what can be given back to it."""

import ctypes
import gc
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_STATM, _MAPS = Path("/proc/self/statm"), Path("/proc/self/maps")
_DONTNEED = 4  # madvise(2)


def resident_bytes() -> int:
    """Tell what the process holds now; where the system does not tell that, the most it has held."""
    if _STATM.exists():
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def machine_bytes() -> int:
    """Tell how much memory the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def settle() -> None:
    """Give the machine what loading left over, and let what is loaded be looked through for garbage no more.

    Most of what a library's code takes in memory was touched once, while it was loaded. It lies in its file unchanged,
    and the system brings back a page that is used again.
    """
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # another C library than GNU's keeps nothing that it could be asked for
        library = ctypes.CDLL(None, use_errno=True)
        library.malloc_trim(0)
        for start, end in _code_of_libraries():
            library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _DONTNEED)


def _code_of_libraries() -> Iterator[tuple[int, int]]:
    """Give the places of code that was mapped from files: executable, and never written to."""
    if _MAPS.exists():
        for line in _MAPS.read_text().splitlines():
            place, may, *rest = line.split(maxsplit=5)
            if may == "r-xp" and rest[-1].startswith("/"):
                start, _, end = place.partition("-")
                yield int(start, 16), int(end, 16)
