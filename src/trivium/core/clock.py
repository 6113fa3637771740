"""Where `now` comes from. The only module of the house's inside that may ask the machine for the time."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the loop asks for the time. `is_virtual` tells a rehearsal from the real thing."""

    is_virtual: bool

    def now(self) -> datetime:
        """Tell the present as an aware UTC datetime."""
        ...


class RealClock:
    """The machine's clock."""

    is_virtual = False

    def now(self) -> datetime:
        """Tell the machine's time."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved, and never moves back."""

    is_virtual = True

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        """Tell the time it was last moved to."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Move on to `at`; earlier than now is a programming fault (ValueError)."""
        if at < self._at:
            raise ValueError(f"a clock does not run back: {at} is before {self._at}")
        self._at = at
