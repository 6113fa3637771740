"""A real server under load when things go wrong: what the benchmark of answering measures, once each and small."""

import pytest

from harness.load import closed
from serving_study.befalls import faulty_project, of_the_machine, of_versions
from serving_study.described import described
from serving_study.faults import endured
from serving_study.fuzz import fuzzed
from serving_study.kills import killed
from serving_study.model import fitted
from serving_study.ours import Trivium, is_ready, serve
from serving_study.rollbacks import swapped


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("model"), trained_on=2_000)


@pytest.fixture(scope="module")
def requests(model):
    return [Trivium().request(row) for row in model.rows.tolist()]


@pytest.fixture(scope="module")
def faulty(model, tmp_path_factory):
    """The project of a version that can be told to fail, and the file that tells it."""
    return faulty_project(tmp_path_factory.mktemp("faulty"), model)


@pytest.fixture(scope="module")
def server(faulty):
    """One server for all that it is to get over."""
    served = serve(faulty[0])
    try:
        served.ready(lambda: is_ready(served))
        yield served
    finally:
        served.stop()


def test_a_worker_is_killed(faulty, requests):
    """Each answer that a client got before, while and after a worker was killed stands in the log, once."""
    served = serve(faulty[0], "--workers", "2")
    try:
        served.ready(lambda: is_ready(served))
        came = killed(served, faulty[0], requests, kills=1)
    finally:
        served.stop()
    assert came.acknowledged > 0
    assert (came.missing, came.twice) == (0, 0)


def test_a_rollback_under_load(server, faulty, requests):
    """Rolled back and released again: the version that is meant answers, and no request fails."""
    load, answers, swaps = swapped(server.port, faulty[0], requests, tries=1, connections=4)
    assert [swap.to for swap in swaps] == ["v1", "v2"]
    assert load.failed == 0
    versions = [version for _, version in answers]
    assert versions[0] == versions[-1] == "v2"
    assert "v1" in versions


def test_a_version_that_fails(server, faulty, requests):
    """It raises, hangs, gives no number: others answer every request, it is told of, and then it answers again."""
    for fault in of_versions(faulty[1])[:3]:
        came = endured(server, requests, fault, lasts_s=0.7)
        assert (fault.name, came.load.failed, came.was_told) == (fault.name, 0, True)
        assert came.sources["fallback"] > 0
        assert came.recovered_s < float("inf")


def test_a_disk_that_is_full(server, faulty, requests):
    """Answers go on, the server says what is the matter, and what was held back is written once there is room."""
    full = of_the_machine(faulty[0], server)[0]
    came = endured(server, requests, full, lasts_s=0.7)
    assert (came.load.failed, came.was_told) == (0, True)
    assert came.recovered_s < float("inf")


def test_a_database_that_is_lost(server, faulty, requests):
    """Without its database a server answers on; put back, it is followed again: a rollback reaches the server."""
    lost = of_the_machine(faulty[0], server)[1]
    lost.begin()
    for _ in range(40):
        load = closed(server.port, requests, connections=4, seconds=0.5)
        assert load.answered > 0 == load.failed
        if "the ledger cannot be read" in server.log.read_text():
            break
    lost.end()
    load, answers, _ = swapped(server.port, faulty[0], requests, tries=1, connections=4)
    assert load.failed == 0
    assert {version for _, version in answers} == {"v1", "v2"}


def test_bodies_that_nobody_should_send(server, model):
    """Thousands of broken bodies: each is answered, none by a fault of the server's."""
    came = fuzzed(server, model.rows.tolist(), count=3_000, parts=1)
    assert came.worst == ()
    assert sum(came.statuses.values()) == 3_000
    assert came.load.lost == 0
    assert {200, 400, 404, 415, 422} & set(came.statuses)


def test_all_that_the_description_allows_and_more(server, tmp_path):
    """Every operation of `/openapi.json`, asked rightly and wrongly, replies as the description says; no fault of ours."""
    asked, failures = described(server, tmp_path, examples=4, phases="fuzzing")
    assert failures == []
    assert asked > 20
