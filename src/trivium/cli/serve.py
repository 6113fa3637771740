"""`serve`."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from trivium.cli.door import MEANT, folder_alone, project_in


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))] = 8000,
    workers: int = 1,
    also: list[Path] | None = None,
    without_tokens: bool = False,
    traces: float = 0.0,
    log_requests: bool = False,
    drain: Annotated[int, Parameter(validator=Number(gte=0))] = 30,
) -> None:
    """Answer requests over HTTP, until SIGTERM or Ctrl-C; then finish what has begun.

    Parameters
    ----------
    host
        The address to listen on. On any but this machine's own, tokens are asked for.
    port
        The port; 0 takes a free one.
    workers
        How many processes answer; about one a core.
    also
        The folder of a further project to serve beside; may be given several times.
    without_tokens
        Let everybody in who can reach the address.
    traces
        The share of requests to trace by OpenTelemetry, 0 to 1; needs the extra `otel`.
    log_requests
        Write a line of the log for each request.
    drain
        Seconds that requests under way may take once the server is told to end.
    """
    from trivium.serve.start import become_supervisor, orders_for

    orders = orders_for(
        [folder_alone(), *map(project_in, also or [])],
        host=host,
        port=port,
        workers=workers,
        without_tokens=without_tokens,
        traces=traces,
        says_each=log_requests,
        drain_s=drain,
        is_json=MEANT.get().json,
    )
    become_supervisor(orders)
