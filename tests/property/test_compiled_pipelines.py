"""Laws of compiled pipelines: any steps in any order that scikit-learn fits, any data, the same answers."""

import warnings

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from originals import asked, compiled, held
from trivium.artifact.compiled import session_of

SCALERS = st.sampled_from(
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        MinMaxScaler(),
        MinMaxScaler(clip=True, feature_range=(-3, 5)),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False),
        "passthrough",
    ]
)
IMPUTERS = st.builds(
    SimpleImputer,
    strategy=st.sampled_from(["mean", "median", "most_frequent", "constant"]),
    add_indicator=st.booleans(),
    keep_empty_features=st.booleans(),
)
ONE_HOTS = st.builds(
    OneHotEncoder,
    handle_unknown=st.sampled_from(["error", "ignore", "infrequent_if_exist"]),
    drop=st.sampled_from([None, "first", "if_binary"]),
    min_frequency=st.sampled_from([None, 3]),
)
ORDINALS = st.one_of(
    st.builds(OrdinalEncoder, max_categories=st.sampled_from([None, 3])),
    st.builds(
        OrdinalEncoder,
        handle_unknown=st.just("use_encoded_value"),
        unknown_value=st.sampled_from([-1, np.nan]),
        encoded_missing_value=st.sampled_from([np.nan, -2]),
    ),
)
MODELS = st.sampled_from(
    [
        LogisticRegression(max_iter=30),
        SGDClassifier(loss="log_loss", random_state=0),
        DecisionTreeClassifier(random_state=0),
        Ridge(),
    ]
)


@st.composite
def pipelines(draw):
    """Numbers are filled and scaled in either order, categories encoded, the rest left out or passed through."""
    numbers = draw(st.permutations([draw(IMPUTERS), draw(SCALERS)]))
    coded = [draw(st.one_of(ONE_HOTS, ORDINALS))]
    if draw(st.booleans()):
        coded.insert(0, SimpleImputer(strategy="most_frequent"))
    split = ColumnTransformer(
        [("numbers", make_pipeline(*numbers), [0, 1]), ("codes", make_pipeline(*coded), [2, 3])],
        remainder=draw(st.sampled_from(["drop", "passthrough"])),
    )
    return make_pipeline(split, SimpleImputer(), draw(SCALERS), draw(MODELS))


@given(pipelines(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2]), st.sampled_from([2, 3]))
@settings(
    deadline=None,
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],  # shrinking a pipeline takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_any_pipeline(model, seed, holes, classes):
    """What it says and what it refuses are the same, on the data, on rows never seen and on probes."""
    draw = np.random.default_rng(seed)
    codes = draw.integers(0, (2, 9), (90, 2))
    rows = np.column_stack([draw.normal(size=(90, 2)) * 1e3, codes, draw.normal(size=90)])
    rows = np.where(draw.random(rows.shape) < holes, np.nan, rows)
    label = np.arange(90) % classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(rows, label)
        except ValueError:
            assume(False)  # a centred sparse matrix: scikit-learn itself refuses it
    found = held(model, rows)
    assert found.is_held and found.largest < 1e-11, found
    unseen = rows + draw.integers(-1, 2, rows.shape)
    said = session_of(compiled(model, 5)).predict(unseen)
    taken = np.isfinite(said.reshape(90, -1)).all(axis=1)
    if taken.any():
        want = asked(model)(unseen[taken])
        assert (np.abs(want - said[taken]) <= 1e-11 * np.maximum(1, np.abs(want))).all()
