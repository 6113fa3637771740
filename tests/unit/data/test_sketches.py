"""The sketches of summaries: hand-worked cases, stated errors held against exact counts, and sizes."""

import math

import datasketches
import duckdb
import msgspec
import numpy as np
import polars as pl
import pytest

from trivium.core.summary import MOST_BUCKETS, PATTERNS_KEPT, RELATIVE_ERROR, SAMPLED, TOP_KEPT, Sample
from trivium.data.hashing import mixed
from trivium.data.packing import encode
from trivium.data.sketches import (
    COUPONS,
    REGISTERS,
    coarsened,
    distinct_of,
    distinct_sketch,
    fitted,
    frequent,
    merged_distinct,
    merged_frequent,
    merged_sample,
    sample,
)
from trivium.data.summary import merge, quantile, summarise


def hashes(count: int, *, start: int = 0) -> np.ndarray:
    return mixed(np.arange(start, start + count, dtype=np.uint64))


def test_few_distinct_values_are_counted_exactly() -> None:
    """One to 256 values are held by their hashes, repeated or not."""
    for count in (0, 1, 2, COUPONS - 1, COUPONS):
        assert distinct_of(distinct_sketch(np.repeat(hashes(count), 3))) == count


@pytest.mark.parametrize("count", [COUPONS + 1, 1_000, 4_096, 20_000, 300_000, 3_000_000])
def test_many_distinct_values_are_estimated_within_the_stated_error(count: int) -> None:
    """Over 20 sets of values the root mean square error is near 1.04 / sqrt(4096) = 1.6 %, and none is 6 % off."""
    repeats = 20 if count < 1_000_000 else 3
    off = [distinct_of(distinct_sketch(hashes(count, start=seed << 40))) / count - 1 for seed in range(repeats)]
    assert math.sqrt(sum(error * error for error in off) / repeats) < 0.024
    assert max(map(abs, off)) < 0.06


@pytest.mark.parametrize("count", [1_000, 50_000])
def test_distinct_counts_are_as_good_as_those_of_datasketches(count: int) -> None:
    """Over 10 sets of values the root mean square error is within that of its HLL with as many registers, and a half."""
    ours, theirs = [], []
    for seed in range(10):
        oracle = datasketches.hll_sketch(12, datasketches.HLL_4)
        for value in range(seed * count, (seed + 1) * count):
            oracle.update(value)
        theirs.append(oracle.get_estimate() / count - 1)
        ours.append(distinct_of(distinct_sketch(hashes(count, start=seed * count))) / count - 1)
    stated = 1.04 / math.sqrt(REGISTERS)
    assert _root_mean_square(ours) < 1.5 * max(_root_mean_square(theirs), stated)


def _root_mean_square(errors: list[float]) -> float:
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def test_a_coarse_sketch_keeps_no_hash() -> None:
    """A private column of two values has registers alone; the estimate stays close."""
    sketch = distinct_sketch(hashes(2), coarse=True)
    assert len(sketch) == REGISTERS
    assert distinct_of(sketch) == 2
    assert merged_distinct([sketch, distinct_sketch(hashes(2))]) == sketch


def test_frequent_values_keep_those_above_the_one_past_the_last_kept() -> None:
    """Of counts 5, 3, 2 and 2 with room for two, the third has 2: whatever is let go had at most 2."""
    assert frequent({"a": 5, "b": 3, "c": 2, "d": 2}, most=2) == ({"a": 5, "b": 3}, 2)
    assert frequent({"a": 5, "b": 2, "c": 2}, most=2) == ({"a": 5}, 2)
    assert frequent({"b": 1, "a": 1}, most=2) == ({"a": 1, "b": 1}, 0)


def test_merging_frequent_values_counts_what_a_part_may_have_let_go() -> None:
    """B has 3 in one part; the other, whose error is 2, may have held up to 2 more: 3 to 5, told as 5."""
    merged, error = merged_frequent([({"a": 5}, 2), ({"b": 3}, 0)], most=2)
    assert (merged, error) == ({"a": 5, "b": 5}, 2)


