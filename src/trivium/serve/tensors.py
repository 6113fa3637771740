"""Tensors of the Open Inference Protocol: columns of rows on their way in, answers on their way out.

A request holds one tensor per column of the contract, of shape [rows] or [rows, 1]; data in JSON, or binary behind it
(the protocol's extension).
"""

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from trivium.core.problems import Problem, unknown_name
from trivium.serve.refusal import UNREADABLE, RefusedError

# The protocol's name of each type of a contract; times and dates travel as ISO 8601.
DATATYPES = {"int": "INT64", "float": "FP64", "str": "BYTES", "bool": "BOOL", "datetime": "BYTES", "date": "BYTES"}
_CODES = {
    "BOOL": "?",
    **{"UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q"},
    **{"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"},
    **{"FP16": "e", "FP32": "f", "FP64": "d"},
}


class Tensor(msgspec.Struct, omit_defaults=True):
    """One input or output."""

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class Wanted(msgspec.Struct):
    """One output that the client asks for."""

    name: str
    parameters: dict[str, Any] = {}


class Infer(msgspec.Struct):
    """A request."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[Wanted] = []


def rows_of(request: Infer, binary: bytes) -> list[dict[str, Any]]:
    """Lay the columns of a request out as rows.

    Raises:
        RefusedError (TV-SERVE-072): a tensor's shape, type or data do not fit together.
    """
    columns: dict[str, list[Any]] = {}
    place = 0
    for tensor in request.inputs:
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            columns[tensor.name] = _flat(tensor)
        else:
            if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(binary) - place:
                raise _odd(tensor, f"binary_data_size is {size}, and {len(binary) - place} bytes are left")
            columns[tensor.name] = _unpacked(tensor, binary[place : place + size])
            place += size
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise _odd(request.inputs[0], f"the inputs have {', '.join(map(str, sorted(lengths)))} rows")
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _count(tensor: Tensor) -> int:
    """Tell how many rows a tensor has; each must hold one value."""
    if not tensor.shape or any(size < 0 for size in tensor.shape) or any(size != 1 for size in tensor.shape[1:]):
        raise _odd(tensor, f"shape {tensor.shape[:8]}: [rows] or [rows, 1] is read, one tensor per column")
    return tensor.shape[0]


def _flat(tensor: Tensor) -> list[Any]:
    count = _count(tensor)
    if not isinstance(tensor.data, list):
        raise _odd(tensor, "it has no data")
    values = [one[0] if isinstance(one, list) and len(one) == 1 else one for one in tensor.data]
    if len(values) != count:
        raise _odd(tensor, f"{len(values)} values for shape {tensor.shape}")
    return values


def _unpacked(tensor: Tensor, content: bytes) -> list[Any]:
    count = _count(tensor)
    if tensor.datatype == "BYTES":
        values: list[Any] = _texts(tensor, content)
    elif tensor.datatype in _CODES:
        code = _CODES[tensor.datatype]
        if len(content) != count * struct.calcsize(f"<{code}"):
            raise _odd(tensor, f"{len(content)} bytes for shape {tensor.shape} of {tensor.datatype}")
        values = list(struct.unpack(f"<{count}{code}", content))
    else:
        raise _odd(tensor, f"datatype {tensor.datatype[:20]}")
    if len(values) != count:
        raise _odd(tensor, f"{len(values)} values for shape {tensor.shape}")
    return values


def _texts(tensor: Tensor, content: bytes) -> list[str]:
    """Read texts, each after its length in 4 bytes."""
    found, place = [], 0
    try:
        while place < len(content):
            (size,) = struct.unpack_from("<I", content, place)
            if place + 4 + size > len(content):
                raise _odd(tensor, "a text is cut off")
            found.append(content[place + 4 : place + 4 + size].decode())
            place += 4 + size
    except (struct.error, UnicodeDecodeError):
        raise _odd(tensor, "its texts are not UTF-8, each after its length in 4 bytes") from None
    return found


def outputs_of(
    columns: dict[str, tuple[str, list[Any]]], wanted: Sequence[Wanted], *, binary_all: bool
) -> tuple[list[Tensor], bytes]:
    """Lay answers out as tensors, those that are wanted (all when none is named), and the binary part behind them.

    Raises:
        RefusedError (TV-SERVE-073): there is no such output.
    """
    asked = {one.name: one.parameters.get("binary_data", binary_all) for one in wanted}
    for name in asked:
        if name not in columns:
            raise RefusedError(
                UNREADABLE, unknown_name("TV-SERVE-073", "output", name[:40], list(columns), where="outputs")
            )
    found, parts = [], []
    for name, (datatype, values) in columns.items():
        if asked and name not in asked:
            continue
        tensor = Tensor(name, [len(values)], datatype)
        if asked.get(name, binary_all):
            part = _packed(datatype, values)
            tensor.parameters = {"binary_data_size": len(part)}
            parts.append(part)
        else:
            tensor.data = values
        found.append(tensor)
    return found, b"".join(parts)


def _packed(datatype: str, values: Iterable[Any]) -> bytes:
    if datatype == "BYTES":
        texts = [text.encode() for text in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    plain = [math.nan if value is None else value for value in values]
    return struct.pack(f"<{len(plain)}{_CODES[datatype]}", *plain)


def _odd(tensor: Tensor, seen: str) -> RefusedError:
    problem = Problem(
        code="TV-SERVE-072",
        what=f"input {tensor.name[:40]!r} cannot be read",
        where="inputs",
        seen=seen,
        fix="send one tensor per column, shape [rows], its data flat",
    )
    return RefusedError(UNREADABLE, problem)
