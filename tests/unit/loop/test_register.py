"""A version is compiled where it is registered, answers as it was fitted, and loads without what it was fitted with."""

import subprocess
import sys

import msgspec
import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import small_project
from trivium.core.problems import StepError
from trivium.loop.bodies import body_of, loaded, predictor
from trivium.loop.collect import collect
from trivium.loop.cost import cost_of
from trivium.loop.lineage import version_story
from trivium.loop.register import register
from trivium.loop.sources import FileSource
from trivium.loop.try_idea import try_idea
from trivium.loop.workspace import Workspace

BOOSTING = """
    from sklearn.ensemble import HistGradientBoostingClassifier
    return HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(features.to_numpy(), label.to_numpy())
"""
PIPELINE = small_project.PIPELINE.replace("from sklearn", "# from sklearn")
PIPELINE = (
    PIPELINE[: PIPELINE.index("    made = make_pipeline")] + BOOSTING + PIPELINE[PIPELINE.index("\n\n@tv.heur") :]
)
DRAW = np.random.default_rng(0)
FEATURES = pl.DataFrame(
    {"age": DRAW.integers(0, 90, 300), "distance": DRAW.random(300), "is_far": DRAW.random(300) < 0.5}
)
LABEL = DRAW.random(300) < 0.3
NO_COMPILE = small_project.PROJECT.replace('code = "pipeline.py"', 'code = "pipeline.py"\ncompile = false')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project whose model, boosted trees, was tried once."""
    made = small_project.make(tmp_path_factory.mktemp("one"), days=12, pipeline=PIPELINE)
    ws = Workspace(made)
    for table in ws.project.tables:
        collect(ws, table, source=FileSource(made, ws.project))
    assert try_idea(ws, name="first", because="a test").version == "v1"
    return made


def fitted(kind):
    return kind.fit(FEATURES.to_numpy(), LABEL)


def test_a_version_says_what_answers_and_how_near_it_is(folder):
    """Its form, its columns and its parity, on the rows of the holdout and on probes."""
    ws = Workspace(folder)
    ws.refresh()
    story = version_story(ws, "v1")
    assert story["form"] == "trees" and story["not_compiled"] == ""
    assert list(story["columns"]) == ["age", "distance", "north", "rain"]
    assert story["parity"]["largest"] < 1e-15 and story["parity"]["rows"] > 100 and story["parity"]["probes"] > 100
    assert story["original"] != story["artifact"]


def test_the_compiled_body_answers_as_the_original(folder):
    """From a frame and from a matrix; the original is read from its own blob."""
    ws = Workspace(folder)
    ws.refresh()
    from trivium.artifact.formats import load

    body, version = body_of(ws, "v1"), ws.state.versions.get("v1")
    rows = DRAW.random((50, 4)) * 50
    frame = pl.DataFrame(rows, schema=list(body.columns))
    want = predictor(load(ws.blobs.get(version.original)), ws.project)(frame)
    assert body.is_compiled
    assert np.abs(body.predict(frame) - want).max() < 1e-15
    assert np.array_equal(body.predict(frame), body.predict_rows(rows))


def test_features_in_another_order_are_refused(folder):
    """Rather than answered from the wrong columns."""
    ws = Workspace(folder)
    ws.refresh()
    body = body_of(ws, "v1")
    frame = pl.DataFrame(DRAW.random((5, 4)), schema=list(reversed(body.columns)))
    with pytest.raises(StepError, match=r"TV-RUN-017(.|\n)*trained on 'age', 'distance'"):
        body.predict(frame)


def test_a_compiled_version_loads_without_what_it_was_fitted_with(folder):
    """Neither scikit-learn nor pandas nor skops comes into the process that answers with it."""
    code = f"""
