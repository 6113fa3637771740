"""What an answer is: what the caller is told of a row, and what the log keeps of it. Not how it is found."""

from typing import Any

import msgspec

from trivium.core.problems import Problem


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row's answer, as the caller gets it.

    `source` is `model`, `fallback`, `heuristic`, `default`, `override` (a check said so) or `refused`. `prediction` is
    null where the row was refused, and where nobody could answer and no default is declared. `checks` are the names of
    those that the row or its answer broke, and `TABLE is fresh` for each table too old for its declared freshness.
    `problem` says why a row was refused.
    """

    id: str
    row_id: str
    prediction: float | None
    version: str | None
    stage: str
    source: str
    checks: tuple[str, ...]
    review: bool
    problem: Problem | None = None


class Logged(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One answer as the log keeps it: served, or (`source` `unserved`) what another version would have said.

    `at` is in microseconds since 1970, UTC. `latency_ms` is what answering this row took: those who were asked about
    it, and what all rows of its call shared, but not those who were asked about others alone. `troubles` are the
    versions that could not answer: the version, what befell it (one of `TROUBLES`), and in words. `request` is the row
    as it was asked, private columns hidden; None where unserved. `features` are what the version answered from, as
    little-endian doubles in the order of its columns, NaN for null; None where none were made, and where the requests
    hold private columns. `head` is the place in the ledger that the other tables were read at: what a replay of the
    answer starts from.
    """

    id: str
    row_id: str
    at: int
    version: str | None
    stage: str
    source: str
    prediction: float | None
    checks: tuple[str, ...] = ()
    review: bool = False
    latency_ms: float | None = None
    troubles: tuple[tuple[str, str, str], ...] = ()
    request: dict[str, Any] | None = None
    features: bytes | None = None
    head: int = 0


class Gist(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What most readers want of a `Logged` record: its first fields; decoding one reads no request."""

    id: str
    row_id: str
    at: int
    version: str | None
    stage: str
    source: str
    prediction: float | None
    checks: tuple[str, ...] = ()
    review: bool = False


TROUBLES = {
    "raised": "it raised",
    "late": "it took longer than its deadline",
    "not_finite": "it gave no finite number",
    "refused": "it raises on this row alone",
    "open": "it failed too often lately, and is being tried out before it is asked again",
    "stale": "a table that it reads is older than its declared freshness",
}
