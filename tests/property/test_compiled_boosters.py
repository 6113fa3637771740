"""Laws of compiled boosters: any settings, any data, the same answers."""

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lightgbm import LGBMClassifier, LGBMRegressor
from xgboost import XGBClassifier, XGBRegressor

from originals import held

RANDOM_MODELS = settings(
    deadline=None,
    max_examples=12,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # a failing model of this size is read as it is: shrinking one takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def data(draw):
    """Rows of any scale, rounded so that values repeat, with holes, and a column of categories; and labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    width, places = draw(st.integers(1, 4)), draw(st.integers(0, 8))
    scale, shift = draw(st.sampled_from([1.0, 1e-6, 1e6, 1e12])), draw(st.sampled_from([0.0, 1.7e9, -1e15]))
    numbers = np.round(rng.normal(size=(120, width)), places) * scale + shift
    rows = np.column_stack([rng.integers(0, draw(st.sampled_from([2, 9, 200])), 120), numbers])
    rows[rng.random(rows.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    classes = draw(st.integers(2, 4))
    return rows, np.arange(120) % classes, rng.normal(size=120) * scale


@given(
    data(),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "num_leaves": st.integers(2, 31),
            "min_child_samples": st.integers(1, 30),
            "learning_rate": st.sampled_from([0.03, 0.3, 1.0]),
            "max_bin": st.sampled_from([3, 63, 255]),
            "boosting_type": st.sampled_from(["gbdt", "dart"]),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "extra_trees": st.booleans(),
            "cat_smooth": st.sampled_from([0.0, 10.0]),
            "reg_lambda": st.sampled_from([0.0, 1.0, 10.0]),
        }
    ),
)
@RANDOM_MODELS
def test_any_lightgbm(drawn, is_coded, params):
    """Whether 0 or nothing is missing, whether its first column holds numbers or categories."""
    rows, label, amount = drawn
    how = {"categorical_feature": [0]} if is_coded else {}
    fixed = {"n_estimators": 4, "verbose": -1, "n_jobs": 1, "random_state": 0}
    for kind, target in ((LGBMClassifier, label), (LGBMRegressor, amount)):
        found = held(kind(**fixed, **params).fit(rows, target, **how), rows)
        assert found.largest < 1e-12, found


@given(
    data(),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "max_depth": st.integers(1, 8),
            "min_child_weight": st.sampled_from([0.0, 1.0, 5.0]),
            "learning_rate": st.sampled_from([0.03, 0.3, 1.0]),
            "tree_method": st.sampled_from(["hist", "approx"]),
            "grow_policy": st.sampled_from(["depthwise", "lossguide"]),
            "max_cat_to_onehot": st.sampled_from([1, 300]),
            "num_parallel_tree": st.integers(1, 2),
            "missing": st.sampled_from([np.nan, -1.0, 0.0]),
            "reg_lambda": st.sampled_from([0.0, 1.0, 10.0]),
        }
    ),
)
@RANDOM_MODELS
def test_any_xgboost(drawn, is_coded, params):
    """Whatever number means missing, whether its first column holds numbers or categories.

    Not of DART, which rounds the sums once more than its trees tell: where they cancel it misses the tolerance by a bit,
    and is then kept as it was.
    """
    rows, label, amount = drawn
    kinds = ["c" if is_coded else "q", *"q" * (rows.shape[1] - 1)]
    fixed = {"n_estimators": 4, "n_jobs": 1, "random_state": 0, "enable_categorical": True, "feature_types": kinds}
    for kind, target in ((XGBClassifier, label), (XGBRegressor, amount)):
        found = held(kind(**fixed, **params).fit(rows, target), rows)
        assert found.is_held, found
