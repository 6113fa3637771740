"""The report of a tuning: it loads nothing, says what was measured, and draws each point."""

from trivium.web.tuning_report import draw, render

FOUND = {
    "from": "2013-01-01", "to": "2013-12-31", "weeks": 47.1, "budget": 1, "now": 0.02,
    "faults": {"subtle": 10, "medium": 20, "strong": 20},
    "curve": [
        {"rate": 0.05, "pages_per_week": 1.5, "caught": {"subtle": 4, "medium": 18, "strong": 20}},
        {"rate": 0.02, "pages_per_week": 0.5, "caught": {"subtle": 3, "medium": 17, "strong": 20}},
    ],
    "recommended": 0.02, "because": "<of those> that keep the budget", "missed": {"nulls": 3}, "written": False,
}  # fmt: skip


def test_the_page_says_what_was_measured() -> None:
    """The recommended rate with its cost, each figure, and what is missed; text is escaped, nothing is loaded."""
    page = render(FOUND)
    assert "A rate of 0.02 costs 0.5 pages a week and catches 17 of 20 medium faults." in page
    assert "18 of 20" in page and "nulls 3" in page
    assert "&lt;of those&gt; that keep" in page and "<of those>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert render(FOUND) == page


def test_each_point_is_drawn() -> None:
    """Two rates on four lines; the budget and the choice; a kind of fault that never struck is at nought."""
    svg = draw(FOUND)
    assert svg.count("<circle") == 8
    assert (svg.count('class="budget"'), svg.count('class="chosen"')) == (1, 2)
    assert draw({**FOUND, "faults": {"subtle": 0, "medium": 20, "strong": 20}}).count("<circle") == 8
