"""`tick` and `watch`."""

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


def tick(*, because: str = "") -> Answer:
    """Do whatever is due now, once: collect, answer, score, watch, respond.

    Parameters
    ----------
    because
        Why by hand, for the ledger.
    """
    from trivium.loop.sources import FileSource
    from trivium.loop.tick import tick as tick_once

    ws = workspace()
    done = tick_once(ws, source=FileSource(ws.folder, ws.project, memo=ws.memo), because=because)
    counts = done.counts()
    return Answer(
        {
            "events": counts,
            "spent_s": {name: round(s, 3) for name, s in done.spent_s.items()},
            "live": ws.state.route.live,
        },
        [pairs("Done", counts) if counts else "nothing was due"],
    )


def watch(what: str, /, *, last: int = 14) -> Answer:
    """Show a table's partitions beside their history, or the live model's scores and objectives over time.

    Parameters
    ----------
    what
        A table, or `live`.
    last
        How many of the latest periods to show.
    """
    from trivium.loop.collect import known_table
    from trivium.loop.scores import live_report
    from trivium.loop.table_history import table_report

    ws = workspace()
    if what == "live":
        report = live_report(ws, last=last)
        missed = [o for o in report["objectives"] if o["verdict"] == "missed"]
        metrics = [metric.name for metric in ws.project.metrics]
        return Answer(
            report,
            [
                lay_out(
                    "Objectives",
                    ("objective", "verdict", "value", "target", "rows"),
                    [tuple(o[k] for k in ("name", "verdict", "value", "target", "rows")) for o in report["objectives"]],
                ),
                lay_out(
                    "Scores of what was served",
                    ("period", "live", "rows", "overdue", *metrics),
                    [
                        (p["partition"], p["live"], p["rows"], p["overdue"], *(p["metrics"][m]["all"] for m in metrics))
                        for p in report["periods"]
                    ],
                ),
            ],
            exit_code=1 if missed else 0,
        )
    known_table(ws, what)
    report = table_report(ws, what, last=last)
    return Answer(
        report,
        [
            lay_out(
                f"{what}, latest partitions",
                (
                    "partition",
                    "read",
                    "committed",
                    "quarantined",
                    "refused",
                    "drift",
                    "score",
                    "threshold",
                    "most moved",
                ),
                [
                    (
                        p["partition"],
                        p["read"],
                        p["committed"],
                        p["quarantined"],
                        p["refused"],
                        p["verdict"],
                        p["score"],
                        p["threshold"],
                        p["moved"],
                    )
                    for p in report["partitions"]
                ],
            )
        ],
    )
