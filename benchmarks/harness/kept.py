"""What a part of a benchmark has found, kept beside the code that it was found with: each part can be run by itself."""

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.environments import ROOT
from harness.results import Row

_HEX = "[0-9a-f]"


@dataclass(frozen=True)
class Part:
    """The rows of a part, when they were measured, for how long, at which commit, and the load before and after."""

    rows: Sequence[Row]
    at: str
    seconds: float
    load: tuple[float, float]
    commit: str


def digest_of(places: Iterable[Path], *more: object) -> str:
    """Name a state of files, and of the Python files of folders: what was found with another is not taken for it."""
    found = hashlib.sha256(repr(more).encode())
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()[:16]


class Kept:
    """The parts of a benchmark, a file each in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, digest: str) -> Part | None:
        """Give a part that was measured with the code of this digest."""
        path = self._path(name, digest)
        return _read(path) if path.exists() else None

    def newest(self, name: str) -> Part | None:
        """Give a part as it was measured last, with whatever code."""
        paths = sorted(self._folder.glob(f"{name}-{_HEX * 16}.json"), key=lambda path: path.stat().st_mtime)
        return _read(paths[-1]) if paths else None

    def keep(self, name: str, digest: str, rows: Sequence[Row], *, seconds: float, load_before: float) -> Part:
        """Keep a part that was measured just now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        load = round(load_before, 1), round(os.getloadavg()[0], 1)
        part = Part(rows, now, round(seconds, 1), load, _commit())
        path = self._path(name, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(part)))
        return part

    def _path(self, name: str, digest: str) -> Path:
        return self._folder / f"{name}-{digest}.json"


def _read(path: Path) -> Part:
    held = json.loads(path.read_text())
    return Part(held["rows"], held["at"], held["seconds"], tuple(held["load"]), held.get("commit", ""))


def _commit() -> str:
    """Name the checkout's commit; nothing where there is none."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
