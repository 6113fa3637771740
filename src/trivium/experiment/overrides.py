"""What `--set step.param=VALUE` says, checked against the graph before anything runs."""

import tomllib
from collections.abc import Sequence
from typing import Any

from trivium.core.problems import Problem, ProjectError
from trivium.experiment.graph import Graph, bad_settings, fitted_settings

WHERE = "--set"
# What opens a TOML value that is no bare word: when such a text does not parse, it is a slip, not a word.
_OPENS_A_VALUE = ('"', "'", "[", "{")


def parse_set(texts: Sequence[str], graph: Graph) -> dict[str, dict[str, Any]]:
    """Read overrides of the config, step by step.

    Args:
        texts: each `step.param=VALUE`; VALUE is a TOML value, and a bare word is text.
        graph: the steps that may be named.

    Returns:
        Step -> parameter -> value, in the order given; {} for no texts.

    Raises:
        ProjectError: every problem found. TV-EXP-003 unknown step, -004 unknown parameter, -008 wrong type,
            -010 a text that is not of this form, or one parameter set twice.
    """
    problems: list[Problem] = []
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        target, equals, written = (part.strip() for part in text.partition("="))
        step, dot, name = target.partition(".")
        try:
            value = _value(written)
        except ValueError as error:
            problems.append(_malformed(text, str(error)))
            continue
        if not (equals and dot and step and name) or "." in name:
            problems.append(_malformed(text, "it is not step.param=VALUE"))
        elif name in found.get(step, {}):
            problems.append(_malformed(text, "this parameter is set twice"))
        else:
            found.setdefault(step, {})[name] = value
    problems += bad_settings(graph.steps, found, where=WHERE)
    if problems:
        raise ProjectError(*problems)
    return {step: fitted_settings(graph.spec(step), values) for step, values in found.items()}


def _value(written: str) -> Any:
    """Read a TOML value, else a bare word; ValueError says why it is neither."""
    if not written:
        raise ValueError('there is no value; write "" for an empty text')
    try:
        read = tomllib.loads(f"value = {written}")
    except tomllib.TOMLDecodeError as error:
        if written.startswith(_OPENS_A_VALUE) or "\n" in written:
            raise ValueError(f"the value is no TOML: {error}") from None
        return written
    if list(read) != ["value"]:
        raise ValueError("it holds more than one value")
    return read["value"]


def _malformed(text: str, reason: str) -> Problem:
    return Problem(
        code="TV-EXP-010",
        what=f"cannot read --set {text}: {reason}",
        where=WHERE,
        seen=text,
        fix="write step.param=VALUE, such as model.max_iter=200",
    )
