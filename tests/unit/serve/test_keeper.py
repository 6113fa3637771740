"""The keeper: the log sealed and the review queue counted, beside those who answer."""

import subprocess
import sys
from datetime import UTC, datetime

import served_log
from trivium.loop.workspace import Workspace
from trivium.serve.figures import Figures
from trivium.serve.orders import Orders


def keep(run_folder, *projects):
    """Start the keeper as the supervisor does; give what it wrote to standard error."""
    run_folder.mkdir(exist_ok=True)
    orders = Orders(
        projects=tuple(map(str, projects)), models=(), url="", is_loopback=True, without_tokens=False, workers=1,
        listen_fd=-1, run_folder=str(run_folder), most_bytes=0, drain_s=0, traces=0.0, says_each=False, is_json=True,
    )  # fmt: skip
    words = [sys.executable, "-m", "trivium.serve.keeper", orders.write()]
    return subprocess.run(words, check=True, capture_output=True, text=True).stderr


def gauges(run_folder):
    """Read the gauges that the keeper left, as a worker does that is asked for them."""
    [_, kept] = Figures(run_folder, "0").everybodys()
    return {name: value for name, labels, value in kept.gauges if labels[:1] == ("visits",)}


def test_it_seals_and_tells_the_queues_size_and_age(tmp_path):
    """Two answers wait for a person: sealed in one event, and told with the age of the older."""
    folder = served_log.project(tmp_path / "p")
    at = datetime.now(UTC)
    served_log.serve(served_log.workspace(folder), ["a", "b"], at=at, checks=("far is never sure",), review=True)
    assert keep(tmp_path / "run", folder) == ""
    ws = Workspace(folder)
    ws.refresh()
    assert sum(ws.frame(part.blob).height for part in ws.state.log.parts()) == 2
    found, now = gauges(tmp_path / "run"), datetime.now(UTC)
    assert (found["trivium_reviews_waiting"], found["trivium_reviews_expired"]) == (2, 0)
    assert 0 < found["trivium_reviews_oldest_seconds"] <= (now - at).total_seconds()
    assert at.timestamp() < found["trivium_log_sealed_timestamp_seconds"] <= now.timestamp()


def test_a_project_that_cannot_be_kept_keeps_no_other_from_it(tmp_path):
    """It is told of in the server's own log; the next one is sealed."""
    broken, folder = (served_log.project(tmp_path / name) for name in ("broken", "p"))
    (broken / "trivium.toml").write_text("[project")
    served_log.serve(served_log.workspace(folder), ["a"])
    assert "the log could not be sealed" in keep(tmp_path / "run", broken, folder)
    assert gauges(tmp_path / "run")["trivium_reviews_waiting"] == 0
