"""One cause, one incident."""

from datetime import UTC, datetime, timedelta
from typing import Any

from trivium.monitor.alarms import Finding
from trivium.monitor.causes import Lineage, Standing, place

DAY = timedelta(days=1)
AT = datetime(2013, 3, 10, tzinfo=UTC)
LINEAGE = Lineage(
    {"model delays": ("flights", "weather"), "version v3": ("flights", "weather")},
    {"flights": 3 * DAY, "weather": 3 * DAY},
)


def finding(subject: str, alarm: str = "fault", day: float | None = 0, **more: Any) -> Finding:
    """Make a finding about one day's data, so many days on."""
    since = None if day is None else AT + day * DAY
    until = None if since is None else since + DAY
    return Finding(alarm=alarm, subject=subject, severity="page", what=subject, since=since, until=until, **more)


def placed(*findings: Finding, standing: tuple[Standing, ...] = (), next_id: int = 1) -> list[tuple[str, str, str]]:
    """Place findings; tell subject, incident and explanation."""
    found = place(findings, standing=standing, lineage=LINEAGE, next_id=next_id)
    return [(one.finding.subject, one.incident, one.explained) for one in found]


def test_each_subject_its_own() -> None:
    """Two tables that break in their own ways are two incidents; what is open on a subject takes its findings in."""
    assert placed(finding("flights"), finding("planes")) == [("flights", "i1", ""), ("planes", "i2", "")]
    assert placed(finding("flights"), standing=(Standing("i7", frozenset({"flights"})),)) == [("flights", "i7", "")]


def test_a_broken_table_explains_its_model() -> None:
    """In the same tick, whatever the order, and days later while the rows that broke are read."""
    assert placed(finding("delays", "objective"), finding("weather"), next_id=4) == [
        ("weather", "i4", ""),
        ("delays", "i4", "explained by i4 on weather"),
    ]
    broke = Standing("i2", frozenset({"weather"}), AT, AT + DAY)
    assert placed(finding("v3", "answers", 3), standing=(broke,)) == [("v3", "i2", "explained by i2 on weather")]
    # The table is read for three days back; what is answered on the fourth has another cause.
    assert placed(finding("v3", "answers", 4), standing=(broke,), next_id=3) == [("v3", "i3", "")]


def test_a_table_that_broke_explains_a_version_taken_down_meanwhile() -> None:
    """Two versions may make different things of broken rows; but what the version's own answers suffered comes first."""
    broke = Standing("i2", frozenset({"weather"}), AT, AT + DAY)
    own = Standing("i3", frozenset({"version v3"}), AT, AT + DAY)
    assert placed(finding("v3", "harm", 1), standing=(broke,)) == [("v3", "i2", "explained by i2 on weather")]
    assert placed(finding("v3", "harm", 4), standing=(broke,), next_id=5) == [("v3", "i5", "")]
    assert placed(finding("v3", "unproven", 1), standing=(broke, own)) == [("v3", "i3", "")]


def test_what_was_before_is_not_explained() -> None:
    """Answers of the day before cannot come of rows that broke after it; a time not known excludes nothing."""
    broke = Standing("i2", frozenset({"weather"}), AT, AT + DAY)
    assert placed(finding("v3", "answers", -1), standing=(broke,), next_id=3) == [("v3", "i3", "")]
    assert placed(finding("v3", "answers", None), standing=(broke,))[0][1] == "i2"


def test_what_is_explained_is_not_the_incidents_own() -> None:
    """A model's next finding, of a time that the table's incident does not reach, opens one of its own."""
    found = placed(finding("weather"), finding("delays", "objective"), finding("delays", "objective", 9))
    assert [incident for _, incident, _ in found] == ["i1", "i1", "i2"]


def test_sources_that_fail_together_are_one() -> None:
    """Late tables of one tick are one incident, refused ones another; a model does not explain its tables."""
    found = placed(finding("flights", "late"), finding("weather", "late"), finding("planes", "refused"))
    assert [incident for _, incident, _ in found] == ["i1", "i1", "i2"]
    assert placed(finding("weather"), standing=(Standing("i5", frozenset({"model delays"})),), next_id=6) == [
        ("weather", "i6", "")
    ]


def test_a_model_is_not_the_table_of_its_name() -> None:
    """An incident of the model `weather` explains no version's trouble, and takes in no finding of that table."""
    standing = (Standing("i1", frozenset({"model weather"}), AT, AT + DAY),)
    assert placed(finding("weather"), standing=standing, next_id=2)[0][1] == "i2"
    assert placed(finding("v3", "answers"), standing=standing, next_id=2)[0][1] == "i2"
    assert placed(finding("weather", "objective"), standing=standing)[0][1] == "i1"


def test_placing_again_changes_nothing() -> None:
    """What was placed, placed with its incidents standing, goes where it was."""
    findings = (finding("weather"), finding("flights", "late"), finding("delays", "objective"))
    first = placed(*findings)
    standing = (
        Standing("i1", frozenset({"weather"}), AT, AT + DAY),
        Standing("i2", frozenset({"flights"}), AT, AT + DAY),
    )
    assert placed(*findings, standing=standing, next_id=3) == first
