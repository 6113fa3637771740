"""A graph of tensor operations in float64, put together and written as ONNX bytes. Not the session that runs it.

The graph takes one matrix `X`, shape (rows, columns), and gives one matrix `Y`. Names are numbered in the order of
use, so the same model gives the same bytes.
"""

from typing import TYPE_CHECKING, Any

from trivium.artifact.refusals import NotCompilable

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

INPUT, OUTPUT = "X", "Y"
OPSET, OPSET_ML = 21, 5
IR_VERSION = 10
ML = "ai.onnx.ml"
# A protobuf message ends at 2 GiB; what is far from it stays far from it however its numbers are packed.
LARGEST_BYTES = 1_500_000_000


class Graph:
    """Nodes and constants, in the order they were added; each method returns the name of what it made."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def constant(self, value: Any, kind: type | None = None) -> str:
        """Hold an array; equal arrays are held once."""
        import numpy as np
        from onnx import numpy_helper

        array: Array = np.asarray(value, dtype=kind or np.float64)
        same = (str(array.dtype), array.shape, array.tobytes())
        if same not in self._names:
            self._names[same] = f"c{len(self._constants)}"
            self._constants.append(numpy_helper.from_array(array, name=self._names[same]))
        return self._names[same]

    def add(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output. Lists of numbers may come as arrays."""
        from onnx import NodeProto

        name = f"v{len(self._nodes)}"
        node = NodeProto(op_type=op, input=inputs, output=[name], domain=domain)
        node.attribute.extend(_attribute(key, attributes[key]) for key in sorted(attributes))
        self._nodes.append(node)
        return name

    def finish(self, output: str, *, width: int, outputs: int) -> bytes:
        """Write the graph: `width` columns come in, `outputs` go out.

        Raises:
            NotCompilable: it is too large for one message.
        """
        from onnx import TensorProto, helper

        self._nodes.append(helper.make_node("Identity", [output], [OUTPUT]))
        graph = helper.make_graph(
            self._nodes,
            "model",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, [None, width])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, [None, outputs])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, OPSET_ML)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="trivium")
        if model.ByteSize() > LARGEST_BYTES:
            raise NotCompilable(f"its graph would take {model.ByteSize():,} bytes")
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _attribute(name: str, value: Any) -> Any:
    """Write one attribute; whole arrays at once, since a forest's lists hold millions of numbers."""
    import numpy as np
    from onnx import AttributeProto, helper

    if isinstance(value, np.ndarray):
        return AttributeProto(name=name, type=AttributeProto.INTS, ints=value.tolist())
    return helper.make_attribute(name, value)
