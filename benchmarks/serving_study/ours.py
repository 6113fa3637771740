"""Trivium as a system among its peers: the project behind `trivium serve`, one worker, its log on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environments import ROOT
from harness.load import Request
from harness.servers import Server, ask, free_port
from serving_study.model import COLUMNS, Model
from serving_study.project import COMMAND, NAME, kept, own_environment
from trivium import __version__

PATH = f"/models/{NAME}/predict"
AT = "2024-02-01T12:00:00Z"
Row = Sequence[float]


@dataclass(frozen=True)
class Trivium:
    """One project as it is measured. `settings` goes into [model]; `alone`, nobody is asked beside the version."""

    name: str = "trivium"
    settings: str = ""
    alone: bool = True

    @property
    def version(self) -> str:
        """The checkout's."""
        return __version__

    def start(self, model: Model, folder: Path) -> Server:
        """Make the project, where it is not made, and serve it."""
        return serve(kept(folder / self.name.replace(" ", "-"), model, more=self.settings, alone=self.alone))

    def request(self, row: Row) -> Request:
        """Make the request for one row; each sending asks about a row id of its own."""
        return Request.post(PATH, body_of(row, "r-@@@@@@@@"))

    def answer(self, server: Server, row: Row) -> float:
        """Ask for one row.

        Raises:
            OSError: it answered with a problem, or not at all.
        """
        reply = ask(server.port, PATH, body=body_of(row, "asked"))
        if reply.status != 200:
            raise OSError(f"{reply.status}: {reply.body[:300]!r}")
        return float(json.loads(reply.body)["predictions"][0]["prediction"])


def row_of(row: Row, row_id: str) -> dict[str, Any]:
    """Name the values of a row."""
    return {"row_id": row_id, "at": AT, **dict(zip(COLUMNS, map(float, row), strict=True))}


def body_of(row: Row, row_id: str) -> bytes:
    """Ask about one row."""
    return json.dumps({"rows": [row_of(row, row_id)]}).encode()


def is_ready(server: Server) -> bool:
    """Tell whether every model of the server can answer."""
    return ask(server.port, "/readyz").status == 200


def serve(project: Path, *words: str, port: int = 0, **more: str) -> Server:
    """Start `trivium serve` on a project, with one worker unless told otherwise."""
    port = port or free_port()
    command = [*COMMAND, "--project", project, "serve", "--host", "127.0.0.1", "--port", str(port), *words]
    environment = {**own_environment(), **more}
    return Server(
        command, port=port, log=project / "serve.log", cwd=ROOT, more={"PYTHONPATH": environment["PYTHONPATH"], **more}
    )
