"""What happened to a partition that is unlike its history: the explanations, and which of them is taken.

Each explanation is a hypothesis with its own signature: a share of nulls, a factor, another column's distribution, rows
seen before, hours without rows. It names the columns whose movement it accounts for. The one that
accounts for most is taken; what breaks data comes before what the world does only where its signature is there.
"""

import numpy as np

from trivium.monitor.broken import category, missing, outliers
from trivium.monitor.evidence import FOLLOWS, Evidence, Explanation, how, percent
from trivium.monitor.rescaled import beyond_all, converted, scaled, swapped
from trivium.monitor.statistics import TABLE
from trivium.monitor.subpopulations import explained_by_mix
from trivium.monitor.torn import torn

# A holiday takes some of the rows evenly; this share lost of all alike is a broken delivery.
LOST = 1 / 3
# A column that a label goes with: what moves the label moves it, or the label has left it behind.
STRONG = 0.25


def explain(evidence: Evidence) -> Explanation:
    """Find the best explanation of a partition beyond its threshold."""
    by_rows = _of_rows(evidence)
    if by_rows:
        return by_rows[0]
    by_columns = _of_columns(evidence)
    if by_columns:
        return max(by_columns, key=lambda one: (len(one.accounts), one.strength))
    return _of_the_world(evidence)


def _of_rows(evidence: Evidence) -> list[Explanation]:
    """Explanations by whole rows, each of which accounts for whatever its rows carried along, and for those after it.

    Yesterday's rows leave today's hours empty, and rows that are twice there are no more than that.
    """
    found = []
    everything = frozenset(evidence.moved(FOLLOWS))
    if evidence.up(TABLE, "repeated"):
        seen, _ = evidence.seen(TABLE, "repeated")
        words = f"{percent(seen)} of its rows were in an earlier partition already: looks stale"
        found.append(Explanation("stale", (), words, evidence.size(TABLE, "repeated"), everything))
    if evidence.up(TABLE, "duplicates"):
        seen, expected = evidence.seen(TABLE, "duplicates")
        words = f"{percent(seen)} of its rows repeat another one, usually {percent(expected)}"
        found.append(Explanation("duplicates", (), words, evidence.size(TABLE, "duplicates"), everything))
    if evidence.up(TABLE, "gap"):
        seen, _ = evidence.seen(TABLE, "gap")
        words = f"no rows in hours that usually hold {percent(seen)} of them: looks cut off"
        found.append(Explanation("truncated", (), words, evidence.size(TABLE, "gap"), everything))
    if not found and not evidence.moved() and evidence.fell_by() > LOST:
        words = f"{_rows(evidence)}, evenly over time and values: rows are missing"
        found.append(Explanation("truncated", (), words, evidence.size(TABLE, "rows"), everything))
    return found


def _rows(evidence: Evidence) -> str:
    seen, expected = (float(np.expm1(value)) for value in evidence.seen(TABLE, "rows"))
    return f"{seen:,.0f} rows where about {expected:,.0f} were expected"


def _of_columns(evidence: Evidence) -> list[Explanation]:
    """Explanations by single columns that broke; those of one kind are one explanation."""
    found: list[Explanation] = [*swapped(evidence)]
    known = {column for one in found for column in one.columns}
    for column in evidence.moved():
        if column not in known:
            for explanation in (missing, category, outliers, scaled, beyond_all, converted):
                if (one := explanation(evidence, column)) is not None:
                    found.append(one)
                    break
    apart = torn(evidence)
    return _joined(found) or ([apart] if apart else [])


def _joined(found: list[Explanation]) -> list[Explanation]:
    kinds = sorted({one.kind for one in found})
    joined = []
    for kind in kinds:
        same = sorted((one for one in found if one.kind == kind), key=lambda one: -one.strength)
        joined.append(
            Explanation(
                kind,
                tuple(dict.fromkeys(column for one in same for column in one.columns)),
                "; ".join(one.words for one in same[:3]) + (f"; and {len(same) - 3} more" if len(same) > 3 else ""),
                same[0].strength,
                frozenset(column for one in same for column in one.columns),
            )
        )
    return joined


def _of_the_world(evidence: Evidence) -> Explanation:
    """Nothing broke: the population moved, or the label, or what the label follows from."""
    moved = evidence.moved()
    if not moved:
        return Explanation("population shift", (), _rows(evidence), evidence.size(TABLE, "rows", "phases"))
    labels = [column for column in moved if column in evidence.labels]
    others = [column for column in moved if column not in evidence.labels]
    loosened = [column for column in moved if evidence.size(column, "bonds") == evidence.worst(column)]
    if len(loosened) == len(moved):
        blamed = (*labels, *others)
        partner = _strongest_bond(evidence, blamed[0])
        words = f"{blamed[0]} goes with {partner or 'the other columns'} in another way than before"
        return Explanation("concept shift", blamed, words, evidence.worst(blamed[0]), frozenset(moved))
    if labels and not others:
        return _label_moved(evidence, labels[0])
    for column in moved:
        mix = explained_by_mix(evidence.now, evidence.past, column, nulls=evidence.up(column, "nulls"))
        if mix:
            words = f"the mix of {mix.slicer} moved, most for {mix.value!r}; {column} follows it"
            blamed = tuple(dict.fromkeys((mix.slicer, *moved)))
            return Explanation("population shift", blamed, words, evidence.worst(column), frozenset(moved))
    words = "; ".join(how(evidence, column) for column in moved[:2])
    return Explanation("population shift", tuple(moved), words, evidence.worst(moved[0]), frozenset(moved))


def _label_moved(evidence: Evidence, label: str) -> Explanation:
    """Tell a label whose features moved with it, or has none, from one that left its features behind."""
    columns, bonds = evidence.reading.window.usual_bonds
    mine = bonds[evidence.reading.place][columns.index(label)] if label in columns else np.zeros(len(columns))
    strong = [
        (column, float(bond))
        for column, bond in zip(columns, mine, strict=True)
        if column not in evidence.labels and abs(bond) >= STRONG
    ]
    moved = _in_spreads(evidence, label)
    off = sum((_in_spreads(evidence, column) - bond * moved) ** 2 for column, bond in strong)
    alone = sum((bond * moved) ** 2 for _, bond in strong)
    if strong and off > alone / 2:
        words = f"{how(evidence, label)}, and {strong[0][0]}, which it goes with, did not"
        return Explanation("concept shift", (label,), words, evidence.worst(label), frozenset((label,)))
    return Explanation("label shift", (label,), how(evidence, label), evidence.worst(label), frozenset((label,)))


def _in_spreads(evidence: Evidence, column: str) -> float:
    """Tell how far a column's mean moved, in the column's own standard deviations."""
    if (column, "mean") not in evidence.reading.keys:
        return 0.0
    seen, expected = evidence.seen(column, "mean")
    spread = float(
        np.sqrt(np.nanmedian(evidence.reading.window.noise[column, "mean"] * evidence.reading.window.rows(column)))
    )
    return (seen - expected) / spread if spread else 0.0


def _strongest_bond(evidence: Evidence, column: str) -> str:
    columns, bonds = evidence.reading.window.usual_bonds
    if column not in columns:
        return ""
    mine = np.nan_to_num(np.abs(bonds[evidence.reading.place][columns.index(column)]))
    mine[columns.index(column)] = 0.0
    return columns[int(np.argmax(mine))]
