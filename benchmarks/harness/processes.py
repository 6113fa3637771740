"""Run one measured piece of work as a process of its own, and tell how long it took and how much memory it held."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environments import ROOT


@dataclass(frozen=True)
class Ran:
    """What a script told of itself, and its process's peak memory in MB (10^6 bytes)."""

    told: Mapping[str, Any]
    peak_mb: float

    @property
    def seconds(self) -> float:
        """Seconds of the work alone, without imports and reading."""
        return float(self.told["seconds"])

    @property
    def cpu_s(self) -> float:
        """Processor seconds of the work alone, of all its threads: they tell more than the wall on a busy machine."""
        return float(self.told["cpu_s"])


def run(python: Path | str, script: Path, job: Mapping[str, Any], *, ours: bool = False) -> Ran:
    """Run `python script JOB`; JOB is JSON, and so is the last line that the script prints.

    The peak is the kernel's, so what is compared must be whole processes. `ours` lets the script import the checkout.

    Raises:
        RuntimeError: the script failed; what it said last is in the message.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    kept |= {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}  # no peer's clock runs while it phones home
    importable = [ROOT / "benchmarks", *([ROOT / "src"] if ours else [])]
    kept["PYTHONPATH"] = os.pathsep.join(map(str, importable))
    command = [str(python), str(script), json.dumps(job)]
    done = subprocess.run(command, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{script.name} under {python} failed:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return Ran(told=told, peak_mb=float(told["peak_mb"]))


def own_python() -> str:
    """Give the Python that runs this: the checkout's own environment."""
    return sys.executable
