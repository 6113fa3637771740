"""A compiled model: what is kept of it, and the session that answers with it. It needs numpy and, for graphs, ONNX.

Loading one runs no code of the content's: it is numbers, or a graph of the operators that onnxruntime knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from trivium.core.problems import Problem, StepError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

Form = Literal["trees", "linear", "graph", "onnx"]
Label = bool | int | float | str


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """A model in a form that cannot execute code.

    `columns` are its inputs, in order. It answers with a number a row (a regression), with the probability of the
    second of two `classes`, or with a probability for each of more. `tolerance` is how far from the original it may be.
    """

    form: Form
    columns: tuple[str, ...]
    classes: tuple[Label, ...] | None = None
    tolerance: float = 1e-9
    body: bytes


class NotCompiled(msgspec.Struct, frozen=True, kw_only=True):
    """A model that is kept as it is, and why: the reason completes "it was not compiled: …"."""

    reason: str


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """A linear model with the steps before it folded in, all numbers: the body of the form `linear`.

    Its sums are `((x or fill) - shift) @ weights + intercept`, shapes (columns,), (columns, targets) and (targets,).
    """

    fill: list[float | None] | None
    shift: list[float] | None
    weights: list[list[float]]
    intercept: list[float]
    link: str


class Session(Protocol):
    """A compiled model ready to answer."""

    def predict(self, rows: "Array", /) -> "Array":
        """Answer float64 rows, shape (rows, columns): shape (rows,), or (rows, classes) with more than two.

        A row that the original refuses gets NaN; it does not keep the other rows from their answers.
        """


def session_of(compiled: Compiled) -> Session:
    """Make a compiled model ready to answer.

    Raises:
        StepError (TV-ART-002): the body is no graph that the onnxruntime of this machine reads.
    """
    many = compiled.classes is not None and len(compiled.classes) > 2
    if compiled.form == "linear":
        return linear_session(msgspec.json.decode(compiled.body, type=Folded))
    if compiled.form == "onnx":
        from trivium.artifact.ready_onnx import OwnSession

        return OwnSession(compiled.body)
    return GraphSession(compiled.body, many=many)


def onnx_session(content: bytes) -> Any:
    """Make a session of onnxruntime. One thread: what a server's workers share must not be fought over.

    Raises:
        StepError (TV-ART-002): the onnxruntime of this machine does not read it.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise StepError(
            Problem(
                code="TV-ART-002",
                what="the compiled model does not load here",
                where="artifact",
                seen=f"{type(error).__name__}: {error}"[:300],
                fix="install the onnxruntime that the version's environment names, or train the version again",
            )
        ) from error


class GraphSession:
    """A graph of ours under onnxruntime.

    Sums are made in the order of the trees whatever the number of rows. A row's answer in a batch may differ from its
    answer alone in the last place, where an exponential of many numbers at once is rounded otherwise than that of one.
    """

    def __init__(self, content: bytes, *, many: bool) -> None:
        self._session = onnx_session(content)
        self._input = self._session.get_inputs()[0].name
        self._outputs = [self._session.get_outputs()[0].name]
        self._many = many
        self._run = self._session.run

    def predict(self, rows: "Array", /) -> "Array":
        """See `Session`."""
        said: Array = self._run(self._outputs, {self._input: rows})[0]
        return said if self._many else said.reshape(-1)


@dataclass(frozen=True, slots=True)
class _LinearSession:
    """A folded linear model on numpy alone. A column of zeros beside the weights finds the rows that are refused."""

    fill: "Array | None"
    shift: "Array | None"
    weights: "Array"
    intercept: "Array"
    link: str

    def predict(self, rows: "Array", /) -> "Array":
        """See `Session`."""
        import numpy as np

        # Infinite numbers become NaN on the way, as they should.
        with np.errstate(all="ignore"):
            if self.fill is not None:
                rows = np.where(np.isnan(rows), self.fill, rows)
            if self.shift is not None:
                rows = rows - self.shift
            sums = rows @ self.weights
            return self._linked(sums[:, :-1] + sums[:, -1:] + self.intercept)

    def _linked(self, sums: "Array") -> "Array":
        import numpy as np

        if self.link == "softmax":
            powers: Array = np.exp(sums - sums.max(axis=1, keepdims=True))
            powers /= powers.sum(axis=1, keepdims=True)
            return powers
        if self.link == "sigmoid":
            # Below -700 the exponential overflows, and the probability is 0 to 300 places.
            sums = 1.0 / (1.0 + np.exp(-np.maximum(sums, -700.0)))
        elif self.link == "exponential":
            sums = np.exp(sums)
        return sums.reshape(-1)


def linear_session(folded: Folded) -> Session:
    """Make a folded linear model ready to answer."""
    import numpy as np

    def array(values: Sequence[Any] | None) -> "Array | None":
        return None if values is None else np.array(values, dtype=np.float64)

    weights = np.array(folded.weights, dtype=np.float64)
    return _LinearSession(
        fill=array(folded.fill),
        shift=array(folded.shift),
        weights=np.hstack([weights, np.zeros((len(weights), 1))]),
        intercept=np.array(folded.intercept, dtype=np.float64),
        link=folded.link,
    )
