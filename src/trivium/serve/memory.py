"""How much memory this process holds, how much the machine has, and what can be given back to it."""

import ctypes
import gc
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATM = Path("/proc/self/statm")


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
    """Give the machine what loading left over, and let what is loaded be looked through for garbage no more."""
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError):  # another C library than GNU's keeps nothing that it could be asked for
        ctypes.CDLL(None).malloc_trim(0)
