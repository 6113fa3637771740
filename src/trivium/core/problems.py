"""The one shape of bad news: a frozen `Problem`, and the one exception family that carries it.

Not a logger and not a validator: whoever finds a problem builds it here, whoever stands at a door
(terminal, page, network) prints these same five fields.
"""

import difflib
from collections.abc import Iterable, Sequence

import msgspec

MOST_VALUES_SHOWN = 5
LONGEST_VALUE_SHOWN = 40


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, where, what was seen, and what to do about it.

    `code` is `TV-ROOM-NNN`, never reused; each has an entry in `docs/reference/problems.md`.
    `fix` starts with a verb.
    """

    code: str
    what: str
    where: str = ""
    seen: str = ""
    fix: str = ""

    def __str__(self) -> str:
        lines = [f"{self.code}  {self.what}"]
        lines += [
            f"  {label + ':':<7}" + text.replace("\n", "\n" + " " * 9)
            for label, text in (("where", self.where), ("seen", self.seen), ("fix", self.fix))
            if text
        ]
        return "\n".join(lines)


class TriviumError(Exception):
    """One or more problems that stop the present work. `exit_code` is what a command returns."""

    exit_code = 2

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ProjectError(TriviumError):
    """The project file, its code or the words of a command are wrong (exit 2)."""


class DataError(TriviumError):
    """Data broke a rule that blocks (exit 1)."""

    exit_code = 1


class VerdictError(TriviumError):
    """A gate, check or objective went against the user (exit 1)."""

    exit_code = 1


class StepError(TriviumError):
    """The user's own code raised, or returned what its contract forbids (exit 1)."""

    exit_code = 1


class StoreError(TriviumError):
    """The machinery failed: disk, database, a newer schema (exit 3)."""

    exit_code = 3


def shown(values: Iterable[object], *, total: int | None = None) -> str:
    """List at most 5 offending values, each cut at 40 characters, then how many were left out.

    `total` is how many there are, where `values` are only the first of them.
    """
    seen = list(values)
    parts = [_cut(repr(value) if isinstance(value, str) else str(value)) for value in seen[:MOST_VALUES_SHOWN]]
    left = (len(seen) if total is None else total) - len(parts)
    return ", ".join(parts) + (f" and {left} more" if left > 0 else "")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE_SHOWN else text[: LONGEST_VALUE_SHOWN - 1] + "…"


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """Order `known` by likeness to `name`, the likest first; ties in alphabetical order."""
    return sorted(known, key=lambda other: (-difflib.SequenceMatcher(None, name, other).ratio(), other))


def unknown_name(code: str, kind: str, name: str, known: Sequence[str], *, where: str) -> Problem:
    """Say that `name` is not known, and list what is, the nearest first."""
    near = nearest_first(name, known)
    return Problem(
        code=code,
        what=f"unknown {kind} {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
        where=where,
        seen=name,
        fix=f"use one of: {', '.join(near)}" if near else f"remove it: there is no {kind} to name",
    )
