"""Private columns: what the prediction log keeps in place of their values. Holds the key, and touches no disk."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

from trivium.core.values import iso

Way = Literal["hash", "drop"]
KEY_BYTES = 32
_DIGEST_BYTES = 16


class Hider:
    """Hides the values of private columns, before anything is written.

    With `hash` a value becomes 32 hexadecimal digits: BLAKE2b (RFC 7693) with the project's key. Equal values of one
    column are hashed alike, so that they can be counted, joined and found again for deletion; those of two columns are
    not. Whoever has not the key cannot tell a value, nor try those that are likely. With `drop` nothing is left of it.
    """

    def __init__(self, columns: Mapping[str, str], *, key: bytes, way: Way = "hash") -> None:
        """`columns` gives the private columns their types, as their contract says: `str`, `int`, `float` and so on."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self.columns, self.way = dict(columns), way
        self._begun = {name: _begun(name, key) for name in columns}

    def hide(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the row as it may be written; the row itself where it has nothing to hide."""
        if not self.columns:
            return row
        shown = dict(row)
        for name in self.columns:
            if name not in shown:
                continue
            if self.way == "drop":
                del shown[name]
            else:
                shown[name] = self.hidden(name, shown[name])
        return shown

    def hidden(self, column: str, value: Any) -> str | None:
        """Hash one value of a private column; null stays null."""
        if value is None:
            return None
        running = self._begun[column].copy()
        running.update(plain_text(value, self.columns[column]).encode("utf-8", "surrogatepass"))
        return running.hexdigest()


def plain_text(value: Any, kind: str) -> str:
    """Write a value so that equal ones of a column are written alike, be they JSON or the words of a command.

    A whole number in a column of floats is written as a float; a datetime in UTC; what does not go with the column's
    type is written as it is.
    """
    if isinstance(value, bool) or kind == "bool":
        return str(value).lower()
    if kind == "float" or (kind == "int" and not isinstance(value, int)):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return str(value)
        return str(int(number)) if kind == "int" and number.is_integer() else repr(number)
    if kind == "datetime":
        return _moment(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _moment(value: Any) -> str:
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return iso(at) if at.tzinfo else iso(at.replace(tzinfo=UTC))


def _begun(column: str, key: bytes) -> "hashlib.blake2b":
    person = hashlib.blake2b(column.encode(), digest_size=16).digest()
    return hashlib.blake2b(key=key, person=person, digest_size=_DIGEST_BYTES)
