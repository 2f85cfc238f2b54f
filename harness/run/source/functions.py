"""Functions: whether one may change anything beyond its own variables, and what it calls."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from harness.run.source.modules import called_for
from harness.run.source.scopes import DEFINITIONS, IMPORTS, Dotted, dotted_name

FRESH = {"list", "dict", "set", "tuple", "sorted", "bytearray", "defaultdict", "Counter", "deque", "copy", "deepcopy"}
READING = {
    *("get", "items", "keys", "values", "copy", "index", "count", "join", "format", "split", "strip", "removeprefix"),
    *(
        "removesuffix",
        "startswith",
        "endswith",
        "lower",
        "upper",
        "encode",
        "decode",
        "replace",
        "partition",
        "rpartition",
    ),
    *("sum", "mean", "min", "max", "any", "all", "astype", "reshape", "tolist", "item", "union", "intersection"),
}


class FunctionReader:
    """Reads a function for what it changes beyond its own variables.

    ``outward``: it may. ``called``: names that it calls. ``own``: methods that it calls of the instance.
    """

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef, kind: str) -> None:
        a = function.args
        parameters = [p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))]
        self.first = parameters[0] if kind and parameters else ""
        self.parameters = {*parameters} - {self.first}
        self.nodes = [n for part in function.body for n in ast.walk(part)]
        self.fresh, stored = self._fresh()
        self.local = stored | self.parameters
        self.called: set[Dotted] = set()
        self.own: list[str] = []
        self.outward = any(map(self._changes, self.nodes))

    def _fresh(self) -> tuple[set[str], set[str]]:
        """The variables that only ever hold what the function made itself; and all of them."""
        made: set[str] = set()
        handed: set[str] = set()
        pairs = [p for n in self.nodes if isinstance(n, ast.Assign | ast.AnnAssign) and n.value for p in _pairs(n)]
        stored = {n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        stored |= {n.name for n in self.nodes if isinstance(n, DEFINITIONS)}
        for name, value in pairs:
            (made if _is_new(value) else handed).add(name)
        # what is bound in another way, as by a loop, may be anything
        assigned = {name for name, _ in pairs} | {
            n.target.id for n in self.nodes if isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name)
        }
        return (made & assigned) - handed - self.parameters, stored

    def _changes(self, node: ast.AST) -> bool:
        if isinstance(node, (ast.Global, ast.Nonlocal, *IMPORTS)) or (isinstance(node, ast.ClassDef) and node.bases):
            return True
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            return node.target.id not in self.fresh and node.target.id in self.parameters
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            return self._foreign(node)
        return isinstance(node, ast.Call) and self._call(node)

    def _foreign(self, node: ast.AST) -> bool:
        """Whether an attribute or an item is of something that was not made here."""
        path = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            path.append(node.attr if isinstance(node, ast.Attribute) else "")
            node = node.value
        if not isinstance(node, ast.Name):
            return True
        if node.id == self.first and self.first != "cls":
            return len(path) > 1
        return node.id not in self.fresh

    def _call(self, node: ast.Call) -> bool:
        self.called |= {name for name in called_for(node) if name[0] not in self.local}
        func, dotted = node.func, dotted_name(node.func)
        if not dotted:
            inner = func.value if isinstance(func, ast.Attribute) else func
            if isinstance(inner, ast.Constant | ast.JoinedStr) or (
                isinstance(inner, ast.Call) and dotted_name(inner.func) == ("super",)
            ):
                return False
            return not isinstance(func, ast.Attribute) or func.attr not in READING
        head, last = dotted[0], dotted[-1]
        hands_itself_on = (
            any(isinstance(a, ast.Name) and a.id == self.first for a in node.args) if self.first else False
        )
        if (
            hands_itself_on
            and not (len(dotted) == 1 and hasattr(builtins, head))
            and dotted != ("object", "__setattr__")
        ):
            return True
        if head == self.first and self.first:
            self.own += [last] if len(dotted) == 2 else []
            return len(dotted) > 2 and last not in READING
        if head in self.fresh or last in READING:
            return False
        if head in self.local:
            return True
        self.called.add(dotted)
        return False


def _pairs(node: ast.Assign | ast.AnnAssign) -> Iterator[tuple[str, ast.expr]]:
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        several = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        values = node.value.elts if several and isinstance(node.value, ast.Tuple) else [node.value] * len(targets)
        for name, value in zip(targets, values, strict=False):
            if isinstance(name, ast.Name) and value is not None:
                yield name.id, value


def _is_new(value: ast.expr) -> bool:
    made = (
        ast.List,
        ast.Dict,
        ast.Set,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.Constant,
        ast.JoinedStr,
        ast.Compare,
    )
    return isinstance(value, made) or (
        isinstance(value, ast.Call) and dotted_name(value.func)[-1:] in {(n,) for n in FRESH}
    )
