"""What `core.expressions.parse` reads, what it refuses, and with which problem."""

import time

import pytest

from trivium.core.expressions.parse import check_types, parse
from trivium.core.expressions.tree import (
    Arithmetic,
    Between,
    Call,
    Column,
    Compare,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Not,
)
from trivium.core.problems import Problem, ProjectError

TYPES = {"distance": "float", "hour": "int", "origin": "str", "late": "bool", "at": "datetime", "day": "date"}


def problem_of(text: str) -> Problem:
    with pytest.raises(ProjectError) as caught:
        parse(text, where="check 'x'")
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def test_it_tells_its_text_and_columns() -> None:
    """An expression carries its text and the names that it reads, exactly as written."""
    expression = parse("origin = 'JFK' and \"Dep Hour\" >= 18 or not Late")
    assert expression.text == "origin = 'JFK' and \"Dep Hour\" >= 18 or not Late"
    assert expression.columns == {"origin", "Dep Hour", "Late"}


def test_it_parses_a_text_once() -> None:
    """The same text gives the same object, whatever `where` is."""
    assert parse("a > 1", where="x") is parse("a > 1", where="y")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a != 1", Compare("<>", Column("a"), Literal(1.0))),
        ("a and b and c", Logic("and", (Column("a"), Column("b"), Column("c")))),
        ("a or b and c", Logic("or", (Column("a"), Logic("and", (Column("b"), Column("c")))))),
        ("a + b * 2", Arithmetic("+", Column("a"), Arithmetic("*", Column("b"), Literal(2.0)))),
        ("a - b - c", Arithmetic("-", Arithmetic("-", Column("a"), Column("b")), Column("c"))),
        ("not a = b", Not(Compare("=", Column("a"), Column("b")))),
        ("a in (1, 2, null, 1)", In(Column("a"), (1.0, 2.0), has_null=True)),
        ("a not in ('x')", Not(In(Column("a"), ("x",), has_null=False))),
        ("a between 1 and 2", Between(Column("a"), Literal(1.0), Literal(2.0))),
        ("a is not null", Not(IsNull(Column("a")))),
        ("a like 'x%'", Like(Column("a"), "x%")),
        ("a not like 'x%'", Not(Like(Column("a"), "x%"))),
        ("-1.5e1", Literal(-15.0)),
        ("-a", Call("negate", (Column("a"),))),
        ("'it''s'", Literal("it's")),
        ("CEILING(a)", Call("ceil", (Column("a"),))),
        ("weekday(a)", Call("weekday", (Column("a"),))),
        ("round(a, 2)", Call("round", (Column("a"), Literal(2.0)))),
        ("least(a, b, 3)", Call("least", (Column("a"), Column("b"), Literal(3.0)))),
        ("hour > 1", Compare(">", Column("hour"), Literal(1.0))),
        ("date > 1", Compare(">", Column("date"), Literal(1.0))),
    ],
)
def test_it_reads(text: str, tree: object) -> None:
    """Each construct becomes its own node; precedence is SQL's."""
    assert parse(text).tree == tree


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("date '2013-03-04'", "2013-03-04T00:00:00+00:00"),
        ("timestamp '2013-03-04 14:05'", "2013-03-04T14:05:00+00:00"),
        ("timestamp '2013-03-04T14:05:06.5Z'", "2013-03-04T14:05:06.500000+00:00"),
        ("timestamp '2013-03-04T14:05+02:00'", "2013-03-04T12:05:00+00:00"),
    ],
)
def test_times_are_utc(text: str, moment: str) -> None:
    """A time literal without a zone is UTC, one with a zone is brought there."""
    tree = parse(text).tree
    assert isinstance(tree, Literal)
    assert tree.value.isoformat() == moment  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    ["", "   ", "a b", "a >", "(a", "a)", "a;", "a = 1; drop table x", "a, b", "select", "1x", "'open", "a.b",
     "date '2013-02-30'", "timestamp '0001-01-01T00:00+14:00'", "a as b", "\x00"],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    """A text that does not read as one expression is TV-EXPR-001."""
    problem = problem_of(text)
    assert problem.code == "TV-EXPR-001"
    assert problem.where == "check 'x'"
    assert problem.fix.startswith("write")


@pytest.mark.parametrize(
    "text",
    ["(select 1)", "a in (select 1)", "exists (select 1)", "sum(a)", "count(*)", "row_number() over ()",
     "cast(a as int)", "read_csv('x')", "regexp_matches(a, 'x')", "case when a then b end", "a || b", "a == b",
     "a // b", "a ** b", "a -- b", "a /* b */", "a ilike 'x'", "a like b", "a like any ('x')",
     "a like 'x' escape 'y'", "a in (b)", "a is true", "current_date", "interval '1' day", "a is distinct from b",
     "round(a, b)", "round(a, 16)", "round(a, 1.5)", "*", "weekday()", "weekday(a, b)", "a glob 'x'",
     "abs(distinct a)", "date(a)", "-> a", '"*"', '"^a.*$"', "'a' 'b'", "now()", "a between symmetric 2 and 1",
     "a collate x", "e'x'", "a[1]", "$1", "a @ b", "a::int"],
)  # fmt: skip
def test_what_the_language_has_not(text: str) -> None:
    """SQL outside the list is TV-EXPR-002."""
    problem = problem_of(text)
    assert problem.code == "TV-EXPR-002"
    assert problem.where == "check 'x'"
    assert problem.fix.startswith("use")


