"""Compiles an expression to SQL text, with the language's meaning and not the database's. For warehouses and sources.

It opens no connection; how each database writes a thing stands in `dialects`. Every part is in brackets of its own, so
that no database's order of operators matters.
"""

import math
from collections.abc import Mapping
from datetime import datetime

from trivium.core.expressions.dialects import DIALECTS, Dialect, Dialects
from trivium.core.expressions.kinds import KIND_OF_TYPE, kind_of, one_kind
from trivium.core.expressions.parse import Expression
from trivium.core.expressions.signatures import ORDERED, SAME, SIGNATURES, argument_kinds
from trivium.core.expressions.tree import Call, Column, Literal, Node, Value, literals


def to_sql(expression: Expression, types: Mapping[str, str], *, dialect: Dialects = "duckdb") -> str:
    """Compile to the text of a SQL expression over one table's columns, whose names it quotes.

    Args:
        expression: what `parse` gave.
        types: column -> int, float, str, bool, datetime or date.
        dialect: whose SQL it is.

    Returns:
        The text: a condition or value, null where the language says null. Texts hold no zero character in PostgreSQL
        and SQLite; PostgreSQL answers a number past 1e308 with an error of its own.

    Raises:
        ProjectError: TV-EXPR-004, TV-EXPR-005 as `check_types`.
    """
    kind = kind_of(expression.tree, types, text=expression.text)
    return _Writer(DIALECTS[dialect], types, expression.text).written(expression.tree, kind)


class _Writer:
    def __init__(self, dialect: Dialect, types: Mapping[str, str], text: str) -> None:
        self._dialect = dialect
        self._types = types
        self._text = text

    def written(self, node: Node, kind: str | None) -> str:
        """Write a node; `kind` is what its place asks for, and what a null takes that has no type of its own."""
        match node:
            case Column(name=name):
                of_column = KIND_OF_TYPE.get(self._types[name])
                return self._dialect.columns[of_column or "text"].format(quoted_name(name))
            case Literal(value=value):
                return self._literal(value, kind)
        if node.name == "like":
            return self._like(node)
        if node.name == "substr":
            of, *places = node.arguments
            return self._call(node, [self.written(of, "text"), ", ".join(f"{_whole(place)}" for place in places)])
        if node.name == "round":
            number, *digits = node.arguments
            return _rounded(self._dialect, self.written(number, "number"), _whole(digits[0]) if digits else 0)
        kinds = [kind_of(part, self._types, text=self._text) for part in node.arguments]
        same = one_kind(node, kinds) or (kind if SIGNATURES[node.name].gives == SAME else None)
        asked = [same if ask in (SAME, ORDERED) else ask for ask in argument_kinds(node.name, len(kinds))]
        return self._call(node, list(map(self.written, node.arguments, asked)))

    def _call(self, node: Call, parts: list[str]) -> str:
        match node.name:
            case "and" | "or":
                return f"({f' {node.name.upper()} '.join(parts)})"
            case "in":
                return f"({parts[0]} IN ({', '.join(parts[1:])}))"
            case "case":
                whens = [f"WHEN {when} THEN {then}" for when, then in zip(parts[:-1:2], parts[1::2], strict=True)]
                return f"CASE {' '.join(whens)} ELSE {parts[-1]} END"
            case "coalesce" | "least" | "greatest" if len(parts) == 1:
                return parts[0]
            case "coalesce" | "least" | "greatest":
                template = self._dialect.template(node.name)
                listed = [f"({part})" for part in parts] if "VALUES" in template else parts
                return template.format(", ".join(listed))
            case "+" | "-" | "*":
                return self._dialect.settled.format(f"({parts[0]} {node.name} {parts[1]})")
            case "/":
                return self._dialect.settled.format(f"({parts[0]} / nullif({parts[1]}, 0))")
            case "%":
                left, right = parts
                return self._dialect.settled.format(f"({left} - {right} * floor({left} / nullif({right}, 0)))")
        return self._dialect.template(node.name).format(*parts)

    def _literal(self, value: Value, kind: str | None) -> str:
        dialect = self._dialect
        if value is None:
            return f"CAST(NULL AS {dialect.types[kind or 'text']})"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, float):
            size = dialect.infinity if math.isinf(value) else dialect.number.format(_digits(abs(value)))
            return f"(- {size})" if value < 0 else size
        if isinstance(value, datetime):
            return dialect.time.format(f"{value.replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}")
        return dialect.text.format(_quoted(value))

    def _like(self, node: Call) -> str:
        (pattern,) = literals(node.arguments[1:])
        form = _glob(str(pattern)) if "GLOB" in self._dialect.like else str(pattern)
        return self._dialect.like.format(self.written(node.arguments[0], "text"), _quoted(form))


def _rounded(dialect: Dialect, number: str, digits: int) -> str:
    """Write the rounding of halves away from zero: each database has another of its own."""
    power = dialect.number.format(_digits(10.0**digits))
    scaled = f"abs({number}) * {power}"
    up = f"CASE WHEN {scaled} - floor({scaled}) >= 0.5 THEN 1 ELSE 0 END"
    signed = f"CASE WHEN {number} < 0 THEN -1 ELSE 1 END * (floor({scaled}) + {up}) / {power}"
    too_large = dialect.too_large.format(number, power)
    return f"CASE WHEN {too_large} THEN {number} ELSE {signed} END"


def _digits(number: float) -> str:
    """Write a double with all its digits; by its exponent each database knows that it is no decimal."""
    text = repr(number).removesuffix(".0")
    return text if "e" in text else f"{text}e0"


def _whole(node: Node) -> int:
    (value,) = literals([node])
    return int(value) if isinstance(value, float) else 0


def quoted_name(name: str) -> str:
    """Write the name of a column or table, which may hold any sign."""
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _glob(pattern: str) -> str:
    """Write a LIKE pattern in SQLite's GLOB, whose own signs stand in brackets to mean themselves."""
    signs = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(signs.get(letter, letter) for letter in pattern)
