"""Frames: records in a file that only grows, each found whole or not at all, whatever the file went through.

    marker (4 bytes) | size of the record (4, little endian) | CRC-32 of size and record (4) | record

The marker is drawn for each file and stands in its name, not in the file. So what a client sends cannot hold a frame,
and where a record is damaged the reader finds the next one by it. No files are touched here.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = struct.Struct("<4sII")
MOST_BYTES = 1 << 24  # of a record; a size beyond it is damage
Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Scan:
    """What a stretch of a file holds.

    `records` are the whole ones, in order; `end` is where the last of them ends, and `torn` how many bytes of an
    unfinished one follow it. `damaged` are the stretches (start, end) that hold no whole record and should.
    """

    records: list[bytes]
    end: int
    torn: int
    damaged: tuple[tuple[int, int], ...]


def framed(record: bytes, marker: bytes) -> bytes:
    """Put a record into its frame; an empty one, or one over 64 MiB, is a programming fault (ValueError)."""
    size = len(record)
    if not 0 < size <= MOST_BYTES:
        raise ValueError(f"a record holds 1 to {MOST_BYTES:,} bytes, not {size:,}")
    return HEAD.pack(marker, size, _sum(record, size)) + record


def scan(content: bytes, marker: bytes, *, start: int = 0) -> Scan:
    """Read the records from `start` on, which is where a record begins.

    One flipped bit costs the record that it struck and no other; a cut costs the record that it went through. What
    follows the last whole record is torn where it could be the beginning of one, else damaged.
    """
    records: list[bytes] = []
    damaged: list[tuple[int, int]] = []
    at = start
    while at < len(content):
        record = _record(content, at, marker)
        if record is not None:
            records.append(record)
            at += HEAD.size + len(record)
            continue
        following = next(_whole_ones(content, at + 1, marker), None)
        if following is None:
            if not _may_go_on(content, at, marker):
                damaged.append((at, len(content)))
            break
        damaged.append((at, following))
        at = following
    if damaged and damaged[-1][1] == len(content):
        return Scan(records, len(content), 0, tuple(damaged))
    return Scan(records, at, len(content) - at, tuple(damaged))


def _sum(record: Buffer, size: int) -> int:
    return zlib.crc32(record, zlib.crc32(size.to_bytes(4, "little")))


def _record(content: bytes, at: int, marker: bytes) -> bytes | None:
    """Give the record whose frame begins at a place, if it is whole."""
    if len(content) - at <= HEAD.size:
        return None
    found, size, check = HEAD.unpack_from(content, at)
    begin = at + HEAD.size
    if found != marker or not 0 < size <= min(MOST_BYTES, len(content) - begin):
        return None
    record = content[begin : begin + size]
    return record if _sum(record, size) == check else None


def _whole_ones(content: bytes, at: int, marker: bytes) -> Iterator[int]:
    """Find where whole frames begin, from a place on."""
    while (at := content.find(marker, at)) >= 0:
        if _record(content, at, marker) is not None:
            yield at
        at += 1


def _may_go_on(content: bytes, at: int, marker: bytes) -> bool:
    """Tell whether the rest of the content could be the beginning of a frame."""
    rest = content[at : at + HEAD.size]
    if len(rest) < HEAD.size:
        return marker.startswith(rest[: len(marker)])
    found, size, _ = HEAD.unpack(rest)
    return bool(found == marker and len(content) - at - HEAD.size < size <= MOST_BYTES)
