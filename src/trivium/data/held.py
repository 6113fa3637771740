"""Rows that are held back: beside the others, each with the names of the rules that it broke."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from trivium.data.rules import RowRule

BROKE = "_broke"


@dataclass(frozen=True, slots=True)
class Taken:
    """A chunk's rows: `committed` in their order, and `quarantined` with `_broke`, the rules that each row broke."""

    committed: pl.DataFrame
    quarantined: pl.DataFrame


def nothing(frame: pl.DataFrame) -> Taken:
    """Take no row of a frame in, and hold none back."""
    none = frame.clear()
    return Taken(none, hold_back(none, []))


def split(frame: pl.DataFrame, broken: Sequence[tuple[RowRule, pl.Series]]) -> Taken:
    """Hold back the rows that broke a rule which quarantines, with all that they broke; where none did, move no row.

    Args:
        frame: the rows.
        broken: the rules that rows of it broke, each with a mask of those rows.
    """
    holding = [mask for rule, mask in broken if rule.severity != "warn"]
    if not holding:
        return Taken(frame, hold_back(frame.clear(), []))
    bad = either(holding)
    return Taken(frame.filter(~bad), frame.filter(bad).with_columns(_told(broken, bad)))


def _told(broken: Sequence[tuple[RowRule, pl.Series]], bad: pl.Series) -> pl.Series:
    """Name what each bad row broke. Few rows break many rules at once: each such set of rules is spelled out once."""
    masks = pl.DataFrame([mask.filter(bad).alias(str(number)) for number, (_, mask) in enumerate(broken)])
    sets = masks.unique()
    names = [[rule.name for (rule, _), has in zip(broken, row, strict=True) if has] for row in sets.iter_rows()]
    spelled = sets.with_columns(pl.Series(BROKE, names, dtype=pl.List(pl.String)))
    return masks.join(spelled, on=masks.columns, how="left", maintain_order="left").get_column(BROKE)


def either(masks: Sequence[pl.Series]) -> pl.Series:
    """Join masks: true where one of them is."""
    return reduce(or_, masks)


def hold_back(rows: pl.DataFrame, broke: Sequence[str]) -> pl.DataFrame:
    """Hold all of these rows back for the same reasons."""
    return rows.with_columns(pl.Series(BROKE, [list(broke)] * rows.height, dtype=pl.List(pl.String)))


def release_rows(quarantined: pl.DataFrame) -> pl.DataFrame:
    """Make quarantined rows fit to be taken in again: without what they broke."""
    return quarantined.drop(BROKE, strict=False)
