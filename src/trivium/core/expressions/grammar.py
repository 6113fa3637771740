"""The grammar: from tokens to a tree. Each construct of `docs/reference/expressions.md` is one method.

Operator precedence parsing: Pratt, "Top down operator precedence" (POPL 1973). What the grammar does not know is
refused with its place. Not a check of kinds or costs; `parse` calls those.
"""

from datetime import UTC, datetime

from trivium.core.expressions.pointing import bad_syntax, not_allowed, too_large, unknown_function
from trivium.core.expressions.signatures import ALSO_CALLED, FUNCTIONS, SIGNATURES
from trivium.core.expressions.tokens import Token, tokens
from trivium.core.expressions.tree import Call, Column, Literal, Node, Value
from trivium.core.expressions.words import FOREIGN, NO_COLUMN, RESERVED
from trivium.core.problems import ProjectError

# Brackets, `not`, signs, functions: the parser takes at most four Python frames a level, and the caller has its own.
DEEPEST = 20

_OR, _AND, _NOT, _TEST, _SUM, _PRODUCT, _SIGN = range(1, 8)
_VALUES: dict[str, Value] = {"null": None, "true": True, "false": False}
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_POWERS = (
    {"or": _OR, "and": _AND, "in": _TEST, "like": _TEST, "between": _TEST, "is": _TEST, "not": _TEST}
    | dict.fromkeys(_COMPARISONS, _TEST)
    | dict.fromkeys(("+", "-", "||"), _SUM)
    | dict.fromkeys(("*", "/", "%"), _PRODUCT)
)


def tree_of(text: str) -> Node:
    """Read a text by the grammar.

    Raises:
        ProjectError: TV-EXPR-001 it is no expression, -002 it uses what the language has not, -003 it is too long or
            nested deeper than 20 levels.
    """
    return _Parser(text).whole()


