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
    """What a script told of itself, and its process's life: wall and processor seconds, peak memory in MB (10^6 B).

    `seconds` is the script's own figure for the work alone, without imports and reading, where it gives one.
    """

    told: Mapping[str, Any]
    wall_s: float
    cpu_s: float
    peak_mb: float

    @property
    def seconds(self) -> float:
        """Seconds of the work alone."""
        return float(self.told.get("seconds", self.wall_s))


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
    process = subprocess.Popen(
        [str(python), str(script), json.dumps(job)], env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    started = os.times().elapsed
    said, complained = process.communicate()
    wall = os.times().elapsed - started
    if process.returncode:
        raise RuntimeError(f"{script.name} under {python} failed:\n{complained[-2000:]}")
    told = json.loads(said.strip().splitlines()[-1])
    return Ran(told=told, wall_s=wall, cpu_s=float(told.get("cpu_s", 0.0)), peak_mb=float(told["peak_mb"]))


def own_python() -> str:
    """Give the Python that runs this: the checkout's own environment."""
    return sys.executable
