"""One answer for each request, whatever fails: the routed version, those behind it, the heuristic, the default."""

import numpy as np
import polars as pl
import pytest

import small_project
from trivium.core.problems import Problem, StepError
from trivium.core.project import read_project
from trivium.loop.answer import answer
from trivium.loop.bodies import Body
from trivium.release.route import Canary, Route
from trivium.store.predictions import PREDICTIONS

ROWS = small_project.visits_of(0)
COUNT = ROWS.height


def project(*checks, default="default = 0.3"):
    text = small_project.PROJECT.replace("default = 0.3", default)
    start = text.index('[[checks]]\nname = "far is never sure"')
    return read_project(text[:start] + "\n".join(checks) + "\n" + text[text.index("[[slices]]") :])


def check(name, must, else_, *, on="prediction", more=""):
    return f'[[checks]]\nname = "{name}"\non = "{on}"\nmust = "{must}"\nelse = "{else_}"\n{more}\n'


def body(ref, said=None, *, raises=False, key="same"):
    """A version that says one number, or these, of every row."""

    def predict(features):
        if raises:
            raise StepError(Problem(code="TV-RUN-017", what="it raised", seen="why"))
        return np.full(features.height, said, dtype=float) if np.isscalar(said) else np.asarray(said, dtype=float)

    return Body(ref, predict, lambda frames: frames["visits"].select("age", "distance"), key)


def ask(route, bodies, *, heuristic=0.25, plan=None, timer=lambda: 0.0, rows=ROWS):
    return answer(
        rows,
        {"visits": rows},
        project=plan or project(),
        route=route,
        bodies={each.ref: each for each in bodies},
        heuristic=None if heuristic is None else body("heuristic", heuristic),
        at=small_project.START,
        name="2024-01-01",
        timer=timer,
    )


def served(answers):
    """Give the one served row of each request, in the requests' order."""
    rows = answers.log.filter(pl.col("source") != "unserved")
    assert rows["row_id"].to_list() == ROWS["visit_id"].to_list()
    return rows


def sources(answers):
    return dict(served(answers)["source"].value_counts().iter_rows())


def test_the_live_version_answers():
    """Each request gets the live version's answer, its id, and no other; the log has the log's columns."""
    found = ask(Route(live="v1"), [body("v1", 0.7)])
    rows = served(found)
    assert set(rows["prediction"]) == {0.7}
    assert set(rows["version"]) == {"v1"}
    assert rows["prediction_id"][0] == "p20240101-000000"
    assert rows["prediction_id"].is_unique().all()
    assert all(kind == PREDICTIONS[name] for name, kind in found.log.schema.items())
    assert found.troubles == []


@pytest.mark.parametrize("kind", ["raised", "late", "not_finite"])
def test_the_version_before_answers_when_the_live_one_cannot(kind):
    """A version that raises, is late or gives no finite number is told of, and the last good one answers."""
    seconds = iter([0.0, 0.0, 0.0, 60.0] if kind == "late" else [0.0] * 9)
    last = [60.0]
    bad = {"raised": body("v2", raises=True), "late": body("v2", 0.9), "not_finite": body("v2", float("nan"))}[kind]
    found = ask(Route(live="v2", fallback=("v1",)), [bad, body("v1", 0.4)], timer=lambda: next(seconds, last[0]))
    assert sources(found) == {"fallback": COUNT}
    assert set(served(found)["version"]) == {"v1"}
    (trouble,) = found.troubles
    assert (trouble.ref, trouble.kind, trouble.rows) == ("v2", kind, COUNT)


def test_only_the_rows_that_lack_an_answer_fall_back():
    """Of a version that gives some infinite numbers, the finite ones are served; the heuristic answers the rest."""
    said = np.full(COUNT, 0.6)
    said[:7] = np.inf
    found = ask(Route(live="v1"), [body("v1", said)])
    assert sources(found) == {"model": COUNT - 7, "heuristic": 7}
    assert served(found)["prediction"].head(7).to_list() == [0.25] * 7
    assert found.troubles[0].rows == 7


def test_the_whole_chain():
    """Version, version before, heuristic, default: each answers when all before it cannot; the last word is null."""
    broken = [body("v2", raises=True), body("v1", float("nan"))]
    route = Route(live="v2", fallback=("v1",))
    assert sources(ask(route, broken)) == {"heuristic": COUNT}
    found = ask(route, broken, heuristic=float("nan"))
    assert sources(found) == {"default": COUNT}
    assert set(served(found)["prediction"]) == {0.3}
    found = ask(route, broken, heuristic=None, plan=project(default=""))
    assert sources(found) == {"default": COUNT}
    assert served(found)["prediction"].null_count() == COUNT


def test_without_a_version_the_heuristic_answers():
    """Before anything is released every request gets the heuristic's answer."""
    assert sources(ask(Route(), [])) == {"heuristic": COUNT}


