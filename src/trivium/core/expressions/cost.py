"""How much work an expression is for one row, reckoned before it runs, and the most that is allowed.

The budget bounds what a line of the project file can ask of a server that answers in milliseconds, and how long the
SQL text can grow: where a compiler writes an argument out twice, the argument costs twice. Not a measurement: a step is
one operation on a number, about 0.1 µs in a row closure.
"""

from trivium.core.expressions.pointing import place, too_large
from trivium.core.expressions.signatures import SIGNATURES
from trivium.core.expressions.tree import Call, Column, Literal, Node, literals

MOST_STEPS = 5_000


def steps(node: Node) -> int:
    """Reckon the steps for one row: 1 a column, 0 a literal, and a call's own beside its arguments'.

    Each option of `in` is a step. A `like` is one step a part between its `%`; a part with `_` after the first `%`
    must be tried at each place of the text, and costs two steps a character.
    """
    match node:
        case Column():
            return 1
        case Literal():
            return 0
    signature = SIGNATURES[node.name]
    own = signature.steps + _own(node)
    return own + signature.repeats * sum(map(steps, node.arguments))


def _own(call: Call) -> int:
    if call.name == "in":
        return len(call.arguments) - 2
    if call.name != "like":
        return 0
    (pattern,) = literals(call.arguments[1:])
    parts = str(pattern).split("%")
    return sum(2 * len(part) if "_" in part and index else 1 for index, part in enumerate(parts))


def refuse_costs(tree: Node, text: str) -> None:
    """Refuse an expression that is too much work for one row.

    Raises:
        ProjectError: TV-EXPR-003, pointing at the innermost part that is too much alone.
    """
    needed = steps(tree)
    if needed <= MOST_STEPS:
        return
    worst: Node = tree
    while isinstance(worst, Call):
        heavy = [part for part in worst.arguments if steps(part) > MOST_STEPS]
        if not heavy:
            break
        worst = heavy[0]
    what = f"the expression takes {needed:,} steps a row, at most {MOST_STEPS:,} are allowed; most by far"
    raise too_large(text, worst.at, f"{what} at {place(text, worst.at)}")
