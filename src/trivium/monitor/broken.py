"""Single columns that broke: nulls, fillings, values never seen, outliers."""

import numpy as np

from trivium.monitor.evidence import BULK, FEW, FOLLOWS, Evidence, Explanation, percent
from trivium.monitor.fits import mixture
from trivium.monitor.subpopulations import explained_by_mix

_NEVER = {
    "unseen": "values never seen before",
    "unseen patterns": "values of a form never seen before",
    "unseen marks": "values with a character never seen before",
}
# A column was filled in with zeros where that explains so much of the distance from its usual distribution.
WELL = 0.9


def missing(evidence: Evidence, column: str) -> Explanation | None:
    """Explain a column by nulls, or by zeros put in their place, unless the mix of rows brought them."""
    is_within = evidence.up(column, "nulls within")
    if is_within or evidence.up(column, "nulls"):
        if not is_within and explained_by_mix(evidence.now, evidence.past, column, nulls=True):
            return None
        seen, expected = evidence.seen(column, "nulls")
        words = f"{column} is null in {percent(seen)} of the rows, usually in {percent(expected)}"
        return Explanation("missing", (column,), words, evidence.size(column, "nulls", "nulls within"))
    if evidence.up(column, "zeros") and evidence.size(column, "zeros") >= FOLLOWS * evidence.worst(column):
        seen, expected = evidence.seen(column, "zeros")
        usual = evidence.usual_of(column)
        now = evidence.now_of(column)
        if usual is None or now is None:
            return None
        filled = mixture(now, usual, (np.zeros(1), np.ones(1)))
        if filled.explained >= WELL and expected < seen / 2:
            words = f"{column} is 0 in {percent(seen)} of the rows, usually in {percent(expected)}: looks filled in"
            return Explanation("missing", (column,), words, evidence.size(column, "zeros"))
    return None


def category(evidence: Evidence, column: str) -> Explanation | None:
    """Explain a column of text by values, forms of values or characters that it never had."""
    if evidence.now.kinds.get(column) != "text":
        return None
    new = max(_NEVER, key=lambda statistic: evidence.size(column, statistic))
    if evidence.up(column, new):
        seen, _ = evidence.seen(column, new)
        what = _NEVER[new]
        words = f"{column} has {what} in {percent(seen)} of the rows{_examples(evidence, column)}"
        return Explanation("category", (column,), words, evidence.size(column, new))
    return None


def _examples(evidence: Evidence, column: str) -> str:
    known = {value for held in evidence.past for value in held.tallies.get((column, "shares"), ())}
    mine = evidence.now.tallies.get((column, "shares"), {})
    new = sorted((value for value in mine if value not in known), key=lambda value: (-mine[value], str(value)))
    return f", such as {str(new[0])[:40]!r}" if new else ""


def outliers(evidence: Evidence, column: str) -> Explanation | None:
    """Few rows far out, and the bulk where it was."""
    now = evidence.now_of(column)
    if evidence.beyond(column, *BULK, "shares"):
        return None
    far = evidence.size(column, "spread", "extent", "unseen")
    if now is None or far <= evidence.reading.threshold:
        return None
    if evidence.size(column, "extent") < FOLLOWS * evidence.reading.threshold and not evidence.up(column, "unseen"):
        return None
    low = min(m.extremes[column][0] for m in evidence.past if column in m.extremes)
    high = max(m.extremes[column][1] for m in evidence.past if column in m.extremes)
    values, counts = now
    outside = counts[(values < low) | (values > high)].sum()
    if not 0 < outside <= FEW * counts.sum():
        return None
    if evidence.up(column, "unseen decimals") and evidence.seen(column, "unseen decimals")[0] * counts.sum() > outside:
        return None  # what lies far out is the least of it
    least, most = evidence.now.extremes[column]
    seen = most if most - high > low - least else least
    words = f"{column} reaches {seen:,.6g}, and never left {low:,.6g} to {high:,.6g} before"
    return Explanation("outliers", (column,), words, far)
