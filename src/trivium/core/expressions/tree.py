"""The tree that a parsed expression is: a few small frozen nodes, and the list of functions.

Nothing here knows SQL text, Polars or rows. Numbers are doubles (Python `float`), times are aware UTC datetimes: there
is no other number and no other time in the language.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

Value = float | str | bool | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the row, by its exact name."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Compare:
    """`op` is one of = <> < <= > >=."""

    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Logic:
    """Two or more parts joined by `op`: `and` or `or`."""

    op: str
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where `of` is false, null where it is null."""

    of: "Node"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`op` is one of + - * / %."""

    op: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class IsNull:
    """Never null itself."""

    of: "Node"


@dataclass(frozen=True, slots=True)
class In:
    """`options` are literals of one kind; `has_null` tells that null is among them, which makes no match null."""

    of: "Node"
    options: tuple[Value, ...]
    has_null: bool


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends belong to it."""

    of: "Node"
    low: "Node"
    high: "Node"


@dataclass(frozen=True, slots=True)
class Like:
    """`%` in the pattern stands for any text, `_` for one character; nothing escapes them."""

    of: "Node"
    pattern: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `FUNCTIONS`, or `negate`, the unary minus."""

    name: str
    arguments: tuple["Node", ...]


Node = Column | Literal | Compare | Logic | Not | Arithmetic | IsNull | In | Between | Like | Call


@dataclass(frozen=True, slots=True)
class Function:
    """`takes` and `gives` are kinds; None is any one kind, the same for all arguments and the result."""

    takes: str | None
    gives: str | None
    least: int = 1
    most: int = 1


MOST_ARGUMENTS = 50
MOST_DIGITS = 15
FUNCTIONS = {
    "abs": Function("number", "number"),
    "ceil": Function("number", "number"),
    "coalesce": Function(None, None, most=MOST_ARGUMENTS),
    "floor": Function("number", "number"),
    "greatest": Function(None, None, most=MOST_ARGUMENTS),
    "hour": Function("datetime", "number"),
    "least": Function(None, None, most=MOST_ARGUMENTS),
    "length": Function("text", "number"),
    "lower": Function("text", "text"),
    "month": Function("datetime", "number"),
    "round": Function("number", "number", most=2),
    "upper": Function("text", "text"),
    "weekday": Function("datetime", "number"),
    "year": Function("datetime", "number"),
}
NEGATE = Function("number", "number")


def children(node: Node) -> tuple[Node, ...]:
    """List the nodes right below a node, in the order of the text."""
    match node:
        case Compare(left=left, right=right) | Arithmetic(left=left, right=right):
            return (left, right)
        case Logic(parts=parts) | Call(arguments=parts):
            return parts
        case Not(of=of) | IsNull(of=of) | In(of=of) | Like(of=of):
            return (of,)
        case Between(of=of, low=low, high=high):
            return (of, low, high)
    return ()


def column_names(node: Node) -> Iterator[str]:
    """Walk over the columns that a tree reads, each as often as it is read."""
    if isinstance(node, Column):
        yield node.name
    for child in children(node):
        yield from column_names(child)
