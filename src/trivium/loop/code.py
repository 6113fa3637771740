"""The user's code, loaded from its source text.

Text rather than files, so that a version answers with the code it was trained with, whatever the folder holds by now:
the same function loads both. Project modules import one another by name; all else is the environment's.
"""

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from trivium.core.authoring import Heuristic, Metric, Step
from trivium.core.problems import Problem, ProjectError, TriviumError
from trivium.core.project import Project
from trivium.core.values import digest
from trivium.experiment.graph import Graph, build
from trivium.experiment.memo import code_digests


@dataclass(frozen=True)
class Code:
    """What the project's module defines. `digests` holds one digest per step and for the heuristic."""

    digest: str
    sources: Mapping[str, str]
    graph: Graph
    heuristic: Heuristic | None
    metrics: Mapping[str, Metric]
    digests: Mapping[str, str]

    def params(self) -> dict[str, dict[str, Any]]:
        """Resolve the config of every step: its defaults, and over them the project file."""
        return {name: self.graph.resolved(name) for name in self.graph.order}


def read_sources(folder: Path, main: str) -> dict[str, str]:
    """Read the main module and every module of the folder that it imports, by module name.

    Raises:
        ProjectError (TV-RUN-001): a file is missing, no text or no Python.
    """
    found: dict[str, str] = {}
    waiting = [Path(main).stem]
    while waiting:
        name = waiting.pop()
        path = folder / f"{name}.py"
        if name in found:
            continue
        try:
            found[name] = path.read_text(encoding="utf-8")
            tree = ast.parse(found[name], filename=str(path))
        except (OSError, SyntaxError, ValueError) as error:
            raise ProjectError(
                Problem(
                    code="TV-RUN-001",
                    what=f"the project's code {path.name} cannot be read",
                    where=str(path),
                    seen=str(error),
                    fix="correct the file, or model.code in trivium.toml",
                )
            ) from None
        waiting += [name for name in _imported(tree) if (folder / f"{name}.py").is_file()]
    return dict(sorted(found.items()))


def _imported(tree: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names


def load(sources: Mapping[str, str], project: Project, *, instead: Mapping[str, ModuleType] | None = None) -> Code:
    """Run the modules and wire what they define.

    Args:
        sources: the project's modules, name -> text.
        project: whose they are.
        instead: modules that stand in for others of the same name, where the project's modules import these.

    Raises:
        ProjectError: TV-RUN-002 a module raised while it was loaded; TV-EXP-… for a graph that cannot be wired.
    """
    main = Path(project.model.code).stem
    markers = _defined(_run_modules(sources, main, instead or {}))
    steps = {name: marker for name, marker in markers.items() if isinstance(marker, Step)}
    heuristics = [marker for marker in markers.values() if isinstance(marker, Heuristic)]
    if len(heuristics) > 1:
        raise ProjectError(
            Problem(
                code="TV-RUN-003",
                what="more than one heuristic",
                where=project.model.code,
                seen=", ".join(sorted(marker.name for marker in heuristics)),
                fix="keep @tv.heuristic on one function",
            )
        )
    graph = build(steps, tables=list(project.tables), params=project.params, where=project.model.code)
    named = [(marker.function.__module__, marker.function.__name__) for marker in (*steps.values(), *heuristics)]
    return Code(
        digest=digest(sources),
        sources=sources,
        graph=graph,
        heuristic=heuristics[0] if heuristics else None,
        metrics={name: marker for name, marker in markers.items() if isinstance(marker, Metric)},
        digests=code_digests(sources, names=named),
    )


def _run_modules(sources: Mapping[str, str], main: str, instead: Mapping[str, ModuleType]) -> ModuleType:
    """Execute `main` with an `import` that finds the project's own modules among `sources` first."""
    loaded: dict[str, ModuleType] = {}

    def project_import(name: str, *rest: Any) -> Any:
        if name in sources:
            return run(name)
        return instead[name] if name in instead else builtins.__import__(name, *rest)

    def run(name: str) -> ModuleType:
        if name not in loaded:
            module = loaded[name] = ModuleType(name)
            module.__dict__["__builtins__"] = {**vars(builtins), "__import__": project_import}
            exec(compile(sources[name], f"{name}.py", "exec"), module.__dict__)
        return loaded[name]

    try:
        return run(main)
    except TriviumError:
        raise
    except Exception as error:
        raise ProjectError(
            Problem(
                code="TV-RUN-002",
                what=f"the project's code raised {type(error).__name__} while it was loaded",
                where=f"{main}.py",
                seen=str(error),
                fix="run the file with python, and correct what it says",
            )
        ) from error


def _defined(module: ModuleType) -> dict[str, Any]:
    return {value.name: value for value in vars(module).values() if isinstance(value, Step | Heuristic | Metric)}
