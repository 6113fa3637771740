"""The functions of expressions on one row, by the names under which Polars writes them down."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from trivium.experiment.rowwise.arithmetic import binary
from trivium.experiment.rowwise.values import WHOLE, NotRowWiseError, NotSureError, Row, Value, kept

Arguments = Sequence[tuple[Value, Any]]
_NUMBERS = (*WHOLE, pl.Float64)


def function(name: Any, arguments: Arguments, kind: Any, constants: Sequence[Any]) -> Value:
    """Make the closure of a function.

    Args:
        name: as Polars writes it: a text, or a table from a family or a text to its options.
        arguments: the closure and the type of each.
        kind: the result's type.
        constants: the value of each argument that reads no column, None of the others.

    Raises:
        NotRowWiseError: it is not known here.
    """
    family, options = next(iter(name.items())) if isinstance(name, Mapping) else (name, None)
    if family == "Boolean":
        return _boolean(options, arguments, constants)
    if family == "StringExpr":
        return _text(options, arguments, constants, kind)
    if family == "TemporalExpr":
        return _temporal(options, arguments, kind)
    if family in ("FillNull", "Coalesce"):
        return _first_known(arguments, kind)
    if family == "Clip":
        return _clipped(options, arguments, kind)
    if family in ("Abs", "Negate") and kind in _NUMBERS:
        return kept(kind, one_by_one(abs if family == "Abs" else operator.neg, arguments[0][0]))
    if family in ("Floor", "Ceil") and kind == pl.Float64:
        return one_by_one(_rounded(math.floor if family == "Floor" else math.ceil), arguments[0][0])
    if arguments[0][1] == pl.Float64 and kind == pl.Float64:
        return _of_double(family, options, arguments[0][0], constants)
    raise NotRowWiseError(f"the function {_told(name)}")


_OF_DOUBLE: dict[tuple[str, Any], Callable[[float], float]] = {
    ("Pow", "Sqrt"): math.sqrt,
    ("Trigonometry", "Sin"): math.sin,
    ("Trigonometry", "Cos"): math.cos,
    ("Exp", None): math.exp,
    ("Log1p", None): math.log1p,
    ("Log", None): math.log,
}


def _of_double(family: str, options: Any, value: Value, constants: Sequence[Any]) -> Value:
    """Make the closure of a function of one double; where Python raises, the row is left to Polars."""
    does = _OF_DOUBLE.get((family, options)) if isinstance(options, str | None) else None
    if does is None or (family == "Log" and constants[1:] != [math.e]):
        raise NotRowWiseError(f"the function {_told({family: options}) if options else family}")
    return one_by_one(does, value)


def _told(name: Any) -> str:
    if isinstance(name, Mapping):
        family, options = next(iter(name.items()))
        return f"{family}.{_told(options)}"
    return str(name)


def one_by_one(does: Callable[[Any], Any], value: Value) -> Value:
    """Do something to a value that is not null."""

    def run(row: Row) -> Any:
        got = value(row)
        return None if got is None else does(got)

    return run


def _rounded(does: Callable[[float], int]) -> Callable[[float], float]:
    def run(value: float) -> float:
        return math.copysign(float(does(value)), value)

    return run


def _boolean(name: Any, arguments: Arguments, constants: Sequence[Any]) -> Value:
    value, kind = arguments[0]
    if name == "IsNull":
        return lambda row: value(row) is None
    if name == "IsNotNull":
        return lambda row: value(row) is not None
    if name == "Not" and kind == pl.Boolean:
        return one_by_one(lambda got: not got, value)
    if isinstance(name, Mapping) and name.get("IsBetween") == {"closed": "Both"}:
        return _between(arguments)
    if isinstance(name, Mapping) and "IsIn" in name and kind in (*WHOLE, pl.String, pl.Boolean):
        return _is_in(value, constants[1], arguments[1][1], kind)
    raise NotRowWiseError(f"the function {_told(name)}")


def _between(arguments: Arguments) -> Value:
    (value, kind), (low, low_kind), (high, high_kind) = arguments
    above = binary("GtEq", value, low, kinds=(kind, low_kind), kind=pl.Boolean)
    below = binary("LtEq", value, high, kinds=(kind, high_kind), kind=pl.Boolean)
    return binary("And", above, below, kinds=(pl.Boolean, pl.Boolean), kind=pl.Boolean)


def _is_in(value: Value, held: Any, kind: Any, of: Any) -> Value:
    """Tell whether a value is in a constant list; a list that holds null says more than yes or no, and is not known."""
    listed = held.to_list() if isinstance(held, pl.Series) else held
    inner = getattr(kind, "inner", kind)
    if not isinstance(listed, list) or None in listed or (inner != of and not (inner in WHOLE and of in WHOLE)):
        raise NotRowWiseError(f"is_in of a {kind}")
    members = frozenset(listed)
    return one_by_one(members.__contains__, value)


def _text(name: Any, arguments: Arguments, constants: Sequence[Any], kind: Any) -> Value:
    value = arguments[0][0]
    if isinstance(name, Mapping) and "ToInteger" in name:
        return _to_integer(value, constants[1], is_strict=name["ToInteger"]["strict"], kind=kind)
    second = constants[1] if len(constants) > 1 else None
    if name == "StartsWith" and isinstance(second, str):
        return one_by_one(lambda got: got.startswith(second), value)
    if name == "EndsWith" and isinstance(second, str):
        return one_by_one(lambda got: got.endswith(second), value)
    if name == "LenChars":
        return one_by_one(len, value)
    if name == "LenBytes":
        return one_by_one(lambda got: len(got.encode()), value)
    if isinstance(name, Mapping) and "Contains" in name and name["Contains"]["literal"] and isinstance(second, str):
        return one_by_one(lambda got: second in got, value)
    raise NotRowWiseError(f"the function StringExpr.{_told(name)}")


_DIGITS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def _to_integer(value: Value, base: Any, *, is_strict: bool, kind: Any) -> Value:
    """Read a text as a whole number; one that is none is null, and what only Python takes for one is none."""
    if kind != pl.Int64 or not isinstance(base, int) or not 2 <= base <= 36:
        raise NotRowWiseError(f"the function StringExpr.ToInteger to {kind}")

    def run(row: Row) -> Any:
        got = value(row)
        if got is None:
            return None
        if not _DIGITS.issuperset(got):
            raise NotSureError
        try:
            found = int(got, base)
        except ValueError:
            if is_strict:
                raise NotSureError from None
            return None
        if found >= 2**63:
            raise NotSureError
        return found

    return run


_PARTS: dict[str, Callable[[Any], Any]] = {
    "Year": lambda at: at.year,
    "Month": lambda at: at.month,
    "Day": lambda at: at.day,
    "Hour": lambda at: at.hour,
    "Minute": lambda at: at.minute,
    "Second": lambda at: at.second,
    "Microsecond": lambda at: at.microsecond,
    "WeekDay": lambda at: at.isoweekday(),
    "OrdinalDay": lambda at: at.timetuple().tm_yday,
    "Quarter": lambda at: (at.month + 2) // 3,
    "Week": lambda at: at.isocalendar().week,
    "Date": lambda at: at.date(),
}
_OF_DAYS = frozenset(("Year", "Month", "Day", "WeekDay", "OrdinalDay", "Quarter", "Week"))


def _temporal(name: Any, arguments: Arguments, kind: Any) -> Value:
    value, of = arguments[0]
    is_known = isinstance(name, str) and name in _PARTS
    if is_known and (isinstance(of, pl.Datetime) or (of == pl.Date and name in _OF_DAYS)):
        return one_by_one(_PARTS[name], value)
    if of == pl.Duration("us") and isinstance(name, Mapping) and kind == pl.Int64:
        return _total(name, value)
    raise NotRowWiseError(f"the function TemporalExpr.{_told(name)} of {of}")


_UNITS_US = {"Days": 86_400 * 10**6, "Hours": 3_600 * 10**6, "Minutes": 60 * 10**6, "Seconds": 10**6}


def _total(name: Mapping[str, Any], value: Value) -> Value:
    """Tell how many whole units a duration lasts, rounded towards zero."""
    said, options = next(iter(name.items()))
    unit = _UNITS_US.get(said.removeprefix("Total"))
    if unit is None or options != {"fractional": False}:
        raise NotRowWiseError(f"the function TemporalExpr.{_told(name)}")

    def whole(lasts: Any) -> int:
        micros = (lasts.days * 86_400 + lasts.seconds) * 10**6 + lasts.microseconds
        return int(micros // unit if micros >= 0 else -(-micros // unit))

    return one_by_one(whole, value)


def _first_known(arguments: Arguments, kind: Any) -> Value:
    values = [_as(value, of, kind) for value, of in arguments]

    def run(row: Row) -> Any:
        for value in values:
            got = value(row)
            if got is not None:
                return got
        return None

    return run


def _as(value: Value, of: Any, kind: Any) -> Value:
    """Bring a value to the type that a result shares with others."""
    if of in (kind, pl.Null) or (of in WHOLE and kind in WHOLE):
        return value
    if kind == pl.Float64 and of in WHOLE:
        return one_by_one(float, value)
    raise NotRowWiseError(f"a {of} where a {kind} is made")


def shared(value: Value, of: Any, kind: Any) -> Value:
    """Bring one of several values, of which a row gets one, to the type of all."""
    return _as(value, of, kind)


def _clipped(options: Any, arguments: Arguments, kind: Any) -> Value:
    """Hold a number between two others, of which one may be left out; a bound that is null holds nothing."""
    value, *bounds = [_as(value, of, kind) for value, of in arguments]
    least = bounds.pop(0) if options["has_min"] else _none
    most = bounds.pop(0) if options["has_max"] else _none

    def run(row: Row) -> Any:
        got, low, high = value(row), least(row), most(row)
        if got is None:
            return None
        if math.isnan(got) or (low is not None and high is not None and low > high):
            raise NotSureError
        if low is not None and got < low:
            return low
        return high if high is not None and got > high else got

    return run


def _none(row: Row) -> None:
    return None
