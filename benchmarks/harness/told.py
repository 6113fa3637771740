"""What a measured script says at its end. Imported by scripts in any environment: the standard library alone."""

import json
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def job() -> dict[str, Any]:
    """Read what the script is asked."""
    return dict(json.loads(sys.argv[1]))


def tell(figures: Mapping[str, Any]) -> None:
    """Print the figures as the last line, with the process's own peak memory and processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    own = {"peak_mb": _peak_kib() * 1024 / 1e6, "cpu_s": used.ru_utime + used.ru_stime}
    print(json.dumps({**own, **figures}))


def _peak_kib() -> int:
    """Read the high-water mark of this program alone; rusage's would start from the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
