"""The rows of a request, decoded and held to the contract of the requests' table.

The struct that JSON is decoded into is made from the contract once; types, nulls and ranges are checked by it in one
pass, the other rules by closures (`data/row_rules`). A request with bad rows is read again row by row, to tell each its
problem.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Annotated, Any, cast

import msgspec

from trivium.core.contract import Column
from trivium.core.problems import Problem, ProjectError, nearest_first, shown
from trivium.core.project import Project
from trivium.core.values import moment
from trivium.data.row_rules import RequestRule, request_rules
from trivium.serve.exchange import decoded
from trivium.serve.refusal import BAD_REQUEST, TOO_LARGE, RefusedError

Row = dict[str, Any]
# What a column of the store holds: 64 bits.
INT = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
TYPES: dict[str, Any] = {"int": INT, "float": float, "str": str, "bool": bool, "datetime": datetime, "date": date}
SCALAR = str | INT | float | bool | None
SHAPE = '{"rows": [{"COLUMN": VALUE, …}]}'


@dataclass(slots=True)
class Batch:
    """The rows of a request: the good ones with their places, the problem of each bad one, which warnings they gave."""

    count: int
    rows: list[Row] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    problems: dict[int, Problem] = field(default_factory=dict)
    row_ids: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Reader:
    """Reads rows by one contract, for one day: a rule that expires is gone the day after."""

    def __init__(self, project: Project, *, today: date) -> None:
        self.today = today
        self.project = project
        table = project.tables[project.requests]
        never_null = {project.model.row_id, project.model.time}
        self.columns: dict[str, Column] = {
            project.model.row_id: Column(type="str"),
            **({project.model.time: Column(type="datetime")}),
            **table.columns,
        }
        self.needed = {name for name, column in self.columns.items() if name in never_null or column.nulls == 0}
        self._rules = request_rules(table, project.checks, name=project.requests, today=today)
        decoded_with = [rule for rule in self._rules if self._is_decoded_with(rule)]
        self._left = [rule for rule in self._rules if rule not in decoded_with]
        self.row_type = _struct("Row", self._types(decoded_with), self.needed)
        self._names = list(self.columns)
        self._values: Callable[[Any], Any] = attrgetter(*_fields(self.columns))
        self._times = [name for name, column in self.columns.items() if column.type == "datetime"]
        body = msgspec.defstruct("Body", [("rows", list[self.row_type])], forbid_unknown_fields=True)  # type: ignore[name-defined]
        loose = msgspec.defstruct("Loose", [("rows", list[Any])], forbid_unknown_fields=True)
        self._strict = msgspec.json.Decoder(body)
        self._loose = msgspec.json.Decoder(loose)
        # Columns that a table's contract does not name are let in only where it names none at all.
        self._is_open = not table.columns

    def read(self, body: bytes) -> Batch:
        """Decode `{"rows": [{…}]}`.

        Raises:
            RefusedError: TV-SERVE-001 no JSON, -002 not of that shape, -003 too many rows, -004 nested too deep.
        """
        try:
            request: Any = self._strict.decode(body)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return self.of_plain(self._plain(body))
        self.count(len(request.rows))
        batch = Batch(len(request.rows))
        for place, struct in enumerate(request.rows):
            row = dict(zip(self._names, self._values(struct), strict=True))
            self._take(batch, place, row, self._left)
        return batch

    def _is_decoded_with(self, rule: RequestRule) -> bool:
        """Tell whether the decoder holds rows to a rule: a row that breaks it is then read by itself."""
        if rule.column is None or rule.severity == "warn":
            return False
        if rule.name == f"{rule.column} is not null":
            return rule.column in self.needed
        return rule.name == f"{rule.column} in range" and self.columns[rule.column].type in ("int", "float")

    def _types(self, rules: Iterable[RequestRule]) -> dict[str, Any]:
        """Give each column's type, with the limits of its range where a rule sets them."""
        ranged = {rule.column for rule in rules if rule.name == f"{rule.column} in range"}
        return {name: _type_of(contract, name in ranged) for name, contract in self.columns.items()}

    def _plain(self, body: bytes) -> list[Any]:
        shallow(body, self.project.serve.max_depth)
        found = decoded(self._loose, body, shape=SHAPE)
        rows: list[Any] = found.rows
        return rows

    def count(self, rows: int) -> None:
        """Hold a request to `serve.max_rows`."""
        most = self.project.serve.max_rows
        if rows > most:
            raise RefusedError(
                TOO_LARGE,
                Problem(
                    code="TV-SERVE-003",
                    what=f"the request has more than {most:,} rows",
                    where="rows",
                    seen=f"{rows:,} rows",
                    fix="send them in several requests, or raise serve.max_rows in trivium.toml",
                ),
            )

    def of_plain(self, rows: Sequence[Any]) -> Batch:
        """Take rows that are decoded already, each a mapping of plain values; each bad one gets its problem."""
        self.count(len(rows))
        batch = Batch(len(rows))
        for place, given in enumerate(rows):
            try:
                row = self._typed(given, place, batch)
            except _RowError as bad:
                batch.problems[place] = bad.problem
                if isinstance(given, Mapping) and isinstance(named := given.get(self.project.model.row_id), str | int):
                    batch.row_ids[place] = str(named)
                continue
            self._take(batch, place, row, self._rules)
        return batch

    def of_texts(self, rows: Sequence[Mapping[str, str]]) -> Batch:
        """Take rows that are texts alone, as CSV has them: an empty one is null, a number is read as one."""
        return self.of_plain([{name: self._of_text(name, text) for name, text in row.items()} for row in rows])

    def _of_text(self, name: str, text: str) -> Any:
        kind = self.columns[name].type if name in self.columns else "str"
        if text == "":
            return None
        try:
            return msgspec.convert(text, TYPES[kind], strict=False) if kind in ("int", "float", "bool") else text
        except msgspec.ValidationError:
            return text

    def _take(self, batch: Batch, place: int, row: Row, rules: Iterable[RequestRule]) -> None:
        try:
            for name in self._times:
                value = row[name]
                if value is not None and value.tzinfo is not UTC:
                    row[name] = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except (OverflowError, ValueError):
            batch.problems[place] = self._mistyped(place, name, value.isoformat(), "a time within the years 1 to 9999")
            batch.row_ids[place] = str(row[self.project.model.row_id])
            return
        broken = [rule for rule in rules if not rule.holds(row)]
        if broken:
            batch.warnings += [rule.name for rule in broken if rule.severity == "warn"]
            refusing = [rule for rule in broken if rule.severity != "warn"]
            if refusing:
                batch.problems[place] = self._breaks(place, row, refusing)
                batch.row_ids[place] = str(row[self.project.model.row_id])
                return
        batch.places.append(place)
        batch.rows.append(row)

    def _typed(self, given: Any, place: int, batch: Batch) -> Row:
        """Bring one row into the contract's types, or say all that stands against it."""
        if not isinstance(given, Mapping):
            raise _RowError(self._mistyped(place, "", type(given).__name__, "an object of column names and values"))
        known = {name: given[name] for name in self.columns if name in given}
        missing = [name for name in self.needed if given.get(name) is None]
        strange = [str(name) for name in given if name not in self.columns]
        if strange and not self._is_open and len(known) < len(self.columns):
            # A name that is not known while one that is known is not there: most likely the one is meant for the other.
            raise _RowError(self._unknown(place, strange, [name for name in self.columns if name not in given]))
        if missing:
            raise _RowError(self._missing(place, sorted(missing)))
        if strange and not self._is_open:
            batch.warnings.append("columns outside the contract")
        row: Row = dict.fromkeys(self._names)
        for name, value in known.items():
            row[name] = self._value(place, name, value)
        if self._is_open:
            row |= {name: self._scalar(place, name, given[name]) for name in strange}
        return row

    def _value(self, place: int, name: str, value: Any) -> Any:
        kind = self.columns[name].type
        if value is None or (type(value) is float and math.isnan(value)):
            return None
        if kind == "int" and type(value) is float and value.is_integer():
            value = int(value)  # clients that keep numbers as doubles send 3.0
        if kind == "str" and self._is_key(name) and type(value) is int:
            value = str(value)
        try:
            if kind == "datetime" and isinstance(value, str):
                return moment(value)
            if kind == "float" and type(value) is float and math.isinf(value):
                raise ValueError("infinite")
            return msgspec.convert(value, TYPES[kind])
        except (ProjectError, msgspec.ValidationError, OverflowError, ValueError):
            raise _RowError(self._mistyped(place, name, value, f"{_ARTICLES[kind]}")) from None

    def _is_key(self, name: str) -> bool:
        """Tell whether the row id's type is nobody's decision: then a number names a row as well as a text."""
        table = self.project.tables[self.project.requests]
        return name == self.project.model.row_id and name not in table.columns

    def _scalar(self, place: int, name: str, value: Any) -> Any:
        try:
            return msgspec.convert(value, SCALAR)
        except msgspec.ValidationError:
            raise _RowError(self._mistyped(place, name, value, "a text, a number, true, false or null")) from None

    # --- problems of one row ------------------------------------------------------------------------------------------

    def _problem(self, code: str, place: int, what: str, *, column: str = "", seen: str, fix: str) -> Problem:
        where = f"rows[{place}].{column}" if column else f"rows[{place}]"
        return Problem(code=code, what=what, where=where, seen=seen, fix=fix)

    def _mistyped(self, place: int, column: str, value: Any, wanted: str) -> Problem:
        what = f"{column} is not {wanted}" if column else f"a row is not {wanted}"
        seen = self._seen(column, value)
        return self._problem("TV-SERVE-005", place, what, column=column, seen=seen, fix=f"send {wanted}")

    def _missing(self, place: int, names: list[str]) -> Problem:
        what = f"{', '.join(names)} may not be missing or null"
        seen = "no value"
        return self._problem("TV-SERVE-006", place, what, column=names[0], seen=seen, fix="send a value")

    def _unknown(self, place: int, names: list[str], absent: list[str]) -> Problem:
        near = nearest_first(names[0], absent)
        what = f"unknown column {names[0][:40]!r}; did you mean {near[0]!r}?"
        fix = f"send the columns of the contract; absent are: {', '.join(near)}"
        return self._problem("TV-SERVE-007", place, what, seen=shown(names), fix=fix)

    def _breaks(self, place: int, row: Row, rules: Iterable[RequestRule]) -> Problem:
        rules = list(rules)
        seen = [self._seen(rule.column, row[rule.column]) for rule in rules if rule.column]
        columns = [rule.column for rule in rules if rule.column]
        return self._problem(
            "TV-SERVE-008",
            place,
            "; ".join(rule.what for rule in rules),
            column=columns[0] if len(rules) == 1 and columns else "",
            seen=", ".join(seen),
            fix="correct the row at its source, or widen the contract in trivium.toml",
        )

    def _seen(self, column: str | None, value: Any) -> str:
        if column in self.columns and self.columns[column].private:
            return "(private)"
        return shown([value.isoformat() if isinstance(value, date) else value])