import sys
from pathlib import Path
import numpy as np
from trivium.loop.bodies import body_of
from trivium.loop.workspace import Workspace
ws = Workspace(Path({str(folder)!r}))
ws.refresh()
assert 0 < body_of(ws, "v1").predict_rows(np.zeros((1, 4)))[0] < 1
print(sorted({{name.partition(".")[0] for name in sys.modules}} & {{"sklearn", "pandas", "skops", "scipy", "onnx"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_its_cost_is_measured_on_the_projects_own_rows(folder):
    """One row and 1,000, each with a number of its own."""
    ws = Workspace(folder)
    ws.refresh()
    ticks = iter(range(10_000))
    cost = cost_of(ws, "v1", timer=lambda: next(ticks) * 0.001)
    assert cost == {"one_row_us": 1000.0, "thousand_rows_us": 1000.0}


@pytest.mark.parametrize(
    ("project", "model", "why"),
    [
        (
            small_project.PROJECT,
            SGDClassifier(loss="modified_huber", random_state=0),
            "its loss is modified_huber",
        ),
        (NO_COMPILE, HistGradientBoostingClassifier(max_iter=2), "model.compile is false"),
    ],
    ids=["no form for it", "not wanted"],
)
def test_what_is_not_compiled_is_kept_as_it_was_and_says_why(tmp_path, project, model, why):
    """It answers from rows all the same."""
    ws = Workspace(small_project.make(tmp_path, days=1, project=project))
    kept = register(ws, fitted(model), FEATURES)
    assert kept["form"] == "skops" and kept["artifact"] == kept["original"] and kept["parity"] is None
    assert why in kept["not_compiled"]
    content = ws.blobs.get(kept["artifact"])
    body = loaded(ws, content, ref="v1", code=ws.code, params=ws.code.params(), columns=kept["columns"])
    assert not body.is_compiled
    assert np.array_equal(body.predict_rows(FEATURES.cast(float).to_numpy()), body.predict(FEATURES))
    assert np.array_equal(body.predict(FEATURES), model.predict_proba(FEATURES.to_numpy())[:, 1])


def test_one_that_differs_from_its_original_is_not_used(tmp_path, monkeypatch):
    """The gate tells by how much."""
    from trivium.artifact import compiling

    honest = compiling.graph_of

    def shifted(model, columns):
        from dataclasses import replace

        return honest(replace(model, scale=1.0 + 1e-6), columns)

    monkeypatch.setattr(compiling, "graph_of", shifted)
    ws = Workspace(small_project.make(tmp_path, days=1))
    kept = register(ws, fitted(HistGradientBoostingClassifier(max_iter=20)), FEATURES)
    assert kept["form"] == "skops" and "more than 1e-09" in kept["not_compiled"]
    assert 1e-9 < kept["parity"]["largest"] < 1e-5


def test_a_model_of_many_classes_is_kept_as_it_was(tmp_path):
    """Answers are one number a row."""
    ws = Workspace(small_project.make(tmp_path, days=1))
    model = HistGradientBoostingClassifier(max_iter=2).fit(FEATURES.to_numpy(), DRAW.integers(0, 3, 300))
    assert "3 classes" in register(ws, model, FEATURES)["not_compiled"]


def test_a_model_fitted_on_a_frame_is_asked_with_one(tmp_path):
    """With the names that it was fitted on, and without a warning that it had none."""
    ws = Workspace(small_project.make(tmp_path, days=1))
    model = HistGradientBoostingClassifier(max_iter=2).fit(FEATURES.cast(float), LABEL)
    assert list(model.feature_names_in_) == FEATURES.columns
    assert register(ws, model, FEATURES)["form"] == "trees"


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "an XGBoost Booster"])
def test_boosters_are_compiled_and_their_originals_kept(tmp_path, kind):
    """Fitted on a matrix, as their interfaces take it; a Booster is asked through what takes one."""
    import lightgbm
    import xgboost

    ws = Workspace(small_project.make(tmp_path, days=1))
    rows = FEATURES.cast(float).to_numpy()
    if kind == "lightgbm":
        model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(rows, LABEL)
    elif kind == "xgboost":
        model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(rows, LABEL)
    else:
        model = xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(rows, LABEL), 3)
    kept = register(ws, model, FEATURES)
    assert kept["form"] == "trees" and kept["not_compiled"] == "", kept
    assert kept["parity"]["tolerance"] == (1e-9 if kind == "lightgbm" else 1e-6)
    from trivium.artifact.formats import load

    original = load(ws.blobs.get(kept["original"]))
    assert np.array_equal(predictor(original, ws.project)(FEATURES), predictor(model, ws.project)(FEATURES))


def test_a_graph_that_does_not_load_here_is_not_used(tmp_path, monkeypatch):
    """An older onnxruntime may lack an operation: the model is kept as it was."""
    from trivium.artifact import compiling

    honest = compiling.graph_of

    def broken(model, columns):
        return msgspec.structs.replace(honest(model, columns), body=b"no graph")

    monkeypatch.setattr(compiling, "graph_of", broken)
    ws = Workspace(small_project.make(tmp_path, days=1))
    kept = register(ws, fitted(HistGradientBoostingClassifier(max_iter=2)), FEATURES)
    assert kept["form"] == "skops" and "onnxruntime refuses its graph" in kept["not_compiled"]


def own_graph(outputs, *, rows="rows"):
    """The ONNX of a project's own: the sums of three features, in single precision."""
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.linspace(-1, 1, 3 * outputs, dtype=np.float32).reshape(3, outputs), "W")
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "W"], ["S"]), helper.make_node("Sigmoid", ["S"], ["Y"])],
        "own",
        [shape("X", TensorProto.FLOAT, [rows, 3])],
        [shape("Y", TensorProto.FLOAT, [rows, outputs])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_a_ready_onnx_file_is_kept_as_it_is(tmp_path):
    """Though models are kept as they were fitted: it is what it was. It answers as it would by itself."""
    import onnxruntime

    ws = Workspace(small_project.make(tmp_path, days=1, project=NO_COMPILE))
    model = own_graph(1)
    kept = register(ws, model, FEATURES)
    assert kept["form"] == "onnx" and kept["artifact"] == kept["original"] and kept["not_compiled"] == ""
    content = ws.blobs.get(kept["artifact"])
    body = loaded(ws, content, ref="v1", code=ws.code, params=ws.code.params(), columns=kept["columns"])
    rows = FEATURES.cast(pl.Float32).to_numpy()
    alone = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert body.is_compiled
    assert np.array_equal(body.predict(FEATURES), alone.run(None, {"X": rows})[0][:, 0])


@pytest.mark.parametrize(
    ("model", "why"), [(own_graph(3), r"shape \(300, 3\)"), (own_graph(1, rows=1), "raised")], ids=["three", "one row"]
)
def test_an_onnx_file_that_does_not_answer_the_rows_is_refused(tmp_path, model, why):
    """It says three numbers a row, or takes one row at a time."""
    ws = Workspace(small_project.make(tmp_path, days=1))
    with pytest.raises(StepError, match=rf"TV-ART-005(.|\n)*{why}"):
        register(ws, model, FEATURES)


def test_a_pipeline_over_named_columns_is_compiled(tmp_path):
    """Fitted on a frame of whole numbers, fractions and truth values, whose columns it takes by name."""
    ws = Workspace(small_project.make(tmp_path, days=1))
    codes = OneHotEncoder(handle_unknown="ignore")
    split = ColumnTransformer(
        [("numbers", StandardScaler(), ["distance"]), ("codes", codes, ["age"])], remainder="passthrough"
    )
    kept = register(ws, make_pipeline(split, LogisticRegression()).fit(FEATURES, LABEL), FEATURES)
    assert kept["form"] == "graph" and kept["not_compiled"] == "" and kept["parity"]["largest"] < 1e-14


@pytest.mark.parametrize(
    ("model", "form"),
    [
        (LogisticRegression(), "linear"),
        (make_pipeline(MinMaxScaler(clip=True), LogisticRegression()), "graph"),
        (SGDClassifier(loss="modified_huber", random_state=0), "skops"),
    ],
    ids=["linear", "graph", "skops"],
)
def test_every_form_has_its_cost(folder, model, form):
    """Of one row and of 1,000, compiled or not."""
    ws = Workspace(folder)
    ws.refresh()
    columns = list(body_of(ws, "v1").columns)
    rows = pl.DataFrame(DRAW.random((200, 4)), schema=columns)
    kept = register(ws, model.fit(rows.to_numpy(), DRAW.random(200) < 0.4), rows)
    assert kept["form"] == form
    content = ws.blobs.get(kept["artifact"])
    ws.cache["body/other"] = loaded(
        ws, content, ref="other", code=ws.code, params=ws.code.params(), columns=kept["columns"]
    )
    ticks = iter(range(10_000))
    cost = cost_of(ws, "other", timer=lambda: next(ticks) * 0.001)
    assert cost == {"one_row_us": 1000.0, "thousand_rows_us": 1000.0}
