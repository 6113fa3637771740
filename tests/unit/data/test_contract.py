"""The contract as text: what differs from one to another, and lines that read back equal."""

import tomllib
from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.contract import Age, Bounds, Check, Column, Terms
from trivium.data.contract import check_lines, column_line, diff, header, written


def test_diff_tells_what_changes_and_hides_private_values() -> None:
    """Columns gone, added and changed each get one line."""
    old = {
        "a": Column(type="int"),
        "b": Column(type="float", max=6000),
        "c": Column(type="str", values=("AA", "UA")),
        "d": Column(type="str", values=("x",), private=True),
        "f": Column(type="str", pattern="A", rules={"pattern": Terms(else_="warn")}),
    }
    new = {
        "b": Column(type="float", min=1, max=7000.5),
        "c": Column(type="str", values=("UA", "B6")),
        "d": Column(type="str", values=("secret",), private=True),
        "e": Column(type="str", values=("x", "y")),
        "f": Column(type="str", pattern="B", else_="block"),
    }
    assert diff(old, new) == [
        "- a: int",
        "+ e: str, 2 values",
        "~ b: min none -> 1, max 6000 -> 7000.5",
        '~ c: gains "B6", loses "AA"',
        "~ d: gains 1 values, loses 1 values",
        '~ f: pattern "A" -> "B", else none -> "block", rules { pattern = { else = "warn" } } -> none',
    ]
    assert diff(old, old) == []


def test_a_line_reads_back_equal() -> None:
    """Odd names, quotes, control characters and every setting survive the way there and back."""
    columns = {
        "distance": Column(type="float", min=1, max=0.1 + 0.2, nulls=0),
        'odd "name" é': Column(type="str", values=('a"b', "tab\t", "\x7f", "😀"), unknown="block", private=True),
        "flag": Column(type="bool", values=(True,)),
        "big": Column(type="float", max=1e300, min=float("-inf")),
        "day": Column(type="date", min=date(2013, 1, 1), expires=date(2014, 1, 1), because="it's", owner="us"),
        "code": Column(
            type="str",
            pattern=r"N\d+'?",
            min_length=1,
            max_length=6,
            unique=True,
            references="planes.tail.num",
            watch=False,
            else_="warn",
            rules={"pattern": Terms(else_="block", expires=date(2014, 1, 1)), "length": Terms(because="")},
        ),
    }
    text = "\n".join([header("tables", "my flights", "columns"), *(column_line(*each) for each in columns.items())])
    raw = tomllib.loads(text)["tables"]["my flights"]["columns"]
    assert msgspec.convert(raw, dict[str, Column]) == columns
    assert 'distance = { type = "float", min = 1,' in text
    assert "pattern = 'N" not in text, "a quote inside needs the other kind"
    assert column_line("c", Column(type="str", pattern=r"\d")) == "c = { type = \"str\", pattern = '\\d' }"


def test_a_check_reads_back_equal() -> None:
    """With its measure and its terms."""
    checks = [
        Check(name="rows", on="t", rows=Bounds(of="usual", min=0.5), else_="warn", because='"so"'),
        Check(name="age", on="t", age=Age(max="3h"), expires=date(2014, 1, 1)),
        Check(name="must", on="t", must="x > '\\'"),
    ]
    text = "\n".join(line for check in checks for line in check_lines(check))
    assert msgspec.convert(tomllib.loads(text)["checks"], list[Check]) == checks


@given(st.text())
def test_any_text_reads_back(text: str) -> None:
    """Whatever a value holds, it is one line of TOML."""
    line = f"x = {written(text)}"
    assert len(line.splitlines()) == 1 or "\n" not in line
    assert tomllib.loads(line)["x"] == text
