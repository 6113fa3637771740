"""`judge`."""

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.door import table as lay_out


def judge(version: str, /, *, against: str | None = None, because: str = "") -> Answer:
    """Judge a version on the present suite: scorecard and gate, per metric and slice.

    Parameters
    ----------
    version
        A version such as v3, or `live`, or `previous`.
    against
        The version to compare with; the live one when left out.
    because
        Why, for the ledger.
    """
    from trivium.loop.judge import judge_version

    ws = workspace()
    event = judge_version(ws, version, against=against, because=because)
    evidence = msgspec.json.decode(ws.blobs.get(event.body["scorecard"]))
    cells = evidence["verdict"]["comparisons"]
    return Answer(
        {
            "version": event.subject,
            "against": event.body["against"],
            "verdict": event.body["verdict"],
            "reasons": event.body["reasons"],
            "rows": event.body["rows"],
            "comparisons": cells,
            "scorecard": evidence["scorecard"],
        },
        [
            lay_out(
                f"{event.subject} against {event.body['against']}, {event.body['rows']:,} rows",
                ("metric", "slice", "rows", "candidate", "other", "worse by", "low", "high", "margin", "verdict"),
                [
                    tuple(
                        c[k]
                        for k in (
                            "metric",
                            "slice",
                            "rows",
                            "candidate",
                            "live",
                            "worse_by",
                            "low",
                            "high",
                            "margin",
                            "verdict",
                        )
                    )
                    for c in cells
                ],
            ),
            f"{event.body['verdict']}: " + "; ".join(event.body["reasons"]),
        ],
        exit_code=0 if event.body["verdict"] == "pass" else 1,
    )
