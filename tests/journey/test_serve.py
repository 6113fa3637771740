"""The server as its clients meet it: rows in, answers out, by every protocol, while versions come and go."""

import io
import json
import os
import signal
import socket
import struct
import threading
from datetime import UTC, datetime, timedelta

import httpx
import polars as pl
import pytest

import small_project
from serving import collecting, serving, until
from terminal import say
from trivium.loop.workspace import Workspace

ROW = {"visit_id": "a", "at": "2024-05-01T10:00:00Z", "age": 40, "distance": 3.5, "clinic": "north"}
PREDICT = "/models/visits/predict"
ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project with one version, live."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start -= timedelta(days=20)
    folder = small_project.make(tmp_path_factory.mktemp("clinic") / "visits", days=20, start=start)
    toml = folder / "trivium.toml"
    toml.write_text(toml.read_text() + "\n[serve]\ndeadline_ms = 30000  # more than a busy machine takes\n")
    say("collect", project=folder)
    assert say("try", "--name", "first", project=folder).code == 0
    assert say("release", "v1", "--to", "live", project=folder).code == 0
    return folder


@pytest.fixture(scope="module")
def served(folder):
    with serving(folder, "--workers", "2") as served:
        yield served


def test_good_rows_are_answered_and_bad_ones_told(served):
    """The reply is SURFACE's, a bad row has its problem in its place, and the request's id comes back."""
    reply = served.post(PREDICT, {"rows": [ROW, ROW | {"age": 999}]}, **{"x-request-id": "mine-7"})
    assert (reply.status_code, reply.headers["x-request-id"]) == (200, "mine-7")
    good, bad = reply.json()["predictions"]
    assert list(good) == ["id", "row_id", "prediction", "version", "stage", "source", "checks", "review"]
    assert (good["row_id"], good["version"], good["stage"], good["source"]) == ("a", "v1", "live", "model")
    assert 0 < good["prediction"] < 1
    assert (bad["prediction"], bad["problem"]["code"], bad["row_id"]) == (None, "TV-SERVE-008", "a")


