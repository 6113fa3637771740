"""A contract proposed from a table's past: per column a line, why, and what the line would have refused.

Loose enough for rows to come, and no judgement: a past knows what was, not what should be.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec

from trivium.core.contract import RULES, Bounds, Check, Column, Terms
from trivium.core.project import Table
from trivium.data.evidence import ColumnEvidence, Evidence
from trivium.data.formats import FORMATS, Format, pattern_of, sounds_private

MOST_LISTED = 40
LONGEST_CODE = 24
LEAST_FOR_UNIQUE = 50
LEAST_FOR_FORMAT = 20
FORMAT_SHARE = 0.9
PARENT_SHARE = 0.99
LEAST_PARTITIONS_FOR_ROWS = 10


@dataclass(frozen=True, slots=True)
class Line:
    """What is proposed of one column, why, and what came of it when it was tried."""

    contract: Column
    why: str
    tried: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed of a table: a line a column, the key where it has none, and checks over its partitions."""

    lines: Mapping[str, Line]
    key: tuple[str, ...] = ()
    key_why: str = ""
    checks: tuple[tuple[Check, str], ...] = ()


def lines_of(evidence: Evidence, table: Table) -> dict[str, Line]:
    """Propose a line for each column that holds anything.

    Limits lie half the observed range outside it, rounded outwards to two digits, and not across zero; a key or a
    column of unique numbers gets none. Text of at most 40 values that repeat gets their list, which warns only: a past
    does not know all values. Other text gets a pattern, where it is of a known format or all its shapes are those of a
    code, else at most twice its longest. The worst partition's share of nulls gets half as much again and one
    hundredth; a column without nulls may have none. What looks like a person's is private, and its values stay out of
    the proposal.
    """
    return {
        name: _line(name, held, table, partitions=len(evidence.rows))
        for name, held in evidence.columns.items()
        if held.held
    }


def _line(name: str, held: ColumnEvidence, table: Table, *, partitions: int) -> Line:
    known = _known_format(held)
    told_before = name in table.columns and table.columns[name].private
    private = told_before or (held.kind == "str" and (bool(known and known.is_private) or sounds_private(name)))
    contract = Column(type=held.kind, nulls=_nulls(held), private=private)  # type: ignore[arg-type]  # of its literals
    words: list[str] = []
    if held.kind in ("int", "float"):
        contract, words = _of_numbers(contract, held, is_key=name in table.key)
    elif held.kind == "str":
        contract, words = _of_texts(contract, held, known)
    elif held.least is not None and not private:
        words = [f"{held.least} to {held.most}"]
    if held.is_unique and held.held >= LEAST_FOR_UNIQUE and held.kind in ("int", "str") and name not in table.key:
        contract = msgspec.structs.replace(contract, unique=True)
        words.append("no value twice in a partition")
    contract, words = _referenced(contract, held, words)
    words.append(_nulls_told(held, partitions))
    return Line(contract, "; ".join(words))


def _known_format(held: ColumnEvidence) -> Format | None:
    if held.held < LEAST_FOR_FORMAT:
        return None
    return next((known for known in FORMATS if held.matches.get(known.name, 0) >= FORMAT_SHARE * held.held), None)


def _nulls(held: ColumnEvidence) -> float:
    return min(1.0, math.ceil(100 * (1.5 * held.worst_nulls + 0.01)) / 100) if held.nulls else 0.0


def _nulls_told(held: ColumnEvidence, partitions: int) -> str:
    over = f"{held.rows:,} rows in {partitions:,} partition{'s' if partitions > 1 else ''}"
    if not held.nulls:
        return f"no nulls in {over}"
    return f"{held.nulls:,} nulls in {over}, at most {held.worst_nulls:.1%} of one"


def _of_numbers(contract: Column, held: ColumnEvidence, *, is_key: bool) -> tuple[Column, list[str]]:
    if held.least is None:
        return contract, []
    if contract.private:
        return contract, ["private, so no limits"]
    words = [f"{held.least:,.12g} to {held.most:,.12g}"]
    if is_key or (held.is_unique and held.kind == "int" and held.held >= LEAST_FOR_UNIQUE):
        return contract, words
    low, high = limits(float(held.least), float(held.most), whole=held.kind == "int")
    return msgspec.structs.replace(contract, min=low, max=high), words