def test_shadow_and_fallback_answer_unserved():
    """Versions in shadow, the first fallback and the heuristic are logged beside what is served, and serve nobody."""
    route = Route(live="v2", fallback=("v1",), shadow=("v3",))
    found = ask(route, [body("v1", 0.1), body("v2", 0.2), body("v3", 0.3)])
    assert sources(found) == {"model": COUNT}
    unserved = found.log.filter(pl.col("source") == "unserved")
    assert sorted(unserved.group_by("stage", "version").len().iter_rows(), key=str) == [
        ("fallback", "v1", COUNT),
        ("heuristic", None, COUNT),
        ("shadow", "v3", COUNT),
    ]


def test_a_shadow_that_fails_harms_nobody():
    """A version in shadow that raises is told of, and nothing that is served changes."""
    found = ask(Route(live="v1", shadow=("v2",)), [body("v1", 0.2), body("v2", raises=True)])
    assert sources(found) == {"model": COUNT}
    assert found.troubles[0].ref == "v2"


def test_the_canary_is_sticky():
    """About its share of entities meets the canary, the same ones whatever the batch and the order."""
    route = Route(live="v1", canaries=(Canary("v2", 0.3),))
    bodies = [body("v1", 0.1), body("v2", 0.2)]
    found = ask(route, bodies).log.filter((pl.col("source") != "unserved") & (pl.col("stage") == "canary"))
    assert 0.1 < found.height / COUNT < 0.5
    assert set(found["version"]) == {"v2"}
    again = ask(route, bodies, rows=ROWS.reverse().head(40))
    again = again.log.filter((pl.col("source") != "unserved") & (pl.col("stage") == "canary"))
    asked = set(ROWS.reverse().head(40)["visit_id"])
    assert set(again["row_id"]) == set(found["row_id"]) & asked
    more = ask(Route(live="v1", canaries=(Canary("v2", 0.6),)), bodies).log
    more = more.filter((pl.col("source") != "unserved") & (pl.col("stage") == "canary"))
    assert set(found["row_id"]) < set(more["row_id"])


def test_a_canary_that_fails_falls_to_the_live_version():
    """The canary's share of requests is answered by the live version when the canary raises."""
    route = Route(live="v1", canaries=(Canary("v2", 0.5),))
    found = ask(route, [body("v1", 0.1), body("v2", raises=True)])
    assert sources(found) == {"model": COUNT}
    assert set(served(found)["version"]) == {"v1"}
    assert set(served(found)["stage"]) == {"live", "canary"}, "a failure stays in the canary's arm"


FAR = pl.col("distance") > 25
FAR_ROWS = ROWS.select(FAR).to_series()


def test_request_refused():
    """A request that breaks a check that refuses gets no answer, by any check on predictions either."""
    plan = project(
        check("near", "distance <= 25", "refuse", on="request"),
        check("sure", "prediction is not null and prediction < 0", "override", more="value = '0.5'"),
        check("age", "age < 0", "fallback"),
    )
    rows = served(ask(Route(live="v1"), [body("v1", 0.7)], plan=plan))
    refused = rows.filter(FAR_ROWS)
    assert set(refused["source"]) == {"refused"}
    assert refused["prediction"].null_count() == refused.height > 0
    assert all("near" in names for names in refused["checks"])


def test_request_warned():
    """A request that breaks a check that warns is answered, and says so."""
    plan = project(check("near", "distance <= 25", "warn", on="request"))
    found = ask(Route(live="v1"), [body("v1", 0.7)], plan=plan)
    rows = served(found)
    assert set(rows["source"]) == {"model"}
    assert (rows["checks"].list.len() == 1).to_list() == FAR_ROWS.to_list()
    assert found.checks == {"near": int(FAR_ROWS.sum())}


@pytest.mark.parametrize(
    ("else_", "more", "source", "prediction"),
    [
        ("refuse", "", "refused", None),
        ("override", "value = '0.5'", "override", 0.5),
        ("override", "value = 'prediction - 0.1'", "override", 0.6),
        ("fallback", "", "heuristic", 0.25),
        ("warn", "", "model", 0.7),
        ("review", "", "model", 0.7),
    ],
)
def test_prediction_checks(else_, more, source, prediction):
    """Each severity does to a broken prediction what it says, to no other, and each is named with its check."""
    plan = project(check("never far", "not (distance > 25 and prediction > 0.5)", else_, more=more))
    rows = served(ask(Route(live="v1"), [body("v1", 0.7)], plan=plan))
    broken, whole = rows.filter(FAR_ROWS), rows.filter(~FAR_ROWS)
    assert set(broken["source"]) == {source}
    assert {value if value is None else round(value, 9) for value in broken["prediction"]} == {prediction}
    assert set(broken["review"]) == {else_ == "review"}
    assert broken["checks"].to_list() == [["never far"]] * broken.height
    assert (set(whole["source"]), set(whole["prediction"]), set(whole["review"])) == ({"model"}, {0.7}, {False})
    assert whole["checks"].list.len().sum() == 0


