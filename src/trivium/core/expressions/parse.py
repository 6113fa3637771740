"""Reads the text of an expression: its tree, its kinds, its costs. Not a compiler (`columns`, `row`, `sql`).

Text is never run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from trivium.core.expressions.cost import refuse_costs
from trivium.core.expressions.grammar import tree_of
from trivium.core.expressions.kinds import TYPE_OF_KIND, kind_of
from trivium.core.expressions.pointing import too_large
from trivium.core.expressions.tree import Node, children, column_names
from trivium.core.problems import ProjectError

# `a + b + …` nests to the left, one level a term; `and` and `or` are flat and count as one.
DEEPEST_TREE = 60


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
        ProjectError: TV-EXPR-001 it is no expression, -002 it uses what the language has not, -003 it is too long,
            nested too deeply or too much work, -005 its kinds clash whatever the columns are (`not 5`).
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
    kind = kind_of(expression.tree, types, text=expression.text, where=where)
    return TYPE_OF_KIND[kind] if kind is not None else "null"


@lru_cache(maxsize=1024)
def _parse(text: str) -> Expression:
    try:
        tree = tree_of(text)
        _refuse_depth(tree, text)
        kind_of(tree, None, text=text)
        refuse_costs(tree, text)
    except RecursionError:  # the caller stood deep in its own calls already
        raise too_large(text, 0, "the expression is nested too deeply") from None
    return Expression(text, frozenset(column_names(tree)), tree)


def _refuse_depth(tree: Node, text: str) -> None:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST_TREE:
            raise too_large(text, node.at, f"the expression is nested deeper than {DEEPEST_TREE} operators")
        waiting += [(child, depth + 1) for child in children(node)]
