"""A setting is written, and the rest of the project file stays byte for byte."""

import pytest

import small_project
from trivium.core.problems import ProjectError
from trivium.loop.settle import settle
from trivium.loop.workspace import PROJECT_FILE, Workspace

COMMENTED = (
    small_project.PROJECT
    + """
[alarms]   # what wakes us
false_alarm_rate = 0.02
pages_per_week   = 3    # two people
"""
)


def written(folder):
    return (folder / PROJECT_FILE).read_text()


def test_a_value_is_changed_in_place(tmp_path):
    """Comments, spacing and order stay; the reason stands beside the value."""
    folder = small_project.make(tmp_path, days=1, project=COMMENTED)
    (folder / PROJECT_FILE).chmod(0o640)
    settle(Workspace(folder), ("alarms", "false_alarm_rate"), 0.001, because="tuned")
    assert written(folder) == COMMENTED.replace("= 0.02\n", "= 0.001 # tuned\n")
    assert Workspace(folder).project.alarms.false_alarm_rate == 0.001
    assert (folder / PROJECT_FILE).stat().st_mode & 0o777 == 0o640


def test_a_section_that_is_not_there_is_added(tmp_path):
    """At the end; the rest stays."""
    folder = small_project.make(tmp_path, days=1)
    settle(Workspace(folder), ("alarms", "false_alarm_rate"), 0.001)
    assert written(folder).startswith(small_project.PROJECT)
    assert Workspace(folder).project.alarms.false_alarm_rate == 0.001


def test_a_value_that_no_project_file_can_hold_is_not_written(tmp_path):
    """The file is left as it was."""
    folder = small_project.make(tmp_path, days=1)
    with pytest.raises(ProjectError) as caught:
        settle(Workspace(folder), ("alarms", "false_alarm_rate"), 2.0)
    assert caught.value.problems[0].code == "TV-PROJ-005"
    assert written(folder) == small_project.PROJECT


def test_line_endings_stay(tmp_path):
    """A file written on Windows is one afterwards, but for the value."""
    folder = small_project.make(tmp_path, days=1, project=COMMENTED)
    (folder / PROJECT_FILE).write_bytes(COMMENTED.replace("\n", "\r\n").encode())
    settle(Workspace(folder), ("alarms", "false_alarm_rate"), 0.001)
    expected = COMMENTED.replace("= 0.02\n", "= 0.001\n").replace("\n", "\r\n")
    assert (folder / PROJECT_FILE).read_bytes() == expected.encode()


def test_a_file_whose_entries_would_move_is_left_alone(tmp_path):
    """Checks that stand apart would be put together: nothing is written, and the problem says what to do."""
    apart = COMMENTED + '\n[[checks]]\nname = "old enough"\non = "visits"\nmust = "age >= 0"\n'
    folder = small_project.make(tmp_path, days=1, project=apart)
    with pytest.raises(ProjectError) as caught:
        settle(Workspace(folder), ("alarms", "false_alarm_rate"), 0.001)
    assert caught.value.problems[0].code == "TV-PROJ-009"
    assert written(folder) == apart
