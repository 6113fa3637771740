"""A PyTorch module is exported and held against itself. A stand-in plays PyTorch's part, which would weigh 3 GB."""

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper

import small_project
from trivium.artifact.torch_module import is_module
from trivium.core.problems import StepError
from trivium.loop.bodies import loaded
from trivium.loop.register import register
from trivium.loop.workspace import Workspace

WEIGHTS = np.linspace(-1, 1, 3, dtype=np.float32).reshape(3, 1)
FEATURES = pl.DataFrame({name: np.random.default_rng(place).random(50) for place, name in enumerate("abc")})


@dataclass
class Weight:
    """A parameter of a module."""

    dtype: Any

    def is_floating_point(self) -> bool:
        return np.dtype(self.dtype).kind == "f"


class Module:
    """What is recognised as a module of PyTorch's: a base of this name, from that place."""

    __module__ = "torch.nn.modules.module"

    def __init__(self, *, off: float = 0.0, can_export: bool = True) -> None:
        self.off, self.can_export, self.is_training = off, can_export, True

    def eval(self) -> None:
        self.is_training = False

    def parameters(self) -> list[Weight]:
        return [Weight(np.int64), Weight(np.float32)]

    def __call__(self, rows: Any) -> Any:
        assert rows.dtype == np.float32
        with np.errstate(all="ignore"):  # PyTorch does not warn
            said = rows @ WEIGHTS + self.off
        return SimpleNamespace(numpy=lambda: said)


class Net(Module):
    """A module of a project's own."""


def export(module: Any, example: Any, *, dynamo: bool, dynamic_shapes: Any, verbose: bool) -> Any:
    """Export as PyTorch does, out of training, for any number of rows."""
    assert not module.is_training and dynamo and dynamic_shapes == ({0: "rows"},)
    if not module.can_export:
        raise RuntimeError("data-dependent control flow")
    shape = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["X", "W"], ["Y"])],
        "net",
        [shape("X", TensorProto.FLOAT, ["rows", example[0].shape[1]])],
        [shape("Y", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(WEIGHTS, "W")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return SimpleNamespace(model_proto=model)


def as_tensor(rows: Any, dtype: Any) -> Any:
    """Take numbers in as PyTorch does: those beyond single precision become infinite, without a word."""
    with np.errstate(over="ignore"):
        return np.asarray(rows).astype(dtype)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project where something that looks like PyTorch can be imported."""
    torch: Any = ModuleType("torch")
    torch.float32, torch.zeros, torch.no_grad = np.float32, np.zeros, nullcontext
    torch.Tensor = Weight  # scikit-learn looks whether what it is given is one
    torch.as_tensor = as_tensor
    torch.export, torch.onnx = SimpleNamespace(Dim=lambda name: name), SimpleNamespace(export=export)
    monkeypatch.setitem(sys.modules, "torch", torch)
    return Workspace(small_project.make(tmp_path, days=1))


def test_only_modules_are_taken_for_such():
    """By what they are derived from; PyTorch is not loaded to tell."""
    assert is_module(Net()) and is_module(Module())
    assert not is_module(object()) and not is_module(b"") and "torch" not in sys.modules


def test_a_module_answers_as_its_graph(project):
    """What is kept is the graph; parity with the module is told, and the module is no more needed."""
    kept = register(project, Net(), FEATURES)
    assert (kept["form"], kept["original"], kept["not_compiled"]) == ("onnx", kept["artifact"], "")
    assert kept["parity"]["rows"] == 50 and kept["parity"]["largest"] <= 1e-6
    content = project.blobs.get(kept["artifact"])
    columns = kept["columns"]
    body = loaded(project, content, ref="v1", code=project.code, params=project.code.params(), columns=columns)
    assert body.is_compiled
    assert np.allclose(body.predict(FEATURES), FEATURES.to_numpy() @ WEIGHTS[:, 0], atol=1e-6)


def test_a_module_that_its_graph_does_not_follow_is_refused(project):
    """Exported, it would answer otherwise."""
    with pytest.raises(StepError, match=r"TV-ART-005(.|\n)*0.01 from itself"):
        register(project, Net(off=0.01), FEATURES)


def test_a_module_that_cannot_be_exported_is_refused(project):
    """With what PyTorch says of it."""
    with pytest.raises(StepError, match=r"TV-ART-005(.|\n)*RuntimeError: data-dependent"):
        register(project, Net(can_export=False), FEATURES)
