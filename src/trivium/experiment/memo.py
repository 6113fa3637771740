"""When a step's remembered result may stand in for running it: the digest of its code, and its memo key.

Judged from source text alone, never from live objects, so that the digest of an old version's code can be had without
running it. Comments, docstrings and formatting do not count; every project function, class and constant that the
step may reach does. Where it is unsure (a name that may be shadowed, a module passed around) it takes in too much:
a step that runs once too often costs time, one that runs once too seldom costs the truth. Not seen: names made at
run time (`getattr` with computed text, `exec`) and files the code reads.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.core.values import digest
from trivium.experiment.annotations import exact

# Bump when the meaning of a key changes, so that no result of an older meaning is found.
KEY_VERSION = 1
Name = tuple[str, str]
_EFFECTS = ""
_WHOLE = "*"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class _Module:
    """A module's top-level statements by the names they bind.

    `effects` bind no name, or none that can be told (`from x import *`), so they count for every name of the module.
    `siblings` says which names stand for another module of the project.
    """

    bound: dict[str, list[ast.stmt]] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)
    siblings: dict[str, str] = field(default_factory=dict)


def code_digests(sources: Mapping[str, str], *, names: Sequence[Name]) -> dict[str, str]:
    """Digest the code that each of the named functions may reach.

    Args:
        sources: the project's own modules, name -> text; each must be Python (SyntaxError otherwise).
        names: (module, function) of each; the function must be at the module's top level (KeyError otherwise).

    Returns:
        Function name -> digest of its AST and, transitively, of the project's names it refers to. It depends on the
        Python version, as the AST does, and not on the order of `sources`, nor on that of definitions of other names.
    """
    modules = {name: _read_module(text, sources) for name, text in sources.items()}
    return {function: _digest_reach((module, function), modules) for module, function in names}


def step_key(step: str, *, code: str, params: Mapping[str, Any], inputs: Sequence[str]) -> str:
    """Make the memo key of a step: equal only when code, config and the keys of all inputs are.

    Args:
        step: its name.
        code: its digest, from `code_digests`.
        params: its resolved config, plain values; the order does not matter.
        inputs: the keys of what it reads (snapshot digests for tables), in the order of its parameters.
    """
    return digest("step", KEY_VERSION, step, code, exact(dict(params)), list(inputs))


def _digest_reach(start: Name, modules: Mapping[str, _Module]) -> str:
    if start[1] not in modules[start[0]].bound:
        raise KeyError(start)
    seen = {start}
    waiting = [start]
    parts: list[tuple[str, str, list[str]]] = []
    while waiting:
        home, name = waiting.pop()
        module = modules[home]
        statements = module.effects if name == _EFFECTS else module.bound[name]
        parts.append((home, name, [ast.dump(statement) for statement in statements]))
        reach = _Reach(home, modules)
        for statement in statements:
            reach.read(statement)
        fresh = reach.found - seen
        seen |= fresh
        waiting += fresh
    return digest(sorted(parts))


class _Reach(ast.NodeVisitor):
    """Collects what statements of one module refer to, as (module, name) of the project."""

    def __init__(self, home: str, modules: Mapping[str, _Module]) -> None:
        self.home = home
        self.modules = modules
        self.local: frozenset[str] = frozenset()
        self.found: set[Name] = set()
        self._add(home, _EFFECTS)

    def read(self, statement: ast.stmt) -> None:
        """Visit a top-level statement; a function's own local names hide the module's, in its body only."""
        if not isinstance(statement, _FUNCTIONS):
            self.visit(statement)
            return
        for node in (*statement.decorator_list, statement.args, *([statement.returns] if statement.returns else [])):
            self.visit(node)
        self.local = _local_names(statement)
        for node in statement.body:
            self.visit(node)
        self.local = frozenset()

    def visit_Name(self, node: ast.Name) -> None:
        """A name may be the module's; a sibling module handed around whole is reached whole."""
        if node.id not in self.local:
            self._add(self.home, node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`sibling.name` reaches that name alone where the sibling binds it, else the whole sibling."""
        if isinstance(node.value, ast.Name) and node.value.id not in self.local:
            sibling = self.modules[self.home].siblings.get(node.value.id)
            if sibling is not None:
                self._add(sibling, node.attr if node.attr in self.modules[sibling].bound else _WHOLE)
                return
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """`import sibling` that is itself reached means the whole of it."""
        for alias in node.names:
            self._add(alias.name, _WHOLE)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from sibling import name` reaches that name, or the whole sibling where it is not bound by name."""
        sibling = self.modules.get(node.module or "")
        for alias in node.names if sibling else []:
            self._add(node.module or "", alias.name if sibling and alias.name in sibling.bound else _WHOLE)

    def _add(self, home: str, name: str) -> None:
        """Note a name, if it is the project's; with it come the statements of its module that bind none."""
        module = self.modules.get(home)
        if module is None:
            return
        names = list(module.bound) if name == _WHOLE else [name] if name in module.bound else []
        self.found |= {(home, one) for one in names}
        if names or name in (_EFFECTS, _WHOLE):
            self.found.add((home, _EFFECTS))


def _read_module(text: str, sources: Mapping[str, str]) -> _Module:
    tree = ast.parse(text)
    _drop_docstrings(tree)
    module = _Module()
    for statement in tree.body:
        if _runs_as_script_only(statement):
            continue
        parts = list(_single_imports(statement))
        for part in parts:
            names = _bound_by(part)
            for name in names:
                module.bound.setdefault(name, []).append(part)
            if not names:
                module.effects.append(part)
            if isinstance(part, ast.Import) and part.names[0].name in sources:
                module.siblings[part.names[0].asname or part.names[0].name] = part.names[0].name
    return module


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:] or ([] if isinstance(node, ast.Module) else [ast.Pass()])


def _runs_as_script_only(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _single_imports(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Split `import a, b`, so that each name has a statement of its own."""
    if isinstance(statement, ast.Import):
        yield from (ast.Import(names=[alias]) for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        for alias in statement.names:
            yield ast.ImportFrom(module=statement.module, names=[alias], level=statement.level)
    else:
        yield statement


def _bound_by(statement: ast.stmt) -> list[str]:
    """Name what a top-level statement binds or changes in place; [] where that cannot be told."""
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return [statement.name]
    names: set[str] = set()
    for node in ast.walk(statement):
        names |= _stored(node)
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= {inner.id for inner in ast.walk(node.value) if isinstance(inner, ast.Name)}
    return [] if _WHOLE in names else sorted(names)


def _stored(node: ast.AST) -> set[str]:
    """Name what one node binds, without looking inside it."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return {name}
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name.partition(".")[0] for alias in aliases}
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return {name}
    return set()


def _local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    """Name the function's own variables; those of scopes nested in it are left out, as they hide nothing outside."""
    arguments = function.args
    several = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    names = {argument.arg for argument in several if argument}
    outer: set[str] = set()
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        names |= _stored(node)
        if isinstance(node, ast.Global):
            outer |= set(node.names)
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)
    return frozenset(names - outer)
