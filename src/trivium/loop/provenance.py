"""Where code came from and what it ran in: the git commit, and the installed distributions."""

import subprocess
from functools import cache
from importlib import metadata
from typing import Any

from trivium.loop.workspace import Workspace

GIT_TIMEOUT_S = 10


def code_commit(ws: Workspace) -> dict[str, Any] | None:
    """Name the project's git commit, and keep the patch of what is not committed; None outside a repository."""
    key = "commit"
    if key not in ws.cache:
        ws.cache[key] = _commit(ws)
    found: dict[str, Any] | None = ws.cache[key]
    return found


def _commit(ws: Workspace) -> dict[str, Any] | None:
    head = _git(ws, "rev-parse", "HEAD")
    if head is None:
        return None
    patch = _git(ws, "diff", "HEAD", "--", ".") or ""
    return {"id": head.strip(), "patch": ws.blobs.put(patch.encode()) if patch.strip() else None}


def _git(ws: Workspace, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(ws.folder), *words], capture_output=True, text=True, check=False, timeout=GIT_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # no git on this machine, or none that answers: the code's digest still names it
    return done.stdout if done.returncode == 0 else None


@cache
def environment() -> str:
    """List the installed distributions with their versions, a line each, sorted."""
    found = {f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions() if d.metadata["Name"]}
    return "\n".join(sorted(found, key=str.lower)) + "\n"
