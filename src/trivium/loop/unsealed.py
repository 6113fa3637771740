"""Unsealed: what servers of this machine have logged and no event accounts for yet, at most some minutes of answers."""

from collections.abc import Iterator

import msgspec

from trivium.core.answers import Gist
from trivium.loop.workspace import Workspace
from trivium.store.segments import ANSWERS, log_folder, read, segments


def unsealed_records(ws: Workspace, *, writer: str | None = None) -> Iterator[bytes]:
    """Give the records of answers, of one writer or of all, that lie behind what is sealed."""
    for segment in segments(log_folder(ws.root, ANSWERS)):
        if writer is None or segment.writer == writer:
            before = ws.state.log.read.get(segment.name)
            reading = read(segment, start=before.until if before else 0)
            yield from reading.records if reading else ()


def unsealed(ws: Workspace) -> list[Gist]:
    """List the served answers that are not sealed, with the state brought up so that none counts there as well."""
    ws.refresh()
    while True:
        as_of = ws.state.log.seq
        found = [gist for gist in _gists(ws) if gist.source != "unserved"]
        ws.refresh()
        if ws.state.log.seq == as_of:
            return found


def _gists(ws: Workspace) -> Iterator[Gist]:
    for record in unsealed_records(ws):
        try:
            yield msgspec.msgpack.decode(record, type=Gist)
        except msgspec.DecodeError:
            continue  # another trivium's; sealing keeps it as it is
