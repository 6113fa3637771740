"""Hashes that summaries keep for ever: their very values, and that they are spread evenly."""

import numpy as np
import polars as pl

from trivium.data.hashing import mixed, of_integers, of_name, of_numbers, of_texts


def test_hashes_stay_what_they_are() -> None:
    """Summaries of years are compared by them: a change of any of these numbers is a break of the stored form."""
    assert mixed(np.array([0, 1, 2**64 - 1], dtype=np.uint64)).tolist() == [
        0xE220A8397B1DCDAF, 0x910A2DEC89025CC1, 0xE4D971771B652C20,
    ]  # fmt: skip
    assert of_numbers(np.array([1.0, -1.5])).tolist() == [0x88D7C35BBBF3EDED, 0x5C4CE031A716B337]
    assert of_integers(np.array([2**53 + 1, -(2**63)])).tolist() == [0x21EE4301C88BE3C9, 0x4B9E7F42D2702803]
    texts = pl.Series(["", "a", "ab", "ba", "Müller", "x" * 40_000])
    assert of_texts(texts).tolist() == [
        0xE220A8397B1DCDAF, 0x9CC9964958266158, 0xA8865BABCCD9BC54,
        0x5EF81BC831CDC75D, 0x5957BDEC700C2E21, 0x434BA8CBB3BFD5C8,
    ]  # fmt: skip


def test_the_first_of_splitmix64_is_the_published_one() -> None:
    """Seed 0 gives 0xE220A8397B1DCDAF first, as in Steele, Lea and Flood's generator."""
    assert mixed(np.zeros(1, dtype=np.uint64)).tolist() == [0xE220A8397B1DCDAF]


def test_equal_numbers_hash_alike_whatever_their_type() -> None:
    """Zero in both signs, and an integer as the float that it equals."""
    assert of_numbers(np.array([-0.0])) == of_numbers(np.array([0.0]))
    assert of_integers(np.array([7])).tolist() == of_numbers(np.array([7.0])).tolist()


def test_where_texts_are_cut_into_blocks_changes_nothing() -> None:
    """A text hashes alone as it does among others, short or long, first or last."""
    dice = np.random.default_rng(0)
    texts = ["x" * int(length) + str(number) for number, length in enumerate(dice.integers(0, 300, 2_000))]
    texts += ["", "y" * 100_000, ""]
    together = of_texts(pl.Series(texts)).tolist()
    for place in (0, 1, 777, 1_999, 2_000, 2_001, 2_002):
        assert of_texts(pl.Series(texts[place : place + 1])).tolist() == together[place : place + 1]


def test_alike_texts_are_spread_evenly() -> None:
    """Of 200,000 numbered texts no two hashes are equal, and each of 256 classes has its share within 5 sigma."""
    found = of_texts(pl.Series([f"ID-{number:07}" for number in range(200_000)]))
    assert np.unique(found).size == found.size
    for bits in (found >> np.uint64(56), found & np.uint64(255)):
        counts = np.bincount(bits.astype(np.int64), minlength=256)
        assert np.abs(counts - 200_000 / 256).max() < 5 * (200_000 / 256) ** 0.5


def test_a_name_stands_for_an_odd_number() -> None:
    """Odd, so that no hash is lost in the multiplication."""
    assert all(int(of_name(name)) % 2 for name in ("a", "b", "", "distance"))
