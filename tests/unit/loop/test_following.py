"""A server follows the route: at a signal, by the ledger alone, past slow and broken versions and lost stores."""

import shutil
import threading
import time

import pytest

import small_project
from trivium.core.problems import Problem, StoreError
from trivium.loop.following import Follower
from trivium.loop.release import rolled_back, staged
from trivium.loop.workspace import Workspace

LIMIT_S = 20.0
NEVER_S = 1e6


def until(holds):
    """Wait until something holds, within a limit."""
    give_up_at = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.005)


class World:
    """A project's writer and the followers of its route; versions are names, and load as `loads` says."""

    def __init__(self, folder):
        self.folder = small_project.make(folder, days=1)
        self.writer = Workspace(self.folder)
        self.loads = {}
        self.followers = []

    def stage(self, ref, stage):
        return self.writer.unit(None, lambda: [staged(self.writer, ref, stage, was=None, because="it passed")])[0]

    def roll_back(self, to):
        return self.writer.unit(None, lambda: [rolled_back(self.writer, to, because="it does harm")])[0]

    def follow(self, make=lambda route, before: route, **settings):
        follower = Follower(
            Workspace(self.folder), make, load=lambda ws, ref: self.loads.get(ref, lambda: None)(), **settings
        )
        self.followers.append(follower)
        follower.start()
        return follower


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    for follower in world.followers:
        follower.stop()
        assert not any(thread.is_alive() for thread in follower._threads)


def test_another_day_makes_anew_what_answers(world):
    """Told that the day has changed, a follower makes what answers anew, though the ledger has not moved."""
    made = []
    follower = world.follow(lambda route, before: made.append(before) or len(made), ask_s=NEVER_S)
    assert follower.current.value == 1
    follower.renew()
    until(lambda: follower.current.value == 2)
    assert made == [None, 1]


def test_a_swap_reaches_every_worker_at_a_signal(world):
    """Three workers that never ask the ledger by themselves follow each move by the shared number alone."""
    world.stage("v1", "live")
    workers = [world.follow(ask_s=NEVER_S) for _ in range(3)]
    for worker in workers:
        assert worker.current.value.live == "v1"
        until(lambda worker=worker: worker._read_at > 0 and worker._signalled > 0)
    world.stage("v2", "live")
    for worker in workers:
        until(lambda worker=worker: worker.current.value.live == "v2")
    last = world.roll_back("v1")
    for worker in workers:
        until(lambda worker=worker: worker.current.value.live == "v1")
        assert worker.current.head == last.seq
        assert worker.current.named == worker.current.route


def test_a_replica_elsewhere_follows_by_the_ledger(world):
    """Without the shared file, as on another machine, the ledger itself is asked."""
    replica = world.follow(ask_s=0.02)
    shutil.rmtree(world.writer.root / "route", ignore_errors=True)
    (world.writer.root / "route").touch()
    world.stage("v1", "live")
    until(lambda: replica.current.value.live == "v1")
    assert replica.behind_s < LIMIT_S


def test_nobody_waits_for_a_version_that_loads_slowly(world):
    """While v2 loads, v1 answers on; a rollback to v0 meanwhile waits for nothing; once loaded, v2 would answer."""
    world.stage("v0", "live")
    world.stage("v1", "live")
    follower = world.follow()
    gate = threading.Event()
    world.loads["v2"] = gate.wait
    world.stage("v2", "live")
    until(lambda: follower.current.named.live == "v2")
    assert follower.current.route.live == "v1"
    world.roll_back("v0")
    until(lambda: follower.current.route.live == "v0")
    assert not gate.is_set()
    world.stage("v2", "live")
    until(lambda: follower.current.named.live == "v2")
    assert follower.current.route.live == "v0"
    gate.set()
    until(lambda: follower.current.route.live == "v2")


def test_a_version_that_cannot_be_loaded_is_left_out(world):
    """A canary whose body is broken serves nobody, is told of, and harms nobody else."""

    def broken():
        raise OSError("no such library")

    world.loads["v2"] = broken
    world.stage("v1", "live")
    follower = world.follow()
    world.stage("v2", "canary")
    world.stage("v3", "shadow")
    until(lambda: "v2" in follower.troubles and follower.current.route.shadow == ("v3",))
    assert (follower.current.route.canaries, follower.current.route.live) == ((), "v1")
    assert follower.current.named.canary_refs == ("v2",)
    assert follower.troubles["v2"].code == "TV-REL-005"
    assert "no such library" in follower.troubles["v2"].seen


def test_a_request_keeps_the_route_it_began_with(world):
    """What was read before a swap stays what it was; the value before is handed on to the next."""
    made = []
    world.stage("v1", "live")
    follower = world.follow(make=lambda route, before: made.append(before) or (route.live, before and before[0]))
    held = follower.current
    world.stage("v2", "live")
    until(lambda: follower.current.value[0] == "v2")
    assert held.value == ("v1", None)
    assert follower.current.value[1] in ("v1", "v2")


def test_a_lost_store_leaves_the_route_and_is_asked_again(world, monkeypatch):
    """While the ledger cannot be read the route before answers on, and says how far it is behind; then it catches up."""
    world.stage("v1", "live")
    follower = world.follow(ask_s=0.01)
    refresh, is_lost = follower._ws.refresh, threading.Event()
    is_lost.set()

    def lost():
        if is_lost.is_set():
            raise StoreError(Problem(code="TV-STORE-003", what="the disk refused to read or write the store"))
        return refresh()

    monkeypatch.setattr(follower._ws, "refresh", lost)
    world.stage("v2", "live")
    until(lambda: follower.behind_s > 0.3)
    assert follower.current.value.live == "v1"
    is_lost.clear()
    until(lambda: follower.current.value.live == "v2")
    assert follower.behind_s < 0.3 + LIMIT_S


def test_what_cannot_be_made_leaves_what_is(world):
    """A route that `make` chokes on is not answered by; the next one is."""

    def make(route, before):
        if route.live == "v2":
            raise ValueError("features that nobody can compile")
        return route

    world.stage("v1", "live")
    follower = world.follow(make=make)
    bad = world.stage("v2", "live")
    until(lambda: follower._head >= bad.seq)
    assert follower.current.value.live == "v1"
    world.stage("v3", "live")
    until(lambda: follower.current.value.live == "v3")


def test_versions_that_left_stay_warm_for_a_while(world):
    """The last four that left the route are kept; older ones are let go."""
    follower = world.follow()
    for number in range(12):
        world.stage(f"v{number}", "live")
        until(lambda number=number: follower.current.route.live == f"v{number}")
    until(lambda: len(follower._loaded) == 8)
    assert set(follower._loaded) == {f"v{number}" for number in range(4, 12)}
