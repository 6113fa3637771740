"""Which partition holds each key of a table, so that a key counts once across partitions.

Keys are held as hashes of 64 bits, made anew by each process. Two of n keys share one with probability n² / 2⁶⁵ (3e-4
for a hundred million): then a good row is held back as if its key were taken, and says so. No key is let in twice.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np

from trivium.data.keys import hash_rows
from trivium.loop.key_runs import KeyRuns, Mask, Owners, when_asked
from trivium.loop.pieces import Scratch
from trivium.loop.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl


class KeyIndex:
    """The keys of a table's committed rows. A partition that is replaced gives its keys up."""

    def __init__(self, columns: tuple[str, ...], scratch: Scratch) -> None:
        self.columns = columns
        stack = ExitStack()
        # The index lives as long as its process; its files go with it, or at the next sweep.
        finalize(self, stack.close)
        self._runs = KeyRuns(when_asked(stack, scratch))
        self._owners: list[bool] = []  # by number: whether it is still some partition's present content
        self._held: dict[str, tuple[str, int]] = {}  # by partition: its blob, and its number
        self._pending: _Expected | None = None
        self._seq = 0

    def bring_up_to(self, ws: Workspace, table: str) -> "KeyIndex":
        """Read the keys of partitions that were added or replaced since the last call."""
        for record in ws.state.snapshot.changed(table, after=self._seq):
            self._seq = max(self._seq, record.seq)
            known = self._held.get(record.partition)
            if known is not None and known[0] == record.blob:
                continue
            if self._pending is not None and self._pending.blob == record.blob:
                number = self._pending.number
            else:
                number = self._number()
                for keys in ws.blobs.frames(record.blob, columns=list(self.columns)) if record.rows else ():
                    self._add(keys, number)
            if known is not None:
                self._owners[known[1]] = False
            self._owners[number] = True
            self._held[record.partition] = (record.blob, number)
        self._pending = None
        return self

    def expect(self) -> None:
        """Begin to note the keys of a partition that is being taken in; they count once its record is there."""
        self._pending = _Expected(self._number())

    def note(self, rows: "pl.DataFrame") -> None:
        """Note the keys of rows that are to be committed to the partition expected."""
        if self._pending is not None and rows.height:
            self._add(rows.select(self.columns), self._pending.number)

    def settle(self, blob: str) -> None:
        """Tell the blob that holds the rows noted."""
        if self._pending is not None:
            self._pending.blob = blob

    def held_elsewhere(self, keys: "pl.DataFrame", *, partition: str) -> "pl.DataFrame | None":
        """Give those of some keys that another partition holds; None when there are none."""
        own = self._held[partition][1] if partition in self._held else -1
        held = self._runs.holds(hash_rows(keys), partial(self._counts, own))
        return keys.filter(held) if held.any() else None

    def _counts(self, own: int, owners: Owners) -> Mask:
        current: Mask = np.asarray(self._owners, dtype=np.bool_)[owners] & (owners != own)
        return current

    def _number(self) -> int:
        self._owners.append(False)
        return len(self._owners) - 1

    def _add(self, keys: "pl.DataFrame", number: int) -> None:
        self._runs.add(hash_rows(keys.drop_nulls()), number)


@dataclass
class _Expected:
    """A partition whose keys are noted and do not count yet."""

    number: int
    blob: str | None = None
