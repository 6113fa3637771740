"""ONNX that a project made itself, from PyTorch for one: checked, kept as it is, and asked as it wants to be asked.

A graph can't execute code of its own; but custom operators are code of somebody else's, and tensors may be kept in
files that the graph names. Neither is let in.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from trivium.artifact.compiled import Compiled, onnx_session
from trivium.core.problems import Problem, StepError, shown

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
LARGEST_BYTES = 500_000_000
MOST_NODES = 1_000_000
NUMBERS = {"tensor(float)": "float32", "tensor(double)": "float64"}


def is_onnx(model: object) -> bool:
    """Tell whether a model is a ready ONNX file: its bytes, or what `onnx.load` gives."""
    kind = type(model)
    return isinstance(model, bytes) or (kind.__module__.startswith("onnx.") and kind.__name__ == "ModelProto")


def checked(model: Any, columns: Sequence[str]) -> Compiled:
    """Check a ready ONNX file over so many columns, and keep it byte for byte.

    Raises:
        StepError (TV-ART-005): it is no ONNX, too large, needs operators or files from outside, or does not turn one
            matrix of numbers into one number or the probabilities of classes for each row.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships no types

    content = model if isinstance(model, bytes) else model.SerializeToString(deterministic=True)
    if len(content) > LARGEST_BYTES:
        raise refused(f"it has {len(content):,} bytes, more than {LARGEST_BYTES:,}")
    try:
        parsed = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise refused(f"it is no valid ONNX: {error}") from None
    _hold_to_itself(parsed)
    session = OwnSession(content)
    if session.width not in (None, len(columns)):
        raise refused(f"it takes {session.width} columns, where there are {len(columns)} features")
    return Compiled(form="onnx", columns=tuple(columns), body=content)


def refused(seen: str) -> StepError:
    """Say why an ONNX file is not taken."""
    return StepError(
        Problem(
            code="TV-ART-005",
            what="the ONNX that the step `model` returned cannot be taken",
            where="artifact",
            seen=seen[:300],
            fix="export it with standard operators, all tensors within, from one matrix (rows, features) to one number "
            "a row or the probabilities of the classes",
        )
    )


def _hold_to_itself(model: Any) -> None:
    """Hold a graph to the standard operators and to tensors of its own."""
    nodes = list(_nodes([*model.graph.node, *(node for each in model.functions for node in each.node)]))
    if len(nodes) > MOST_NODES:
        raise refused(f"it has {len(nodes):,} operations, more than {MOST_NODES:,}")
    own = {each.domain for each in model.functions}
    foreign = {node.domain for node in nodes} | {each.domain for each in model.opset_import}
    if foreign - own - DOMAINS:
        raise refused(f"it needs operators of {shown(sorted(foreign - own - DOMAINS))}")
    outside = sorted({each.name for each in _tensors(model, nodes) if each.external_data or each.data_location})
    if outside:
        raise refused(f"it keeps tensors in other files: {shown(outside)}")


def _nodes(some: Sequence[Any]) -> Iterator[Any]:
    """Walk the operations, those within loops and branches included."""
    for node in some:
        yield node
        for graph in _graphs(node):
            yield from _nodes(graph.node)


def _graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors(model: Any, nodes: Sequence[Any]) -> Iterator[Any]:
    """Walk the tensors: weights and constants, dense and sparse, those within loops and branches included."""
    for graph in (model.graph, *(inner for node in nodes for inner in _graphs(node))):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for attribute in (each for node in nodes for each in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)


class OwnSession:
    """A ready ONNX file under onnxruntime, given the kind of numbers that it takes.

    Of two columns that it says the second is the answer: the probability of the second of two classes.
    """

    def __init__(self, content: bytes) -> None:
        self._session = onnx_session(content)
        taken = self._session.get_inputs()
        told = [each for each in self._session.get_outputs() if each.type in NUMBERS and len(each.shape) in (1, 2)]
        if len(taken) != 1 or taken[0].type not in NUMBERS or len(taken[0].shape) != 2:
            seen = ", ".join(f"{each.name} {each.type} {each.shape}" for each in taken)
            raise refused(f"it takes {seen or 'nothing'}, where one matrix of numbers comes in")
        if len(told) != 1:
            seen = ", ".join(f"{each.name} {each.type} {each.shape}" for each in self._session.get_outputs())
            raise refused(f"it says {seen}, of which one must be numbers")
        self.width: int | None = taken[0].shape[1] if isinstance(taken[0].shape[1], int) else None
        self._input, self._kind = taken[0].name, NUMBERS[taken[0].type]
        self._outputs = [told[0].name]

    def predict(self, rows: "Array", /) -> "Array":
        """See `Session`."""
        import numpy as np

        with np.errstate(over="ignore"):
            asked_of = rows.astype(self._kind, copy=False)
        said = self._session.run(self._outputs, {self._input: asked_of})[0]
        return answers_of(np.asarray(said, dtype=np.float64))


def answers_of(said: "Array") -> "Array":
    """Take one number a row out of what a model says: of two columns the second."""
    return said[:, -1] if said.ndim == 2 and said.shape[1] <= 2 else said