def test_an_unknown_function_is_told_its_nearest() -> None:
    """The nearest known function is named first."""
    problem = problem_of("wekday(at) = 1")
    assert problem.what == "unknown function 'wekday'; did you mean 'weekday'?"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 4097,
        "'" + "é" * 2048 + "'",
        "(" * 10_000 + "a" + ")" * 10_000,
        "(" * 21 + "a" + ")" * 21,
        "not " * 21 + "a",
        "- " * 21 + "a",
        "not (- (" * 10 + "a" + "))" * 10,
        "abs(" * 500,
        "+".join(["a"] * 100),
    ],
    ids=lambda text: text[:10],
)
def test_what_is_too_large(text: str) -> None:
    """Long or deep text is TV-EXPR-003, at once."""
    before = time.perf_counter()
    problem = problem_of(text)
    assert problem.code == "TV-EXPR-003"
    assert problem.where == "check 'x'"
    assert len(problem.seen) < 100
    assert time.perf_counter() - before < 1


def test_what_is_just_not_too_large() -> None:
    """Twenty levels, and hundreds of conditions in a row, are read."""
    assert parse("(" * 20 + "a" + ")" * 20).tree == Column("a")
    assert parse("not " * 20 + "a").columns == {"a"}
    assert parse(" or ".join(f"not c{n} = -1" for n in range(200))).columns == {f"c{n}" for n in range(200)}
    assert parse("+".join(["a"] * 55)).columns == {"a"}


def test_deep_callers_get_the_problem_too() -> None:
    """Where the caller itself stands near Python's limit of frames, the answer is still TV-EXPR-003."""

    def descend(levels: int) -> Problem:
        return descend(levels - 1) if levels else problem_of("abs(" * 19 + "deep_caller" + ")" * 19)

    codes = set()
    for levels in range(300, 900, 50):
        try:
            codes.add(descend(levels).code)
        except (RecursionError, pytest.fail.Exception):
            continue
    assert codes <= {"TV-EXPR-003"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("distance > hour", "bool"),
        ("hour / 2", "float"),
        ("hour", "float"),
        ("length(origin) % 2", "float"),
        ("lower(origin)", "str"),
        ("coalesce(null, origin)", "str"),
        ("day", "datetime"),
        ("at > day and day >= date '2013-01-01'", "bool"),
        ("greatest(at, day)", "datetime"),
        ("weekday(day) in (6, 7) or hour(at) < 5", "bool"),
        ("late = (distance is null)", "bool"),
        ("late <> null", "bool"),
        ("late in (true)", "bool"),
        ("null", "null"),
        ("coalesce(null, null)", "null"),
        ("null and late", "bool"),
    ],
)
def test_types_that_fit(text: str, result: str) -> None:
    """The result's type is told."""
    assert check_types(parse(text), TYPES) == result


@pytest.mark.parametrize(
    "text",
    [
        "origin = 1",
        "distance = 'x'",
        "at > 5",
        "at = '2013-01-01'",
        "hour and late",
        "not origin",
        "late < true",
        "late between false and true",
        "least(late, late)",
        "origin + 1 > 2",
        "late + 1",
        "-origin",
        "hour like 'x'",
        "lower(hour)",
        "length(at)",
        "hour(hour)",
        "abs(late)",
        "origin in (1)",
        "hour in (1, 'x')",
        "hour between 'a' and 'b'",
        "coalesce(hour, origin)",
        "(origin = 1) is null",
    ],
)
def test_types_that_clash(text: str) -> None:
    """Kinds that do not fit are TV-EXPR-005."""
    with pytest.raises(ProjectError) as caught:
        check_types(parse(text), TYPES, where="slice 'y'")
    problem = caught.value.problems[0]
    assert problem.code == "TV-EXPR-005"
    assert problem.fix


def test_a_clash_without_columns_is_told_at_once() -> None:
    """What no column can mend, `parse` refuses."""
    assert problem_of("not 5").code == "TV-EXPR-005"
    assert problem_of("'x' < 1").what == "< cannot set a text beside a number"


def test_an_unknown_column_is_told_its_nearest() -> None:
    """A column that the table lacks is TV-EXPR-004; likeness orders the known ones."""
    with pytest.raises(ProjectError) as caught:
        check_types(parse("orign = 'JFK'"), TYPES, where="slice 'y'")
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("TV-EXPR-004", "slice 'y'")
    assert problem.what == "unknown column 'orign'; did you mean 'origin'?"
