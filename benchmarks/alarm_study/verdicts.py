"""What a system said of a day: the one shape that scoring reads."""

from dataclasses import dataclass

# What a system is called that people tell, after each alarm and rightly, whether it was one.
FEEDBACK = {False: "", True: " + marks"}


def name_of(system: str, *, feedback: bool) -> str:
    """Name a system apart from the same one that is told."""
    return f"{system}{FEEDBACK[feedback]}"


@dataclass(frozen=True)
class Verdict:
    """Whether a system raised an alarm on a day, or only showed something; what it named, the first to blame first.

    `messages` counts what a person would get: one for a system that decides on the partition, one a column otherwise.
    `after_h` is how long after the day's start the alarm comes; a day's rows are there when it is over.
    """

    day: int
    alarm: bool
    shown: bool = False
    columns: tuple[str, ...] = ()
    kind: str | None = None
    messages: int = 0
    after_h: float = 24.0
