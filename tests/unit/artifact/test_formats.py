"""Artifacts come back equal, have the same bytes for the same model, and run nothing on the way."""

import pickle

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from trivium.artifact.formats import MAGIC, dump, load
from trivium.core.problems import StepError
from trivium.core.values import sha256

RNG = np.random.default_rng(1)
X = np.column_stack([RNG.integers(0, 4, 400), RNG.random((400, 3))]).astype(float)
Y = (X[:, 1] + RNG.random(400) > 1).astype(int)
MAKERS = {
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=20, random_state=1),
    "categories": lambda: HistGradientBoostingClassifier(max_iter=5, categorical_features=[0], random_state=1),
    "poisson": lambda: HistGradientBoostingRegressor(loss="poisson", max_iter=5, random_state=1),
    "pipeline": lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    "forest": lambda: RandomForestClassifier(5, random_state=1),
    "lightgbm": lambda: LGBMClassifier(n_estimators=5, linear_tree=True, n_jobs=1, random_state=1, verbose=-1),
    "xgboost": lambda: XGBClassifier(n_estimators=5, n_jobs=1, random_state=1),
}


class Own:
    """A type of the project's."""


@pytest.mark.parametrize("name", MAKERS)
def test_a_model_comes_back_equal_with_the_same_bytes(name):
    """Training twice and dumping twice give one digest."""
    model, again = MAKERS[name]().fit(X, Y), MAKERS[name]().fit(X, Y)
    content = dump(model)
    back = load(content)
    ask = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    assert np.array_equal(getattr(back, ask)(X), getattr(model, ask)(X))
    assert content == dump(model) == dump(again)
    assert content.startswith(MAGIC + b"skops\n")


def test_a_type_off_the_list_is_refused_and_named():
    """Unless pickle is allowed; then loading asks again."""
    with pytest.raises(StepError, match="TV-ART-001") as caught:
        dump({"model": Own()})
    assert "Own" in caught.value.problems[0].seen
    content = dump({"model": Own()}, allow_pickle=True)
    assert content.startswith(MAGIC + b"pickle\n")
    with pytest.raises(StepError, match="TV-ART-003"):
        load(content)
    assert isinstance(load(content, allow_pickle=True)["model"], Own)


def test_what_no_format_can_write_is_a_problem_too():
    """A function without a name is no part of a model, pickle or not."""
    with pytest.raises(StepError, match="TV-ART-001"):
        dump({"f": lambda x: x})
    with pytest.raises(StepError, match="TV-ART-001"):
        dump({"f": lambda x: x}, allow_pickle=True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: b"PK\3\4",
        lambda content: content[:-1],
        lambda content: content[:-9] + b"x" + content[-8:],
        lambda content: content.replace(b"skops", b"gizmo", 1),
    ],
)
def test_damage_is_found_before_any_parser_reads_it(spoil):
    """Cut, changed, foreign or empty: the same problem."""
    with pytest.raises(StepError, match="TV-ART-002"):
        load(spoil(dump([1.0, 2.0])))


def test_a_body_that_does_not_parse_is_no_artifact():
    """Even with a digest that fits."""
    with pytest.raises(StepError, match="TV-ART-002"):
        load(MAGIC + b"skops\n" + sha256(b"junk").encode() + b"\njunk")


def test_a_forged_archive_of_foreign_types_is_refused():
    """The list is asked at load as well, whoever wrote the bytes."""
    import skops.io

    body = skops.io.dumps({"model": Own()})
    with pytest.raises(StepError, match="TV-ART-001"):
        load(MAGIC + b"skops\n" + sha256(body).encode() + b"\n" + body)


def test_a_pickle_under_the_skops_name_is_not_unpickled():
    """The header does not talk the loader into running code."""
    body = pickle.dumps([1])
    with pytest.raises(StepError, match="TV-ART-002"):
        load(MAGIC + b"skops\n" + sha256(body).encode() + b"\n" + body, allow_pickle=True)
