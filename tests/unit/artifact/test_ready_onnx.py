"""A ready ONNX file is kept byte for byte, if it keeps to itself; otherwise it is refused before it runs."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from trivium.artifact import ready_onnx
from trivium.artifact.compiled import session_of
from trivium.artifact.formats import dump, load
from trivium.artifact.ready_onnx import checked, is_onnx
from trivium.core.problems import StepError

COLUMNS = ("a", "b", "c")
WEIGHTS = np.array([[1.0, -2.0], [0.5, 0.25], [0.0, 3.0]])


def linear(*, outputs=1, kind=TensorProto.FLOAT, width=3, op="MatMul", domain="", more=()):
    """A graph of one operation over (rows, width)."""
    weights = WEIGHTS[:, :outputs].astype(helper.tensor_dtype_to_np_dtype(kind))
    nodes = [helper.make_node(op, ["X", "W"], ["Y"], domain=domain), *more]
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("X", kind, ["rows", width])],
        [helper.make_tensor_value_info("Y", kind, ["rows", outputs])],
        [numpy_helper.from_array(weights, "W")],
    )
    opsets = [helper.make_opsetid("", 21), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.DOUBLE], ids=["single", "double"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_it_is_asked_as_it_wants_to_be(kind, outputs):
    """In its own precision; of two columns the second is the answer."""
    rows = np.array([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3], [1e300, 0, 0]])
    model = linear(kind=kind, outputs=outputs)
    made = load(dump(checked(model, COLUMNS)))
    assert made.form == "onnx" and made.body == model.SerializeToString(deterministic=True)
    single = helper.tensor_dtype_to_np_dtype(kind)
    with np.errstate(over="ignore", invalid="ignore"):
        want = (rows.astype(single) @ WEIGHTS[:, :outputs].astype(single))[:, -1]
    said = session_of(made).predict(rows)
    assert said.dtype == np.float64 and np.allclose(said[:2], want[:2], rtol=1e-6)
    assert np.isfinite(said[2]) == (kind == TensorProto.DOUBLE)


def test_the_bytes_of_a_file_do_as_well():
    """They are kept as they are."""
    content = linear().SerializeToString()
    assert is_onnx(content) and is_onnx(linear()) and not is_onnx(object())
    assert checked(content, COLUMNS).body == content


def external(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model


def branching(inner_domain):
    """A branch whose inside asks for an operator."""
    inner = helper.make_graph(
        [helper.make_node("Spy", [], ["Z"], domain=inner_domain)],
        "inside",
        [],
        [helper.make_tensor_value_info("Z", TensorProto.FLOAT, [1])],
    )
    yes = helper.make_node("Constant", [], ["yes"], value=helper.make_tensor("", TensorProto.BOOL, [], [True]))
    branch = helper.make_node("If", ["yes"], ["Q"], then_branch=inner, else_branch=inner)
    return linear(more=[yes, branch])


def spying():
    """A constant within the graph that is kept in a file."""
    value = helper.make_tensor("secret", TensorProto.FLOAT, [1], [1.0])
    value.data_location = TensorProto.EXTERNAL
    value.external_data.add(key="location", value="../secret")
    return linear(more=[helper.make_node("Constant", [], ["Q"], value=value)])


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (b"junk", "no valid ONNX"),
        (linear().SerializeToString()[:-20], "(no valid ONNX|TV-ART-002)"),
        (linear(op="Spy", domain="com.evil"), "com.evil"),
        (linear(op="FusedMatMul", domain="com.microsoft"), "com.microsoft"),
        (external(linear()), "tensors in other files"),
        (spying(), "tensors in other files"),
        (branching("com.evil"), "com.evil"),
        (linear(width=4), "(4 columns|TV-ART-002)"),
        (linear(kind=TensorProto.INT64), "one matrix of numbers"),
    ],
    ids=["junk", "cut", "custom", "vendor's", "weights outside", "a constant outside", "inside", "width", "integers"],
)
def test_what_does_not_keep_to_itself_is_refused(model, why):
    """Before a session is made of it, where it names operators or files."""
    with pytest.raises(StepError, match=rf"(TV-ART-005(.|\n)*)?{why}"):
        checked(model, COLUMNS)


def test_one_that_is_too_large_is_refused(monkeypatch):
    """By its bytes, and by its operations."""
    monkeypatch.setattr(ready_onnx, "MOST_NODES", 0)
    with pytest.raises(StepError, match="more than 0"):
        checked(linear(), COLUMNS)
    monkeypatch.setattr(ready_onnx, "LARGEST_BYTES", 10)
    with pytest.raises(StepError, match="more than 10"):
        checked(linear(), COLUMNS)


def test_outputs_that_are_no_numbers_are_left_alone():
    """A classifier's label beside its probabilities; two outputs of numbers are one too many."""
    label = helper.make_node("ArgMax", ["Y"], ["label"], axis=1, keepdims=0)
    model = linear(outputs=2, more=[label])
    model.graph.output.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"]))
    assert session_of(checked(model, COLUMNS)).predict(np.ones((4, 3))).shape == (4,)
    twice = linear(more=[helper.make_node("Identity", ["Y"], ["Z"])])
    twice.graph.output.append(helper.make_tensor_value_info("Z", TensorProto.FLOAT, ["rows", 1]))
    with pytest.raises(StepError, match="of which one must be numbers"):
        checked(twice, COLUMNS)
