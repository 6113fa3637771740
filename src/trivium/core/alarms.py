"""The kinds of alarm: what each means, how grave it is, and how often it must be seen before it alarms."""

from typing import Literal, NamedTuple

from trivium.core.problems import ProjectError, unknown_name

Severity = Literal["page", "note"]

# As many partitions back a rule can ask for.
MOST_OF = 30


class AlarmKind(NamedTuple):
    """One kind of alarm: it alarms when `after` of the last `of` partitions broke, a grave break at once.

    `about` is what its subject is; a model may be named as a table is, and is not that table.
    """

    means: str
    severity: Severity
    after: int = 1
    of: int = 1
    about: Literal["table", "model", "version"] = "table"


KINDS = {
    "refused": AlarmKind("a partition was refused whole", "page"),
    "late": AlarmKind("a partition did not come in its time", "page"),
    "quarantine": AlarmKind("more rows were held back than is usual", "page", 2, 3),
    "contract": AlarmKind("more rows than usual broke a rule that only warns", "note", 2, 3),
    "fault": AlarmKind("a partition is broken, judged against its own table's history", "page", 2, 3),
    "answers": AlarmKind("a version raised, was late, or answered with what is no number", "page", about="version"),
    "log": AlarmKind("records of the prediction log are damaged, or cannot be read", "page", about="model"),
    "labels": AlarmKind("outcomes no longer belong to the rows that they are about", "page"),
    "concept": AlarmKind("rows as ever come to another end than they did", "page", about="model"),
    "foretold": AlarmKind("a shift foretells harm, before labels come", "page", about="model"),
    "objective": AlarmKind("an objective's error budget is spent too fast", "page", about="model"),
    "harm": AlarmKind("harm was proven of a version that is not live, and it was taken down", "page", about="version"),
    "unproven": AlarmKind("a version's longest stay at a stage ended without a verdict", "note", about="version"),
}
# What is told of a release is no claim about data, and it is over with the next release.
OF_RELEASES = ("harm", "unproven")


def known_kind(name: str, *, where: str) -> str:
    """Return the name of a kind of alarm (ProjectError TV-PROJ-004: there is no such kind)."""
    if name not in KINDS:
        raise ProjectError(unknown_name("TV-PROJ-004", "kind of alarm", name, list(KINDS), where=where))
    return name
