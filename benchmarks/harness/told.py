"""What a measured script says at its end. Imported by scripts in any environment: the standard library alone."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def job() -> dict[str, Any]:
    """Read what the script is asked."""
    return dict(json.loads(sys.argv[1]))


def measured(work: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Do the work, and add its wall and processor seconds to what it tells."""
    started, used = time.perf_counter(), time.process_time()
    found = work()
    return {**found, "seconds": time.perf_counter() - started, "cpu_s": time.process_time() - used}


def tell(figures: Mapping[str, Any]) -> None:
    """Print the figures as the last line, with the process's own peak memory."""
    print(json.dumps({"peak_mb": _peak_kib() * 1024 / 1e6, **figures}))


def _peak_kib() -> int:
    """Read the high-water mark of this program alone; rusage's would start from the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
