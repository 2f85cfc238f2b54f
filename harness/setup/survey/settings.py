"""Which settings a function reads: of a configuration that it is given, and of one that its modules share."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.setup.survey.code import Code, Function

_NAMES = "config configuration cfg conf settings setting params parameters options opts args hparams defaults"
_KINDS = ("config", "settings", "params", "options", "namespace", "parameters")  # how such a class is called
_METHODS = ("get", "items", "keys", "values", "copy", "update", "setdefault", "pop")
Keys = tuple[str, ...]


@dataclass(frozen=True)
class Shared:
    """A configuration that modules share: the name of a dictionary at the top of one of them."""

    code: Code
    name: str

    @property
    def address(self) -> str:
        """The module and the name."""
        return f"{self.code.name}:{self.name}"

    @property
    def table(self) -> dict[str, ast.expr]:
        """What it is at first."""
        return literal_items(self.code.assigned[self.name]) or {}


@dataclass(frozen=True)
class Reads:
    """What a function asks for: ``given`` are paths in its own parameter, of which the empty one is all of it.

    ``shared`` are paths in configurations of modules. ``attributes``: it takes settings as attributes.
    """

    given: frozenset[Keys] = frozenset()
    shared: frozenset[tuple[Shared, Keys]] = frozenset()
    attributes: bool = False


def is_configuration(parameter: ast.arg) -> bool:
    """Whether a parameter is a configuration, by its name or by the name of its class."""
    kind = ast.unparse(parameter.annotation).strip("'\"") if parameter.annotation else ""
    return parameter.arg.lower() in _NAMES.split() or kind.rpartition(".")[2].lower().endswith(_KINDS)


def literal_items(node: ast.expr | None) -> dict[str, ast.expr] | None:
    """The items of a literal dictionary whose keys are text; None for anything else."""
    if isinstance(node, ast.Dict):
        keys = [k.value if isinstance(k, ast.Constant) and isinstance(k.value, str) else None for k in node.keys]
        return None if None in keys else dict(zip(keys, node.values, strict=True))  # type: ignore[arg-type]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
        return {k.arg: k.value for k in node.keywords if k.arg} if all(k.arg for k in node.keywords) else None
    return None


def shared_configuration(code: Code, node: ast.AST) -> Shared | None:
    """The shared configuration that an expression in ``code`` means."""
    found = code.dotted(node)
    if found is None or found[1].lower().strip("_") not in _NAMES.split():
        return None
    home, name = found
    return Shared(home, name) if literal_items(home.assigned.get(name)) else None


class SettingsReader:
    """What functions read, each looked through once; helpers that they call count as theirs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], Reads] = {}

    def reads(self, function: Function, parameter: str = "") -> Reads:
        """What ``function`` reads of the configuration that it gets as ``parameter``, and of shared ones."""
        key = (function.code.name, function.name, parameter)
        if key not in self._known:
            self._known[key] = Reads()  # what calls itself adds nothing
            visitor = _Visitor(self, function.code, {parameter: ()} if parameter else {})
            for statement in function.node.body:
                visitor.visit(statement)
            self._known[key] = visitor.found()
        return self._known[key]

    def of_expression(self, code: Code, node: ast.AST, roots: Mapping[str, Keys]) -> Reads:
        """What an expression in ``code`` reads, where ``roots`` are the names of configurations."""
        visitor = _Visitor(self, code, dict(roots))
        visitor.visit(node)
        return visitor.found()


class _Visitor(ast.NodeVisitor):
    def __init__(self, reader: SettingsReader, code: Code, roots: dict[str, Keys]) -> None:
        self.reader, self.code, self.roots = reader, code, roots
        self.given: set[Keys] = set()
        self.shared: set[tuple[Shared, Keys]] = set()
        self.parts: set[Keys] = set()
        self.attributes = False

    def found(self) -> Reads:
        taken = {part for part in self.parts if not any(path[: len(part)] == part for path in self.given)}
        return Reads(frozenset(self.given | taken), frozenset(self.shared), self.attributes)

    def visit(self, node: ast.AST) -> None:
        """Note the longest path of settings that a node is, or look into it."""
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            path = self._path(node.value)
            if path is not None and path[0] is None and not _takes_one(node.value):
                self.roots[node.targets[0].id] = path[1]  # a part under another name
                self.parts.add(path[1])
                return
        path = self._path(node)
        if path is not None:
            self._note(*path)
            for inner in _beside(node):
                self.visit(inner)
        elif isinstance(node, ast.Call):
            self._call(node)
        else:
            self.generic_visit(node)

    def _call(self, node: ast.Call) -> None:
        function = self.code.function(node.func)
        if function is None:
            self.generic_visit(node)
            return
        self._add(self.reader.reads(function), ())
        names = [p.arg for p in function.parameters]
        for name, value in [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]:
            path = self._path(value)
            if name and path is not None and path[0] is None and isinstance(value, ast.Name | ast.Subscript):
                below = self.reader.reads(function, name)
                self._add(below, path[1]) if below.given else self.given.add(path[1])
            else:
                self.visit(value)

    def _add(self, reads: Reads, prefix: Keys) -> None:
        self.given |= {prefix + path for path in reads.given}
        self.shared |= reads.shared
        self.attributes = self.attributes or reads.attributes

    def _note(self, shared: Shared | None, path: Keys) -> None:
        self.given.add(path) if shared is None else self.shared.add((shared, path))

    def _path(self, node: ast.AST) -> tuple[Shared | None, Keys] | None:
        """Configuration and path of an expression that takes a setting by its name, or a whole configuration."""
        if isinstance(node, ast.Name) and node.id in self.roots:
            return None, self.roots[node.id]
        if isinstance(node, ast.Name | ast.Attribute) and (shared := shared_configuration(self.code, node)):
            return shared, ()
        if isinstance(node, ast.Subscript):
            return self._below(node.value, _text(node.slice))
        if isinstance(node, ast.Attribute) and node.attr not in _METHODS:
            found = self._below(node.value, node.attr)
            self.attributes = self.attributes or found is not None
            return found
        if isinstance(node, ast.Call) and node.args:
            got = isinstance(node.func, ast.Attribute) and node.func.attr == "get"
            if got and isinstance(node.func, ast.Attribute):
                found = self._below(node.func.value, _text(node.args[0]))
                if found:
                    return found
            function = self.code.function(node.func)
            if function and (shared := accessed(function)) and (key := _text(node.args[0])):
                return shared, (key,)
        return None

    def _below(self, node: ast.AST, key: str | None) -> tuple[Shared | None, Keys] | None:
        found = self._path(node) if key is not None else None
        return (found[0], (*found[1], key)) if found and key is not None else None


def accessed(function: Function) -> Shared | None:
    """The shared configuration of which a function gives the setting that its first parameter names."""
    names = [p.arg for p in function.parameters]
    for value in function.returned() if names else ():
        inner: ast.AST | None = None
        if isinstance(value, ast.Subscript) and _is_name(value.slice, names[0]):
            inner = value.value
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
            inner = value.func.value if value.args and _is_name(value.args[0], names[0]) else None
        if inner is not None and (shared := shared_configuration(function.code, inner)):
            return shared
    return None


def _takes_one(node: ast.AST) -> bool:
    """Whether an expression gives a value with a default, which is no part to look into."""
    return isinstance(node, ast.Call) and len(node.args) > 1


def _beside(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call):
        yield from node.args[1:]


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
