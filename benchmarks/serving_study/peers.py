"""The peers: what to install, how to start one with one worker, what to ask it, and how to read its answer.

Each is given its cheapest documented request for one row (a list of numbers where it takes one) and its best settings
found: access logs off, one thread for a model that has one row to answer, batches no larger than there are connections.
"""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environments import environment
from harness.load import Request
from harness.servers import Server, ask, free_port
from serving_study.model import Model

HERE = Path(__file__).parent / "peers"
SHARED = ("scikit-learn==1.9.1", "numpy==2.4.6")  # the versions that fitted the trees
MORE = {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "BENTOML_DO_NOT_TRACK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
Row = Sequence[float]


@dataclass(frozen=True)
class Place:
    """Where a server is started: its Python, its port, a folder of its own, and the trees' file."""

    python: Path
    port: int
    folder: Path
    model: Path

    def program(self, name: str) -> Path:
        """Find a program of the environment."""
        return self.python.with_name(name)

    def prepare(self, *words: object) -> None:
        """Run a script of the peer's before its server."""
        subprocess.run([self.python, *map(str, words)], check=True, capture_output=True)


@dataclass(frozen=True)
class Peer:
    """One system as it is measured."""

    name: str
    environment: str
    packages: tuple[str, ...]
    command: Callable[[Place], list[str | Path]]
    path: str
    body: Callable[[Row], Any]
    read: Callable[[Any], float]

    @property
    def version(self) -> str:
        """The version that is pinned."""
        return self.packages[0].partition("==")[2]

    def python(self) -> Path:
        """Install it, once."""
        return environment(self.environment, (*self.packages, *SHARED))

    def start(self, model: Model, folder: Path) -> Server:
        """Start its server."""
        place = Place(self.python(), free_port(), folder / self.name.replace(" ", "-"), model.path)
        place.folder.mkdir(parents=True, exist_ok=True)
        more = {
            **MORE,
            "MODEL": str(model.path),
            "PATH": f"{place.python.parent}:/usr/bin:/bin",
            "HOME": str(place.folder),
        }
        log = place.folder / "server.log"
        return Server(self.command(place), port=place.port, log=log, cwd=HERE, more=more)

    def request(self, row: Row) -> Request:
        """Make the request for one row."""
        return Request.post(self.path, json.dumps(self.body(row)).encode())

    def answer(self, server: Server, row: Row) -> float:
        """Ask for one row.

        Raises:
            OSError: it answered with a problem, or not at all.
        """
        reply = ask(server.port, self.path, body=json.dumps(self.body(row)).encode())
        if reply.status != 200:
            raise OSError(f"{self.name} answered {reply.status}: {reply.body[:300]!r}")
        return self.read(json.loads(reply.body))


def _bento(service: str) -> Callable[[Place], list[str | Path]]:
    return lambda at: [
        at.python,
        "-m",
        "bentoml",
        "serve",
        f"bento_app:{service}",
        "--host",
        "127.0.0.1",
        "--port",
        str(at.port),
    ]


def _mlserver(kind: str) -> Callable[[Place], list[str | Path]]:
    def command(at: Place) -> list[str | Path]:
        at.prepare(HERE / "mlserver_app.py", at.model, at.folder / "settings", at.port, kind)
        return [at.program("mlserver"), "start", at.folder / "settings"]

    return command


def _mlflow(at: Place) -> list[str | Path]:
    at.prepare(HERE / "mlflow_model.py", at.model, at.folder / "model")
    words = ["models", "serve", "--model-uri", at.folder / "model", "--env-manager", "local", "--workers", "1"]
    return [at.python, "-m", "mlflow", *words, "--host", "127.0.0.1", "--port", str(at.port)]


def _v2(row: Row) -> Mapping[str, Any]:
    inputs = [{"name": "rows", "shape": [1, len(row)], "datatype": "FP64", "data": [list(row)]}]
    return {"inputs": inputs, "outputs": [{"name": "predict_proba"}]}


_BENTO = ("bentoml==1.4.40",)
_MLSERVER = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22")  # with uvloop 0.22 its workers end at once
_RAY = ("ray[serve]==2.60.0",)
PEERS: tuple[Peer, ...] = (
    Peer(
        "BentoML", "bentoml", _BENTO, _bento("Plain"), "/predict",
        body=lambda row: {"row": list(row)}, read=float,
    ),
    Peer(
        "BentoML, batched", "bentoml", _BENTO, _bento("Batched"), "/predict",
        body=lambda row: {"rows": [list(row)]}, read=lambda said: said[0],
    ),
    Peer(
        "MLServer", "mlserver", _MLSERVER, _mlserver("plain"), "/v2/models/trees/infer",
        body=_v2, read=lambda said: said["outputs"][0]["data"][1],
    ),
    Peer(
        "MLServer, batched", "mlserver", _MLSERVER, _mlserver("batched"), "/v2/models/trees/infer",
        body=_v2, read=lambda said: said["outputs"][0]["data"][1],
    ),
    Peer(
        "LitServe, batched", "litserve", ("litserve==0.2.19",),
        lambda at: [at.python, "lit_app.py", str(at.port)], "/predict",
        body=lambda row: {"row": list(row)}, read=lambda said: said["prediction"],
    ),
    Peer(
        "Ray Serve", "ray", _RAY, lambda at: [at.python, "ray_app.py", str(at.port)], "/predict",
        body=lambda row: {"row": list(row)}, read=lambda said: said["prediction"],
    ),
    Peer(
        "Ray Serve, batched", "ray", _RAY, lambda at: [at.python, "ray_app.py", str(at.port), "batched"], "/predict",
        body=lambda row: {"row": list(row)}, read=lambda said: said["prediction"],
    ),
    Peer(
        "mlflow models serve", "mlflow", ("mlflow==3.17.2",), _mlflow, "/invocations",
        body=lambda row: {"inputs": [list(row)]}, read=lambda said: said["predictions"][0][1],
    ),
)  # fmt: skip
