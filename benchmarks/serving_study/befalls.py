"""What may befall a server: a version that fails, a full disk, a lost database, a damaged log, a clock that jumps."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import joblib

from harness.environments import unpacked
from harness.load import Load, Request, closed
from harness.results import Row, of_runs
from harness.servers import Server
from serving_study.faults import Befell, Fault, endured, metric, rows_of, trouble
from serving_study.faulty import Switched
from serving_study.kills import id_in, served
from serving_study.model import Model
from serving_study.ours import is_ready, serve
from serving_study.project import made, trivium
from trivium.store.segments import log_folder, segments

LONG_S = 14.0  # for what is noticed by what happens once in some seconds
JUMPS_S = 4.0  # past the second that the clock's own reading of its file takes
SMALL_DISK_MB = 96
CLOCK = "clock-offset"
FAKETIME = ("libfaketime==3.0.1",)
SERVE = "deadline_ms = 100\nmax_memory_mb = 700"


def faulty_project(folder: Path, model: Model) -> tuple[Path, Path]:
    """Make a project whose live version fails as a switch says; give it and the switch."""
    switch = folder / "switch"
    switch.unlink(missing_ok=True)
    path = folder / "switched.joblib"
    joblib.dump(Switched(joblib.load(model.path), switch), path)
    bad = Model(path, model.other, model.rows, model.answers)
    return made(folder / "faulty", bad, more="allow_pickle = true", serve=SERVE), switch


def has_trouble(server: Server) -> bool:
    """Tell whether the server says that something is the matter."""
    return bool(trouble(server))


def of_versions(switch: Path) -> list[Fault]:
    """Give what a version may do: raise, hang, answer NaN, leak."""

    def put(word: str) -> Callable[[], object]:
        return lambda: switch.write_text(word)

    def is_open(server: Server) -> bool:
        return metric(server, "trivium_breaker_open") > 0

    def was_replaced(server: Server) -> bool:
        return '"worker replaced"' in server.log.read_text(errors="replace")

    def off() -> None:
        switch.unlink(missing_ok=True)

    found = [Fault(f"version: {word}", put(word), off, is_open) for word in ("raise", "hang", "nan")]
    return [*found, Fault("version: leak", put("leak"), off, was_replaced, LONG_S)]


def of_the_machine(project: Path, server: Server) -> list[Fault]:
    """Give what the machine may do: it refuses every write, its database is overwritten, or gone."""
    database = project / ".trivium" / "trivium.db"
    files = [database.with_name(database.name + more) for more in ("", "-wal", "-shm")]
    kept: dict[Path, bytes] = {}
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in server.pids()}

    def refuse() -> None:
        for pid in server.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits.get(pid, (0, -1))[1]))

    def take() -> None:
        for pid in server.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits.get(pid, (resource.RLIM_INFINITY,) * 2))

    def keep() -> None:
        kept.update({path: path.read_bytes() for path in files if path.exists()})

    def overwrite() -> None:
        keep()
        for path, content in kept.items():
            with path.open("r+b") as file:
                file.write(os.urandom(len(content)))

    def delete() -> None:
        keep()
        for path in kept:
            path.unlink()

    def put_back() -> None:
        for path, content in kept.items():
            path.write_bytes(content)

    return [
        Fault("disk refuses every write", refuse, take, has_trouble),
        Fault("database overwritten", overwrite, put_back, has_trouble, LONG_S),
        Fault("database deleted", delete, put_back, has_trouble, LONG_S),
    ]


def of_a_small_disk(project: Path) -> list[Fault]:
    """Give what a disk may do that somebody else fills to its last byte."""
    filling = project / "filling"

    def fill() -> None:
        with filling.open("wb", buffering=0) as file:
            while _takes(file.fileno(), 1 << 20):
                pass
            while _takes(file.fileno(), 1):
                pass

    return [Fault("full disk", fill, filling.unlink, has_trouble)]


def _takes(handle: int, size: int) -> bool:
    try:
        return os.write(handle, b"\0" * size) > 0
    except OSError:
        return False


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system of some MB at a folder; False where this process may not."""
    folder.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", str(folder)]
    is_mounted = subprocess.run(mounting, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def of_the_clock(project: Path) -> list[Fault]:
    """Give what a clock may do. Nobody tells of it: nobody there knows better, and no answer depends on it."""

    def jump(seconds: str) -> Callable[[], object]:
        return lambda: (project / CLOCK).write_text(seconds)

    return [
        Fault("clock a day ahead", jump("+86400"), jump("+0"), None, JUMPS_S),
        Fault("clock a day back", jump("-86400"), jump("+0"), None, JUMPS_S),
    ]


def movable_clock(project: Path) -> dict[str, str]:
    """Let a file move the clock of the server's processes, within a second of its being written.

    Raises:
        RuntimeError: the library does not work on this machine.
    """
    (project / CLOCK).write_text("+0")
    library = unpacked("libfaketime", FAKETIME) / "libfaketime" / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    more = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(project / CLOCK),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # else waits by the monotonic clock, such as the interpreter's, never end
    }
    told = [sys.executable, "-c", "import time; print(time.time())"]
    (project / CLOCK).write_text("-86400")
    moved = float(subprocess.run(told, env={**os.environ, **more}, capture_output=True, text=True, check=True).stdout)
    here = float(subprocess.run(told, capture_output=True, text=True, check=True).stdout)
    (project / CLOCK).write_text("+0")
    if here - moved < 80_000:
        raise RuntimeError(f"{library} does not move the clock")
    return more


