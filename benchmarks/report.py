"""The report of a long table: how long the command takes to write it, how large it is, how soon a browser has it.

A store is made with 365 and with 5,000 partitions of 20 columns, and `trivium watch TABLE --report` runs as a user runs
it. Opening is measured in Chromium, from navigation to the whole page laid out; without Chromium it is left out.
"""

import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from harness.results import Row, of_runs, table, write
from report_study.long_table import TABLE, lengthened

RUNS = 5
LENGTHS = (365, 5_000)
PROBE = """<script>addEventListener("load", () => {
const height = document.body.getBoundingClientRect().height;
document.body.setAttribute("data-opened", performance.now() + " " + height); })</script></body>"""
CHROMIUM = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", "--window-size=1280,900"]  # fmt: skip


def main() -> None:
    """Measure each length several times, and keep the medians."""
    rows: list[Row] = []
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as place:
        for partitions in LENGTHS:
            folder = Path(place) / str(partitions)
            _trivium("init", str(folder), "--template", "blank")
            for command in ("collect", "tick"):
                _trivium("--project", str(folder), command)
            lengthened(folder, partitions=partitions)
            rows += _figures(folder, f"{partitions:,} partitions", browser)
    print(table(rows))
    versions = {"trivium": version("trivium")}
    if browser:
        told = subprocess.run([browser, "--version"], capture_output=True, text=True, check=True).stdout
        versions["chromium"] = told.strip().removeprefix("Chromium ")
    write("report", rows, versions=versions)


def _figures(folder: Path, case: str, browser: str | None) -> list[Row]:
    page = folder / "report.html"
    written, busy, opened = [], [], []
    for _ in range(RUNS):
        before, busy_before = time.perf_counter(), _busy_s()
        _trivium("--project", str(folder), "watch", TABLE, "--report", str(page))
        written.append(time.perf_counter() - before)
        busy.append(_busy_s() - busy_before)
        if browser:
            opened.append(_opened(browser, page))
    rows = [
        of_runs("trivium", case, "written, the whole command", "s", written),
        of_runs("trivium", case, "written, processor time", "s", busy),
        of_runs("trivium", case, "size", "MB", [page.stat().st_size / 1e6]),
    ]
    return [*rows, of_runs("trivium", case, "opened", "s", opened)] if opened else rows


def _busy_s() -> float:
    """Tell the processor time of the commands that have ended: on a busy machine the truer figure."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _opened(browser: str, page: Path) -> float:
    """Open a page and tell the seconds until it is laid out."""
    probed = page.with_name("probed.html")
    probed.write_text(page.read_text().replace("</body>", PROBE))
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *CHROMIUM, f"--user-data-dir={profile}", "--dump-dom", probed.as_uri()]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r'data-opened="([\d.]+) ', told)
    assert found, "the page said nothing"
    return float(found[1]) / 1000


def _trivium(*words: str) -> None:
    command = Path(sys.executable).with_name("trivium")
    subprocess.run([command, *words], check=True, capture_output=True)


if __name__ == "__main__":
    main()
