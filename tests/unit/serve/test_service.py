"""One served project, in this process: what it tells of its review queue."""

import asyncio
import time
from datetime import UTC, datetime

import served_log
from trivium.serve import service as service_module
from trivium.serve.figures import Figures
from trivium.serve.pulse import Pulse
from trivium.serve.service import Service


def gauges(figures: Figures) -> dict[str, float]:
    """Read the gauges of the review queue."""
    return {name: value for name, _, value in figures.kept().gauges if name.startswith("trivium_reviews_")}


def test_the_queues_size_and_age_are_figures(tmp_path, monkeypatch) -> None:
    """None before the first look; then how many wait, and for how long the oldest has."""
    folder = served_log.project(tmp_path / "p")
    at = datetime.now(UTC)
    served_log.serve(served_log.workspace(folder), ["a", "b"], at=at, checks=("far is never sure",), review=True)
    monkeypatch.setattr(service_module, "SEAL_S", 0.0)
    figures = Figures(tmp_path, "0")
    service = Service(folder, figures=figures, pulse=Pulse())
    try:
        assert gauges(figures) == {}
        asyncio.run(_looked(service, figures))
        found = gauges(figures)
    finally:
        service.close()
    assert (found["trivium_reviews_waiting"], found["trivium_reviews_expired"]) == (2, 0)
    assert 0 < found["trivium_reviews_oldest_seconds"] <= (datetime.now(UTC) - at).total_seconds()


async def _looked(service: Service, figures: Figures) -> None:
    service.tend(datetime.now(UTC), loop=asyncio.get_running_loop())
    end = time.monotonic() + 20
    while not gauges(figures):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
