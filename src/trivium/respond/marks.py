"""Marks: what people said of alarms, what each rule's alarms were worth, and which rules no longer page for it.

A rule is what raised an alarm: its kind, its subject, and the check or objective by name. A fold over the ledger.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError, unknown_name

Word = Literal["useful", "noise"]
WORDS: tuple[str, ...] = get_args(Word)
# The bounds hold 90 %, so that each end alone is wrong in 5 %: a rule is demoted at its upper end.
QUANTILE = 1.6449
# A rule changes as its table does: what people said of its last alarms counts.
REMEMBERED = 30


@dataclass(frozen=True, slots=True)
class Worth:
    """What a rule's alarms were worth. `low` and `high` bound its precision; 0 and 1 when nothing was said of any.

    `marked` counts the alarms that people marked since the rule was last promoted by hand, at most the last 30.
    """

    rule: str
    raised: int
    paged: int
    useful: int
    noise: int
    is_demoted: bool

    @property
    def marked(self) -> int:
        """How many of its alarms people marked."""
        return self.useful + self.noise

    @property
    def precision(self) -> float | None:
        """The share of useful alarms among those marked; None while none is."""
        return self.useful / self.marked if self.marked else None

    @property
    def low(self) -> float:
        """The lower end of the precision's interval."""
        return share_interval(self.useful, self.marked)[0]

    @property
    def high(self) -> float:
        """The upper end of the precision's interval."""
        return share_interval(self.useful, self.marked)[1]


def share_interval(hits: int, trials: int, *, quantile: float = QUANTILE) -> tuple[float, float]:
    """Bound a share, by default so that each end alone is wrong in about 5 %; (0, 1) without trials.

    Source:
        Wilson (1927), the score interval; recommended for few trials by Brown, Cai and DasGupta (2001).
    """
    if trials == 0:
        return 0.0, 1.0
    share, square = hits / trials, quantile**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    room = quantile / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    # At the ends the exact bound is the share itself; rounding may miss it by a hair.
    return (0.0 if hits == 0 else middle - room), (1.0 if hits == trials else middle + room)


class Marks:
    """All marks, folded from `alarmed`, `marked`, `demoted` and `promoted`; other kinds pass by.

    A `marked` event has the alarm's id as subject; `demoted` and `promoted` have the rule.
    """

    def __init__(self) -> None:
        self._alarms: dict[str, Event] = {}
        self._marks: dict[str, Event] = {}
        self._since: dict[str, int] = {}
        self.demoted: dict[str, Event] = {}

    def apply(self, event: Event) -> None:
        """Take in the next event of the ledger."""
        if event.kind == "alarmed":
            self._alarms[event.body["id"]] = event
        elif event.kind == "marked":
            # Marked anew, an alarm counts as the latest to be marked.
            self._marks.pop(event.subject, None)
            self._marks[event.subject] = event
        elif event.kind == "demoted":
            self.demoted[event.subject] = event
        elif event.kind == "promoted":
            self.demoted.pop(event.subject, None)
            if event.body["by_hand"]:
                self._since[event.subject] = event.seq

    def alarm(self, name: str) -> Event:
        """Return the event of an alarm by its id.

        Raises:
            ProjectError (TV-RESP-003): there is no such alarm.
        """
        if name not in self._alarms:
            latest = list(self._alarms)[-REMEMBERED:]
            raise ProjectError(unknown_name("TV-RESP-003", "alarm", name, latest, where="the ledger's alarms"))
        return self._alarms[name]

    def word(self, alarm: str) -> Word | None:
        """Tell what was said of an alarm, if anything."""
        return self._marks[alarm].body["mark"] if alarm in self._marks else None

    def on(self, subject: str) -> tuple[Event, ...]:
        """Return the marks of a subject's alarms, the latest word on each alarm, in the order they were said."""
        return tuple(mark for mark in self._marks.values() if mark.body["subject"] == subject)

    def worth(self, rule: str, *, also: tuple[str, Word] | None = None) -> Worth:
        """Tell what one rule's alarms were worth; `also` is a mark (alarm, word) that is about to be made."""
        own = {name: event for name, event in self._alarms.items() if rule_of(event) == rule}
        since = self._since.get(rule, -1)
        words = {name: mark.body["mark"] for name, mark in self._marks.items() if name in own and mark.seq > since}
        if also is not None:
            words.pop(also[0], None)
            words[also[0]] = also[1]
        said = list(words.values())[-REMEMBERED:]
        return Worth(
            rule=rule,
            raised=len(own),
            paged=sum(event.body["paged"] for event in own.values()),
            useful=said.count("useful"),
            noise=said.count("noise"),
            is_demoted=rule in self.demoted,
        )

    def rules(self) -> tuple[Worth, ...]:
        """Tell what each rule that ever alarmed was worth; those that alarmed most come first."""
        names = dict.fromkeys(rule_of(event) for event in self._alarms.values())
        return tuple(sorted((self.worth(name) for name in names), key=lambda worth: (-worth.raised, worth.rule)))

    def known_rule(self, name: str) -> str:
        """Return the name of a rule that alarmed before.

        Raises:
            ProjectError (TV-RESP-004): no alarm was raised by such a rule.
        """
        names = list(dict.fromkeys(rule_of(event) for event in self._alarms.values()))
        if name not in names:
            raise ProjectError(unknown_name("TV-RESP-004", "rule", name, names, where="the rules that alarmed"))
        return name


def rule_of(alarm: Event) -> str:
    """Name the rule that raised an alarm; alarms of the first versions did not say it."""
    return str(alarm.body.get("rule") or f"{alarm.body['alarm']} {alarm.subject}")


def rules_of(alarm: Event) -> tuple[str, ...]:
    """Name all the rules that an alarm joined, the one that raised it first."""
    return tuple(alarm.body.get("rules") or (rule_of(alarm),))


def known_word(word: str) -> Word:
    """Return a mark as such (ProjectError TV-RESP-005: it is neither `useful` nor `noise`)."""
    if word not in WORDS:
        raise ProjectError(
            Problem(
                code="TV-RESP-005",
                what=f"{word!r} is no mark",
                where="trivium alarms mark",
                seen=word,
                fix="say useful or noise",
            )
        )
    return word  # type: ignore[return-value]  # one of WORDS


def should_demote(worth: Worth, *, below: float) -> bool:
    """Tell whether a rule's precision is, with 95 % confidence, below the level asked for: its upper end is."""
    return worth.high < below


def reason_of(worth: Worth) -> str:
    """Say in words what people said of a rule's alarms."""
    return f"{worth.useful} of {worth.marked} marked alarms were useful, so at most {worth.high:.0%} of such are"
