"""What `core.expressions.parse` reads, what it refuses, and with which problem."""

import re
import time

import pytest

from trivium.core.expressions.cost import steps
from trivium.core.expressions.parse import check_types, parse
from trivium.core.expressions.tree import Call, Column, Literal
from trivium.core.problems import Problem, ProjectError

TYPES = {"distance": "float", "hour": "int", "origin": "str", "late": "bool", "at": "datetime", "day": "date"}


A, B, C = Column("a"), Column("b"), Column("c")


def call(name: str, *arguments: object) -> Call:
    """Build a call; what is no node is a literal."""
    nodes = [part if isinstance(part, Column | Literal | Call) else Literal(part) for part in arguments]
    return Call(name, tuple(nodes))


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
        ("a != 1", call("<>", A, 1.0)),
        ("a and b and c", call("and", A, B, C)),
        ("a or b and c", call("or", A, call("and", B, C))),
        ("(a and b) and c", call("and", call("and", A, B), C)),
        ("a + b * 2", call("+", A, call("*", B, 2.0))),
        ("a - b - c", call("-", call("-", A, B), C)),
        ("-a * b", call("*", call("negate", A), B)),
        ("a || 'x' = b", call("=", call("||", A, "x"), B)),
        ("a + 1 > b - 1", call(">", call("+", A, 1.0), call("-", B, 1.0))),
        ("not a = b", call("not", call("=", A, B))),
        ("not a and b", call("and", call("not", A), B)),
        ("a in (1, 2, null, -1)", call("in", A, 1.0, 2.0, None, -1.0)),
        ("a not in ('x')", call("not", call("in", A, "x"))),
        ("a between 1 and 2 and b", call("and", call("between", A, 1.0, 2.0), B)),
        ("a not between b + 1 and 2", call("not", call("between", A, call("+", B, 1.0), 2.0))),
        ("a is null", call("is null", A)),
        ("a + b is not null", call("not", call("is null", call("+", A, B)))),
        ("a is distinct from b", call("is distinct from", A, B)),
        ("a is not distinct from b", call("not", call("is distinct from", A, B))),
        ("a is true", call("not", call("is distinct from", A, True))),
        ("a is not false", call("is distinct from", A, False)),
        ("a like 'x%'", call("like", A, "x%")),
        ("a not like 'x%'", call("not", call("like", A, "x%"))),
        ("case when a then b end", call("case", A, B, None)),
        ("case when a then 1 when b then 2 else 3 end + 1", call("+", call("case", A, 1.0, B, 2.0, 3.0), 1.0)),
        ("-1.5e1", Literal(-15.0)),
        (".5", Literal(0.5)),
        ("-a", call("negate", A)),
        ("- -1", Literal(1.0)),
        ("'it''s'", Literal("it's")),
        ('"it""s"', Column('it"s')),
        ("CEILING(a)", call("ceil", A)),
        ("SubString(a, 2)", call("substr", A, 2.0)),
        ("weekday(a)", call("weekday", A)),
        ("round(a, 2)", call("round", A, 2.0)),
        ("least(a, b, 3)", call("least", A, B, 3.0)),
        ("hour > 1", call(">", Column("hour"), 1.0)),
        ("date > min", call(">", Column("date"), Column("min"))),
        ("null", Literal(None)),
        ("NOT True", call("not", True)),
        ("żółw = 1", call("=", Column("żółw"), 1.0)),
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
    ["", "   ", "a b", "a >", "(a", "a)", "a;", "a = 1; drop table x", "a, b", "end", "1x", "'open", "a.b", "1.2.3",
     "date '2013-02-30'", "timestamp '0001-01-01T00:00+14:00'", "a as b", "\x00", "'a' 'b'", "*", "+ 1", "a < b < c",
     "a = not b", "a is 5", "a not 5", "case a when 1 then 2 end", "case when a end", "case when a then b else",
     "a between 1", "a between symmetric 2 and 1", "a in 5", "abs(a", "a and", "or a", "((a)"],
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
     "cast(a as int)", "read_csv('x')", "regexp_matches(a, 'x')", "select", "a == b",
     "a // b", "a ** b", "a -- b", "a /* b */", "a ilike 'x'", "a like b", "a like any ('x')",
     "a like 'x' escape 'y'", "a in (b)", "a in ()", "current_date", "interval '1' day", "min(a)",
     "round(a, b)", "round(a, 16)", "round(a, 1.5)", "substr(a, 0)", "substr(a, 1, -1)", "ln(a)", "a ^ b", "a | b", "a & b", "weekday()", "weekday(a, b)", "a glob 'x'",
     "abs(distinct a)", "date(a)", "-> a", '"*"', '"^a.*$"', "now()",
     "a collate x", "e'x'", "a[1]", "$1", "a @ b", "a::int"],
)  # fmt: skip
def test_what_the_language_has_not(text: str) -> None:
    """SQL outside the list is TV-EXPR-002."""
    problem = problem_of(text)
    assert problem.code == "TV-EXPR-002"
    assert problem.where == "check 'x'"
    assert re.match("[a-z]+", problem.fix)


