"""The bytes of a model's body, and back. Loading a compiled model, or skops, runs no code of theirs; a pickle would.

A body is a header line that names the format, a line with the sha256 of the rest, and the rest. The same model
gives the same bytes: skops names members by memory addresses and stamps them with the time, which is undone here.
"""

import json
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any, Literal, get_args

import msgspec

from trivium.artifact.compiled import Compiled
from trivium.core.problems import Problem, StepError, shown
from trivium.core.values import sha256

MAGIC = b"TRIVIUM-ARTIFACT 1 "
WHERE = "artifact"
Format = Literal["compiled", "skops", "pickle"]
# What skops does not trust of its own accord and scikit-learn's fitted estimators hold. None calls at load what it is
# given, and `partial` is bound only over what is itself trusted. But `Tree` and `TreePredictor` hold node numbers
# that scikit-learn follows without checking them: a forged tree can crash the process, or read foreign memory, when it
# predicts. No list of types keeps that out; only the ledger's digest of the blob does, which the caller holds.
# The same is true of the bytes that the boosters of LightGBM and XGBoost read themselves from.
ALLOWED_TYPES = (
    "collections.OrderedDict",
    "collections.defaultdict",
    "functools.partial",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRanker",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.HuberLoss",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRFClassifier",
    "xgboost.sklearn.XGBRFRegressor",
    "xgboost.sklearn.XGBRanker",
    "xgboost.sklearn.XGBRegressor",
)


def dump(model: object, *, allow_pickle: bool = False) -> bytes:
    """Write a model as an artifact: compiled if it is, by skops if its types are allowed, else by pickle if that is.

    The same training gives the same bytes in whichever process (by skops; pickle promises less). A model that was
    loaded need not give the bytes it came from, since parts that were one object may be two.

    Raises:
        StepError (TV-ART-001): a type of the model is not on the allow list, and pickle is not allowed or fails too.
    """
    if isinstance(model, Compiled):
        return _sealed("compiled", msgspec.msgpack.encode(model))
    body, refused = _dump_skops(model)
    if not refused:
        return _sealed("skops", body)
    if not allow_pickle:
        raise StepError(_not_allowed(shown(refused)))
    try:
        return _sealed("pickle", pickle.dumps(model, protocol=5))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise StepError(_not_allowed(f"not even a pickle can hold it: {error}")) from None


def load(content: bytes, *, allow_pickle: bool = False) -> object:
    """Read an artifact back. Its digest is checked before any parser touches it.

    Raises:
        StepError: TV-ART-001 a type in it is not on the allow list, TV-ART-002 it is no artifact, is damaged or was
            made by libraries that do not fit those here, TV-ART-003 it is a pickle, and pickle is not allowed.
    """
    kind, body = _opened(content)
    if kind == "compiled":
        return _load_compiled(body)
    if kind == "skops":
        return _load_skops(body)
    if not allow_pickle:
        raise StepError(
            Problem(
                code="TV-ART-003",
                what="the artifact is a pickle, which runs code when it is loaded",
                where=WHERE,
                seen="pickle",
                fix="train the model with types on the allow list, or set allow_pickle = true under [model]",
            )
        )
    return pickle.loads(body)


def form_of(content: bytes) -> Format:
    """Tell an artifact's format by its first line.

    Raises:
        StepError (TV-ART-002): it is no artifact, or is damaged.
    """
    return _opened(content)[0]


def _sealed(kind: Format, body: bytes) -> bytes:
    return MAGIC + kind.encode() + b"\n" + sha256(body).encode() + b"\n" + body


def _opened(content: bytes) -> tuple[Format, bytes]:
    header, _, rest = content.partition(b"\n")
    digest, _, body = rest.partition(b"\n")
    kind = next((form for form in get_args(Format) if header == MAGIC + form.encode()), None)
    if kind is None:
        raise StepError(_unreadable("the content is not an artifact", seen=repr(content[:32])))
    if sha256(body).encode() != digest:
        raise StepError(_unreadable("the artifact is damaged: its digest does not fit", seen=f"{len(content):,} bytes"))
    return kind, body


