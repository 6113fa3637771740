"""The study of canaries looks at a thousand of them at once; what it says is what the loop's own measures say."""

from dataclasses import replace

import pytest

from canary_study.looks import NOTHING, USUAL, optimum, ours, repeated, seen_at
from canary_study.picture import Curve, drawn_picture
from canary_study.world import LIVE, SLICES, drawn
from trivium.release.evidence import findings

LOOKS = 8


@pytest.mark.parametrize(
    "rates",
    [LIVE, replace(LIVE, fails=0.05), replace(LIVE, noise=1.2), replace(LIVE, is_slow=0.1), replace(LIVE, lean=0.2),
     replace(LIVE, breaks=0.1), replace(LIVE, lean=-0.15)],
)  # fmt: skip
@pytest.mark.parametrize("borne", [USUAL, NOTHING])
def test_all_looks_at_once_are_each_look_alone(rates, borne):
    """The first look that proves harm, and of what, is the one at which `findings` does."""
    for seed in range(3):
        rows = drawn(rates, looks=LOOKS, seed=seed)
        look, name = ours(rows, borne)
        alone = None
        for place in range(1, LOOKS + 1):
            seen = seen_at(rows, place)
            found = findings(seen, rule=borne.rule, task="binary", margins=borne.margins, slices=SLICES)
            if harm := {f"{one.measure} {one.slice}" for one in found if one.is_harm}:
                alone = place
                assert any(one.startswith(name) for one in harm)
                break
        assert look == alone


def test_a_repeated_test_stops_sooner_or_as_soon():
    """What ignores that it looks often needs less to say harm."""
    rows = drawn(replace(LIVE, fails=0.1), looks=LOOKS, seed=1)
    assert repeated(rows, USUAL) <= ours(rows, USUAL)[0]


def test_the_optimum_by_hand():
    """An excess of a tenth of a deviation is found in (1.645 + 0.842)^2 * 100 = 618.3 units, four times in five."""
    assert optimum(0.1, deviation=1.0, power=0.8) == 619


def test_the_same_seed_is_the_same_canary():
    """A figure can be made again."""
    one, other = drawn(LIVE, looks=2, seed=5), drawn(LIVE, looks=2, seed=5)
    assert (one.shift == other.shift).all() and not (one.shift == drawn(LIVE, looks=2, seed=6).shift).all()


def test_the_picture_is_whole():
    """Every line has its points, and what was not reached is left out."""
    curve = Curve("trivium", [(0.02, 800.0), (0.1, None), (0.3, 400.0)])
    drawn_svg = drawn_picture([Curve("trivium", [(400, 0.0), (800, 0.01)])], [curve], [curve])
    assert drawn_svg.count("<circle") == 4 and drawn_svg.startswith("<svg") and "promised" in drawn_svg
