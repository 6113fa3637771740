"""Mark: what people say of alarms goes back into them, and a rule that mostly cries wolf stops paging."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from trivium.core.alarms import OF_RELEASES
from trivium.core.events import Event
from trivium.core.problems import Problem, ProjectError, unknown_name
from trivium.core.values import iso
from trivium.loop.credit import credits_of
from trivium.loop.rehearse import faults_of
from trivium.loop.workspace import Workspace
from trivium.respond.marks import Word, Worth, reason_of, rule_of, should_demote


def mark_alarm(ws: Workspace, name: str, word: Word, *, because: str = "") -> list[Event]:
    """Say of an alarm that it was useful, or noise; the last word counts.

    The table's history hears it (`noise`: that partition was ordinary after all), and so does the rule that alarmed.

    Raises:
        ProjectError (TV-RESP-003): there is no such alarm.
    """

    def work() -> list[Event]:
        alarm = ws.state.marks.alarm(name)
        rule = rule_of(alarm)
        marked = ws.event(
            "marked",
            name,
            because=because,
            mark=word,
            alarm=name,
            rule=rule,
            kind=alarm.body["alarm"],
            subject=alarm.subject,
            columns=alarm.body["columns"],
            partitions=partitions_of(alarm),
        )
        return [marked, *_weighed(ws, ws.state.marks.worth(rule, also=(name, word)))]

    return ws.unit(None, work)


def partitions_of(alarm: Event) -> list[str]:
    """Name the partitions that an alarm is about, in order."""
    evidence = alarm.body["evidence"]
    found = [part.get("partition") for part in evidence.get("findings", [evidence])]
    return sorted({name for name in found if name})


def _weighed(ws: Workspace, worth: Worth) -> list[Event]:
    """Demote a rule whose alarms people found noise, or promote one whose marks have turned."""
    demote = should_demote(worth, below=ws.project.alarms.demote_below)
    if demote == worth.is_demoted:
        return []
    if demote:
        return [ws.event("demoted", worth.rule, because=reason_of(worth))]
    return [ws.event("promoted", worth.rule, because=f"the marks have turned: {reason_of(worth)}", by_hand=False)]


def promote(ws: Workspace, rule: str, *, because: str = "") -> list[Event]:
    """Let a rule page again, in somebody's name; what was said of its earlier alarms no longer counts.

    Raises:
        ProjectError (TV-RESP-004): no such rule has alarmed.
    """
    return ws.unit(
        None,
        lambda: [ws.event("promoted", ws.state.marks.known_rule(rule), because=because, by_hand=True)],
    )


def mute(
    ws: Workspace, subject: str, *, column: str | None, kind: str | None, until: datetime, because: str = ""
) -> Event:
    """Ask not to be paged about a subject, or one column or kind of alarm of it, until a time.

    Raises:
        ProjectError: TV-RESP-006 there is no such subject or column; -007 the time has passed already.
    """
    known_subject(ws, subject, column)
    if until <= ws.clock.now():
        raise ProjectError(
            Problem(
                code="TV-RESP-007",
                what="a mute cannot end before it begins",
                where="--until",
                seen=f"{iso(until)}; it is {iso(ws.clock.now())}",
                fix="name a time to come",
            )
        )

    def work() -> list[Event]:
        name = ws.state.mutes.next_id()
        body = {"id": name, "column": column, "kind": kind, "until": iso(until)}
        return [ws.event("muted", subject, because=because, **body)]

    return ws.unit(None, work)[0]


def known_subject(ws: Workspace, subject: str, column: str | None) -> None:
    """Refuse a subject that alarms cannot be about, or a column that its table has not (ProjectError TV-RESP-006)."""
    versions = [version.ref for version in ws.state.versions.all()]
    subjects = [*ws.project.tables, ws.project.model.name, *versions]
    if subject not in subjects:
        raise ProjectError(unknown_name("TV-RESP-006", "subject", subject, subjects, where="trivium.toml"))
    columns = list(ws.project.tables[subject].columns) if subject in ws.project.tables else []
    # A table without a contract has columns that the project file does not name.
    if column is not None and columns and column not in columns:
        raise ProjectError(unknown_name("TV-RESP-006", "column", column, columns, where=f"trivium.toml, {subject}"))


def unmute(ws: Workspace, name: str, *, because: str = "") -> list[Event]:
    """End the mutes that an id or a subject names (ProjectError TV-RESP-002: none is in force)."""

    def work() -> list[Event]:
        meant = ws.state.mutes.meant(name, now=ws.clock.now())
        return [ws.event("unmuted", mute.id, because=because) for mute in meant]

    return ws.unit(None, work)


def worths(rules: Sequence[Worth]) -> list[dict[str, Any]]:
    """Write what rules were worth as `--json` has it."""
    return [
        {
            "rule": worth.rule,
            "raised": worth.raised,
            "paged": worth.paged,
            "useful": worth.useful,
            "noise": worth.noise,
            "unmarked": worth.raised - worth.marked,
            "precision": worth.precision,
            "low": worth.low,
            "high": worth.high,
            "demoted": worth.is_demoted,
        }
        for worth in rules
    ]


def alarm_ledger(ws: Workspace) -> list[Worth]:
    """Tell what each rule's alarms were worth; in a rehearsal by the faults that were injected, not by marks.

    No fault is injected that takes a sound version down, so of alarms on releases nothing is told there.
    """
    faults = faults_of(ws)
    if faults is None:
        return list(ws.state.marks.rules())
    credit = credits_of(ws.project, faults, ws.state.journal.alarms)
    truth: Counter[tuple[str, bool]] = Counter(
        (rule_of(alarm), credit[alarm.body["id"]] is not None)
        for alarm in ws.state.journal.alarms
        if alarm.body["alarm"] not in OF_RELEASES
    )
    return [
        replace(worth, useful=truth[worth.rule, True], noise=truth[worth.rule, False])
        for worth in ws.state.marks.rules()
    ]
