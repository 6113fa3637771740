"""The study's figures: as rows to keep and as tables to read."""

from collections.abc import Sequence

from alarm_study.faults import STRUCK_KINDS
from alarm_study.scoring import (
    SHIFTS,
    Outcome,
    Share,
    Walk,
    a_month,
    a_week,
    by_chance,
    false_days,
    hours_to_detect,
    outcomes,
    precision,
    share_of,
)
from harness.results import Row, aligned, row
from trivium.loop.faults import SEVERITIES


def _of_share(system: str, case: str, figure: str, share: Share, runs: int) -> Row:
    low, high = share.interval
    return row(system, case, figure, "share", value=share.value, low=low, high=high, runs=runs)


def _is_caught(one: Outcome) -> bool:
    return one.caught


def _is_noticed(one: Outcome) -> bool:
    return one.noticed


def _is_explained(one: Outcome) -> bool:
    return one.explained


def rows_of(system: str, case: str, walks: Sequence[Walk]) -> list[Row]:
    """Give all the figures of one system in one case."""
    found = [one for walk in walks for one in outcomes(walk)]
    seeds = len({walk.seed for walk in walks})
    rows: list[Row] = []
    for kind in (*STRUCK_KINDS, "all kinds", "faults"):
        for severity in (*SEVERITIES, "all"):
            mine = [
                one
                for one in found
                if severity in (one.severity, "all")
                and (kind in (one.kind, "all kinds") or (kind == "faults" and one.kind not in SHIFTS))
            ]
            rows.append(_of_share(system, case, f"recall: {kind}, {severity}", share_of(mine, _is_caught), seeds))
            rows.append(_of_share(system, case, f"noticed: {kind}, {severity}", share_of(mine, _is_noticed), seeds))
    for table in (*sorted({walk.table for walk in walks}), "all tables"):
        held = [walk for walk in walks if table in (walk.table, "all tables")]
        for figure, is_so in (("false-alarm days", lambda v: v.alarm), ("shown days", lambda v: v.shown)):
            value, low, high = a_month(false_days(held, is_so))
            unit = "days a month, fault-free"
            rows.append(row(system, case, f"{figure}: {table}", unit, value=value, low=low, high=high, runs=seeds))
        mine = [one for one in found if table in (one.table, "all tables")]
        medium = [one for one in mine if one.severity == "medium"]
        rows.append(_of_share(system, case, f"recall at medium: {table}", share_of(medium, _is_caught), seeds))
        rows.append(_of_share(system, case, f"noticed at medium: {table}", share_of(medium, _is_noticed), seeds))
    fair = [one for one in found if one.severity == "medium" and one.kind not in SHIFTS]
    rows.append(_of_share(system, case, "caught and named right: faults, medium", share_of(fair, _is_explained), seeds))
    chance = by_chance(false_days(walks, lambda verdict: verdict.alarm))
    rows.append(row(system, case, "caught by chance", "of faults", value=chance, low=chance, high=chance, runs=seeds))
    rows.append(_of_share(system, case, "right column first", share_of(found, lambda one: one.first_right), seeds))
    rows.append(_of_share(system, case, "right column in top 3", share_of(found, lambda one: one.top_3_right), seeds))
    rows.append(_of_share(system, case, "kind named", share_of(found, lambda one: one.kind_right), seeds))
    rows.append(_of_share(system, case, "precision of alarms", precision(walks), seeds))
    hours = hours_to_detect(found)
    if hours is not None:
        rows.append(row(system, case, "hours to detect", "h", value=hours, low=hours, high=hours, runs=seeds))
    for figure, count in (("alarms", lambda v: int(v.alarm)), ("messages", lambda v: v.messages)):
        value = a_week(walks, count)
        rows.append(row(system, case, figure, "per table and week", value=value, low=value, high=value, runs=seeds))
    return rows


