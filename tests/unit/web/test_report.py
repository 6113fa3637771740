"""The page of a rehearsal: whole, self-contained, and safe whatever its document holds."""

import re
from typing import Any

import pytest

from html_page import Page
from trivium.core.problems import ProjectError
from trivium.web.report import render

Year = dict[str, Any]
HOSTILE = "</title></text><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def words(page: str) -> str:
    return re.sub(r"\s+", " ", Page(page).words)


def empty(year: Year) -> Year:
    """The least a document can hold."""
    nothing = dict.fromkeys(("precision", "recall", "median_hours_to_detect"))
    return year | {
        "versions": [], "route": [], "scores": [], "faults": [], "alarms": [], "incidents": [], "rollbacks": [],
        "taken_off": [], "review": {"asked": 0}, "skew": {"compared": 0, "skewed": 0, "differing": []}, "tables": {}, "spent": {}, "rows": 0, "ticks": 0,
        "year": {"live": None, "heuristic": None, "first": None, "rows": 0, "per_metric": {}},
        "summary": nothing | {"pages_per_week": 0.0, "rollbacks": 0, "rows_answered_badly": 0},
    }  # fmt: skip


def test_headline_says_what_was_rehearsed(year: Year) -> None:
    """One sentence with the figures, and one on what the loop brought."""
    said = words(render(year))
    assert (
        "336,776 rows of history over 365 days, lived through in 71.4 s: 48 versions trained, 13 of them live" in said
    )
    assert "14 of 16 faults caught" in said
    assert "9.7 % better than the first version never retrained and 13.4 % better than the heuristic" in said


def test_a_loss_is_called_worse_and_the_direction_is_the_metrics(year: Year) -> None:
    """With a metric where higher is better, the same figures read the other way."""
    year["primary"]["better"] = "higher"
    said = words(render(year))
    assert "9.7 % worse than the first version" in said
    assert "↑ higher is better" in said


def test_page_is_whole_and_loads_nothing(year: Year) -> None:
    """Every tag is closed in turn, nothing points elsewhere, and the policy forbids it too."""
    source = render(year)
    page = Page(source)
    assert not [attrs for _, attrs in page.tags if {"src", "href", "srcset", "action"} & attrs.keys()]
    assert "@import" not in source
    assert all(inside.startswith("#") for inside in re.findall(r"url\(([^)]*)\)", source))
    assert "default-src 'none'" in source
    assert [attrs["lang"] for tag, attrs in page.tags if tag == "html"] == ["en"]


def test_same_document_same_page(year: Year) -> None:
    """The page tells nothing of when or where it was made."""
    assert render(year) == render(year)


def test_figure_holds_every_fault_alarm_incident_and_gate(year: Year) -> None:
    """Nothing is left undrawn; each legend adds one."""
    page = Page(render(year))
    caught = sum(fault["caught_at"] is not None for fault in year["faults"])
    assert page.marks("fault caught") == caught + 1
    assert page.marks("fault missed") == len(year["faults"]) - caught + 1
    assert page.marks("alarm true") + page.marks("alarm false") == len(year["alarms"]) + 2
    assert page.marks("incident closed") + page.marks("incident open") == len(year["incidents"])
    assert page.marks("gate fail") == 29 + 1
    assert page.marks("rollback") == 1 + 1


def test_figure_draws_one_band_per_live_run_and_joins_neighbours(year: Year) -> None:
    """Intervals that differ only in canary or shadow are one band of the live version."""
    page = Page(render(year))
    bands = sum(str(attrs.get("class")).startswith("band v") for _, attrs in page.tags)
    runs = 1 + sum(a["live"] != b["live"] for a, b in zip(year["route"], year["route"][1:], strict=False))
    assert bands == runs < len(year["route"])


def test_words_of_users_stay_words(year: Year) -> None:
    """Hostile names of columns, checks, versions, tables and reasons are shown as they are, and do nothing."""
    for name in ("name", "model", "project"):
        year[name] = HOSTILE
    year["primary"]["metric"] = HOSTILE
    for score in year["scores"]:
        score["metric"] = HOSTILE
    for fault in year["faults"]:
        fault["column"] = fault["id"] = HOSTILE
    year["alarms"][0] |= {"kind": HOSTILE, "subject": HOSTILE, "what": HOSTILE}
    year["incidents"][0]["title"] = year["rollbacks"][0]["because"] = HOSTILE
    year["versions"][0] |= {"ref": HOSTILE, "reasons": [HOSTILE], "idea": HOSTILE, "because": HOSTILE}
    year["route"][-1] |= {"live": HOSTILE, "because": HOSTILE}
    year["tables"] = {HOSTILE: year["tables"]["flights"] | {"checks": {HOSTILE: 3}}}
    year["spent"] = {HOSTILE: 1.0}
    page = Page(render(year))
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "img" not in [tag for tag, _ in page.tags]
    assert HOSTILE in page.words


def test_an_empty_rehearsal_has_a_page(year: Year) -> None:
    """No versions, faults, alarms, tables or scores: each section says so."""
    said = words(render(empty(year)))
    for sentence in ("no version trained, the heuristic answered", "no faults injected", "No alarm was raised"):
        assert sentence in said
    assert "nothing was scored" in said
    assert "None" not in re.sub(r"None was", "", said)
    assert "nan" not in said.lower().split()


