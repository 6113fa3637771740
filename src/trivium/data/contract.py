"""A contract as text: what differs from one to another, and the lines of TOML that say it.

Not what it does to rows: `schema.py` brings them into its types, `checks.py` holds them to its rules.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from trivium.core.contract import Check, Column, Section

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_VALUES = "values"


def diff(old: Mapping[str, Column], new: Mapping[str, Column]) -> list[str]:
    """Tell in one line a column what changes from one contract to another; none when they are equal.

    Columns gone come first (`-`), then columns added (`+`), then columns changed (`~`), each in their contract's
    order. The order of a list of values is no change. Values of private columns are counted, not shown.
    """
    lines = [f"- {name}: {_told(column)}" for name, column in old.items() if name not in new]
    lines += [f"+ {name}: {_told(column)}" for name, column in new.items() if name not in old]
    for name, column in old.items():
        changes = list(_changes(column, new[name])) if name in new else []
        if changes:
            lines.append(f"~ {name}: {', '.join(changes)}")
    return lines


def _told(column: Column) -> str:
    return ", ".join([column.type, *([f"{len(column.values)} values"] if column.values else [])])


def _changes(old: Column, new: Column) -> Iterable[str]:
    before, after = settings_of(old), settings_of(new)
    for name in (field.encode_name for field in msgspec.structs.fields(Column)):
        if name != _VALUES and before.get(name) != after.get(name):
            yield f"{name} {written(before.get(name))} -> {written(after.get(name))}"
    for word, values, others in (("gains", new.values, old.values), ("loses", old.values, new.values)):
        left = [value for value in values if value not in others]
        if left:
            hidden = old.private or new.private
            yield f"{word} {len(left)} values" if hidden else f"{word} {', '.join(map(written, left))}"


def settings_of(section: Section) -> dict[str, Any]:
    """Give what a section says beside its defaults, by the names of the project file, in their order."""
    found = {}
    for field in msgspec.structs.fields(type(section)):
        value = getattr(section, field.name)
        made = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if field.required or value != made:
            found[field.encode_name] = value
    return found


def column_line(name: str, column: Column) -> str:
    """Write one column as a line of its table's `columns`; what is at its default is left out."""
    return f"{_key(name)} = {written(column)}"


def check_lines(check: Check) -> list[str]:
    """Write a check as an entry of `[[checks]]`."""
    return ["[[checks]]", *(f"{_key(name)} = {written(value)}" for name, value in settings_of(check).items())]


def header(*path: str) -> str:
    """Write the header of a table of the project file."""
    return f"[{'.'.join(map(_key, path))}]"


def _flat(settings: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Write what a setting holds by name behind a dot: `rules.pattern`."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from ((f"{_key(name)}.{_key(inner)}", each) for inner, each in value.items())
        else:
            yield _key(name), value


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else written(name)


def written(value: object) -> str:
    """Write a plain value or a section as TOML does, on one line; None, which TOML lacks, as `none`."""
    if isinstance(value, Section):
        return written(dict(_flat(settings_of(value))))
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {written(each)}" for name, each in value.items()) + " }"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and "\\" in value and "'" not in value and value.isprintable():
        return f"'{value}'"
    if isinstance(value, str):
        # JSON's escapes are TOML's too, but for DEL, which JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
