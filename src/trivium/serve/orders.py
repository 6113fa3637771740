"""What a server is told to do: from the command to the supervisor, from there to each worker. Loads nothing heavy."""

import json
from typing import Any, NamedTuple


class Orders(NamedTuple):
    """One server. `listen_fd` is the listening socket, inherited; `beat_fd` a worker's pipe to its supervisor."""

    projects: tuple[str, ...]
    models: tuple[str, ...]
    url: str
    is_loopback: bool
    without_tokens: bool
    workers: int
    listen_fd: int
    run_folder: str
    most_bytes: int
    drain_s: int
    traces: float
    says_each: bool
    is_json: bool
    number: int = 0
    beat_fd: int = -1

    def write(self) -> str:
        """Write the orders as one argument of a command line."""
        return json.dumps(self._asdict())

    @classmethod
    def read(cls, text: str) -> "Orders":
        """Read what `write` wrote."""
        fields: dict[str, Any] = json.loads(text)
        for name in ("projects", "models"):
            fields[name] = tuple(fields[name])
        return cls(**fields)
