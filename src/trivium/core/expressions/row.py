"""Compiles an expression to a closure over one row: a mapping of plain Python values. For requests, one at a time.

Not a fallback for `columns`: both give the same answers, which `tests/property/test_expressions.py` holds.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Real
from typing import Any

from trivium.core.expressions.parse import Expression
from trivium.core.expressions.tree import (
    Arithmetic,
    Between,
    Call,
    Column,
    Compare,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Node,
    Not,
)

Row = Mapping[str, Any]
Compiled = Callable[[Row], Any]
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ASCII_UPPER = {code + 32: code for code in _ASCII_LOWER}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# From here on a double has no digits behind the point.
_WHOLE_FROM = 2.0**52


def to_row(expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
    """Compile to a function of one row.

    Returns:
        A function that gives True, False, None (null) or a value (each number a float, each time an aware UTC
        datetime). A key that the row lacks is null, and so is NaN. It takes ints, floats, text, bools, dates,
        datetimes (those without a zone are UTC) and NumPy's scalars; a value of a kind that `check_types` would
        refuse may raise TypeError.
    """
    return _compiled(expression.tree)


def plain(value: Any) -> Any:
    """Bring a value to the language's own kinds: each number a float, NaN null, each time an aware UTC datetime."""
    kind = type(value)
    if kind is float:
        return value if value == value else None  # noqa: PLR0124  # false for NaN alone
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return _double(value)
    if hasattr(value, "item"):  # NumPy's scalars
        return plain(value.item())
    if isinstance(value, Real | Decimal):
        return _double(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value


def _double(value: Any) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # a whole number past 1e308
        number = math.inf if value > 0 else -math.inf
    return None if math.isnan(number) else number


def _compiled(node: Node) -> Compiled:
    match node:
        case Column(name=name):
            return lambda row: plain(row.get(name))
        case Literal(value=value):
            return lambda row: value
        case Compare():
            return _compare(node)
        case Logic(op=op, parts=parts):
            return _logic([_compiled(part) for part in parts], settles=op == "or")
        case Not(of=of):
            return _not(_compiled(of))
        case IsNull(of=of):
            inner = _compiled(of)
            return lambda row: inner(row) is None
        case In():
            return _in(node)
        case Between(of=of, low=low, high=high):
            return _between(_compiled(of), _compiled(low), _compiled(high))
        case Like(of=of, pattern=pattern):
            return _like(_compiled(of), pattern)
        case Arithmetic(op=op, left=left, right=right):
            return _both(_ARITHMETIC[op], _compiled(left), _compiled(right))
        case Call():
            return _call(node)


def _both(function: Callable[[Any, Any], Any], left: Compiled, right: Compiled) -> Compiled:
    def run(row: Row) -> Any:
        a = left(row)
        if a is None:
            return None
        b = right(row)
        return None if b is None else function(a, b)

    return run


def _compare(node: Compare) -> Compiled:
    function = _COMPARISONS[node.op]
    if isinstance(node.left, Column) and isinstance(node.right, Literal) and node.right.value is not None:
        name, value = node.left.name, node.right.value  # the commonest rule by far, so without two calls

        def run(row: Row) -> Any:
            a = plain(row.get(name))
            return None if a is None else function(a, value)

        return run
    return _both(function, _compiled(node.left), _compiled(node.right))


def _logic(parts: list[Compiled], *, settles: bool) -> Compiled:
    """Join by `and` (a False settles it) or `or` (a True does); else null if any part is null."""

    def run(row: Row) -> Any:
        result: bool | None = not settles
        for part in parts:
            value = part(row)
            if value is settles:
                return settles
            if value is None:
                result = None
        return result

    return run


def _not(inner: Compiled) -> Compiled:
    def run(row: Row) -> Any:
        value = inner(row)
        return None if value is None else not value

    return run


def _in(node: In) -> Compiled:
    inner, options, otherwise = _compiled(node.of), frozenset(node.options), None if node.has_null else False

    def run(row: Row) -> Any:
        value = inner(row)
        if value is None:
            return None
        return True if value in options else otherwise

    return run


def _between(inner: Compiled, low: Compiled, high: Compiled) -> Compiled:
    def run(row: Row) -> Any:
        value, least, most = inner(row), low(row), high(row)
        if value is None:
            return None
        if (least is not None and value < least) or (most is not None and value > most):
            return False
        return None if least is None or most is None else True

    return run


def _like(inner: Compiled, pattern: str) -> Compiled:
    matches = re.compile(like_regex(pattern), re.DOTALL).fullmatch

    def run(row: Row) -> Any:
        value = inner(row)
        return None if value is None else matches(value) is not None

    return run


def like_regex(pattern: str) -> str:
    """Write a LIKE pattern as a regular expression of Python's that never backtracks over more than one `%`."""
    first, *rest = [
        "".join("." if letter == "_" else re.escape(letter) for letter in part) for part in pattern.split("%")
    ]
    if not rest:
        return first
    # The leftmost match of a middle part is always right, so it may be atomic.
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1]


def _settled(number: float) -> float | None:
    return None if number != number else number  # noqa: PLR0124  # true for NaN alone


def _divided(a: float, b: float) -> float | None:
    return None if b == 0 else _settled(a / b)


def _modulo(a: float, b: float) -> float | None:
    """The remainder of floored division, to the digit as Polars computes it: a - b * floor(a / b)."""
    if b == 0:
        return None
    quotient = a / b
    return _settled(a - b * _floor(quotient))


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: _settled(a + b),
    "-": lambda a, b: _settled(a - b),
    "*": lambda a, b: _settled(a * b),
    "/": _divided,
    "%": _modulo,
}


def _floor(number: float) -> float:
    return float(math.floor(number)) if abs(number) < _WHOLE_FROM else number


def _ceil(number: float) -> float:
    return float(math.ceil(number)) if abs(number) < _WHOLE_FROM else number


def _round(number: float, digits: float = 0.0) -> float:
    """Round half away from zero, on the double times a power of ten."""
    power = 10.0**digits
    scaled = abs(number) * power
    if scaled == math.inf:
        return number
    whole = _floor(scaled)
    return math.copysign((whole + 1 if scaled - whole >= 0.5 else whole) / power, number)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "negate": operator.neg,
    "floor": _floor,
    "ceil": _ceil,
    "round": _round,
    "length": lambda text: float(len(text)),
    "lower": lambda text: text.translate(_ASCII_LOWER),
    "upper": lambda text: text.translate(_ASCII_UPPER),
    "hour": lambda at: float(at.hour),
    "weekday": lambda at: float(at.isoweekday()),
    "month": lambda at: float(at.month),
    "year": lambda at: float(at.year),
}


def _call(node: Call) -> Compiled:
    arguments = [_compiled(argument) for argument in node.arguments]
    if node.name == "coalesce":
        return lambda row: next((value for inner in arguments if (value := inner(row)) is not None), None)
    if node.name in ("least", "greatest"):
        pick: Callable[..., Any] = min if node.name == "least" else max
        return lambda row: pick((value for inner in arguments if (value := inner(row)) is not None), default=None)
    function = _FUNCTIONS[node.name]
    if len(arguments) > 1:
        return _both(function, *arguments)
    only = arguments[0]

    def run(row: Row) -> Any:
        value = only(row)
        return None if value is None else function(value)

    return run
