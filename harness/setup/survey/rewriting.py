"""Expressions where somebody's functions are called, written as a stage of an adapter has to write them."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.setup.survey.proposing import Proposer


class Rewriter(ast.NodeTransformer):
    """An expression of the driver as one of a stage: outputs of earlier stages, settings, and names of the module."""

    def __init__(self, proposer: Proposer) -> None:
        self.of = proposer

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """An output of an earlier stage, the configuration, a name of the module, or what was set in between."""
        of = self.of
        if node.id in of.config:
            return ast.Name("config", ast.Load())
        if node.id in of.places:
            of.needs[of.owner[node.id]] = True
            return of.places[node.id]
        if node.id in of.driver.between:
            return self.visit(copy.deepcopy(of.driver.between[node.id]))
        if (meant := of.code.meaning(node.id)) is not None and not meant[1]:
            if (line := f"import {meant[0].name}") not in of.made.imports:
                of.made.imports.append(line)
            return ast.parse(meant[0].name, mode="eval").body
        if node.id in (*of.code.functions, *of.code.assigned, *of.code.imports):
            home = ast.parse(of.code.name, mode="eval").body
            return ast.Attribute(home, node.id, ast.Load())
        if any(p.arg == node.id for p in of.driver.parameters) or not of.driver.name:
            of.made.settings.setdefault("inputs", {})
            of.read_paths["inputs", node.id] = True
            if f"inputs.{node.id}" not in of.made.lacking:
                of.made.lacking.append(f"inputs.{node.id}")
            return ast.parse(f"config['inputs']['{node.id}']", mode="eval").body
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A setting, or a part of something."""
        return self._setting(node, node.slice)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """A setting, or an attribute of something."""
        return self._setting(node, ast.Constant(node.attr))

    def _setting(self, node: ast.Subscript | ast.Attribute, key: ast.expr) -> ast.expr:
        """A setting of the configuration by its key, whichever way the driver writes that."""
        roots: dict[str, tuple[str, ...]] = dict.fromkeys(self.of.config, ())
        reads = self.of.reader.of_expression(self.of.code, node, roots).given
        is_path = isinstance(key, ast.Constant) and isinstance(key.value, str) and len(reads) == 1
        if not is_path or not self._is_root(node.value):
            return self.generic_visit(node)  # type: ignore[return-value]
        (path,) = reads
        self.of.read(path)
        return ast.parse("config" + "".join(f"[{part!r}]" for part in path), mode="eval").body

    def _is_root(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Subscript | ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.of.config
