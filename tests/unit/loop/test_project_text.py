"""Lines added to the project file: everything else stays byte for byte, and what cannot be added is refused."""

import difflib

import pytest

import small_project
from trivium.core.problems import ProjectError
from trivium.core.project import read_project
from trivium.loop.project_text import NewLines, with_lines, write_project

COMMENTED = small_project.PROJECT.replace("clinic = {", "# where it was\nclinic    =   {   ").replace(
    'label = "late"', 'label = "late"   # an outcome'
)
EXTRA = NewLines("visits", {"extra": 'extra = { type = "str" }  # 3 values'})


def added_and_gone(before: str, after: str) -> tuple[list[str], list[str]]:
    lines = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    return [line[2:] for line in lines if line[0] == "+"], [line[2:] for line in lines if line[0] == "-"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_line_is_added_behind_the_table_s_last(newline):
    """Order, comments and odd spacing of all else stay, in either kind of line ending."""
    before = COMMENTED.replace("\n", newline)
    after = with_lines(before, EXTRA)
    assert added_and_gone(before, after) == ([f'extra = {{ type = "str" }}  # 3 values{newline}'], [])
    assert after.index("extra =") > after.index("clinic ") and after.index("extra =") < after.index("[tables.arrivals]")


def test_a_line_is_replaced_in_its_place():
    """Its neighbours stay, and the new evidence stands behind it."""
    new = NewLines("visits", {"distance": 'distance = { type = "float" }  # 1 to 2'})
    after = with_lines(COMMENTED, new)
    assert added_and_gone(COMMENTED, after) == (
        ['distance = { type = "float" }  # 1 to 2\n'],
        ['distance = { type = "float", min = 0, max = 500 }\n'],
    )


def test_a_table_without_columns_gets_them():
    """With a header of their own, behind the table's keys."""
    before = COMMENTED + '\n[tables.clinics]\nfiles = "data/clinics.csv"   # few\n'
    new = NewLines("clinics", {"code": 'code = { type = "str" }'}, key='key = ["code"]  # no two')
    after = with_lines(before, new)
    added, gone = added_and_gone(before, after)
    assert gone == []
    assert "".join(added) == "".join(
        ['key = ["code"]  # no two\n', "\n", "[tables.clinics.columns]\n", 'code = { type = "str" }\n']
    )
    assert read_project(after).tables["clinics"].key == ("code",)


def test_an_empty_table_of_columns_gets_its_first():
    """The header alone is enough of a place."""
    before = (
        COMMENTED
        + '\n[tables.clinics]\nfiles = "x"\n\n[tables.clinics.columns]   # none yet\n\n[retrain2]\n'.replace(
            "[retrain2]\n", ""
        )
    )
    after = with_lines(before, NewLines("clinics", {"code": 'code = { type = "str" }'}))
    assert added_and_gone(before, after) == (['code = { type = "str" }\n'], [])


CHECK = ["[[checks]]", "# 60 a day", 'name = "n"', 'on = "visits"', "rows = { min = 3 }"]


def test_checks_are_added_behind_the_last():
    """The list stays in one place, so that more can be added later."""
    twice = with_lines(COMMENTED, NewLines("visits", {}, checks=[CHECK]))
    twice = with_lines(twice, NewLines("visits", {}, checks=[[*CHECK[:2], 'name = "m"', *CHECK[3:]]]))
    assert [check.name for check in read_project(twice).checks[-2:]] == ["n", "m"]
    added, gone = added_and_gone(COMMENTED, twice)
    assert gone == []
    assert [line.strip() for line in added if line.strip()] == [*CHECK, *CHECK[:2], 'name = "m"', *CHECK[3:]]
    assert twice.index('name = "m"') < twice.index("[[slices]]")


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_the_first_checks_stand_at_the_end(end):
    """Whether or not the file ends with a line ending."""
    before = COMMENTED[: COMMENTED.index("[[checks]]")] + COMMENTED[COMMENTED.index("[[slices]]") :].rstrip("\n") + end
    after = with_lines(before, NewLines("visits", {}, checks=[CHECK]))
    assert after.startswith(before)
    assert read_project(after).checks[-1].rows is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "[tables.visits.columns]\n",
            "[tables.visits.columns.extra2]\ntype = 'int'\n[tables.visits.columns.more]\ntype='int'\n#",
        ),
    ],
)
def test_columns_in_tables_of_their_own_are_no_place_for_lines(old, new):
    """What cannot be added is a problem that says what to do, and nothing is written."""
    before = small_project.PROJECT.replace(old, new)
    before = "\n".join(
        line
        for line in before.splitlines()
        if not line.startswith(("visit_id =", "at =", "age =", "distance =", "clinic ="))
    ).replace("min = -100, max = 500", "min = -100, max = 500")
    with pytest.raises(ProjectError) as caught:
        with_lines(before, EXTRA)
    assert caught.value.problems[0].code == "TV-PROJ-009"


def test_dotted_columns_are_no_place_for_lines_either():
    """The file is left as it is."""
    before = small_project.PROJECT + '\n[tables.clinics]\nfiles = "x"\ncolumns.code = { type = "str" }\n'
    try:
        after = with_lines(before, NewLines("clinics", {"more": 'more = { type = "int" }'}))
    except ProjectError as error:
        assert error.problems[0].code == "TV-PROJ-009"
    else:
        assert "more" in read_project(after).tables["clinics"].columns


def test_lists_that_stand_apart_are_left_as_they_are():
    """What would move is not touched."""
    before = COMMENTED + '\n[[slices]]\nname = "south"\nwhere = "true"\n'
    with pytest.raises(ProjectError) as caught:
        with_lines(before, EXTRA)
    assert caught.value.problems[0].seen == "entries of one [[list]] stand apart"


def test_a_line_that_makes_no_sense_is_refused():
    """The new file is read back before it is written."""
    with pytest.raises(ProjectError) as caught:
        with_lines(COMMENTED, NewLines("visits", {"extra": 'extra = { type = "str", pattern = "(" }'}))
    assert caught.value.problems[0].code == "TV-PROJ-008"


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    """No temporary file is left; a file that changed meanwhile is left as it is."""
    path = tmp_path / "trivium.toml"
    path.write_text("old")
    path.chmod(0o640)
    write_project(tmp_path, "new", before="old")
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()], path.stat().st_mode & 0o777) == (
        "new",
        ["trivium.toml"],
        0o640,
    )
    with pytest.raises(ProjectError) as caught:
        write_project(tmp_path, "newer", before="old")
    assert caught.value.problems[0].code == "TV-PROJ-010"
    assert path.read_text() == "new"
