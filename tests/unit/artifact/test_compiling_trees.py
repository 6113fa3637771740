"""Every kind of tree ensemble says the same compiled, on data and on what data seldom holds."""

import msgspec
import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from originals import AMOUNT, COUNT, HOLED, IS_MUCH, LEVEL, WHOLE, asked, compiled, held
from trivium.artifact.compiled import NotCompiled, session_of
from trivium.artifact.compiling import compile_model
from trivium.artifact.single_precision import BEYOND_FLOAT32, at_single_precision

BOOSTING = {"max_iter": 12, "random_state": 1}
CASES = {
    "boosting": (HistGradientBoostingClassifier(**BOOSTING), WHOLE, IS_MUCH),
    "boosting, missing": (HistGradientBoostingClassifier(**BOOSTING), HOLED, IS_MUCH),
    "boosting, categories": (HistGradientBoostingClassifier(categorical_features=[1, 2], **BOOSTING), HOLED, IS_MUCH),
    "boosting, categories after numbers": (
        HistGradientBoostingRegressor(categorical_features=[2], **BOOSTING),
        HOLED[:, [0, 3, 1, 2]],
        AMOUNT,
    ),
    "boosting, odd categories": (
        HistGradientBoostingClassifier(categorical_features=[1], **BOOSTING),
        np.column_stack([WHOLE[:, 0], WHOLE[:, 1] * 1e12 - 0.5]),
        IS_MUCH,
    ),
    "boosting, multiclass": (HistGradientBoostingClassifier(categorical_features=[1], **BOOSTING), HOLED, LEVEL),
    "boosting, regression": (HistGradientBoostingRegressor(**BOOSTING), HOLED, AMOUNT * 1e7),
    "boosting, poisson": (HistGradientBoostingRegressor(loss="poisson", **BOOSTING), HOLED, AMOUNT - AMOUNT.min()),
    "boosting, gamma": (HistGradientBoostingRegressor(loss="gamma", **BOOSTING), WHOLE, AMOUNT - AMOUNT.min() + 1),
    "boosting, quantile": (HistGradientBoostingRegressor(loss="quantile", quantile=0.8, **BOOSTING), WHOLE, AMOUNT),
    "boosting, constant trees": (HistGradientBoostingClassifier(min_samples_leaf=500, **BOOSTING), WHOLE, IS_MUCH),
    "boosting, one tree": (HistGradientBoostingClassifier(max_iter=1), WHOLE, IS_MUCH),
    "gradient boosting": (GradientBoostingClassifier(n_estimators=10, random_state=1), WHOLE, IS_MUCH),
    "gradient boosting, exponential": (
        GradientBoostingClassifier(n_estimators=5, loss="exponential", random_state=1),
        WHOLE,
        IS_MUCH,
    ),
    "gradient boosting, from zero": (GradientBoostingClassifier(n_estimators=5, init="zero"), WHOLE, IS_MUCH),
    "gradient boosting, multiclass": (GradientBoostingClassifier(n_estimators=5, random_state=1), WHOLE, LEVEL),
    "gradient boosting, regression": (GradientBoostingRegressor(n_estimators=10, loss="huber"), WHOLE, AMOUNT),
    "forest": (RandomForestClassifier(8, random_state=1), WHOLE, IS_MUCH),
    "forest, missing": (RandomForestClassifier(8, random_state=1), HOLED, IS_MUCH),
    "forest, multiclass": (RandomForestClassifier(5, random_state=1), HOLED, LEVEL),
    "forest, regression": (RandomForestRegressor(8, random_state=1), WHOLE, AMOUNT),
    "extra trees": (ExtraTreesClassifier(8, random_state=1), WHOLE, IS_MUCH),
    "extra trees, multiclass": (ExtraTreesClassifier(5, random_state=1), WHOLE, LEVEL),
    "extra trees, regression": (ExtraTreesRegressor(8, random_state=1), WHOLE, AMOUNT),
    "a tree": (DecisionTreeClassifier(random_state=1), HOLED, IS_MUCH),
    "a tree, multiclass": (DecisionTreeClassifier(random_state=1), WHOLE, LEVEL),
    "a tree, regression": (DecisionTreeRegressor(random_state=1), WHOLE, AMOUNT),
    "a random tree": (ExtraTreeClassifier(random_state=1), WHOLE, IS_MUCH),
}


@pytest.mark.parametrize("name", CASES)
def test_it_says_the_same_compiled(name):
    """On every row and probe; what the original refuses, the compiled one refuses."""
    model, rows, label = CASES[name]
    found = held(model.fit(rows, label), rows)
    assert found.largest < 1e-14 and found.is_held
    assert found.rows == COUNT and found.probes > 200


