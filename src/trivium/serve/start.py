"""What is looked at before a server starts: who could reach it, whether its projects go together, the port itself."""

import os
import re
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from trivium.core.problems import Problem, ProjectError, StoreError
from trivium.loop.tokens import any_tokens
from trivium.loop.workspace import Workspace
from trivium.serve.access import is_loopback
from trivium.serve.memory import machine_bytes
from trivium.serve.orders import Orders

BACKLOG = 2048
# Of the machine's memory, what all workers together may hold where the project does not say.
MEMORY_SHARE = 0.8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def orders_for(
    folders: Sequence[Path],
    *,
    host: str,
    port: int,
    workers: int,
    without_tokens: bool,
    traces: float,
    says_each: bool,
    drain_s: int,
    is_json: bool,
) -> Orders:
    """Check what can be checked before anything is loaded, and bind the port.

    Raises:
        ProjectError: TV-SERVE-080 no tokens on an address that others reach, -081 two projects of one name, -082 a
            name that can't stand in a path, -083 not a number of workers; those of the project files and of `spans`.
        StoreError (TV-SERVE-084): the address cannot be listened on.
    """
    if workers < 1:
        raise ProjectError(_bad_workers(workers))
    spaces = [Workspace(folder) for folder in folders]
    _held_apart(spaces)
    if not is_loopback(host) and not without_tokens:
        for ws in spaces:
            ws.refresh()
            if not any_tokens(ws):
                raise ProjectError(_open_to_all(host, ws))
    if traces:
        from trivium.serve.spans import held_to_extra

        held_to_extra(traces)
    listening = _listen(host, port)
    limits = [ws.project.serve.max_memory_mb << 20 for ws in spaces if ws.project.serve.max_memory_mb]
    return Orders(
        projects=tuple(str(folder.resolve()) for folder in folders),
        models=tuple(ws.project.model.name for ws in spaces),
        url=_url(host, listening.getsockname()[1]),
        is_loopback=is_loopback(host),
        without_tokens=without_tokens,
        workers=workers,
        listen_fd=listening.detach(),
        run_folder=tempfile.mkdtemp(prefix="trivium-serve-"),
        most_bytes=max(limits) if limits else int(MEMORY_SHARE * machine_bytes() / workers),
        drain_s=drain_s,
        traces=traces,
        says_each=says_each,
        is_json=is_json,
    )


def become_supervisor(orders: Orders) -> NoReturn:
    """Turn this process into the supervisor: it keeps none of what the command has loaded."""
    os.set_inheritable(orders.listen_fd, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "trivium.serve.supervise", orders.write()])


def _held_apart(spaces: Sequence[Workspace]) -> None:
    names = [ws.project.model.name for ws in spaces]
    for ws, name in zip(spaces, names, strict=True):
        where = f"{ws.folder}, model.name"
        if not _NAME.fullmatch(name):
            raise ProjectError(
                Problem(
                    code="TV-SERVE-082",
                    what=f"the model's name {name!r} cannot stand in a path",
                    where=where,
                    seen=name,
                    fix="name it with letters, digits, - _ and .",
                )
            )
        if names.count(name) > 1:
            raise ProjectError(
                Problem(
                    code="TV-SERVE-081",
                    what=f"two of the projects are named {name!r}",
                    where=where,
                    seen=", ".join(names),
                    fix="serve one of them, or rename a model",
                )
            )


def _open_to_all(host: str, ws: Workspace) -> Problem:
    return Problem(
        code="TV-SERVE-080",
        what=f"{host} can be reached by others, and {ws.project.model.name!r} has no tokens",
        where="--host",
        seen=host,
        fix="make a token first: trivium token create --role predict; or let everybody in: --without-tokens",
    )


def _bad_workers(workers: int) -> Problem:
    return Problem(
        code="TV-SERVE-083",
        what="a server needs one worker at least",
        where="--workers",
        seen=str(workers),
        fix="write the number of cores that it may use",
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise StoreError(
            Problem(
                code="TV-SERVE-084",
                what="the address cannot be listened on",
                where=f"--host {host} --port {port}",
                seen=str(error),
                fix="choose another port, or end who listens there",
            )
        ) from None


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
