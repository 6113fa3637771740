"""The canaries' parts of the entities are sticky, near their shares, and the same everywhere."""

from trivium.release.canary import Arms
from trivium.release.route import Canary, Route

IDS = [f"flight-{number}" for number in range(20_000)]


def arms(*shares, salt="m"):
    return Arms(Route(canaries=tuple(Canary(f"v{n}", share) for n, share in enumerate(shares, 1)), salt=salt))


def test_the_share_is_near_what_was_asked():
    """Twenty thousand ids at 10 %: within four standard errors."""
    found = arms(0.1).assign(IDS)
    assert abs(found.count("v1") / len(IDS) - 0.1) < 4 * (0.09 / len(IDS)) ** 0.5


def test_the_same_ids_fall_the_same_way_in_every_process():
    """Pinned: a change here would move rows between versions in the middle of a canary."""
    found = arms(0.2, salt="delays").assign(IDS[:40])
    assert [place for place, ref in enumerate(found) if ref] == [7, 23, 24, 34, 35, 36, 39]


def test_edges():
    """None, all, no entities at all, and no canary at all."""
    assert set(arms(0.0).assign(IDS[:9])) == {None}
    assert set(arms(1.0).assign(IDS[:9])) == {"v1"}
    assert arms(0.5).assign([]) == []
    assert arms().assign(IDS[:2]) == [None, None]
    assert arms().shares == {None: 1.0}


def test_another_salt_and_another_version_draw_another_part():
    """Two models' or two rollouts' canaries do not fall on the same entities: overlap near the product of the shares."""
    one = arms(0.5, salt="a").assign(IDS)
    for other in (arms(0.5, salt="b"), Arms(Route(canaries=(Canary("v2", 0.5),), salt="a"))):
        both = [a is not None and b is not None for a, b in zip(one, other.assign(IDS), strict=True)]
        assert abs(sum(both) / len(IDS) - 0.25) < 0.02


def test_several_canaries_share_the_entities():
    """Each meets its share of those whom none before it drew; the shares are told as they are."""
    two = arms(0.2, 0.5)
    assert two.shares == {"v1": 0.2, "v2": 0.4, None: 0.4}
    found = two.assign(IDS)
    for ref, share in two.shares.items():
        assert abs(found.count(ref) / len(IDS) - share) < 4 * (0.25 / len(IDS)) ** 0.5
    first = arms(0.2).assign(IDS)
    assert all(b == "v1" for a, b in zip(first, found, strict=True) if a == "v1")
