"""Modules as source: each is taken apart into its top-level statements, without importing it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.run import scopes
from harness.run.scopes import DEFINITIONS, FUNCTIONS, IMPORTS, Dotted, Home, Target, Uses


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

    @cached_property
    def calls(self) -> tuple[set[Dotted], set[Dotted]]:
        """The decorators, and the other callables, that run when the module is imported."""
        decorators, others = set(), set()
        for node in _at_import(self.statement):
            for decorator in getattr(node, "decorator_list", ()):
                decorators.add(scopes.dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator))
            if isinstance(node, ast.Call):
                others.add(scopes.dotted_name(node.func))
        return decorators - {()}, others - decorators - {()}


class Module:
    """A module's pieces, and the names of its top level.

    ``names``: the pieces that define a name. ``imports``: what an imported name stands for.
    ``stars``: modules whose every name is imported. ``imported``: modules that importing it imports.
    Raises SyntaxError, ValueError and OSError for a file that is not Python.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.home = Home(name, path.name == "__init__.py")
        self.pieces: list[Piece] = []
        self.names: dict[str, list[Piece]] = {}
        self.imports: dict[str, set[Target]] = {}
        self.stars: set[str] = set()
        self.imported: set[str] = set()
        if path.suffix != ".py":  # compiled: one can only tell whether it is the same file
            content = ast.Constant(hashlib.sha256(path.read_bytes()).hexdigest())
            self.pieces.append(Piece(self, (), ast.Expr(content, lineno=1), loose=True))
            return
        for statement in ast.parse(path.read_bytes()).body:
            self._scan(statement)

    def binds(self, name: str) -> bool:
        """Whether ``name`` is defined or imported at the top level."""
        return name in self.names or name in self.imports

    def _scan(self, statement: ast.stmt) -> None:
        if isinstance(statement, IMPORTS):
            self._bind(statement)
            return
        if _silent(statement) or _asks(statement, "__name__"):  # "__main__": never when it is imported
            return
        typing_only = _asks(statement, "TYPE_CHECKING")
        nodes = scopes.within([statement])
        for node in nodes:
            if isinstance(node, IMPORTS):
                self._bind(node, runs=not typing_only)
        if typing_only and all(isinstance(s, IMPORTS) for s in getattr(statement, "body", ())):
            return
        piece = Piece(self, tuple(sorted(scopes.bound(nodes))), statement, _loose(statement))
        self.pieces.append(piece)
        for name in piece.names:
            self.names.setdefault(name, []).append(piece)

    def _bind(self, statement: ast.Import | ast.ImportFrom, runs: bool = True) -> None:
        for name, target, imported in scopes.bindings(statement, self.home):
            self.imported.update(imported if runs else ())
            if name == "*":
                self.stars.add(target.module)
            else:
                self.imports.setdefault(name, set()).add(target)


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
    if isinstance(statement, (*DEFINITIONS, *IMPORTS, ast.Raise)) or _silent(statement):
        return False
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        kinds = (ast.Name, ast.Tuple, ast.List, ast.Starred, ast.expr_context)
        plain = all(isinstance(node, kinds) for target in targets for node in ast.walk(target))
        return not plain or scopes.bound(targets) == {"_"}
    if type(statement).__name__ == "TypeAlias":  # since Python 3.12
        return False
    inner = [c for c in scopes.children(statement) if isinstance(c, ast.stmt | ast.ExceptHandler | ast.match_case)]
    return any(map(_loose, inner)) if inner else isinstance(statement, ast.stmt)


def _silent(statement: ast.AST) -> bool:
    """Whether a statement does nothing, as a docstring."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return text or isinstance(statement, ast.Pass)


def _asks(statement: ast.stmt, name: str) -> bool:
    """Whether it is ``if TYPE_CHECKING`` or ``if __name__ == ...``, with nothing to do otherwise."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    test = statement.test
    if isinstance(test, ast.Compare):
        test = test.left if isinstance(test.ops[0], ast.Eq) else test
    return scopes.dotted_name(test)[-1:] == (name,)


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
