"""What texts look like: known formats, some of them private by nature, and a pattern from the shapes of codes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

MOST_SEQUENCES = 3


@dataclass(frozen=True, slots=True)
class Format:
    """A format that many systems write, as a pattern of the whole text. `is_private`: it tells of a person."""

    name: str
    pattern: str
    is_private: bool = False


FORMATS = (
    Format("e-mail address", r"[^@\s]+@[^@\s]+\.[^@\s.]+", is_private=True),
    Format("phone number", r"(?:\+|\(0)[0-9][0-9 ()/.-]{5,18}[0-9]", is_private=True),
    Format("IP address", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}", is_private=True),
    Format("IBAN", r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", is_private=True),
    Format("UUID", r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
)
# Words in a column's name that say it tells of a person.
_PRIVATE_WORDS = frozenset(
    {
        *("email", "mail", "phone", "mobile", "telephone", "fax", "address", "street"),
        *("surname", "firstname", "lastname", "fullname", "birthday", "birthdate", "dob"),
        *("iban", "ssn", "passport"),
    }
)
_PRIVATE_PAIRS = frozenset({("first", "name"), ("last", "name"), ("full", "name"), ("birth", "date")})
_CLASSES = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}


def sounds_private(column: str) -> bool:
    """Tell whether a column's name says that it tells of a person: `customer_email`, `firstName`."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", column)]
    return bool(_PRIVATE_WORDS & set(words)) or any(pair in _PRIVATE_PAIRS for pair in pairwise(words))


def pattern_of(shapes: Mapping[str, int]) -> str | None:
    """Make a pattern that all texts of these shapes match; None where they do not look like codes.

    A shape has A, a and 9 for letters and digits, and any other character as it is. Shapes that differ only in how long
    their runs are become one part, with the least and the greatest length; up to three parts are alternatives.
    """
    if not shapes or any("~" in shape or not shape for shape in shapes):
        return None
    sequences: dict[tuple[str, ...], list[list[int]]] = {}
    for shape in shapes:
        runs = [(sign, len(list(run))) for sign, run in groupby(shape)]
        sequences.setdefault(tuple(sign for sign, _ in runs), []).append([length for _, length in runs])
    if len(sequences) > MOST_SEQUENCES:
        return _of_one_class(shapes)
    if any(sign.isspace() for signs in sequences for sign in signs):
        return None
    parts = [_part(signs, lengths) for signs, lengths in sorted(sequences.items())]
    return parts[0] if len(parts) == 1 else "|".join(parts)


def _part(signs: Iterable[str], lengths: list[list[int]]) -> str:
    text = ""
    for sign, found in zip(signs, zip(*lengths, strict=True), strict=True):
        text += _CLASSES.get(sign) or re.escape(sign)
        text += _times(min(found), max(found))
    return text


def _times(least: int, most: int) -> str:
    if (least, most) == (1, 1):
        return ""
    return f"{{{least}}}" if least == most else f"{{{least},{most}}}"


def _of_one_class(shapes: Mapping[str, int]) -> str | None:
    """Letters and digits in any order, as in a random code: only which of them, and how many."""
    signs = set().union(*shapes)
    if not signs <= _CLASSES.keys() or "9" not in signs:
        return None
    inside = "".join(_CLASSES[sign][1:-1] for sign in sorted(signs, key="9Aa".index))
    lengths = [len(shape) for shape in shapes]
    return f"[{inside}]{_times(min(lengths), max(lengths))}"
