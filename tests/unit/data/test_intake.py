"""The quarantine decision: each kind of break, what refuses a partition, and what the problems say."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from trivium.core.contract import Check, Column
from trivium.core.problems import Problem, ProjectError
from trivium.core.project import Table
from trivium.core.summary import Summary
from trivium.core.values import Partition
from trivium.data.held import Taken, release_rows
from trivium.data.intake import Decided, begin, take_in
from trivium.data.uniqueness import ExistingKeys

DAY = datetime(2013, 3, 4, tzinfo=UTC)
PARTITION = Partition("flights", DAY, DAY + timedelta(days=1))
FLIGHTS = Table(
    files="x.parquet",
    time="at",
    key=("id",),
    columns={
        "distance": Column(type="float", min=1, max=6000),
        "carrier": Column(type="str", values=("AA", "UA"), unknown="warn"),
    },
)


def flights(**changed: list[Any]) -> pl.DataFrame:
    """Four good rows, with some columns changed."""
    good: dict[str, list[Any]] = {
        "id": ["a", "b", "c", "d"],
        "at": [DAY + timedelta(hours=hour) for hour in (0, 8, 16, 23)],
        "distance": [100.0, 200.0, 300.0, 400.0],
        "carrier": ["AA", "UA", "AA", "UA"],
    }
    return pl.DataFrame(good | changed, strict=False)


@dataclass
class TakenIn:
    """The rows and the decision side by side."""

    committed: pl.DataFrame
    quarantined: pl.DataFrame
    refused: int
    summary: Summary
    breaks: dict[str, int]
    warnings: dict[str, int]
    problems: tuple[Problem, ...]


def taken(rows: pl.DataFrame, *checks: Check, table: Table = FLIGHTS, **more: Any) -> TakenIn:
    intake = side_by_side(
        *take_in(rows, table, name="flights", partition=PARTITION, checks=checks, at=DAY, **more),
    )
    assert rows.height == intake.committed.height + intake.quarantined.height + intake.refused
    return intake


def side_by_side(rows: Taken, decided: Decided) -> TakenIn:
    assert (rows.committed.height, rows.quarantined.height) == (decided.committed, decided.quarantined)
    return TakenIn(
        rows.committed,
        rows.quarantined,
        decided.refused,
        decided.summary,
        decided.breaks,
        decided.warnings,
        decided.problems,
    )


def existing(*ids: Any) -> ExistingKeys:
    return lambda keys: pl.DataFrame({"id": list(ids)})


def codes(intake: TakenIn) -> list[str]:
    return [problem.code for problem in intake.problems]


def broke(intake: TakenIn) -> dict[str, list[str]]:
    return dict(intake.quarantined.select("id", "_broke").iter_rows())


def test_good_rows_are_committed_as_they_came() -> None:
    """Nothing is broken: nothing is held back, and the summary is that of all rows."""
    rows = flights()
    intake = taken(rows)
    assert intake.committed.equals(rows)
    assert (intake.refused, intake.breaks, intake.warnings, intake.problems) == (0, {}, {}, ())
    assert intake.quarantined.columns == [*rows.columns, "_broke"]
    assert intake.quarantined.schema["_broke"] == pl.List(pl.String)
    assert (intake.summary.rows, intake.summary.first_at) == (4, DAY)


def test_a_row_out_of_range_is_quarantined_with_its_problem() -> None:
    """The bad row is held back with the rule's name; the others are committed in order."""
    intake = taken(flights(distance=[100.0, -4.0, 300.0, 7000.0]))
    assert intake.committed["id"].to_list() == ["a", "c"]
    assert broke(intake) == {"b": ["distance in range"], "d": ["distance in range"]}
    assert intake.breaks == {"distance in range": 2}
    assert intake.summary.breaks == {"distance in range": 2}
    assert intake.summary.rows == 2
    (problem,) = intake.problems
    assert problem.code == "TV-DATA-005"
    assert problem.what == "2 of 4 rows of 'flights' have distance below 1 or above 6000"
    assert problem.where == "table flights, partition 2013-03-04, check 'distance in range'"
    assert problem.seen == "-4.0, 7000.0"


def test_a_row_tells_all_the_rules_it_broke() -> None:
    """Warnings are named beside the rule that holds the row back."""
    intake = taken(flights(distance=[100.0, -4.0, 300.0, 400.0], carrier=["AA", "XX", "XX", None]))
    assert broke(intake) == {"b": ["distance in range", "carrier is known"]}
    assert intake.warnings == {"carrier is known": 2}
    assert codes(intake) == ["TV-DATA-005", "TV-DATA-007"]


