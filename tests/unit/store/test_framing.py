"""Frames, by hand."""

import zlib

import pytest

from trivium.store.framing import MOST_BYTES, framed, scan


def test_a_frame_by_hand():
    """Marker, size in little endian, CRC-32 of the size's four bytes and the record, and the record."""
    check = zlib.crc32(b"\x03\x00\x00\x00abc").to_bytes(4, "little")
    assert framed(b"abc", b"MARK") == b"MARK" + b"\x03\x00\x00\x00" + check + b"abc"


@pytest.mark.parametrize("size", [0, MOST_BYTES + 1])
def test_what_is_no_record(size):
    """An empty record, or one past the limit, is a fault of the caller's."""
    with pytest.raises(ValueError, match="a record holds 1 to"):
        framed(bytes(size), b"MARK")


def test_an_empty_file():
    """A file without bytes has no records, and nothing is torn."""
    found = scan(b"", b"MARK")
    assert (found.records, found.end, found.torn, found.damaged) == ([], 0, 0, ())
