"""The command `trivium`: its commands by name, loaded when one is called."""

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trivium import __version__
from trivium.cli.commands import COMMANDS, GROUPS, PARTS
from trivium.cli.door import MEANT, Answer, leave, leave_with, meant_by
from trivium.core.problems import Problem, ProjectError, StoreError, TriviumError

if TYPE_CHECKING:
    from cyclopts import App

HELP = """The production loop of a machine-learning model,
rehearsed on your own history before it is real.

Options of every command:
--project DIR     the project's folder; else the nearest trivium.toml upwards
--rehearsal NAME  look into a rehearsal in place of the real store
--json            one JSON document on standard output

Exit codes: 0 done, 1 a verdict went against you, 2 the command or the
project file is wrong, 3 the machinery failed."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 a verdict went against you, 2 usage or project file, 3 the machinery."""
    sys.exit(run(list(sys.argv[1:] if words is None else words)))


def run(words: list[str]) -> int:
    """Run a command line and tell the exit code; the edge at which every error becomes a problem."""
    if words == ["--version"]:
        sys.stdout.write(f"trivium {__version__}\n")
        return 0
    # Must stand before OpenMP loads. At its usual 300,000 spins a barrier, fits took 3 to 8 times as long on a machine
    # whose cores had other work; 1,000 lose nothing on an idle one. See docs/explanation/performance.md.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    # Must stand before Polars loads: a large collect took twice the memory where ten row groups were read ahead, and
    # where freed memory was kept for later.
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "1")
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0")
    try:
        meant, left = meant_by(words)
        MEANT.set(meant)
        return _call(left)
    except TriviumError as error:
        return leave_with(error)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing half done is kept, so the same command goes on\n")
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        return leave_with(_disk(error))
    except Exception:  # noqa: BLE001 - the process's edge: whatever gets here is a fault of ours, told in full
        sys.stderr.write(traceback.format_exc())
        return leave_with(
            StoreError(
                Problem(
                    code="TV-CLI-003",
                    what="a fault in trivium itself",
                    where=shlex.join(["trivium", *words]),
                    seen=traceback.format_exc(limit=-1).splitlines()[-1],
                    fix="report it with the lines above; the ledger holds whole decisions only, so the store is sound",
                )
            )
        )


def _disk(error: OSError) -> StoreError:
    return StoreError(
        Problem(
            code="TV-CLI-004",
            what="a file or folder cannot be used",
            where=str(error.filename or ""),
            seen=error.strerror or str(error),
            fix="look at its permissions, and at the free space of the disk",
        )
    )


def _call(words: list[str]) -> int:
    from cyclopts import CycloptsError

    words = _whole(words)
    try:
        answer = application(words)(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        raise ProjectError(
            Problem(
                code="TV-CLI-002",
                what="the command line cannot be read",
                where=shlex.join(["trivium", *words]),
                seen=str(error).strip(),
                fix=f"ask for help: {_called(words)} --help",
            )
        ) from None
    except SystemExit as error:
        # Rich ends with 1 where nobody reads to the end; help has no verdict that it could mean.
        return 0 if {"-h", "--help"} & set(words) else int(error.code or 0)
    return leave(answer) if isinstance(answer, Answer) else 0


def _whole(words: list[str]) -> list[str]:
    """Say `list` for a group that is named alone, or with options only: `trivium alarms --last 3`."""
    rest = words[1:2]
    is_alone = not rest or (rest[0].startswith("-") and rest[0] not in ("-h", "--help"))
    return [words[0], "list", *words[1:]] if words and f"{words[0]} list" in COMMANDS and is_alone else words


def _called(words: list[str]) -> str:
    """Say which command was meant, as far as the words name one."""
    known = {*COMMANDS, *GROUPS}
    named = [" ".join(words[:count]) for count in (2, 1)]
    return " ".join(["trivium", *[name for name in named if name in known][:1]])


def application(words: Sequence[str] = ()) -> "App":
    """Make the command line for some words, with every command registered by name alone.

    A command's line stands in the list of all; the one that is called by the words has the help of its own code.
    """
    from cyclopts import App, Group, Parameter

    last, within = Group("Options", sort_key=len(PARTS)), Group("Commands")
    # No option has a negative form: `--no-without-tokens` would say what leaving it out says. Nor is it told that what
    # is left out is left out.
    settings = Parameter(negative="", show_default=lambda value: None if value == "" or value is False else value)
    app = App(
        name="trivium",
        help=HELP,
        version=__version__,
        help_format="plaintext",
        group_commands=last,
        default_parameter=settings,
    )
    groups: dict[str, App] = {}
    for order, (title, commands) in enumerate(PARTS.items()):
        part = Group(title, sort_key=order)
        for place, (name, command) in enumerate(commands.items()):
            group, _, own = name.rpartition(" ")
            if group and group not in groups:
                groups[group] = App(name=group, help=GROUPS[group], help_format="plaintext", group=part, sort_key=place)
                app.command(groups[group])
            says = None if name.split() == list(words[: name.count(" ") + 1]) else command.says
            under, belongs = (groups[group], within) if group else (app, part)
            under.command(f"trivium.cli.{command.place}", name=own, help=says, group=belongs, sort_key=place)
    return app
