"""What the server counts, for Prometheus: plain numbers on the hot path, summed over all workers when they are read.

A worker writes its numbers beside those of the others about once a second, and takes up those of the worker whose
place it took: a counter never goes back while the server runs. So each worker can tell of all.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from trivium.serve.memory import resident_bytes

Key = tuple[str, tuple[str, ...]]
# A worker that has not written its numbers for so long is gone, for it does once a second.
GONE_S = 10.0
# Upper limits of the latency histograms, in seconds.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "trivium_requests": ("Requests replied to.", ("route", "status")),
    "trivium_problems": ("Requests that were refused, by the code of their problem.", ("code",)),
    "trivium_answers": ("Rows answered.", ("model", "version", "stage", "source")),
    "trivium_rows_refused": ("Rows that were given a problem in place of an answer, by its code.", ("model", "code")),
    "trivium_checks_broken": ("Rows that broke a check on requests or predictions.", ("model", "check")),
    "trivium_contract_warnings": ("Rows that broke a rule of the contract which only warns.", ("model", "rule")),
    "trivium_reviews": ("Answers that were put into the review queue.", ("model",)),
    "trivium_outcomes": (
        "Outcomes posted: accepted, duplicate, or of rows that are not known (yet).",
        ("model", "kind"),
    ),
    "trivium_calls": ("Model calls; rows of one turn of the event loop share one.", ("model",)),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "trivium_request_seconds": ("From the first byte of a request to its reply.", ("route",)),
    "trivium_call_seconds": ("Length of a model call, features and checks included.", ("model",)),
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "trivium_ready": ("1 where the model can answer.", ("model", "worker")),
    "trivium_draining": ("1 while the worker finishes what it has begun.", ("worker",)),
    "trivium_rows_waiting": ("Rows that wait for a model call.", ("model", "worker")),
    "trivium_route_behind_seconds": ("Since the route was last read from the ledger.", ("model", "worker")),
    "trivium_route_seq": ("Place in the ledger that the route was read at.", ("model", "worker")),
    "trivium_breaker_open": (
        "1 where a version is not asked, for it failed too often.",
        ("model", "version", "worker"),
    ),
    "trivium_troubles": ("Rows that a version could not answer.", ("model", "version", "kind", "worker")),
    "trivium_table_age_seconds": ("Age of the newest row of a table that features read.", ("model", "table", "worker")),
    "trivium_log_records": ("Records appended to the prediction log.", ("model", "worker")),
    "trivium_log_bytes": ("Bytes appended to the prediction log.", ("model", "worker")),
    "trivium_log_held": ("Records that wait for a disk that refused them.", ("model", "worker")),
    "trivium_log_lost": ("Records that a full disk made us drop.", ("model", "worker")),
    "trivium_log_unsynced_seconds": ("How long the oldest record has waited for the disk.", ("model", "worker")),
    "trivium_log_sealed_timestamp_seconds": ("When the log was last sealed into tables.", ("model", "worker")),
    "trivium_reviews_waiting": ("Answers that wait for a person, when the log was last sealed.", ("model", "worker")),
    "trivium_reviews_oldest_seconds": ("How long the oldest of them had waited then.", ("model", "worker")),
    "trivium_reviews_expired": ("Answers that expired of late without anybody looking.", ("model", "worker")),
    "trivium_log_damaged": ("Places of the prediction log that are damaged, not yet told of.", ("model", "worker")),
    "trivium_shadow_dropped": ("Rows that shadows did not see, for their queue was full.", ("model", "worker")),
    "trivium_shadow_waiting": ("Rows that wait for the shadows.", ("model", "worker")),
    "trivium_resident_bytes": ("Memory that the worker holds.", ("worker",)),
    "trivium_cpu_seconds": ("Processor time that the worker has used.", ("worker",)),
}


class Kept(msgspec.Struct, array_like=True):
    """One worker's numbers, as they lie on disk; its gauges hold for so many seconds."""

    counts: list[tuple[str, tuple[str, ...], float]] = []
    histograms: list[tuple[str, tuple[str, ...], list[float]]] = []
    gauges: list[tuple[str, tuple[str, ...], float]] = []
    holds_s: float = GONE_S


