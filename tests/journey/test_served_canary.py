"""A canary under a real server, judged by `trivium tick`: a bad one is gone at once, a sound one goes live."""

from datetime import UTC, datetime, timedelta

import pytest

import small_project
from serving import serving, until
from terminal import say

PREDICT, OUTCOMES = "/models/visits/predict", "/models/visits/outcomes"
SETTINGS = """
[serve]
deadline_ms = 30000  # more than a busy machine takes
"""
# Nobody in the history is that old, so the gate lets it pass.
BRITTLE = """\
@tv.step
def features(visits: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    if (visits["age"] > 100).any():
        raise ValueError("nobody is that old")
"""


def rows(name, *, age, count=60):
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return [
        {"visit_id": f"{name}{place}", "at": at, "age": age, "distance": 20.0, "clinic": "south"}
        for place in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project with a live version, a brittle one that the gate passed, and a sound one."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=20)
    text = small_project.PROJECT.replace('canary = "1d"', 'canary = "1s"\ncanary_share = 0.5').replace(
        'every = "4d"\ncooldown = "2d"\nfirst_after = "10d"', 'first_after = "400d"'
    )
    folder = tmp_path_factory.mktemp("clinic") / "visits"
    small_project.make(folder, days=20, start=start, project=text + SETTINGS)
    say("collect", project=folder)
    assert say("try", "--name", "first", project=folder).code == 0
    assert say("release", "v1", "--to", "live", project=folder).code == 0
    code = folder / "pipeline.py"
    sound = code.read_text()
    begin = BRITTLE.splitlines(keepends=True)
    code.write_text(sound.replace("".join(begin[:2]), BRITTLE))
    assert say("try", "--name", "brittle", project=folder).code == 0
    code.write_text(sound)
    assert say("try", "--set", "model.strength=0.9", "--name", "sound", project=folder).code == 0
    return folder


def ticked(folder, ref):
    """Tick until a version moves, as a worker would; give how."""

    def moves():
        return [one for one in say("tick", project=folder).document["moved"] if one["version"] == ref]

    return until(moves, within_s=60)[0]


def stage_of(served, name, ref, stage):
    """Wait until the server follows the route."""
    until(lambda: ref in str(served.client.get("/models/visits/route").json().get(stage)))
    return served.post(PREDICT, {"rows": rows(name, age=40)}).json()["predictions"]


def test_canaries_are_judged_by_what_was_served(folder):
    """Errors that only the canary makes take it down within the minute; outcomes let a sound one go live."""
    with serving(folder) as served:
        assert say("release", "v2", "--to", "canary", project=folder).code == 0
        arms = {answer["stage"] for answer in stage_of(served, "a", "v2", "canaries")}
        assert arms == {"live", "canary"}
        old = served.post(PREDICT, {"rows": rows("b", age=110)}).json()["predictions"]
        assert all(answer["prediction"] is not None for answer in old)
        assert {answer["version"] for answer in old} == {"v1"}
        moved = ticked(folder, "v2")
        assert (moved["stage"], moved["verdict"]) == ("retired", "roll back")
        assert "it fails to answer" in moved["because"]

        assert say("release", "v3", "--to", "canary", project=folder).code == 0
        asked = stage_of(served, "c", "v3", "canaries")
        assert {answer["version"] for answer in asked} == {"v1", "v3"}
        labels = [{"row_id": answer["row_id"], "label": place % 3 == 0} for place, answer in enumerate(asked)]
        assert served.post(OUTCOMES, {"outcomes": labels}).json()["accepted"] == 60
        moved = ticked(folder, "v3")
        assert (moved["stage"], moved["verdict"]) == ("live", "promote")
        assert "outcomes: no harm found" in moved["because"]
        now_live = stage_of(served, "d", "v3", "live")
        assert {(answer["version"], answer["stage"]) for answer in now_live} == {("v3", "live")}
    # The same traffic replayed, before its period is over: v1's rows and v3's, whoever answered.
    replayed = say("replay", "v3", project=folder)
    assert replayed.code == 0 and replayed.document["verdict"] == "promote"
    assert replayed.document["rows"] >= 180 and replayed.document["served_ms"] > 0
    brittle = say("replay", "v2", project=folder)
    assert brittle.code == 1 and brittle.document["verdict"] == "roll back"
    assert any("nobody is that old" in words for words in brittle.document["troubles"])
    assert say("replay", "v3", "--to", "2001-01-01", project=folder).problems[0]["code"] == "TV-RUN-033"
