"""Figures: plain numbers of each worker, summed over all of them when they are read."""

import os
import time

from trivium.serve.figures import BUCKETS, COUNTERS, GAUGES, GONE_S, HISTOGRAMS, Figures, exposition, leave


def value(text, line):
    return [float(found.rsplit(" ", 1)[1]) for found in text.splitlines() if found.startswith(line)]


def read(figures, accept="text/plain"):
    body, media = exposition(figures.everybodys(), accept=accept)
    return body.decode(), media


def test_counts_of_all_workers_are_summed_and_gauges_stand_apart(tmp_path):
    """Whichever worker is asked, it tells of all: 3 + 4 requests, and the memory of each."""
    one, two = Figures(tmp_path, "0"), Figures(tmp_path, "1")
    one.add("trivium_requests", ("GET /x", "200"), 3)
    two.add("trivium_requests", ("GET /x", "200"), 4)
    two.write()
    text, _ = read(one)
    assert value(text, 'trivium_requests_total{route="GET /x",status="200"}') == [7]
    assert len(value(text, "trivium_resident_bytes{")) == 2


def test_a_counter_never_goes_back_when_a_worker_is_started_anew(tmp_path):
    """The new one in its place goes on from what the old one had written."""
    old = Figures(tmp_path, "0")
    old.add("trivium_calls", ("m",), 5)
    old.observe("trivium_call_seconds", ("m",), 0.002)
    old.write()
    new = Figures(tmp_path, "0")
    new.add("trivium_calls", ("m",))
    text, _ = read(new)
    assert value(text, 'trivium_calls_total{model="m"}') == [6]
    assert value(text, 'trivium_call_seconds_count{model="m"}') == [1]


def test_a_worker_that_is_gone_leaves_its_counts_and_no_gauges(tmp_path):
    """What it held is no more; what it counted was."""
    here, gone = Figures(tmp_path, "0"), Figures(tmp_path, "1")
    gone.add("trivium_calls", ("m",), 2)
    gone.write()
    long_ago = time.time() - 2 * GONE_S
    os.utime(tmp_path / "figures-1", (long_ago, long_ago))
    text, _ = read(here)
    assert value(text, "trivium_calls_total{") == [2]
    assert len(value(text, "trivium_resident_bytes{")) == 1


def test_what_is_left_holds_for_as_long_as_was_said(tmp_path):
    """Whoever told it has ended meanwhile, and another may be late."""
    here = Figures(tmp_path, "0")
    leave(tmp_path, "keeper", [("trivium_reviews_waiting", ("m",), 3)], holds_s=10 * GONE_S)
    found = []
    for passed in (0, 2 * GONE_S, 11 * GONE_S):
        then = time.time() - passed
        os.utime(tmp_path / "figures-keeper", (then, then))
        found.append(value(read(here)[0], 'trivium_reviews_waiting{model="m",worker="keeper"}'))
    assert found == [[3], [3], []]


def test_a_length_falls_into_the_first_bucket_that_holds_it(tmp_path):
    """Limits are inside: 0.001 s is at most 0.001; 11 s is beyond all; sums and counts go with it."""
    figures = Figures(tmp_path, "0")
    for seconds in (0.0004, 0.001, 11.0):
        figures.observe("trivium_call_seconds", ("m",), seconds)
    text, _ = read(figures)
    buckets = value(text, "trivium_call_seconds_bucket{")
    assert buckets == [1.0, *[2.0] * (len(BUCKETS) - 1), 3.0]
    assert value(text, "trivium_call_seconds_sum{") == [11.0014]


def test_the_format_is_the_one_that_is_asked_for(tmp_path):
    """Prometheus' text, or OpenMetrics with its end mark."""
    assert read(Figures(tmp_path, "0"))[1].startswith("text/plain")
    text, media = read(Figures(tmp_path, "0"), "application/openmetrics-text; version=1.0.0")
    assert media.startswith("application/openmetrics-text") and text.endswith("# EOF\n")


def test_every_figure_stands_on_its_page():
    """The page of the routes lists each figure, with its labels."""
    from repo.house import DOCS

    page = (DOCS / "reference" / "http.md").read_text()
    missing = [
        name
        for told in (COUNTERS, HISTOGRAMS, GAUGES)
        for name, (_, labels) in told.items()
        if not any(f"`{name}" in line and all(f"`{label}`" in line for label in labels) for line in page.splitlines())
    ]
    assert missing == []
