"""An answer's two shapes: what the caller reads, and what the log keeps."""

import msgspec

from trivium.core.answers import Answered, Logged
from trivium.core.problems import Problem

SERVED = {"id": "p1-000000", "row_id": "r1", "prediction": 0.5, "version": "v1", "stage": "live", "source": "model"}


def test_the_caller_reads_the_promised_fields() -> None:
    """An answer is told with the fields of the public surface in their order, and a problem only where there is one."""
    answered = Answered(**SERVED, checks=(), review=False)
    assert list(msgspec.json.decode(msgspec.json.encode(answered))) == [*SERVED, "checks", "review"]
    refused = msgspec.structs.replace(answered, prediction=None, problem=Problem(code="TV-X-001", what="no"))
    told = msgspec.json.decode(msgspec.json.encode(refused))
    assert told["prediction"] is None
    assert told["problem"]["code"] == "TV-X-001"


def test_the_log_keeps_what_it_was_given() -> None:
    """A record goes into bytes and comes back equal, features to the last bit."""
    record = Logged(
        "p1-000000", "r1", 1, "v1", "live", "model", 0.1, troubles=(("v2", "late", "201 ms"),), features=b"\0" * 8
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Logged) == record
