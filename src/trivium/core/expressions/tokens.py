"""Cuts the text of an expression into tokens, each with its place. Hostile text is refused here, in linear time.

Not a parser: any row of tokens passes. It knows what SQL has and the language has not, so that the message can say so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from trivium.core.expressions.pointing import bad_syntax, not_allowed, too_large

LONGEST_BYTES = 4096
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")+")
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<word>[^\W\d]\w*)
    |(?P<refused>==|<=>|//|\*\*|--|/\*|=>|->|::|!(?!=)|\|(?!\|)|[\[\]{}@&^~$?:])
    |(?P<sign><>|<=|>=|!=|\|\||[=<>+\-*/%(),])""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_INSTEAD = {
    "==": "compare with a single =",
    "!": "write not, or != to compare",
    "::": "leave the cast out: numbers are doubles, dates are times",
    "--": "leave comments out; a check has its `because`",
    "/*": "leave comments out; a check has its `because`",
    "&": "write and",
    "|": "write or",
    "^": "multiply: there are no powers",
    "**": "multiply: there are no powers",
    "//": "use floor(x / y)",
    "~": "use like, starts_with, ends_with or contains: there are no regular expressions",
}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is text, name, number, word, sign or end.

    `content` is what stands there, without quotes; `key` is what the grammar goes by: a sign, or a word in small
    letters, else nothing.
    """

    kind: str
    content: str
    key: str
    at: int
    width: int


def tokens(text: str) -> Iterator[Token]:
    """Cut a text into tokens; the last is of the kind `end`.

    Raises:
        ProjectError: TV-EXPR-001 a character that begins nothing, or a quote that is not closed; TV-EXPR-002 a sign
            that SQL has and the language has not; TV-EXPR-003 longer than 4,096 bytes.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise too_large(text, 0, f"the expression is longer than {LONGEST_BYTES:,} bytes")
    at = _after_space(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _begins_nothing(text, at)
        found = match[0]
        if match.lastgroup == "refused":
            raise not_allowed(
                text, at, f"{found!r} is not in the language", width=len(found), fix=_INSTEAD.get(found, "")
            )
        key = found.lower() if match.lastgroup in ("word", "sign") else ""
        yield Token(match.lastgroup, _content(match.lastgroup, found), key, at, len(found))
        at = _after_space(text, match.end())
    yield Token("end", "", "", len(text.rstrip()), 1)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _content(kind: str, found: str) -> str:
    if kind == "text":
        return found[1:-1].replace("''", "'")
    if kind == "name":
        return found[1:-1].replace('""', '"')
    return found


def _begins_nothing(text: str, at: int) -> Exception:
    letter = text[at]
    if letter in "'\"":
        return bad_syntax(text, at, f"the quote {letter} is not closed", width=len(text) - at)
    if letter == "." and re.match(r"\.[^\W\d]", text[at:]):
        why = "a column's name stands alone: put one that has a dot into double quotes"
        return bad_syntax(text, at, why)
    if letter.isdigit() or letter == ".":
        number = re.match(r"[\w.]+", text[at:])
        width = len(number[0]) if number else 1
        return bad_syntax(text, at, f"{text[at : at + width]!r} is no number", width=width)
    return bad_syntax(text, at, f"{letter!r} begins nothing")
