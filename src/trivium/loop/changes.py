"""What changed when a partition was collected again: rows added, removed and changed, and in which columns.

Compares two blobs, of any size: large ones are dealt into buckets by key first, and compared bucket by bucket.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trivium.data.keys import hash_rows
from trivium.loop.pieces import Block, Shelf, together

if TYPE_CHECKING:
    import polars as pl

    from trivium.store.blobs import FileBlobs

# Up to so many rows are compared at once; frames of 20 columns then take some 400 MB in all.
COMPARED_ROWS = 1 << 20
_OLD = "_old"


def changes_between(
    blobs: "FileBlobs", before: str, after: str, *, key: Sequence[str], compared_rows: int = COMPARED_ROWS
) -> dict[str, Any]:
    """Tell what differs between two contents of a partition.

    Without a key a row that changed counts as one removed and one added. The order of rows is no difference.

    Returns:
        `rows_added`, `rows_removed`, `rows_changed`; `columns`, how many rows changed in each; `columns_added` and
        `columns_removed`.
    """
    rows, columns = Counter[str](), Counter[str]()
    old, new = ([], []) if before == after else [list(_scan(blobs, blob).collect_schema()) for blob in (before, after)]
    if before != after:
        shared = _shared_schema(blobs, before, after)
        by_key = list(key) if key and all(column in shared for column in key) else []
        for one, other in _pairs(blobs, (before, after), shared, by=by_key or list(shared), most_rows=compared_rows):
            if by_key:
                _compare_by_key(one, other, by_key, rows, columns)
            else:
                _compare_whole_rows(one, other, rows)
    return {
        **{f"rows_{kind}": rows[kind] for kind in ("added", "removed", "changed")},
        "columns": dict(sorted(columns.items())),
        "columns_added": [column for column in new if column not in old],
        "columns_removed": [column for column in old if column not in new],
    }


def _scan(blobs: "FileBlobs", blob: str) -> "pl.LazyFrame":
    import polars as pl

    return pl.scan_parquet(blobs.path(blob), glob=False)


def _shared_schema(blobs: "FileBlobs", before: str, after: str) -> "dict[str, pl.DataType]":
    """Find the columns that both have, each with a type that holds both; text where none does."""
    import polars as pl

    old, new = (_scan(blobs, blob).collect_schema() for blob in (before, after))
    found: dict[str, pl.DataType] = {}
    for column, kind in new.items():
        if column not in old:
            continue
        try:
            both = [pl.Series(column, [], dtype=each).to_frame() for each in (old[column], kind)]
            found[column] = pl.concat(both, how="vertical_relaxed").schema[column]
        except pl.exceptions.PolarsError:
            found[column] = pl.String()
    return found


def _pairs(
    blobs: "FileBlobs", both: tuple[str, str], shared: "dict[str, pl.DataType]", *, by: Sequence[str], most_rows: int
) -> "Iterator[tuple[pl.DataFrame, pl.DataFrame]]":
    """Give both contents, dealt alike into pairs of frames that are small enough to be compared."""
    import polars as pl

    for blob in both:
        blobs.verified_path(blob)
    lazies = [_scan(blobs, b).select(pl.col(c).cast(kind, strict=False) for c, kind in shared.items()) for b in both]
    longest = max(int(_scan(blobs, blob).select(pl.len()).collect().item()) for blob in both)
    buckets = max(-(-longest // most_rows), 1)
    if buckets == 1:
        yield lazies[0].collect(), lazies[1].collect()
        return
    with Shelf(blobs.scratch) as shelf:
        sides = [_dealt(lazy, by, buckets=buckets, most_rows=most_rows, shelf=shelf) for lazy in lazies]
        for one, other in zip(*sides, strict=True):
            yield together([block.get() for block in one]), together([block.get() for block in other])
            for block in (*one, *other):
                block.drop()


def _dealt(lazy: "pl.LazyFrame", by: Sequence[str], *, buckets: int, most_rows: int, shelf: Shelf) -> list[list[Block]]:
    import polars as pl

    dealt: list[list[Block]] = [[] for _ in range(buckets)]
    for chunk in lazy.collect_batches(chunk_size=most_rows, maintain_order=True):
        place = hash_rows(chunk.select(by)) % np.uint64(buckets)
        for bucket in range(buckets):
            dealt[bucket].append(shelf.put(chunk.filter(pl.Series(place == bucket))))
    return dealt


def _compare_by_key(
    old: "pl.DataFrame", new: "pl.DataFrame", key: list[str], rows: Counter[str], columns: Counter[str]
) -> None:
    import polars as pl

    rest = [column for column in new.columns if column not in key]
    both = new.join(old.rename({column: column + _OLD for column in rest}), on=key, how="inner")
    differ = both.select(pl.col(column).ne_missing(pl.col(column + _OLD)).alias(column) for column in rest)
    rows["added"] += new.height - both.height
    rows["removed"] += old.height - both.height
    if rest:
        rows["changed"] += int(differ.select(pl.any_horizontal(pl.all()).sum()).item())
        columns.update({column: count for column, count in differ.sum().row(0, named=True).items() if count})


def _compare_whole_rows(old: "pl.DataFrame", new: "pl.DataFrame", rows: Counter[str]) -> None:
    """Count whole rows that one has more often than the other, by their hashes of 64 bits."""
    hashes = np.concatenate((hash_rows(old), hash_rows(new)))
    sign = np.concatenate((np.full(old.height, -1), np.full(new.height, 1)))
    _, which = np.unique(hashes, return_inverse=True)
    balance = np.bincount(which, weights=sign)
    rows["added"] += int(balance[balance > 0].sum())
    rows["removed"] += int(-balance[balance < 0].sum())
