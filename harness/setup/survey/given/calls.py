"""Calls as they are meant: of which own function, through a partial or another name, and which names they change."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from harness.setup.survey.code import Code, Function
from harness.setup.survey.given.reading import changes_in_place

_DEEPEST = 10
_IN_PLACE = {"update", "setdefault", "pop", "popitem", "clear", "append", "extend", "insert", "remove", "sort", "fill"}
_IN_PLACE |= {"reverse", "resize", "partition", "itemset", "put", "shuffle", "read_dict"}
_OF_ARGUMENT = {"shuffle", "put", "place", "copyto", "fill_diagonal", "put_along_axis", "heapify"}


def called_function(code: Code, call: ast.Call, names: Mapping[str, ast.expr]) -> tuple[Function | None, ast.Call]:
    """The own function that a call runs in the end, and the call as one of it.

    ``names`` are set before it: another name of the function, or a ``partial`` of it, whose arguments come first.
    """
    for _ in range(_DEEPEST):
        if (function := code.function(call.func)) is not None:
            return function, call
        meant = names.get(call.func.id) if isinstance(call.func, ast.Name) else None
        meant = meant if meant is not None else call.func if isinstance(call.func, ast.Call) else None
        meant = meant if meant is not None else code.value_of(call.func)
        if isinstance(meant, ast.Name | ast.Attribute):
            call = ast.copy_location(ast.Call(meant, call.args, call.keywords), call)
        elif isinstance(meant, ast.Call) and _is_partial(meant.func) and meant.args:
            later = {k.arg for k in call.keywords if k.arg}
            kept = [k for k in meant.keywords if k.arg not in later]
            args, keywords = [*meant.args[1:], *call.args], [*kept, *call.keywords]
            call = ast.copy_location(ast.Call(meant.args[0], args, keywords), call)
        else:
            break
    return None, call


def _is_partial(node: ast.expr) -> bool:
    return (node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")) == "partial"


def changed_by_call(code: Code, node: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What a call whose result nobody takes changes, and what it is then, where that is plain."""
    if not isinstance(node, ast.Call):
        return
    function = code.function(node.func)
    if function is not None:
        names = [p.arg for p in function.parameters]
        for name, value in [*zip(names, node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]:
            if (
                name
                and isinstance(value, ast.Name | ast.Subscript | ast.Attribute)
                and changes_in_place(function, name)
            ):
                yield value, None
        return
    for keyword in node.keywords:
        is_name = isinstance(keyword.value, ast.Name)
        if keyword.arg == "out" and is_name:
            yield keyword.value, None
    if not isinstance(node.func, ast.Attribute):
        return
    method, held = node.func.attr, node.func.value
    inplace = any(k.arg == "inplace" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords)
    if method in _OF_ARGUMENT and node.args and isinstance(node.args[0], ast.Name):
        yield node.args[0], None
    elif (method in _IN_PLACE or inplace) and isinstance(held, ast.Name | ast.Subscript | ast.Attribute):
        if method == "update":
            keys: list[ast.expr | None] = [None] * (1 + len(node.args))
            keys += [ast.Constant(k.arg) if k.arg else None for k in node.keywords]
            yield held, ast.Dict(keys, [held, *node.args, *(k.value for k in node.keywords)])
        elif method == "setdefault" and len(node.args) == 2:
            yield held, ast.Dict([node.args[0], None], [node.args[1], held])
        else:
            yield held, None