_ARTICLES = {
    "int": "a whole number of 64 bits",
    "float": "a finite number",
    "str": "a text",
    "bool": "true or false",
    "datetime": "a time, as 2013-03-04T14:05:00Z",
    "date": "a date, as 2013-03-04",
}


class _RowError(Exception):
    """A row that cannot be taken."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def _fields(columns: Mapping[str, Any]) -> list[str]:
    """Name the struct's attributes: a column's name need not be one of Python's."""
    return [f"c{place}" for place in range(len(columns))]


def _type_of(contract: Column, is_ranged: bool) -> Any:
    """Give the type of a column's values; limits of a column of whole numbers that are none are rounded inwards."""
    if not is_ranged:
        return TYPES[contract.type]
    low, high = cast("float | None", contract.min), cast("float | None", contract.max)
    if contract.type == "float":
        return Annotated[float, msgspec.Meta(ge=low, le=high)]
    least, most = -(2**63), 2**63 - 1
    return Annotated[
        int,
        msgspec.Meta(
            ge=max(least, math.ceil(low)) if low is not None else least,
            le=min(most, math.floor(high)) if high is not None else most,
        ),
    ]


def _struct(name: str, types: Mapping[str, Any], needed: set[str]) -> type[msgspec.Struct]:
    """Make the struct of one row: a column that may be null may also be left out."""
    attributes = dict(zip(types, _fields(types), strict=True))
    fields = [
        (attributes[column], kind) if column in needed else (attributes[column], kind | None, None)
        for column, kind in types.items()
    ]
    renamed = {attribute: column for column, attribute in attributes.items()}
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True, rename=renamed, gc=False)


def shallow(body: bytes, most: int) -> None:
    """Refuse JSON that is nested deeper than `most`, before anything recurses into it (TV-SERVE-004)."""
    left = _no_texts(body)
    for _ in range(most):
        if not left:
            return
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    if b"[]" in left or b"{}" in left:
        raise RefusedError(
            BAD_REQUEST,
            Problem(
                code="TV-SERVE-004",
                what=f"the body is nested deeper than {most}",
                where="body",
                seen=f"more than {most} brackets inside one another",
                fix="send rows as flat objects of column names and values",
            ),
        )


_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _no_texts(body: bytes) -> bytes:
    """Leave only the brackets of a JSON text, those within strings not counted."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(bare.split(b'"')[::2]).translate(None, _NOT_BRACKETS)
