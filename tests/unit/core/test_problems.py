"""The one shape of bad news."""

import pytest

from trivium.core.problems import (
    DataError,
    Problem,
    ProjectError,
    StepError,
    StoreError,
    TriviumError,
    VerdictError,
    nearest_first,
    shown,
    unknown_name,
)


def test_a_problem_prints_its_fields() -> None:
    """Code and what stand first, then where, seen and fix, each on its line."""
    problem = Problem(code="TV-X-001", what="3 rows are bad", where="table 'a'", seen="-4, -1", fix="correct them")
    assert str(problem) == "TV-X-001  3 rows are bad\n  where: table 'a'\n  seen:  -4, -1\n  fix:   correct them"


def test_empty_fields_are_left_out() -> None:
    """A field without text takes no line."""
    assert str(Problem(code="TV-X-001", what="bad", fix="mend it")) == "TV-X-001  bad\n  fix:   mend it"


def test_an_error_carries_all_its_problems() -> None:
    """The problems are kept in order, and the message prints them all."""
    first, second = Problem(code="TV-X-001", what="one"), Problem(code="TV-X-002", what="two")
    error = ProjectError(first, second)
    assert error.problems == (first, second)
    assert str(error) == "TV-X-001  one\nTV-X-002  two"


@pytest.mark.parametrize(
    ("kind", "code"), [(ProjectError, 2), (DataError, 1), (VerdictError, 1), (StepError, 1), (StoreError, 3)]
)
def test_exit_codes(kind: type[TriviumError], code: int) -> None:
    """Each kind of error ends a command with the code that the public surface promises."""
    assert kind.exit_code == code
    assert issubclass(kind, TriviumError)


def test_at_most_five_values_are_shown() -> None:
    """The rest is counted."""
    assert shown([1, 2, 3, 4, 5]) == "1, 2, 3, 4, 5"
    assert shown(range(8)) == "0, 1, 2, 3, 4 and 3 more"
    assert shown([]) == ""


def test_a_long_value_is_cut() -> None:
    """A value has at most 40 characters, its quotes and the sign of the cut among them."""
    assert shown(["x" * 38]) == "'" + "x" * 38 + "'"
    assert shown(["x" * 100]) == "'" + "x" * 38 + "…"
    assert shown([10**60]) == "1" + "0" * 38 + "…"


def test_nearest_first() -> None:
    """The likest name stands first; equal likeness goes by the alphabet."""
    assert nearest_first("distnce", ["origin", "distance", "dest"])[0] == "distance"
    assert nearest_first("x", ["c", "a", "b"]) == ["a", "b", "c"]


def test_unknown_name() -> None:
    """It asks about the nearest and lists them all."""
    problem = unknown_name("TV-X-001", "table", "flihgts", ["weather", "flights"], where="here")
    assert problem.what == "unknown table 'flihgts'; did you mean 'flights'?"
    assert problem.fix == "use one of: flights, weather"
    assert (problem.code, problem.where, problem.seen) == ("TV-X-001", "here", "flihgts")


def test_unknown_name_where_none_is_known() -> None:
    """With nothing to name, the fix is to remove it."""
    problem = unknown_name("TV-X-001", "metric", "auc", [], where="")
    assert problem.what == "unknown metric 'auc'"
    assert problem.fix == "remove it: there is no metric to name"
