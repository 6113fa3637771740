"""`versions`, `show`, `diff` and `trace`: lineage, both ways."""

from typing import Any

import msgspec

from trivium.cli.door import Answer, pairs, workspace
from trivium.cli.door import table as lay_out


def versions() -> Answer:
    """List the versions, where they stand, and what the gate said."""
    from trivium.loop.lineage import version_list

    found = version_list(workspace())
    return Answer(
        {"versions": found},
        [
            lay_out(
                "Versions",
                ("version", "made", "stage", "verdict", "rows", "trained until", "why"),
                [
                    (v["ref"], v["at"], v["stage"], v["verdict"], v["rows"], v["trained_until"], v["because"])
                    for v in found
                ],
            )
            if found
            else "no versions yet: trivium try"
        ],
    )


def show(ref: str, /) -> Answer:
    """Show all that a version is made of, how it was judged, where it stood, and what it answered."""
    from trivium.loop.cost import cost_of
    from trivium.loop.feature_cost import feature_cost_of
    from trivium.loop.lineage import version_story

    ws = workspace()
    found = version_story(ws, ref)
    found["cost"] = cost_of(ws, found["ref"])
    found["features"] = feature_cost_of(ws, found["ref"])
    flat = {key: value for key, value in found.items() if isinstance(value, str | int | float) or value is None}
    flat = {key: value for key, value in flat.items() if key not in ("not_compiled", "cost")}
    return Answer(
        found,
        [
            pairs(f"Version {found['ref']}", flat),
            pairs("Body", _body(found)),
            pairs("Config", found["config"]["params"]),
            pairs("Snapshots it read", found["tables"]),
            pairs("Code", {key: value for key, value in found["code"].items() if key != "sources"}),
            lay_out(
                "Verdicts",
                ("at", "against", "verdict", "why"),
                [(v["at"], v["against"], v["verdict"], "; ".join(v["reasons"])) for v in found["verdicts"]],
            ),
            lay_out(
                "Stages",
                ("at", "stage", "by", "why"),
                [(s["at"], s["stage"], s["by"], s["because"]) for s in found["stages"]],
            ),
        ],
    )


def _body(found: dict[str, Any]) -> dict[str, str]:
    """Say how a version answers: its form, how near it is to its original, and what an answer costs."""
    parity, cost, features = found["parity"], found["cost"], found["features"]
    said = {
        "form": f"{found['form']}, not compiled: {found['not_compiled']}" if found["not_compiled"] else found["form"]
    }
    if parity:
        said["parity"] = (
            f"at most {parity['largest']:.2g} from the original on {parity['rows']:,} rows and {parity['probes']:,} "
            f"probes ({parity['refused']:,} refused by both); {parity['tolerance']:g} is allowed"
        )
    if cost:
        said["cost"] = (
            f"{cost['one_row_us']:,.1f} µs for one row, {cost['thousand_rows_us']:,.0f} µs for 1,000, here and now"
        )
    if features:
        said["features"] = _features(features)
    return said


def _features(found: dict[str, Any]) -> str:
    """Say how a version's features are made for a request: by what, how far that is proven, and at what cost."""
    takes = f"{found['one_row_us']:,.1f} µs for one row, here and now"
    if found["reason"]:
        return f"by Polars, not compiled to one row: {found['reason']}; {takes}"
    proven = f"{found['rows']:,} rows ({found['unsure']:,} of them left to it)"
    return f"compiled to one row, equal to Polars on {proven}; {takes}"


def diff(one: str, other: str, /) -> Answer:
    """Show in what two versions differ: config, code, data, environment, verdict."""
    from trivium.loop.lineage import version_diff

    found = version_diff(workspace(), one, other)
    return Answer(
        {"one": one, "other": other, "differences": found},
        [
            lay_out(
                f"{one} and {other}",
                ("what", one, other),
                [(d["what"], _short(d["one"]), _short(d["other"])) for d in found],
            )
            if found
            else "they do not differ"
        ],
    )


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= 70 else text[:69] + "…"


def trace(prediction_id: str, /) -> Answer:
    """Walk from an answer to its version, run, snapshot, code, config and decision; or from a version back."""
    from trivium.loop.lineage import trace as walk

    found = walk(workspace(), prediction_id)
    return Answer(
        found,
        [
            pairs(name.replace("_", " ").capitalize(), part) if isinstance(part, dict) else f"{name}: {_short(part)}"
            for name, part in found.items()
        ],
    )