def test_a_null_time_and_a_null_key_are_quarantined() -> None:
    """A row without a time or a name cannot be kept; two null keys are not the same key."""
    intake = taken(flights(id=["a", None, None, "d"], at=[DAY, DAY, DAY, None]))
    assert intake.breaks == {"at is not null": 1, "id is not null": 2}
    assert intake.committed["id"].to_list() == ["a"]


def test_rows_outside_their_partition_are_quarantined() -> None:
    """The start belongs to the partition, the end does not."""
    end = DAY + timedelta(days=1)
    second = timedelta(seconds=1)
    intake = taken(flights(at=[DAY - second, DAY, end - second, end]))
    assert broke(intake) == {"a": ["time within partition"], "d": ["time within partition"]}


def test_a_table_without_a_time_has_no_span() -> None:
    """Its one partition holds all rows."""
    table = Table(files="x", key=("id",))
    rows, _ = take_in(flights(), table, name="t", partition=Partition.whole("t"), checks=(), at=DAY)
    assert rows.committed.height == 4


def test_of_equal_keys_the_first_good_row_stays() -> None:
    """The first `a` is bad and keeps no key; the second does, and the third loses it."""
    intake = taken(flights(id=["a", "a", "a", "d"], distance=[-1.0, 200.0, 300.0, 400.0]))
    assert intake.committed["distance"].to_list() == [200.0, 400.0]
    assert intake.quarantined["_broke"].to_list() == [["distance in range"], ["key is unique"]]
    assert intake.breaks == {"distance in range": 1, "key is unique": 1}


def test_a_key_of_two_columns_is_unique_as_a_pair() -> None:
    """Neither column alone need be unique."""
    table = Table(files="x", key=("id", "carrier"))
    rows = flights(id=["a", "a", "b", "a"], carrier=["AA", "UA", "AA", "AA"])
    intake = side_by_side(*take_in(rows, table, name="t", partition=Partition.whole("t"), checks=(), at=DAY))
    assert intake.committed["distance"].to_list() == [100.0, 200.0, 300.0]
    assert "id: 'a'; carrier: 'AA'" in intake.problems[-1].seen or "carrier: 'AA'; id: 'a'" in intake.problems[-1].seen


def test_keys_of_other_partitions_are_quarantined() -> None:
    """Every row whose key another partition holds is held back, and so gives no key to keep."""
    intake = taken(flights(id=["a", "b", "b", "d"]), existing_keys=existing("b", "z"))
    assert intake.committed["id"].to_list() == ["a", "d"]
    assert intake.breaks == {"key is unique across partitions": 2}


@pytest.mark.parametrize("keys", [existing(), existing(1, 2), lambda keys: None, None])
def test_existing_keys_may_be_none_or_of_another_type(keys: ExistingKeys | None) -> None:
    """Keys that cannot be equal hold nothing back."""
    assert taken(flights(), existing_keys=keys).committed.height == 4


def test_a_blocking_check_refuses_the_whole_partition() -> None:
    """One broken row suffices; the problem names check, count and values, and counts are kept."""
    check = Check(name="short", on="flights", must="distance < 350", else_="block")
    intake = taken(flights(id=["a", "b", "b", "d"]), check)
    assert (intake.refused, intake.committed.height, intake.quarantined.height) == (4, 0, 0)
    assert intake.breaks == {"short": 1, "key is unique": 1}
    assert codes(intake) == ["TV-DATA-004", "TV-DATA-005"]
    assert intake.problems[0].seen == "400.0"
    assert intake.problems[0].what == "1 of 4 rows of 'flights' break the check 'short': distance < 350"
    assert intake.summary.rows == 0
    assert intake.summary.breaks == intake.breaks


def test_an_unknown_value_may_block() -> None:
    """`unknown = "block"` makes the column's rule refuse."""
    table = Table(files="x", columns={"carrier": Column(type="str", values=("AA",), unknown="block")})
    assert taken(flights(), table=table).refused == 4


def test_a_check_that_quarantines_and_one_that_warns() -> None:
    """A null makes a check unknown, which passes."""
    intake = taken(
        flights(distance=[None, 200.0, 300.0, 400.0]),
        Check(name="q", on="flights", must="distance > 250"),
        Check(name="w", on="flights", must="distance < 350", else_="warn"),
    )
    assert (intake.breaks, intake.warnings) == ({"q": 1}, {"w": 1})
    assert intake.committed["id"].to_list() == ["a", "c", "d"]


