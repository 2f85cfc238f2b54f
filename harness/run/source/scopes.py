"""Scopes tell which names a piece of Python source uses, by Python's own rules.

A parameter or a local variable hides a module's name; a local import is followed to what is asked of
it. Where Python would have to run to tell, the answer errs towards "uses it".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.run.source.reflection import EVALUATION, FILE_TEXT, FOLDERS, NAME_TEXT, READS_SOURCE, REFLECTION

Dotted = tuple[str, ...]
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
IMPORTS = (ast.Import, ast.ImportFrom)
_LEAVES = (ast.expr_context, ast.operator)


class Target(NamedTuple):
    """What an import or a dotted name asks for: a module, and attributes of it."""

    module: str
    chain: Dotted = ()


class Home(NamedTuple):
    """The module that some source is in: relative imports start from it."""

    name: str
    package: bool


@dataclass
class Uses:
    """What a piece of source asks for.

    ``names``: dotted names that start at a name of its module. ``targets``: what its local imports are
    asked for. ``imported``: modules that it imports when it runs. ``strings``: text, which may be the
    name of a module or a function. ``own``: it looks into its own module by text. ``anything``: it
    looks modules or classes up in ways that the source does not tell. ``text``: whose source it reads as text.
    """

    names: set[Dotted] = field(default_factory=set)
    targets: set[Target] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    own: bool = False
    anything: bool = False
    text: set[str] = field(default_factory=set)


def uses(node: ast.AST, home: Home) -> Uses:
    """What a statement of the module ``home`` uses, annotations included."""
    reader = _Reader(home)
    reader.read(node)
    return reader.uses


class _Reader:
    """Walks a statement with the scopes of the functions it is in; a scope gives a name's imports, if any."""

    def __init__(self, home: Home) -> None:
        self.home, self.uses = home, Uses()
        self.scopes: list[dict[str, list[Target]]] = []
        self.folder = False  # within an expression that makes a folder of a file

    def read(self, node: ast.AST) -> None:
        kind = type(node)
        if kind is ast.Name or kind is ast.Attribute:
            self._name(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        elif kind is ast.Constant:
            self.uses.strings.update([node.value] if isinstance(node.value, str) else [])  # type: ignore[attr-defined]
        elif isinstance(node, FUNCTIONS):
            self._function(node)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            self._comprehension(node)
        elif isinstance(node, IMPORTS):
            for _, _, imported in bindings(node, self.home):
                self.uses.imported.update(imported)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load) and dotted_name(node.value):
            self._name(ast.Attribute(node.value, "__setitem__", ast.Load()))
            self.read(node.slice)
        elif isinstance(node, ast.Call) and dotted_name(node.func)[-1:] in {("import_module",), ("__import__",)}:
            self._dynamic(node)
        elif isinstance(node, ast.Call) and dotted_name(node.func)[-1:] == ("dirname",):
            outer, self.folder = self.folder, True
            for child in children(node):
                self.read(child)
            self.folder = outer
        else:
            if isinstance(node, ast.AnnAssign):
                self._quoted(node.annotation)
            elif isinstance(node, ast.ClassDef):  # what its methods ask of these is not followed
                self.uses.targets.update(target for _, target in imports(within(node.body), self.home))
            elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                self.uses.anything |= not isinstance(node.value, ast.Constant) or bool(node.value.value)
            for child in children(node):
                self.read(child)

    def _name(self, node: ast.AST) -> None:
        dotted = dotted_name(node)
        if not dotted and isinstance(node, ast.Attribute):  # of something computed
            self._note((node.attr,))
            outer, self.folder = self.folder, self.folder or node.attr in FOLDERS
            self.read(node.value)
            self.folder = outer
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            return
        for scope in reversed(self.scopes if dotted else []):
            if dotted[0] in scope:
                self.uses.targets.update(Target(t.module, t.chain + dotted[1:]) for t in scope[dotted[0]])
                self._note(dotted[1:])
                return
        if dotted:
            self.uses.names.add(dotted)
            self.uses.own |= dotted[0] in ("globals", "locals", "vars")
            self.uses.anything |= dotted[0] in EVALUATION or dotted[-2:] == ("sys", "modules")
            if dotted in (("__file__",), ("__doc__",)):
                self.uses.text.update([] if self.folder and dotted == ("__file__",) else [FILE_TEXT])
            else:
                self._note(dotted)

    def _note(self, attributes: Dotted) -> None:
        """What attributes alone tell, of whatever they are."""
        self.uses.anything |= not REFLECTION.isdisjoint(attributes)
        if not READS_SOURCE.isdisjoint(attributes) and not (self.folder or not FOLDERS.isdisjoint(attributes)):
            self.uses.text.add(NAME_TEXT)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        a = node.args
        parameters = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        for part in (*a.defaults, *filter(None, a.kw_defaults)):
            self.read(part)
        if isinstance(node, ast.Lambda):
            self._inner(parameters, [node.body])
            return
        self.uses.anything |= node.name in REFLECTION
        for part in (*node.decorator_list, *getattr(node, "type_params", ())):
            self.read(part)
        for annotation in filter(None, (*(p.annotation for p in parameters), node.returns)):
            self._quoted(annotation)
            self.read(annotation)
        self._inner(parameters, node.body)

    def _inner(self, parameters: list[ast.arg], body: list[ast.stmt] | list[ast.expr]) -> None:
        nodes = within(body)
        scope: dict[str, list[Target]] = {name: [] for name in (*bound(nodes), *(p.arg for p in parameters))}
        for name, target in imports(nodes, self.home):
            scope[name].append(target)
        for node in nodes:
            if isinstance(node, ast.Global):
                for name in node.names:
                    self.uses.targets.update(scope.get(name, ()))  # imported into the module
                    scope[name] = [Target(self.home.name, (name,))]
            elif isinstance(node, ast.Nonlocal):
                for name in node.names:
                    scope.pop(name, None)
        self.scopes.append(scope)
        for part in body:
            self.read(part)
        self.scopes.pop()

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        first, *others = node.generators
        self.read(first.iter)  # outside its scope
        names = (n for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name))
        self.scopes.append({n.id: [] for n in names if isinstance(n.ctx, ast.Store)})
        for part in (*first.ifs, *(p for g in others for p in (g.iter, *g.ifs))):
            self.read(part)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.read(part)
        self.scopes.pop()

    def _quoted(self, annotation: ast.expr) -> None:
        """The parts of an annotation that are written as text."""
        for part in ast.walk(annotation):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self.read(ast.parse(part.value.strip(), mode="eval").body)
                except SyntaxError:
                    continue  # a literal, as in Literal["a b"]

    def _dynamic(self, node: ast.Call) -> None:
        """``import_module`` of a name that is written there is an import; of another, of anything."""
        named = node.args[0] if node.args else None
        if isinstance(named, ast.Constant) and isinstance(named.value, str) and not named.value.startswith("."):
            self.uses.targets.add(Target(named.value))
            self.uses.imported.add(named.value)
        else:
            self.uses.anything = True
        for part in (*node.args, *node.keywords):
            self.read(part)


