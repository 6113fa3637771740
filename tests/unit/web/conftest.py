"""A rehearsal that never was: a year with retrains, faults, alarms and a rollback, drawn from a fixed seed."""

import copy
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

START = datetime(2013, 1, 1, tzinfo=UTC)
DAYS = 365
FAULTS = [
    ("nulls", "flights", "distance", 24, 4), ("scale", "weather", "wind_speed", 43, 7),
    ("categories", "flights", "carrier", 61, 5), ("drop_column", "weather", "visib", 78, 2),
    ("swap_columns", "flights", "dest", 96, 6), ("outliers", "weather", "temp", 112, 6),
    ("duplicates", "flights", None, 131, 3), ("truncate", "flights", None, 149, 1),
    ("stale", "weather", None, 163, 5), ("late", "planes", None, 181, 4),
    ("sample_shift", "flights", "origin", 199, 12), ("label_flip", "flights", "late", 226, 9),
    ("concept_shift", "flights", "late", 248, 30), ("raise", None, None, 292, 1),
    ("slow", None, None, 309, 2), ("not_finite", None, None, 330, 1),
]  # fmt: skip
MISSED = {"label_flip", "swap_columns"}


def at(day: float) -> str:
    """Write the time `day` days into the year."""
    return (START + timedelta(days=day)).isoformat()


def faults_and_alarms(chance: random.Random) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    faults, alarms = [], []

    def alarm(day: float, kind: str, subject: str, fault: str | None, paged: bool) -> str:
        name = f"a{len(alarms) + 1:03}"
        alarms.append({
            "id": name, "at": at(day), "kind": kind, "subject": subject, "severity": "page" if paged else "note",
            "paged": paged, "fault": fault, "right": fault is not None, "what": f"{kind} on {subject}: 0.31 against 0.04 expected",
        })  # fmt: skip
        return name

    for i, (kind, table, column, begin, length) in enumerate(FAULTS, start=1):
        caught = None
        delay = chance.choice([0.25, 0.25, 1, 1, 2, 3.5])
        if kind not in MISSED:
            subject = (table or "version") + (f".{column}" if column else "")
            caught = alarm(begin + delay, "drift" if column else "late", subject, f"f{i:02}", True)
            for extra in range(chance.randrange(3)):
                alarm(begin + delay + 1 + extra, "checks", subject, f"f{i:02}", False)
        faults.append({
            "id": f"f{i:02}", "kind": kind, "table": table, "column": column, "from": at(begin),
            "until": at(begin + length),
            "caught_by": caught, "caught_at": at(begin + delay) if caught else None,
        })  # fmt: skip
    for _ in range(14):
        alarm(
            chance.uniform(10, 360), chance.choice(["drift", "volume"]), "weather.precip", None, chance.random() < 0.3
        )
    return faults, sorted(alarms, key=lambda one: str(one["at"]))


def versions_and_route() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    versions, route, live = [], [], None
    live_since = 0.0
    because = "no version passed the gate yet"
    for number in range(1, 49):
        day = 14 + (number - 1) * 7.3
        verdict = "pass" if number == 1 or number % 4 == 0 else "unknown" if number % 7 == 3 else "fail"
        stages = [{"stage": "replay", "at": at(day), "because": "retrained on schedule"}]
        if verdict == "pass":
            stages += [
                {"stage": s, "at": at(day + i), "because": "the gate passed"}
                for i, s in enumerate(("shadow", "canary"), 1)
            ]
            stages.append({"stage": "live", "at": at(day + 4), "because": "the canary was no worse"})
            for begin, end, canary, shadow in (
                (live_since, day + 1, None, []),
                (day + 1, day + 2, None, [f"v{number}"]),
                (day + 2, day + 4, f"v{number}", []),
            ):
                route.append(
                    {
                        "from": at(begin),
                        "to": at(end),
                        "live": live,
                        "canary": canary,
                        "shadow": shadow,
                        "by": "loop",
                        "because": because,
                    }
                )
            live, live_since, because = f"v{number}", day + 4, f"v{number} passed as canary"
        versions.append({
            "ref": f"v{number}", "trained_at": at(day), "stages": stages,
            "idea": "baseline" if number == 1 else "retrain",
            "because": "first version" if number == 1 else "schedule: 7d" if number % 5 else "drift in weather.temp",
            "verdict": verdict,
            "reasons": {
                "pass": ["log_loss 0.402 against 0.409, margin 0.001", "no slice is worse"],
                "unknown": ["log_loss: 0.405 to 0.411 spans the margin"],
                "fail": ["log_loss 0.418 against 0.409", "slice 'evening at EWR' worse by 0.022"],
            }[verdict],
        })  # fmt: skip
    rollback = {"at": at(292.2), "from": "v36", "to": "v32", "because": "v36 raised on 100 % of requests"}
    cut_in = next(i for i, part in enumerate(route) if part["from"] <= rollback["at"] < part["to"])
    later = dict(route[cut_in], live="v32", because=rollback["because"], **{"from": rollback["at"]})
    route[cut_in : cut_in + 1] = [dict(route[cut_in], to=rollback["at"]), later]
    for part in route[cut_in + 2 :]:
        if part["live"] == "v36":
            part["live"] = "v32"
    route.append(
        {
            "from": at(live_since),
            "to": at(DAYS),
            "live": live,
            "canary": None,
            "shadow": [],
            "by": "loop",
            "because": because,
        }
    )
    return versions, route, [rollback]


