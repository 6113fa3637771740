"""What every command shares: which project is meant, how an answer is printed, how a problem leaves."""

import getpass
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.problems import Problem, ProjectError, TriviumError

if TYPE_CHECKING:
    from rich.console import Console

    from trivium.loop.workspace import Workspace

NARROWEST = 100


@dataclass(frozen=True)
class Meant:
    """The options that stand before or after any command."""

    project: Path | None = None
    rehearsal: str | None = None
    json: bool = False


MEANT: ContextVar[Meant] = ContextVar("meant", default=Meant())  # noqa: B039 - frozen, so one default serves all


@dataclass(frozen=True)
class Answer:
    """What a command found: the document for `--json`, what to print otherwise, and the exit code."""

    document: Any
    shown: Sequence[Any] = ()
    exit_code: int = 0


def meant_by(words: Sequence[str]) -> tuple[Meant, list[str]]:
    """Take `--project DIR`, `--rehearsal NAME` and `--json` out of a command line, wherever they stand.

    Raises:
        ProjectError (TV-CLI-001): an option lacks its value.
    """
    found: dict[str, str] = {}
    left: list[str] = []
    is_json = False
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--project", "--rehearsal"):
            if not equals:
                if not waiting or waiting[0].startswith("--"):
                    raise ProjectError(
                        Problem(
                            code="TV-CLI-001",
                            what=f"{name} needs a value",
                            where="command line",
                            seen=word,
                            fix=f"write {name} {'DIR' if name == '--project' else 'NAME'}",
                        )
                    )
                value = waiting.pop(0)
            found[name] = value
        elif word == "--json":
            is_json = True
        else:
            left.append(word)
    project = Path(found["--project"]) if "--project" in found else None
    return Meant(project, found.get("--rehearsal"), is_json), left


def workspace() -> "Workspace":
    """Open the project that is meant, or the store of one of its rehearsals, with the state at the ledger's head."""
    from trivium.loop.workspace import Workspace

    meant = MEANT.get()
    ws = Workspace(_folder(meant), actor=getpass.getuser())
    if meant.rehearsal:
        from trivium.loop.rehearse import open_rehearsal

        ws = open_rehearsal(ws, meant.rehearsal)
    ws.refresh()
    return ws


def folder_alone() -> Path:
    """Give the folder of the project that is meant, its store unopened: for what opens it in a process of its own.

    Raises:
        ProjectError (TV-CLI-015): a rehearsal is meant.
    """
    meant = MEANT.get()
    if meant.rehearsal:
        raise ProjectError(
            Problem(
                code="TV-CLI-015",
                what="a rehearsal is over: nobody can be served from it",
                where="--rehearsal",
                seen=meant.rehearsal,
                fix="leave --rehearsal out, or look into it with trivium watch, show and trace",
            )
        )
    return _folder(meant)


def _folder(meant: Meant) -> Path:
    from trivium.loop.workspace import find_project

    return find_project(Path.cwd()) if meant.project is None else project_in(meant.project)


def project_in(folder: Path) -> Path:
    """Hold a folder that was named to being a project.

    Raises:
        ProjectError (TV-RUN-004): it holds no trivium.toml.
    """
    from trivium.loop.workspace import PROJECT_FILE

    if not (folder / PROJECT_FILE).is_file():
        raise ProjectError(
            Problem(
                code="TV-RUN-004",
                what=f"there is no project in {folder}",
                where=str(folder),
                seen=f"no {PROJECT_FILE}",
                fix="name a folder that holds a trivium.toml",
            )
        )
    return folder


def write_page(path: Path, page: str) -> None:
    """Write a report, its folder too.

    Raises:
        ProjectError (TV-CLI-014): it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise ProjectError(
            Problem(
                code="TV-CLI-014",
                what=f"the report cannot be written: {error.strerror}",
                where="--report",
                seen=str(path),
                fix="name a file in a folder that you may write to",
            )
        ) from None


def console(*, stderr: bool = False) -> "Console":
    """Make the console to print on; at least 100 columns wide where there is no terminal to ask."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not made.is_terminal and made.width < NARROWEST:
        made = Console(stderr=stderr, highlight=False, width=NARROWEST + 40)
    return made


def leave(answer: Answer) -> int:
    """Print an answer, and tell the exit code, which stands where nobody reads to the end: `trivium ledger | head`."""
    try:
        _print(answer)
    except (BrokenPipeError, SystemExit):  # Rich makes the one into the other
        # What is buffered still would complain when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return answer.exit_code


def _print(answer: Answer) -> None:
    if MEANT.get().json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(answer.document), indent=2) + b"\n")
        sys.stdout.flush()
    elif answer.shown:
        out = console()
        for part in answer.shown:
            # A text that must not be wrapped is one to copy: the terminal may break it, the output does not.
            out.print(part, soft_wrap=getattr(part, "no_wrap", None) is True)


def leave_with(error: TriviumError) -> int:
    """Print an error's problems, each with its five fields, and tell the exit code."""
    if MEANT.get().json:
        sys.stdout.buffer.write(msgspec.json.encode({"problems": error.problems}) + b"\n")
        sys.stdout.flush()
    sys.stderr.write("\n".join(str(problem) for problem in error.problems) + "\n")
    return error.exit_code
