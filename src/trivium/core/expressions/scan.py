"""A look at an expression's text before the parser sees it: length, characters, function names, nesting.

Not a parser: what passes here may still be no expression. It keeps hostile text (10,000 brackets) and every function
that the language does not have from reaching SQL's own grammar, which knows hundreds.
"""

import re

from trivium.core.expressions.tree import FUNCTIONS
from trivium.core.problems import Problem, ProjectError, shown, unknown_name

LONGEST_BYTES = 4096
# SQL's grammar takes up to 27 Python frames a level, of 1,000 by default, and the caller has frames of its own.
DEEPEST = 20
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")+")
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<word>[^\W\d]\w*)
    |(?P<refused>==|<=>|//|\*\*|--|/\*|=>|->|\|\||::|[\[\]{}@&|^~$?:])
    |(?P<operator><>|<=|>=|!=|[=<>+\-*/%(),])""",
    re.VERBOSE,
)
_NOT_CALLED = {"and", "or", "not", "in", "like", "between", "is"}
ALSO_CALLED = {"ceiling": "ceil"}


def scan(text: str) -> None:
    """Refuse a text that need not be parsed to know that it is no expression of the language.

    Raises:
        ProjectError: TV-EXPR-001 empty, or a character that begins nothing; TV-EXPR-002 an operator or function that
            the language does not have; TV-EXPR-003 too long, or nested too deeply.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise ProjectError(too_large(f"the expression is longer than {LONGEST_BYTES:,} bytes", text))
    depth = _Depth()
    at, before = 0, ""
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ProjectError(bad_syntax(text, f"{text[at]!r} at character {at + 1} begins nothing"))
        kind, token, at = match.lastgroup, match[0], match.end()
        if kind == "space":
            continue
        word = token.lower() if kind in ("word", "operator") else kind or ""
        if kind == "refused":
            raise ProjectError(not_allowed(f"{token!r} is not in the language", token))
        if token == "(" and before.isidentifier() and before not in _NOT_CALLED | {*FUNCTIONS, *ALSO_CALLED}:
            raise ProjectError(unknown_name("TV-EXPR-002", "function", before, list(FUNCTIONS), where=""))
        if depth.after(word) > DEEPEST:
            raise ProjectError(too_large(f"the expression is nested deeper than {DEEPEST} levels", text))
        before = word if kind in ("word", "operator") else f"<{kind}>"
    if not before:
        raise ProjectError(bad_syntax(text, "it is empty"))


class _Depth:
    """Counts open brackets, and the `not` and signs that still wait for their operand."""

    def __init__(self) -> None:
        self._open: list[int] = [0]
        self._waiting = 0

    def after(self, token: str) -> int:
        if token == "(":
            self._open.append(0)
        elif token == ")":
            if len(self._open) > 1:
                self._waiting -= self._open.pop()
        elif token in ("and", "or", ","):
            self._waiting -= self._open[-1]
            self._open[-1] = 0
        elif token == "not" or (token in ("-", "+") and self._before_operand):
            self._open[-1] += 1
            self._waiting += 1
        self._before_operand = not (token == ")" or token.isidentifier()) or token in _NOT_CALLED
        return len(self._open) - 1 + self._waiting

    _before_operand = True


def bad_syntax(text: str, why: str) -> Problem:
    """Say that a text is no expression (TV-EXPR-001)."""
    return Problem(
        code="TV-EXPR-001",
        what=f"this is not an expression: {why}",
        seen=shown([text]),
        fix="write one expression, such as origin = 'JFK' and hour >= 18",
    )


def not_allowed(what: str, seen: str) -> Problem:
    """Say that SQL has this and the language has not (TV-EXPR-002)."""
    return Problem(
        code="TV-EXPR-002",
        what=what,
        seen=shown([seen]),
        fix="use comparisons, and, or, not, in, between, is null, like, + - * / % and the functions "
        f"{', '.join(FUNCTIONS)}; put a column's name that is a word of SQL in double quotes",
    )


def too_large(what: str, text: str) -> Problem:
    """Say that an expression is too long or nested too deeply (TV-EXPR-003)."""
    return Problem(
        code="TV-EXPR-003",
        what=what,
        seen=shown([text]),
        fix="split it into several checks or slices, or compute a column for it",
    )