def _of_texts(contract: Column, held: ColumnEvidence, known: Format | None) -> tuple[Column, list[str]]:
    lengths = f"{held.shortest} to {held.longest} characters"
    if known and held.matches[known.name] == held.held:
        return msgspec.structs.replace(contract, pattern=known.pattern), [f"{known.name}, {lengths}"]
    if contract.private:
        reason = f"{held.matches[known.name] / held.held:.0%} {known.name}" if known else "its name sounds private"
        return msgspec.structs.replace(contract, max_length=_twice(held.longest)), [reason, lengths]
    if held.values is not None and len(held.values) <= min(MOST_LISTED, held.held - 1):
        values = tuple(sorted(held.values))
        return msgspec.structs.replace(contract, values=values, unknown="warn"), [f"{len(values)} values"]
    shapes = dict.fromkeys(held.shapes or (), 1)
    pattern = pattern_of(shapes) if shapes and (held.longest or 0) <= LONGEST_CODE else None
    distinct = f"{len(held.values):,} values" if held.values is not None else "more than 1,000 values"
    if pattern:
        return msgspec.structs.replace(contract, pattern=pattern), [distinct, f"shapes such as {min(shapes)}", lengths]
    return msgspec.structs.replace(contract, max_length=_twice(held.longest)), [distinct, lengths]


def _twice(longest: int | None) -> int:
    return max(1, int(_rounded(2.0 * (longest or 0), math.ceil)))


def _referenced(contract: Column, held: ColumnEvidence, words: list[str]) -> tuple[Column, list[str]]:
    """Propose the parent that holds nearly all values; where it lacks some, breaks only warn."""
    name = max(held.parents, key=lambda parent: (held.parents[parent], parent), default=None)
    if name is None or held.parents[name] < PARENT_SHARE * held.held:
        return contract, words
    found = held.parents[name]
    rules = dict(contract.rules) if found == held.held else {**contract.rules, "references": Terms(else_="warn")}
    words = [*words, f"{found:,} of {held.held:,} are in {name}"]
    # A value that its parent holds needs no list and no pattern of its own.
    return msgspec.structs.replace(contract, references=name, values=(), unknown=None, pattern=None, rules=rules), words


def limits(least: float, most: float, *, whole: bool = False) -> tuple[float, float]:
    """Widen a range by half of itself on both sides, rounded outwards to two digits (or a whole), not across zero."""
    room = 0.5 * (most - least) or abs(most) or 1.0
    low, high = _rounded(least - room, math.floor), _rounded(most + room, math.ceil)
    low, high = (float(math.floor(low)), float(math.ceil(high))) if whole else (low, high)
    return (max(low, 0.0) if least >= 0 else low), (min(high, 0.0) if most <= 0 else high)


def _rounded(value: float, towards: Callable[[float], int]) -> float:
    """Round to two significant digits in a direction; a value that has none stays."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 1 - math.floor(math.log10(abs(value)))
    if abs(digits) > 300:
        return value
    return (
        towards(value * 10.0**digits) / 10.0**digits
        if digits > 0
        else float(towards(value / 10**-digits) * 10**-digits)
    )


def usual_rows(rows: Mapping[str, int], name: str) -> tuple[Check, str] | None:
    """Propose how many rows a partition has against the usual: half the least share seen, and twice the greatest.

    None before there are ten partitions, and where one had no rows.
    """
    from statistics import median

    from trivium.data.measures import LEAST_USUAL, MOST_USUAL

    counts = list(rows.values())
    if len(counts) < LEAST_PARTITIONS_FOR_ROWS or not all(counts):
        return None
    shares = [counts[at] / median(counts[max(0, at - MOST_USUAL) : at]) for at in range(LEAST_USUAL, len(counts))]
    bounds = Bounds(of="usual", min=_rounded(min(shares) / 2, math.floor), max=_rounded(max(shares) * 2, math.ceil))
    why = (
        f"{min(counts):,} to {max(counts):,} rows in {len(counts):,} partitions, "
        f"{min(shares):.2f} to {max(shares):.2f} times the usual"
    )
    return Check(name=f"as many rows of {name} as usual", on=name, rows=bounds, else_="warn"), why


def careful(line: Line, refused: Mapping[str, int], tried: str) -> Line:
    """Let those rules of a line only warn that would have refused rows which people accepted."""
    rules = dict(line.contract.rules)
    for rule, rows in refused.items():
        only_warns = rule == "values" or (rule == "nulls" and line.contract.nulls != 0)
        if rows and rule in RULES and not only_warns:
            rules[rule] = Terms(else_="warn")
    return replace(line, contract=msgspec.structs.replace(line.contract, rules=rules), tried=tried)
