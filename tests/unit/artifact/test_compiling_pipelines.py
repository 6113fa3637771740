"""Linear models, and the steps before and after models, say the same compiled; also what they refuse is the same."""

import msgspec
import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR
from xgboost import XGBClassifier

from originals import AMOUNT, COUNT, HOLED, IS_MUCH, LEVEL, WHOLE, compiled, held
from trivium.artifact.compiled import Folded, NotCompiled, session_of
from trivium.artifact.compiling import compile_model

# The models need not be good, and one column is empty on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Skipping features")
POSITIVE = AMOUNT - AMOUNT.min()
MARKED = np.nan_to_num(HOLED, nan=-1)
EMPTY = np.where(np.arange(6) == 2, np.nan, HOLED)


def yes_no():
    return LogisticRegression(max_iter=50)


def one_hot(**params):
    return OneHotEncoder(**{"handle_unknown": "ignore", **params})


def ordinal(**params):
    return OrdinalEncoder(**{"handle_unknown": "use_encoded_value", "unknown_value": -1, **params})


def by_column(encoder, **params):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer([("numbers", numbers, [0, 3]), ("categories", encoder, [1, 2])], **params)


def folded_cases():
    yield "plain", yes_no(), WHOLE[:, :3], IS_MUCH
    yield "plain regression", LinearRegression(), WHOLE[:, :3], AMOUNT
    yield "scaled", make_pipeline(StandardScaler(), yes_no()), WHOLE, IS_MUCH
    yield "filled and scaled", make_pipeline(SimpleImputer(), StandardScaler(), yes_no()), HOLED, IS_MUCH
    yield "multinomial", make_pipeline(StandardScaler(), yes_no()), WHOLE, LEVEL
    constant = SimpleImputer(strategy="constant", fill_value=7)
    yield "between 0 and 1", make_pipeline(constant, MinMaxScaler(), yes_no()), HOLED, LEVEL
    yield "by the largest", make_pipeline(MaxAbsScaler(), Ridge()), WHOLE, AMOUNT
    yield "by quartiles", make_pipeline(RobustScaler(), Lasso(alpha=0.01)), WHOLE, AMOUNT * 1e7
    yield "spread alone", make_pipeline(StandardScaler(with_mean=False), SGDRegressor(random_state=1)), WHOLE, AMOUNT
    yield "counts", make_pipeline(StandardScaler(), PoissonRegressor()), WHOLE, POSITIVE
    yield "Tweedie's, straight", make_pipeline(StandardScaler(), TweedieRegressor(power=0)), WHOLE, AMOUNT
    yield "Tweedie's", make_pipeline(StandardScaler(), TweedieRegressor(power=1.5)), WHOLE, POSITIVE
    yield "support vectors", make_pipeline(StandardScaler(), LinearSVR(random_state=1)), WHOLE, AMOUNT
    descent = SGDClassifier(loss="log_loss", random_state=1)
    yield "gradient descent", make_pipeline(StandardScaler(), descent), WHOLE, IS_MUCH
    kept = SimpleImputer(keep_empty_features=True)
    yield "an empty column kept", make_pipeline(kept, StandardScaler(), yes_no()), EMPTY, IS_MUCH


