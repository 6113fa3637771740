"""A partition's sampled rows beside another's: whether it was delivered before. Decides nothing."""

from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from trivium.core.summary import SAMPLED, Joint

Hashes = npt.NDArray[np.uint64]


class Samples:
    """The hashes of a partition's sampled rows, ascending: whole, and without key and time.

    What two share is worked out once: a window of partitions is read again with each one that comes.
    """

    def __init__(self, joint: Joint | None = None) -> None:
        held = (joint.sample_of_rows, joint.sample_of_contents) if joint else (None, None)
        self._sides = [np.array(one.hashes if one else (), dtype=np.uint64) for one in held]
        self._shared: WeakKeyDictionary[Samples, float] = WeakKeyDictionary()

    def __len__(self) -> int:
        """Count the whole rows sampled."""
        return len(self._sides[0])

    def repeated_in(self, other: "Samples") -> float:
        """Estimate the share of these rows that the other's table holds too, whole or but for key and time, 0 to 1."""
        if other not in self._shared:
            sides = zip(self._sides, other._sides, strict=True)
            self._shared[other] = max(overlap(mine, theirs) for mine, theirs in sides)
        return self._shared[other]


def overlap(mine: Hashes, other: Hashes) -> float:
    """Estimate the share of one sample's rows that the other's table holds too: among the hashes that both reach."""
    if not len(other):
        return 0.0
    within = mine[mine <= other[-1]] if len(other) >= SAMPLED else mine
    found = other[np.minimum(np.searchsorted(other, within), len(other) - 1)] == within
    return float(found.mean()) if len(within) else 0.0
