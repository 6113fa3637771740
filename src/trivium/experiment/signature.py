"""One step's signature: which of its parameters are inputs, and which are config."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from trivium.core.authoring import Marker
from trivium.core.problems import Problem, shown
from trivium.experiment.annotations import admits, as_text, fitted, is_plain


class Required(Enum):
    """The mark of a parameter that has no default."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step: what it reads, in the order of its parameters, and its config with defaults or REQUIRED.

    `types` holds the annotations of the config as text; a parameter without one is missing there.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    params: Mapping[str, Any]
    types: Mapping[str, str] = field(default_factory=dict)


def read_signature(name: str, marker: Marker, where: str, problems: list[Problem]) -> StepSpec:
    """Split a function's parameters into inputs and config; what cannot be wired goes to `problems`."""
    inputs: list[str] = []
    params: dict[str, Any] = {}
    types: dict[str, str] = {}
    place = f"{where}, step {name!r}"
    for parameter in inspect.signature(marker.function).parameters.values():
        is_config = parameter.kind is inspect.Parameter.KEYWORD_ONLY
        has_default = parameter.default is not inspect.Parameter.empty
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            problems.append(_bad_parameter(str(parameter), "name each input and each parameter of the step", place))
        elif is_config:
            annotation = as_text(parameter.annotation)
            default = fitted(annotation, parameter.default) if has_default else REQUIRED
            params[parameter.name] = default
            types |= {parameter.name: annotation} if annotation else {}
            problems += _bad_default(parameter.name, default, annotation, place)
        else:
            inputs.append(parameter.name)
            if has_default:
                fix = f"put `*` before {parameter.name} to make it config, or drop its default to make it an input"
                problems.append(_bad_parameter(str(parameter), fix, place))
    return StepSpec(name, marker.function, tuple(inputs), params, types)


def _bad_parameter(text: str, fix: str, where: str) -> Problem:
    return Problem(
        code="TV-EXP-007", what="a step's parameter is neither an input nor config", where=where, seen=text, fix=fix
    )


def _bad_default(name: str, default: Any, annotation: str, where: str) -> list[Problem]:
    if default is REQUIRED:
        return []
    if not is_plain(default):
        return [
            Problem(
                code="TV-EXP-013",
                what=f"the default of {name} is no plain value",
                where=where,
                seen=shown([default]),
                fix="use a number, text, list or table, and build the object inside the step",
            )
        ]
    # `*, depth: int = None` is common Python for "not set", and harmless.
    if default is not None and not admits(annotation, default):
        return [wrong_type(f"the default of {name}", default, annotation, where)]
    return []


def wrong_type(what: str, value: Any, annotation: str, where: str) -> Problem:
    """Say that a value is not of the annotated type (TV-EXP-008)."""
    return Problem(
        code="TV-EXP-008",
        what=f"{what} is of the wrong type",
        where=where,
        seen=shown([value]),
        fix=f"give a value of type {annotation}",
    )
