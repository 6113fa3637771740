"""What the loop asks of the edges. Each port has a conformance test that any implementation must pass."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from trivium.core.events import Event


class Ledger(Protocol):
    """An append-only list of events."""

    def append(self, events: Sequence[Event], *, expect_head: int | None = None) -> list[Event]:
        """Append all or none, in one transaction; return them with their `seq`.

        An event whose `key` the ledger holds already makes the whole append a no-op that returns [].
        With `expect_head`, a ledger whose last seq differs raises StoreError (TV-STORE-004).
        """
        ...

    def events(self, *, after: int = 0, kind: str | None = None, subject: str | None = None) -> Iterator[Event]:
        """Read events with seq > `after`, in order."""
        ...

    def has(self, key: str) -> bool:
        """Tell whether an event with this natural key is held."""
        ...

    def head(self) -> int:
        """Tell the last seq; 0 when empty."""
        ...


class Blobs(Protocol):
    """Immutable bytes by their sha256."""

    def put(self, content: bytes) -> str:
        """Keep the bytes and return their digest; once it returns they are there for good."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes, verified; StoreError (TV-STORE-005 missing, TV-STORE-006 damaged)."""
        ...

    def has(self, digest: str) -> bool:
        """Tell whether the bytes are held."""
        ...


class Memo(Protocol):
    """Which blob holds the result of a step, by the step's memo key. A cache: losing it costs time only."""

    def find(self, key: str) -> dict[str, Any] | None:
        """Return what was remembered, or None."""
        ...

    def remember(self, key: str, value: dict[str, Any]) -> None:
        """Remember plain values under a key; the first to come stays."""
        ...

    def forget(self, prefix: str, *, but: Collection[str] = ()) -> list[dict[str, Any]]:
        """Forget what stands under keys that begin so, but for those that begin with one of `but`; return it."""
        ...
