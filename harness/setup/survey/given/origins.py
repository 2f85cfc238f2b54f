"""Where settings come from: the files that hold them, and the own functions that read those."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.adapters.settings_files import read_settings
from harness.core.errors import ProjectError
from harness.setup.survey.code import Function

Items = dict[str, ast.expr]


@dataclass
class Origins:
    """Where settings were found: ``files`` by their paths, the own functions that read them, and what could not be."""

    files: dict[str, bool] = field(default_factory=dict)
    readers: dict[str, Function] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    count: int = 0  # how often one was read

    def read(self, root: Path, path: str) -> Items | None:
        """The settings of a file at its top; None, and a problem, where it has none that can be read."""
        self.files[path] = True
        self.count += 1
        try:
            table = read_settings(root / path)
        except ProjectError as error:
            self.problems[path] = str(error).replace(f"{root}/", "")
            return None
        if not isinstance(table, dict):
            return None
        return {key: _written(value) for key, value in table.items() if isinstance(key, str)}


def _written(value: object) -> ast.expr:
    """A value as source; what no literal is, as a date, is no value that is known."""
    try:
        node = ast.parse(repr(value), mode="eval").body
        ast.literal_eval(node)
        return node
    except (SyntaxError, ValueError, TypeError):
        return elsewhere(ast.Constant(str(value)))


def elsewhere(node: ast.expr, path: Path | None = None) -> ast.expr:
    """What stands for an expression in another place, where its names mean other things; ``path``: what it leads to."""
    led = [] if path is None else [ast.keyword("path", ast.Constant(str(path)))]
    return ast.Call(ast.Name("<elsewhere>", ast.Load()), [ast.Constant(ast.dump(node))], led)


def same_source(one: ast.expr, other: ast.expr) -> bool:
    """Whether two expressions are written alike, wherever they stand."""
    texts = []
    for node in (one, other):
        away = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "<elsewhere>"
        texts.append(node.args[0].value if away else ast.dump(node))  # type: ignore[attr-defined]
    return texts[0] == texts[1]
