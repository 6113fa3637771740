"""The graph of a project's steps: wired from the functions' signatures, checked whole, run by `loop`.

Nothing is executed here. A step's positional parameters name what it reads (steps, tables, or `label`), its
keyword-only parameters are its config.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from trivium.core.authoring import Marker
from trivium.core.problems import Problem, ProjectError, nearest_first, unknown_name
from trivium.core.project import WHERE
from trivium.experiment.annotations import admits, fitted
from trivium.experiment.signature import REQUIRED, Required, StepSpec, read_signature, wrong_type

__all__ = ["REQUIRED", "Graph", "Required", "StepSpec", "bad_settings", "build", "fitted_settings"]

LABEL = "label"
NEEDED = ("features", "model")


@dataclass(frozen=True, slots=True)
class Graph:
    """Steps in the order they can run, and what the project file sets of their config."""

    steps: Mapping[str, StepSpec]
    tables: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]

    @property
    def order(self) -> tuple[str, ...]:
        """All steps, each after those it reads; those that could run together are in alphabetical order."""
        return tuple(self.steps)

    def spec(self, name: str) -> StepSpec:
        """Return one step; a name that `order` does not hold is a programming fault (KeyError)."""
        return self.steps[name]

    def resolved(self, name: str, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """Return a step's whole config: its defaults, over them the project file, over that `overrides`."""
        return {**self.steps[name].params, **self.settings.get(name, {}), **(overrides or {}).get(name, {})}

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Return the steps that `name` reads, directly or not, in order; without itself."""
        found = _reaching(name, {step: spec.inputs for step, spec in self.steps.items()})
        return tuple(step for step in self.steps if step in found)

    def downstream(self, name: str) -> tuple[str, ...]:
        """Return the steps that read `name` (a step, a table or `label`), directly or not, in order."""
        readers: dict[str, list[str]] = {}
        for step, spec in self.steps.items():
            for read in spec.inputs:
                readers.setdefault(read, []).append(step)
        found = _reaching(name, readers)
        return tuple(step for step in self.steps if step in found)

    def tables_read(self, name: str) -> tuple[str, ...]:
        """Return the tables that `name` reads, directly or through other steps, in the project's order."""
        read = {source for step in (name, *self.ancestors(name)) for source in self.steps[step].inputs}
        return tuple(table for table in self.tables if table in read)


def build(
    markers: Mapping[str, Marker],
    *,
    tables: Collection[str],
    params: Mapping[str, Mapping[str, Any]],
    where: str,
) -> Graph:
    """Wire the steps and check all of it.

    Args:
        markers: step name -> marked function, in any order.
        tables: the project's tables.
        params: `[params.<step>]` of the project file.
        where: the name of the project's module, for problems.

    Raises:
        ProjectError: every problem found. TV-EXP-001 unknown input, -002 a cycle, -003 unknown step in the params,
            -004 unknown parameter, -005 a required parameter is missing, -006 no `features` or no `model`,
            -007 a signature that cannot be wired, -008 a value of the wrong type, -009 the label in the features,
            -012 a step named like a table, -013 a default that is no plain value.
    """
    problems: list[Problem] = []
    specs = {name: read_signature(name, markers[name], where, problems) for name in sorted(markers)}
    problems += _bad_names(specs, tables, where)
    problems += _bad_inputs(specs, tables, where)
    inputs = {name: [read for read in spec.inputs if read in specs] for name, spec in specs.items()}
    order, cycles = _ordered(inputs)
    problems += [
        Problem(
            code="TV-EXP-002",
            what="steps read one another in a circle",
            where=where,
            seen=" → ".join(cycle),
            fix=f"remove one of these inputs, such as {cycle[0]!r} from {cycle[1]!r}",
        )
        for cycle in cycles
    ]
    problems += _label_in_features(specs, where)
    problems += bad_settings(specs, params, where=f"{WHERE}, params")
    problems += _missing_params(specs, params)
    if problems:
        raise ProjectError(*problems)
    settings = {step: fitted_settings(specs[step], values) for step, values in params.items()}
    return Graph({name: specs[name] for name in order}, tuple(tables), settings)


