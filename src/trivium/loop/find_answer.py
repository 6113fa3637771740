"""Find: one answer by its id, whether it was sealed months ago or written a moment ago by another worker."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trivium.core.answers import Logged
from trivium.loop.log_book import Part
from trivium.loop.log_records import FEATURES, HEAD, PREDICTION_ID, ROW_ID
from trivium.loop.unsealed import unsealed_records
from trivium.loop.workspace import Workspace
from trivium.store.predictions import answers_frame, numbered, partition_part, prediction_id

if TYPE_CHECKING:
    import polars as pl


class Found(msgspec.Struct, frozen=True):
    """An answer as the log holds it, its request row (None: there is none), and the sealed part it is in, if any."""

    answer: dict[str, Any]
    request: dict[str, Any] | None
    part: Part | None


def find(ws: Workspace, name: str) -> Found | None:
    """Find the answer that a server gave under an id; None where the log does not hold it (any more).

    Raises:
        ProjectError (TV-STORE-011): the text is no prediction id.
    """
    partition_part(name)
    number = numbered(name)
    if number is None:
        return None
    return _sealed(ws, name, *number) or _unsealed(ws, name, number[0])


def _sealed(ws: Workspace, name: str, writer: str, place: int) -> Found | None:
    for part in ws.state.log.parts():
        if part.may_hold(writer, place):
            answers = ws.frame(part.blob)
            held = answers.filter((answers["prediction_id"] == name) & (answers["source"] != "unserved"))
            if held.height:
                return Found(held.row(0, named=True), _request(ws.frame(part.requests), name), part)
    return None


def _request(requests: "pl.DataFrame", name: str) -> dict[str, Any] | None:
    held = requests.filter(requests[PREDICTION_ID] == name)
    if not held.height:
        return None
    return held.drop(PREDICTION_ID, ROW_ID, FEATURES, HEAD).row(0, named=True)


def _unsealed(ws: Workspace, name: str, writer: str) -> Found | None:
    for record in unsealed_records(ws, writer=writer):
        if name.encode() not in record:
            continue
        try:
            logged = msgspec.msgpack.decode(record, type=Logged)
        except msgspec.DecodeError:
            continue  # another trivium's; sealing keeps it as it is
        if logged.id == name and logged.source != "unserved":
            return Found(answers_frame([logged], [logged.at]).row(0, named=True), logged.request, None)
    return None


def row_ids_of(ws: Workspace, names: Sequence[str]) -> dict[str, str]:
    """Tell the rows that answers, by their ids, were about; ids that no sealed answer has are left out."""
    found: dict[str, str] = {}
    for blob, wanted in _places(ws, names):
        left = [name for name in wanted if name not in found]
        if left:
            log = ws.frame(blob)
            held = log.filter(log["prediction_id"].is_in(left) & (log["source"] != "unserved"))
            found.update(zip(held["prediction_id"].to_list(), held["row_id"].to_list(), strict=True))
    return found


def _places(ws: Workspace, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Give each sealed log that may hold some of the ids, with those."""
    numbers = {name: number for name in names if (number := numbered(name)) is not None}
    for part in ws.state.log.parts():
        wanted = [name for name, number in numbers.items() if part.may_hold(*number)]
        if wanted:
            yield part.blob, wanted
    for partition, event in ws.state.journal.answered.items():
        if "writers" not in event.body:
            wanted = [name for name in names if name.startswith(prediction_id(partition, 0).rpartition("-")[0] + "-")]
            if wanted:
                yield event.body["blob"], wanted
