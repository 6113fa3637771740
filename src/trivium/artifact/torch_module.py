"""A PyTorch module becomes ONNX by PyTorch's own exporter, and is held against itself like any compiled model.

PyTorch is the project's to install; it is loaded here only once a module of its is there.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trivium.artifact.ready_onnx import answers_of, refused

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

# PyTorch works in single precision, and may order its sums otherwise than onnxruntime does.
TOLERANCE = 1e-6
_BASE = ("torch.nn.modules.module", "Module")


def is_module(model: object) -> bool:
    """Tell whether a model is a `torch.nn.Module`, without loading PyTorch."""
    return any((kind.__module__, kind.__name__) == _BASE for kind in type(model).__mro__)


def exported(module: Any, columns: Sequence[str]) -> Any:
    """Export a module that takes one matrix, shape (rows, features), for any number of rows.

    Returns:
        What `onnx.load` would give of it. The module is left in evaluation mode.

    Raises:
        StepError (TV-ART-005): PyTorch cannot export it.
    """
    import torch

    module.eval()
    example = torch.zeros((2, len(columns)), dtype=_kind(module))
    try:
        program = torch.onnx.export(
            module, (example,), dynamo=True, dynamic_shapes=({0: torch.export.Dim("rows")},), verbose=False
        )
    except Exception as error:
        raise refused(f"PyTorch cannot export it: {type(error).__name__}: {error}") from error
    return program.model_proto


def said_by(module: Any, rows: "Array") -> "Array":
    """Ask the module itself: one number a row, shape (rows,); of two columns the second."""
    import numpy as np
    import torch

    with torch.no_grad():
        said = module(torch.as_tensor(rows, dtype=_kind(module))).numpy()
    return answers_of(said.astype(np.float64))


def _kind(module: Any) -> Any:
    import torch

    return next((each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32)
