"""The tree that a parsed expression is: columns, literals, and calls of an operator or function.

Nothing here knows SQL text, Polars or rows. Numbers are doubles (Python `float`), times are aware UTC datetimes: there
is no other number and no other time in the language. What may be called stands in `signatures`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

Value = float | str | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row, by its exact name. `at`, here and below: which character of the text it begins with."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the text."""

    value: Value
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function of `signatures` with its arguments, in the order of the text.

    `and` and `or` hold two arguments or more; `in` holds the value, then its options, all literals; `like` holds the
    value, then its pattern, a literal; `case` holds condition, value, condition, value, …, and last the `else`.
    """

    name: str
    arguments: tuple["Node", ...]
    at: int = field(default=0, compare=False, repr=False)


Node = Column | Literal | Call


def children(node: Node) -> tuple[Node, ...]:
    """List the nodes right below a node, in the order of the text."""
    return node.arguments if isinstance(node, Call) else ()


def column_names(node: Node) -> Iterator[str]:
    """Walk over the columns that a tree reads, each as often as it is read."""
    if isinstance(node, Column):
        yield node.name
    for child in children(node):
        yield from column_names(child)


def literals(nodes: Iterable[Node]) -> list[Value]:
    """List the values of those nodes that are literals."""
    return [node.value for node in nodes if isinstance(node, Literal)]
