"""What the steps before a model make of its columns, as values: each a function of one column that came in.

Arithmetic is kept as the steps do it, in their order, so that a column is equal to the original's bit for bit; a
category's codes and one-hot columns are functions that are constant in pieces.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isnan, nan
from typing import TYPE_CHECKING, Any

from trivium.artifact.graph import Graph
from trivium.artifact.pieces import Pieces
from trivium.artifact.refusals import NotCompilable
from trivium.artifact.trees import add_trees, piece_tree

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Change = tuple[str, float]
# What is done to a number: `mark` makes one number a missing one, `fill` gives the missing ones a number.
CHANGES: Mapping[str, Callable[[float, float], float]] = {
    "subtract": lambda x, by: x - by,
    "divide": lambda x, by: x / by,
    "multiply": lambda x, by: x * by,
    "add": lambda x, by: x + by,
    "mark": lambda x, by: nan if x == by else x,
    "fill": lambda x, by: by if isnan(x) else x,
    "at_least": lambda x, by: by if x < by else x,
    "at_most": lambda x, by: by if x > by else x,
}


@dataclass(frozen=True)
class Number:
    """A number that came in as column `source`, changed step by step."""

    source: int
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Choice:
    """A number chosen by the piece that column `source` lies in; infinite where a row is refused."""

    source: int
    pieces: Pieces

    @property
    def refuses(self) -> bool:
        """Tell whether some number that may come in is refused."""
        return inf in (*self.pieces.values, self.pieces.missing)


Column = Number | Choice


@dataclass
class Refused:
    """The columns that came in and may not be infinite, or may not be missing, somewhere on the way."""

    infinite: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)

    def hold(self, columns: Iterable[Column], *, takes_missing: bool) -> list[Column]:
        """Note what a step refuses of the columns that it is given; gives the columns as it goes on with them."""
        held: list[Column] = []
        for column in columns:
            self.infinite.add(column.source)
            if isinstance(column, Choice) and not takes_missing:
                held.append(mapped(column, lambda value: inf if isnan(value) else value))
                continue
            if isinstance(column, Number) and not takes_missing and "fill" not in dict(column.changes):
                self.missing.add(column.source)
            held.append(column)
        return held


def value_at(pieces: Pieces, number: float) -> float:
    """Say what a piecewise constant function is at a number."""
    return pieces.missing if isnan(number) else pieces.values[bisect_left(pieces.ends, number)]


def mapped(choice: Choice, change: Callable[[float], float]) -> Choice:
    """Change the numbers that are chosen from; what is refused stays so."""

    def each(value: float) -> float:
        return value if value == inf else change(value)

    pieces = choice.pieces
    values = [each(value) for value in pieces.values]
    return Choice(choice.source, Pieces(pieces.ends, values, each(pieces.missing)))


def changed(column: Column, kind: str, by: float) -> Column:
    """Do one more thing to a column."""
    if isinstance(column, Number):
        return Number(column.source, (*column.changes, (kind, float(by))))
    return mapped(column, lambda value: CHANGES[kind](value, float(by)))


def chosen(column: Column, pieces: Pieces) -> Choice:
    """Choose a number by the piece that a column lies in.

    Raises:
        NotCompilable: the column is no longer as it came in, but for missing numbers that were filled.
    """
    if isinstance(column, Choice):
        return mapped(column, lambda value: value_at(pieces, value))
    filled = [by for kind, by in column.changes if kind == "fill"]
    if len(filled) != len(column.changes):
        raise NotCompilable("it makes categories of numbers that it has scaled before")
    if filled:
        pieces = replace(pieces, missing=value_at(pieces, filled[0]))
    return Choice(column.source, pieces)


def is_missing(column: Column) -> Choice:
    """Choose 1 where a column is missing and 0 elsewhere; what was scaled is missing where it was before."""
    if isinstance(column, Choice):
        return mapped(column, lambda value: float(isnan(value)))
    if "mark" in dict(column.changes):
        raise NotCompilable("it tells what is missing of numbers that were missing before")
    return Choice(column.source, Pieces([], [0.0], 0.0 if "fill" in dict(column.changes) else 1.0))


def add_columns(graph: Graph, columns: Sequence[Column], matrix: str, *, width: int) -> str:
    """Add the nodes that make the columns of a matrix of `width` columns, shape (rows, columns)."""
    import numpy as np

    groups: dict[tuple[str, ...], list[int]] = {}
    for place, column in enumerate(columns):
        kinds = tuple(kind for kind, _ in column.changes) if isinstance(column, Number) else ("choice",)
        groups.setdefault(kinds, []).append(place)
    made = [_add_group(graph, kinds, [columns[at] for at in groups[kinds]], matrix, width=width) for kinds in groups]
    order = np.argsort([place for places in groups.values() for place in places])
    whole = made[0] if len(made) == 1 else graph.add("Concat", *made, axis=1)
    return _gathered(graph, whole, order, width=len(order))


def _gathered(graph: Graph, matrix: str, places: "Array", *, width: int) -> str:
    import numpy as np

    if np.array_equal(places, np.arange(width)):
        return matrix
    return graph.add("Gather", matrix, graph.constant(places, np.int64), axis=1)


def _add_group(graph: Graph, kinds: Sequence[str], columns: Sequence[Any], matrix: str, *, width: int) -> str:
    """Add columns to which the same kinds of things are done."""
    import numpy as np

    if kinds == ("choice",):
        trees = [piece_tree(each.pieces, column=each.source, target=place) for place, each in enumerate(columns)]
        return add_trees(graph, trees, source=matrix, targets=len(columns))
    made = _gathered(graph, matrix, np.array([each.source for each in columns]), width=width)
    for place, kind in enumerate(kinds):
        made = _add_change(graph, kind, made, graph.constant([each.changes[place][1] for each in columns]))
    return made


def _add_change(graph: Graph, kind: str, made: str, by: str) -> str:
    import numpy as np

    if kind == "mark":
        return graph.add("Where", graph.add("Equal", made, by), graph.constant(np.nan), made)
    if kind == "fill":
        return graph.add("Where", graph.add("IsNaN", made), by, made)
    if kind in ("at_least", "at_most"):
        beyond = graph.add("Less" if kind == "at_least" else "Greater", made, by)
        return graph.add("Where", beyond, by, made)
    return graph.add({"subtract": "Sub", "divide": "Div", "multiply": "Mul", "add": "Add"}[kind], made, by)


def add_weighted(graph: Graph, columns: Sequence[Column], weights: "Array", matrix: str, *, width: int) -> str:
    """Add the nodes that sum columns by weights, shape (columns, targets), without making a column for each choice.

    A refused choice makes its row's sums NaN.
    """
    import numpy as np

    numbers = [place for place, column in enumerate(columns) if isinstance(column, Number)]
    sums: list[str] = []
    if numbers:
        made = add_columns(graph, [columns[place] for place in numbers], matrix, width=width)
        sums.append(graph.add("MatMul", made, graph.constant(weights[numbers])))
    choices: dict[int, list[int]] = {}
    for place, column in enumerate(columns):
        if isinstance(column, Choice):
            choices.setdefault(column.source, []).append(place)
    if choices:
        trees = [
            piece_tree(pieces, column=source, target=target)
            for source, places in choices.items()
            for target, pieces in enumerate(_merged([columns[at] for at in places], weights[places]))
        ]
        added = add_trees(graph, trees, source=matrix, targets=weights.shape[1])
        # Infinity times 0 is NaN; what is finite stays as it is.
        sums += [added, graph.add("Mul", added, graph.constant(np.zeros(weights.shape[1])))]
    total = sums[0]
    for each in sums[1:]:
        total = graph.add("Add", total, each)
    return total


def _merged(choices: Sequence[Any], weights: "Array") -> list[Pieces]:
    """Sum choices of one column by weights, shape (choices, targets): one function for each target."""
    import numpy as np

    ends = np.unique(np.concatenate([np.asarray(each.pieces.ends, dtype=np.float64) for each in choices]))
    values, missing = np.zeros((len(ends) + 1, weights.shape[1])), np.zeros(weights.shape[1])
    refused, refuses_missing = np.zeros(len(ends) + 1, dtype=bool), False
    for choice, weight in zip(choices, weights, strict=True):
        pieces = choice.pieces
        at = np.searchsorted(np.asarray(pieces.ends), np.append(ends, np.inf))
        said = np.asarray(pieces.values)[at]
        refused |= np.isinf(said)
        refuses_missing |= bool(np.isinf(pieces.missing))
        values += np.outer(np.where(np.isinf(said), 0.0, said), weight)
        missing += weight * (0.0 if np.isinf(pieces.missing) else pieces.missing)
    values[refused] = np.inf
    missing = np.full_like(missing, np.inf) if refuses_missing else missing
    return [Pieces(ends.tolist(), values[:, target].tolist(), float(missing[target])) for target in range(len(missing))]


def add_refused(graph: Graph, refused: Refused, matrix: str, *, width: int) -> str | None:
    """Add a column that is 0 where a row is taken and NaN where it is refused; None where none can be."""
    import numpy as np

    held = np.isin(np.arange(width), list(refused.infinite | refused.missing))
    if not held.any():
        return None
    strict = np.isin(np.arange(width), list(refused.missing))
    if not strict.all():
        free = graph.constant(~held, bool)
        if (held & ~strict).any():
            loose = graph.add("And", graph.add("IsNaN", matrix), graph.constant(held & ~strict, bool))
            free = graph.add("Or", free, loose)
        matrix = graph.add("Where", free, graph.constant(0.0), matrix)
    return graph.add("MatMul", matrix, graph.constant(np.zeros((width, 1))))
