"""Pages against faults caught: the curve, what is read off it, and what is recommended."""

from datetime import timedelta
from itertools import pairwise

import pytest

import small_project
from terminal import say
from trivium.core.problems import ProjectError
from trivium.core.project import Alarms, read_project
from trivium.loop.faults import ON_VERSIONS, dense
from trivium.loop.rehearse import REHEARSALS
from trivium.loop.tune import RATES, Seen, recommended, told_at, tune
from trivium.loop.workspace import PROJECT_FILE, Workspace
from trivium.monitor.alarms import Finding

START = small_project.START
DAY = timedelta(days=1)
SHORT = small_project.PROJECT + "\n[alarms]\nleast_history = 14\n"


def point(rate, pages, medium, strong=10):
    return {"rate": rate, "pages_per_week": pages, "caught": {"subtle": 0, "medium": medium, "strong": strong}}


def test_the_rate_that_catches_most_within_the_budget():
    """Of those that keep it; then fewest pages, then the strictest; the strictest of all where none keeps it."""
    curve = [point(0.05, 3, 20), point(0.02, 1, 15), point(0.01, 0.5, 15), point(0.005, 0.5, 15), point(0.001, 0.5, 9)]
    assert recommended(curve, budget=1, now=0.02)["rate"] == 0.005
    assert recommended(curve, budget=5, now=0.02)["rate"] == 0.05
    assert recommended(curve, budget=0.1, now=0.02)["rate"] == 0.001


def test_a_rate_that_gains_nothing_is_not_recommended() -> None:
    """Where every rate catches and pages as much, the one that is set stays."""
    flat = [point(rate, 0, 2) for rate in (0.05, 0.02, 0.001)]
    assert recommended(flat, budget=1, now=0.02)["rate"] == 0.02


def seen(day, p_value, kind="fault", *, grave=False):
    finding = Finding(
        alarm=kind, subject="visits", columns=("age",), severity="page", what="", p_value=p_value, is_grave=grave
    )
    return Seen(START + day * DAY, ("partition", "visits"), (finding,))


def quiet(day):
    return Seen(START + day * DAY, ("partition", "visits"), ())


def test_what_a_rate_would_have_told():
    """As rare as it: at once if grave, else if again within three. What has no p-value: always."""
    odd = {0: 0.004, 1: 0.004, 9: 0.0001, 20: 0.02}
    days = [seen(day, odd[day], grave=day == 9) if day in odd else quiet(day) for day in range(30)]
    days.append(seen(30, None, "late", grave=True))

    def told(rate):
        return [(at - START) // DAY for at, _ in told_at(days, rate=rate, settings=Alarms())]

    assert told(0.05) == [1, 9, 30]
    assert told(0.004) == [1, 9, 30]
    assert told(0.001) == [9, 30]


def test_a_stricter_rate_tells_no_more():
    """Each rate tells a part of what the next laxer one tells."""
    days = [seen(day, (0.7**day) / 10) for day in range(20)]
    told = [[at for at, _ in told_at(days, rate=rate, settings=Alarms())] for rate in sorted(RATES)]
    assert all(set(strict) <= set(lax) for strict, lax in pairwise(told))


def test_faults_as_many_as_fit():
    """Two partitions on, four off, on each table; every kind and severity comes before any comes again."""
    project = read_project(small_project.PROJECT)
    faults = dense(project, start=START, until=START + 240 * DAY, seed=3)
    assert faults == dense(project, start=START, until=START + 240 * DAY, seed=3)
    for table in ("visits", "arrivals", "weather"):
        own = [fault for fault in faults if fault.table == table]
        assert [fault.from_ for fault in own] == [START + 6 * n * DAY for n in range(40)]
        assert all(fault.until - fault.from_ == 2 * DAY and fault.kind not in ON_VERSIONS for fault in own)
        pairs = [(fault.kind, fault.severity) for fault in own]
        assert len(set(pairs[: len(set(pairs))])) == len(set(pairs))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_project.make(tmp_path_factory.mktemp("tune"), days=42, project=SHORT)


def test_a_curve_on_ones_own_history(folder):
    """Fewer pages and fewer faults caught the stricter the rate; nothing is left behind, and the ledger is untouched."""
    ws = Workspace(folder)
    runs = []
    found = tune(ws, seed=1, progress=lambda where: runs.append(where.run))
    assert [each["rate"] for each in found["curve"]] == list(RATES)
    for figure in ("subtle", "medium", "strong"):
        caught = [each["caught"][figure] for each in found["curve"]]
        assert caught == sorted(caught, reverse=True)
        assert caught[0] <= found["faults"][figure]
    assert found["curve"][0]["caught"]["strong"] > 0
    assert found["recommended"] in RATES
    assert sorted(set(runs)) == [0, 1]
    assert list(ws.ledger.events()) == []
    assert not (ws.root / REHEARSALS / "tune").exists()


def test_from_the_terminal(folder, tmp_path):
    """The recommended rate is shown, and written with its reason when asked."""
    shown = say("alarms", "tune", "--write", "--because", "fewer pages", project=folder, as_json=False)
    assert (shown.code, "written to trivium.toml" in shown.out) == (0, True)
    assert "# fewer pages" in (folder / PROJECT_FILE).read_text()


def test_too_little_history(tmp_path):
    """It says how much there is."""
    with pytest.raises(ProjectError) as caught:
        tune(Workspace(small_project.make(tmp_path, days=20, project=SHORT)))
    assert caught.value.problems[0].code == "TV-REH-007"
