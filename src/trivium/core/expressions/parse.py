"""Reads the text of an expression into our own tree, and checks its types. The only module that sees sqlglot.

Text is never run: sqlglot parses it, and what is not on the list here is refused. Not a compiler (`columns`, `row`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

import msgspec

from trivium.core.expressions.kinds import TYPE_OF_KIND, kind_of, kind_of_value
from trivium.core.expressions.scan import bad_syntax, not_allowed, scan, too_large
from trivium.core.expressions.tree import (
    FUNCTIONS,
    MOST_DIGITS,
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
    column_names,
)
from trivium.core.problems import ProjectError

if TYPE_CHECKING:
    from sqlglot import exp

# `a + b + …` nests to the left, one level a term; `and` and `or` are flattened first and count as one.
DEEPEST_TREE = 60
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_COMPARISONS = {"EQ": "=", "NEQ": "<>", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%"}
_LOGIC = {"And": "and", "Or": "or"}
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMPNTZ", "TIMESTAMPTZ"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. `columns` are the names that it reads."""

    text: str
    columns: frozenset[str]
    tree: Node


def parse(text: str, *, where: str = "") -> Expression:
    """Read an expression.

    Args:
        text: the expression; at most 4 kB.
        where: what the problems name, such as the check that holds the text.

    Raises:
        ProjectError: TV-EXPR-001 it is no expression, -002 it uses what the language has not, -003 it is too long or
            nested too deeply, -005 its kinds clash whatever the columns are (`not 5`).
    """
    try:
        return _parse(text)
    except ProjectError as error:
        raise ProjectError(*(msgspec.structs.replace(problem, where=where) for problem in error.problems)) from None


def check_types(expression: Expression, types: Mapping[str, str], *, where: str = "") -> str:
    """Check an expression against its columns' types.

    Args:
        expression: what `parse` gave.
        types: column -> int, float, str, bool, datetime or date.
        where: what the problems name.

    Returns:
        The result's type: bool, float (each number), str, datetime (dates too), or null if it can be nothing else.

    Raises:
        ProjectError: TV-EXPR-004 a column is not among `types`, TV-EXPR-005 two kinds do not fit.
    """
    kind = kind_of(expression.tree, types, where=where)
    return TYPE_OF_KIND[kind] if kind is not None else "null"


@lru_cache(maxsize=1024)
def _parse(text: str) -> Expression:
    scan(text)
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        parsed = parse_one(text, into=exp.Condition, dialect="duckdb")
    except SqlglotError:
        raise ProjectError(bad_syntax(text, "it does not read as one condition or value")) from None
    except RecursionError:  # the caller stood deep in its own calls already
        raise ProjectError(too_large("the expression is nested too deeply", text)) from None
    _refuse_depth(parsed, text)
    tree = _node(parsed)
    kind_of(tree, None)
    return Expression(text, frozenset(column_names(tree)), tree)


