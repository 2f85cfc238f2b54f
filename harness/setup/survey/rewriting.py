"""Expressions where somebody's functions are called, written as a stage of an adapter has to write them."""

from __future__ import annotations

import ast
import builtins
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.adapters.literals import UNKNOWN

if TYPE_CHECKING:
    from harness.setup.survey.proposing import Proposer


@dataclass(frozen=True)
class FromStage:
    """What a name of the driver is, where a stage gives it."""

    expression: ast.expr
    stage: str


@dataclass(frozen=True)
class Inline:
    """What a name of the driver is, where it is set in between, and what its names were then."""

    expression: ast.expr
    places: dict[str, FromStage | Inline]


class Rewriter(ast.NodeTransformer):
    """An expression of the driver as one of a stage: outputs of earlier stages, settings, and names of the module."""

    def __init__(self, proposer: Proposer, node: ast.expr, quiet: bool = False) -> None:
        self.of, self.node, self.quiet = proposer, node, quiet
        inner = [*ast.walk(node)]
        self.bound = {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.bound |= {n.arg for n in inner if isinstance(n, ast.arg)}

    def rewritten(self) -> ast.expr:
        """The expression as a stage has it."""
        return self.visit(copy.deepcopy(self.node))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """An output of an earlier stage, the configuration, a name of the module, or what was set in between."""
        of = self.of
        if self.quiet:
            return ast.Name("config", ast.Load()) if node.id in of.config else node
        if node.id in of.config:
            return ast.Name("config", ast.Load())
        if node.id in of.places:
            self._doubt(node.id)
            place = of.places[node.id]
            if isinstance(place, Inline):
                of.remember(node.id, place)
                now, of.places = of.places, place.places
                try:
                    return self.visit(copy.deepcopy(place.expression))
                finally:
                    of.places = now
            of.needs[place.stage] = True
            return place.expression
        if node.id in self.bound:
            return node
        if (meant := of.code.meaning(node.id)) is not None and not meant[1]:
            if (line := f"import {meant[0].name}") not in of.made.imports:
                of.made.imports.append(line)
            return ast.parse(meant[0].name, mode="eval").body
        if node.id in (*of.code.own, *of.code.imports):
            home = ast.parse(of.code.name, mode="eval").body
            return ast.Attribute(home, node.id, ast.Load())
        if any(p.arg == node.id for p in of.driver.parameters) or not of.driver.name:
            value = of.plain(of.driver.defaults.get(node.id, ast.Name("", ast.Load())))
            inputs = of.made.settings.setdefault("inputs", {})
            of.read_paths["inputs", node.id] = True
            if value is not UNKNOWN and value is not None:
                inputs[node.id] = value
            elif f"inputs.{node.id}" not in of.made.lacking:
                of.made.lacking.append(f"inputs.{node.id}")
            return ast.parse(f"config['inputs']['{node.id}']", mode="eval").body
        if node.id not in dir(builtins):
            self._doubt(node.id)
            of.note(f"{node.id} of {of.driver.name} is nothing that the adapter has: write what it is")
        return node

    def _doubt(self, name: str) -> None:
        if name in self.of.driver.unclear:
            self.of.refuse(self.of.driver.unclear[name])

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A setting, or a part of something."""
        return self._setting(node, node.slice)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A setting, or an attribute of something."""
        return self._setting(node, ast.Constant(node.attr))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """All of a configuration, however it is asked for as a table; or any call."""
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if called in ("vars", "asdict", "dict") and len(node.args) == 1 and not node.keywords:
            inner = node.args[0]
            if isinstance(inner, ast.Name) and inner.id in self.of.config:
                return self.visit_Name(inner)
        if called == "get" and len(node.args) == 2 and isinstance(node.func, ast.Attribute):
            held, key = node.func.value, node.args[0]
            if isinstance(held, ast.Name) and held.id in self.of.config and isinstance(key, ast.Constant):
                self.of.fallbacks.setdefault(str(key.value), node.args[1])
        return self.generic_visit(node)  # type: ignore[return-value]

    def _setting(self, node: ast.Subscript | ast.Attribute, key: ast.expr) -> ast.expr:
        """A setting of the configuration by its key, whichever way the driver writes that."""
        roots: dict[str, tuple[str, ...]] = dict.fromkeys(self.of.config, ())
        reads = self.of.reader.of_expression(self.of.code, node, roots).given
        is_path = isinstance(key, ast.Constant) and isinstance(key.value, str) and len(reads) == 1
        if not is_path or not self._is_root(node.value):
            return self.generic_visit(node)  # type: ignore[return-value]
        (path,) = reads
        if not path:  # a method of all of it
            return self.generic_visit(node)  # type: ignore[return-value]
        self.of.read(path)
        if len(path) == 1 and self.of.found.computed(path[0]):
            root = next(node.id for node in ast.walk(node) if isinstance(node, ast.Name))
            return ast.parse(f"{self.of.as_given(root)}.{path[0]}", mode="eval").body
        return ast.parse("config" + "".join(f"[{part!r}]" for part in path), mode="eval").body

    def _is_root(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.of.config
