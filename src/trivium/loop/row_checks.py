"""The checks on requests and predictions, over one row as it is answered. `batch.Batch` holds whole frames to them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from trivium.core.contract import Check
from trivium.core.expressions.parse import parse
from trivium.core.expressions.row import to_row
from trivium.core.problems import Problem, shown
from trivium.core.project import Project

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowCheck:
    """One check: `must` gives False where the row breaks it; `value` is what overrides the answer."""

    name: str
    does: str
    must: Callable[[Row], Any]
    value: Callable[[Row], Any] | None
    check: Check
    columns: tuple[str, ...]

    @property
    def is_over_rows(self) -> bool:
        """Tell whether it is about rows whatever is answered: where it falls back, no version is to be trusted."""
        return "prediction" not in self.columns


def row_checks(project: Project, on: str, *, today: date) -> tuple[RowCheck, ...]:
    """Compile the checks on `request` or `prediction` that have not expired, in the order of the project file."""
    made = []
    for check in project.checks:
        if check.holds(on, today=today):
            must = parse(check.must, where=f"check {check.name!r}")
            value = None if check.value is None else to_row(parse(check.value, where=f"check {check.name!r}"))
            made.append(RowCheck(check.name, check.else_, to_row(must), value, check, tuple(sorted(must.columns))))
    return tuple(made)


def refusal(broken: RowCheck, row: Row, *, private: Sequence[str]) -> Problem:
    """Say why a row is refused, with the values that the check read; private ones are shown nowhere."""
    seen = shown(f"{name} = {row.get(name)!r}" for name in broken.columns if name not in private)
    because, owner = broken.check.because, broken.check.owner
    is_request = broken.check.on == "request"
    whom = f"{owner}, who owns the check" if owner else "whoever wrote the check"
    return Problem(
        code="TV-RUN-070",
        what=f"the {'row' if is_request else 'answer'} breaks {broken.name!r}" + (f": {because}" if because else ""),
        where=f"check {broken.name!r}, on {broken.check.on}",
        seen=seen,
        fix=f"correct the row, or ask {whom}"
        if is_request
        else f"ask {whom}, or a person: no answer may be given here",
    )
