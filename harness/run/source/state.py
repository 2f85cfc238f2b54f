"""State of modules: what functions set there when they are called, which others may read afterwards."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from harness.run.source import scopes
from harness.run.source.modules import Piece
from harness.run.source.scopes import Dotted, Target, dotted_name

SETTING = {"append", "add", "update", "insert", "extend", "setdefault", "clear", "remove", "discard", "pop", "popitem"}
SETTING |= {"appendleft", "__setitem__", "push", "put", "register"}
_MAKING = ("__init__", "__post_init__", "__new__", "__setattr__", "__setstate__")


def written(piece: Piece) -> Iterator[Dotted | Target]:
    """What the functions of a piece set when they are called: names of its module, or what local imports give."""
    functions = []
    sets = False
    todo: list[ast.AST] = [piece.statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append(node)
        sets = sets or isinstance(node, ast.Global) or bool(_set(node))
        todo += scopes.children(node)
    for function in functions if sets else ():  # few do
        yield from _written(function, piece)


def _written(function: ast.FunctionDef | ast.AsyncFunctionDef, piece: Piece) -> Iterator[Dotted | Target]:
    nodes = scopes.within(function.body)
    shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    yield from ((name,) for name in shared)
    imported: dict[str, Target] = dict(scopes.imports(nodes, piece.module.home))
    a = function.args
    parameters = {p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))}
    local = (scopes.bound(nodes) | parameters) - shared
    for chain in filter(None, map(_set, nodes)):
        if chain[0] in imported:
            target = imported[chain[0]]
            yield Target(target.module, target.chain + chain[1:])
        elif chain[0] not in local:
            yield chain


def kept_by_methods(source: str) -> frozenset[str]:
    """The attributes that the methods of a class keep up to date after they made them, by the class's source."""
    kept: set[str] = set()
    tree = ast.parse(textwrap.dedent(source))
    for method in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.args.args):
        if method.name in _MAKING:
            continue
        own = method.args.args[0].arg
        for node in ast.walk(method):
            out = [k.value for k in node.keywords if k.arg == "out"] if isinstance(node, ast.Call) else []
            chains = [_set(node), *map(_named, out)]
            kept |= {chain[1] for chain in chains if chain[:1] == (own,) and len(chain) > 1}
    return frozenset(kept)


def _set(node: ast.AST) -> Dotted:
    """The dotted name that a node sets, or sets something of."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _named(node)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in SETTING:
            return _named(node.func.value)
        if dotted_name(node.func) in (("setattr",), ("delattr",)) and node.args:
            name = node.args[1] if len(node.args) > 1 else None
            attribute = (name.value,) if isinstance(name, ast.Constant) and isinstance(name.value, str) else ()
            return (*_named(node.args[0]), *attribute)
    return ()


def _named(node: ast.AST) -> Dotted:
    """The dotted name that an expression of attributes and items begins with."""
    while not (dotted := dotted_name(node)) and isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return dotted
