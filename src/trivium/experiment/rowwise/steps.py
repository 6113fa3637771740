"""Steps that make features, as one function of one row; and the proof that it gives what Polars gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trivium.experiment.rowwise.recording import Change, Requests, entrance
from trivium.experiment.rowwise.values import NotRowWiseError, NotSureError, is_same, understood

# Of the rows that Polars takes, so many at least must be told without it, or it is not worth the while.
LEAST_SURE = 0.9
_UNSURE = (NotSureError, ArithmeticError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class RowSteps:
    """What steps do to one row. `schema` is that of the features."""

    schema: Mapping[str, Any]
    changes: tuple[Change, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The features' names, in order."""
        return tuple(self.schema)

    def features(self, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Give a row's features as plain values; None where Polars is to be asked.

        Args:
            row: the request's columns by name; one left out is null.
        """
        held: Any = row
        try:
            for change in self.changes:
                held = change(held)
        except _UNSURE:
            return None
        return tuple(held.values())


def compiled(run: Callable[[Requests], Any], real: pl.DataFrame) -> RowSteps:
    """Record what steps do to a frame of requests.

    Args:
        run: calls the steps with the requests; other frames are bound in it.
        real: some requests, for names and types; not empty.

    Raises:
        NotRowWiseError: a step does what is not known here, or what depends on other rows.
    """
    made = run(Requests(real, (entrance(real.schema),)))
    if not isinstance(made, Requests):
        raise NotRowWiseError(f"it returns a {type(made).__name__} that was not made of the requests alone")
    for name, kind in made.schema.items():
        understood(kind, f"the feature {name!r}")
    return RowSteps(dict(made.schema), made.changes)


@dataclass
class Proof:
    """How the two forms compare: `rows` compared, `unsure` left to Polars, `wrong` the first difference."""

    rows: int = 0
    unsure: int = 0
    wrong: str = ""

    @property
    def holds(self) -> bool:
        """Whether the compiled form may answer."""
        return not self.wrong and self.rows > 0

    @property
    def reason(self) -> str:
        """Why it may not."""
        return self.wrong or "there are no rows to prove it on"


def prove(steps: RowSteps, rows: Sequence[Mapping[str, Any]], expected: pl.DataFrame, proof: Proof) -> Iterator[None]:
    """Hold the compiled form to what Polars gives, bit by bit, nulls included; yields after each row.

    Args:
        steps: the compiled form.
        rows: requests.
        expected: Polars' features of them.
        proof: what is found is noted here.
    """
    if dict(expected.schema) != dict(steps.schema):
        proof.wrong = "its columns or their types depend on the rows"
        return
    for row, theirs in zip(rows, expected.iter_rows(), strict=True):
        ours = steps.features(row)
        proof.rows += 1
        if ours is None:
            proof.unsure += 1
        elif not all(map(is_same, ours, theirs)):
            places = [place for place, pair in enumerate(zip(ours, theirs, strict=True)) if not is_same(*pair)]
            name = steps.columns[places[0]]
            proof.wrong = f"{name!r} would be {ours[places[0]]!r}, not {theirs[places[0]]!r}"
            return
        yield