def test_a_fallback_without_heuristic_is_the_default():
    """Where a check calls for the heuristic and there is none, the declared default answers, not the broken prediction."""
    plan = project(check("never far", "not (distance > 25 and prediction > 0.5)", "fallback"))
    rows = served(ask(Route(live="v1"), [body("v1", 0.7)], plan=plan, heuristic=None)).filter(FAR_ROWS)
    assert set(rows["source"]) == {"default"}
    assert set(rows["prediction"]) == {0.3}


def test_a_fallback_asks_the_next_in_line():
    """The last good version first; its answer is held to the same checks, and where it breaks one the next is asked."""
    plan = project(check("never far", "not (distance > 25 and prediction > 0.5)", "fallback"))
    good, bad = body("v1", 0.4), body("v1", 0.6)
    rows = served(ask(Route(live="v2", fallback=("v1",)), [body("v2", 0.7), good], plan=plan)).filter(FAR_ROWS)
    assert (set(rows["source"]), set(rows["version"]), set(rows["prediction"])) == ({"fallback"}, {"v1"}, {0.4})
    assert rows["checks"].to_list() == [["never far"]] * rows.height
    rows = served(ask(Route(live="v2", fallback=("v1",)), [body("v2", 0.7), bad], plan=plan)).filter(FAR_ROWS)
    assert (set(rows["source"]), set(rows["prediction"])) == ({"heuristic"}, {0.25})


def test_a_canary_falls_back_to_the_live_version():
    """A canary's answer that a check does not let pass is given by the live version, and stays the canary's failure."""
    plan = project(check("never far", "prediction < 0.5", "fallback"))
    route = Route(live="v1", canaries=(Canary("v2", 1.0),), salt="visits")
    rows = served(ask(route, [body("v1", 0.4), body("v2", 0.7)], plan=plan))
    assert (set(rows["source"]), set(rows["version"]), set(rows["stage"])) == ({"model"}, {"v1"}, {"canary"})


def test_the_default_is_the_last_word():
    """Where every answer breaks the check, the default is given all the same, and says which check it broke."""
    plan = project(check("nothing is right", "prediction < 0", "fallback"))
    rows = served(ask(Route(live="v1"), [body("v1", 0.7)], plan=plan))
    assert (set(rows["source"]), set(rows["prediction"])) == ({"default"}, {0.3})
    assert rows["checks"].to_list() == [["nothing is right"]] * COUNT


@pytest.mark.parametrize(("does", "more"), [("fallback", ""), ("override", "value = 'distance / 0'")])
def test_a_check_over_rows_trusts_no_version_with_them(does, more):
    """One that reads no prediction could be kept by no answer: the heuristic's stands, and no version is asked."""
    plan = project(check("never far", "distance <= 25", does, more=more))
    rows = served(ask(Route(live="v2", fallback=("v1",)), [body("v2", 0.7), body("v1", 0.4)], plan=plan))
    far = rows.filter(FAR_ROWS)
    assert (set(far["source"]), set(far["prediction"])) == ({"heuristic"}, {0.25})
    bare = served(ask(Route(live="v2"), [body("v2", 0.7)], plan=plan, heuristic=None)).filter(FAR_ROWS)
    assert (set(bare["source"]), set(bare["prediction"])) == ({"default"}, {0.3})


@pytest.mark.parametrize("value", ["7", "prediction / 0", "-0.1"])
def test_an_override_that_is_no_answer_falls_back(value):
    """A value that is null, or no probability, is given to nobody: the next in line answers."""
    plan = project(check("never far", "prediction < 0.5", "override", more=f"value = '{value}'"))
    rows = served(ask(Route(live="v2", fallback=("v1",)), [body("v2", 0.7), body("v1", 0.4)], plan=plan))
    assert (set(rows["source"]), set(rows["prediction"])) == ({"fallback"}, {0.4})


def test_an_expired_check_holds_nobody():
    """A check counts up to the day it expires."""
    plan = project(check("never far", "distance < 0", "refuse", more="expires = 2024-01-01"))
    assert sources(ask(Route(live="v1"), [body("v1", 0.7)], plan=plan)) == {"model": COUNT}


def test_features_are_computed_once_for_all_who_share_them():
    """Versions with the same features key share one run of the features step."""
    runs = []

    def features(frames):
        runs.append(1)
        return frames["visits"].select("age")

    bodies = [Body(ref, lambda made: np.full(made.height, 0.5), features, "same") for ref in ("v1", "v2", "v3")]
    ask(Route(live="v1", shadow=("v2", "v3")), bodies, heuristic=None)
    assert len(runs) == 1
