"""Tidy: what killed processes left in the store goes. Nothing that an event or a remembered step names is touched."""

import re
import time
from collections.abc import Iterator

import msgspec

from trivium.loop.workspace import Workspace

EVERY_S = 86_400.0
# Longer than any work between a blob and the event that names it.
SPARED_S = 2 * 86_400.0
MARK = "tidied"
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def tidy(ws: Workspace) -> int:
    """Remove files that were never finished, and once a day blobs whose event never came; return how many went.

    Raises:
        StoreError (TV-STORE-003): the disk refused.
    """
    gone = ws.blobs.sweep()
    mark = ws.root / MARK
    if not mark.exists() or time.time() - mark.stat().st_mtime >= EVERY_S:
        gone += ws.blobs.collect_garbage(set(named(ws)), older_than_s=SPARED_S)
        ws.root.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return gone


def named(ws: Workspace) -> Iterator[str]:
    """Give the digest of every blob that the ledger or the memo names, and whatever else there looks like one."""
    for event in ws.ledger.events():
        yield from (found.decode() for found in _DIGEST.findall(msgspec.json.encode(event)))
    for value in ws.memo.all():
        yield from (found.decode() for found in _DIGEST.findall(msgspec.json.encode(value)))
