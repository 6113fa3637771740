"""What the README tells a newcomer to type can be typed."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from repo.house import DOCS, ROOT, blocks

TOLD = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def typed(page: Path) -> list[list[str]]:
    """Split a page's shell blocks into commands; `$ ` is the prompt, other lines beside it are output."""
    lines = [line for block in blocks(page, "(?:sh|console|bash)") for line in block.splitlines()]
    lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ") or "$ " not in line[:2]]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_make_targets_exist(page: Path) -> None:
    """Each `make` line names a target of the Makefile."""
    for words in typed(page):
        if words[0] == "make":
            named = {word for word in words[1:] if "=" not in word and not word.startswith("bench-")}
            assert named <= targets(), words


@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_trivium_lines_parse(page: Path) -> None:
    """Each `trivium` line binds to a registered command: the name, the arguments and the options are all taken."""
    for words in typed(page):
        if words[0].endswith("trivium"):
            binds(words[1:])


def binds(words: list[str]) -> None:
    """Read a command line as the command would, and stop short of running it."""
    from trivium.cli.door import meant_by
    from trivium.cli.main import application

    _, left = meant_by(words)
    application().parse_args(left, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("wrong", ["relase v1", "release v1 --too live", "judge"])
def test_a_wrong_line_is_seen(wrong: str) -> None:
    """A misspelt command, an unknown option and a missing argument all fail to bind."""
    with pytest.raises(CycloptsError):
        binds(wrong.split())


def test_the_makefile_plans_each_target() -> None:
    """Make can plan what the README promises, without running it."""
    for target in ("demo", "test", "check", "bench"):
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", [".ci/run", "tools/make_venv.sh"])
def test_scripts_can_be_run(script: str) -> None:
    """Scripts are executable and are proper shell."""
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(path)], timeout=20, check=False).returncode == 0