def graph_cases():
    yield "filled after scaling", make_pipeline(StandardScaler(), SimpleImputer(), yes_no()), HOLED, IS_MUCH
    told = SimpleImputer(strategy="median", add_indicator=True)
    yield "told what was missing", make_pipeline(told, StandardScaler(), yes_no()), HOLED, IS_MUCH
    yield "told after scaling", make_pipeline(StandardScaler(), told, yes_no()), HOLED, IS_MUCH
    marked = SimpleImputer(missing_values=-1, strategy="most_frequent", add_indicator=True)
    yield "-1 is missing", make_pipeline(marked, RobustScaler(), yes_no()), MARKED, IS_MUCH
    yield "an empty column dropped", make_pipeline(SimpleImputer(), StandardScaler(), yes_no()), EMPTY, IS_MUCH
    clipped = MinMaxScaler(clip=True, feature_range=(-1, 2))
    yield "clipped", make_pipeline(clipped, yes_no()), WHOLE, IS_MUCH
    yield "one-hot", make_pipeline(by_column(one_hot()), yes_no()), HOLED, IS_MUCH
    yield "one-hot, multinomial", make_pipeline(by_column(one_hot(drop="first")), yes_no()), HOLED, LEVEL
    yield "one-hot, unknown refused", make_pipeline(by_column(OneHotEncoder()), yes_no()), WHOLE, IS_MUCH
    rare = one_hot(handle_unknown="infrequent_if_exist", min_frequency=5)
    yield "one-hot, rare ones together", make_pipeline(by_column(rare), yes_no()), HOLED, IS_MUCH
    few = one_hot(handle_unknown="infrequent_if_exist", max_categories=4, drop="if_binary")
    yield "one-hot, few", make_pipeline(by_column(few), ElasticNet(alpha=0.01)), HOLED, AMOUNT
    usual = make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot())
    yield "one-hot, filled first", make_pipeline(by_column(usual), yes_no()), HOLED, IS_MUCH
    weighed = by_column(one_hot(), transformer_weights={"categories": 0.5})
    yield "one-hot, weighed", make_pipeline(weighed, yes_no()), HOLED, IS_MUCH
    coded = by_column(ordinal(encoded_missing_value=-2), remainder="passthrough")
    yield "codes", make_pipeline(coded, SimpleImputer(), StandardScaler(), yes_no()), HOLED, IS_MUCH
    yield "codes, unknown missing", make_pipeline(by_column(ordinal(unknown_value=np.nan)), yes_no()), WHOLE, IS_MUCH
    yield "columns left out", make_pipeline(by_column("drop"), yes_no()), HOLED, IS_MUCH
    yield "side by side", make_pipeline(make_union(StandardScaler(), MaxAbsScaler()), yes_no()), WHOLE, IS_MUCH
    descent = SGDClassifier(loss="log_loss", random_state=1)
    yield "each against the rest", make_pipeline(StandardScaler(), descent), WHOLE, LEVEL


def tree_cases():
    forest = RandomForestClassifier(5, random_state=1)
    yield "codes, a forest", make_pipeline(by_column(ordinal()), forest), HOLED, IS_MUCH
    boosting = HistGradientBoostingClassifier(max_iter=5)
    yield "unknown codes refused", make_pipeline(by_column(OrdinalEncoder()), boosting), HOLED, IS_MUCH
    dense = by_column(one_hot(sparse_output=False))
    yield "one-hot, boosting", make_pipeline(dense, boosting), HOLED, LEVEL
    light = LGBMClassifier(n_estimators=4, n_jobs=1, verbose=-1)
    yield "codes, LightGBM", make_pipeline(by_column(ordinal(), verbose_feature_names_out=False), light), HOLED, IS_MUCH
    amount = GradientBoostingRegressor(n_estimators=5, random_state=1)
    yield "scaled, gradient boosting", make_pipeline(SimpleImputer(), StandardScaler(), amount), HOLED, AMOUNT


def calibrated_cases():
    support = LinearSVC(random_state=1)
    yield "support vectors", make_pipeline(StandardScaler(), CalibratedClassifierCV(support, cv=3)), WHOLE, IS_MUCH
    whole = make_pipeline(SimpleImputer(), StandardScaler(), support)
    yield "a pipeline", CalibratedClassifierCV(whole, cv=2), HOLED, IS_MUCH
    yield "a pipeline, multiclass", CalibratedClassifierCV(whole, cv=2), HOLED, LEVEL
    forest = RandomForestClassifier(4, random_state=1)
    yield "a forest", CalibratedClassifierCV(forest, cv=2), HOLED, IS_MUCH
    yield "a forest, multiclass", CalibratedClassifierCV(forest, cv=2), HOLED, LEVEL
    boosting = HistGradientBoostingClassifier(max_iter=4)
    yield "boosting, at once", CalibratedClassifierCV(boosting, cv=2, ensemble=False), HOLED, IS_MUCH
    exponential = GradientBoostingClassifier(n_estimators=4, loss="exponential", random_state=1)
    yield "gradient boosting", CalibratedClassifierCV(exponential, cv=2), WHOLE, IS_MUCH
    frozen = FrozenEstimator(RandomForestClassifier(4, random_state=1).fit(HOLED, IS_MUCH))
    yield "frozen", CalibratedClassifierCV(frozen), HOLED, IS_MUCH


