"""Flatbuffers, read only, each step within the bytes that are there: `struct.error` where one leads outside."""

import struct
from collections.abc import Iterator

Broken = struct.error


def number(content: bytes, kind: str, at: int) -> int:
    """Read one number; `at` may not be negative, which Python would count from the end."""
    if at < 0:
        raise Broken("a place before the beginning")
    return int(struct.unpack_from(kind, content, at)[0])


class Table:
    """A table: its fields by their number, looked up through its table of offsets."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at
        self._offsets = at - number(content, "<i", at)
        self._size = number(content, "<H", self._offsets)

    @classmethod
    def root(cls, content: bytes) -> "Table":
        """Read the table that a buffer is of."""
        return cls(content, number(content, "<I", 0))

    def _place(self, field: int) -> int | None:
        offset = 4 + 2 * field
        if offset + 2 > self._size:
            return None
        inside = number(self._content, "<H", self._offsets + offset)
        return self._at + inside if inside else None

    def _follow(self, field: int) -> int | None:
        place = self._place(field)
        return None if place is None else place + number(self._content, "<I", place)

    def value(self, field: int, kind: str, default: int = 0) -> int:
        """Read a number, by its kind in `struct`."""
        place = self._place(field)
        return default if place is None else number(self._content, kind, place)

    def table(self, field: int) -> "Table | None":
        """Read a table within."""
        place = self._follow(field)
        return None if place is None else Table(self._content, place)

    def text(self, field: int) -> str:
        """Read a text; UnicodeDecodeError where it is none."""
        place = self._follow(field)
        if place is None:
            return ""
        size = number(self._content, "<I", place)
        return bytes(struct.unpack_from(f"<{size}s", self._content, place + 4)[0]).decode()

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._follow(field)
        return (0, 0) if place is None else (place + 4, number(self._content, "<I", place))

    def tables(self, field: int) -> "Iterator[Table]":
        """Read a vector of tables, one after the other."""
        first, count = self._vector(field)
        for place in range(first, first + 4 * count, 4):
            yield Table(self._content, place + number(self._content, "<I", place))

    def pairs(self, field: int) -> Iterator[tuple[int, int]]:
        """Read a vector of pairs of 64-bit numbers, one after the other."""
        first, count = self._vector(field)
        for place in range(first, first + 16 * count, 16):
            yield number(self._content, "<q", place), number(self._content, "<q", place + 8)

    def numbers(self, field: int) -> Iterator[int]:
        """Read a vector of 64-bit numbers, one after the other."""
        first, count = self._vector(field)
        for place in range(first, first + 8 * count, 8):
            yield number(self._content, "<q", place)