def test_a_broken_schema_refuses_with_all_its_problems() -> None:
    """A gone column and a mistyped one are both told, with their partition."""
    intake = taken(flights(distance=["far"] * 4).drop("carrier"))
    assert intake.refused == 4
    assert codes(intake) == ["TV-DATA-001", "TV-DATA-002"]
    assert all("partition 2013-03-04" in problem.where for problem in intake.problems)


def test_a_new_column_is_kept_and_warned_of() -> None:
    """A column outside the contract is committed."""
    intake = taken(flights().with_columns(gate=pl.lit("A1")))
    assert codes(intake) == ["TV-DATA-003"]
    assert intake.committed["gate"].to_list() == ["A1"] * 4


def test_a_check_on_a_gone_column_refuses() -> None:
    """A check that cannot be made is not a check that passed."""
    intake = taken(flights(), Check(name="c", on="flights", must="speed > 0"))
    assert (intake.refused, codes(intake)) == (4, ["TV-DATA-001"])
    assert "which check 'c' reads" in intake.problems[0].what


def test_a_check_that_does_not_fit_its_column_refuses() -> None:
    """Text compared with a number cannot be computed; only that check is named."""
    intake = taken(
        flights(),
        Check(name="good", on="flights", must="distance > 0"),
        Check(name="bad", on="flights", must="carrier > 5"),
    )
    assert (intake.refused, codes(intake)) == (4, ["TV-DATA-010"])
    assert "'bad'" in intake.problems[0].what
    assert intake.problems[0].seen == "carrier is String"


def test_an_empty_partition_is_refused() -> None:
    """No rows are a problem, not a success."""
    intake = taken(flights().clear())
    assert (intake.refused, codes(intake)) == (0, ["TV-DATA-006"])
    assert intake.committed.is_empty()


def test_too_large_a_share_of_nulls_only_warns() -> None:
    """Two of four is over 0.25 and not over 0.5."""
    rows = flights(carrier=[None, None, "AA", "UA"])
    for share, warnings in ((0.25, {"carrier nulls within 0.25": 2}), (0.5, {}), (None, {})):
        table = Table(files="x", columns={"carrier": Column(type="str", nulls=share)})
        intake = taken(rows, table=table)
        assert (intake.warnings, intake.committed.height) == (warnings, 4)
    none = Table(files="x", columns={"carrier": Column(type="str", nulls=0)})
    assert taken(rows, table=none).breaks == {"carrier is not null": 2}


def test_private_values_are_never_shown() -> None:
    """Neither by the column's own rule nor by a check that reads it beside another."""
    table = Table(files="x", columns={"carrier": Column(type="str", values=("AA",), private=True)})
    check = Check(name="both", on="flights", must="carrier <> 'SECRET' or distance > 1000")
    intake = taken(flights(carrier=["SECRET"] * 4), check, table=table)
    assert set(codes(intake)) == {"TV-DATA-003", "TV-DATA-005"}
    assert all("SECRET" not in problem.seen for problem in intake.problems)
    assert intake.problems[-1].seen == "carrier: (private); distance: 100.0, 200.0, 300.0, 400.0"


def test_a_rule_that_reads_no_column_holds_for_every_row() -> None:
    """A constant check is false for all rows or for none."""
    intake = taken(flights(), Check(name="never", on="flights", must="1 = 2", else_="warn"))
    assert intake.warnings == {"never": 4}


def test_names_that_polars_reads_as_patterns_are_plain_names() -> None:
    """A check may be called `*` or be wrapped in ^ and $."""
    checks = [Check(name=name, on="flights", must="distance > 250", else_="quarantine") for name in ("*", "^.*$", "id")]
    intake = taken(flights(), *checks)
    assert intake.breaks == {"*": 2, "^.*$": 2, "id": 2}
    assert broke(intake) == {"a": ["*", "^.*$", "id"], "b": ["*", "^.*$", "id"]}


def test_released_rows_can_be_taken_in_again() -> None:
    """With a wider contract the rows that were held back are let in."""
    held = taken(flights(distance=[100.0, 7000.0, 300.0, 400.0])).quarantined
    wider = Table(files="x", time="at", key=("id",), columns={"distance": Column(type="float", max=8000)})
    again = taken(release_rows(held), table=wider)
    assert again.committed["id"].to_list() == ["b"]
    assert again.committed.columns == flights().columns
    assert release_rows(flights()).equals(flights())


