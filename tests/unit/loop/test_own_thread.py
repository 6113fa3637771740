"""A version's own thread: what hangs in it is left behind, whoever and however many wait for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from trivium.loop.own_thread import MOST_LEFT_BEHIND, OwnThread


@pytest.fixture
def hanging():
    """Work that hangs until the test is over."""
    over = threading.Event()
    yield over.wait
    over.set()


def test_what_the_work_gives_or_raises_comes_back():
    """The caller gets the result, or the work's own exception."""
    own = OwnThread("own")
    assert own.call(lambda: 3, timeout_s=5) == 3
    with pytest.raises(ZeroDivisionError):
        own.call(lambda: 1 // 0, timeout_s=5)


def test_what_hangs_is_left_behind(hanging):
    """A caller goes on after its time, and the next gets another thread, until too many hang."""
    own = OwnThread("own")
    for _ in range(MOST_LEFT_BEHIND):
        with pytest.raises(TimeoutError):
            own.call(hanging, timeout_s=0.01)
    assert own.left_behind == MOST_LEFT_BEHIND
    with pytest.raises(TimeoutError):
        own.call(lambda: 3, timeout_s=5)


def test_two_who_wait_for_one_thread_both_go_on(hanging):
    """Whoever waits behind work that hangs is told so as well, and no thread is left behind twice."""
    own = OwnThread("own")
    with ThreadPoolExecutor(4) as pool:
        came = [pool.submit(own.call, hanging, timeout_s=0.05) for _ in range(4)]
        assert [type(one.exception()) for one in came] == [TimeoutError] * 4
    assert 1 <= own.left_behind <= MOST_LEFT_BEHIND