def dotted_name(node: ast.AST) -> Dotted:
    """``("a", "b", "c")`` of the expression ``a.b.c``; empty for another."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def bindings(statement: ast.Import | ast.ImportFrom, home: Home) -> Iterator[tuple[str, Target, Dotted]]:
    """What an import binds: each name, what it stands for, and the modules that are imported for it."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, Target(whole), (alias.name,)
        return
    base = statement.module or ""
    if statement.level:
        parts = home.name.split(".")
        parts = parts[: max(len(parts) - statement.level + home.package, 0)]
        base = ".".join([*parts, *([base] if base else [])])
    for alias in statement.names:
        target = Target(base) if alias.name == "*" else Target(base, (alias.name,))
        yield alias.asname or alias.name, target, (base, f"{base}.{alias.name}")


def within(body: Iterable[ast.AST]) -> list[ast.AST]:
    """The nodes of one scope: not those of the functions and classes in it, nor comprehensions' targets."""
    nodes, todo = [], list(body)
    while todo:
        node = todo.pop()
        nodes.append(node)
        if isinstance(node, ast.comprehension):
            todo += (node.iter, *node.ifs)
        elif not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            todo += children(node)
    return nodes


def imports(nodes: Iterable[ast.AST], home: Home) -> Iterator[tuple[str, Target]]:
    """What the imports among ``nodes`` bind."""
    for node in nodes:
        if isinstance(node, IMPORTS):
            for name, target, _ in bindings(node, home):
                yield name, target


def bound(nodes: Iterable[ast.AST]) -> set[str]:
    """Every name that the nodes of a scope bind in it."""
    names: set[str | None] = set()
    for node in nodes:
        if isinstance(node, ast.Name):
            names.update([node.id] if isinstance(node.ctx, ast.Store) else [])
        elif isinstance(node, (*DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping):
            names.add(node.rest)
        elif isinstance(node, IMPORTS):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return {name for name in names if name}


def children(node: ast.AST) -> list[ast.AST]:
    """The children of a node but for contexts and operators, in half the time of ``ast.iter_child_nodes``."""
    nodes: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            nodes += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST) and not isinstance(value, _LEAVES):
            nodes.append(value)
    return nodes
