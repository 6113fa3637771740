"""House rules that no linter knows."""

import ast
import re
from pathlib import Path

import pytest

from repo.house import ROOT, SOURCE, modules, own_files

# Where anything at all may be raised, by code that is not ours or at a process's edge; each turns it into a Problem.
EDGES = {
    "artifact/compiled.py": "onnxruntime raises kinds of its own, each at its own place",
    "artifact/torch_module.py": "PyTorch's exporter raises kinds of its own",
    "cli/main.py": "the command's own edge: what gets there is our fault, and is told in full",
    "loop/bodies.py": "the project's model and heuristic are asked",
    "loop/code.py": "the project's module is run",
    "loop/features.py": "the project's steps are called",
    "loop/own_thread.py": "what is raised in a thread is raised again in the one that asked",
    "loop/following.py": "a thread that must outlive what a new route or version does; it is logged, the old one answers",
    "loop/row_steps.py": "the project's steps are recorded in a thread; what that raises is logged, and Polars answers on",
    "loop/register.py": "a project's own graph is asked: onnxruntime raises kinds of its own",
    "loop/shadow.py": "versions in shadow are asked in a thread; what they raise is logged and counted, and harms nobody",
    "serve/app.py": "a request's edge: a fault of ours is told in the log, and the client gets its id",
    "serve/keeper.py": "what one project raises is logged, and the next is kept",
    "serve/turns.py": "whatever a model call raises is handed to those who wait for it",
    "store/disk.py": "a half-written file is removed, whatever stopped it, and the fault goes on",
}


def broad_handlers(source: str) -> list[int]:
    """Find the lines of handlers that take every exception."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)))
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_only_edges_catch_everything(path: Path) -> None:
    """A broad handler stands only where the list of edges gives its reason."""
    if path.relative_to(SOURCE).as_posix() not in EDGES:
        assert broad_handlers(path.read_text()) == []


def test_each_edge_is_still_one() -> None:
    """The list of edges holds no module that has no broad handler any more."""
    assert [name for name in EDGES if not broad_handlers((SOURCE / name).read_text())] == []


@pytest.mark.parametrize("planted", ["except:", "except Exception:", "except (ValueError, BaseException):"])
def test_a_broad_handler_is_seen(planted: str) -> None:
    """The search itself would notice."""
    assert broad_handlers(f"try:\n    f()\n{planted}\n    pass\n") == [3]


def test_nothing_is_left_for_later() -> None:
    """No note to oneself stands where others read."""
    later = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b|#\s*XX" + r"X\b")
    assert [path.name for path in own_files() if later.search(path.read_text(errors="replace"))] == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_module_says_what_it_is(path: Path) -> None:
    """A module begins with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text()))
