"""The canary's part of the rows is sticky, near its share, and the same everywhere."""

import numpy as np

from trivium.release.canary import in_canary

IDS = [f"flight-{number}" for number in range(20_000)]


def test_the_share_is_near_what_was_asked():
    """Twenty thousand ids at 10 %: within four standard errors."""
    assert abs(in_canary(IDS, share=0.1, salt="m").mean() - 0.1) < 4 * (0.09 / 20_000) ** 0.5


def test_the_same_ids_fall_the_same_way_in_every_process():
    """Pinned: a change here would move rows between versions in the middle of a canary."""
    assert np.flatnonzero(in_canary(IDS[:40], share=0.2, salt="delays")).tolist() == [
        1,
        9,
        13,
        15,
        17,
        21,
        22,
        23,
        24,
        26,
    ]


def test_edges():
    """None, all, and no rows at all."""
    assert not in_canary(IDS[:9], share=0.0, salt="m").any()
    assert in_canary(IDS[:9], share=1.0, salt="m").all()
    assert in_canary([], share=0.5, salt="m").shape == (0,)


def test_another_salt_draws_another_part():
    """Two rollouts do not fall on the same entities: the overlap is near the product of the shares."""
    both = in_canary(IDS, share=0.5, salt="a") & in_canary(IDS, share=0.5, salt="b")
    assert abs(both.mean() - 0.25) < 0.02
