"""Compiles an expression to a closure over one row: a mapping of plain Python values. For requests, one at a time.

Not a fallback for `columns`: both give the same answers, which `tests/property/test_expressions.py` holds. A call of a
Python function costs more than all it does here, so the commonest shapes (a column beside a literal; two or three
conditions joined) have closures of their own that call nothing they can do themselves.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trivium.core.expressions.parse import Expression
from trivium.core.expressions.tree import Call, Column, Literal, Node, literals
from trivium.core.expressions.values import EXACT, OF_VALUES, like, plain

Row = Mapping[str, Any]
Compiled = Callable[[Row], Any]
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


def to_row(expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
    """Compile to a function of one row.

    Returns:
        A function that gives True, False, None (null) or a value (each number a float, each time an aware UTC
        datetime). A key that the row lacks is null, and so is NaN. It takes ints, floats, text, bools, dates,
        datetimes (those without a zone are UTC) and NumPy's scalars; a value of a kind that `check_types` would
        refuse may raise TypeError.
    """
    return _compiled(expression.tree)


def _compiled(node: Node) -> Compiled:
    match node:
        case Column(name=name):
            return _column(name)
        case Literal(value=value):
            return lambda row: value
        case Call(name=name, arguments=(Column(name=column), Literal(value=value))) if name in _COMPARISONS:
            return _column_beside(column, value, OF_VALUES[name])
    special = _SPECIAL.get(node.name)
    if special is not None:
        return special(node)
    return _strict(OF_VALUES[node.name], *map(_compiled, node.arguments))


def _column(name: str) -> Compiled:
    def run(row: Row) -> Any:
        value = row.get(name)
        if type(value) is float:
            return value if value == value else None  # noqa: PLR0124  # false for NaN alone
        return value if type(value) is str else plain(value)

    return run


def _column_beside(name: str, other: Any, function: Callable[[Any, Any], Any]) -> Compiled:
    """Compare a column with a literal. A small int is compared as it is: as a double it would compare the same."""
    if other is None:
        return lambda row: None
    kind = type(other)

    def of_number(row: Row) -> Any:
        value = row.get(name)
        if type(value) is float:
            return function(value, other) if value == value else None  # noqa: PLR0124  # false for NaN alone
        if type(value) is int and -EXACT < value < EXACT:
            return function(value, other)
        value = plain(value)
        return None if value is None else function(value, other)

    def of_another(row: Row) -> Any:
        value = row.get(name)
        if type(value) is not str:
            value = plain(value)
            if value is None:
                return None
        return function(value, other)

    return of_number if kind is float else of_another


def _strict(function: Callable[..., Any], first: Compiled, *others: Compiled) -> Compiled:
    """Call a function of which any argument that is null makes a null."""
    if len(others) > 1:
        return _strict_of_many(function, first, *others)
    if others:
        return _strict_of_two(function, first, others[0])

    def run(row: Row) -> Any:
        value = first(row)
        return None if value is None else function(value)

    return run


def _strict_of_two(function: Callable[..., Any], left: Compiled, right: Compiled) -> Compiled:
    def run(row: Row) -> Any:
        a = left(row)
        if a is None:
            return None
        b = right(row)
        return None if b is None else function(a, b)

    return run


def _strict_of_many(function: Callable[..., Any], *arguments: Compiled) -> Compiled:
    def run(row: Row) -> Any:
        values = [argument(row) for argument in arguments]
        return None if None in values else function(*values)

    return run


def _logic(node: Call) -> Compiled:
    """Join by `and` (a False settles it) or `or` (a True does); else null if any part is null."""
    parts = [_compiled(part) for part in node.arguments]
    settles = node.name == "or"
    otherwise = not settles
    if len(parts) == 2:
        return _logic_of_two(*parts, settles=settles)
    if len(parts) == 3:
        return _logic_of_three(*parts, settles=settles)

    def run(row: Row) -> Any:
        result: bool | None = otherwise
        for part in parts:
            value = part(row)
            if value is settles:
                return settles
            if value is None:
                result = None
        return result

    return run


def _logic_of_two(first: Compiled, second: Compiled, *, settles: bool) -> Compiled:
    otherwise = not settles

    def run(row: Row) -> Any:
        a = first(row)
        if a is settles:
            return settles
        b = second(row)
        if b is settles:
            return settles
        return None if a is None or b is None else otherwise

    return run


def _logic_of_three(first: Compiled, second: Compiled, third: Compiled, *, settles: bool) -> Compiled:
    otherwise = not settles

    def run(row: Row) -> Any:
        a = first(row)
        if a is settles:
            return settles
        b = second(row)
        if b is settles:
            return settles
        c = third(row)
        if c is settles:
            return settles
        return None if a is None or b is None or c is None else otherwise

    return run


def _is_null(node: Call) -> Compiled:
    inner = _compiled(node.arguments[0])
    return lambda row: inner(row) is None


def _is_distinct(node: Call) -> Compiled:
    left, right = map(_compiled, node.arguments)
    return lambda row: left(row) != right(row)


def _in(node: Call) -> Compiled:
    inner = _compiled(node.arguments[0])
    values = literals(node.arguments[1:])
    options = frozenset(value for value in values if value is not None)
    otherwise = None if None in values else False

    def run(row: Row) -> Any:
        value = inner(row)
        if value is None:
            return None
        return True if value in options else otherwise

    return run


def _between(node: Call) -> Compiled:
    inner, low, high = map(_compiled, node.arguments)

    def run(row: Row) -> Any:
        value, least, most = inner(row), low(row), high(row)
        if value is None:
            return None
        if (least is not None and value < least) or (most is not None and value > most):
            return False
        return None if least is None or most is None else True

    return run


def _like(node: Call) -> Compiled:
    (pattern,) = literals(node.arguments[1:])
    return _strict(like(str(pattern)), _compiled(node.arguments[0]))


def _case(node: Call) -> Compiled:
    *parts, otherwise = [_compiled(part) for part in node.arguments]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))

    def run(row: Row) -> Any:
        for condition, value in pairs:
            if condition(row):
                return value(row)
        return otherwise(row)

    return run


def _coalesce(node: Call) -> Compiled:
    arguments = [_compiled(argument) for argument in node.arguments]
    return lambda row: next((value for inner in arguments if (value := inner(row)) is not None), None)


def _extreme(node: Call) -> Compiled:
    arguments = [_compiled(argument) for argument in node.arguments]
    pick: Callable[..., Any] = min if node.name == "least" else max
    return lambda row: pick((value for inner in arguments if (value := inner(row)) is not None), default=None)


def _nullif(node: Call) -> Compiled:
    inner, other = map(_compiled, node.arguments)

    def run(row: Row) -> Any:
        value = inner(row)
        return None if value is None or value == other(row) else value

    return run


_SPECIAL: dict[str, Callable[[Call], Compiled]] = {
    "and": _logic,
    "or": _logic,
    "is null": _is_null,
    "is distinct from": _is_distinct,
    "in": _in,
    "between": _between,
    "like": _like,
    "case": _case,
    "coalesce": _coalesce,
    "least": _extreme,
    "greatest": _extreme,
    "nullif": _nullif,
}
COMPILED = _SPECIAL.keys() | OF_VALUES.keys()
