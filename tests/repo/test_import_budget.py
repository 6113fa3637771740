"""A start stays light: heavy libraries load when first used, not when the package is named."""

import json
import subprocess
import sys

import pytest

HEAVY = ["alembic", "jinja2", "numpy", "pandas", "polars", "scipy", "skops", "sklearn", "sqlalchemy"]
TELL = f"import json, sys; sys.stderr.write(json.dumps(sorted(set(sys.modules) & set({HEAVY!r}))))"


def heavy_after(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{TELL}"], capture_output=True, text=True, timeout=60, check=True
    )
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return loaded


@pytest.mark.parametrize("words", ["--version", "--help"])
def test_the_command_starts_light(words: str) -> None:
    """Asking the command for its version or its help loads no heavy library."""
    code = (
        f"import sys; sys.argv = ['trivium', {words!r}]\n"
        "from trivium.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )
    assert heavy_after(code) == []


def test_the_package_imports_light() -> None:
    """A project's code that imports trivium pays for nothing it does not use."""
    assert heavy_after("import trivium") == []


def test_the_budget_sees_a_heavy_import() -> None:
    """The measure itself would notice."""
    assert "numpy" in heavy_after("import numpy")