@pytest.mark.parametrize("skew", [0.5, 1.0, 1.5])
def test_frequent_values_hold_their_bounds_in_any_nesting(skew: float) -> None:
    """A count is at most `error` too high and never too low; what is left out has at most `error` <= rows / 201."""
    dice = np.random.default_rng(int(skew * 10))
    shares = np.arange(1, 3_001) ** -skew
    rows = dice.choice(3_000, 40_000, p=shares / shares.sum())
    true = np.bincount(rows, minlength=3_000)
    parts = [
        frequent({f"v{value}": int(count) for value, count in enumerate(np.bincount(part)) if count}, most=TOP_KEPT)
        for part in np.array_split(rows, 20)
    ]
    for merged, error in (merged_frequent(parts, most=TOP_KEPT), _nested(parts)):
        assert error <= rows.size / (TOP_KEPT + 1)
        for value, count in enumerate(true.tolist()):
            told = merged.get(f"v{value}")
            assert count <= error if told is None else told - error <= count <= told


def _nested(parts: list[tuple[dict[str, int], int]]) -> tuple[dict[str, int], int]:
    merged = parts[0]
    for part in parts[1:]:
        merged = merged_frequent([merged, part], most=TOP_KEPT)
    return merged


def test_a_sample_of_rows_counts_repeats_and_overlap() -> None:
    """Rows 0..99 twice and 100..199 once: a third of 300 rows repeat; half of the rows 100..299 are shared."""
    one = sample(np.concatenate([hashes(100), hashes(200)]))
    assert (one.rows, one.distinct) == (300, 200.0)
    assert one.duplicates == pytest.approx(1 / 3)
    other = sample(hashes(200, start=100))
    assert one.overlap(other) == other.overlap(one) == 0.5
    assert one.overlap(Sample(rows=0)) == Sample(rows=0).overlap(one) == Sample(rows=0).duplicates == 0.0


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_samples_estimate_large_sets(share: float) -> None:
    """Of 50,000 rows, the distinct within 20 %, and a share that comes again within one tenth."""
    old, new = sample(hashes(50_000)), sample(hashes(50_000, start=round(50_000 * (1 - share))))
    assert len(old.hashes) == SAMPLED
    assert old.distinct == pytest.approx(50_000, rel=0.2)
    assert new.overlap(old) == pytest.approx(share, abs=0.1)
    assert merged_sample([old, new]) == sample(np.concatenate([hashes(50_000), _of(new, share)]))


def _of(_: Sample, share: float) -> np.ndarray:
    return hashes(50_000, start=round(50_000 * (1 - share)))


def test_a_heavily_repeated_row_is_sampled_with_all_its_rows() -> None:
    """One row 100,000 times and 10 others: 11 distinct, and every row counted."""
    found = sample(np.concatenate([np.repeat(hashes(1), 100_000), hashes(10, start=5)]))
    assert (found.distinct, sum(found.counts)) == (11.0, 100_010)


def test_halving_the_resolution_puts_two_buckets_into_one() -> None:
    """Buckets 1 and 2 make 1, 0 and -1 make 0, 3 makes 2: i goes to ceil(i / 2)."""
    assert coarsened({-1: 1, 0: 2, 1: 4, 2: 8, 3: 16}, 1) == {0: 3, 1: 12, 2: 16}
    assert coarsened({5: 1}, 3) == coarsened(coarsened(coarsened({5: 1}, 1), 1), 1) == {1: 1}


