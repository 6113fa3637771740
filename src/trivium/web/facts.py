"""What the document of a rehearsal says, counted, compared and chosen for the page. Words and drawing are elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from trivium.core.values import moment

Document = Mapping[str, Any]

SHOWN = 12  # versions in the open table; up to three more are not worth a fold
SLACK = 3


def ever_live(result: Document) -> list[str]:
    """List the versions that were live, each once, in the order they first were."""
    return list(dict.fromkeys(part["live"] for part in result["route"] if part["live"] is not None))


def hours_to_detect(fault: Document) -> float | None:
    """Measure from a fault's beginning until an alarm named it, in hours; None where none did."""
    if fault["caught_at"] is None:
        return None
    return (moment(fault["caught_at"]) - moment(fault["from"])) / timedelta(hours=1)


def gain(result: Document, other: str) -> dict[str, Any] | None:
    """Compare the year's live score with `other`'s, in percent of the latter; None where one of them is missing."""
    ours, theirs = result["year"].get("live"), result["year"].get(other)
    if ours is None or theirs is None:
        return None
    better = theirs - ours if result["primary"]["better"] == "lower" else ours - theirs
    return {
        "than": other,
        "theirs": theirs,
        "percent": 100 * better / abs(theirs) if theirs else None,
        "better": better,
    }


def truth(alarm: Document) -> str:
    """Name what is known of an alarm: true, false, or that nobody can tell."""
    return {True: "true", False: "false"}.get(alarm["right"], "untold")


def alarm_kinds(alarms: Sequence[Document]) -> list[dict[str, Any]]:
    """Count alarms by kind, the most frequent first: all, paged, true, false; of some nobody can tell."""
    kinds: dict[str, dict[str, Any]] = {}
    for alarm in alarms:
        row = kinds.setdefault(alarm["kind"], {"kind": alarm["kind"], "all": 0, "paged": 0, "true": 0, "false": 0})
        row["all"] += 1
        row["paged"] += alarm["paged"]
        if alarm["right"] is not None:
            row["true" if alarm["right"] else "false"] += 1
    return sorted(kinds.values(), key=lambda row: (-row["all"], row["kind"]))


def ordered_reasons(result: Document, version: Document) -> list[str]:
    """Put the gate's reason on the primary metric over all rows before the others, which keep their order."""
    lead = f"{result['primary']['metric']} over all rows"
    return sorted(version["reasons"], key=lambda reason: not reason.startswith(lead))


def telling_versions(result: Document, *, most: int = SHOWN) -> tuple[list[Document], list[Document]]:
    """Part the versions into at most `most` that tell the most and the rest, both in order of training.

    The latest rolled back and the latest refused (a third of `most` each, at the most), then those that were live
    last, then the latest of the others. A few more than `most` all stand together, with no rest.
    """
    versions = result["versions"]
    if len(versions) <= most + SLACK:
        return list(versions), []
    newest = [version["ref"] for version in reversed(versions)]
    left = {back["from"] for back in result["rollbacks"]}
    rolled_back = [ref for ref in newest if ref in left]
    refused = [version["ref"] for version in reversed(versions) if version["verdict"] == "fail"]
    trained = set(newest)
    lately_live = [part["live"] for part in reversed(result["route"]) if part["live"] in trained]
    ranked = dict.fromkeys([*rolled_back[: most // 3], *refused[: most // 3], *lately_live, *newest])
    chosen = set(list(ranked)[:most])
    return [v for v in versions if v["ref"] in chosen], [v for v in versions if v["ref"] not in chosen]
