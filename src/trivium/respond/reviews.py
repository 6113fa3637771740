"""Reviews: what people have taken and decided of the answers that a check wants looked at; and which comes first.

A fold over the ledger. Which answers those are is the prediction log's to say, and is handed in.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from trivium.core.events import Event
from trivium.core.values import moment

Verdict = Literal["decided", "skipped"]
State = Literal["waiting", "taken", "decided", "skipped", "overtaken", "expired"]
DAY = timedelta(days=1)


class Lease(msgspec.Struct, frozen=True):
    """Who has taken an answer, and until when nobody else may decide on it."""

    by: str
    until: datetime


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a person made of an answer. `outcome` is the blob of the label, None where it was skipped."""

    verdict: Verdict
    by: str
    at: datetime
    because: str
    outcome: str | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that a check put into the queue.

    `checks` are all that it broke, `asked_by` those that want a person to look. `value` is in bits, see `value_of`.
    `taken` is the lease in force, `decision` what was said of it or of another answer about the same row.
    """

    id: str
    row_id: str
    at: datetime
    prediction: float | None
    version: str | None
    stage: str
    source: str
    checks: tuple[str, ...]
    asked_by: tuple[str, ...]
    expires_at: datetime
    value: float
    state: State
    taken: Lease | None = None
    decision: Decision | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it waits for a person, taken by one or not."""
        return self.state in ("waiting", "taken")


class Reviews:
    """A fold over `review_taken`, `reviewed` and `review_skipped`; other kinds pass by."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._decisions: dict[str, Decision] = {}

    def apply(self, event: Event) -> None:
        """Take in the next event of the ledger."""
        if event.kind == "review_taken":
            lease = Lease(event.actor, moment(event.body["until"]))
            self._leases.update(dict.fromkeys(event.body["answers"], lease))
        elif event.kind in ("reviewed", "review_skipped"):
            self._leases.pop(event.subject, None)
            self._decisions[event.subject] = Decision(
                verdict="decided" if event.kind == "reviewed" else "skipped",
                by=event.actor,
                at=event.at,
                because=event.because,
                outcome=event.body.get("outcome"),
            )

    def decision(self, name: str) -> Decision | None:
        """Tell what was decided on an answer, by its id."""
        return self._decisions.get(name)

    def lease(self, name: str, *, now: datetime) -> Lease | None:
        """Tell who has an answer in hand; a lease ends at its time, not after it."""
        held = self._leases.get(name)
        return held if held is not None and now < held.until else None


def value_of(asked_by: Iterable[str], *, shares: Mapping[str, float], prediction: float | None) -> float:
    """Measure in bits what a person's word on an answer is worth.

    How rare it is that an answer breaks these checks (the bits of surprise, -log2 of each one's share of all answers),
    and how unsure the model is (the entropy of a probability, 1 bit at 0.5). So a check that fires on everything fills
    the queue's end, not its head.

    Args:
        asked_by: the checks that want it looked at.
        shares: of all answers, how many break each check, 0 < share <= 1.
        prediction: a probability; None where the answer is none, or nobody gave one.

    Source:
        Shannon (1948), "A Mathematical Theory of Communication"; asking first about what the model is least sure of:
        Lewis and Gale (1994), "A Sequential Algorithm for Training Text Classifiers".
    """
    surprise = sum(-math.log2(shares[name]) for name in asked_by)
    return surprise + (0.0 if prediction is None else entropy(prediction))


def entropy(probability: float) -> float:
    """Tell the entropy of a yes or no, in bits; 0 for what is no probability."""
    if not 0 < probability < 1:
        return 0.0
    return -sum(share * math.log2(share) for share in (probability, 1 - probability))


def state_of(
    name: str,
    reviews: Reviews,
    *,
    at: datetime,
    now: datetime,
    expires_after: timedelta,
    is_known: bool,
) -> State:
    """Tell where an answer given at a time stands; a person's decision counts more than that the truth came since."""
    decision = reviews.decision(name)
    if decision is not None:
        return decision.verdict
    if is_known:
        return "overtaken"
    if now >= at + expires_after:
        return "expired"
    return "taken" if reviews.lease(name, now=now) else "waiting"


def ordered(entries: Collection[Entry], *, now: datetime) -> list[Entry]:
    """Put the oldest first, by whole days of waiting, and of one day the most valuable."""
    return sorted(entries, key=lambda one: (-((now - one.at) // DAY), -one.value, one.at, one.id))
