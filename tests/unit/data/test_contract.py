"""The contract as text and value: proposed from rows, compared and written."""

import tomllib

import msgspec
import polars as pl

from trivium.core.contract import Column
from trivium.core.project import Table
from trivium.data.contract import diff, infer, to_toml
from trivium.data.schema import conform


def test_infer_proposes_loose_limits_lists_and_shares() -> None:
    """Limits are half a range off and rounded outwards; 1 null of 4 gives 0.385, rounded up."""
    frame = pl.DataFrame(
        {
            "distance": [100.0, 200.0, 300.0, 1100.0],
            "delay": [-10, 0, 5, None],
            "carrier": ["UA", "AA", "UA", "AA"],
            "id": ["a", "b", "c", "d"],
            "zip": ["01234", "00001", "10000", "99999"],
            "text_number": ["1", "2", "3", ""],
            "at": ["2013-03-04T12:00Z"] * 4,
            "day": ["2013-03-04"] * 4,
            "ok": [True, False, True, True],
            "nothing": [None] * 4,
            "parts": [[1], [2], [3], [4]],
        }
    )
    proposed = infer(frame)
    assert proposed["distance"] == Column(type="float", min=0, max=1600, nulls=0)
    assert proposed["delay"] == Column(type="int", min=-18, max=13, nulls=0.39)
    assert proposed["carrier"] == Column(type="str", values=("AA", "UA"), unknown="warn", nulls=0)
    assert proposed["id"] == Column(type="str", nulls=0)
    kinds = {name: column.type for name, column in proposed.items()}
    assert kinds["zip"] == "str"
    assert kinds["text_number"] == "int"
    assert (kinds["at"], kinds["day"], kinds["ok"]) == ("datetime", "date", "bool")
    assert "nothing" not in kinds and "parts" not in kinds


def test_what_infer_proposes_takes_the_rows_it_came_from() -> None:
    """A proposed contract finds no fault with its own sample."""
    frame = pl.DataFrame({"x": ["1", "2"], "y": [5, 5], "z": [float("inf"), 1.0], "s": [" ", None]})
    table = Table(files="x.csv", columns=infer(frame))
    assert conform(frame, table)[1].blocking(table, name="t") == []


def test_more_than_forty_values_are_not_listed() -> None:
    """Forty distinct values make a list, forty-one do not."""
    forty = [f"v{number:02}" for number in range(40)]
    assert len(infer(pl.DataFrame({"x": forty * 2}))["x"].values) == 40
    assert infer(pl.DataFrame({"x": [*forty, "more"] * 2}))["x"].values == ()


def test_diff_tells_what_changes_and_hides_private_values() -> None:
    """Columns gone, added and changed each get one line."""
    old = {
        "a": Column(type="int"),
        "b": Column(type="float", max=6000),
        "c": Column(type="str", values=("AA", "UA")),
        "d": Column(type="str", values=("x",), private=True),
    }
    new = {
        "b": Column(type="float", min=1, max=7000.5),
        "c": Column(type="str", values=("UA", "B6")),
        "d": Column(type="str", values=("secret",), private=True),
        "e": Column(type="str", values=("x", "y")),
    }
    assert diff(old, new) == [
        "- a: int",
        "+ e: str, 2 values",
        "~ b: min none -> 1, max 6000 -> 7000.5",
        '~ c: gains "B6", loses "AA"',
        "~ d: gains 1 values, loses 1 values",
    ]
    assert diff(old, old) == []


def test_a_contract_written_as_toml_reads_back_equal() -> None:
    """Odd names, quotes, control characters and every setting survive the way there and back."""
    columns = {
        "distance": Column(type="float", min=1, max=0.1 + 0.2, nulls=0),
        'odd "name" é': Column(type="str", values=('a"b', "tab\t", "\x7f", "😀"), unknown="block", private=True),
        "flag": Column(type="bool", values=(True,)),
        "big": Column(type="float", max=1e300, min=float("-inf")),
    }
    text = to_toml("my flights", columns)
    raw = tomllib.loads(text)["tables"]["my flights"]["columns"]
    assert msgspec.convert(raw, dict[str, Column]) == columns
    assert 'distance = { type = "float", min = 1,' in text
