"""A rule over a row, compiled: what must hold of it, and what befalls a row that breaks it."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from trivium.core.contract import RowSeverity


@dataclass(frozen=True, slots=True)
class RowRule:
    """A named rule over a row. A row breaks it where `ok` is false; null (unknown) is not false, and passes.

    `column` is the contract's column that states it, None for a check of the project. `what` goes on from
    "3 of 900 rows of 'flights'".
    """

    name: str
    ok: pl.Expr
    severity: RowSeverity
    column: str | None
    what: str
    because: str = ""
    owner: str = ""
    expires: date | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the rule reads, in alphabetical order."""
        return tuple(sorted(set(self.ok.meta.root_names())))
