"""The command `trivium`: its commands by name, loaded when one is called."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trivium import __version__
from trivium.cli.door import MEANT, Answer, leave, leave_with, meant_by
from trivium.core.problems import Problem, ProjectError, StoreError, TriviumError

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = {
    "init": "start:init",
    "doctor": "start:doctor",
    "collect": "collect:collect",
    "table": "table:table",
    "contract infer": "contract:infer",
    "contract check": "contract:check",
    "contract diff": "contract:diff",
    "contract sql": "contract:sql",
    "quarantine list": "quarantine:list_",
    "quarantine show": "quarantine:show",
    "quarantine release": "quarantine:release",
    "quarantine drop": "quarantine:drop",
    "checks": "checks:checks",
    "try": "experiment:try_",
    "ideas": "experiment:ideas",
    "runs": "experiment:runs",
    "judge": "evaluate:judge",
    "skew": "skew:skew",
    "versions": "lineage:versions",
    "show": "lineage:show",
    "diff": "lineage:diff",
    "trace": "lineage:trace",
    "replay": "release:replay",
    "release": "release:release",
    "rollback": "release:rollback",
    "route": "release:route",
    "serve": "serve:serve",
    "tick": "watch:tick",
    "watch": "watch:watch",
    "alarms list": "alarms:list_",
    "alarms mark": "alarms:mark",
    "alarms mute": "alarms:mute",
    "alarms unmute": "alarms:unmute",
    "alarms ledger": "alarms:ledger",
    "alarms promote": "alarms:promote",
    "alarms tune": "alarms:tune",
    "incidents list": "respond:incidents",
    "incidents show": "respond:show",
    "incidents ack": "respond:ack",
    "incidents resolve": "respond:resolve",
    "review list": "review:list_",
    "review show": "review:show",
    "review take": "review:take",
    "review decide": "review:decide",
    "review skip": "review:skip",
    "rehearse": "rehearse:rehearse",
    "ledger": "ledger:ledger",
    "erase": "erase:erase",
    "token create": "token:create",
    "token list": "token:list_",
    "token revoke": "token:revoke",
}
GROUPS = {
    "contract": "What a table's rows must be like.",
    "quarantine": "The rows that were held back, and why.",
    "alarms": "What was told, and what people said of it; alone it lists the latest.",
    "incidents": "What needs a person; alone it lists the open ones.",
    "review": "The answers that a check wants a person to look at; alone it lists those that wait.",
    "token": "Who may do what over the network; alone it lists the tokens.",
}
HELP = """The production loop of a machine-learning model, rehearsed on your own history before it is real.

Options of every command: --project DIR (else the nearest trivium.toml upwards), --rehearsal NAME (look into a rehearsal
instead of the real store), --json (one JSON document on standard output)."""


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
                    where=" ".join(words),
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

    try:
        answer = application()(_whole(words), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        raise ProjectError(
            Problem(
                code="TV-CLI-002",
                what="the command line cannot be read",
                where="trivium " + " ".join(words),
                seen=str(error).strip(),
                fix="ask for help: trivium COMMAND --help",
            )
        ) from None
    except SystemExit as error:
        return int(error.code or 0)
    return leave(answer) if isinstance(answer, Answer) else 0


def _whole(words: list[str]) -> list[str]:
    """Say `list` for a group that is named alone, or with options only: `trivium alarms --last 3`."""
    rest = words[1:2]
    is_alone = not rest or (rest[0].startswith("-") and rest[0] not in ("-h", "--help"))
    return [words[0], "list", *words[1:]] if words and f"{words[0]} list" in COMMANDS and is_alone else words


def application() -> "App":
    """Make the command line, with every command registered by name alone."""
    from cyclopts import App

    app = App(name="trivium", help=HELP, version=__version__, help_format="plaintext")
    groups = {name: App(name=name, help=text, help_format="plaintext") for name, text in GROUPS.items()}
    for made in groups.values():
        app.command(made)
    for name, place in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        (groups[group] if group else app).command(f"trivium.cli.{place}", name=last)
    return app
