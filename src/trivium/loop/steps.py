"""Partitions gathered into steps of time, few enough to draw: however long a table lives, its picture stays small."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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


def steps_of(starts: Sequence[datetime], every: timedelta, *, most: int = MOST_STEPS) -> Steps:
    """Gather partitions by their `starts`, which ascend.

    A step is one partition long, or as many as make at most `most` steps.
    """
    length = max(1, round((starts[-1] - starts[0]) / every) + 1)
    together = math.ceil(length / most)
    members: list[list[int]] = [[] for _ in range(math.ceil(length / together))]
    for place, start in enumerate(starts):
        members[min(len(members) - 1, int((start - starts[0]) / (every * together)))].append(place)
    return Steps(starts[0], every * together, tuple(map(tuple, members)))
