"""Own functions that only read a table, or hand one on: what they give can be told from what they are given."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from harness.setup.survey.code import Function, own_nodes

_CHANGES = {"update", "setdefault", "pop", "popitem", "clear", "append", "extend", "insert", "remove", "sort", "fill"}


@dataclass(frozen=True)
class Result:
    """What a function returns, and the names that it sets once on the way."""

    value: ast.expr
    names: dict[str, ast.expr]


def pure_result(function: Function) -> Result | None:
    """What a function returns that sets names, opens files and calls others, and changes nothing; else None."""
    returned = function.returned()
    if len(returned) != 1 or not isinstance(function.node, ast.FunctionDef):
        return None
    names: dict[str, ast.expr] = {}
    parameters = {p.arg for p in function.parameters}
    for node in own_nodes(function.node):
        if isinstance(node, ast.For | ast.While | ast.If | ast.AugAssign | ast.Delete | ast.Match | ast.NamedExpr):
            return None
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            return None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            return None
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            pairs = [(node.optional_vars, node.context_expr)]
        for target, value in pairs:
            if not isinstance(target, ast.Name) or target.id in names or target.id in parameters:
                return None
            names[target.id] = value
    return Result(returned[0], names)


def changes_in_place(function: Function, parameter: str, seen: frozenset[int] = frozenset()) -> bool:
    """Whether a function sets items or attributes of a parameter, or calls what changes it."""
    nodes = [*own_nodes(function.node)]
    again = (target for n in nodes if isinstance(n, ast.Assign) for target in n.targets)
    if id(function.node) in seen or any(isinstance(t, ast.Name) and t.id == parameter for t in again):
        return False  # what is set there is another
    seen = seen | {id(function.node)}
    for node in nodes:
        held: ast.AST = node
        stores = isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            held, stores = node.func, True
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            held, stores = node.target, True
        elif isinstance(node, ast.Call) and (inner := function.code.function(node.func)):
            names = [p.arg for p in inner.parameters]
            given = [n for n, v in zip(names, node.args, strict=False) if isinstance(v, ast.Name) and v.id == parameter]
            if given and changes_in_place(inner, given[0], seen):
                return True
        while stores and isinstance(held, ast.Subscript | ast.Attribute):
            held = held.value
        if stores and isinstance(held, ast.Name) and held.id == parameter:
            return True
    return False
