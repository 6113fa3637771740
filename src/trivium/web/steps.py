"""A table's partitions gathered into steps of time, few enough to draw: at most one step a pixel or four."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trivium.loop.table_picture import PartitionSeen

MOST_STEPS = 240


@dataclass(frozen=True, slots=True)
class Steps:
    """Equal lengths of time from `start` on; `members` are the places of the partitions in each, perhaps none."""

    start: datetime
    length: timedelta
    members: tuple[tuple[int, ...], ...]

    @property
    def end(self) -> datetime:
        """When the last step ends."""
        return self.start + self.length * len(self.members)


def steps_of(partitions: Sequence[PartitionSeen], every: timedelta, *, most: int = MOST_STEPS) -> Steps:
    """Gather partitions by their start; a step is one partition long, or as many as make at most `most` steps."""
    start = partitions[0].start
    length = max(1, round((partitions[-1].start - start) / every) + 1)
    together = math.ceil(length / most)
    members: list[list[int]] = [[] for _ in range(math.ceil(length / together))]
    for place, partition in enumerate(partitions):
        members[min(len(members) - 1, int((partition.start - start) / (every * together)))].append(place)
    return Steps(start, every * together, tuple(map(tuple, members)))