@pytest.mark.parametrize("until", ["2013-01-01T00:00:00Z", "2013-01-02"])
def test_a_rehearsal_of_a_day_or_of_no_length(year: Year, until: str) -> None:
    """The axis shows hours, and what lies outside stands at its edge."""
    said = words(render(year | {"to": until}))
    assert "1 Jan" in said
    assert ("over 1 day," in said) == (until == "2013-01-02")


def test_scores_may_all_be_null_or_lone(year: Year) -> None:
    """A line without values is not drawn, one with a single value is a dot."""
    for score in year["scores"]:
        score["first"] = None
    year["scores"][200]["first"] = 0.5
    assert "never retrained" in words(render(year))
    for score in year["scores"]:
        score["first"] = score["value"] = score["heuristic"] = None
    assert "nothing was scored" in words(render(year))


def test_a_live_score_without_its_rivals_is_told_alone(year: Year) -> None:
    """Missing or zero rivals give no percentages."""
    year["year"] |= {"first": None, "heuristic": 0.0}
    said = words(render(year))
    assert "log loss of 0.4321, against 0 of the heuristic" in said


def test_long_tables_fold_and_lose_nothing(year: Year) -> None:
    """Sixty versions and three hundred alarms are all on the page, most of them folded away."""
    year["versions"] = [dict(year["versions"][i % 48], ref=f"w{i}") for i in range(60)]
    year["alarms"] = [dict(year["alarms"][i % 30], id=f"b{i}") for i in range(300)]
    source = render(year)
    said = words(source)
    assert "The other 48 versions" in said
    assert "All 300 alarms, one by one" in said
    assert all(f">w{i}<" in source for i in range(60))
    assert all(f"<small>b{i}</small>" in source for i in range(300))


def test_versions_left_open_are_the_telling_ones(year: Year) -> None:
    """Of 48 versions the 12 before the fold hold the one rolled back and the one live at the end."""
    shown = re.findall(r'<th scope="row">(v\d+)</th>', render(year).split("The other 36")[0])
    assert len(shown) == 12
    assert {"v36", "v48", "v47"} <= set(shown)


def test_reasons_but_the_leading_one_are_folded(year: Year) -> None:
    """The reason on the primary metric over all rows stands open, wherever the gate put it."""
    year["versions"] = [
        dict(year["versions"][0], reasons=["log_loss in 'a' is worse", "log_loss over all rows is better"])
    ]
    source = render(year)
    row = source[source.index('<tr><th scope="row">v1</th>') :].split("</tr>")[0]
    assert row.index("over all rows") < row.index("<details") < row.index("log_loss in")
    assert "1 more" in row


def test_a_fault_without_table_strikes_the_live_version(year: Year) -> None:
    """A fault in the service names no table, and the page never says None."""
    said = words(render(year))
    assert "slow · the live version" in said
    assert "None" not in re.sub(r"None was", "", said)


def test_the_unit_stands_beside_the_name_of_the_key_figure(year: Year) -> None:
    """A long unit would break the figure onto two lines."""
    year["primary"]["unit"] = "nats"
    assert "<dt>log loss, nats</dt><dd><b>0.4321</b>" in render(year)


def test_time_to_detect_counts_from_the_faults_start(year: Year) -> None:
    """Thirty hours are thirty hours; a missed fault has none."""
    year["faults"] = [
        dict(year["faults"][0], **{"from": "2013-02-01"}, caught_at="2013-02-02T06:00:00Z"),
        dict(year["faults"][1], caught_at=None, caught_by=None),
    ]
    said = words(render(year))
    assert "caught 30 h" in said
    assert "missed –" in said


def test_rows_that_do_not_add_up_are_told(year: Year) -> None:
    """Read is committed, quarantined and refused together, or the page says by how much not."""
    assert "off by" not in words(render(year))
    year["tables"]["planes"]["committed"] -= 5
    assert "off by 5" in words(render(year))


def test_the_review_queue_is_told(year: Year) -> None:
    """How many answers asked for a person, and what became of them; nothing where none did."""
    text = words(render(year))
    assert "31 answers broke a check that asks a person to look" in text
    assert "2 answers waited, the oldest since" in text
    year["review"] = {"asked": 0}
    assert "Answers for a person" not in render(year)


def test_an_answer_by_the_heuristic_is_named(year: Year) -> None:
    """Null on the route is the heuristic, also where a rollback ends there."""
    year["rollbacks"][0]["to"] = None
    year["route"] = [dict(year["route"][0], live=None, to=year["to"])]
    said = words(render(year))
    assert "the heuristic live, 1 Jan 2013 to 1 Jan 2014" in said
    assert "from v36 to the heuristic" in said


def test_a_time_that_is_none_is_a_problem(year: Year) -> None:
    """A document that was tampered with raises the house's problem."""
    with pytest.raises(ProjectError, match="TV-PROJ-007"):
        render(year | {"from": "yesterday"})