def bad_settings(
    specs: Mapping[str, StepSpec], params: Mapping[str, Mapping[str, Any]], *, where: str
) -> list[Problem]:
    """Find config that no step takes: TV-EXP-003 unknown step, -004 unknown parameter, -008 wrong type."""
    found: list[Problem] = []
    for step, values in params.items():
        if step not in specs:
            found.append(unknown_name("TV-EXP-003", "step", step, list(specs), where=where))
            continue
        spec = specs[step]
        for name, value in values.items():
            place = f"{where}.{step}"
            if name not in spec.params:
                found.append(unknown_name("TV-EXP-004", "parameter", name, list(spec.params), where=place))
            elif not admits(spec.types.get(name, ""), value):
                found.append(wrong_type(f"{name} of step {step!r}", value, spec.types[name], place))
    return found


def fitted_settings(spec: StepSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Bring checked values to the annotated type (an int to a float)."""
    return {name: fitted(spec.types.get(name, ""), value) for name, value in values.items()}


def _bad_names(specs: Mapping[str, StepSpec], tables: Collection[str], where: str) -> list[Problem]:
    found = [
        Problem(
            code="TV-EXP-006",
            what=f"the project has no step {name!r}",
            where=where,
            seen=", ".join(nearest_first(name, specs)) or "no step",
            fix=f"write a function {name} marked @tv.step",
        )
        for name in NEEDED
        if name not in specs
    ]
    found += [
        Problem(
            code="TV-EXP-012",
            what=f"the step {name!r} has the name of a table or of the label",
            where=where,
            seen=name,
            fix="rename the step",
        )
        for name in specs
        if name in tables or name == LABEL
    ]
    return found


def _bad_inputs(specs: Mapping[str, StepSpec], tables: Collection[str], where: str) -> list[Problem]:
    found = []
    for name, spec in specs.items():
        known = [*(step for step in specs if step != name), *tables, LABEL]
        place = f"{where}, step {name!r}"
        # A step that reads itself is a cycle, and told as one.
        unknown = [read for read in spec.inputs if read not in known and read != name]
        found += [unknown_name("TV-EXP-001", "input", read, known, where=place) for read in unknown]
    return found


def _ordered(inputs: Mapping[str, list[str]]) -> tuple[list[str], list[list[str]]]:
    """Order steps after what they read; return the order of those that can run, and every circle met."""
    left = {name: list(reads) for name, reads in inputs.items()}
    cycles: list[list[str]] = []
    while True:
        sorter = TopologicalSorter(left)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = list(error.args[1])
            cycles.append(cycle)
            left = {
                name: [read for read in reads if read not in cycle] for name, reads in left.items() if name not in cycle
            }
            continue
        order: list[str] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready())
            order += ready
            sorter.done(*ready)
        return order, cycles


def _reaching(name: str, edges: Mapping[str, Collection[str]]) -> set[str]:
    """Collect all that `edges` lead to from `name`, circles included, without `name` itself."""
    found: set[str] = set()
    waiting = list(edges.get(name, ()))
    while waiting:
        step = waiting.pop()
        if step not in found and step != name:
            found.add(step)
            waiting += edges.get(step, ())
    return found


def _label_in_features(specs: Mapping[str, StepSpec], where: str) -> list[Problem]:
    if "features" not in specs:
        return []
    reads = {name: spec.inputs for name, spec in specs.items()}
    leaking = sorted(step for step in {"features", *_reaching("features", reads)} if LABEL in reads.get(step, ()))
    return [
        Problem(
            code="TV-EXP-009",
            what="the label is read by what makes the features",
            where=f"{where}, step {step!r}",
            seen=LABEL,
            fix="remove the input `label`: at prediction time it is not known",
        )
        for step in leaking
    ]


def _missing_params(specs: Mapping[str, StepSpec], params: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    return [
        Problem(
            code="TV-EXP-005",
            what=f"step {step!r} needs the parameter {name!r}",
            where=f"{WHERE}, params.{step}",
            seen="no value and no default",
            fix=f"add {name} = … under [params.{step}], or give it a default",
        )
        for step, spec in specs.items()
        for name, default in spec.params.items()
        if default is REQUIRED and name not in params.get(step, {})
    ]
