"""Private columns: hashed with a key or dropped, alike where they are equal, and telling nothing."""

import hashlib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.private import Hider, plain_text

KEY = bytes(range(32))
ROW = {"id": 7, "email": "ann@example.org", "age": 41}


def hider(way="hash", key=KEY, **columns):
    return Hider(columns or {"email": "str"}, key=key, way=way)


def test_a_hash_by_hand():
    """BLAKE2b of the value's text, 16 bytes, with the project's key and the column's name as its person."""
    person = hashlib.blake2b(b"email", digest_size=16).digest()
    expected = hashlib.blake2b(b"ann@example.org", key=KEY, person=person, digest_size=16).hexdigest()
    assert hider().hide(ROW) == {**ROW, "email": expected}


def test_dropped():
    """With `drop` nothing of the column is left; the row that came is untouched."""
    assert hider("drop").hide(ROW) == {"id": 7, "age": 41}
    assert ROW["email"] == "ann@example.org"


def test_nothing_to_hide():
    """Without private columns the row is handed on as it is; a row without the column stays without it."""
    assert Hider({}, key=KEY).hide(ROW) is ROW
    assert hider().hide({"id": 1}) == {"id": 1}
    assert hider().hide({"email": None}) == {"email": None}


def test_keys_and_columns_part():
    """Another key, or another column, hashes the same value otherwise."""
    one = hider(email="str", name="str")
    assert one.hidden("email", "x") != one.hidden("name", "x")
    assert one.hidden("email", "x") != hider(key=bytes(32)).hidden("email", "x")
    with pytest.raises(ValueError, match="32 bytes"):
        hider(key=b"short")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("00501", "str", "00501"),
        (5, "float", "5.0"),
        ("5", "float", "5.0"),
        (5.0, "int", "5"),
        ("5", "int", "5"),
        (2**60 + 1, "int", str(2**60 + 1)),
        (5.5, "int", "5.5"),
        ("five", "float", "five"),
        (True, "bool", "true"),
        ("True", "bool", "true"),
        (date(2024, 3, 4), "date", "2024-03-04"),
        ("2024-03-04", "date", "2024-03-04"),
        (datetime(2024, 3, 4, 12, tzinfo=UTC), "datetime", "2024-03-04T12:00:00Z"),
        ("2024-03-04T13:00:00+01:00", "datetime", "2024-03-04T12:00:00Z"),
        ("2024-03-04T12:00:00", "datetime", "2024-03-04T12:00:00Z"),
        ("noon", "datetime", "noon"),
    ],
)
def test_equal_values_are_written_alike(value, kind, text):
    """A value is written the same whether it came in a body or on a command line."""
    assert plain_text(value, kind) == text


@given(st.text(), st.text())
def test_equal_hashes_are_equal_values(one, other):
    """Two texts are hashed alike where they are the same, and nowhere else."""
    assert (hider().hidden("email", one) == hider().hidden("email", other)) == (one == other)