def test_the_other_protocols_say_the_same(served):
    """Arrow, the Open Inference Protocol (JSON and binary), and MLflow's bodies: one answer."""
    expected = served.post(PREDICT, {"rows": [ROW]}).json()["predictions"][0]["prediction"]
    frame = pl.DataFrame([ROW]).with_columns(pl.col("at").str.to_datetime(time_zone="UTC"))
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    arrow = served.client.post(PREDICT, content=buffer.getvalue(), headers={"content-type": ARROW})
    assert pl.read_ipc_stream(io.BytesIO(arrow.content))["prediction"].to_list() == [expected]
    split = {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}
    for body in (split, {"dataframe_records": [ROW]}, {"inputs": {k: [v] for k, v in ROW.items()}}):
        assert served.post("/invocations", body).json() == {"predictions": [expected]}
    table = f"{','.join(ROW)}\n{','.join(map(str, ROW.values()))}\n"
    csv = served.client.post("/invocations", content=table, headers={"content-type": "text/csv"})
    assert csv.json() == {"predictions": [expected]}
    kinds = {"visit_id": "BYTES", "at": "BYTES", "age": "INT64", "distance": "FP64", "clinic": "BYTES"}
    inputs = [{"name": n, "shape": [1], "datatype": k, "data": [ROW[n]]} for n, k in kinds.items()]
    reply = served.post("/v2/models/visits/infer", {"id": "7", "inputs": inputs}).json()
    assert (reply["id"], reply["model_name"], reply["outputs"][0]["data"]) == ("7", "visits", [expected])
    inputs[3] = {"name": "distance", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    wanted = [{"name": "prediction", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": inputs, "outputs": wanted}).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    binary = served.client.post("/v2/models/visits/infer", content=head + struct.pack("<d", 3.5), headers=headers)
    size = int(binary.headers["inference-header-content-length"])
    assert struct.unpack("<d", binary.content[size:]) == (expected,)


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        ((PREDICT, b"{", {"content-type": "application/json"}), 400, "TV-SERVE-001"),
        ((PREDICT, b"rows=1", {"content-type": "application/x-www-form-urlencoded"}), 415, "TV-SERVE-023"),
        ((PREDICT, b"{}", {}), 415, "TV-SERVE-023"),
        ((PREDICT, b"xx", {"content-type": ARROW}), 400, "TV-SERVE-070"),
        ((PREDICT, b" " * 4_194_305, {"content-type": "application/json"}), 413, "TV-SERVE-020"),
        ((PREDICT, b'{"rows": [{}]}', {"content-type": "application/json"}), 422, "TV-SERVE-006"),
        ((PREDICT, b"{}", {"content-type": "application/json", "content-encoding": "gzip"}), 415, "TV-SERVE-022"),
        (("/models/visit/predict", b"{}", {"content-type": "application/json"}), 404, "TV-SERVE-030"),
        (("/models/visits/route", b"{}", {"content-type": "application/json"}), 405, "TV-SERVE-031"),
        ((PREDICT, b"{}", {"content-type": "application/json", "host": "evil.example"}), 403, "TV-SERVE-052"),
    ],
)
def test_what_is_refused_says_why(served, request_of, status, code):
    """One shape of problem at every door."""
    path, body, headers = request_of
    reply = served.client.post(path, content=body, headers=headers)
    told = reply.json()
    assert (reply.status_code, told["code"], told["status"]) == (status, code, status)
    assert reply.headers["content-type"] == "application/problem+json"
    assert told["what"] and told["fix"] and told["request_id"]


def test_it_tells_how_it_is(served):
    """Health, readiness, route, metadata, figures of all workers, and a description of it all."""
    get = served.client.get
    assert get("/healthz").json() == {"status": "alive"}
    ready = get("/readyz").json()
    assert (ready["ready"], ready["models"]["visits"]["live"]) == (True, "v1")
    assert get("/models/visits/route").json()["live"] == "v1"
    assert get("/v2/models/visits").json()["inputs"][0] == {"name": "visit_id", "datatype": "BYTES", "shape": [-1]}
    assert [
        get(f"/v2{path}").status_code for path in ("", "/health/live", "/health/ready", "/models/visits/ready")
    ] == [200] * 4
    paths = get("/openapi.json").json()["paths"]
    assert {PREDICT, "/invocations", "/v2/models/visits/infer", "/metrics"} <= set(paths)
    served.post(PREDICT, {"rows": [ROW]})
    text = get("/metrics").text
    assert 'trivium_answers_total{model="visits",source="model",stage="live",version="v1"}' in text
    assert text.count("trivium_resident_bytes{") == 2


def test_requests_that_come_in_one_packet_are_answered_in_order(served):
    """Pipelined: the replies come in the order of the requests, the short way and the long one mixed."""
    host, port = served.url.removeprefix("http://").split(":")
    body = json.dumps({"rows": [ROW]}).encode()
    post = b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        PREDICT.encode(),
        len(body),
        body,
    )
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(post + b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" + post)
        got = b""
        while got.count(b"HTTP/1.1 200") < 3 or not got.rstrip().endswith(b"]}"):
            got += line.recv(65536)
    parts = got.split(b"HTTP/1.1 200")[1:]
    assert [b"predictions" in part for part in parts] == [True, False, True]


def test_a_killed_worker_is_started_anew(served):
    """The socket is held meanwhile: nobody is refused, and both answer again."""
    before = served.workers()
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(set(served.workers()) - set(before)) == 1)
    assert served.post(PREDICT, {"rows": [ROW]}).status_code == 200
    until(lambda: served.client.get("/metrics").text.count("trivium_resident_bytes{") == 2)


