"""The rules over a row that hold for one request: those of `checks.rules`, compiled to closures over plain values.

Not other rules: `tests/property/test_row_rules.py` holds both to the same answers. Left out is `references`, a matter
of another table's rows, which the collected requests are held to later.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from re import _constants, _parser  # type: ignore[attr-defined]  # the parsed form has no public name
from typing import Any, cast

from trivium.core.contract import Check, Column, RowSeverity, whole
from trivium.core.expressions.parse import parse
from trivium.core.expressions.row import to_row
from trivium.core.project import WHERE, Table

Row = Mapping[str, Any]
Holds = Callable[[Row], bool]
# A pattern is matched by Python's engine, which backtracks, only where so many steps at most can come of it; else by
# Rust's, which never does and costs 100 times as much for one text.
MOST_BACKTRACKS = 10_000
LONGEST_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class RequestRule:
    """A rule, whether a row keeps it (a null does, but for `is not null`), and what befalls a row that does not."""

    name: str
    holds: Holds
    severity: RowSeverity
    column: str | None
    what: str


def request_rules(table: Table, checks: Sequence[Check], *, name: str, today: date) -> list[RequestRule]:
    """List the rules that hold for a request on a day, named as the rules of the table's partitions are.

    Args:
        table: the requests' table.
        checks: all of the project's.
        name: the table's name.
        today: the day of the request; what has expired by then is left out.
    """
    never_null = dict.fromkeys((*([table.time] if table.time is not None else []), *table.key))
    found = [_never_null(column, "quarantine") for column in never_null]
    for column, contract in table.columns.items():
        found += [rule for rule in _of_column(column, contract, today) if rule.name not in {r.name for r in found}]
    for check in checks:
        if check.holds(name, today=today) and check.measure is None:
            found.append(_of_check(check))
    return found


def _never_null(column: str, severity: RowSeverity) -> RequestRule:
    return RequestRule(
        f"{column} is not null", lambda row: row[column] is not None, severity, column, f"{column} is null"
    )


def _of_check(check: Check) -> RequestRule:
    run = to_row(parse(check.must, where=f"{WHERE}, checks {check.name!r}"))
    severity = cast(RowSeverity, check.else_)  # the project file is held to ALLOWED_ELSE["table"]
    what = f"it breaks the check {check.name!r}: {check.must}"
    return RequestRule(check.name, lambda row: run(row) is not False, severity, None, what)


def _of_column(column: str, contract: Column, today: date) -> list[RequestRule]:
    def rule(which: str, claim: str, holds: Holds, what: str) -> RequestRule:
        severity = contract.terms(which).else_ or "quarantine"
        return RequestRule(f"{column} {claim}", holds, severity, column, f"{column} {what}")

    found = []
    if contract.nulls == 0 and contract.holds("nulls", today=today):
        found.append(_never_null(column, contract.terms("nulls").else_ or "quarantine"))
    if (contract.min is not None or contract.max is not None) and contract.holds("range", today=today):
        found.append(rule("range", "in range", *_in_range(column, contract)))
    if contract.values and contract.holds("values", today=today):
        known = frozenset(_typed(value, contract.type) for value in contract.values)
        what = f"is not among its {len(contract.values)} values"
        found.append(rule("values", "is known", lambda row: (v := row[column]) is None or v in known, what))
    if contract.pattern is not None and contract.holds("pattern", today=today):
        matches = matcher(contract.pattern)
        what = f"is not of the pattern {contract.pattern}"
        kept = rule("pattern", "matches its pattern", lambda row: (v := row[column]) is None or matches(v), what)
        found.append(kept)
    if (contract.min_length is not None or contract.max_length is not None) and contract.holds("length", today=today):
        found.append(rule("length", "of its length", *_of_length(column, contract)))
    return found


def _typed(value: Any, kind: str) -> Any:
    return float(value) if kind == "float" else value


def _in_range(column: str, contract: Column) -> tuple[Holds, str]:
    """Hold a column to its limits, both inside. A day is a limit with all its hours."""
    low, high, is_open = contract.min, contract.max, False
    if contract.type == "datetime":
        is_open = isinstance(high, date) and not isinstance(high, datetime)
        low = _midnight(low)
        high = _midnight(high + timedelta(days=1) if isinstance(high, date) and is_open else high)
    told = [f"below {contract.min}"] * (low is not None) + [f"above {contract.max}"] * (high is not None)

    def holds(row: Row) -> bool:
        value = row[column]
        if value is None:
            return True
        if low is not None and value < low:
            return False
        return high is None or (value < high if is_open else value <= high)

    return holds, f"is {' or '.join(told)}"


def _midnight(limit: Any) -> Any:
    if isinstance(limit, date) and not isinstance(limit, datetime):
        return datetime.combine(limit, time(), tzinfo=UTC)
    return limit.replace(tzinfo=UTC) if isinstance(limit, datetime) and limit.tzinfo is None else limit


def _of_length(column: str, contract: Column) -> tuple[Holds, str]:
    least, most = contract.min_length or 0, contract.max_length
    told = [f"shorter than {least}"] * (contract.min_length is not None) + [f"longer than {most}"] * (most is not None)

    def holds(row: Row) -> bool:
        value = row[column]
        return value is None or (least <= len(value) and (most is None or len(value) <= most))

    return holds, f"is {' or '.join(told)} characters"


@cache
def matcher(pattern: str) -> Callable[[str], bool]:
    """Compile a pattern to a test of a whole text that a hostile text can't make slow."""
    fast = _bounded(pattern)

    def matches(text: str) -> bool:
        if fast is not None and len(text) <= LONGEST_TEXT:
            return fast.fullmatch(text) is not None
        import polars as pl

        return bool(pl.Series([text]).str.contains(whole(pattern))[0])

    return matches


def _bounded(pattern: str) -> "re.Pattern[str] | None":
    """Compile a pattern for Python's engine; None where it means something else there, or might run for long.

    Admitted are literals, sets of literals and ranges, groups, alternatives, and repeats of a single character's
    worth: those whose freedoms multiply to no more than MOST_BACKTRACKS.
    """
    if not pattern.isascii() or re.search(r"\\|\[\[|&&|--|~~|\(\?|\$|\^(?<!\[\^)", pattern):
        return None
    try:
        tree = _parser.parse(pattern)
    except re.error:
        return None
    freedom = _freedom(tree, inside_repeat=False)
    return re.compile(pattern, re.DOTALL) if freedom is not None and freedom <= MOST_BACKTRACKS else None


def _freedom(tree: Any, *, inside_repeat: bool) -> int | None:
    """Count the ways in which the repeats of a parsed pattern may share a text; None where they are not countable."""
    product = 1
    for op, argument in tree:
        if op in (_constants.LITERAL, _constants.NOT_LITERAL, _constants.IN):
            continue
        if op is _constants.SUBPATTERN:
            inner = _freedom(argument[3], inside_repeat=inside_repeat)
        elif op is _constants.BRANCH and not inside_repeat:
            ways = [_freedom(branch, inside_repeat=False) for branch in argument[1]]
            inner = None if None in ways else sum(way for way in ways if way is not None)
        elif op is _constants.MAX_REPEAT and not inside_repeat:
            least, most, repeated = argument
            most = min(int(most), LONGEST_TEXT)
            inner = most - least + 1 if _freedom(repeated, inside_repeat=True) == 1 else None
        else:
            return None
        if inner is None:
            return None
        product *= inner
    return product
