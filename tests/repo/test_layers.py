"""The house's direction of imports is held by a machine, and the machine sees a breach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repo.house import ROOT

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return subprocess.run(
        [sys.executable, "-c", LINT], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_house_stands() -> None:
    """Each room imports only those below it."""
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_breach_inside_a_function_is_seen(copy: Path) -> None:
    """A stage that reaches into the loop, and be it inside a function, fails the lint."""
    planted = copy / "src" / "trivium" / "data" / "planted.py"
    planted.write_text("def reach():\n    import trivium.loop\n    return trivium.loop\n")
    done = lint(copy)
    assert done.returncode == 1
    assert "trivium.data is not allowed to import trivium.loop" in done.stdout


def test_a_room_without_a_place_is_seen(copy: Path) -> None:
    """A new package must be given its layer before it may stand."""
    (copy / "src" / "trivium" / "annex").mkdir()
    (copy / "src" / "trivium" / "annex" / "__init__.py").write_text("")
    done = lint(copy)
    assert done.returncode == 1
    assert "annex" in done.stdout