class Figures:
    """One worker's numbers. Not safe to share between threads: the event loop's alone counts."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder, self._worker = folder, worker
        self._path = folder / f"figures-{worker}"
        before = _read(self._path) or Kept()
        self._counts: dict[Key, float] = {(name, labels): value for name, labels, value in before.counts}
        self._histograms: dict[Key, list[float]] = {(name, labels): list(v) for name, labels, v in before.histograms}
        self._gauges: list[Callable[[], Iterator[tuple[str, tuple[str, ...], float]]]] = [self._process]

    def add(self, name: str, labels: tuple[str, ...], by: float = 1) -> None:
        """Count."""
        key = (name, labels)
        self._counts[key] = self._counts.get(key, 0) + by

    def observe(self, name: str, labels: tuple[str, ...], seconds: float) -> None:
        """Put a length of time into a histogram; its last two cells are the sum and the number."""
        cells = self._histograms.get((name, labels))
        if cells is None:
            cells = self._histograms[name, labels] = [0.0] * (len(BUCKETS) + 3)
        cells[bisect_left(BUCKETS, seconds)] += 1
        cells[-2] += seconds
        cells[-1] += 1

    def gauge(self, read: Callable[[], Iterator[tuple[str, tuple[str, ...], float]]]) -> None:
        """Register what tells gauges when they are read; the worker's name is put after their labels."""
        self._gauges.append(read)

    def _process(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        yield "trivium_resident_bytes", (), resident_bytes()
        times = os.times()
        yield "trivium_cpu_seconds", (), times.user + times.system

    def kept(self) -> Kept:
        """Take the numbers as they are now."""
        return Kept(
            [(name, labels, value) for (name, labels), value in self._counts.items()],
            [(name, labels, cells) for (name, labels), cells in self._histograms.items()],
            [(name, (*labels, self._worker), value) for read in self._gauges for name, labels, value in read()],
        )

    def write(self) -> None:
        """Lay the numbers beside those of the other workers."""
        _write(self._path, self.kept())

    def everybodys(self) -> list[Kept]:
        """Read the numbers of all workers: this one's as they are, the others' as they last wrote them."""
        paths = sorted(self._folder.glob("figures-*"))
        others = [_read(path) for path in paths if path != self._path and not path.suffix]
        return [self.kept(), *(kept for kept in others if kept is not None)]


def leave(folder: Path, who: str, gauges: Iterable[tuple[str, tuple[str, ...], float]], *, holds_s: float) -> None:
    """Leave gauges that hold for so long, though whoever tells them ends now."""
    told = [(name, (*labels, who), value) for name, labels, value in gauges]
    _write(folder / f"figures-{who}", Kept(gauges=told, holds_s=holds_s))


def _write(path: Path, kept: Kept) -> None:
    """Write numbers whole or not at all; a full disk leaves the older ones there."""
    new = path.with_suffix(".new")
    try:
        new.write_bytes(msgspec.msgpack.encode(kept))
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)


def _read(path: Path) -> Kept | None:
    """Read a worker's numbers; of one that has not written for too long only what it counted, for it is gone."""
    try:
        kept = msgspec.msgpack.decode(path.read_bytes(), type=Kept)
        is_gone = time.time() - path.stat().st_mtime > kept.holds_s
    except (OSError, msgspec.MsgspecError):
        return None
    return Kept(kept.counts, kept.histograms) if is_gone else kept


def exposition(all_kept: list[Kept], *, accept: str) -> tuple[bytes, str]:
    """Write the workers' numbers in the format that the scraper asks for: the body, and its type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Summed(all_kept))
    write, media = choose_encoder(accept)
    return write(registry), media


class _Summed:
    """Several workers' numbers, as a collector of `prometheus_client`."""

    def __init__(self, all_kept: list[Kept]) -> None:
        self._all = all_kept

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        counts: dict[Key, float] = {}
        cells: dict[Key, list[float]] = {}
        gauges: dict[Key, float] = {}
        for kept in self._all:
            for name, labels, value in kept.counts:
                counts[name, labels] = counts.get((name, labels), 0) + value
            for name, labels, values in kept.histograms:
                had = cells.get((name, labels))
                cells[name, labels] = values if had is None else [a + b for a, b in zip(had, values, strict=True)]
            gauges.update({(name, labels): value for name, labels, value in kept.gauges})
        yield from _families(COUNTERS, counts, CounterMetricFamily)
        yield from _families(GAUGES, gauges, GaugeMetricFamily)
        for name, (text, labels) in HISTOGRAMS.items():
            family = HistogramMetricFamily(name, text, labels=labels)
            for (of, given), found in cells.items():
                if of == name:
                    family.add_metric(given, buckets=_cumulated(found), sum_value=found[-2])
            yield family


def _families(told: Mapping[str, tuple[str, tuple[str, ...]]], values: Mapping[Key, float], kind: Any) -> Iterator[Any]:
    for name, (text, labels) in told.items():
        family = kind(name, text, labels=labels)
        for (of, given), value in values.items():
            if of == name:
                family.add_metric(given, value)
        yield family


def _cumulated(cells: list[float]) -> list[tuple[str, float]]:
    """Turn counts by bucket into the counts up to each limit that Prometheus wants."""
    total, found = 0.0, []
    for limit, count in zip((*map(str, BUCKETS), "+Inf"), cells, strict=False):
        total += count
        found.append((limit, total))
    return found
