"""LightGBM and XGBoost say the same compiled: to the last place, and to what single precision leaves of the link."""

import json

import lightgbm
import numpy as np
import pytest
import xgboost
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier

from originals import AMOUNT, COUNT, HOLED, IS_MUCH, LEVEL, WHOLE, asked, compiled, held
from trivium.artifact.compiled import NotCompiled, session_of
from trivium.artifact.compiling import compile_model

LIGHT = {"n_estimators": 8, "num_leaves": 7, "min_child_samples": 5, "verbose": -1, "n_jobs": 1, "random_state": 1}
EXTREME = {"n_estimators": 8, "max_depth": 4, "n_jobs": 1, "random_state": 1}
CODED = {"enable_categorical": True, "feature_types": ["q", "c", "c", "q", "q", "q"]}
POSITIVE = AMOUNT - AMOUNT.min() + 0.1
SHARE = POSITIVE / POSITIVE.max()
# Half of each column is 0.
SPARSE = np.where(np.median(WHOLE, axis=0) < WHOLE, WHOLE, 0.0)


def lightgbm_cases():
    def yes_no(**params):
        return LGBMClassifier(**{**LIGHT, **params})

    def amount(**params):
        return LGBMRegressor(**{**LIGHT, **params})

    coded = {"categorical_feature": [1, 2]}
    yield "numbers", yes_no(), WHOLE, IS_MUCH, {}
    yield "missing", yes_no(), HOLED, IS_MUCH, {}
    yield "missing is 0", yes_no(use_missing=False), HOLED, IS_MUCH, {}
    yield "0 is missing", yes_no(zero_as_missing=True), SPARSE, IS_MUCH, {}
    yield "0 is missing, categories", yes_no(zero_as_missing=True), SPARSE, IS_MUCH, coded
    yield "categories", yes_no(), HOLED, IS_MUCH, coded
    yield "categories, multiclass", yes_no(), HOLED, LEVEL, coded
    yield "one against the rest", yes_no(objective="multiclassova"), HOLED, LEVEL, {}
    yield "two of several", yes_no(objective="multiclass", num_class=2), HOLED, IS_MUCH, {}
    yield "steep", yes_no(sigmoid=2.5, is_unbalance=True), HOLED, IS_MUCH, {}
    yield "forest", yes_no(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5), HOLED, IS_MUCH, {}
    yield "forest, multiclass", yes_no(boosting_type="rf", bagging_freq=1, bagging_fraction=0.5), HOLED, LEVEL, {}
    yield "dropping trees", yes_no(boosting_type="dart", drop_rate=0.5), HOLED, IS_MUCH, {}
    yield "random splits", yes_no(extra_trees=True), HOLED, IS_MUCH, {}
    yield "no split at all", yes_no(min_child_samples=500), WHOLE, IS_MUCH, {}
    yield "regression", amount(), HOLED, AMOUNT * 1e7, {}
    yield "squares", amount(reg_sqrt=True), HOLED, AMOUNT, {}
    for loss in ("regression_l1", "huber", "fair", "quantile", "mape"):
        yield loss, amount(objective=loss), HOLED, AMOUNT, {}
    for loss in ("poisson", "gamma", "tweedie"):
        yield loss, amount(objective=loss), HOLED, POSITIVE, {}
    for loss in ("cross_entropy", "cross_entropy_lambda"):
        yield loss, amount(objective=loss), HOLED, SHARE, {}
    yield "ranking", LGBMRanker(**LIGHT), HOLED, LEVEL, {"group": [COUNT // 6] * 6}


def xgboost_cases():
    def yes_no(**params):
        return XGBClassifier(**{**EXTREME, **params})

    def amount(**params):
        return XGBRegressor(**{**EXTREME, **params})

    yield "numbers", yes_no(), WHOLE, IS_MUCH, {}
    yield "missing", yes_no(), HOLED, IS_MUCH, {}
    yield "exact splits", yes_no(tree_method="exact"), HOLED, IS_MUCH, {}
    yield "-1 is missing", yes_no(missing=-1, **CODED), np.nan_to_num(HOLED, nan=-1), IS_MUCH, {}
    yield "categories", yes_no(**CODED), HOLED, IS_MUCH, {}
    yield "categories one by one", yes_no(max_cat_to_onehot=500, **CODED), HOLED, IS_MUCH, {}
    yield "categories, multiclass", yes_no(**CODED), HOLED, LEVEL, {}
    yield "asked for classes", yes_no(objective="multi:softmax"), HOLED, LEVEL, {}
    yield "sums alone", yes_no(objective="binary:logitraw"), HOLED, IS_MUCH, {}
    yield "a first guess", yes_no(base_score=0.2), HOLED, IS_MUCH, {}
    yield "dropping trees", yes_no(booster="dart", rate_drop=0.5, one_drop=1), HOLED, IS_MUCH, {}
    yield "several trees a round", yes_no(num_parallel_tree=2), HOLED, LEVEL, {}
    yield "forest", XGBRFClassifier(**EXTREME), HOLED, IS_MUCH, {}
    yield "regression", amount(), HOLED, AMOUNT * 1e7, {}
    yield "long sums that cancel", amount(n_estimators=200), HOLED, AMOUNT * 1e7 + 1e9, {}
    for loss in ("reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror"):
        yield loss, amount(objective=loss), HOLED, POSITIVE, {}
    yield "quantile", amount(objective="reg:quantileerror", quantile_alpha=0.3), HOLED, AMOUNT, {}
    for loss in ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox"):
        yield loss, amount(objective=loss), HOLED, POSITIVE, {}
    yield "reg:logistic", amount(objective="reg:logistic"), HOLED, SHARE, {}
    yield "ranking", XGBRanker(**EXTREME), HOLED, LEVEL, {"qid": np.arange(COUNT) // 100}


LIGHTS = {name: rest for name, *rest in lightgbm_cases()}
EXTREMES = {name: rest for name, *rest in xgboost_cases()}


@pytest.mark.parametrize("name", LIGHTS)
def test_lightgbm_says_the_same_compiled(name):
    """On every row and probe, to the last places."""
    model, rows, label, how = LIGHTS[name]
    found = held(model.fit(rows, label, **how), rows)
    assert found.largest < 1e-14 and found.tolerance == 1e-9 and found.refused == 0
    assert found.rows == COUNT and found.probes > 200


@pytest.mark.parametrize("name", EXTREMES)
def test_xgboost_says_the_same_compiled(name):
    """Up to its link, which it computes in single precision."""
    model, rows, label, how = EXTREMES[name]
    found = held(model.fit(rows, label, **how), rows)
    assert found.largest < 2e-7 and found.tolerance == 1e-6 and found.refused == 0


@pytest.mark.parametrize("name", ["sums alone", "regression", "long sums that cancel", "quantile", "ranking"])
def test_sums_in_single_precision_are_the_same_bit_for_bit(name):
    """In whatever they cancel, since they are made in the same order."""
    model, rows, label, how = EXTREMES[name]
    assert held(model.fit(rows, label, **how), rows).largest == 0


def test_both_are_read_up_to_their_best_iteration():
    """As they answer themselves after stopping early; an XGBoost Booster answers with all it has."""
    kept, held_out = slice(0, 300), slice(300, None)
    light = LGBMClassifier(**{**LIGHT, "n_estimators": 200, "learning_rate": 0.5})
    light.fit(
        HOLED[kept],
        IS_MUCH[kept],
        eval_X=HOLED[held_out],
        eval_y=IS_MUCH[held_out],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )
    extreme = XGBClassifier(**{**EXTREME, "n_estimators": 200, "learning_rate": 0.9}, early_stopping_rounds=3)
    extreme.fit(HOLED[kept], IS_MUCH[kept], eval_set=[(HOLED[held_out], IS_MUCH[held_out])], verbose=False)
    assert light.best_iteration_ < 190 and extreme.best_iteration < 190
    booster = extreme.get_booster()
    assert booster.num_boosted_rounds() > extreme.best_iteration + 1
    for model in (light, extreme, booster):
        assert held(model, HOLED).is_held
    best, all_of_them = (session_of(compiled(model, 6)).predict(HOLED) for model in (extreme, booster))
    assert np.abs(best - all_of_them).max() > 1e-4


@pytest.mark.parametrize("label", [IS_MUCH, LEVEL, AMOUNT], ids=["binary", "multiclass", "regression"])
def test_boosters_of_the_native_interfaces(label):
    """They hold no classes: those of several targets are their places."""
    several = {"num_class": 3} if label is LEVEL else {}
    named = {3: ("multiclass", "multi:softprob"), 2: ("binary", "binary:logistic")}
    light, extreme = named.get(len(np.unique(label)), ("regression", "reg:squarederror"))
    params = {"objective": light, "verbose": -1, "num_threads": 1, **several}
    one = lightgbm.train(params, lightgbm.Dataset(HOLED, label), 5)
    params = {"objective": extreme, "nthread": 1, **several}
    other = xgboost.train(params, xgboost.DMatrix(HOLED, label), 5)
    for booster in (one, other):
        assert held(booster, HOLED).is_held
        assert compiled(booster, 6).classes == ((0, 1, 2) if several else None)


def test_thresholds_of_xgboost_are_single_numbers():
    """Ids that single precision can't tell apart are answered alike, as by the original; neighbours of a split differ."""
    ids = 2.0**24 + np.arange(64.0)
    model = XGBRegressor(**{**EXTREME, "n_estimators": 1, "learning_rate": 1.0, "max_depth": 8})
    model.fit(ids[:, None], np.arange(64) // 2 % 2)
    asked_of = np.sort(np.concatenate([ids, ids + 1e-7 * ids, np.nextafter(ids, np.inf), ids - 0.5]))[:, None]
    said = session_of(compiled(model, 1)).predict(asked_of)
    assert np.array_equal(said, model.predict(asked_of)) and len(np.unique(said)) > 1


@pytest.mark.parametrize(
    ("model", "label", "why"),
    [
        (LGBMClassifier(**LIGHT, linear_tree=True), IS_MUCH, "linear models"),
        (LGBMRegressor(**LIGHT, objective=lambda y, said: (said - y, np.ones_like(y))), AMOUNT, "the project's own"),
        (XGBClassifier(**EXTREME, objective="binary:hinge"), IS_MUCH, "binary:hinge"),
        (XGBRegressor(**EXTREME), np.column_stack([AMOUNT, AMOUNT]), "2 outputs"),
        (XGBRegressor(n_jobs=1, booster="gblinear", n_estimators=2), AMOUNT, "gblinear"),
    ],
    ids=["linear leaves", "own objective", "hinge", "two outputs", "linear"],
)
def test_what_has_no_compiled_form_says_why(model, label, why):
    """It is left alone, not guessed at."""
    found = compile_model(model.fit(WHOLE, label), [f"c{place}" for place in range(6)])
    assert isinstance(found, NotCompiled) and why in found.reason


def test_two_readings_of_one_model_are_one():
    """A model is told by its saved form: bytes for bytes the same from another process's copy."""
    model = XGBClassifier(**EXTREME, **CODED).fit(HOLED, IS_MUCH)
    copy = XGBClassifier()
    copy.load_model(bytearray(model.get_booster().save_raw("ubj")))
    assert compiled(copy, 6).body == compiled(model, 6).body
    saved = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    assert saved["feature_types"] == CODED["feature_types"]


def test_infinities_and_far_numbers_go_where_they_do_in_the_original():
    """They are numbers to both libraries."""
    far = np.array([[sign * size] * 6 for sign in (1, -1) for size in (np.inf, 1e300, 3.5e38, 2.0**70)])
    for model in (LGBMClassifier(**LIGHT), XGBClassifier(**EXTREME, **CODED)):
        said = session_of(compiled(model.fit(HOLED, IS_MUCH), 6)).predict(far)
        assert np.abs(said - asked(model)(far)).max() < 1e-6
