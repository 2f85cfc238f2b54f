"""What an expression of somebody's source is, found without running it: a literal, or a name that stands for one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

UNKNOWN = object()
_DEEPEST = 20  # names that stand for names
Lookup = Callable[[ast.expr], "ast.expr | None"]


def literal_of(node: ast.expr, lookup: Lookup, depth: int = 0) -> Any:
    """The value of a literal, of a name that ``lookup`` knows one for, or of an item of either; else ``UNKNOWN``."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        pass
    if depth > _DEEPEST:
        return UNKNOWN
    if (meant := lookup(node)) is not None:
        return literal_of(meant, lookup, depth + 1)
    if isinstance(node, ast.Subscript):
        return _item(node, lookup, depth + 1)
    return UNKNOWN


def _item(node: ast.Subscript, lookup: Lookup, depth: int) -> Any:
    """An item; of a dictionary that is no literal as a whole, its value alone."""
    key = literal_of(node.slice, lookup, depth)
    held = node.value
    for _ in range(_DEEPEST):
        held = lookup(held) or held
    if isinstance(held, ast.Dict):
        named = [v for k, v in zip(held.keys, held.values, strict=True) if k is not None and _is_literal(k, key)]
        return literal_of(named[-1], lookup, depth) if named else UNKNOWN
    if isinstance(held, ast.Call) and isinstance(held.func, ast.Name) and held.func.id == "dict" and not held.args:
        named = [k.value for k in held.keywords if k.arg == key]
        return literal_of(named[-1], lookup, depth) if named else UNKNOWN
    whole = literal_of(held, lookup, depth)
    try:
        return UNKNOWN if key is UNKNOWN or whole is UNKNOWN else whole[key]
    except (LookupError, TypeError):
        return UNKNOWN


def _is_literal(node: ast.expr, key: Any) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is type(key) and node.value == key


def set_once(tree: ast.Module) -> Lookup:
    """A lookup of the names that a module sets once, at its top."""
    found: dict[str, list[ast.expr]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in (t for t in node.targets if isinstance(t, ast.Name)):
                found.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.setdefault(node.target.id, []).append(node.value)
    once = {name: values[0] for name, values in found.items() if len(values) == 1}
    return lambda node: once.get(node.id) if isinstance(node, ast.Name) else None


def declared_options(node: ast.AST) -> Mapping[str, ast.expr]:
    """The options of a command line that some source declares with ``add_argument``, and their defaults."""
    found: dict[str, ast.expr] = {}
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
            names = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            given = {k.arg: k.value for k in call.keywords}
            named = given.get("dest")
            longest = str(named.value) if isinstance(named, ast.Constant) else max(names, key=len, default="")
            action = given.get("action")
            kind = action.value if isinstance(action, ast.Constant) else ""
            flag = ast.Constant(kind == "store_false") if kind in ("store_true", "store_false") else None
            if default := given.get("default", flag):
                found[longest.lstrip("-").replace("-", "_")] = default
    return found
