"""Small values and their text forms: spans of time, partitions, digests. Not a home for logic of a stage."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from trivium.core.problems import Problem, ProjectError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE_TABLE = "all"


def span(text: str, *, where: str = "") -> timedelta:
    """Read a length of time such as `36h`, `7d` or `30m`.

    Raises:
        ProjectError (TV-PROJ-006): the text is not a positive number and one of s, m, h, d, w.
    """
    match = _SPAN.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ProjectError(
            Problem(
                code="TV-PROJ-006",
                what=f"{text!r} is not a length of time",
                where=where,
                seen=text,
                fix="write a positive number and a unit: 30m, 36h, 7d or 2w",
            )
        )
    return timedelta(seconds=seconds)


def moment(text: str, *, where: str = "") -> datetime:
    """Read an ISO 8601 date or time; one without a zone is UTC.

    Raises:
        ProjectError (TV-PROJ-007): the text is no date or time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ProjectError(
            Problem(
                code="TV-PROJ-007",
                what=f"{text!r} is not a date or time",
                where=where,
                seen=text,
                fix="write ISO 8601, such as 2013-03-04 or 2013-03-04T14:05Z",
            )
        ) from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def iso(at: datetime) -> str:
    """Write a UTC time in its shortest exact form: `2013-03-04` at midnight, else `2013-03-04T14:05:00Z`."""
    at = at.astimezone(UTC)
    if at.hour == at.minute == at.second == at.microsecond == 0:
        return at.date().isoformat()
    return at.replace(tzinfo=None).isoformat() + "Z"


def floor_to(at: datetime, every: timedelta) -> datetime:
    """Round `at` down to the start of its partition; partitions of length `every` count from 1970-01-01 UTC."""
    return at - (at - EPOCH) % every


class Partition(msgspec.Struct, frozen=True, order=True):
    """A table's rows with `start` <= time < `end` (UTC). A table without a time has one, named `all`."""

    table: str
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The start as text, such as `2013-03-04`; `all` for a table without a time."""
        return WHOLE_TABLE if self.start == EPOCH else iso(self.start)

    @classmethod
    def holding(cls, table: str, at: datetime, *, every: timedelta) -> "Partition":
        """Find the partition that a row at `at` belongs to."""
        start = floor_to(at, every)
        return cls(table, start, start + every)

    @classmethod
    def whole(cls, table: str) -> "Partition":
        """The single partition of a table without a time."""
        return cls(table, EPOCH, EPOCH)


def sha256(content: bytes) -> str:
    """Digest bytes, in 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def digest(*parts: Any) -> str:
    """Digest plain values (numbers, text, lists, dicts, structs) by their JSON with sorted keys."""
    return sha256(msgspec.json.encode(parts, order="deterministic"))