def daily_scores(chance: random.Random) -> list[dict[str, Any]]:
    scores = []
    for day in range(DAYS):
        season = 0.42 + 0.05 * math.sin(day / 58) + 0.03 * math.sin(day / 13)
        aged = 0.055 * day / DAYS + (0.05 if day > 248 else 0)
        struck = 0.06 if any(b <= day < b + n for _, _, _, b, n in FAULTS[:12:3]) else 0
        noise = [chance.gauss(0, 0.025) for _ in range(3)]
        above = 0.06 if day < 18 else 0.01 if day < 250 else 0.02
        scored = day >= 2 and not 140 <= day < 146
        scores.append({
            "from": at(day), "to": at(day + 1), "version": None if day < 18 else "v1", "metric": "log_loss",
            "rows": 850 + day % 7 * 20,
            "value": season + struck + noise[0] + above if scored else None,
            "heuristic": season + 0.07 + noise[0] * 0.6 + noise[1] * 0.5 if scored else None,
            "first": season + struck + aged + noise[0] * 0.8 + noise[2] * 0.4 if scored and day >= 18 else None,
        })  # fmt: skip
    return scores


def a_year() -> dict[str, Any]:
    """Make the document of a year's rehearsal, as `trivium rehearse --json` prints it."""
    chance = random.Random(7)
    faults, alarms = faults_and_alarms(chance)
    versions, route, rollbacks = versions_and_route()
    incidents = [
        {"id": f"i{i:02}", "subject": f["table"] or "version", "title": f"{f['kind']} in {f['table'] or 'version'}",
         "opened_at": f["caught_at"],
         "resolved_at": None if i == 13 else f["until"], "alarms": [f["caught_by"]]}
        for i, f in enumerate(faults, start=1) if f["caught_by"]
    ]  # fmt: skip
    return {
        "name": "year-2013", "model": "late", "project": "flights", "seed": 7, "from": at(0), "to": at(DAYS),
        "ticks": 365, "rows": 336_776, "wall_s": 71.4, "primary": {"metric": "log_loss", "better": "lower", "unit": ""},
        "versions": versions, "route": route, "scores": daily_scores(chance),
        "year": {
            "live": 0.4321, "heuristic": 0.4987, "first": 0.4786, "rows": 325_110,
            "per_metric": {
                "log_loss": {"live": 0.4321, "heuristic": 0.4987, "first": 0.4786},
                "auc": {"live": 0.7312, "heuristic": 0.6533, "first": 0.6987},
                "cost_usd": {"live": 184_220.0, "heuristic": 231_904.0, "first": 214_377.5},
            },
        },
        "faults": faults, "alarms": alarms, "incidents": incidents, "rollbacks": rollbacks,
        "review": {
            "asked": 31, "waiting": 2, "oldest_at": "2013-12-30T05:00:00Z", "expires_after": "14d",
            "taken": 0, "decided": 0, "skipped": 0, "overtaken": 4, "expired": 1,
        },
        "tables": {
            "flights": {"read": 336_776, "committed": 334_102, "quarantined": 1_842, "refused": 832, "partitions": 365,
                        "checks": {"distance is positive": 912, "carrier is known": 611, "dep_time in day": 319}},
            "weather": {"read": 26_115, "committed": 25_720, "quarantined": 395, "refused": 0, "partitions": 365,
                        "checks": {"temp is plausible": 395}},
            "planes": {"read": 3_322, "committed": 3_322, "quarantined": 0, "refused": 0, "partitions": 1,
                       "checks": {}},
        },
        "skew": {"rows": 4_210, "compared": 4_210, "hidden": 0, "skewed": 0, "differing": [], "shown": [], "raised": [], "refused": 0},
        "spent": {"collect": 11.2, "answer": 17.9, "train": 24.6, "judge": 9.1, "watch": 6.3, "respond": 0.4},
        "taken_off": [
            {"version": "v40", "stage": "canary", "at": at(306), "verdict": "roll back", "measure": "loss",
             "slice": "all", "worse_by": 0.02, "margin": 0.003, "later": {"worse_by": 0.001, "rows": 21_000},
             "right": False, "because": "its mean loss is 0.020 greater than live's"},
            {"version": "v44", "stage": "shadow", "at": at(337), "verdict": "unknown", "measure": None, "slice": None,
             "worse_by": None, "margin": None, "later": None, "right": None, "because": "0 of 500 outcomes"},
        ],
        "summary": {"taken_down": 1, "taken_down_wrongly": 1, "taken_down_untold": 0, "unproven": 1, "precision": 0.71, "recall": 0.875, "median_hours_to_detect": 24.0, "pages_per_week": 0.38,
                    "rollbacks": 1, "rows_answered_badly": 1_204, "rows_with_skew": 0},
    }  # fmt: skip


@pytest.fixture
def year() -> dict[str, Any]:
    """A fresh copy of the year for each test to change."""
    return copy.deepcopy(a_year())
