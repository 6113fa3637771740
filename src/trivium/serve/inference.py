"""The Open Inference Protocol (v2): health, metadata, infer; as Triton, KServe and MLServer speak it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trivium import __version__
from trivium.core.answers import Answered
from trivium.core.problems import Problem
from trivium.serve import tensors
from trivium.serve.exchange import JSON, Reply, Request, decoded, encode, json_reply
from trivium.serve.predict import answered, unknown_media
from trivium.serve.refusal import UNAVAILABLE, UNREADABLE, RefusedError
from trivium.serve.rows import shallow
from trivium.serve.service import Service

BINARY = b"application/octet-stream"
_LENGTH = b"inference-header-content-length"
OUTPUTS = ("prediction", "id", "row_id", "version", "stage", "source", "review", "problem")
_DECODER = msgspec.json.Decoder(tensors.Infer)
SHAPE = '{"inputs": [{"name": "COLUMN", "shape": [ROWS], "datatype": "FP64", "data": […]}]}'


class InferenceProtocol:
    """The routes under `/v2` of one model."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def metadata(self, request: Request) -> Reply:
        """`GET /v2/models/{m}`: its inputs are the columns of the contract."""
        reader = self._service.reader
        inputs = [
            {"name": name, "datatype": tensors.DATATYPES[column.type], "shape": [-1]}
            for name, column in reader.columns.items()
        ]
        outputs = [{"name": name, "datatype": kind, "shape": [-1]} for name, (kind, _) in _columns([]).items()]
        versions = [ref for ref in (self._service.live,) if ref]
        platform = "trivium"
        return json_reply(
            {
                "name": self._service.name,
                "versions": versions,
                "platform": platform,
                "inputs": inputs,
                "outputs": outputs,
            }
        )

    async def ready(self, request: Request) -> Reply:
        """`GET /v2/models/{m}/ready`."""
        is_ready = self._service.state()["ready"]
        return json_reply({"name": self._service.name, "ready": is_ready}, status=200 if is_ready else UNAVAILABLE)

    async def infer(self, request: Request) -> Reply:
        """`POST /v2/models/{m}/infer`."""
        if request.media not in (JSON, BINARY):
            raise unknown_media(request.media, (JSON, BINARY))
        head, binary = _parted(request)
        shallow(head, self._service.project.serve.max_depth)
        asked = decoded(_DECODER, head, shape=SHAPE)
        rows = tensors.rows_of(asked, binary)
        answers, call_s = await answered(self._service, self._service.reader.of_plain(rows))
        binary_all = bool(asked.parameters.get("binary_data_output", False))
        outputs, packed = tensors.outputs_of(_columns(answers), asked.outputs, binary_all=binary_all)
        document: dict[str, Any] = {"model_name": self._service.name, "model_version": self._service.live or ""}
        if asked.id is not None:
            document["id"] = asked.id
        body = encode({**document, "outputs": outputs})
        facts = {"rows": len(rows), "call_s": call_s}
        if not packed:
            return Reply(body, facts=facts)
        return Reply(body + packed, media=BINARY, headers=[(_LENGTH, str(len(body)).encode())], facts=facts)


def _parted(request: Request) -> tuple[bytes, bytes]:
    """Part the JSON of a request from the binary tensors behind it."""
    length = request.headers.get(_LENGTH)
    if length is None:
        return request.body, b""
    if not length.isdigit() or int(length) > len(request.body):
        problem = Problem(
            code="TV-SERVE-074",
            what="the length of the JSON part is not one",
            where="Inference-Header-Content-Length",
            seen=f"{length.decode('latin-1')[:40]}, of a body of {len(request.body)} bytes",
            fix="send how many bytes of the body are JSON",
        )
        raise RefusedError(UNREADABLE, problem)
    return request.body[: int(length)], request.body[int(length) :]


def _columns(answers: Sequence[Answered | Mapping[str, Any]]) -> dict[str, tuple[str, list[Any]]]:
    """Lay answers out by column; a row without an answer has a null prediction, and its problem as text."""

    def values(name: str) -> list[Any]:
        return [one.get(name) if isinstance(one, Mapping) else getattr(one, name) for one in answers]

    texts = {name: ("BYTES", [value or "" for value in values(name)]) for name in ("id", "row_id")}
    told = {name: ("BYTES", [value or "" for value in values(name)]) for name in ("version", "stage", "source")}
    problems = [f"{problem.code} {problem.what}" if problem else "" for problem in values("problem")]
    return {
        "prediction": ("FP64", values("prediction")),
        **texts,
        **told,
        "review": ("BOOL", values("review")),
        "problem": ("BYTES", problems),
    }


async def server_metadata(request: Request) -> Reply:
    """`GET /v2`."""
    return json_reply({"name": "trivium", "version": __version__, "extensions": ["binary_tensor_data"]})
