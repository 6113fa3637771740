"""Which kind of value each part of an expression is (number, text, bool, datetime), and whether the kinds fit.

Not a check of data: a column's declared type is believed.
"""

from collections.abc import Iterable, Mapping

from trivium.core.expressions.tree import (
    FUNCTIONS,
    NEGATE,
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
    Value,
)
from trivium.core.problems import Problem, ProjectError, unknown_name

KIND_OF_TYPE = {
    "int": "number",
    "float": "number",
    "str": "text",
    "bool": "bool",
    "datetime": "datetime",
    "date": "datetime",
}
TYPE_OF_KIND = {"number": "float", "text": "str", "bool": "bool", "datetime": "datetime"}


def kind_of(node: Node, types: Mapping[str, str] | None, *, where: str = "") -> str | None:
    """Tell a node's kind; None where it is null, or comes from columns of which nothing is known.

    Args:
        node: the tree, or a part of it.
        types: each column's declared type; None when nothing is known of any, so that no column is unknown.
        where: what the problems name.

    Raises:
        ProjectError: TV-EXPR-004 a column that is not among `types`, TV-EXPR-005 two kinds do not fit.
    """

    def inner(part: Node) -> str | None:
        return kind_of(part, types, where=where)

    match node:
        case Column(name=name):
            return _of_column(name, types, where)
        case Literal(value=value):
            return kind_of_value(value)
        case Compare(op=op, left=left, right=right):
            _same((inner(left), inner(right)), op, where, ordered=op not in ("=", "<>"))
            return "bool"
        case In(of=of, options=options):
            _same((inner(of), *map(kind_of_value, options)), "in", where)
            return "bool"
        case Between(of=of, low=low, high=high):
            _same((inner(of), inner(low), inner(high)), "between", where, ordered=True)
            return "bool"
        case Logic(op=op, parts=parts):
            _all("bool", map(inner, parts), op, where)
            return "bool"
        case Not(of=of):
            _all("bool", [inner(of)], "not", where)
            return "bool"
        case Like(of=of):
            _all("text", [inner(of)], "like", where)
            return "bool"
        case IsNull(of=of):
            inner(of)
            return "bool"
        case Arithmetic(op=op, left=left, right=right):
            _all("number", (inner(left), inner(right)), op, where)
            return "number"
        case Call(name=name, arguments=arguments):
            return _of_call(name, [inner(part) for part in arguments], where)


def kind_of_value(value: Value) -> str | None:
    """Tell a literal's kind; None for null."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return "number"
    if value is None:
        return None
    return "text" if isinstance(value, str) else "datetime"


def _of_column(name: str, types: Mapping[str, str] | None, where: str) -> str | None:
    if types is None:
        return None
    if name not in types:
        raise ProjectError(unknown_name("TV-EXPR-004", "column", name, list(types), where=where))
    return KIND_OF_TYPE.get(types[name])


def _of_call(name: str, kinds: list[str | None], where: str) -> str | None:
    function = FUNCTIONS.get(name, NEGATE)
    if function.takes is not None:
        _all(function.takes, kinds, "unary -" if name == "negate" else name, where)
        return function.gives
    return _same(kinds, name, where, ordered=name != "coalesce")


def _all(kind: str, kinds: Iterable[str | None], what: str, where: str) -> None:
    for given in kinds:
        if given not in (kind, None):
            raise ProjectError(_clash(f"{what} takes a {kind}, not a {given}", where))


def _same(kinds: Iterable[str | None], what: str, where: str, *, ordered: bool = False) -> str | None:
    known = list(dict.fromkeys(kind for kind in kinds if kind is not None))
    if len(known) > 1:
        raise ProjectError(_clash(f"{what} cannot set a {known[0]} beside a {known[1]}", where))
    if ordered and known == ["bool"]:
        raise ProjectError(_clash(f"{what} cannot order a bool", where))
    return known[0] if known else None


def _clash(what: str, where: str) -> Problem:
    return Problem(
        code="TV-EXPR-005",
        what=what,
        where=where,
        fix="compare numbers with numbers, 'text' with text and times with timestamp '2013-03-04 14:05'; "
        "join only conditions by and, or, not",
    )
