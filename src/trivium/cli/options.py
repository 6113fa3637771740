"""The kinds of options that commands share; a value that makes no sense is refused before anything is opened."""

from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from trivium.core.problems import Problem, ProjectError


def _told(_type: Any, text: str) -> None:
    if not text.strip():
        raise ValueError("It is empty: say why, in words.")


Count = Annotated[int, Parameter(validator=Number(gte=1))]
Reason = Annotated[str, Parameter(validator=_told)]
From = Annotated[str | None, Parameter(name="--from")]


def between(from_: str | None, to: str | None) -> tuple[datetime | None, datetime | None]:
    """Read `--from` and `--to`, each a date or time or left out.

    Raises:
        ProjectError: TV-PROJ-007 one is no time, TV-CLI-016 they leave no time between them.
    """
    from trivium.core.values import moment

    since = moment(from_, where="--from") if from_ else None
    until = moment(to, where="--to") if to else None
    if since is not None and until is not None and since >= until:
        raise ProjectError(
            Problem(
                code="TV-CLI-016",
                what="--from is not before --to, so no time lies between them",
                where="--from, --to",
                seen=f"--from {from_} --to {to}",
                fix="swap them; --to is left out itself, so one day is --from 2013-03-04 --to 2013-03-05",
            )
        )
    return since, until
