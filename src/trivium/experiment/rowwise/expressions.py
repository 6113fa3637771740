"""Expressions as closures over one row, read from what Polars writes of them, with the types that Polars gives them.

Polars says what it would do (`Expr.meta.serialize`) and of which type each part is; what a part does to one value is
written here (`arithmetic`, `functions`). A part that is not known is a refusal, never a guess.
"""

import json
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import polars as pl

from trivium.experiment.rowwise.arithmetic import binary, cast
from trivium.experiment.rowwise.functions import function, shared
from trivium.experiment.rowwise.values import NotRowWiseError, Row, Value, understood

Node = Any


def translated(expressions: "list[pl.Expr]", frame: pl.DataFrame) -> dict[str, Value]:
    """Make the closures of expressions over a frame's columns, by the names of what they give, in order.

    Raises:
        NotRowWiseError: an expression reads other rows, or does what is not known here.
    """
    found: dict[str, Value] = {}
    over = _Over(frame)
    for expression in expressions:
        names = frame.lazy().select(expression).collect_schema().names()
        parts = list(over.spread(json.loads(_written(expression))))
        if len(parts) != len(names):
            raise NotRowWiseError(f"an expression that gives {len(names)} columns of {len(parts)}")
        found.update(zip(names, (over.value(part) for part in parts), strict=True))
    return found


def _written(expression: pl.Expr) -> str:
    try:
        return expression.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise NotRowWiseError(f"an expression that cannot be written down ({str(error)[:60]})") from None


def _read(node: Node) -> pl.Expr:
    return pl.Expr.deserialize(json.dumps(node).encode(), format="json")


class _Over:
    """Reads expressions over one frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._lazy = frame.clear().lazy()

    def _named(self, node: Node) -> Mapping[str, Any]:
        return self._lazy.select(_read(node)).collect_schema()

    def spread(self, node: Node) -> Iterator[Node]:
        """Give an expression over several columns once for each of them."""
        selectors = {json.dumps(one) for one in _selectors(node)}
        if len(selectors) > 1:
            raise NotRowWiseError("an expression with several selectors of columns")
        if not selectors:
            yield node
            return
        selector = json.loads(selectors.pop())
        for name in self._named(selector):
            yield _with_column(node, selector, name)

    def value(self, node: Node) -> Value:
        """Make the closure of one part."""
        kind, body = _form(node)
        if _is_constant(node):
            return self._constant(node)
        if kind == "Column":
            return itemgetter(body)
        if kind == "Alias":
            return self.value(body[0])
        if kind == "BinaryExpr":
            left, right = body["left"], body["right"]
            kinds = self._kind(left), self._kind(right)
            return binary(body["op"], self.value(left), self.value(right), kinds=kinds, kind=self._kind(node))
        if kind == "Cast":
            return cast(self.value(body["expr"]), from_=self._kind(body["expr"]), to=self._kind(node))
        if kind == "Ternary":
            return self._ternary(body, self._kind(node))
        if kind == "Function":
            return self._function(body, self._kind(node))
        raise NotRowWiseError(f"{kind} in an expression")

    def _kind(self, node: Node) -> Any:
        (kind,) = self._named(node).values()
        return kind

    def _constant(self, node: Node) -> Value:
        value = self._held(node)
        if isinstance(value, pl.Series):
            raise NotRowWiseError("a series in an expression")
        understood(pl.select(_read(node)).dtypes[0], "a constant") if value is not None else None
        return lambda row: value

    def _held(self, node: Node) -> Any:
        """Give what a part without columns is; one that is many values is a series."""
        try:
            held = pl.select(_read(node)).to_series()
        except pl.exceptions.PolarsError as error:
            raise NotRowWiseError(f"a constant that cannot be had ({str(error)[:60]})") from None
        return held[0] if held.len() == 1 else held

    def _ternary(self, body: Node, kind: Any) -> Value:
        understood(kind, "what when/then gives")
        asks = self.value(body["predicate"])
        truthy, falsy = (shared(self.value(body[name]), self._kind(body[name]), kind) for name in ("truthy", "falsy"))

        def run(row: Row) -> Any:
            return truthy(row) if asks(row) is True else falsy(row)

        return run

    def _function(self, body: Node, kind: Any) -> Value:
        first, *others = body["input"]
        arguments = [(self.value(first), self._kind(first))]
        constants: list[Any] = [None]
        for node in others:
            constants.append(self._held(node) if _is_constant(node) else None)
            is_list = isinstance(constants[-1], pl.Series)
            arguments.append((_nothing if is_list else self.value(node), self._kind(node)))
        return function(body["function"], arguments, kind, constants)


def _nothing(row: Row) -> None:
    return None


def _parts(node: Node) -> Iterator[Node]:
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _parts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _parts(value)


def _selectors(node: Node) -> Iterator[Node]:
    for part in _parts(node):
        if "Selector" in part:
            yield part


def _form(node: Node) -> tuple[str, Any]:
    if isinstance(node, Mapping) and len(node) == 1:
        return next(iter(node.items()))
    raise NotRowWiseError(f"{node if isinstance(node, str) else 'a part of an unknown form'} in an expression")


def _is_constant(node: Node) -> bool:
    """Tell whether a part says the same of every row: it is made of literals alone."""
    kind, body = _form(node)
    if kind == "Literal":
        return True
    if kind == "BinaryExpr":
        return _is_constant(body["left"]) and _is_constant(body["right"])
    if kind == "Function":
        return bool(body["input"]) and all(isinstance(part, Mapping) and _is_constant(part) for part in body["input"])
    return kind in ("Alias", "Cast") and _is_constant(body[0] if kind == "Alias" else body["expr"])


def _with_column(node: Node, selector: Node, name: str) -> Node:
    if node == selector:
        return {"Column": name}
    if isinstance(node, Mapping):
        return {key: _with_column(value, selector, name) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_column(value, selector, name) for value in node]
    return node