def test_buckets_are_coarsened_no_more_than_they_must() -> None:
    """1,024 fit as they are; with one more, and half as many, they fit again."""
    many = dict.fromkeys(range(MOST_BUCKETS), 1)
    assert fitted(many, {})[2] == 0
    positive, negative, coarseness = fitted(many, {0: 1})
    assert (coarseness, len(positive) + len(negative)) == (1, MOST_BUCKETS // 2 + 2)


def test_quantiles_of_600_magnitudes_stay_within_their_coarseness() -> None:
    """A million floats from 1e-300 to 1e300 in 1,024 buckets: seven halvings, so a value within a factor of 1.9 or so."""
    dice = np.random.default_rng(0)
    values = 10.0 ** dice.uniform(-300, 300, 1_000_000) * dice.choice([-1, 1], 1_000_000)
    found = summarise(pl.DataFrame({"x": values})).columns["x"]
    ratio = ((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)) ** (2**found.coarseness)
    ranked = np.sort(values)
    for q in (0.001, 0.1, 0.25, 0.75, 0.9, 0.999):
        true = ranked[math.floor(q * (ranked.size - 1))]
        told = quantile(found, q)
        assert told is not None
        assert abs(told - true) <= (ratio - 1) / (ratio + 1) * abs(true) * (1 + 1e-6)


def nasty() -> dict[str, pl.Series]:
    dice = np.random.default_rng(1)
    word = pl.Series(dice.integers(0, 2**60, 100_000)).cast(pl.String)
    often = pl.Series(dice.choice(100_000, 300_000, p=_zipf(100_000)))
    return {
        "floats over 600 magnitudes": pl.Series(10.0 ** dice.uniform(-300, 300, 1_000_000)),
        "both signs": pl.Series(dice.normal(size=1_000_000) * 10.0 ** dice.uniform(-9, 9, 1_000_000)),
        "many texts": word,
        "long texts of two bytes a letter": ("ä" * 200 + word),
        "texts of all frequencies": ("Straße " * 9 + often.cast(pl.String)),
        "shapes": pl.Series(["".join(dice.choice(list("aA9-_ é"), 30)) for _ in range(20_000)]),
        "integers": pl.Series(dice.integers(-(2**63), 2**63 - 1, 300_000)),
        "moments": pl.Series(dice.integers(0, 2**51, 300_000)).cast(pl.Datetime("us")),
    }


def _zipf(count: int) -> np.ndarray:
    shares = 1 / np.arange(1, count + 1)
    return shares / shares.sum()


def test_no_column_takes_more_than_10_kb() -> None:
    """Whatever a column holds, and after a merge as well; the samples of rows take some KB more, once for a table."""
    for name, column in nasty().items():
        whole = summarise(pl.DataFrame({"x": column}))
        halves = [summarise(pl.DataFrame({"x": half})) for half in (column[: column.len() // 2], column[1::2])]
        for summary in (whole, merge(*halves)):
            alone = msgspec.structs.replace(summary, joint=None)
            assert len(encode(alone)) <= 10_240, name
            assert len(encode(summary)) - len(encode(alone)) <= 8_192, name


def test_a_summary_agrees_with_duckdb() -> None:
    """Another engine's exact answers on random rows: counts, extremes, moments, quantiles, distinct, top values."""
    engine = duckdb.connect()
    engine.execute("select setseed(0.5)")
    engine.execute("""
        create table frame as
        select case when random() < 0.9 then exp(6 * random() - 2) * (case when random() < 0.3 then -1 else 1 end) end x,
               chr(97 + (6 * random())::int) s
        from range(50000)""")
    rows = engine.execute("select x, s from frame").fetchall()
    frame = pl.DataFrame(rows, schema={"x": pl.Float64, "s": pl.String}, orient="row")
    asked = """
        select count(*) - count(x), min(x), max(x), avg(x), var_pop(x) * count(x), count(distinct x),
               quantile_disc(x, 0.05), quantile_disc(x, 0.5), quantile_disc(x, 0.95)
        from frame"""
    nulls, least, most, mean, m2, distinct, *ranked = engine.execute(asked).fetchone()  # type: ignore[misc]
    found = summarise(frame).columns
    assert (found["x"].nulls, found["x"].minimum, found["x"].maximum) == (nulls, least, most)
    assert found["x"].mean == pytest.approx(mean, rel=1e-9)
    assert found["x"].m2 == pytest.approx(m2, rel=1e-9)
    assert found["x"].distinct == pytest.approx(distinct, rel=0.06)
    for q, true in zip((0.05, 0.5, 0.95), ranked, strict=True):
        assert quantile(found["x"], q) == pytest.approx(true, rel=0.012)
    counts = dict(engine.execute("select s, count(*) from frame group by s").fetchall())
    assert found["s"].top == counts


def test_shapes_past_those_kept_are_let_go_within_their_error() -> None:
    """40 shapes, of which 8 are frequent: these are told, and no count is off by more than is said."""
    texts = ["a" * (number % 20) + "9" * (number // 20) for number in range(40)]
    found = summarise(pl.DataFrame({"x": [*texts, *texts[:8] * 99]})).columns["x"]
    assert found.patterns == dict.fromkeys(texts[:8], 100)
    assert found.patterns_error == 1
    assert len(found.patterns) <= PATTERNS_KEPT