def test_a_rollback_is_followed_without_a_restart(folder, served):
    """Every worker lets the heuristic answer once the ledger says so, and the version again after its release."""
    say("rollback", "--because", "to see it followed", project=folder)

    def sources():
        fresh = [httpx.post(served.url + PREDICT, json={"rows": [ROW]}).json() for _ in range(6)]
        return {one["predictions"][0]["source"] for one in fresh}

    until(lambda: sources() == {"heuristic"}, within_s=5)
    say("release", "v1", "--to", "live", project=folder)
    until(lambda: sources() == {"model"}, within_s=5)


def test_what_came_true_is_taken_and_an_answer_found_again(served):
    """Outcomes by row or by answer, new or repeated or of nobody; an answer with its request and its version."""
    row = ROW | {"visit_id": "told", "age": 7}
    answer = served.post(PREDICT, {"rows": [row]}).json()["predictions"][0]
    path = "/models/visits/outcomes"

    def counts(*outcomes):
        reply = served.post(path, {"outcomes": outcomes})
        assert reply.status_code == 200, reply.text
        return [reply.json()[kind] for kind in ("accepted", "duplicate", "unknown")]

    assert counts({"row_id": "told", "label": True}, {"row_id": "never asked", "label": False}) == [1, 0, 1]
    assert counts({"row_id": "told", "label": False, "at": "2024-05-02T00:00:00Z"}) == [1, 0, 0]
    refused = served.post(path, {"outcomes": [{"label": 1}]})
    assert (refused.status_code, refused.json()["code"]) == (422, "TV-RUN-085")
    found = served.client.get(f"/models/visits/predictions/{answer['id']}").json()
    assert (found["answer"]["row_id"], found["answer"]["prediction"]) == ("told", answer["prediction"])
    assert (found["request"]["age"], found["version"]["ref"]) == (7, "v1")
    for name in ("p20240101T000000.aaaaaaaa-000001", "nothing", "../../etc/passwd"):
        missing = served.client.get(f"/models/visits/predictions/{name}")
        assert (missing.status_code, missing.json()["code"] in ("TV-SERVE-032", "TV-SERVE-030")) == (404, True)


def test_the_log_is_sealed_beside_the_answers(folder):
    """By a process of its own, soon after the start: the figures tell when, and what was answered is in tables."""
    with serving(folder) as served:
        answer = served.post(PREDICT, {"rows": [ROW]}).json()["predictions"][0]
        until(lambda: "trivium_log_sealed_timestamp_seconds{" in served.client.get("/metrics").text, within_s=60)
    ws = Workspace(folder)
    ws.refresh()
    assert answer["id"] in [name for part in ws.state.log.parts() for name in ws.frame(part.blob)["prediction_id"]]


def test_tokens_are_asked_for_once_there_are_some(folder):
    """On another address it does not start without them; a role opens its routes, another does not."""
    refused = say("serve", "--host", "0.0.0.0", "--port", "0", project=folder)
    assert (refused.code, refused.problems[0]["code"]) == (2, "TV-SERVE-080")
    secret = say("token", "create", "--role", "predict", project=folder).document["secret"]
    with serving(folder, "--host", "0.0.0.0", "--log-requests") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        held = {"authorization": f"Bearer {secret}"}
        statuses = [
            httpx.post(url + PREDICT, json={"rows": [ROW]}).status_code,
            httpx.post(url + PREDICT, json={"rows": [ROW]}, headers=held).status_code,
            httpx.get(url + "/metrics", headers=held).status_code,
            httpx.get(url + "/healthz").status_code,
        ]
        assert statuses == [401, 200, 403, 200]
        lines = [json.loads(line) for line in served.errors.read_text().splitlines()]
    told = [line for line in lines if line["event"] == "request" and line["status"] == 200 and line.get("rows")]
    assert told[0]["actor"].startswith("token ") and told[0]["request_id"] and secret not in str(lines)


