"""The server's OpenAPI description: made once, from the contracts of the requests' tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trivium import __version__
from trivium.core.answers import Answered
from trivium.core.contract import Column
from trivium.core.posted import Outcome
from trivium.core.problems import Problem
from trivium.serve import invocations, reviews, tensors
from trivium.serve.exchange import ARROW, JSON, PROBLEM, encode
from trivium.serve.inference import OUTPUTS
from trivium.serve.refusal import TITLES
from trivium.serve.service import Service

Document = dict[str, Any]
_WHEN = {
    400: "The body is not what its type says.",
    401: "A valid token is needed.",
    403: "The token's role, or the host's name, does not allow it.",
    404: "There is no such thing.",
    405: "Another method is needed.",
    409: "Somebody else has it in hand, or has decided.",
    413: "The body, or the number of rows, is over its limit.",
    415: "A body of this type is not read.",
    422: "The body, or every row of it, breaks the contract.",
    429: "Too many requests, or the server is too busy to answer in time.",
    503: "Not ready; or the log cannot be written, and an answer waits for it.",
}
_READS, _WRITES = (401, 403, 404, 405), (400, 401, 403, 405, 413, 415, 422, 429, 503)
_KINDS: Mapping[str, Document] = {
    "int": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_JSON, _ARROW, _PROBLEM = JSON.decode(), ARROW.decode(), PROBLEM.decode()
_ANY: Document = {"type": "object"}


def document(services: Sequence[Service]) -> bytes:
    """Write the description of a server of these projects, as JSON."""
    named = (Answered, Outcome, Problem, tensors.Infer, invocations.Split, reviews.Take, reviews.Verdict)
    _, schemas = msgspec.json.schema_components(named, ref_template="#/components/schemas/{name}")
    schemas |= {"Unanswered": _unanswered(), "Refused": _refused(), "Invocation": _invocation()}
    schemas["Wanted"]["properties"]["name"] = {"enum": list(OUTPUTS)}
    paths = _of_the_server()
    for service in services:
        schemas[f"Row.{service.name}"] = _row(service.reader.columns, service.reader.needed)
        paths |= _of_the_model(service.name)
    if len(services) == 1:
        paths["/invocations"] = {"post": _invocations("at its own path")}
    return encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Trivium's prediction server", "version": __version__},
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
            "security": [{}, {"token": []}],
        }
    )


def _of_the_server() -> Document:
    text = {"text/plain": {"schema": {"type": "string"}}}
    metrics = {**text, "application/openmetrics-text": {"schema": {"type": "string"}}}
    ready = {"200": _told("It can.", _ANY), "503": _told("It can't, and why.", _ANY)}
    return {
        "/healthz": {"get": _asks("Does the process answer?", {"200": _told("It does.", _ANY)})},
        "/readyz": {"get": _asks("Can every model answer?", ready)},
        "/metrics": {
            "get": _asks("Figures of all workers.", {"200": {"description": "Them.", "content": metrics}}, _READS)
        },
        "/openapi.json": {"get": _asks("This description.", {"200": _told("It.", _ANY)})},
        "/v2": {"get": _asks("The server, by the Open Inference Protocol.", {"200": _told("Its name.", _ANY)})},
        "/v2/health/live": {"get": _asks("Does the process answer?", {"200": _told("It does.", _ANY)})},
        "/v2/health/ready": {"get": _asks("Can every model answer?", ready)},
    }


def _of_the_model(name: str) -> Document:
    ready = {"200": _told("It can.", _ANY), "503": _told("It can't.", _ANY)}
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    found = _asks("One answer, its request, and how its version came to be.", {"200": _told("It.", _ANY)}, _READS)
    return {
        f"/models/{name}/predict": {"post": _predict(name)},
        f"/models/{name}/invocations": {"post": _invocations("as `mlflow models serve` reads it")},
        f"/models/{name}/outcomes": {"post": _outcomes()},
        f"/models/{name}/predictions/{{id}}": {"get": {**found, "parameters": [one]}},
        f"/models/{name}/reviews": {"get": _asks("What waits for a person.", {"200": _told("It.", _ANY)}, _READS)},
        f"/models/{name}/reviews/take": {"post": _takes()},
        f"/models/{name}/reviews/{{id}}": {
            "get": {**_review(), "parameters": [one]},
            "post": {**_decides(), "parameters": [one]},
        },
        f"/models/{name}/route": {"get": _asks("Who answers, and how they fare.", {"200": _told("It.", _ANY)}, _READS)},
        f"/v2/models/{name}": {"get": _asks("Its inputs and outputs.", {"200": _told("Them.", _ANY)}, _READS)},
        f"/v2/models/{name}/ready": {"get": _asks("Can it answer?", ready)},
        f"/v2/models/{name}/infer": {"post": _infer()},
    }


def _predict(name: str) -> Document:
    row = {"$ref": f"#/components/schemas/Row.{name}"}
    rows = {"type": "object", "required": ["rows"], "properties": {"rows": {"type": "array", "items": row}}}
    either = {"oneOf": [_ref("Answered"), _ref("Unanswered")]}
    answers = {"type": "object", "properties": {"predictions": {"type": "array", "items": either}}}
    stream = {"schema": {"type": "string", "format": "binary"}}
    replies = {
        "200": {
            "description": "One answer per row, in the rows' order; a row that could not be taken has its problem.",
            "content": {_JSON: {"schema": answers}, _ARROW: stream},
        }
    }
    body = {"required": True, "content": {_JSON: {"schema": rows}, _ARROW: stream}}
    return {**_asks("Predict.", replies, _WRITES), "requestBody": body}


def _outcomes() -> Document:
    posted = {"outcomes": {"type": "array", "items": _ref("Outcome")}}
    schema = {"type": "object", "required": ["outcomes"], "properties": posted, "additionalProperties": False}
    counts = {name: {"type": "integer"} for name in ("accepted", "duplicate", "unknown")}
    told = {"type": "object", "required": list(counts), "properties": counts}
    replies = {"200": _told("How many were new, known before, of rows that nobody asked about (yet).", told)}
    body = {"required": True, "content": {_JSON: {"schema": schema}}}
    return {**_asks("Tell what came true.", replies, _WRITES), "requestBody": body}


def _takes() -> Document:
    asks = _asks("Take what waits, for a while.", {"200": _told("What was taken.", _ANY)}, _WRITES)
    return {**asks, "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("Take")}}}}


def _review() -> Document:
    return _asks("One answer that waits, or waited.", {"200": _told("It.", _ANY)}, _READS)


def _decides() -> Document:
    replies = {"200": _told("What was decided, and whether it counts.", _ANY)}
    asks = _asks("Say what is true of an answer's row.", replies, (*_WRITES, 404, 409))
    return {**asks, "requestBody": {"required": True, "content": {_JSON: {"schema": _ref("Verdict")}}}}


def _invocations(where: str) -> Document:
    content = {_JSON: {"schema": _ref("Invocation")}, "text/csv": {"schema": {"type": "string"}}}
    replies = {"200": _told("The predictions, in the rows' order; null where there is none.", _ANY)}
    asks = _asks(f"Predict, {where}.", replies, _WRITES)
    return {**asks, "requestBody": {"required": True, "content": content}}


def _invocation() -> Document:
    """Describe the four forms of a body, of which a request holds one."""
    records = {"type": "array", "items": _ANY}
    lists = {"type": "object", "additionalProperties": {"type": "array"}}
    forms: Document = {
        "dataframe_split": _ref("Split"),
        "dataframe_records": records,
        "instances": records,
        "inputs": {"anyOf": [lists, records]},
    }
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "properties": {name: form, "params": {}},
                "additionalProperties": False,
            }
            for name, form in forms.items()
        ]
    }


def _infer() -> Document:
    content = {_JSON: {"schema": _ref("Infer")}}
    replies = {"200": _told("Tensors of the answers.", _ANY)}
    asks = _asks("Predict, by the Open Inference Protocol.", replies, _WRITES)
    return {**asks, "requestBody": {"required": True, "content": content}}


def _asks(summary: str, replies: Document, refusals: Sequence[int] = (405,)) -> Document:
    content = {_PROBLEM: {"schema": _ref("Refused")}}
    told = {str(status): {"description": _WHEN[status], "content": content} for status in refusals}
    return {"summary": summary, "responses": {**told, **replies}}


def _told(description: str, schema: Document) -> Document:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _row(columns: Mapping[str, Column], needed: set[str]) -> Document:
    """Describe a row; limits, values and patterns that refuse it are told, those that only warn are not."""
    return {
        "type": "object",
        "required": sorted(needed),
        "properties": {name: _column(column, may_be_null=name not in needed) for name, column in columns.items()},
    }


def _column(column: Column, *, may_be_null: bool) -> Document:
    def refuses(rule: str) -> bool:
        return column.terms(rule).else_ != "warn"

    schema = dict(_KINDS[column.type])
    if column.type in ("int", "float") and refuses("range"):
        limits = {"minimum": column.min, "maximum": column.max}
        schema |= {name: limit for name, limit in limits.items() if limit is not None}
    if column.pattern is not None and refuses("pattern"):
        schema["pattern"] = f"^(?:{column.pattern})$"
    if refuses("length"):
        lengths = {"minLength": column.min_length, "maxLength": column.max_length}
        schema |= {name: length for name, length in lengths.items() if length is not None}
    if column.values and refuses("values"):
        schema["enum"] = [*column.values, *([None] if may_be_null else [])]
    if may_be_null:
        schema["type"] = [schema["type"], "null"]
    return schema


def _unanswered() -> Document:
    nothing: Document = {"type": "null"}
    return {
        "title": "Unanswered",
        "type": "object",
        "required": ["id", "row_id", "source", "problem"],
        "properties": {
            **dict.fromkeys(("id", "prediction", "version", "stage"), nothing),
            "row_id": {"type": ["string", "null"]},
            "source": {"const": "refused"},
            "problem": _ref("Problem"),
        },
    }


def _refused() -> Document:
    texts = ("title", "code", "what", "where", "seen", "fix", "request_id", "error")
    problems = {"type": "array", "items": _ref("Problem")}
    return {
        "title": "Refused",
        "type": "object",
        "required": ["title", "status", "code", "what", "request_id"],
        "properties": {
            **{name: {"type": "string"} for name in texts},
            "status": {"enum": sorted(TITLES)},
            "problems": problems,
        },
    }
