"""What a parameter's annotation admits, read as text.

Text, because annotations may be strings (`from __future__ import annotations`) that name things we cannot resolve;
nothing of the user's is evaluated here. An annotation that is not understood admits everything.
"""

import ast
import inspect
import math
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

_ADMITS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list | tuple),
    "tuple": lambda value: isinstance(value, list | tuple),
    "Sequence": lambda value: isinstance(value, list | tuple),
    "dict": lambda value: isinstance(value, dict),
    "Mapping": lambda value: isinstance(value, dict),
    "date": lambda value: isinstance(value, date),
    "datetime": lambda value: isinstance(value, datetime),
}
_OF_ONE_KIND = ("list", "Sequence")


def as_text(annotation: Any) -> str:
    """Write an annotation as the source would; empty where there is none."""
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation)


def admits(annotation: str, value: Any) -> bool:
    """Tell whether a plain value is of the annotated type. An int is a float; a bool is neither."""
    try:
        return _admits(ast.parse(annotation.strip(), mode="eval").body, value)
    except SyntaxError:
        return True


def fitted(annotation: str, value: Any) -> Any:
    """Make an int a float where only a float is asked for, so that 1 and 1.0 are the same config."""
    if isinstance(value, int) and not isinstance(value, bool) and annotation.strip() == "float":
        return float(value)
    return value


def is_plain(value: Any) -> bool:
    """Tell whether a value can be written in TOML (None included): what a config may hold."""
    if isinstance(value, list | tuple):
        return all(is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str | date)


def exact(value: Any) -> Any:
    """Give each plain value a JSON form of its own; JSON has none for numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, list | tuple):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {str(key): exact(item) for key, item in value.items()}
    return value


def _admits(node: ast.expr, value: Any) -> bool:
    match node:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return admits(text, value)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _ADMITS[name](value) if name in _ADMITS else True
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _admits(left, value) or _admits(right, value)
        case ast.Subscript(value=ast.Name(id=outer) | ast.Attribute(attr=outer), slice=inner):
            return _admits_inside(outer, inner, value)
    return True


def _admits_inside(outer: str, inner: ast.expr, value: Any) -> bool:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Literal":
        return any(isinstance(part, ast.Constant) and part.value == value for part in parts)
    if outer in ("Optional", "Union"):
        return (outer == "Optional" and value is None) or any(_admits(part, value) for part in parts)
    if outer in _OF_ONE_KIND:
        return _ADMITS[outer](value) and all(_admits(inner, item) for item in value)
    return _ADMITS[outer](value) if outer in _ADMITS else True
