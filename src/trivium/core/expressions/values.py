"""What each operator and function does to plain Python values, none of them null. The meaning, in its shortest form.

Nulls, columns and the order of evaluation are the row compiler's. What gives NaN gives None here, which is null.
"""

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

# Up to here each whole number is a double, so an int may stay one where it is only compared.
EXACT = 2**53
# From here on a double has no digits behind the point.
_WHOLE_FROM = 2.0**52
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ASCII_UPPER = {code + 32: code for code in _ASCII_LOWER}
_TRIMMED = " \t\n\r\f\v"
_MICROSECOND = timedelta(microseconds=1)


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


def _substr(text: str, first: float, count: float | None = None) -> str:
    begin = int(first) - 1
    return text[begin:] if count is None else text[begin : begin + int(count)]


OF_VALUES: dict[str, Callable[..., Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "not": operator.not_,
    "+": lambda a, b: _settled(a + b),
    "-": lambda a, b: _settled(a - b),
    "*": lambda a, b: _settled(a * b),
    "/": _divided,
    "%": _modulo,
    "negate": operator.neg,
    "||": operator.add,
    "abs": abs,
    "ceil": _ceil,
    "contains": operator.contains,
    "day": lambda at: float(at.day),
    "ends_with": str.endswith,
    "floor": _floor,
    "hour": lambda at: float(at.hour),
    "is_finite": math.isfinite,
    "length": lambda text: float(len(text)),
    "lower": lambda text: text.translate(_ASCII_LOWER),
    "minute": lambda at: float(at.minute),
    "month": lambda at: float(at.month),
    "round": _round,
    "second": lambda at: float(at.second),
    "seconds_between": lambda earlier, later: ((later - earlier) // _MICROSECOND) / 1e6,
    "sign": lambda number: float((number > 0) - (number < 0)),
    "sqrt": lambda number: math.sqrt(number) if number >= 0 else None,
    "starts_with": str.startswith,
    "substr": _substr,
    "trim": lambda text: text.strip(_TRIMMED),
    "upper": lambda text: text.translate(_ASCII_UPPER),
    "weekday": lambda at: float(at.isoweekday()),
    "year": lambda at: float(at.year),
}


def like(pattern: str) -> Callable[[str], bool]:
    """Make the test of a LIKE pattern, in time linear in the text's length for each part between `%`."""
    if "_" in pattern:
        matches = re.compile(like_regex(pattern), re.DOTALL).fullmatch
        return lambda text: matches(text) is not None
    first, *middle = pattern.split("%")
    if not middle:
        return lambda text: text == first
    last = middle.pop()
    least = len(first) + len(last)
    parts = [part for part in middle if part]
    if not parts:
        return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)

    def matches_in_order(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in parts:  # the leftmost place of a part is always right
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches_in_order


def like_regex(pattern: str) -> str:
    """Write a LIKE pattern as a regular expression of Python's that never backtracks over more than one `%`."""
    first, *rest = [
        "".join("." if letter == "_" else re.escape(letter) for letter in part) for part in pattern.split("%")
    ]
    if not rest:
        return first
    # The leftmost match of a middle part is always right, so it may be atomic.
    return first + "".join(f"(?>.*?{part})" for part in rest[:-1]) + ".*" + rest[-1]
