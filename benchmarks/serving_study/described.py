"""Every operation that `/openapi.json` describes, asked by schemathesis, rightly and wrongly."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.results import Row, of_runs
from harness.servers import Server

PROGRAM = Path(sys.executable).with_name("schemathesis")
PHASES = "examples,coverage,fuzzing"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


def described(
    server: Server, folder: Path, *, examples: int, seed: int = 0, phases: str = PHASES
) -> tuple[int, list[str]]:
    """Ask every operation so many times in each phase; give how many requests were checked, and what failed."""
    report = folder / "schemathesis.ndjson"
    report.unlink(missing_ok=True)
    words = [
        "run", f"http://127.0.0.1:{server.port}/openapi.json", "--max-examples", str(examples), "--seed", str(seed),
        "--checks", ",".join(CHECKS), "--phases", phases, "--report", "ndjson",
        "--report-ndjson-path", str(report), "--no-color", "--request-timeout", "10",
    ]  # fmt: skip
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False, cwd=folder)
    (folder / "schemathesis.log").write_text(done.stdout + done.stderr)
    asked = sum(_asked(json.loads(line)) for line in report.read_text().splitlines()) if report.exists() else 0
    failures = [line.strip() for line in done.stdout.splitlines() if line.startswith("- ") or "Error" in line]
    if done.returncode not in (0, 1):
        raise RuntimeError(f"schemathesis ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return asked, failures if done.returncode else []


def _asked(event: dict) -> int:
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    return len(recorder.get("interactions", {}))


def under_its_description(server: Server, folder: Path, *, examples: int) -> Iterator[Row]:
    """Ask by the description; give how many requests were checked and how many kinds of failures were found."""
    asked, failures = described(server, folder, examples=examples)
    for line in failures[:20]:
        print(f"  schemathesis: {line}", flush=True)
    case = "schemathesis over the whole description"
    yield of_runs("trivium", case, "requests", "requests", [asked])
    yield of_runs("trivium", case, "failures", "failures", [len(failures)])