def test_a_forest_refuses_infinities_and_boosting_takes_them():
    """A refused row is NaN, and the others keep their answers."""
    rows = WHOLE[:4].copy()
    rows[2, 0] = np.inf
    forest = session_of(compiled(RandomForestClassifier(3).fit(WHOLE, IS_MUCH), 6)).predict(rows)
    assert np.isnan(forest).tolist() == [False, False, True, False]
    boosting = session_of(compiled(HistGradientBoostingClassifier(max_iter=3).fit(WHOLE, IS_MUCH), 6)).predict(rows)
    assert np.isfinite(boosting).all()


def test_ids_beyond_single_precision_are_told_apart():
    """Two rows that differ in the last of 15 digits come to different leaves, as they do in the original."""
    ids = 123_456_789_012_345.0 + np.arange(400)
    model = HistGradientBoostingRegressor(max_iter=1, learning_rate=1.0, min_samples_leaf=1, max_leaf_nodes=None)
    model.fit(ids[:, None], np.arange(400) % 2)
    said = session_of(compiled(model, 1)).predict(ids[:, None])
    assert np.array_equal(said, model.predict(ids[:, None]))
    assert len(np.unique(ids.astype(np.float32))) < 40 < len(np.unique(said[:100].round(3))) * 40


def test_one_row_alone_is_answered_as_in_a_batch():
    """Up to the last place of the exponential."""
    model, rows, label = CASES["boosting, categories"]
    session = session_of(compiled(model.fit(rows, label), 6))
    alone = np.concatenate([session.predict(rows[place : place + 1]) for place in range(60)])
    assert np.abs(alone - session.predict(rows[:60])).max() < 1e-15


def test_no_rows_get_no_answers():
    """An empty batch is no fault."""
    assert session_of(compiled(RandomForestClassifier(3).fit(WHOLE, IS_MUCH), 6)).predict(WHOLE[:0]).shape == (0,)


def test_classes_come_along_in_the_models_order():
    """Names, numbers and truth values."""
    assert compiled(DecisionTreeClassifier().fit(WHOLE, IS_MUCH), 6).classes == (False, True)
    named = DecisionTreeClassifier().fit(WHOLE, np.array(["low", "mid", "high"])[LEVEL])
    assert compiled(named, 6).classes == ("high", "low", "mid")
    assert session_of(compiled(named, 6)).predict(WHOLE[:2]).shape == (2, 3)


def test_the_same_model_gives_the_same_bytes():
    """Whichever object holds it."""
    one, two = (compiled(RandomForestClassifier(3, random_state=1).fit(WHOLE, IS_MUCH), 6) for _ in range(2))
    assert msgspec.msgpack.encode(one) == msgspec.msgpack.encode(two)


class Contrary(DecisionTreeClassifier):
    """A subclass of the project's that answers otherwise."""

    def predict_proba(self, rows):
        return super().predict_proba(rows)[:, ::-1]


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Contrary(), "Contrary"),
        (GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()), "first guess is a LogisticRegression"),
        (DecisionTreeRegressor(), "2 outputs"),
        (DecisionTreeClassifier(), "classes"),
    ],
    ids=["a subclass", "a learned first guess", "two outputs", "one class"],
)
def test_what_has_no_compiled_form_says_why(model, why):
    """It is left alone, not guessed at."""
    label = {"2 outputs": np.column_stack([AMOUNT, AMOUNT]), "classes": np.ones(COUNT, dtype=bool)}.get(why, IS_MUCH)
    found = compile_model(model.fit(WHOLE, label), [f"c{place}" for place in range(6)])
    assert isinstance(found, NotCompiled) and why in found.reason


def test_thresholds_by_hand():
    """From 2**24 on single precision holds every second number only; ties go to the even one."""
    at = np.array([2.0**24, 2.0**24 + 1, 2.0**24 + 2, 0.0, -np.inf, np.inf])
    moved = at_single_precision(at)
    # 2**24 + 1 is half way and rounds down to 2**24, 2**24 + 3 is half way and rounds up to 2**24 + 4.
    assert moved[0] == moved[1] == 2.0**24 + 1
    assert moved[2] == np.nextafter(2.0**24 + 3, 0)
    assert moved[3] == 2.0**-150  # half of the smallest single number
    assert moved[4] == -BEYOND_FLOAT32 and moved[5] == np.inf


def test_it_can_be_asked_what_the_original_refuses():
    """Missing values, for gradient boosting."""
    model = GradientBoostingClassifier(n_estimators=2).fit(WHOLE, IS_MUCH)
    found = held(model, WHOLE)
    assert found.refused > 0 and found.is_held
    assert asked(model)(WHOLE[:2]).shape == (2,)