def damaged(project: Path, requests: Sequence[Request]) -> Iterator[Row]:
    """Overwrite the middle of the segment that a server writes; what is lost of it, and who says so."""
    acknowledged: list[str] = []
    server = serve(project)
    try:
        server.ready(lambda: is_ready(server))

        def see(now: float, status: int, body: bytes) -> None:
            acknowledged.append(id_in(body))

        before = closed(server.port, requests, connections=4, most=2_000, seen=see)
        paths = [one.path for one in segments(log_folder(project / ".trivium"))]
        path = max(paths, key=lambda one: one.stat().st_mtime)
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(os.urandom(64))
        after = closed(server.port, requests, connections=4, most=2_000, first=10_000, seen=see)
        trivium(project, "tick")
        held = set(served(project))
        _wait_for(lambda: has_trouble(server))
        is_told = has_trouble(server) and metric(server, "trivium_log_damaged") > 0
    finally:
        server.stop()
    yield from _of_damage(acknowledged, held, [before, after], is_told=is_told)


def _of_damage(acknowledged: Sequence[str], held: set[str], loads: Sequence[Load], *, is_told: bool) -> Iterator[Row]:
    case, lost = "corrupt segment", [one for one in acknowledged if one not in held]
    later = set(acknowledged[loads[0].answered :])
    print(f"  {case}: {len(lost)} of {len(acknowledged):,} answers lost; told: {is_told}", flush=True)
    yield of_runs("trivium", case, "failed", "requests", [sum(load.failed for load in loads)])
    yield of_runs("trivium", case, "acknowledged answers", "answers", [len(acknowledged)])
    yield of_runs("trivium", case, "lost to 64 damaged bytes", "answers", [len(lost)])
    yield of_runs("trivium", case, "lost of those after the damage", "answers", [sum(one in later for one in lost)])
    yield of_runs("trivium", case, "was told of", "yes is 1", [float(is_told)])


def under_faults(folder: Path, model: Model, requests: Sequence[Request]) -> Iterator[Row]:
    """Let each befall a server of a version that can fail, and tell what its clients and its operators saw."""
    project, switch = faulty_project(folder, model)
    yield from _each(project, requests, lambda server: of_versions(switch))
    yield from _each(project, requests, lambda server: of_the_machine(project, server))
    yield from _each(project, requests, lambda server: of_the_clock(project), **movable_clock(project))
    yield from damaged(project, requests)
    with small_disk(folder / "small") as is_mounted:
        if is_mounted:
            small = made(folder / "small" / "project", model)
            yield from _each(small, requests, lambda server: of_a_small_disk(small))
        else:
            print("  full disk: not measured, for no file system may be mounted here", flush=True)


def _each(
    project: Path, requests: Sequence[Request], faults: Callable[[Server], list[Fault]], **more: str
) -> Iterator[Row]:
    """Let faults befall one server; then hold the log to what clients were told while and after each lasted."""
    came: dict[str, Befell] = {}
    server = serve(project, **more)
    try:
        server.ready(lambda: is_ready(server))
        for fault in faults(server):
            came[fault.name] = endured(server, requests, fault)
            yield from rows_of(fault, came[fault.name])
    finally:
        server.stop()
    held = set(served(project))
    for name, befell in came.items():
        missing = sum(one not in held for one in befell.acknowledged)
        print(f"  {name}: the log lacks {missing} of {len(befell.acknowledged):,} acknowledged answers", flush=True)
        yield of_runs("trivium", name, "acknowledged, and not in the log", "answers", [missing])


def _wait_for(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
    until = time.perf_counter() + within_s
    while not condition() and time.perf_counter() < until:
        time.sleep(0.1)