def _unreadable(what: str, *, seen: str) -> Problem:
    return Problem(
        code="TV-ART-002",
        what=what,
        where=WHERE,
        seen=seen,
        fix="restore the blob from a backup, or train the version again with the libraries installed here",
    )


def _not_allowed(seen: str) -> Problem:
    return Problem(
        code="TV-ART-001",
        what="a type of the model is not on the allow list",
        where=WHERE,
        seen=seen,
        fix="build the model of scikit-learn's own estimators, or set allow_pickle = true under [model]",
    )


def _load_compiled(body: bytes) -> Compiled:
    try:
        return msgspec.msgpack.decode(body, type=Compiled)
    except msgspec.DecodeError as error:
        raise StepError(_unreadable("the artifact does not load here", seen=str(error))) from None


def _dump_skops(model: object) -> tuple[bytes, list[str]]:
    """Write by skops; the second value lists what is not allowed, in order (then the bytes are of no use)."""
    import skops.io
    from skops.io.exceptions import UnsupportedTypeException

    try:
        content = skops.io.dumps(model)
        refused = sorted(set(skops.io.get_untrusted_types(data=content)) - set(ALLOWED_TYPES))
    except (UnsupportedTypeException, TypeError, AttributeError, pickle.PicklingError) as error:
        return b"", [f"{type(model).__module__}.{type(model).__qualname__} ({error})"]
    return (b"", refused) if refused else (_normal(content), [])


def _load_skops(body: bytes) -> object:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(body, trusted=list(ALLOWED_TYPES))
    except UntrustedTypesFoundException as error:
        raise StepError(_not_allowed(str(error))) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise StepError(
            _unreadable("the artifact does not load here", seen=f"{type(error).__name__}: {error}")
        ) from error


class _Memory:
    """A file in memory, as `zipfile` wants one: pure rooms have no `io`, which also opens files on disk."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self._place = 0

    def read(self, size: int = -1, /) -> bytes:
        end = len(self.content) if size < 0 else self._place + size
        taken = bytes(self.content[self._place : end])
        self._place += len(taken)
        return taken

    def write(self, data: bytes, /) -> int:
        self.content[self._place : self._place + len(data)] = data
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        start = (0, self._place, len(self.content))[whence]
        self._place = start + offset
        return self._place

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held open."""


def _normal(content: bytes) -> bytes:
    """Rewrite a skops archive so that it says nothing of memory addresses or of the time."""
    target = _Memory()
    with zipfile.ZipFile(_Memory(content)) as source, zipfile.ZipFile(target, "w") as archive:
        schema = json.loads(source.read("schema.json"))
        for old, new in _renumber(schema).items():
            archive.writestr(zipfile.ZipInfo(new), source.read(old))
        archive.writestr(zipfile.ZipInfo("schema.json"), json.dumps(schema, separators=(",", ":")))
    return bytes(target.content)


def _renumber(schema: dict[str, Any]) -> dict[str, str]:
    """Number nodes and members in the order they come, in place; return the members' new names by their old ones.

    An id tells which nodes are one object. Plain values (`JsonNode`) lose theirs: whether two equal numbers share an
    address is up to the interpreter.
    """
    ids: dict[int, int] = {}
    members: dict[str, str] = {}
    for node in _nodes(schema):
        if isinstance(node.get("__id__"), int):
            if node.get("__loader__") == "JsonNode":
                del node["__id__"]
            else:
                node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if isinstance(node.get("file"), str):
            suffix = node["file"].rpartition(".")[2]
            node["file"] = members.setdefault(node["file"], f"{len(members)}.{suffix}")
    return members


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Walk the schema's objects, outer before inner, in the order written."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting.extend(reversed(list(inner)))
