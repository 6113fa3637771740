"""Which kind of value each part of an expression is (number, text, bool, datetime), and whether the kinds fit.

Not a check of data: a column's declared type is believed.
"""

from collections.abc import Iterable, Mapping

from trivium.core.expressions.pointing import clash, unknown_column
from trivium.core.expressions.signatures import ORDERED, SAME, SIGNATURES, argument_kinds
from trivium.core.expressions.tree import Call, Column, Literal, Node, Value

KIND_OF_TYPE = {
    "int": "number",
    "float": "number",
    "str": "text",
    "bool": "bool",
    "datetime": "datetime",
    "date": "datetime",
}
TYPE_OF_KIND = {"number": "float", "text": "str", "bool": "bool", "datetime": "datetime"}
_SAID = {"negate": "unary -"}


def kind_of(node: Node, types: Mapping[str, str] | None, *, text: str, where: str = "") -> str | None:
    """Tell a node's kind; None where it is null, or comes from columns of which nothing is known.

    Args:
        node: the tree, or a part of it.
        types: each column's declared type; None when nothing is known of any, so that no column is unknown.
        text: the text that it was parsed from, for the problems to point into.
        where: what the problems name.

    Raises:
        ProjectError: TV-EXPR-004 a column that is not among `types`, TV-EXPR-005 two kinds do not fit.
    """
    match node:
        case Literal(value=value):
            return kind_of_value(value)
        case Column(name=name):
            if types is None:
                return None
            if name not in types:
                raise unknown_column(text, node.at, name, list(types), where=where)
            return KIND_OF_TYPE.get(types[name])
    kinds = [kind_of(part, types, text=text, where=where) for part in node.arguments]
    wrong = _misfit(node, kinds)
    if wrong is not None:
        index, what = wrong
        raise clash(text, node.arguments[index].at, what, where=where)
    gives = SIGNATURES[node.name].gives
    return one_kind(node, kinds) if gives == SAME else gives


def one_kind(call: Call, kinds: Iterable[str | None]) -> str | None:
    """Tell the kind that all of a call's arguments of one kind have; None if none of them is known."""
    asked = argument_kinds(call.name, len(call.arguments))
    return next((kind for kind, ask in zip(kinds, asked, strict=True) if kind and ask in (SAME, ORDERED)), None)


def _misfit(call: Call, kinds: list[str | None]) -> tuple[int, str] | None:
    """Find the first argument that does not fit, and say why."""
    name = _SAID.get(call.name, call.name)
    same = one_kind(call, kinds)
    for index, (kind, asked) in enumerate(zip(kinds, argument_kinds(call.name, len(kinds)), strict=True)):
        if kind is None:
            continue
        if asked not in (SAME, ORDERED):
            if kind != asked:
                return index, f"{name} takes a {asked}, not a {kind}"
        elif kind != same:
            return index, f"{name} cannot set a {same} beside a {kind}"
        elif asked == ORDERED and kind == "bool":
            return index, f"{name} cannot order a bool"
    return None


def kind_of_value(value: Value) -> str | None:
    """Tell a literal's kind; None for null."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return "number"
    if value is None:
        return None
    return "text" if isinstance(value, str) else "datetime"
