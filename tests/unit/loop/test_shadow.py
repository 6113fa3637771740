"""The shadow queue never holds up who offers, drops what is too much, and accounts for everything."""

import threading

from trivium.loop.shadow import ShadowCounts, ShadowQueue


def test_all_that_fits_is_asked_about_in_order():
    """Nothing is lost while there is room, and closing asks about what still waits."""
    seen = []
    queue = ShadowQueue(seen.extend, size=1000, batch=16)
    for number in range(500):
        queue.offer(number)
    assert queue.close() == ShadowCounts(offered=500, asked=500, failed=0, dropped=0, waiting=0)
    assert seen == list(range(500))


def test_a_full_queue_drops_the_oldest_and_counts():
    """While a shadow hangs, 10 fit; of 25 more the first 15 go, and who offers never waits."""
    began, gate, seen = threading.Event(), threading.Event(), []

    def ask(batch):
        began.set()
        assert gate.wait(20)
        seen.extend(batch)

    queue = ShadowQueue(ask, size=10, batch=1)
    queue.offer("first")
    assert began.wait(20)
    for number in range(25):
        queue.offer(number)
    assert queue.counts() == ShadowCounts(offered=26, asked=0, failed=0, dropped=15, waiting=11)
    gate.set()
    assert queue.close() == ShadowCounts(offered=26, asked=11, failed=0, dropped=15, waiting=0)
    assert seen == ["first", *range(15, 25)]


def test_a_shadow_that_raises_is_counted_and_the_next_is_asked():
    """What it raises reaches nobody who offers."""
    queue = ShadowQueue(lambda batch: 1 // batch[0], size=10, batch=1)
    for number in (0, 1, 0, 2):
        queue.offer(number)
    assert queue.close() == ShadowCounts(offered=4, asked=2, failed=2, dropped=0, waiting=0)


def test_closing_waits_no_longer_than_it_may():
    """A shadow that hangs does not keep a server from ending; what waited is dropped and counted."""
    began, gate = threading.Event(), threading.Event()

    def ask(batch):
        began.set()
        gate.wait(20)

    queue = ShadowQueue(ask, size=10, batch=1)
    queue.offer(1)
    assert began.wait(20)
    queue.offer(2)
    assert queue.close(timeout_s=0.01) == ShadowCounts(offered=2, asked=0, failed=0, dropped=1, waiting=1)
    queue.offer(3)
    assert queue.counts().dropped == 2
    gate.set()


def test_many_threads_may_offer():
    """Four threads, a small queue: every one of 8,000 is asked about or counted as dropped."""
    queue = ShadowQueue(lambda batch: None, size=8, batch=4)
    threads = [threading.Thread(target=lambda: [queue.offer(n) for n in range(2000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = queue.close()
    assert (found.offered, found.asked + found.dropped, found.waiting) == (8000, 8000, 0)
