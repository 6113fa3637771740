"""The answerer of a few rows gives what `answer` gives of whole frames, row by row."""

import math
from datetime import timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import small_project
from trivium.core.private import Hider
from trivium.core.problems import Problem, StepError
from trivium.core.project import read_project
from trivium.loop.answer import answer
from trivium.loop.answerer import Answerer
from trivium.loop.bodies import Body
from trivium.loop.freshness import newest_rows
from trivium.loop.health import Health
from trivium.loop.lookups import Lookups
from trivium.release.route import Canary, Route

ROWS = small_project.visits_of(0, rows=30).with_columns(
    pl.when(pl.int_range(pl.len()) % 7 == 3).then(None).otherwise(pl.col("distance")).alias("distance")
)
AT = small_project.START + timedelta(days=1)
WEATHER = pl.DataFrame(
    {"day": [small_project.START], "rain": [3.0]}, schema={"day": ROWS.schema["at"], "rain": pl.Float64}
)
MUSTS = [
    "distance < 25",
    "age > 30 or clinic = 'north'",
    "prediction < 0.5",
    "not (distance > 20 and prediction > 0.3)",
    "distance is not null",
]


@st.composite
def checks(draw: st.DrawFn) -> str:
    """A few checks on requests and predictions, each named for its place."""
    made = []
    for place in range(draw(st.integers(0, 4))):
        on = draw(st.sampled_from(["request", "prediction"]))
        must = draw(st.sampled_from([must for must in MUSTS if on == "prediction" or "prediction" not in must]))
        does = draw(st.sampled_from(["refuse", "warn"] + ["override", "fallback", "review"] * (on == "prediction")))
        value = (
            draw(st.sampled_from(["0.125", "prediction / 2", "age / 50", "distance / 0"]))
            if does == "override"
            else None
        )
        more = f'value = "{value}"\n' if value else ""
        made.append(f'[[checks]]\nname = "c{place}"\non = "{on}"\nmust = "{must}"\nelse = "{does}"\n{more}')
    return "\n".join(made)


def body(ref: str, kind: str, factor: float) -> Body:
    """A version that says a number of each row, of some rows only, none at all, or raises."""

    def predict(features: pl.DataFrame) -> np.ndarray:
        if kind == "raises":
            raise StepError(Problem(code="TV-RUN-017", what="it raised"))
        said = features["distance"].fill_null(10.0).to_numpy() * factor % 1
        if kind == "some":
            said = np.where(features["age"].to_numpy() % 3 == 0, np.nan, said)
        return np.full(features.height, np.nan) if kind == "none" else said

    return Body(ref, predict, lambda frames: frames["visits"].select("age", "distance"), "same")


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, Route, dict[str, Body], Body | None]:
    kinds = st.sampled_from(["well", "well", "some", "none", "raises"])
    bodies = {
        ref: body(ref, draw(kinds), 0.1 * place)
        for place, ref in enumerate(["v1", "v2", "v3", "v4", "v5", "v6"], start=7)
    }
    share = draw(st.sampled_from([0.0, 0.4, 1.0]))
    route = Route(
        live=draw(st.sampled_from(["v1", None])),
        canaries=draw(st.sampled_from([(Canary("v2", share),), (Canary("v2", share), Canary("v5", 0.5)), ()])),
        default=draw(st.sampled_from([0.3, None])),
        salt="visits",
        fallback=draw(st.sampled_from([(), ("v3",), ("v3", "v6")])),
        shadow=draw(st.sampled_from([(), ("v4",)])),
    )
    rule = draw(st.sampled_from(["well", "some", None]))
    default = "" if route.default is None else "default = 0.3"
    stale = draw(
        st.sampled_from(["", 'stale_after = "2d"', 'stale_after = "6h"', 'stale_after = "6h"\nstale = "fallback"'])
    )
    text = small_project.PROJECT.replace("default = 0.3", default)
    text = text.replace("[tables.weather]\n", f"[tables.weather]\n{stale}\n")
    start = text.index('[[checks]]\nname = "far is never sure"')
    # A busy machine's threads may take longer than the usual deadline; lateness is not what is compared here.
    late = "\n[serve]\ndeadline_ms = 60000\n"
    text = text[:start] + draw(checks()) + "\n" + text[text.index("[[slices]]") :] + late
    return text, route, bodies, body("heuristic", rule, 0.37) if rule else None


