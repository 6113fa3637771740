"""All routes of a server, by path: those of each project's model, and those of the server itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from trivium.core.tokens import Role
from trivium.serve.app import Route
from trivium.serve.exchange import Reply, Request, json_reply
from trivium.serve.figures import Figures, exposition
from trivium.serve.inference import InferenceProtocol, server_metadata
from trivium.serve.invocations import Invocations
from trivium.serve.openapi import document
from trivium.serve.predict import Predict
from trivium.serve.pulse import Pulse
from trivium.serve.records import Records
from trivium.serve.refusal import UNAVAILABLE
from trivium.serve.reviews import Reviews
from trivium.serve.service import Service

Routes = dict[str, dict[str, Route]]


class RouteOf:
    """`GET /models/{m}/route`: who answers, since when, by whom and why; and how they fare."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, request: Request) -> Reply:
        """Reply with it."""
        route = msgspec.to_builtins(self._service.route)
        return json_reply({"model": self._service.name, **route, "state": self._service.about()})


class Whole:
    """The routes that are about the whole server."""

    def __init__(self, services: Sequence[Service], figures: Figures, pulse: Pulse) -> None:
        self._services, self._figures, self._pulse = services, figures, pulse
        self._openapi = document(services)

    async def alive(self, request: Request) -> Reply:
        """`GET /healthz`: the process answers."""
        return json_reply({"status": "alive"})

    async def ready(self, request: Request) -> Reply:
        """`GET /readyz`: every model can answer, and the server is not about to end; what is the matter, where not."""
        models = {service.name: service.state() for service in self._services}
        is_ready = not self._pulse.is_draining and all(state["ready"] for state in models.values())
        told = {"ready": is_ready, "draining": self._pulse.is_draining, "models": models}
        return json_reply(told, status=200 if is_ready else UNAVAILABLE)

    async def v2_live(self, request: Request) -> Reply:
        """`GET /v2/health/live`."""
        return json_reply({"live": True})

    async def metrics(self, request: Request) -> Reply:
        """`GET /metrics`: of all workers."""
        accept = request.headers.get(b"accept", b"").decode("latin-1")
        body, media = exposition(self._figures.everybodys(), accept=accept)
        return Reply(body, media=media.encode())

    async def openapi(self, request: Request) -> Reply:
        """`GET /openapi.json`."""
        return Reply(self._openapi)


def routes(services: Sequence[Service], whole: Whole, figures: Figures) -> Mapping[str, Mapping[str, Route]]:
    """Lay out every route."""
    found: Routes = {
        "/healthz": {"GET": Route("GET /healthz", whole.alive)},
        "/readyz": {"GET": Route("GET /readyz", whole.ready)},
        "/metrics": {"GET": Route("GET /metrics", whole.metrics, "observe")},
        "/openapi.json": {"GET": Route("GET /openapi.json", whole.openapi)},
        "/v2": {"GET": Route("GET /v2", server_metadata)},
        "/v2/health/live": {"GET": Route("GET /v2/health/live", whole.v2_live)},
        "/v2/health/ready": {"GET": Route("GET /v2/health/ready", whole.ready)},
    }
    for service in services:
        found |= _of_model(service, figures)
    if len(services) == 1:
        found["/invocations"] = {"POST": _posts(services[0], "/invocations", Invocations(services[0]))}
    return found


def _of_model(service: Service, figures: Figures) -> Routes:
    records, protocol, reviews = Records(service, figures), InferenceProtocol(service), Reviews(service)
    model, predict = service.name, Predict(service)

    def reads(path: str, handler: Any) -> dict[str, Route]:
        return {"GET": Route(f"GET {path}", handler, "observe", model)}

    return {
        f"/models/{model}/predict": {"POST": _posts(service, "/models/{m}/predict", predict, soon=predict.soon)},
        f"/models/{model}/invocations": {"POST": _posts(service, "/models/{m}/invocations", Invocations(service))},
        f"/models/{model}/outcomes": {"POST": _posts(service, "/models/{m}/outcomes", records.outcomes)},
        f"/models/{model}/predictions/*": reads("/models/{m}/predictions/{id}", records.prediction),
        f"/models/{model}/reviews": reads("/models/{m}/reviews", reviews.listed),
        f"/models/{model}/reviews/take": {"POST": _posts(service, "/models/{m}/reviews/take", reviews.take, "operate")},
        f"/models/{model}/reviews/*": {
            **reads("/models/{m}/reviews/{id}", reviews.one),
            "POST": _posts(service, "/models/{m}/reviews/{id}", reviews.decide, "operate"),
        },
        f"/models/{model}/route": reads("/models/{m}/route", RouteOf(service)),
        f"/v2/models/{model}": {"GET": Route("GET /v2/models/{m}", protocol.metadata, "predict", model)},
        f"/v2/models/{model}/ready": {"GET": Route("GET /v2/models/{m}/ready", protocol.ready)},
        f"/v2/models/{model}/infer": {"POST": _posts(service, "/v2/models/{m}/infer", protocol.infer)},
    }


def _posts(service: Service, path: str, handler: Any, role: Role = "predict", *, soon: Any = None) -> Route:
    most_bytes = service.project.serve.max_body_bytes
    return Route(f"POST {path}", handler, role, service.name, most_bytes, soon)
