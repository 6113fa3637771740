"""`judge`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import table as lay_out

# A comparison's keys, and what they are called over their columns.
COLUMNS = {
    "metric": "metric",
    "slice": "slice",
    "rows": "rows",
    "candidate": "candidate",
    "live": "other",
    "worse_by": "worse by",
    "low": "low",
    "high": "high",
    "margin": "margin",
    "verdict": "verdict",
}


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
    judged = {
        "version": event.subject,
        **{name: event.body[name] for name in ("against", "verdict", "reasons", "rows")},
    }
    document = {**judged, "comparisons": evidence["verdict"]["comparisons"], "scorecard": evidence["scorecard"]}
    return Answer(document, _shown(document), exit_code=0 if document["verdict"] == "pass" else 1)


def _shown(found: Mapping[str, Any]) -> Sequence[Any]:
    title = f"{found['version']} against {found['against']}, {found['rows']:,} rows"
    rows = [tuple(cell[key] for key in COLUMNS) for cell in found["comparisons"]]
    return lay_out(title, tuple(COLUMNS.values()), rows), f"{found['verdict']}: " + "; ".join(found["reasons"])
