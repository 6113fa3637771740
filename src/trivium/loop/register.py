"""Register: a fitted model is compiled, held against its original, and kept; or kept as it was fitted, saying why."""

from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.problems import StepError
from trivium.loop.bodies import matrix_of, predictor
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from trivium.artifact.compiled import Compiled, NotCompiled

    Array = np.ndarray[Any, Any]


def register(ws: Workspace, fitted: Any, features: "pl.DataFrame") -> dict[str, Any]:
    """Keep a fitted model as a version's artifact.

    Args:
        ws: the project.
        fitted: what the step `model` returned.
        features: rows that it was not trained on, to hold the compiled model against the original.

    Returns:
        What a version says of its body: `artifact`, the blob that answers; `original`, the blob of the model as it was
        fitted, None where no safe format holds it; `form`; `columns`; `parity`; `not_compiled`, why not.

    Raises:
        StepError: TV-ART-001 it can neither be compiled nor kept, TV-ART-005 it is an ONNX file that cannot be taken,
            TV-RUN-017 it raised when it was asked.
    """
    from trivium.artifact.compiled import Compiled
    from trivium.artifact.formats import dump, form_of
    from trivium.artifact.ready_onnx import is_onnx
    from trivium.artifact.torch_module import is_module

    if is_onnx(fitted):
        return _ready(ws, fitted, features)
    if is_module(fitted):
        return _of_torch(ws, fitted, features)
    outcome, parity = _compile(ws, fitted, features)
    told = {"columns": features.columns, "parity": parity and msgspec.to_builtins(parity)}
    if isinstance(outcome, Compiled):
        kept = ws.blobs.put(dump(outcome))
        return {"artifact": kept, "original": _original(ws, fitted), "form": outcome.form, **told, "not_compiled": ""}
    content = dump(fitted, allow_pickle=ws.project.model.allow_pickle)
    kept = ws.blobs.put(content)
    return {"artifact": kept, "original": kept, "form": form_of(content), **told, "not_compiled": outcome.reason}


def _ready(ws: Workspace, fitted: Any, features: "pl.DataFrame") -> dict[str, Any]:
    """Keep a ready ONNX file: it is its own original, and must answer the rows."""
    from trivium.artifact.formats import dump
    from trivium.artifact.ready_onnx import OwnSession, checked, refused

    compiled = checked(fitted, features.columns)
    try:
        said = OwnSession(compiled.body).predict(matrix_of(features, features.columns))
    except Exception as error:
        raise refused(f"asked about {features.height:,} rows it raised {type(error).__name__}: {error}") from error
    if said.shape != (features.height,):
        raise refused(f"asked about {features.height:,} rows it says numbers of shape {said.shape}")
    kept = ws.blobs.put(dump(compiled))
    told = {"columns": features.columns, "parity": None, "not_compiled": ""}
    return {"artifact": kept, "original": kept, "form": compiled.form, **told}


def _of_torch(ws: Workspace, module: Any, features: "pl.DataFrame") -> dict[str, Any]:
    """Keep what PyTorch exports of a module, where it answers as the module does."""
    from trivium.artifact.parity import hold
    from trivium.artifact.probes import probes
    from trivium.artifact.ready_onnx import OwnSession, refused
    from trivium.artifact.torch_module import TOLERANCE, exported, said_by

    graph = exported(module, features.columns)
    told, rows = _ready(ws, graph, features), matrix_of(features, features.columns)
    parity = hold(
        OwnSession(graph.SerializeToString()).predict,
        lambda batch: said_by(module, batch),
        rows=rows,
        said=said_by(module, rows),
        probes=probes(rows),
        tolerance=TOLERANCE,
    )
    if not parity.is_held:
        raise refused(f"exported, it is up to {parity.largest:.3g} from itself, more than {parity.tolerance:g}")
    return {**told, "parity": msgspec.to_builtins(parity)}


def _compile(ws: Workspace, fitted: Any, features: "pl.DataFrame") -> "tuple[Compiled | NotCompiled, Any]":
    """Compile a model and hold it against its original; the second value is how far they are apart."""
    from trivium.artifact.compiled import NotCompiled, session_of
    from trivium.artifact.compiling import compile_model
    from trivium.artifact.parity import hold
    from trivium.artifact.probes import probes

    if not ws.project.model.compile:
        return NotCompiled(reason="model.compile is false"), None
    compiled = compile_model(fitted, features.columns)
    if isinstance(compiled, NotCompiled):
        return compiled, None
    if compiled.classes is not None and len(compiled.classes) > 2:
        return NotCompiled(reason=f"it has {len(compiled.classes)} classes, where answers are one number"), None
    import polars as pl

    try:
        session = session_of(compiled)
    except StepError as error:
        return NotCompiled(reason=f"onnxruntime refuses its graph: {error.problems[0].seen}"), None
    predict, rows = predictor(fitted, ws.project), matrix_of(features, features.columns)
    parity = hold(
        session.predict,
        lambda batch: predict(pl.DataFrame(batch, schema=features.columns, nan_to_null=True)),
        rows=rows,
        said=predict(features),
        probes=probes(rows),
        tolerance=compiled.tolerance,
    )
    if not parity.is_held:
        apart = f"compiled, it is up to {parity.largest:.3g} from the original, more than {parity.tolerance:g}"
        return NotCompiled(reason=apart), parity
    return compiled, parity


def _original(ws: Workspace, fitted: Any) -> str | None:
    from trivium.artifact.formats import dump

    try:
        return ws.blobs.put(dump(fitted))
    except StepError:
        return None
