"""The path that an expression of somebody's source means: a text, a constant, parts that are joined, a package."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

from harness.core.adapters.literals import UNKNOWN, literal_of
from harness.setup.survey.code import Code

_DEEPEST = 20
_SAME = {"Path", "PurePath", "PosixPath", "str", "fspath", "open", "abspath", "realpath", "normpath", "expanduser"}
_SAME_AS = {"resolve", "absolute", "expanduser", "as_posix", "open", "read_text", "read_bytes", "as_file"}
_IN_PACKAGE = {"files", "path", "open_text", "open_binary", "read_text", "read_binary", "get_data", "resource_filename"}
Meaning = Callable[[ast.expr], "ast.expr | None"]


def file_meant(code: Code, node: ast.AST, meaning: Meaning | None = None) -> str:
    """The file of data in the repository that an expression means, from its top on; empty where it means none.

    ``meaning``: what a name stands for beside what the module sets, as a local name or an option of a command line.
    """
    path = path_meant(code, node, meaning or (lambda node: None)) if isinstance(node, ast.expr) else None
    if path is None or path.suffix == ".py":
        return ""
    root = code.library.root.resolve()
    try:
        path = (root / path).resolve()
        return path.relative_to(root).as_posix() if path.is_file() else ""
    except (OSError, ValueError):
        return ""


def path_meant(code: Code, node: ast.expr, meaning: Meaning) -> Path | None:
    """The path that an expression in ``code`` means, of a file or a folder that may be there; None where it is none."""
    return _Finder(code, meaning).path(node, 0)


class _Finder:
    def __init__(self, code: Code, meaning: Meaning) -> None:
        self.code, self.meaning = code, meaning

    def path(self, node: ast.expr, depth: int) -> Path | None:
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Constant):
            return _as_path(node.value)
        if isinstance(node, ast.Name) and node.id == "__file__":
            return self.code.path
        if (meant := self.meaning(node)) is not None:
            return self.path(meant, depth + 1)
        if (found := self.code.dotted(node)) is not None and found[1] in found[0].assigned:
            inner = found[0].assigned[found[1]]
            return _Finder(found[0], self.meaning).path(inner, depth + 1) if inner is not node else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._joined([node.left, node.right], depth)
        if isinstance(node, ast.JoinedStr | ast.BinOp):
            words = self._words(node, depth)
            return _as_path(words) if words is not None else None
        if isinstance(node, ast.Attribute):
            inner_path = self.path(node.value, depth + 1) if node.attr == "parent" else None
            return inner_path.parent if inner_path is not None else None
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            above, number = self.path(node.value.value, depth + 1), literal_of(node.slice, self.meaning)
            known = above is not None and isinstance(number, int) and 0 <= number < len(above.parents)
            return above.parents[number] if above is not None and known else None
        return self._called(node, depth) if isinstance(node, ast.Call) else None

    def _called(self, node: ast.Call, depth: int) -> Path | None:
        led = [k.value for k in node.keywords if k.arg == "path" and ast.unparse(node.func) == "<elsewhere>"]
        if led:
            return self.path(led[0], depth + 1)
        if isinstance(node.func, ast.Name):
            name, of = node.func.id, None
        elif isinstance(node.func, ast.Attribute):
            name, of = node.func.attr, node.func.value
        else:
            return None
        if name in ("cwd", "getcwd"):
            return Path()
        if name in _IN_PACKAGE and node.args and (base := self._package(node.args[0])) is not None:
            return self._below(base, node.args[1:], depth)
        inner = self.path(of, depth + 1) if of is not None else None
        if inner is not None:
            if name == "joinpath":
                return self._below(inner, node.args, depth)
            if name in ("with_name", "with_suffix", "with_stem") and node.args:
                words = literal_of(node.args[0], self.meaning)
                return getattr(inner, name)(words) if isinstance(words, str) and words and inner.name else None
            return inner if name in _SAME_AS else None
        if name == "dirname" and node.args:
            held = self.path(node.args[0], depth + 1)
            return held.parent if held is not None else None
        if name == "join" or (name in _SAME and len(node.args) > 1 and name != "open"):
            return self._joined(node.args, depth)
        return self.path(node.args[0], depth + 1) if name in (*_SAME, "as_file") and node.args else None

    def _package(self, node: ast.expr) -> Path | None:
        """The folder of an own package that is named by a text, by itself or as ``__package__``."""
        if isinstance(node, ast.Name) and node.id in ("__package__", "__name__"):
            return self.code.path.parent
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            code = self.code.library.find(node.value) if node.value.replace(".", "_").isidentifier() else None
        else:
            found = self.code.dotted(node)
            code = found[0] if found and not found[1] else None
        return code.path.parent if code is not None and code.path.name == "__init__.py" else None

    def _joined(self, nodes: list[ast.expr], depth: int) -> Path | None:
        first = self.path(nodes[0], depth + 1) if nodes else None
        return self._below(first, nodes[1:], depth) if first is not None else None

    def _below(self, base: Path, nodes: list[ast.expr], depth: int) -> Path | None:
        for node in nodes:
            part = self.path(node, depth + 1)
            if part is None:
                return None
            base = base / part
        return base

    def _words(self, node: ast.expr, depth: int) -> str | None:
        """A text that is put together of others."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts: list[ast.expr] = [node.left, node.right]
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        else:
            value = literal_of(node, self.meaning)
            if value is UNKNOWN or not isinstance(value, str | int):
                path = self.path(node, depth + 1)
                return str(path) if path is not None else None
            return str(value)
        found = [self._words(part, depth + 1) for part in parts] if depth < _DEEPEST else [None]
        return None if None in found else "".join(word for word in found if word is not None)


def _as_path(words: object) -> Path | None:
    plain = isinstance(words, str) and 0 < len(words) < 200 and words.isprintable()
    return Path(words) if isinstance(words, str) and plain else None
