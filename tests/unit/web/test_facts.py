"""What is counted and chosen for the page."""

from typing import Any

from trivium.web.facts import alarm_kinds, ever_live, gain, hours_to_detect, ordered_reasons, telling_versions

Year = dict[str, Any]


def many(number: int, **changed: str) -> list[dict[str, Any]]:
    """Make versions v1..vn that the gate left undecided, but for those in `changed`."""
    return [{"ref": f"v{i}", "verdict": changed.get(f"v{i}", "unknown"), "reasons": []} for i in range(1, number + 1)]


def routed(*live: str | None) -> list[dict[str, Any]]:
    return [{"live": ref} for ref in live]


def refs(versions: Any) -> list[str]:
    return [version["ref"] for version in versions]


def test_few_versions_all_stand_open() -> None:
    """A fold of three would cost a click and save nothing."""
    told = {"versions": many(15), "route": [], "rollbacks": []}
    assert [len(part) for part in telling_versions(told)] == [15, 0]
    assert [len(part) for part in telling_versions({**told, "versions": many(16)})] == [12, 4]


def test_rolled_back_and_refused_come_before_those_live_last() -> None:
    """By hand, six of twenty: two rolled back, two refused (the latest), then v12 and v5, which were live last."""
    told = {
        "versions": many(20, v1="fail", v2="fail", v7="fail"),
        "route": routed(None, "v3", "v9", "v12", "v5", "v12"),
        "rollbacks": [{"from": "v9"}, {"from": "v4"}],
    }
    telling, others = telling_versions(told, most=6)
    assert refs(telling) == ["v2", "v4", "v5", "v7", "v9", "v12"]
    assert sorted(refs(telling) + refs(others)) == sorted(refs(told["versions"]))
    assert refs(others) == [ref for ref in refs(told["versions"]) if ref not in refs(telling)]


def test_where_nothing_happened_the_latest_versions_tell_most() -> None:
    """Neither rolled back nor refused nor live; a version on the route that was never trained takes no place."""
    told = {"versions": many(20), "route": routed("elsewhere"), "rollbacks": []}
    assert refs(telling_versions(told, most=3)[0]) == ["v18", "v19", "v20"]


def test_many_refused_leave_room_for_the_others() -> None:
    """Refusals take a third of the table at the most where others have a claim."""
    told = {"versions": many(40, **{f"v{i}": "fail" for i in range(1, 31)}), "route": [], "rollbacks": []}
    assert refs(telling_versions(told)[0]) == [f"v{i}" for i in (27, 28, 29, 30, 33, 34, 35, 36, 37, 38, 39, 40)]


def test_reason_over_all_rows_comes_first_and_the_rest_keep_their_order() -> None:
    """Where no reason is on the whole, nothing moves."""
    told = {"primary": {"metric": "log_loss"}}
    reasons = ["log_loss in 'b' is worse", "brier over all rows", "log_loss over all rows is better"]
    assert ordered_reasons(told, {"reasons": reasons}) == [reasons[2], *reasons[:2]]
    assert ordered_reasons(told, {"reasons": reasons[:2]}) == reasons[:2]
    assert ordered_reasons(told, {"reasons": []}) == []


def test_live_versions_are_listed_once_in_their_order() -> None:
    """A version that came back after a rollback is no second one."""
    assert ever_live({"route": routed(None, "v2", "v1", "v2", None)}) == ["v2", "v1"]


def test_gain_is_in_percent_of_the_other_and_knows_the_direction(year: Year) -> None:
    """By hand: (0.5 - 0.4) / 0.5 = 20 % better, and worse where higher is better."""
    year["year"] |= {"live": 0.4, "first": 0.5, "heuristic": None}
    better = gain(year, "first")
    year["primary"]["better"] = "higher"
    worse = gain(year, "first")
    assert better is not None and worse is not None
    assert round(better["percent"], 9) == 20
    assert round(worse["percent"], 9) == -20
    assert gain(year, "heuristic") is None


def test_alarms_are_counted_by_kind_and_delays_in_hours(year: Year) -> None:
    """Each alarm is counted once as true or false unless nobody can tell, the most frequent kind first."""
    kinds = alarm_kinds(year["alarms"])
    assert sum(row["all"] for row in kinds) == sum(row["true"] + row["false"] for row in kinds) == len(year["alarms"])
    assert [row["all"] for row in kinds] == sorted((row["all"] for row in kinds), reverse=True)
    untold = {"kind": "harm", "paged": True, "right": None}
    assert alarm_kinds([untold]) == [{"kind": "harm", "all": 1, "paged": 1, "true": 0, "false": 0}]
    fault = {"from": "2013-02-01", "caught_at": "2013-02-02T06:00:00Z"}
    assert hours_to_detect(fault) == 30
    assert hours_to_detect({**fault, "caught_at": None}) is None