def test_a_break_in_a_later_chunk_refuses_what_came_before() -> None:
    """What the first chunk gave is void, the third is only counted, and the counts are those of all rows."""
    check = Check(name="short", on="flights", must="distance < 250", else_="block")
    intake = begin(FLIGHTS, name="flights", partition=PARTITION, checks=[check], at=DAY)
    rows = flights()
    assert intake.take(rows[:2]).committed.height == 2
    assert not intake.is_refused
    assert intake.take(rows[2:3]).committed.is_empty()
    assert intake.is_refused
    last = intake.take(rows[3:])
    assert last.committed.is_empty() and last.quarantined.is_empty()
    decided = intake.finish()
    assert (decided.read, decided.committed, decided.quarantined, decided.refused) == (4, 0, 0, 4)
    assert decided.breaks == {"short": 2}
    assert decided.problems[0].seen == "300.0, 400.0"


def test_a_key_is_kept_across_chunks() -> None:
    """The second chunk's `a` has the key of a row of the first."""
    intake = begin(FLIGHTS, name="flights", partition=PARTITION, checks=(), at=DAY)
    rows = flights(id=["a", "b", "c", "a"])
    intake.take(rows[:2])
    assert intake.take(rows[2:]).quarantined["id"].to_list() == ["a"]
    assert intake.finish().breaks == {"key is unique": 1}


def test_a_column_that_one_chunk_lacks_refuses_with_the_schema_alone() -> None:
    """The rules saw some chunks only, so that their counts are left out."""
    intake = begin(FLIGHTS, name="flights", partition=PARTITION, checks=(), at=DAY)
    rows = flights(distance=[-1.0, 200.0, 300.0, 400.0])
    intake.take(rows[:2])
    intake.take(rows[2:].drop("carrier"))
    decided = intake.finish()
    assert (decided.refused, decided.breaks) == (4, {})
    assert [problem.code for problem in decided.problems] == ["TV-DATA-001"]


def test_no_chunk_at_all_is_an_empty_partition() -> None:
    """A source that gives nothing is a problem, as an empty file is."""
    decided = begin(FLIGHTS, name="flights", partition=PARTITION, checks=(), at=DAY).finish()
    assert [problem.code for problem in decided.problems] == ["TV-DATA-006"]


def test_of_more_than_five_values_the_problem_says_that_there_are_more() -> None:
    """One column's values are shown once each, in the order in which they came."""
    rows = pl.DataFrame({"distance": [-1.0, -2.0, -1.0, -3.0, -4.0, -5.0, -6.0]})
    table = Table(files="x", columns={"distance": Column(type="float", min=0)})
    assert taken(rows, table=table).problems[0].seen == "-1.0, -2.0, -3.0, -4.0, -5.0 and more"


def test_a_contract_at_odds_with_itself_is_the_project_s_fault() -> None:
    """It is raised, not laid on the rows."""
    with pytest.raises(ProjectError):
        taken(flights(), table=Table(files="x", columns={"carrier": Column(type="str", values=(1,))}))


def test_a_unique_column_keeps_the_first_good_row() -> None:
    """As a key does, but within the partition, and with the severity that the contract says."""
    columns = {"distance": Column(type="float", min=0), "carrier": Column(type="str", unique=True)}
    rows = flights(carrier=["AA", "AA", None, None], distance=[-1.0, 1.0, 1.0, 1.0])
    intake = taken(rows, table=Table(files="x", columns=columns))
    assert intake.breaks == {"distance in range": 1}
    rows = flights(carrier=["AA", "AA", None, None])
    assert taken(rows, table=Table(files="x", columns=columns)).breaks == {"carrier is unique": 1}
    warn = {"carrier": Column(type="str", unique=True, else_="warn")}
    assert taken(rows, table=Table(files="x", columns=warn)).warnings == {"carrier is unique": 1}
    old = {"carrier": Column(type="str", unique=True, expires=date(2013, 3, 4))}
    assert taken(rows, table=Table(files="x", columns=old)).warnings == {}


def test_a_value_that_another_table_lacks_is_held_back() -> None:
    """The problem shows the values without a parent, and how many there are to choose from."""
    table = Table(files="x", columns={"carrier": Column(type="str", references="carriers.code")})
    intake = taken(flights(), table=table, references={"carriers.code": pl.Series(["AA", "B6"])})
    assert intake.breaks == {"carrier is in carriers.code": 2}
    assert intake.problems[-1].what == "2 of 4 rows of 'flights' have carrier not among the 2 values of carriers.code"
    assert intake.problems[-1].seen == "'UA'"


def test_a_problem_names_reason_and_owner() -> None:
    """A tired person wants to know why a rule is there, and whom to ask."""
    check = Check(name="far", on="flights", must="distance > 250", because="so it is", owner="network-planning")
    (problem,) = taken(flights(), check).problems
    assert problem.fix.endswith("; it is there because so it is, and network-planning answers for it")