def test_an_unknown_function_is_told_its_nearest() -> None:
    """The nearest known function is named first."""
    problem = problem_of("wekday(at) = 1")
    assert problem.what == "unknown function 'wekday'; did you mean 'weekday'?, at character 1"


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
        "+".join(["a"] * 2000),
        "case when a then " * 21 + "b" + " end" * 21,
        "round(" * 6 + "a" + ")" * 6,
        "s like '%" + "_" * 4000 + "%'",
    ],
    ids=lambda text: text[:10],
)
def test_what_is_too_large(text: str) -> None:
    """Long or deep text is TV-EXPR-003, at once."""
    before = time.process_time()
    problem = problem_of(text)
    assert problem.code == "TV-EXPR-003"
    assert problem.where == "check 'x'"
    assert len(problem.seen) < 150
    assert time.process_time() - before < 0.25


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
        ("case when late then hour else null end", "float"),
        ("nullif(origin, '')", "str"),
        ("origin || 'x'", "str"),
        ("seconds_between(at, day) / 60", "float"),
        ("contains(origin, 'F')", "bool"),
        ("late is true", "bool"),
        ("distance is distinct from null", "bool"),
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
        "case when hour then 1 end",
        "case when late then 1 else 'x' end",
        "case when late then 1 when late then 'x' end",
        "nullif(hour, '')",
        "hour || 'x'",
        "contains(origin, 1)",
        "seconds_between(at, 5)",
        "hour is true",
        "day is distinct from hour",
        "substr(hour, 1)",
        "sqrt(origin)",
        "is_finite(at)",
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
    assert problem_of("'x' < 1").what == "< cannot set a text beside a number, at character 7"


def test_an_unknown_column_is_told_its_nearest() -> None:
    """A column that the table lacks is TV-EXPR-004; likeness orders the known ones."""
    with pytest.raises(ProjectError) as caught:
        check_types(parse("orign = 'JFK'"), TYPES, where="slice 'y'")
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("TV-EXPR-004", "slice 'y'")
    assert problem.what == "unknown column 'orign'; did you mean 'origin'?"


@pytest.mark.parametrize(
    ("text", "what", "seen"),
    [
        (
            "a = 1 an b = 2",
            "'an' stands where an operator (such as and) should, at character 7",
            "a = 1 an b = 2\n      ^^",
        ),
        ("a >\n  b <> c", "join the two by and, or put one in brackets, at line 2, character 5", "  b <> c\n    ^^"),
        ("(a", "it ends where ) for the ( at character 1 should stand, at character 3", "(a\n  ^"),
        ("wekday(at)", "unknown function 'wekday'; did you mean 'weekday'?, at character 1", "wekday(at)\n^^^^^^"),
        ("a ilike 'x'", "'ilike' is not in the language, at character 3", "a ilike 'x'\n  ^^^^^"),
        ("\ta == 1", "'==' is not in the language, at character 4", " a == 1\n   ^^"),
        ("'漢' + 1", "+ takes a number, not a text, at character 1", "'漢' + 1\n^"),
        (
            "'漢' = 'żż' and 5",
            "and takes a bool, not a number, at character 16",
            "'漢' = 'żż' and 5\n                ^",
        ),
        ("a = 'open", "the quote ' is not closed, at character 5", "a = 'open\n    ^^^^^"),
        ("", "it is empty, at character 1", "\n^"),
    ],
)
def test_a_problem_points_at_the_character(text: str, what: str, seen: str) -> None:
    """The words end with the place, and the line is shown with carets under what is meant."""
    problem = problem_of(text)
    assert problem.what.endswith(what)
    assert problem.seen == seen


def test_a_long_line_is_cut_around_the_place() -> None:
    """Of 200 conditions the one that is wrong is shown, the caret still under it."""
    line, carets = problem_of(" and ".join([*["ab = 1"] * 100, "ab == 1", *["ab = 1"] * 100])).seen.split("\n")
    assert line[0] == line[-1] == "…"
    assert line[carets.index("^") :].startswith("== 1")
    assert len(line) <= 80


def test_types_point_at_the_character_too() -> None:
    """An unknown column and a clash with a column's type are shown in the text."""
    with pytest.raises(ProjectError) as caught:
        check_types(parse("hour > 1 and orign = 'JFK'"), TYPES)
    assert caught.value.problems[0].seen == "hour > 1 and orign = 'JFK'\n             ^^^^^"
    with pytest.raises(ProjectError) as caught:
        check_types(parse("hour > 1 and origin = 5"), TYPES)
    assert caught.value.problems[0].seen.splitlines()[1].index("^") == 22


def test_a_printed_problem_keeps_its_carets_in_place() -> None:
    """In the terminal the second line stands under the first."""
    lines = str(problem_of("a == 1")).splitlines()
    seen = next(number for number, line in enumerate(lines) if "seen:" in line)
    assert lines[seen + 1].index("^") == lines[seen].index("==")


def test_ten_thousand_brackets_are_answered_in_milliseconds() -> None:
    """Hostile nesting is refused before anything recurses."""
    before = time.process_time()
    for text in ("(" * 10_000, "(" * 4_000, "not " * 1_000, "case when " * 400, "a in (" * 600, "-" * 4_000):
        assert problem_of(text).code in ("TV-EXPR-002", "TV-EXPR-003")
    assert time.process_time() - before < 0.1


def test_the_costs_are_told() -> None:
    """Too much work is refused with its number, pointing at the innermost part that is too much."""
    problem = problem_of("a = 1 and " + "round(" * 6 + "b" + ")" * 6 + " > 0")
    assert problem.what.startswith("the expression takes 55,991 steps a row, at most 5,000 are allowed")
    assert steps(parse("a = 1 and b in (1, 2, 3)").tree) == 7
    assert steps(parse("s like 'a_%b%'").tree) == 8
    assert steps(parse("s like '%a_b%'").tree) == 13