def answerer_by(project, route, bodies, heuristic, *, timer) -> Answerer:
    """One that answers with the weather in memory."""
    lookups = Lookups(
        project=project, records={}, blobs=None, frames={"weather": WEATHER}, asked=ROWS.clear(),
        newest=newest_rows(project, {"weather": WEATHER}), oldest=None, head=7, key="",
    )  # fmt: skip
    return Answerer(
        project, route=route, bodies=bodies, heuristic=heuristic, lookups=lookups, health=Health(timer),
        hider=Hider({}, key=bytes(32)), today=AT.date()
    )  # fmt: skip


@given(plans(), st.integers(0, 29), st.integers(1, 30))
@settings(deadline=None, max_examples=150)
def test_row_by_row_as_whole_frames(plan, first: int, count: int) -> None:
    """Whatever the route, the versions' faults, the checks and the tables' ages: each field of each answer is the same."""
    text, route, bodies, heuristic = plan
    project = read_project(text)
    rows = ROWS.slice(first, count)
    frames = {"visits": rows, "weather": WEATHER}
    whole = answer(
        rows, frames, project=project, route=route, bodies=bodies, heuristic=heuristic, at=AT, name="2024-01-01", timer=lambda: 0.0
    )  # fmt: skip
    answerer = answerer_by(project, route, bodies, heuristic, timer=lambda: 0.0)
    ids = whole.log["prediction_id"].head(rows.height).to_list()
    reply = answerer.answer(rows.to_dicts(), at=AT, ids=ids)
    said = {
        (one["prediction_id"], one["source"] == "unserved" and (one["stage"], one["version"])): one
        for one in whole.log.to_dicts()
    }
    for one in reply.log:
        expected = said.pop((one.id, False))
        same = {name: getattr(one, name) for name in ("row_id", "version", "stage", "source", "review")}
        assert same == {name: expected[name] for name in same}
        assert list(one.checks) == expected["checks"]
        assert one.prediction == expected["prediction"] or math.isclose(
            one.prediction, expected["prediction"], rel_tol=0
        )
        assert one.head == 7
    for one in answerer.unserved(reply):
        expected = said.pop((one.id, (one.stage, one.version)))
        assert one.prediction == expected["prediction"]
    # What is refused is answered by nobody, and `answer` logs that too.
    refused = {one.id for one in reply.log if one.source == "refused"}
    assert {id_ for id_, _ in said} <= refused


def test_each_arm_has_the_time_of_its_own() -> None:
    """A canary that takes 200 ms makes no live row of its call slow; who falls back from it has waited for both."""
    project = read_project(small_project.PROJECT + "\n[serve]\ndeadline_ms = 60000\n")
    now = [0.0]

    def taking(version: Body, seconds: float) -> Body:
        def predict(features: pl.DataFrame) -> np.ndarray:
            now[0] += seconds
            return version.predict(features)

        return Body(version.ref, predict, version.features, version.features_key)

    bodies = {"v1": taking(body("v1", "well", 0.7), 0.01), "v2": taking(body("v2", "some", 0.8), 0.2)}
    route = Route(live="v1", canaries=(Canary("v2", 0.5),), default=0.3, salt="visits", fallback=())
    answerer = answerer_by(project, route, bodies, None, timer=lambda: now[0])
    ids = [f"p{place}" for place in range(ROWS.height)]
    found = {
        (one.stage, one.version): round(one.latency_ms) for one in answerer.answer(ROWS.to_dicts(), at=AT, ids=ids).log
    }
    assert found == {("live", "v1"): 10, ("canary", "v2"): 200, ("canary", "v1"): 210}
