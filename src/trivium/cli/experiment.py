"""`try`, `ideas` and `runs`."""

from typing import Annotated

from cyclopts import Parameter

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out


def try_(
    *, set_: Annotated[list[str] | None, Parameter(name="--set")] = None, name: str | None = None, because: str = ""
) -> Answer:
    """Let an idea climb the ladder until a rung stops it. Steps whose code, params and inputs are unchanged do not run.

    Parameters
    ----------
    set_
        A parameter of a step for this idea, as step.param=VALUE; may be given again.
    name
        What to call the idea.
    because
        Why, for the ledger.
    """
    from trivium.experiment.overrides import parse_set
    from trivium.loop.try_idea import try_idea

    ws = workspace()
    params = parse_set(set_ or [], ws.code.graph)
    called = name or (", ".join(set_) if set_ else "as it is")
    tried = try_idea(ws, name=called, because=because, params=params)
    assert tried is not None
    ran = [step for step, how in tried.steps.items() if how["ran"]]
    return Answer(
        {
            "idea": called,
            "rung": tried.rung,
            "verdict": tried.verdict,
            "reason": tried.reason,
            "version": tried.version,
            "steps": tried.steps,
            "steps_executed": len(ran),
        },
        [
            lay_out(
                f"Idea {called!r}",
                ("step", "how", "key"),
                [(step, "ran" if how["ran"] else "remembered", how["key"][:12]) for step, how in tried.steps.items()],
            ),
            f"{tried.verdict} at {tried.rung}"
            + (f", version {tried.version}" if tried.version else "")
            + (f": {tried.reason}" if tried.reason else ""),
        ],
        exit_code=0 if tried.verdict == "pass" else 1,
    )


def ideas() -> Answer:
    """Show every idea, how far it came and why it stopped."""
    from trivium.core.values import iso

    found = workspace().state.ideas
    rows = [
        {
            "name": i.name,
            "at": iso(i.at),
            "rung": i.rung,
            "verdict": i.verdict,
            "reason": i.reason,
            "version": i.version,
        }
        for i in found.all()
    ]
    funnel = [{"rung": rung, "reached": reached, "stopped": stopped} for rung, reached, stopped in found.funnel()]
    return Answer(
        {"ideas": rows, "funnel": funnel},
        [
            lay_out("Funnel", ("rung", "reached", "stopped here"), [tuple(f.values()) for f in funnel]),
            lay_out(
                "Ideas",
                ("idea", "tried", "rung", "verdict", "version", "why"),
                [(r["name"], r["at"], r["rung"], r["verdict"], r["version"], r["reason"]) for r in rows],
            )
            if rows
            else "no ideas yet: trivium try",
        ],
    )


def runs() -> Answer:
    """Show every run: which steps ran and which were remembered."""
    from trivium.core.values import iso

    found = [
        {
            "run": event.body["run"],
            "idea": event.subject,
            "at": iso(event.at),
            "params": event.body["params"],
            "steps": event.body["steps"],
            "version": event.body["version"],
        }
        for event in workspace().ledger.events(kind="tried")
    ]
    return Answer(
        {"runs": found},
        [
            lay_out(
                "Runs",
                ("run", "idea", "at", "ran", "remembered", "version"),
                [
                    (
                        r["run"],
                        r["idea"],
                        r["at"],
                        ", ".join(s for s, h in r["steps"].items() if h["ran"]) or None,
                        ", ".join(s for s, h in r["steps"].items() if not h["ran"]) or None,
                        r["version"],
                    )
                    for r in found
                ],
            )
            if found
            else "no runs yet: trivium try"
        ],
    )