FOLDED = {name: rest for name, *rest in folded_cases()}
OTHERS = {
    f"{group}: {name}": rest
    for group, cases in (("graph", graph_cases), ("trees", tree_cases), ("calibrated", calibrated_cases))
    for name, *rest in cases()
}


@pytest.mark.parametrize("name", FOLDED)
def test_what_is_linear_is_a_handful_of_numbers(name):
    """It says the same on every row and probe, and needs no graph for it."""
    model, rows, label = FOLDED[name]
    found = held(model.fit(rows, label), rows)
    assert found.largest < 1e-12 and found.rows == COUNT and found.refused > 0
    made = compiled(model, rows.shape[1])
    assert made.form == "linear"
    assert len(msgspec.json.decode(made.body, type=Folded).weights) == rows.shape[1]


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_more_is_a_graph(name):
    """Categories, what is told of missing values, trees behind steps, curves behind models."""
    model, rows, label = OTHERS[name]
    found = held(model.fit(rows, label), rows)
    assert found.largest < 1e-14 and found.rows == COUNT
    assert compiled(model, 6).form == "graph"


def test_xgboost_behind_steps():
    """Its tolerance comes along."""
    model = make_pipeline(SimpleImputer(), XGBClassifier(n_estimators=4, n_jobs=1)).fit(HOLED, LEVEL)
    found = held(model, HOLED)
    assert found.largest < 1e-7 and found.tolerance == 1e-6


def test_unknown_categories_by_hand():
    """An unknown one is no category where it is ignored, and no answer where it is refused; others keep theirs."""
    rows = np.array([[1.0], [2.0], [9.0], [1.5], [np.nan]])
    known = np.array([[1.0], [2.0], [1.0], [2.0]])
    ignoring = make_pipeline(one_hot(), LogisticRegression()).fit(known, [0, 1, 0, 1])
    said = session_of(compiled(ignoring, 1)).predict(rows)
    assert said[2] == said[3] == said[4] == pytest.approx(1 / (1 + np.exp(-ignoring[-1].intercept_[0])))
    assert said[0] < said[2] < said[1]
    refusing = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(known, [0, 1, 0, 1])
    assert np.isnan(session_of(compiled(refusing, 1)).predict(rows)).tolist() == [False, False, True, True, True]


def test_many_categories_stay_small():
    """A tree of choices for a linear model, not a column for each: no larger for three encoders' worth of zeros."""
    codes = np.arange(4000.0) % 2000
    model = make_pipeline(one_hot(), LogisticRegression(max_iter=5)).fit(codes[:, None], codes % 3 == 0)
    made = compiled(model, 1)
    assert len(made.body) < 500_000
    asked_of = np.array([[0.0], [1999.0], [2000.0], [0.5]])
    assert np.abs(session_of(made).predict(asked_of) - model.predict_proba(asked_of)[:, 1]).max() < 1e-15


def doubled(rows):
    return rows * 2


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (make_pipeline(FunctionTransformer(doubled), yes_no()), "code of the project's"),
        (make_pipeline(QuantileTransformer(n_quantiles=9), yes_no()), "the step sklearn.preprocessing"),
        (make_pipeline(StandardScaler(), one_hot(), yes_no()), "categories of numbers that it has scaled"),
        (make_pipeline(StandardScaler(), SGDClassifier()), "its loss is hinge"),
        (CalibratedClassifierCV(RandomForestClassifier(2), method="isotonic", cv=2), "the method isotonic"),
        (CalibratedClassifierCV(SVC(), cv=2), "sklearn.svm._classes.SVC"),
    ],
    ids=["own code", "quantiles", "scaled categories", "hinge", "isotonic", "kernel"],
)
def test_what_has_no_compiled_form_says_why(model, why):
    """It is left alone, not guessed at."""
    rows = WHOLE[:, :3]
    found = compile_model(model.fit(rows, IS_MUCH), ["a", "b", "c"])
    assert isinstance(found, NotCompiled) and why in found.reason
