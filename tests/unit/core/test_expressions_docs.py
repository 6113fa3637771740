"""The page of the language is true: each example answers as it says, and what its grammar makes is read."""

import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from databases import DuckDB, SQLite
from trivium.core.expressions.columns import to_columns
from trivium.core.expressions.cost import MOST_STEPS
from trivium.core.expressions.grammar import DEEPEST
from trivium.core.expressions.parse import DEEPEST_TREE, parse
from trivium.core.expressions.row import to_row
from trivium.core.expressions.signatures import FUNCTIONS, SAME, SIGNATURES
from trivium.core.expressions.tokens import LONGEST_BYTES
from trivium.core.problems import ProjectError

PAGE = (Path(__file__).parents[3] / "docs/reference/expressions.md").read_text()
FUNCTION_ROWS = re.findall(r"^\| `(\w+)\(.* \| (.+) \| (.+) \| .+ \| `(.+)` \| `(.+)` \|$", PAGE, flags=re.MULTILINE)


def test_each_function_has_its_row_in_order() -> None:
    """The table of functions is whole, and sorted."""
    assert [row[0] for row in FUNCTION_ROWS] == list(FUNCTIONS)


@pytest.mark.parametrize(("name", "takes", "null", "example", "answer"), FUNCTION_ROWS, ids=lambda text: text[:20])
def test_each_example_answers_as_it_says(name: str, takes: str, null: str, example: str, answer: str) -> None:
    """By row, by column and by two databases; and a null argument does what the column says."""
    expression, expected = parse(example), to_row(parse(answer))({})
    assert name in example
    assert to_row(expression)({}) == expected
    assert pl.select(x=to_columns(expression))["x"].to_list() == [expected]
    for database in (DuckDB({"i": "int"}), SQLite({"i": "int"})):
        database.agree([expression], [{"i": 1}])
    literals = SIGNATURES[name].literals
    given = [f"{literals[index][0]}" if index in literals else "null" for index in range(SIGNATURES[name].least)]
    assert to_row(parse(f"{name}({', '.join(given)})"))({}) is None
    assert (null == "skips them") == (SIGNATURES[name].gives == SAME and name != "nullif")
    assert takes.split(maxsplit=1)[0] in {"number", "number,", "text", "text,", "time", "two", "up"}


def test_the_limits_are_those_of_the_code() -> None:
    """Length, nesting and work, as the table states them."""
    limits = PAGE[PAGE.index("## Limits") :]
    for said in (f"{LONGEST_BYTES:,} bytes", f"{DEEPEST} levels", f"{DEEPEST_TREE} operators", f"{MOST_STEPS:,} steps"):
        assert said in limits


LEAVES = {
    "number": ["1", "2.", ".5", "1e-3"],
    "text": ["'x'", "''", "'it''s'", "'2013-03-04'"],
    "column": ["a", "żółw", '"dep time"', '"case"', "min"],
    "function": [name for name, function in FUNCTIONS.items() if function.least == 1 and not function.literals],
}


def _rules() -> dict[str, list[str]]:
    grammar = PAGE[PAGE.index("```ebnf") + 7 :]
    rules = re.findall(r"(\w+)\s*= (.*?) ;\n", grammar[: grammar.index("```")], flags=re.DOTALL)
    return {name: re.findall(r'"[^"]+"|\w+|[|,{}()\[\]]', body) for name, body in rules}


class Maker:
    """Makes random texts by the page's EBNF; the deeper, the more seldom it takes what may be left out."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rules = _rules()

    def made(self, name: str, depth: int = 0) -> str:
        if depth > 40 and name == "operand":
            name = "column"
        if name in LEAVES:
            return self._random.choice(LEAVES[name])
        return self._choice(iter(self._rules[name]), depth, is_wanted=True)

    def _choice(self, tokens: Iterator[str], depth: int, *, is_wanted: bool) -> str:
        """Read to the closing bracket, and make one of the alternatives there, nothing if it is not wanted."""
        ways: list[list[Callable[[], str]]] = [[]]
        for token in tokens:
            if token in ")]}":
                break
            if token == "|":
                ways.append([])
            elif token in "([{":
                may_come = token == "(" or self._random.random() < 0.5 / (1 + depth / 9)
                inner = self._choice(tokens, depth, is_wanted=is_wanted and may_come)
                ways[-1].append(partial(str, inner))
            elif token.startswith('"'):
                ways[-1].append(partial(str, token[1:-1]))
            elif token != ",":
                ways[-1].append(partial(self.made, token, depth + 1))
        return " ".join(part() for part in self._random.choice(ways)) if is_wanted else ""


@pytest.mark.parametrize("seed", range(300))
def test_what_the_grammar_makes_is_read(seed: int) -> None:
    """Kinds may clash, a text may be no date or too long; but nothing is a stranger to the parser."""
    text = Maker(seed).made("expression")
    try:
        parse(text)
    except ProjectError as error:
        (problem,) = error.problems
        is_about_values = re.search("no date|takes 1 argument", problem.what)
        assert problem.code in ("TV-EXPR-003", "TV-EXPR-005") or is_about_values, text
