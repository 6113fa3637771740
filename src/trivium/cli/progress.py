"""How far a walk over the history has come: a bar on standard error, on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from trivium.cli.door import MEANT, console

Where = TypeVar("Where")
# Ticks done, ticks in all, and what is going on.
Shown = tuple[int, int, str]


@contextmanager
def ticks_bar(shown: Callable[[Where], Shown]) -> Iterator[Callable[[Where], None]]:
    """Show a bar that moves as it is told where the walk is; elsewhere than on a terminal, and with --json, nothing."""
    out = console(stderr=True)
    if not out.is_terminal or MEANT.get().json:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeRemainingColumn(), console=out) as progress:
        bar = progress.add_task("reading the history", total=None)

        def told(where: Where) -> None:
            done, total, words = shown(where)
            progress.update(bar, completed=done, total=total, description=words)

        yield told