class _Parser:
    """Reads tokens from left to right, one ahead, and never goes back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._coming = tokens(text)
        self._token = next(self._coming)
        self._depth = 0

    def whole(self) -> Node:
        if self._token.kind == "end":
            raise bad_syntax(self._text, 0, "it is empty")
        tree = self._expression(0)
        if self._token.kind != "end":
            raise self._unexpected("an operator (such as and)")
        return tree

    def _next(self) -> Token:
        token = self._token
        if token.kind != "end":
            self._token = next(self._coming)
        return token

    def _take(self, key: str) -> bool:
        """Step over a token if it is this one."""
        if self._token.key != key:
            return False
        self._next()
        return True

    def _demand(self, key: str, opened: Token) -> None:
        if not self._take(key):
            raise self._unexpected(f"{key} for the {opened.key} at character {opened.at + 1}")

    def _unexpected(self, wanted: str) -> ProjectError:
        token = self._token
        if token.kind == "end":
            return bad_syntax(self._text, token.at, f"it ends where {wanted} should stand")
        if token.key in FOREIGN:
            what = f"{token.content!r} is not in the language"
            return not_allowed(self._text, token.at, what, width=token.width, fix=FOREIGN[token.key])
        found = self._text[token.at : token.at + min(token.width, 40)]
        return bad_syntax(self._text, token.at, f"{found!r} stands where {wanted} should", width=token.width)

    def _deeper(self, power: int) -> Node:
        """Read what stands in brackets, or behind a `not` or a sign."""
        self._depth += 1
        if self._depth > DEEPEST:
            at = self._token.at
            raise too_large(self._text, at, f"the expression is nested deeper than {DEEPEST} levels")
        inner = self._expression(power)
        self._depth -= 1
        return inner

    def _expression(self, power: int) -> Node:
        """Read one operand and all operators behind it that bind tighter than `power`."""
        left = self._operand(power)
        is_test = False
        while True:
            token = self._token
            strength = _POWERS.get(token.key, 0)
            if strength <= power:
                return left
            if strength == _TEST:
                if is_test:
                    why = f"{token.content} follows another comparison: join the two by and, or put one in brackets"
                    raise bad_syntax(self._text, token.at, why, width=token.width)
                left, is_test = self._test(left), True
            elif strength <= _AND:
                left, is_test = self._joined(left, strength), False
            else:
                self._next()
                left = Call(token.key, (left, self._expression(strength)), token.at)

    def _joined(self, left: Node, strength: int) -> Node:
        token = self._token
        parts = [left]
        while self._take(token.key):
            parts.append(self._expression(strength))
        return Call(token.key, tuple(parts), token.at)

    def _test(self, left: Node) -> Node:
        """Read a comparison, or `in`, `like`, `between`, `is`, with the `not` before it or behind."""
        token = self._next()
        if token.key in _COMPARISONS:
            return Call(_COMPARISONS[token.key], (left, self._expression(_TEST)), token.at)
        if token.key == "is":
            return self._is(left, token)
        if token.key == "not":
            if self._token.key not in ("in", "like", "between"):
                raise self._unexpected("in, like or between after not")
            return Call("not", (self._test(left),), token.at)
        if token.key == "in":
            return self._in(left, token)
        if token.key == "between":
            low = self._expression(_TEST)
            self._demand("and", token)
            return Call("between", (left, low, self._expression(_TEST)), token.at)
        pattern = self._token
        if pattern.kind != "text":
            raise not_allowed(
                self._text, pattern.at, "like takes a pattern in quotes", width=pattern.width,
                fix="use a text such as 'JF%', or starts_with, ends_with or contains for a text from a column",
            )  # fmt: skip
        self._next()
        return Call("like", (left, Literal(pattern.content, pattern.at)), token.at)

    def _is(self, left: Node, token: Token) -> Node:
        negated = self._take("not")
        if self._take("null"):
            test = Call("is null", (left,), token.at)
        elif self._token.key in ("true", "false"):
            word = self._next()
            value = Literal(_VALUES[word.key], word.at)
            test, negated = Call("is distinct from", (left, value), token.at), not negated
        elif self._take("distinct"):
            self._demand("from", token)
            test = Call("is distinct from", (left, self._expression(_TEST)), token.at)
        else:
            raise self._unexpected("null, true, false or distinct from")
        return Call("not", (test,), token.at) if negated else test

    def _in(self, left: Node, token: Token) -> Node:
        opened = self._token
        if not self._take("("):
            raise self._unexpected("( with a list of values")
        options = self._arguments(opened)
        for option in options:
            if not isinstance(option, Literal):
                fix = "write numbers, 'texts' or times there; compare with columns by = and or"
                raise not_allowed(self._text, option.at, "in takes a list of values", fix=fix)
        if not options:
            raise not_allowed(self._text, opened.at, "in takes a list of values, not an empty one")
        return Call("in", (left, *options), token.at)

    def _operand(self, power: int) -> Node:
        token = self._token
        match token.key:
            case "(":
                self._next()
                inner = self._deeper(0)
                self._demand(")", token)
                return inner
            case "-":
                self._next()
                of = self._deeper(_SIGN)
                is_number = isinstance(of, Literal) and isinstance(of.value, float)
                return Literal(-of.value, token.at) if is_number else Call("negate", (of,), token.at)  # type: ignore[union-attr,operator]  # is_number
            case "not":
                if power > _NOT:
                    raise bad_syntax(
                        self._text, token.at, "not stands inside a comparison: put it in brackets", width=3
                    )
                self._next()
                return Call("not", (self._deeper(_NOT),), token.at)
            case "case":
                return self._case()
        return self._leaf()

    def _case(self) -> Node:
        opened = self._next()
        if self._token.key != "when":
            raise self._unexpected("when (a case compares nothing by itself)")
        parts: list[Node] = []
        while self._take("when"):
            parts.append(self._deeper(0))
            self._demand("then", opened)
            parts.append(self._deeper(0))
        parts.append(self._deeper(0) if self._take("else") else Literal(None, self._token.at))
        self._demand("end", opened)
        self._refuse_count("case", len(parts), opened)
        return Call("case", tuple(parts), opened.at)

    def _leaf(self) -> Node:
        token = self._token
        if token.kind in ("end", "sign") or token.key in RESERVED - _VALUES.keys() or token.key in NO_COLUMN:
            raise self._unexpected("a value")
        if token.kind == "text":
            return Literal(self._next().content, token.at)
        if token.kind == "number":
            return Literal(float(self._next().content), token.at)
        if token.kind == "name":
            return self._column(self._next())
        self._next()
        if token.key in _VALUES:
            return Literal(_VALUES[token.key], token.at)
        if self._token.kind == "text":
            return Literal(self._time(token), token.at)
        return self._call(token) if self._token.key == "(" else self._column(token)

    def _column(self, token: Token) -> Column:
        name = token.content
        if name == "*" or (name.startswith("^") and name.endswith("$")):  # to Polars these are patterns of names
            raise not_allowed(self._text, token.at, f"{name!r} cannot name a column", width=token.width)
        return Column(name, token.at)

    def _time(self, word: Token) -> Value:
        """Read the text of `date '…'` or `timestamp '…'`; one without a zone is UTC."""
        if word.key not in ("date", "timestamp"):
            what = f"{word.content} before a text is not in the language"
            raise not_allowed(self._text, word.at, what, width=word.width, fix=FOREIGN.get(word.key, ""))
        token = self._next()
        try:
            at = datetime.fromisoformat(token.content)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError):
            why = f"{token.content!r} is no date or time"
            raise bad_syntax(self._text, token.at, why, width=token.width) from None

    def _call(self, token: Token) -> Call:
        name = ALSO_CALLED.get(token.key, token.key)
        if name in FOREIGN:
            what = f"the function {name!r} is not in the language"
            raise not_allowed(self._text, token.at, what, width=token.width, fix=FOREIGN[name])
        if name not in FUNCTIONS:
            raise unknown_function(self._text, token.at, token.content)
        arguments = self._arguments(self._next())
        self._refuse_count(name, len(arguments), token)
        for index, (least, most) in FUNCTIONS[name].literals.items():
            for argument in arguments[index : index + 1]:
                if not _is_whole(argument, least, most):
                    what = f"{name} takes a whole number from {least:,} to {most:,} there, written in the text"
                    raise not_allowed(self._text, argument.at, what, fix="write the number itself")
        return Call(name, tuple(arguments), token.at)

    def _arguments(self, opened: Token) -> list[Node]:
        """Read up to the closing bracket; the opening one is read already."""
        arguments: list[Node] = []
        if self._take(")"):
            return arguments
        arguments.append(self._deeper(0))
        while self._take(","):
            arguments.append(self._deeper(0))
        self._demand(")", opened)
        return arguments

    def _refuse_count(self, name: str, count: int, token: Token) -> None:
        least, most = SIGNATURES[name].least, SIGNATURES[name].most
        if least <= count <= most:
            return
        wanted = f"{least}" if least == most else f"{least} to {most}"
        what = f"{name} takes {wanted} argument{'s' if most > 1 else ''}, not {count}"
        raise not_allowed(self._text, token.at, what, width=token.width, fix=f"give {name} {wanted}")


def _is_whole(node: Node, least: int, most: int) -> bool:
    if not isinstance(node, Literal) or not isinstance(node.value, float):
        return False
    return least <= node.value <= most and node.value.is_integer()
