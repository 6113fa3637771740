"""Outcomes that are posted one by one: as a client says them, and as the log keeps them."""

from datetime import datetime

import msgspec


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one answered row, named by its `row_id` or by the answer's `id`; `at`: known since, else now."""

    label: float | bool
    row_id: str | int | None = None
    id: str | None = None
    at: datetime | None = None


class LoggedOutcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One outcome as the log keeps it: known since `at`, posted at `got` (microseconds since 1970, UTC), said by `by`.

    Of words that became known at the same time the one that was posted last counts.
    """

    row_id: str | None
    id: str | None
    label: float
    at: int
    got: int
    by: str
