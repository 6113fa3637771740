"""The review queue as two people meet it over HTTP: who may see it, who has what in hand, what a decision is worth."""

from datetime import UTC, datetime, timedelta

import pytest

import small_project
from serving import serving
from terminal import say

ROW = {"visit_id": "a", "at": "2024-05-01T10:00:00Z", "age": 40, "distance": 3.5, "clinic": "north"}
REVIEWS = "/models/visits/reviews"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project whose heuristic answers, and whose check wants every far row looked at."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    text = small_project.PROJECT.replace("not (distance > 49 and prediction > 0.99)", "distance < 45")
    return small_project.make(tmp_path_factory.mktemp("clinic") / "visits", days=2, start=start, project=text)


def ask(served, *row_ids, distance=48):
    """Ask about rows; give the answers' ids."""
    rows = [ROW | {"visit_id": row_id, "distance": distance} for row_id in row_ids]
    return [each["id"] for each in served.post("/models/visits/predict", {"rows": rows}).json()["predictions"]]


def test_a_queue_on_loopback(folder):
    """Take, decide, skip; what another has in hand, what is decided and what is not there are refused with 409 and 404."""
    with serving(folder) as served:
        near, *names = [*ask(served, "near", distance=3), *ask(served, "a", "b", "c")]
        listed = served.client.get(REVIEWS).json()
        assert (listed["queue"]["waiting"], [one["id"] for one in listed["reviews"]]) == (3, names)
        ann = served.post(f"{REVIEWS}/take", {"most": 2, "by": "ann"}).json()
        assert (ann["by"], [one["row_id"] for one in ann["reviews"]]) == ("ann (anybody on this machine)", ["a", "b"])
        assert ann["reviews"][0]["request"]["distance"] == 48
        bob = served.post(f"{REVIEWS}/take", {"most": 2, "by": "bob"}).json()
        assert [one["row_id"] for one in bob["reviews"]] == ["c"]
        said = {"label": True, "because": "saw it", "by": "ann"}
        decided = served.post(f"{REVIEWS}/{names[0]}", said).json()
        assert (decided["label"], decided["by"], decided["stands"]) == (1.0, "ann (anybody on this machine)", True)
        again = served.post(f"{REVIEWS}/{names[0]}", said)
        assert (again.status_code, again.json()["code"]) == (409, "TV-RUN-092")
        foreign = served.post(f"{REVIEWS}/{names[2]}", said)
        assert (foreign.status_code, foreign.json()["code"]) == (409, "TV-RUN-092")
        assert served.post(f"{REVIEWS}/{names[1]}", {"skip": True, "because": "?", "by": "ann"}).status_code == 200
        for unknown in (near, "p1", "x" * 200, "take/no"):
            reply = served.post(f"{REVIEWS}/{unknown}", said)
            assert reply.status_code == 404, reply.text
        one = served.client.get(f"{REVIEWS}/{names[2]}").json()
        assert (one["state"], one["taken"]["by"]) == ("taken", "bob (anybody on this machine)")
        assert served.client.get(REVIEWS).json()["queue"]["waiting"] == 1
    assert say("review", "--all", project=folder).document["queue"]["decided"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"because": "neither"},
        {"label": 1, "skip": True, "because": "both"},
        {"label": 7, "because": "no label of a binary model"},
        {"label": 1},
        {"label": 1, "because": ""},
        {"label": 1, "because": "x", "by": "a\nb"},
        {"label": 1, "because": "x", "path": "/etc/passwd"},
    ],
)
def test_what_is_no_verdict(served, body):
    """A body of another shape, without a reason or with too much, is refused with 422 and changes nothing."""
    [name] = ask(served, "z")
    reply = served.post(f"{REVIEWS}/{name}", body)
    assert reply.status_code == 422, reply.text
    assert served.client.get(f"{REVIEWS}/{name}").json()["state"] == "waiting"


@pytest.fixture(scope="module")
def served(folder):
    with serving(folder) as served:
        yield served


def test_roles_and_authors(tmp_path):
    """Who observes may look, who predicts may not, who operates decides; the ledger names the token."""
    folder = small_project.make(
        tmp_path / "p",
        days=1,
        project=small_project.PROJECT.replace("not (distance > 49 and prediction > 0.99)", "distance < 45"),
    )
    secret = {
        role: say("token", "create", "--role", role, "--name", role, project=folder).document["secret"]
        for role in ("predict", "observe", "operate")
    }
    bearer = {role: {"authorization": f"Bearer {text}"} for role, text in secret.items()}
    with serving(folder) as served:
        rows = {"rows": [ROW | {"distance": 48}]}
        name = served.post("/models/visits/predict", rows, **bearer["predict"]).json()["predictions"][0]["id"]
        statuses = {
            role: (
                served.client.get(REVIEWS, headers=headers).status_code,
                served.post(f"{REVIEWS}/take", {}, **headers).status_code,
            )
            for role, headers in bearer.items()
        }
        assert statuses == {"predict": (403, 403), "observe": (200, 403), "operate": (200, 200)}
        assert served.client.get(REVIEWS).status_code == 401
        verdict = {"label": 0, "because": "x", "by": "ann"}
        refused = served.post(f"{REVIEWS}/{name}", verdict, **bearer["operate"])
        assert (refused.status_code, refused.json()["code"]) == (409, "TV-RUN-092")
        assert served.post(f"{REVIEWS}/{name}", {"label": 0, "because": "x"}, **bearer["operate"]).status_code == 200
    kinds = {event["kind"]: event["actor"] for event in say("ledger", project=folder).document["events"]}
    assert (kinds["review_taken"], kinds["reviewed"]) == ("token operate", "token operate")
