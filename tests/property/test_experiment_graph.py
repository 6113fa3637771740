"""Laws of the graph and of the funnel."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.authoring import Marker, step
from trivium.core.events import Event
from trivium.experiment.graph import build
from trivium.experiment.ideas import RUNGS, Ideas

LAWS = settings(max_examples=60, deadline=None)
NAMES = ["a", "b", "c", "d", "features", "model"]


def stub(name: str, inputs: list[str]) -> Marker:
    """Make a step with such inputs."""
    scope: dict[str, Any] = {}
    exec(f"def {name}({', '.join(inputs)}): ...", scope)
    return step(scope[name])


@st.composite
def acyclic(draw):
    """Draw steps that each read some of those before them, and a table."""
    return {
        name: stub(name, ["t", *(read for read in NAMES[:place] if draw(st.booleans()))])
        for place, name in enumerate(NAMES)
    }


@LAWS
@given(acyclic(), st.randoms(use_true_random=False))
def test_the_order_respects_inputs_and_not_the_order_of_definition(markers, random) -> None:
    """Each step comes after its inputs, and shuffled definitions give the same order."""
    graph = build(markers, tables=["t"], params={}, where="p.py")
    for name in graph.order:
        assert all(graph.order.index(read) < graph.order.index(name) for read in graph.spec(name).inputs if read != "t")
    shuffled = list(markers.items())
    random.shuffle(shuffled)
    assert build(dict(shuffled), tables=["t"], params={}, where="p.py").order == graph.order


@LAWS
@given(acyclic())
def test_ancestors_and_readers_mirror_each_other(markers) -> None:
    """A is upstream of B exactly where B is downstream of A; nothing is its own ancestor."""
    graph = build(markers, tables=["t"], params={}, where="p.py")
    for one in graph.order:
        assert one not in graph.ancestors(one)
        for other in graph.order:
            assert (one in graph.ancestors(other)) == (other in graph.downstream(one))


@LAWS
@given(st.lists(st.tuples(st.sampled_from(RUNGS[:3]), st.sampled_from(["pass", "fail", "unknown"])), max_size=20))
def test_the_funnel_narrows(tries) -> None:
    """No rung is reached by more than the one below, and what stops at a rung does not reach the next."""
    ideas = Ideas()
    for run, (rung, verdict) in enumerate(tries):
        body = {"run": str(run), "name": "n", "params": {}, "steps": {}, "rung": rung, "verdict": verdict, "reason": ""}
        ideas.apply(Event(at=datetime(2013, 1, 1, tzinfo=UTC), kind="tried", subject="n", actor="a", body=body))
    funnel = ideas.funnel()
    assert funnel[0][1] == len(tries)
    for (_, reached, stopped), (_, reached_next, _) in pairwise(funnel):
        assert reached_next <= reached - stopped
