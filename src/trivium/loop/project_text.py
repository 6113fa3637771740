"""The project file as text: lines added or replaced by tomlkit, and everything else left as it is, byte for byte."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.core.problems import Problem, ProjectError
from trivium.core.project import read_project
from trivium.loop.workspace import PROJECT_FILE

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Item


@dataclass(frozen=True)
class NewLines:
    """What is to stand in the project file: lines of a table's columns, its key, and whole entries at the end."""

    table: str
    columns: Mapping[str, str]
    key: str = ""
    checks: Sequence[Sequence[str]] = ()


def with_lines(text: str, new: NewLines) -> str:
    """Add lines to a project file; one that stands there for the same column is replaced.

    Raises:
        ProjectError: TV-PROJ-009 the file is written in a way to which these lines cannot be added, and the problems
            of `read_project` where they make no sense beside the rest.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        document = _editable(text)
        table: Any = document["tables"][new.table]
        if new.key:
            _after(_last(table), [new.key], newline)
        held = table.get("columns")
        standing = {name: line for name, line in new.columns.items() if held is not None and name in held}
        for name, line in standing.items():
            _replace(held, name, line)
        added = [line for name, line in new.columns.items() if name not in standing]
        if added and held is None:
            title = tomlkit.key([*("tables", new.table), "columns"]).as_string()
            _after(_last(table), ["", f"[{title}]", *added], newline)
        elif added:
            _after(_last(held), added, newline)
        checks: Any = document.get("checks")
        if checks:
            # Behind the others, so that the list stays in one place.
            _after(_last(checks[-1]), [line for check in new.checks for line in ("", *check)], newline)
        found = document.as_string()
    except (TOMLKitError, AttributeError, TypeError, KeyError) as error:
        raise _cannot(str(error)) from None
    for check in new.checks if not checks else ():
        found += ("" if found.endswith("\n") else newline) + newline.join(["", *check, ""])
    return _proved(text, found, new)


def _editable(text: str) -> "TOMLDocument":
    """Read a project file so that it can be changed and written again, all else staying as it is."""
    import tomlkit

    document = tomlkit.parse(text)
    if document.as_string() != text:
        # It keeps the entries of one [[list]] together, so that those that stand apart would move.
        raise _cannot("entries of one [[list]] stand apart")
    return document


def with_value(text: str, place: Sequence[str], value: float | str, *, because: str = "") -> str:
    """Set one value of a project file, by its section and key; a section that is not there is added at the end.

    Raises:
        ProjectError: TV-PROJ-009 the file is written in a way in which this cannot be, and the problems of
            `read_project` where the value makes no sense.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = _editable(text)
        inside: Any = document
        for section in place[:-1]:
            if section not in inside:
                inside[section] = tomlkit.table()
            inside = inside[section]
        item = tomlkit.item(value)
        if because:
            item.comment(because)
        inside[place[-1]] = item
        found = document.as_string()
    except (TOMLKitError, TypeError) as error:
        raise _cannot(str(error)) from None
    read_project(found)
    return found


def _last(table: Any) -> "Item":
    """Find the item behind which a line still belongs to the table: its last plain key, or its own header."""
    plain = [item for key, item in table.value.body if key is not None and not _is_table(item)]
    last: Item = plain[-1] if plain else table
    return last


def _is_table(item: Any) -> bool:
    from tomlkit.items import AoT, Table

    return isinstance(item, AoT | Table)


def _after(item: "Item", lines: Sequence[str], newline: str) -> None:
    """Put lines behind an item's own: what trails it is written as it stands."""
    if not lines:
        return
    trail = item.trivia.trail
    item.trivia.trail = (trail if trail.endswith("\n") else newline) + newline.join(lines) + newline
    if not trail:
        item.trivia.trail = newline + newline.join(lines)


def _replace(held: Any, name: str, line: str) -> None:
    """Put a new value in the place of the one that stands there; what trails the line comes with it."""
    import tomlkit

    new = tomlkit.parse(line)
    value: Any = new[name]
    before = held[name]
    value.trivia.indent, value.trivia.trail = before.trivia.indent, before.trivia.trail
    held[name] = value


def _proved(before: str, after: str, new: NewLines) -> str:
    """Read the new text back: it says what is new, and all else says what it said."""
    old, found = tomllib.loads(before), tomllib.loads(after)
    held = found["tables"][new.table]
    for name, line in new.columns.items():
        if held.get("columns", {}).pop(name, None) != tomllib.loads(line)[name]:
            raise _cannot(f"the line of {name!r} would not be read")
        old["tables"][new.table].get("columns", {}).pop(name, None)
    if not old["tables"][new.table].get("columns") and not held.get("columns"):
        held.pop("columns", None)
        old["tables"][new.table].pop("columns", None)
    if new.key:
        held.pop("key", None)
    if new.checks:
        found["checks"] = found["checks"][: -len(new.checks)]
        if not found["checks"] and "checks" not in old:
            del found["checks"]
    if old != found:
        raise _cannot("another setting would have changed")
    read_project(after)
    return after


def _cannot(seen: str) -> ProjectError:
    return ProjectError(
        Problem(
            code="TV-PROJ-009",
            what="these lines cannot be added to the project file as it is written",
            where=PROJECT_FILE,
            seen=seen,
            fix="give its columns a header, [tables.NAME.columns], and lists one place, or copy the lines by hand",
        )
    )


def write_project(folder: Path, text: str, *, before: str) -> None:
    """Put a new project file in the old one's place, whole or not at all.

    Raises:
        ProjectError (TV-PROJ-010): somebody changed the file in the meantime.
        OSError: the disk refused.
    """
    from trivium.store.disk import write_whole

    path = (folder / PROJECT_FILE).resolve()
    now = path.read_bytes()
    if now != before.encode():
        raise ProjectError(
            Problem(
                code="TV-PROJ-010",
                what="the project file changed while new lines for it were made",
                where=str(path),
                seen=f"{len(now):,} bytes",
                fix="run the command again",
            )
        )
    mode = path.stat().st_mode
    write_whole(path, text.encode(), aside=path.parent, durable=True)
    path.chmod(mode)