def test_a_worker_that_grows_is_replaced_and_no_request_is_lost(tmp_path):
    """A heuristic that keeps what it is asked: another worker takes over once it is ready, and all are answered."""
    leak = "    kept.append(bytearray(32 << 20))\n    return features"
    text = small_project.PIPELINE.replace("@tv.heuristic", "kept = []\n\n@tv.heuristic").replace(
        "    return features.select(pl.when", leak + ".select(pl.when"
    )
    folder = small_project.make(tmp_path / "visits", days=1, pipeline=text)
    toml = folder / "trivium.toml"
    toml.write_text(toml.read_text() + "\n[serve]\nmax_memory_mb = 1\ndeadline_ms = 30000\n")
    with serving(folder) as served:
        before = served.workers()

        def is_replaced():
            assert served.post(PREDICT, {"rows": [ROW]}).json()["predictions"][0]["source"] == "heuristic"
            return set(served.workers()).isdisjoint(before)

        until(is_replaced, within_s=60)
        assert "worker replaced" in served.errors.read_text()


def test_spans_go_to_the_collector_as_children_of_the_callers(folder):
    """`--traces`: a request is a span under the trace that its caller began, with the model call in it."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    with collecting() as (url, bodies):
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
        with serving(folder, "--traces", "0.000001", "--without-tokens", environment=environment) as served:
            served.post(PREDICT, {"rows": [ROW]}, traceparent=f"00-{trace}-b7ad6b7169203331-01")
        sent = b"".join(bodies)
    assert bytes.fromhex(trace) in sent
    assert b"POST /models/{m}/predict" in sent and b"answer" in sent and b"trivium.rows" in sent


def test_traces_name_the_extra_that_they_need(folder, monkeypatch):
    """Without OpenTelemetry the command says what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = say("serve", "--traces", "0.5", project=folder)
    assert (said.code, said.problems[0]["code"]) == (2, "TV-SERVE-040")
    assert "trivium[otel]" in said.problems[0]["fix"]


def test_every_route_is_described_to_people_and_machines(served):
    """What the server answers, what `/openapi.json` says and what the page of routes says are the same."""
    from repo.house import DOCS

    page = (DOCS / "reference" / "http.md").read_text()
    described = {
        f"{method.upper()} {path}"
        for path, methods in served.client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    for route in described:
        method, path = route.split()
        known = path.replace("visits", "{m}")
        assert f"`{known}`" in page or f"`{method} {known}`" in page, route
        reply = served.client.request(method, path.replace("{id}", "p1"))
        assert reply.status_code not in (405, 500), route
        assert served.client.request("PATCH", path).status_code == 405
    asked = {
        line.split('"')[1]
        for line in served.client.get("/metrics").text.splitlines()
        if "trivium_requests_total{" in line
    }
    assert {route.replace("visits", "{m}") for route in described} >= asked - {"unmatched"}


def test_two_projects_are_served_side_by_side_and_drain_loses_nobody(folder, tmp_path):
    """Each by its name; on SIGTERM what is asked is answered, and connections are closed in words."""
    other = small_project.make(tmp_path / "other", days=1)
    toml = other / "trivium.toml"
    toml.write_text(
        toml.read_text().replace('name = "visits"', 'name = "calls"', 1) + "\n[serve]\ndeadline_ms = 30000\n"
    )
    with serving(folder, "--also", str(other), "--without-tokens", "--workers", "2") as served:
        for name, source in (("visits", "model"), ("calls", "heuristic")):
            reply = served.post(f"/models/{name}/predict", {"rows": [ROW]})
            assert reply.json()["predictions"][0]["source"] == source
        assert served.post("/invocations", {"inputs": [ROW]}).status_code == 404
        found: list[int] = []
        asking = [threading.Thread(target=ask_until_closed, args=(served.url, found)) for _ in range(8)]
        for thread in asking:
            thread.start()
        until(lambda: len(found) > 40)
        served.process.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join(30)
    assert set(found) == {200}


def ask_until_closed(url, found):
    """Ask on one connection until the server says that it closes it, as a client that keeps to the words would."""
    with httpx.Client(base_url=url, timeout=30) as client:
        while True:
            reply = client.post(PREDICT, json={"rows": [ROW]})
            found.append(reply.status_code)
            if reply.headers.get("connection") == "close":
                return