def _refuse_depth(parsed: "exp.Expr", text: str) -> None:
    waiting = [(parsed, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST_TREE:
            raise ProjectError(too_large(f"the expression is nested deeper than {DEEPEST_TREE} operators", text))
        for child in node.iter_expressions():
            flat = type(child) is type(node) and type(node).__name__ in _LOGIC
            waiting.append((child, depth if flat else depth + 1))


def _node(parsed: "exp.Expr") -> Node:
    """Convert one node of sqlglot's by the allow-list; names of classes, so that sqlglot is imported late."""
    kind = type(parsed).__name__
    if kind in _COMPARISONS:
        return Compare(_COMPARISONS[kind], _node(parsed.this), _node(parsed.expression))
    if kind in _ARITHMETIC:
        return Arithmetic(_ARITHMETIC[kind], _node(parsed.this), _node(parsed.expression))
    if kind in _LOGIC:
        return Logic(_LOGIC[kind], tuple(_node(part) for part in _flattened(parsed)))
    match kind:
        case "Paren":
            return _node(parsed.this)
        case "Not":
            return Not(_node(parsed.this))
        case "Neg":
            of = _node(parsed.this)
            is_number = isinstance(of, Literal) and kind_of_value(of.value) == "number"
            return Literal(-of.value) if is_number else Call("negate", (of,))  # type: ignore[union-attr,operator]  # is_number
        case "Column":
            return _column(parsed)
        case "Between":
            if parsed.args.get("symmetric"):
                _refuse(parsed)
            return Between(_node(parsed.this), _node(parsed.args["low"]), _node(parsed.args["high"]))
        case "Is" if type(parsed.expression).__name__ == "Null":
            return IsNull(_node(parsed.this))
        case "Like":
            return _like(parsed)
        case "In":
            return _in(parsed)
        case "Literal" | "Boolean" | "Null" | "Cast":
            return _literal(parsed)
    return _call(parsed)


def _refuse(parsed: "exp.Expr") -> NoReturn:
    text = parsed.sql(dialect="duckdb")
    raise ProjectError(not_allowed(f"{type(parsed).__name__} is not in the language", text))


def _flattened(parsed: "exp.Expr") -> "list[exp.Expr]":
    parts = []
    node = parsed
    while type(node) is type(parsed):
        parts.append(node.expression)
        node = node.this
    return [node, *reversed(parts)]


def _column(parsed: "exp.Expr") -> Column:
    if parsed.args.get("table") or type(parsed.this).__name__ != "Identifier":
        _refuse(parsed)
    name = parsed.this.this
    if name == "*" or (name.startswith("^") and name.endswith("$")):  # to Polars these are patterns of names
        raise ProjectError(not_allowed(f"{name!r} cannot name a column", name))
    return Column(name)


def _like(parsed: "exp.Expr") -> Node:
    pattern = parsed.expression
    if type(pattern).__name__ != "Literal" or not pattern.args["is_string"]:
        raise ProjectError(not_allowed("like takes a pattern in quotes", parsed.sql(dialect="duckdb")))
    like = Like(_node(parsed.this), pattern.this)
    return Not(like) if parsed.args.get("negate") else like


def _in(parsed: "exp.Expr") -> Node:
    options = [_node(option) for option in parsed.expressions]
    if not options or not all(isinstance(option, Literal) for option in options):
        raise ProjectError(not_allowed("in takes a list of values", parsed.sql(dialect="duckdb")))
    values = [option.value for option in options if isinstance(option, Literal)]
    known = tuple(dict.fromkeys(value for value in values if value is not None))
    return In(_node(parsed.this), known, None in values)


def _literal(parsed: "exp.Expr") -> Literal:
    match type(parsed).__name__:
        case "Null":
            return Literal(None)
        case "Boolean":
            return Literal(bool(parsed.this))
        case "Cast":
            return _time(parsed)
    text = parsed.this
    if parsed.args["is_string"]:
        return Literal(text)
    if not _NUMBER.fullmatch(text):
        raise ProjectError(bad_syntax(text, f"{text} is no number"))
    return Literal(float(text))


def _time(parsed: "exp.Expr") -> Literal:
    """Read `date '…'` and `timestamp '…'`; one without a zone is UTC."""
    inside = parsed.this
    is_text = type(inside).__name__ == "Literal" and inside.args["is_string"]
    if not is_text or parsed.args["to"].this.name not in _TIMES:
        _refuse(parsed)
    try:
        at = datetime.fromisoformat(inside.this)
        return Literal(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError):
        raise ProjectError(bad_syntax(inside.this, f"{inside.this!r} is no date or time")) from None


def _call(parsed: "exp.Expr") -> Call:
    kind = type(parsed).__name__
    name = str(parsed.this).lower() if kind == "Anonymous" else kind.lower()
    function = FUNCTIONS.get(name)
    if function is None:
        _refuse(parsed)
    first = [] if kind == "Anonymous" else [parsed.this]
    digits = [parsed.args["decimals"]] if parsed.args.get("decimals") is not None else []
    arguments = tuple(_node(argument) for argument in (*first, *digits, *parsed.expressions))
    if not function.least <= len(arguments) <= function.most:
        raise ProjectError(not_allowed(f"{name} takes {function.least} to {function.most} arguments", name))
    if (
        name == "round"
        and len(arguments) > 1
        and arguments[1] not in [Literal(float(n)) for n in range(MOST_DIGITS + 1)]
    ):
        raise ProjectError(not_allowed(f"round takes 0 to {MOST_DIGITS} digits, written as a number", name))
    return Call(name, arguments)
