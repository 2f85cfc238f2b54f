"""The items of a table that an expression of a driver gives, found without running it, or that they are not known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.adapters.literals import UNKNOWN, literal_of
from harness.core.adapters.settings_files import SETTINGS_SUFFIXES
from harness.setup.survey.code import Code, Function
from harness.setup.survey.driver import Call, Driver
from harness.setup.survey.given.origins import Items, Origins, elsewhere
from harness.setup.survey.given.paths import file_meant, path_meant
from harness.setup.survey.given.reading import pure_result
from harness.setup.survey.records import made_record

_DEEPEST = 30
_COPIES = {"dict", "copy", "deepcopy", "vars", "asdict", "Namespace", "SimpleNamespace", "OrderedDict"}
_TABLES = (ast.Dict, ast.Call, ast.BinOp, ast.Name, ast.Attribute, ast.Subscript)
Options = Callable[[ast.expr], "tuple[bool, Items | None]"]
_SUMS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class Values:
    """What names and tables of a driver are at some place in it: at the step of that number."""

    def __init__(self, driver: Driver, options: Options) -> None:
        self.driver, self.code, self.options = driver, driver.code, options
        self.origins = Origins()
        self._set: dict[str, list[tuple[int, ast.expr]]] = {}
        for at, step in enumerate(driver.steps):
            pairs = [(step.targets[0], step.node)] if isinstance(step, Call) and step.together else []
            for name, node in pairs if isinstance(step, Call) else [step]:
                self._set.setdefault(name, []).append((at, node))

    def last(self) -> int:
        """The place behind the last step."""
        return len(self.driver.steps)

    def items(self, node: ast.expr, at: int | None = None) -> Items | None:
        """The items of a table, in the terms of the driver; None where not all of them are known."""
        return _Finder(self, self.code, self.last() if at is None else at, {}, 0).items(node)

    def meaning(self, node: ast.expr) -> ast.expr | None:
        """What a name, an attribute, or an item of a known table stands for."""
        return _Finder(self, self.code, self.last(), {}, 0).meaning(node)

    def literal(self, node: ast.expr) -> Any:
        """The value of what is a literal in the end; else ``UNKNOWN``."""
        return _Finder(self, self.code, self.last(), {}, 0).literal(node)

    def set_before(self, name: str, at: int) -> tuple[int, ast.expr] | None:
        """The last step before ``at`` that sets a name."""
        found = [(place, node) for place, node in self._set.get(name, ()) if place < at]
        return found[-1] if found else None

    def file(self, node: ast.AST) -> str:
        """The file of the repository that an expression of the driver means."""
        return file_meant(self.code, node, _Finder(self, self.code, self.last(), {}, 0).located)


@dataclass(eq=False)
class _Finder:
    """A look at one place: in the driver before a step, or in a function that has been given ``local`` names."""

    of: Values
    code: Code
    at: int
    local: Mapping[str, tuple[_Finder, ast.expr]]
    depth: int

    def deeper(self, code: Code | None = None, at: int | None = None) -> _Finder:
        return _Finder(self.of, code or self.code, self.at if at is None else at, self.local, self.depth + 1)

    def meant(self, node: ast.expr) -> tuple[_Finder, ast.expr] | None:
        """What a name stands for, and where that is said."""
        if isinstance(node, ast.Name) and node.id in self.local:
            there, inner = self.local[node.id]
            return there.deeper(), inner
        if isinstance(node, ast.Name) and self.code is self.of.code and not self.local:
            if (found := self.of.set_before(node.id, self.at)) is not None:
                return self.deeper(at=found[0]), found[1]
            if node.id in self.of.driver.opened:
                return self.deeper(), self.of.driver.opened[node.id]
        home = self.code.dotted(node)
        if home is not None and home[1] in home[0].assigned:
            there = _Finder(self.of, home[0], 0, {}, self.depth + 1)
            return there, home[0].assigned[home[1]]
        return None

    def literal(self, node: ast.expr) -> Any:
        """The value of a literal, of a table of such, or of a sum of numbers."""
        value = literal_of(node, self.meaning)
        if value is not UNKNOWN or self.depth > _DEEPEST:
            return value
        if isinstance(node, ast.BinOp) and type(node.op) in _SUMS:
            both = [self.deeper().literal(part) for part in (node.left, node.right)]
            try:
                numbers = all(isinstance(v, int | float) for v in both)
                return _SUMS[type(node.op)](*both) if numbers else UNKNOWN
            except (ArithmeticError, ValueError):
                return UNKNOWN
        items = self.deeper().items(node) if isinstance(node, _TABLES) else None
        if items is None:
            return UNKNOWN
        table = {key: self.deeper().literal(item) for key, item in items.items()}
        return UNKNOWN if UNKNOWN in table.values() else table

    def meaning(self, node: ast.expr) -> ast.expr | None:
        if self.depth > _DEEPEST:
            return None
        if (found := self.meant(node)) is not None:
            there, inner = found
            value = literal_of(inner, there.meaning)
            return inner if value is UNKNOWN else ast.parse(repr(value), mode="eval").body
        return self._item(node)

    def located(self, node: ast.expr) -> ast.expr | None:
        """What a name stands for, as a text where it is a path: parts of that may be said elsewhere."""
        if self.depth > _DEEPEST:
            return None
        if (found := self.meant(node)) is not None:
            there, inner = found
            path = path_meant(there.code, inner, there.located)
            return ast.Constant(str(path)) if path is not None else self.meaning(node)
        return self.meaning(node)

    def _item(self, node: ast.expr) -> ast.expr | None:
        """An item of a known table; what ``get`` gives where there is none."""
        default: ast.expr | None = None
        if isinstance(node, ast.Subscript):
            held, key = node.value, literal_of(node.slice, self.deeper().meaning)
        elif isinstance(node, ast.Attribute):
            held, key = node.value, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            held, key = node.func.value, literal_of(node.args[0], self.deeper().meaning) if node.args else UNKNOWN
            default = node.args[1] if len(node.args) > 1 else None
        else:
            return None
        items = self.deeper().items(held) if isinstance(key, str) else None
        return None if items is None else items.get(key, default)

    def items(self, node: ast.expr) -> Items | None:
        if self.depth > _DEEPEST:
            return None
        if isinstance(node, ast.Name) and self._is_default(node.id):
            return self.deeper().items(self.of.driver.defaults[node.id])
        if isinstance(node, ast.Dict):
            return self._displayed(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._together([node.left, node.right])
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return self.deeper().items(node.value)
        if (found := self.meant(node)) is not None:
            there, inner = found
            return self.seen_from(there, there.items(inner))
        if isinstance(node, ast.Call):
            return self._called(node)
        inner_node = self._item(node)
        return self.deeper().items(inner_node) if inner_node is not None else None

    def seen_from(self, there: _Finder, items: Items | None) -> Items | None:
        """Items whose values are said elsewhere, as literals, as far as they are any."""
        if items is None or (there.code is self.code and there.local is self.local and there.at == self.at):
            return items
        known = {key: there.literal(value) for key, value in items.items()}
        return {
            key: elsewhere(items[key], path_meant(there.code, items[key], there.located))
            if value is UNKNOWN
            else ast.parse(repr(value), mode="eval").body
            for key, value in known.items()
        }

    def _is_default(self, name: str) -> bool:
        """Whether a name is a parameter of the driver that has its default."""
        here = name not in self.local and self.code is self.of.code and name in self.of.driver.defaults
        return here and self.of.set_before(name, self.at) is None

    def _displayed(self, node: ast.Dict) -> Items | None:
        found: Items = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                inner = self.deeper().items(value)
                if inner is None:
                    return None
                found |= inner
                continue
            name = literal_of(key, self.deeper().meaning)
            if not isinstance(name, str):
                return None
            found[name] = value
        return found

    def _together(self, nodes: list[ast.expr]) -> Items | None:
        found: Items = {}
        for node in nodes:
            inner = self.deeper().items(node)
            if inner is None:
                return None
            found |= inner
        return found

    def _called(self, node: ast.Call) -> Items | None:
        is_parsed, options = self.of.options(node)
        if is_parsed:
            return options
        if (record := made_record(self.code, node)) is not None:
            given = self._given(node, [*record.fields])
            return None if given is None else {k: v for k, v in record.fields.items() if v is not None} | given
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        function = self.code.function(node.func)
        if function is not None:
            return self._of_function(function, node)
        is_method = isinstance(node.func, ast.Attribute)
        if (
            is_method
            and name in ("get", "copy", "_asdict", "to_dict", "model_dump", "dict")
            and self.code.dotted(node.func) is None
        ):
            assert isinstance(node.func, ast.Attribute)
            inner = self._item(node) if name == "get" else None if node.args else node.func.value
            if inner is not None and (items := self.deeper().items(inner)) is not None:
                return items
        if name in _COPIES:
            first = self._together(list(node.args)) if node.args else {}
            named = self._given(ast.Call(node.func, [], node.keywords), [])
            return None if first is None or named is None else first | named
        return self._in_file(node)

    def _given(self, node: ast.Call, parameters: list[str]) -> Items | None:
        """The arguments of a call by their names."""
        args: list[ast.expr] = []
        for arg in node.args:
            held = (self.deeper().meaning(arg.value) or arg.value) if isinstance(arg, ast.Starred) else None
            if held is not None and not isinstance(held, ast.Tuple | ast.List):
                return None
            args += held.elts if isinstance(held, ast.Tuple | ast.List) else [arg]
        found: Items = dict(zip(parameters, args, strict=False))
        for keyword in node.keywords:
            inner = {keyword.arg: keyword.value} if keyword.arg else self.deeper().items(keyword.value)
            if inner is None:
                return None
            found |= inner
        return found

    def _of_function(self, function: Function, node: ast.Call) -> Items | None:
        """What an own function gives that only reads, or hands on, a table."""
        parameters = [p.arg for p in function.parameters]
        result = pure_result(function)
        given = self._given(node, parameters)
        files = [path for path in map(self.of.file, (*node.args, *(k.value for k in node.keywords))) if path]
        if result is None or given is None:
            for path in files:
                if path.endswith(SETTINGS_SUFFIXES):
                    self.of.origins.files[path] = True
                    self.of.origins.readers[function.name] = function
                    why = "and what it gives cannot be told from its source"
                    self.of.origins.problems[path] = f"{function.name} changes what it reads from {path}, {why}"
            return None
        there = {name: (self, value) for name, value in (function.defaults | given).items()}
        inner = _Finder(self.of, function.code, self.at, {}, self.depth + 1)
        local: dict[str, tuple[_Finder, ast.expr]] = {**there}
        inner.local = local
        local |= {name: (inner, value) for name, value in result.names.items()}
        before = self.of.origins.count
        items = inner.items(result.value)
        if self.of.origins.count > before:
            self.of.origins.readers[function.name] = function
        return self.seen_from(inner, items)

    def _in_file(self, node: ast.Call) -> Items | None:
        """The settings of the one file that a call which is nobody's own reads."""
        paths: dict[str, bool] = {}
        for part in ast.walk(node):
            if isinstance(part, ast.expr) and (path := file_meant(self.code, part, self.located)):
                paths[path] = True
        if len(paths) != 1 or not (path := next(iter(paths))).endswith(SETTINGS_SUFFIXES):
            return None
        return self.of.origins.read(self.code.library.root, path)