def calibration_of(system: str, case: str, walks: Sequence[Walk], *, nominal: float | None) -> list[Row]:
    """Give the share of partitions that were alarmed, and shown, where all of them are alike but for chance."""
    said = [verdict for walk in walks for verdict in walk.clean]
    columns = Share(sum(verdict.messages for verdict in said), len(said))
    rows = [
        _of_share(system, case, "alarmed", Share(sum(verdict.alarm for verdict in said), len(said)), len(said)),
        _of_share(system, case, "shown", Share(sum(verdict.shown for verdict in said), len(said)), len(said)),
        row(system, case, "messages", "a partition", value=columns.value, low=0.0, high=0.0, runs=len(said)),
    ]
    if nominal is not None:
        rows.append(row(system, case, "nominal", "share", value=nominal, low=nominal, high=nominal, runs=1))
    return rows


def calibration(case: str, rows: Sequence[Row]) -> str:
    """Lay nominal and realised levels out, a system a line."""
    mine = [one for one in rows if one["case"] == case]
    lines = [["system", "stated level", "alarmed", "shown", "messages", "partitions"]]
    for system in dict.fromkeys(str(one["system"]) for one in mine):
        figures = {one["figure"]: one for one in mine if one["system"] == system}
        nominal = figures.get("nominal")
        alarmed, shown, messages = (figures[name] for name in ("alarmed", "shown", "messages"))
        lines.append(
            [
                system,
                f"{nominal['median']:.3f}" if nominal else "none stated",
                "{:.3f} [{:.3f}, {:.3f}]".format(*with_interval(alarmed)),
                f"{shown['median']:.3f}",
                f"{messages['median']:.2f}",
                str(alarmed["runs"]),
            ]
        )
    return aligned(lines)


def with_interval(one: Row) -> tuple[float, float, float]:
    """Read a row's figure and its interval."""
    return float(str(one["median"])), float(str(one["low"])), float(str(one["high"]))


def printed(case: str, rows: Sequence[Row]) -> str:
    """Lay a case's headline figures out, a system a line."""
    head = (
        ("recall: faults, subtle", "subtle"),
        ("recall: faults, medium", "medium"),
        ("recall: faults, strong", "strong"),
        ("caught by chance", "by chance"),
        ("caught and named right: faults, medium", "medium, right"),
        ("noticed: all kinds, medium", "all kinds, shown too"),
        ("false-alarm days: all tables", "false days/month"),
        ("hours to detect", "hours"),
        ("right column first", "column 1st"),
        ("right column in top 3", "top 3"),
        ("kind named", "kind"),
        ("precision of alarms", "precision"),
        ("alarms", "alarms/week"),
        ("messages", "messages/week"),
    )
    mine = [one for one in rows if one["case"] == case]
    lines = [["system", *(title for _, title in head), "seeds"]]
    for system in dict.fromkeys(one["system"] for one in mine):
        figures = {one["figure"]: one for one in mine if one["system"] == system}
        runs = next(iter(figures.values()))["runs"]
        lines.append([str(system), *(_cell(figures.get(figure)) for figure, _ in head), str(runs)])
    return aligned(lines)


def by_kind(case: str, rows: Sequence[Row]) -> str:
    """Lay recall by kind and severity out: subtle / medium / strong, in per cent; what was only shown in brackets."""
    mine = [one for one in rows if one["case"] == case]
    systems = list(dict.fromkeys(str(one["system"]) for one in mine))
    figures = {(one["system"], one["figure"]): one for one in mine}
    lines = [["kind", *systems]]
    for kind in (*STRUCK_KINDS, "faults", "all kinds"):
        cells = []
        for system in systems:
            parts = []
            for severity in SEVERITIES:
                caught = figures[system, f"recall: {kind}, {severity}"]["median"]
                noticed = figures[system, f"noticed: {kind}, {severity}"]["median"]
                assert isinstance(caught, float) and isinstance(noticed, float)
                parts.append(f"{100 * caught:.0f}" + (f"({100 * noticed:.0f})" if noticed > caught else ""))
            cells.append(" / ".join(parts))
        lines.append([kind, *cells])
    return aligned(lines)


def _cell(one: Row | None) -> str:
    if one is None or (one["unit"] == "share" and one["low"] == 0.0 and one["high"] == 1.0):
        return "-"
    if one["unit"] == "days a month, fault-free":
        return f"{one['median']:.2f} [{one['low']:.2f}, {one['high']:.2f}]"
    return f"{one['median']:.2f}" if one["unit"] != "h" else f"{one['median']:.0f}"
