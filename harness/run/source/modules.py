"""Modules as source: each is taken apart into its top-level statements, without importing it."""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from harness.run.source import scopes
from harness.run.source.scopes import FUNCTIONS, IMPORTS, Dotted, Home, Target, Uses

TYPING = {"typing", "typing_extensions"}
CALLING = {"map", "filter", "sorted", "min", "max", "reduce", "starmap", "accumulate", "takewhile", "dropwhile", "iter"}
CALLED = "()"  # in a dotted name: an attribute of what a call gives


@dataclass(eq=False)
class Piece:
    """A top-level statement and the names that it defines.

    ``loose``: it runs for its effect, so that it counts wherever its module is imported.
    """

    module: Module
    names: tuple[str, ...]
    statement: ast.stmt
    loose: bool = False

    @cached_property
    def uses(self) -> Uses:
        """The names that the statement uses."""
        return scopes.uses(self.statement, self.module.home)

    @cached_property
    def digest(self) -> str:
        """The digest of the statement without comments, docstrings and layout."""
        return hashlib.sha256("\n".join(_dump(self.statement, [])).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def movable(self) -> bool:
        """Whether it means the same wherever it stands: a function of which nothing is evaluated at once."""
        node = self.statement
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.decorator_list or not self.names:
            return False
        return all(isinstance(d, ast.Constant) for d in (*node.args.defaults, *filter(None, node.args.kw_defaults)))

    @cached_property
    def calls(self) -> Calls:
        """What is called when the module is imported."""
        decorators, others, bases = set(), set(), set()
        looked_at: set[Dotted] = set()
        for node in _at_import(self.statement):
            for operand in _operands(node):
                looked_at |= _callee(operand.func if isinstance(operand, ast.Call) else operand)
            for decorator in getattr(node, "decorator_list", ()):
                decorators |= _callee(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if isinstance(node, ast.Call):
                others |= _callee(node.func) | called_for(node)
                bases |= _bases_of(node)
            if isinstance(node, ast.ClassDef):
                for base in (*node.bases, *(k.value for k in node.keywords if k.arg == "metaclass")):
                    bases |= _callee(base.value if isinstance(base, ast.Subscript) else base)
        return Calls(decorators, others - decorators, bases, looked_at)


class Calls(NamedTuple):
    """Names of what a statement calls: decorators, others, bases of classes, and what operators act on."""

    decorators: set[Dotted]
    others: set[Dotted]
    bases: set[Dotted]
    looked_at: set[Dotted]


class Module:
    """A module's pieces, and the names of its top level.

    ``names``: the pieces that define a name. ``imports``: what an imported name stands for, in the order of the
    statements. ``stars``: modules whose every name is imported. ``imported``: modules that importing it imports.
    ``sequence``: its pieces and its imports in order. ``script``: what runs only when it is run as a script.
    ``future``: whether its annotations are text. Raises SyntaxError and ValueError for what is not Python.
    """

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        self.home, self.path = Home(name, path.name.partition(".")[0] == "__init__"), path
        self.digest = hashlib.sha256(content).hexdigest()
        self.pieces: list[Piece] = []
        self.script: list[Piece] = []
        self.names: dict[str, list[Piece]] = {}
        self.imports: dict[str, list[Target]] = {}
        self._bound: dict[str, list[str]] = {}
        self.stars: list[str] = []
        self.imported: dict[str, None] = {}
        self.sequence: list[Piece | tuple[str, ...]] = []
        self.future = False
        if path.suffix != ".py":  # compiled: one can only tell whether it is the same file
            self._add(Piece(self, (), ast.Expr(ast.Constant(self.digest), lineno=1), loose=True))
            return
        for statement in ast.parse(content).body:
            self._scan(statement)

    def binds(self, name: str) -> bool:
        """Whether ``name`` is defined or imported at the top level."""
        return name in self.names or name in self.imports

    def bindings(self, name: str) -> tuple[str, ...]:
        """What an imported name stands for, the last one last, with the places where it is defined here."""
        return tuple(reversed(dict.fromkeys(reversed(self._bound.get(name, ())))))

    @property
    def open(self) -> bool:
        """Whether it may have names that its statements do not tell."""
        return bool(self.stars) or "__getattr__" in self.names

    def _scan(self, statement: ast.stmt) -> None:
        if isinstance(statement, IMPORTS):
            self._bind(statement)
            return
        if _silent(statement):
            return
        if _is_script(statement):
            nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
            body = ast.FunctionDef("<script>", nothing, getattr(statement, "body", []), [], lineno=statement.lineno)
            self.script.append(Piece(self, (), body))  # its imports are its own
            return
        typing_only = self._typing_only(statement)
        nodes = scopes.within([statement])
        for node in nodes:
            if isinstance(node, IMPORTS):
                self._bind(node, runs=not typing_only)
        if typing_only and all(isinstance(s, IMPORTS) for s in getattr(statement, "body", ())):
            return
        for node in _at_import(statement):  # those in the bodies of classes
            if isinstance(node, IMPORTS) and node not in nodes:
                self._runs(tuple(n for _, _, imported in scopes.bindings(node, self.home) for n in imported))
        self._add(Piece(self, tuple(sorted(scopes.bound(nodes))), statement, _loose(statement)))

    def _add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.sequence.append(piece)
        for name in piece.names:
            self.names.setdefault(name, []).append(piece)
            self._bound.setdefault(name, []).append("defined")

    def _bind(self, statement: ast.Import | ast.ImportFrom, runs: bool = True) -> None:
        for name, target, imported in scopes.bindings(statement, self.home):
            self.future |= target == Target("__future__", ("annotations",))
            if runs:
                self._runs(imported)
            if name == "*":
                self.stars.append(target.module)
                self._add(Piece(self, (), statement, loose=True))  # it may rebind any name
            else:
                self.imports.setdefault(name, []).append(target)
                self._bound.setdefault(name, []).append(f"{target.module}:{'.'.join(target.chain)}")

    def _runs(self, imported: tuple[str, ...]) -> None:
        self.imported.update(dict.fromkeys(imported))
        self.sequence.append(imported)

    def _typing_only(self, statement: ast.stmt) -> bool:
        """Whether it is ``if TYPE_CHECKING``, with nothing to do otherwise, and this module does not define that."""
        if not isinstance(statement, ast.If) or statement.orelse:
            return False
        dotted = scopes.dotted_name(statement.test)
        origins = {target.module for target in self.imports.get(dotted[0], ())} if dotted else set()
        return dotted[-1:] == ("TYPE_CHECKING",) and dotted[0] not in self.names and origins <= TYPING


def in_order(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a module: by name where their order means nothing, as that of functions does not."""
    names = [name for piece in pieces for name in piece.names]
    fixed = len(names) > len({*names}) or any(piece.loose for piece in pieces)

    def place(piece: Piece) -> tuple[bool, int, tuple[str, ...]]:
        free = (piece.movable and names.count(piece.names[0]) == 1) or not fixed
        return free, 0 if free else piece.statement.lineno, piece.names

    return sorted(pieces, key=lambda piece: (*place(piece), piece.statement.lineno))


def _callee(node: ast.AST) -> set[Dotted]:
    """The dotted name of what is called, or the names in an expression that computes it; see ``CALLED``."""
    if dotted := scopes.dotted_name(node):
        return {dotted}
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call) and attributes:
        return {(*chain, CALLED, *reversed(attributes)) for chain in _callee(node.func)}
    if isinstance(node, ast.Call):
        return {(*chain, CALLED) for chain in _callee(node.func)}
    return {(n.id,) for n in ast.walk(node) if isinstance(n, ast.Name)}


def _operands(node: ast.AST) -> list[ast.expr]:
    """What an operator, an attribute, a loop or a function of Python's own acts on."""
    if isinstance(node, ast.Call):
        return node.args if isinstance(node.func, ast.Name) and hasattr(builtins, node.func.id) else []
    fields = ("left", "right", "comparators", "operand", "value", "values", "test", "iter", "keys")
    kinds = (ast.BinOp, ast.Compare, ast.UnaryOp, ast.BoolOp, ast.Subscript, ast.Attribute, ast.Starred, ast.Dict)
    kinds += (ast.FormattedValue, ast.IfExp, ast.If, ast.While, ast.For, ast.comprehension)  # type: ignore[assignment]
    if not isinstance(node, kinds):
        return []
    found = [getattr(node, name, None) for name in fields if name != "values" or isinstance(node, ast.BoolOp)]
    parts = [part for field in found for part in (field if isinstance(field, list) else [field])]
    return [part for part in parts if isinstance(part, ast.Name | ast.Attribute | ast.Call)]


def called_for(node: ast.Call) -> set[Dotted]:
    """What a function such as ``map`` calls of what it is given."""
    if scopes.dotted_name(node.func)[-1:] not in {(name,) for name in CALLING}:
        return set()
    given = (*node.args, *(keyword.value for keyword in node.keywords))
    inner = (c.func for a in given if isinstance(a, ast.Lambda) for c in ast.walk(a) if isinstance(c, ast.Call))
    return {dotted for node in (*given, *inner) if (dotted := scopes.dotted_name(node))}


def _bases_of(node: ast.Call) -> set[Dotted]:
    """The bases of a class that ``type``, or a function like it, makes."""
    maker = scopes.dotted_name(node.func)[-1:]
    if maker not in (("type",), ("new_class",)) or len(node.args) < 2:
        return set()
    return {(n.id,) for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}


def _at_import(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that are evaluated when the statement is run: not the bodies of functions."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, FUNCTIONS):
            todo += (*node.args.defaults, *filter(None, node.args.kw_defaults), *getattr(node, "decorator_list", ()))
        else:
            todo += scopes.children(node)


def _loose(statement: ast.AST) -> bool:
    """Whether a statement runs for its effect rather than to define a name."""
    if isinstance(statement, ast.ClassDef):  # what its body does beside defining names
        return any(map(_loose, statement.body))
    if isinstance(statement, (*FUNCTIONS, *IMPORTS, ast.Raise)) or _silent(statement):
        return False
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        kinds = (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.expr_context)
        plain = all(isinstance(node, kinds) for target in targets for node in ast.walk(target))
        return not plain or scopes.bound(targets) == {"_"}
    if type(statement).__name__ == "TypeAlias":  # since Python 3.12
        return False
    if isinstance(statement, ast.With):  # what it enters may do anything
        return True
    if isinstance(statement, ast.For) and not isinstance(statement.target, ast.Name | ast.Tuple):
        return True
    inner = [c for c in scopes.children(statement) if isinstance(c, ast.stmt | ast.ExceptHandler | ast.match_case)]
    return any(map(_loose, inner)) if inner else isinstance(statement, ast.stmt)


def _silent(statement: ast.AST) -> bool:
    """Whether a statement does nothing, as a docstring."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return text or isinstance(statement, ast.Pass)


def _is_script(statement: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__"``, with nothing to do otherwise."""
    if not isinstance(statement, ast.If) or statement.orelse or not isinstance(statement.test, ast.Compare):
        return False
    test = statement.test
    sides = {ast.dump(side) for side in (test.left, *test.comparators)}
    wanted = {ast.dump(ast.Name("__name__", ast.Load())), ast.dump(ast.Constant("__main__"))}
    return isinstance(test.ops[0], ast.Eq) and sides == wanted


def _dump(node: ast.AST, lines: list[str]) -> list[str]:
    """What ``ast.dump`` writes, without docstrings and in less time: a line for each node, value and field's end."""
    lines.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        for item in value if isinstance(value, list) else (value,):
            if not isinstance(item, ast.AST):
                lines.append(repr(item))
            elif not isinstance(item, ast.expr_context) and not _silent(item):
                _dump(item, lines)
        lines.append(name)
    return lines
