"""Contracts other than the present one: as they were last used, as a file holds them, as a git revision does."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from trivium.core.contract import Check
from trivium.core.problems import Problem, ProjectError
from trivium.core.project import Table, read_project
from trivium.loop.workspace import PROJECT_FILE, Workspace

LAST_USED = "the contract last used"
GIT_LIMIT_S = 20


class Contract(msgspec.Struct, frozen=True):
    """What a table's rows are held to: its settings, and the checks on it."""

    table: Table
    checks: tuple[Check, ...] = ()


def present_contract(ws: Workspace, table: str) -> Contract:
    """Give the contract as the project file says it now."""
    return Contract(ws.project.tables[table], tuple(check for check in ws.project.checks if check.on == table))


def keep_contract(ws: Workspace, table: str) -> str:
    """Keep a table's present contract as a blob, and name it."""
    return ws.blobs.put(msgspec.json.encode(present_contract(ws, table), order="deterministic"))


def contract_from(ws: Workspace, table: str, against: str | None) -> tuple[Contract, str]:
    """Find the contract of a table to compare with, and say which it is.

    Args:
        ws: the project.
        table: the table's name.
        against: a project file, a git revision of the project's own, or None for the contract last used.

    Raises:
        ProjectError: TV-RUN-045 there is no such contract; and the problems of `read_project`.
    """
    if against is None:
        return _last_used(ws, table), LAST_USED
    path = Path(against)
    text = path.read_text(encoding="utf-8") if path.is_file() else _of_revision(ws, against)
    project = read_project(text)
    if table not in project.tables:
        raise _no_contract(table, against, "the table is not in it")
    return Contract(project.tables[table], tuple(check for check in project.checks if check.on == table)), against


def _last_used(ws: Workspace, table: str) -> Contract:
    """Read the contract that the last collection of the table was held to."""
    blob: Any = None
    for event in ws.ledger.events(kind="changed"):
        blob = event.body.get("kept", {}).get(table, blob)
    if blob is None:
        raise _no_contract(table, LAST_USED, "nothing was collected under a recorded contract")
    try:
        return msgspec.json.decode(ws.blobs.get(blob), type=Contract)
    except msgspec.ValidationError as error:
        raise _no_contract(table, LAST_USED, str(error)) from None


def _of_revision(ws: Workspace, revision: str) -> str:
    command = ["git", "-C", str(ws.folder), "show", "--end-of-options", f"{revision}:./{PROJECT_FILE}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_contract(PROJECT_FILE, revision, str(error)) from None
    if done.returncode:
        raise _no_contract(PROJECT_FILE, revision, done.stderr.strip().splitlines()[0] if done.stderr else "git failed")
    return done.stdout


def _no_contract(what: str, against: str, seen: str) -> ProjectError:
    return ProjectError(
        Problem(
            code="TV-RUN-045",
            what=f"there is no contract of {what!r} to compare with: {against}",
            where="command line",
            seen=seen,
            fix="name a project file or a git revision: --against FILE.toml, --against HEAD~1",
        )
    )
