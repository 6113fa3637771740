"""A frame of requests that notes what a step does to it, and does the same to one row.

It looks like a `polars.DataFrame` as far as one row goes: `select`, `with_columns`, joins with frames in memory, and
what only renames, orders or drops. Beside the note it holds real rows, on which Polars does the same, so that names
and types are Polars' own. Anything else, and anything that depends on the other rows, is refused.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NoReturn

import polars as pl

from trivium.experiment.rowwise.expressions import translated
from trivium.experiment.rowwise.joins import latest, only
from trivium.experiment.rowwise.values import NotRowWiseError, Row, entry

Change = Callable[[dict[str, Any]], dict[str, Any]]


class Requests:
    """The requests as a step sees them while it is recorded."""

    def __init__(self, real: pl.DataFrame, changes: tuple[Change, ...] = ()) -> None:
        self.real = real
        self.changes = changes

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.real.columns

    @property
    def schema(self) -> pl.Schema:
        """The columns' types."""
        return self.real.schema

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.real.width

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is not written here."""
        raise NotRowWiseError(f"it uses .{name} of the requests")

    def __getitem__(self, key: object) -> NoReturn:
        """Refuse to give a column or rows: what comes of them cannot be followed."""
        raise NotRowWiseError("it takes a column or rows out of the requests with [ ]")

    def __len__(self) -> int:
        """Refuse to count rows: a step that does may depend on the others of its batch."""
        raise NotRowWiseError("it counts the requests")

    def lazy(self) -> "Requests":
        """Do nothing: what is recorded is done at once anyway."""
        return self

    def collect(self, **_: object) -> "Requests":
        """Do nothing."""
        return self

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function on the frame."""
        return function(self, *args, **kwargs)

    def sort(self, by: Any, *more: Any, **how: Any) -> "Requests":
        """Note nothing: one row is in order."""
        return Requests(self.real.sort(by, *more, **how), self.changes)

    def select(self, *expressions: Any, **named: Any) -> "Requests":
        """Keep what expressions give."""
        listed = _listed(expressions, named)
        values = translated(listed, self.real)
        return self._then(self.real.select(listed), lambda row: {name: value(row) for name, value in values.items()})

    def with_columns(self, *expressions: Any, **named: Any) -> "Requests":
        """Add what expressions give."""
        listed = _listed(expressions, named)
        values = translated(listed, self.real)
        return self._then(
            self.real.with_columns(listed), lambda row: row | {name: value(row) for name, value in values.items()}
        )

    def with_row_index(self, name: str = "index", offset: int = 0) -> "Requests":
        """Number the rows; one row is the first."""
        return self._then(self.real.with_row_index(name, offset), lambda row: {name: offset, **row})

    def drop(self, *names: Any, strict: bool = True) -> "Requests":
        """Leave columns out."""
        return self._kept(self.real.drop(*names, strict=strict))

    def rename(self, mapping: Mapping[str, str]) -> "Requests":
        """Name columns anew."""
        real = self.real.rename(mapping)
        named = dict(mapping)
        return self._then(real, lambda row: {named.get(name, name): value for name, value in row.items()})

    def fill_null(self, value: Any) -> "Requests":
        """Put a number in the place of nulls, in the columns where Polars would."""
        if type(value) not in (int, float):
            raise NotRowWiseError("it fills nulls with something else than a number")
        empty = pl.DataFrame({name: [None] for name in self.columns}, schema=self.schema)
        filled = empty.fill_null(value)
        fills = {name: held for name, held in filled.row(0, named=True).items() if held is not None}
        if filled.schema != self.schema:
            raise NotRowWiseError("it fills nulls with a number of another type than the column's")

        def fill(row: dict[str, Any]) -> dict[str, Any]:
            return {name: fills.get(name) if held is None else held for name, held in row.items()}

        return self._then(self.real.fill_null(value), fill)

    def join(self, other: Any, on: Any = None, how: str = "inner", **options: Any) -> "Requests":
        """Join a frame in memory that has one row at most for each key."""
        if how != "left":
            raise NotRowWiseError(f"a join that is {how!r}")
        other = _in_memory(other)
        find = only(self.real, other, on=on, options=options)
        real = self.real.join(other, on=on, how="left", **options)
        return self._joined(real, other, find, suffix=options.get("suffix", "_right"))

    def join_asof(self, other: Any, **options: Any) -> "Requests":
        """Join the latest row of a frame in memory as of each request."""
        other = _in_memory(other)
        find = latest(self.real, other, options=options)
        real = self.real.join_asof(other, **options)
        return self._joined(real, other, find, suffix=options.get("suffix", "_right"))

    def _joined(
        self, real: pl.DataFrame, other: pl.DataFrame, find: Callable[[Row], int | None], *, suffix: str
    ) -> "Requests":
        """Add the other frame's columns, under the names that Polars gave them."""
        names = {name if name not in self.real.columns else name + suffix: name for name in other.columns}
        added = [name for name in real.columns if name not in self.real.columns]
        if any(name not in names for name in added):
            raise NotRowWiseError("a join whose columns are named in a way that is not known")
        held = other.select([names[name] for name in added])
        nothing = dict.fromkeys(added)

        def add(row: dict[str, Any]) -> dict[str, Any]:
            place = find(row)
            return row | (nothing if place is None else dict(zip(added, held.row(place), strict=True)))

        return self._then(real, add)

    def _kept(self, real: pl.DataFrame) -> "Requests":
        names = real.columns
        return self._then(real, lambda row: {name: row[name] for name in names})

    def _then(self, real: pl.DataFrame, change: Change) -> "Requests":
        return Requests(real, (*self.changes, change))


def entrance(schema: Mapping[str, Any]) -> Change:
    """Make what takes a request's row in, its columns in the types of a frame's."""
    taken = {name: entry(kind) for name, kind in schema.items()}

    def enter(row: dict[str, Any]) -> dict[str, Any]:
        return {name: take(row.get(name)) for name, take in taken.items()}

    return enter


def _in_memory(other: Any) -> pl.DataFrame:
    if isinstance(other, pl.LazyFrame):
        return other.collect()
    if isinstance(other, pl.DataFrame):
        return other
    raise NotRowWiseError(f"a join with a {type(other).__name__}")


_LITERALS = (bool, int, float, datetime, date, timedelta)


def _listed(expressions: Iterable[Any], named: Mapping[str, Any]) -> list[pl.Expr]:
    """Give the expressions one by one, as Polars reads its arguments."""
    found = [_expression(one) for one in _flat(expressions)]
    return found + [_expression(value).alias(name) for name, value in named.items()]


def _flat(expressions: Iterable[Any]) -> Iterable[Any]:
    for one in expressions:
        if isinstance(one, str | pl.Expr | pl.Series) or not isinstance(one, Iterable):
            yield one
        else:
            yield from _flat(one)


def _expression(given: Any) -> pl.Expr:
    if isinstance(given, pl.Expr):
        return given
    if isinstance(given, str):
        return pl.col(given)
    if given is None or isinstance(given, _LITERALS):
        return pl.lit(given)
    raise NotRowWiseError(f"a {type(given).__name__} among its expressions")
