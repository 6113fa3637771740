"""All that an expression may call: each operator and function with the kinds that it takes and gives.

The parser, the check of kinds, the reckoning of costs and the three compilers read this one list; a name that stands
here and is missing in a compiler fails a test. What each means is told in `docs/reference/expressions.md`.
"""

from dataclasses import dataclass, field

NUMBER, TEXT, BOOL, TIME = "number", "text", "bool", "datetime"
SAME = "same"  # any kind, but one kind with all the others that say so
ORDERED = "ordered"  # the same, and no bool
MOST_ARGUMENTS = 50


@dataclass(frozen=True, slots=True)
class Signature:
    """What an operator or function takes and gives.

    Attributes:
        takes: the kind of each argument; the last holds for all that follow.
        gives: the result's kind; `SAME` is the arguments' own.
        least, most: how many arguments.
        literals: argument -> least and most; it is a whole number written in the text.
        steps: the work of one call, in steps of `cost`.
        repeats: how often the wordiest compiler writes out its arguments.
    """

    takes: tuple[str, ...]
    gives: str
    least: int = 1
    most: int = 1
    literals: dict[int, tuple[int, int]] = field(default_factory=dict)
    steps: int = 1
    repeats: int = 1


def _operator(takes: str, gives: str, arguments: int = 2, *, repeats: int = 1) -> Signature:
    return Signature((takes,), gives, arguments, arguments, repeats=repeats)


def _number(*, repeats: int = 1) -> Signature:
    return Signature((NUMBER,), NUMBER, repeats=repeats)


def _of_texts(gives: str, arguments: int = 1, *, repeats: int = 1) -> Signature:
    return Signature((TEXT,), gives, arguments, arguments, steps=4, repeats=repeats)


_PART_OF_TIME = Signature((TIME,), NUMBER)

OPERATORS = {
    "=": _operator(SAME, BOOL),
    "<>": _operator(SAME, BOOL),
    "<": _operator(ORDERED, BOOL),
    "<=": _operator(ORDERED, BOOL),
    ">": _operator(ORDERED, BOOL),
    ">=": _operator(ORDERED, BOOL),
    "is distinct from": _operator(SAME, BOOL),
    "is null": Signature((SAME,), BOOL),
    "in": Signature((SAME,), BOOL, 2, 10_000),
    "between": _operator(ORDERED, BOOL, 3, repeats=2),
    "like": Signature((TEXT,), BOOL, 2, 2, steps=4),
    "and": Signature((BOOL,), BOOL, 2, 10_000),
    "or": Signature((BOOL,), BOOL, 2, 10_000),
    "not": Signature((BOOL,), BOOL),
    "+": _operator(NUMBER, NUMBER),
    "-": _operator(NUMBER, NUMBER),
    "*": _operator(NUMBER, NUMBER),
    "/": _operator(NUMBER, NUMBER),
    "%": _operator(NUMBER, NUMBER, repeats=2),
    "negate": _number(),
    "||": _of_texts(TEXT, 2),
    "case": Signature((BOOL, SAME), SAME, 3, 2 * MOST_ARGUMENTS + 1),  # its kinds alternate: see `kinds`
}

FUNCTIONS = {
    "abs": _number(),
    "ceil": _number(),
    "coalesce": Signature((SAME,), SAME, most=MOST_ARGUMENTS),
    "contains": _of_texts(BOOL, 2),
    "day": _PART_OF_TIME,
    "ends_with": _of_texts(BOOL, 2, repeats=2),
    "floor": _number(),
    "greatest": Signature((ORDERED,), SAME, most=MOST_ARGUMENTS),
    "hour": _PART_OF_TIME,
    "is_finite": Signature((NUMBER,), BOOL),
    "least": Signature((ORDERED,), SAME, most=MOST_ARGUMENTS),
    "length": _of_texts(NUMBER),
    "lower": _of_texts(TEXT),
    "minute": _PART_OF_TIME,
    "month": _PART_OF_TIME,
    "nullif": _operator(SAME, SAME, repeats=2),
    "round": Signature((NUMBER,), NUMBER, most=2, literals={1: (0, 15)}, repeats=6),
    "second": _PART_OF_TIME,
    "seconds_between": Signature((TIME,), NUMBER, 2, 2, repeats=2),
    "sign": _number(),
    "sqrt": _number(repeats=2),
    "starts_with": _of_texts(BOOL, 2, repeats=2),
    "substr": Signature((TEXT, NUMBER), TEXT, 2, 3, literals={1: (1, 1_000_000), 2: (0, 1_000_000)}, steps=4),
    "trim": _of_texts(TEXT),
    "upper": _of_texts(TEXT),
    "weekday": _PART_OF_TIME,
    "year": _PART_OF_TIME,
}
ALSO_CALLED = {"ceiling": "ceil", "substring": "substr"}

SIGNATURES = OPERATORS | FUNCTIONS


def argument_kinds(name: str, count: int) -> list[str]:
    """Tell what each of `count` arguments of a call is: a kind, `SAME` or `ORDERED`."""
    takes = SIGNATURES[name].takes
    if name == "case":
        return [*takes * (count // 2), SAME]
    return [takes[min(index, len(takes) - 1)] for index in range(count)]
