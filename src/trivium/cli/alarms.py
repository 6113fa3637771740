"""`alarms`: what was told, what people said of it, and what they asked not to be paged about."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out
from trivium.cli.options import Count
from trivium.cli.progress import Shown, ticks_bar

if TYPE_CHECKING:
    from trivium.loop.tune import Progress
    from trivium.loop.workspace import Workspace


def list_(*, last: Count = 30) -> Answer:
    """Show the latest alarms, whether they paged anybody, and what is muted or demoted.

    Parameters
    ----------
    last
        How many.
    """
    ws = workspace()
    found = [_plain(ws, event) for event in ws.state.journal.alarms[-last:]]
    quiet = _quiet(ws)
    shown = [
        lay_out(
            "Alarms",
            ("alarm", "at", "kind", "subject", "paged", "marked", "incident", "what"),
            [
                (
                    a["id"],
                    a["at"],
                    a["kind"],
                    a["subject"],
                    "yes" if a["paged"] else f"no: {a['reason']}" if a["reason"] else "no",
                    a["mark"],
                    a["incident"],
                    a["what"],
                )
                for a in found
            ],
        )
        if found
        else "no alarms"
    ]
    return Answer({"alarms": found, **quiet}, [*shown, *_shown_quiet(quiet)])


def _plain(ws: "Workspace", event: Any) -> dict[str, Any]:
    from trivium.core.values import iso
    from trivium.respond.marks import rule_of

    body = event.body
    return {
        "id": body["id"],
        "at": iso(event.at),
        "kind": body["alarm"],
        "subject": event.subject,
        "severity": body["severity"],
        "paged": body["paged"],
        "reason": body.get("reason", ""),
        "columns": body["columns"],
        "what": body["what"],
        "incident": body["incident"],
        "rule": rule_of(event),
        "mark": ws.state.marks.word(body["id"]),
    }


def _quiet(ws: "Workspace") -> dict[str, Any]:
    from trivium.core.values import iso

    return {
        "mutes": [
            {
                "id": mute.id,
                "subject": mute.subject,
                "column": mute.column,
                "kind": mute.kind,
                "until": iso(mute.until),
                "by": mute.by,
                "because": mute.because,
            }
            for mute in ws.state.mutes.active(ws.clock.now())
        ],
        "demoted": [
            {"rule": rule, "since": iso(event.at), "because": event.because}
            for rule, event in ws.state.marks.demoted.items()
        ],
    }


def _shown_quiet(quiet: dict[str, Any]) -> list[Any]:
    shown: list[Any] = []
    if quiet["mutes"]:
        names = ("id", "subject", "column", "kind", "until", "by", "because")
        rows = [[mute[name] for name in names] for mute in quiet["mutes"]]
        shown.append(lay_out("Muted", ("mute", *names[1:]), rows))
    if quiet["demoted"]:
        said = ("rule", "since", "because")
        rows = [[rule[name] for name in said] for rule in quiet["demoted"]]
        shown.append(lay_out("Demoted: these rules page nobody", said, rows))
    return shown


def mark(alarm: str, word: str, /, *, because: str = "") -> Answer:
    """Say of an alarm that it was `useful`, or `noise`; the last word counts.

    Parameters
    ----------
    alarm
        Its id, such as a12.
    word
        `useful` or `noise`.
    because
        Why, for the ledger.
    """
    from trivium.loop.mark import mark_alarm
    from trivium.respond.marks import known_word

    events = mark_alarm(workspace(), alarm, known_word(word), because=because)
    rule = events[0].body["rule"]
    turned = [f"the rule {rule!r} is {event.kind}: {event.because}" for event in events[1:]]
    return Answer(
        {"alarm": alarm, "mark": word, "rule": rule, "turned": [event.kind for event in events[1:]]},
        [f"{alarm} is marked {word}", *turned],
    )


def mute(
    subject: str, /, *, until: str, column: str | None = None, kind: str | None = None, because: str = ""
) -> Answer:
    """Ask not to be paged about a table, the model or a version until a time; its alarms are recorded all the same.

    Parameters
    ----------
    subject
        A table, the model, or a version.
    until
        When the mute ends by itself: a date or time, UTC unless it says otherwise.
    column
        Mute this column alone.
    kind
        Mute this kind of alarm alone.
    because
        Why, for the ledger and whoever sees the silenced alarm.
    """
    from trivium.core.alarms import known_kind
    from trivium.core.values import iso, moment
    from trivium.loop.mark import mute as mute_it

    end = moment(until, where="--until")
    event = mute_it(
        workspace(),
        subject,
        column=column,
        kind=None if kind is None else known_kind(kind, where="--kind"),
        until=end,
        because=because,
    )
    return Answer({"subject": subject, **event.body}, [f"{event.body['id']}: {subject} is muted until {iso(end)}"])


def unmute(name: str, /, *, because: str = "") -> Answer:
    """End a mute before its time.

    Parameters
    ----------
    name
        The mute's id, or the subject: then all that is muted on it.
    because
        Why, for the ledger.
    """
    from trivium.loop.mark import unmute as unmute_it

    ended = [event.subject for event in unmute_it(workspace(), name, because=because)]
    return Answer({"ended": ended}, [f"ended: {', '.join(ended)}"])


def ledger() -> Answer:
    """Tell what each rule's alarms were worth: how many people found useful, within which bounds, and what is demoted.

    In a rehearsal the truth is known: an alarm is useful if an injected fault caused it.
    """
    from trivium.loop.mark import alarm_ledger, worths

    found = worths(alarm_ledger(workspace()))
    names = ("rule", "raised", "paged", "useful", "noise", "unmarked")
    rows = [[*(each[name] for name in names), _precision(each), "yes" if each["demoted"] else "no"] for each in found]
    return Answer(
        {"rules": found},
        [lay_out("Rules", (*names, "precision", "demoted"), rows) if rows else "no alarms"],
    )


def _precision(worth: dict[str, Any]) -> str | None:
    if worth["precision"] is None:
        return None
    return f"{worth['precision']:.0%} ({worth['low']:.0%} to {worth['high']:.0%})"


def promote(rule: str, /, *, because: str = "") -> Answer:
    """Let a demoted rule page again; what was said of its earlier alarms no longer counts.

    Parameters
    ----------
    rule
        As `trivium alarms ledger` names it.
    because
        Why, for the ledger.
    """
    from trivium.loop.mark import promote as promote_it

    promote_it(workspace(), rule, because=because)
    return Answer({"rule": rule, "demoted": False}, [f"{rule!r} may page again"])


def tune(*, seed: int = 0, report: Path | None = None, write: bool = False, because: str = "") -> Answer:
    """Measure pages a week against faults caught, on your own history, and recommend a rate of false alarms.

    Parameters
    ----------
    seed
        Decides the faults.
    report
        Where to write the curve, one HTML file.
    write
        Put the recommended rate into trivium.toml; comments stay.
    because
        Why, for whoever reads the file: stands beside the setting.
    """
    from trivium.loop.settle import settle
    from trivium.loop.tune import tune as measure

    ws = workspace()
    with ticks_bar(_where) as progress:
        found = measure(ws, seed=seed, progress=progress)
    found["written"] = write
    if report is not None:
        from trivium.web.tuning_report import render

        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(render(found), encoding="utf-8")
    if write:
        settle(ws, ("alarms", "false_alarm_rate"), found["recommended"], because=because)
    return Answer(found, _curve(found))


def _curve(found: dict[str, Any]) -> list[Any]:
    severities = list(found["faults"])
    rows = [
        [
            f"{point['rate']:g}{_note(found, point['rate'])}",
            point["pages_per_week"],
            *(f"{point['caught'][name]} of {found['faults'][name]}" for name in severities),
        ]
        for point in found["curve"]
    ]
    names = ("false_alarm_rate", "pages a week", *(f"{name} faults caught" for name in severities))
    missed = ", ".join(f"{kind} {number}" for kind, number in found["missed"].items())
    return [
        lay_out(f"{found['from'][:10]} to {found['to'][:10]}, {found['weeks']} weeks judged", names, rows),
        f"recommended: {found['recommended']:g}; {found['because']}",
        f"medium faults that it misses: {missed or 'none'}",
        "written to trivium.toml"
        if found["written"]
        else "pages are those of the history as it was: look whether they were right, then --write",
    ]


def _note(found: dict[str, Any], rate: float) -> str:
    notes = [word for word in ("now", "recommended") if found[word] == rate]
    return f" ({', '.join(notes)})" if notes else ""


def _where(at: "Progress") -> Shown:
    words = "the history with faults" if at.run else "the history as it was"
    return at.run * at.ticks + at.done, at.runs * at.ticks, words
