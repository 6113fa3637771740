"""Whether contracts make sense: limits that can be kept, patterns that compile, references that lead somewhere.

Not whether rows keep them: that is `data/`'s.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

from trivium.core.contract import (
    ALLOWED_ELSE,
    MEASURES,
    RULES,
    USUAL,
    Age,
    Bounds,
    Check,
    Column,
    parents,
    reference,
    whole,
)
from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.project import WHERE
from trivium.core.values import span

_BOUNDED = ("int", "float", "date", "datetime")


def broken_contracts(
    tables: Mapping[str, Mapping[str, Column]], checks: Sequence[Check], *, times: Mapping[str, str | None]
) -> list[Problem]:
    """Find what makes no sense in the contracts of a project's tables and in its checks.

    Args:
        tables: the columns of each table, by its name.
        checks: all checks.
        times: the time column of each table.

    Returns:
        TV-PROJ-004 (unknown names), TV-PROJ-005 (settings that do not go together), TV-PROJ-006 (no length of time),
        TV-PROJ-008 (a pattern that cannot be compiled).
    """
    found: list[Problem] = []
    for table, columns in tables.items():
        for name, column in columns.items():
            where = f"{WHERE}, tables.{table}.columns.{name}"
            found += _broken_column(column, where=where)
            found += _broken_reference(column, table, tables, where=where)
    found += _circles(tables)
    for check in checks:
        found += _broken_check(check, tables, times, where=f"{WHERE}, checks {check.name!r}")
    return found


def _odd(what: str, fix: str, *, where: str, seen: str = "") -> Problem:
    return Problem(code="TV-PROJ-005", what=what, where=where, seen=seen, fix=fix)


def _broken_column(column: Column, *, where: str) -> Iterator[Problem]:
    if (column.min is not None or column.max is not None) and column.type not in _BOUNDED:
        yield _odd(f"a {column.type} column has no min or max", "remove them, or correct the type", where=where)
    is_day = column.type in ("date", "datetime")
    wanted = "a date, as 2013-01-31 without quotes" if is_day else "a number"
    for limit in (column.min, column.max):
        if limit is not None and column.type in _BOUNDED and isinstance(limit, date) != is_day:
            what = f"a limit of a column of type {column.type} must be {wanted}"
            yield _odd(what, f"write {wanted}", where=where, seen=str(limit))
    yield from _crossed(column.min, column.max, "min", "max", where=where)
    texts = [field for field in ("pattern", "min_length", "max_length") if getattr(column, field) is not None]
    if texts and column.type != "str":
        yield _odd(f"only a str column has {' and '.join(texts)}", "remove it, or correct the type", where=where)
    for field in ("min_length", "max_length"):
        if (getattr(column, field) or 0) < 0:
            yield _odd(f"{field} is below 0", "write a number of characters", where=where)
    yield from _crossed(column.min_length, column.max_length, "min_length", "max_length", where=where)
    if column.nulls is not None and not 0 <= column.nulls <= 1:
        yield _odd("nulls must lie between 0 and 1", "write a share, such as 0.05", where=where, seen=str(column.nulls))
    if column.unknown is not None and not column.values:
        yield _odd("unknown says what befalls values outside a list, and there is none", "give values", where=where)
    for rule, terms in column.rules.items():
        if rule not in RULES:
            yield unknown_name("TV-PROJ-004", "rule of a column", rule, list(RULES), where=f"{where}.rules")
        elif all(getattr(column, field) in (None, (), False) for field in RULES[rule]):
            yield _odd(f"the column has no rule {rule!r}", f"give {' or '.join(RULES[rule])}", where=f"{where}.rules")
        elif rule == "values" and terms.else_ and column.unknown:
            yield _odd("unknown and rules.values.else say the same thing twice", "keep one of them", where=where)
    if column.pattern is not None and (seen := _regex_error(column.pattern)):
        yield Problem(
            code="TV-PROJ-008",
            what="a pattern cannot be compiled",
            where=where,
            seen=seen,
            fix="write a regular expression without look-around or back-references; it must match the whole text",
        )


def _crossed(low: object, high: object, least: str, most: str, *, where: str) -> Iterator[Problem]:
    if low is None or high is None or isinstance(low, date) != isinstance(high, date):
        return
    if low > high:  # type: ignore[operator]  # both are numbers, or both dates
        yield _odd(
            f"{least} is above {most}: no value can pass", "swap or correct them", where=where, seen=f"{low} > {high}"
        )


@lru_cache(maxsize=256)
def _regex_error(pattern: str) -> str:
    """Tell why Polars cannot compile a pattern; nothing where it can."""
    import polars as pl

    for text in (pattern, whole(pattern)):  # alone first: `a)|(b` makes sense only within what is put around it
        try:
            pl.select(pl.lit("").str.contains(text))
        except pl.exceptions.ComputeError as error:
            reason = str(error).partition("\n\nThis error")[0]
            return " ".join(reason.split())
    return ""


def _broken_reference(
    column: Column, table: str, tables: Mapping[str, Mapping[str, Column]], *, where: str
) -> Iterator[Problem]:
    if column.references is None:
        return
    parent, name = reference(column.references)
    if parent not in tables:
        yield unknown_name("TV-PROJ-004", "table", parent, list(tables), where=f"{where}.references")
    elif name not in tables[parent]:
        yield unknown_name(
            "TV-PROJ-004", f"column of {parent!r}", name, list(tables[parent]), where=f"{where}.references"
        )
    elif tables[parent][name].type != column.type:
        yield _odd(
            f"a column of type {column.type} cannot reference one of type {tables[parent][name].type}",
            "give both the same type",
            where=where,
            seen=column.references,
        )
    elif parent == table:
        yield _odd("a table cannot reference itself", "remove references", where=where, seen=column.references)


def _circles(tables: Mapping[str, Mapping[str, Column]]) -> Iterator[Problem]:
    """Find tables that reference each other in a circle: none of them could be collected first."""
    above = {name: set(parents(columns)) - {name} for name, columns in tables.items()}
    while free := [name for name, needs in above.items() if not needs & above.keys()]:
        for name in free:
            del above[name]
    # What is left stands in a circle, or below one: those that nobody left references stand below.
    while below := [name for name in above if not any(name in needs for needs in above.values())]:
        for name in below:
            del above[name]
    if above:
        yield _odd(
            "tables reference each other in a circle",
            "remove one of the references: parents are collected before their children",
            where=WHERE,
            seen=", ".join(above),
        )


def _broken_check(
    check: Check, tables: Mapping[str, Mapping[str, Column]], times: Mapping[str, str | None], *, where: str
) -> Iterator[Problem]:
    if check.on not in (*tables, "request", "prediction"):
        yield unknown_name("TV-PROJ-004", "table", check.on, [*tables, "request", "prediction"], where=where)
        return
    allowed = ALLOWED_ELSE[check.on if check.on in ALLOWED_ELSE else "table"]
    if check.else_ not in allowed:
        yield unknown_name("TV-PROJ-004", "else", check.else_, allowed, where=where)
    if (check.else_ == "override") != (check.value is not None):
        yield _odd("override and value go together", "give both, or neither", where=where)
    said = [name for name in ("must", *MEASURES) if getattr(check, name) not in (None, "")]
    if len(said) != 1:
        choice = f"give one of: must, {', '.join(MEASURES)}"
        yield _odd("a check says one thing, and no more", choice, where=where, seen=", ".join(said))
    elif check.measure and check.on not in tables:
        yield _odd(
            f"{check.measure} is about a partition, and {check.on} has none",
            "name a table, or write a rule over one row as must",
            where=where,
        )
    elif check.age is not None:
        yield from _broken_age(check.age, check.on, times, where=where)
    elif check.measure:
        yield from _broken_bounds(check.measure, getattr(check, check.measure), where=f"{where}.{check.measure}")


def _broken_age(age: Age, on: str, times: Mapping[str, str | None], *, where: str) -> Iterator[Problem]:
    if age.of is None and times.get(on) is None:
        yield _odd(f"table {on!r} has no time that could be old", "name a column: age.of", where=where)
    try:
        span(age.max, where=f"{where}.age.max")
    except ProjectError as error:
        yield from error.problems


def _broken_bounds(measure: str, bounds: Bounds, *, where: str) -> Iterator[Problem]:
    if bounds.min is None and bounds.max is None:
        yield _odd("nothing is bounded", "give min, max or both", where=where)
    yield from _crossed(bounds.min, bounds.max, "min", "max", where=where)
    if measure in ("share", "mean") and not bounds.of:
        yield _odd(f"{measure} of what?", 'give an expression: of = "…"', where=where)
    if measure == "rows" and bounds.of not in (None, USUAL):
        yield unknown_name("TV-PROJ-004", "measure of rows", str(bounds.of), [USUAL], where=f"{where}.of")
    if measure == "repeats" and bounds.of is not None:
        yield _odd("repeats are of whole rows", "remove of", where=where)
    limits = [limit for limit in (bounds.min, bounds.max) if limit is not None]
    if measure in ("share", "repeats") and any(not 0 <= limit <= 1 for limit in limits):
        yield _odd(f"a {measure} lies between 0 and 1", "write a share, such as 0.05", where=where)
