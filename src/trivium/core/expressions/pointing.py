"""Problems that point at the character: the line of the text where it happened, with signs under the offending place.

Says what is wrong, and decides nothing: the parser, the check of kinds and the reckoning of costs do.
"""

import unicodedata

from trivium.core.expressions.signatures import FUNCTIONS
from trivium.core.problems import Problem, ProjectError, nearest_first, unknown_name

WIDEST_SHOWN = 72


def pointed(text: str, at: int, width: int = 1) -> str:
    """Show the line of `text` that `at` is in, and a caret under each of its `width` characters from there.

    A long line is cut to what stands around the place. Letters two columns wide get two carets.
    """
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[begin:] if end < 0 else text[begin:end]
    at -= begin
    first = max(0, min(at - WIDEST_SHOWN // 2, len(line) - WIDEST_SHOWN))
    window = line[first : first + WIDEST_SHOWN]
    before = "…" if first else ""
    after = "…" if first + WIDEST_SHOWN < len(line) else ""
    marked = line[at : min(at + max(width, 1), first + WIDEST_SHOWN)]
    carets = "^" * max(1, sum(map(_columns, marked)))
    return f"{before}{_printable(window)}{after}\n{' ' * sum(map(_columns, before + line[first:at]))}{carets}"


def place(text: str, at: int) -> str:
    """Name a place in words: its character, and its line where there are several."""
    line = text.count("\n", 0, at) + 1
    character = at - text.rfind("\n", 0, at)
    return f"line {line}, character {character}" if "\n" in text else f"character {character}"


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _printable(line: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line.replace("\t", " ")
    )


def bad_syntax(text: str, at: int, why: str, *, width: int = 1) -> ProjectError:
    """Say that a text is no expression (TV-EXPR-001)."""
    return ProjectError(
        Problem(
            code="TV-EXPR-001",
            what=f"this is not an expression: {why}, at {place(text, at)}",
            seen=pointed(text, at, width),
            fix="write one expression, such as origin = 'JFK' and hour >= 18",
        )
    )


def not_allowed(text: str, at: int, what: str, *, width: int = 1, fix: str = "") -> ProjectError:
    """Say that SQL has this and the language has not (TV-EXPR-002)."""
    return ProjectError(
        Problem(
            code="TV-EXPR-002",
            what=f"{what}, at {place(text, at)}",
            seen=pointed(text, at, width),
            fix=fix
            or "use comparisons, and, or, not, in, between, is null, like, case, + - * / % || and the functions "
            f"{', '.join(FUNCTIONS)}; put a column's name that is a word of SQL in double quotes",
        )
    )


def unknown_function(text: str, at: int, name: str) -> ProjectError:
    """Say that there is no such function, and name the nearest (TV-EXPR-002)."""
    near = nearest_first(name, FUNCTIONS)
    what = f"unknown function {name!r}; did you mean {near[0]!r}?"
    return not_allowed(text, at, what, width=len(name), fix=f"use one of: {', '.join(near)}")


def too_large(text: str, at: int, what: str, *, width: int = 1) -> ProjectError:
    """Say that an expression is too long, nested too deeply or too much work (TV-EXPR-003)."""
    return ProjectError(
        Problem(
            code="TV-EXPR-003",
            what=what,
            seen=pointed(text, at, width),
            fix="split it into several checks or slices, or compute a column for it",
        )
    )


def unknown_column(text: str, at: int, name: str, known: list[str], *, where: str) -> ProjectError:
    """Say that there is no such column, and name the nearest (TV-EXPR-004)."""
    problem = unknown_name("TV-EXPR-004", "column", name, known, where=where)
    return ProjectError(
        Problem(
            code=problem.code,
            what=problem.what,
            where=where,
            seen=pointed(text, at, len(name)),
            fix=problem.fix,
        )
    )


def clash(text: str, at: int, what: str, *, where: str, width: int = 1) -> ProjectError:
    """Say that kinds of values do not fit (TV-EXPR-005)."""
    return ProjectError(
        Problem(
            code="TV-EXPR-005",
            what=f"{what}, at {place(text, at)}",
            where=where,
            seen=pointed(text, at, width),
            fix="compare numbers with numbers, 'text' with text and times with timestamp '2013-03-04 14:05'; "
            "join only conditions by and, or, not",
        )
    )
