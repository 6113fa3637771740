"""`versions`, `show`, `diff` and `trace`: lineage, both ways."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trivium.cli.door import Answer, workspace
from trivium.cli.layout import as_written, pairs
from trivium.cli.layout import table as lay_out


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
    """Show all that a version is made of, how it was judged, where it stood, and what it answered.

    Parameters
    ----------
    ref
        A version such as v3, or `live`, or `previous`.
    """
    from trivium.loop.cost import cost_of
    from trivium.loop.feature_cost import feature_cost_of
    from trivium.loop.lineage import version_story

    ws = workspace()
    found = version_story(ws, ref)
    found["cost"] = cost_of(ws, found["ref"])
    found["features"] = feature_cost_of(ws, found["ref"])
    return Answer(found, [*_story(found, Body=_body(found))])


# What a version's body says of itself; the page says it under a heading of its own.
OF_THE_BODY = ("form", "not_compiled", "cost")


def _story(found: dict[str, Any], **more: Mapping[str, Any]) -> Iterator[Any]:
    """Tell of a version; `more` are further parts, told right after what it is."""
    flat = {key: value for key, value in found.items() if isinstance(value, str | int | float) or value is None}
    yield pairs(f"Version {found['ref']}", {key: value for key, value in flat.items() if key not in OF_THE_BODY})
    yield from (pairs(title, part) for title, part in more.items())
    yield pairs("Config", _flat(found["config"]["params"]))
    yield pairs("Snapshots it read", found["tables"])
    yield pairs("Code", {key: value for key, value in found["code"].items() if key != "sources"})
    verdicts = [(v["at"], v["against"], v["verdict"], "; ".join(v["reasons"])) for v in found["verdicts"]]
    if verdicts:
        yield lay_out("Verdicts", ("at", "against", "verdict", "why"), verdicts)
    stages = [(s["at"], s["stage"], s["by"], s["because"]) for s in found["stages"]]
    if stages:
        yield lay_out("Stages", ("at", "stage", "by", "why"), stages)


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
    """Show in what two versions differ: config, code, data, environment, verdict.

    Parameters
    ----------
    one
        A version such as v3, or `live`, or `previous`.
    other
        The version beside it.
    """
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


def trace(name: str, /) -> Answer:
    """Walk from an answer to its version, run, snapshot, code, config and decision; or from a version back.

    Parameters
    ----------
    name
        An answer's id, as the reply gave it, such as p20130304-000017; or a version such as v3.
    """
    from trivium.loop.lineage import trace as walk

    found = walk(workspace(), name)
    return Answer(found, [*(_walked(found) if "answer" in found else _walked_back(found))])


def _walked(found: dict[str, Any]) -> Iterator[Any]:
    """Tell of an answer, and of all that made it."""
    for name, part in found.items():
        title = name.capitalize()
        if name == "request" and part is not None:
            yield pairs(title, as_written(part))
        else:
            yield pairs(title, _flat(part)) if part else f"{title}: none"


def _walked_back(found: dict[str, Any]) -> Iterator[Any]:
    """Tell of a version, and of the periods that it answered."""
    yield from _story(found)
    answered = [(each["partition"], each["rows"]) for each in found["answered"]]
    yield lay_out("Answered", ("period", "rows"), answered) if answered else "it answered in no period that is over"


def _flat(part: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Give values one a line, nested ones under their dotted name."""
    flat: dict[str, Any] = {}
    for name, value in part.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, list | tuple):
            flat[before + name] = ", ".join(map(str, value)) or "none"
        else:
            flat[before + name] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    return flat
