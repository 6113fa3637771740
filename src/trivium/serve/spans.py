"""Traces for OpenTelemetry: one span a request and one for the model call in it, as a child of the caller's.

Needs the extra `otel`. Where to send them, and under which name, is told by OpenTelemetry's own `OTEL_…` variables.
"""

import importlib.util
from typing import Any

from trivium.core.problems import Problem, ProjectError
from trivium.serve.exchange import Reply, Request


class Spans:
    """Makes spans for a share of the requests, and for all whose caller traces them."""

    def __init__(self, share: float) -> None:
        """Raises ProjectError (TV-SERVE-040) without the extra, (TV-SERVE-041) where the share is none."""
        held_to_extra(share)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({"service.name": "trivium"})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("trivium.serve")
        self._propagator = TraceContextTextMapPropagator()

    def record(self, request: Request, reply: Reply, *, name: str, began_ns: int, took_s: float) -> None:
        """Make the span of a request that is over."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        carried = {
            key.decode("latin-1"): value.decode("latin-1")
            for key, value in request.headers.items()
            if key in (b"traceparent", b"tracestate")
        }
        context = self._propagator.extract(carried) if carried else None
        facts: dict[str, Any] = {
            "http.request.method": request.method,
            "http.route": name.partition(" ")[2],
            "http.response.status_code": reply.status,
            "trivium.request_id": request.id,
            **{f"trivium.{key}": value for key, value in reply.facts.items() if key != "call_s"},
        }
        span = self._tracer.start_span(
            name, context=context, kind=SpanKind.SERVER, attributes=facts, start_time=began_ns
        )
        ended_ns = began_ns + int(took_s * 1e9)
        if "call_s" in reply.facts:
            # The answer stands at the end of a request: only the reply's encoding comes after it.
            call_ns = int(reply.facts["call_s"] * 1e9)
            inner = self._tracer.start_span("answer", set_span_in_context(span), start_time=ended_ns - call_ns)
            inner.end(ended_ns)
        span.end(ended_ns)

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def held_to_extra(share: float) -> None:
    """Refuse traces that cannot be made (TV-SERVE-040, -041)."""
    if not 0 < share <= 1:
        raise ProjectError(
            Problem(
                code="TV-SERVE-041",
                what="the share of requests to trace must lie between 0 and 1",
                where="--traces",
                seen=str(share),
                fix="write a share such as 0.01",
            )
        )
    if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
        raise ProjectError(
            Problem(
                code="TV-SERVE-040",
                what="traces need the extra `otel`",
                where="--traces",
                seen="no module named opentelemetry.sdk",
                fix="install it: pip install 'trivium[otel]'",
            )
        )
