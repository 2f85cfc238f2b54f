"""Own modules as syntax trees: what a name in one of them means, looked up without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.core.errors import ProjectError

_PLACES = ("", "src")  # below the root, where packages lie


@dataclass(frozen=True)
class Function:
    """A function at the top of an own module."""

    code: Code
    node: ast.FunctionDef

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @property
    def parameters(self) -> list[ast.arg]:
        """Those that may be given by their name or their place, in order."""
        of = self.node.args
        return [*of.posonlyargs, *of.args, *of.kwonlyargs]

    @property
    def defaults(self) -> dict[str, ast.expr]:
        """The defaults of those parameters that have one."""
        of = self.node.args
        positional = [*of.posonlyargs, *of.args]
        found = dict(zip([p.arg for p in positional[len(positional) - len(of.defaults) :]], of.defaults, strict=True))
        named = zip(of.kwonlyargs, of.kw_defaults, strict=True)
        return found | {p.arg: default for p, default in named if default is not None}

    def returned(self) -> list[ast.expr]:
        """What its return statements give."""
        return [n.value for n in own_nodes(self.node) if isinstance(n, ast.Return) and n.value is not None]


@dataclass(eq=False)
class Code:
    """An own module, parsed."""

    name: str
    path: Path
    tree: ast.Module
    library: Library = field(repr=False)

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions at its top, in order."""
        return {n.name: Function(self, n) for n in self.tree.body if isinstance(n, ast.FunctionDef)}

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """The classes at its top."""
        return {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}

    @property
    def own(self) -> set[str]:
        """The names that it defines itself."""
        return {*self.functions, *self.classes, *self.assigned}

    @cached_property
    def assigned(self) -> dict[str, ast.expr]:
        """What the names at its top are set to."""
        found: dict[str, ast.expr] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Assign):
                found |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
                found[node.target.id] = node.value
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """By the name that an import binds, module and attribute; an empty attribute is the module itself."""
        found: dict[str, tuple[str, str]] = {}
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    found[alias.asname or top] = (top, "")
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                found |= {alias.asname or alias.name: (source, alias.name) for alias in node.names}
        return found

    @cached_property
    def guarded(self) -> list[ast.stmt]:
        """The statements under ``if __name__ == "__main__"``."""
        tests = (n for n in self.tree.body if isinstance(n, ast.If) and "__name__" in ast.dump(n.test))
        return [statement for test in tests for statement in test.body]

    def dotted(self, node: ast.AST) -> tuple[Code, str] | None:
        """The own module, and the name in it, that a name or an attribute means; an empty name is the module itself."""
        if isinstance(node, ast.Name):
            if node.id in self.own:
                return self, node.id
            source, attribute = self.imports.get(node.id, ("", ""))
            if not source:
                return None
            if attribute and (inner := self.library.find(f"{source}.{attribute}")):
                return inner, ""
            code = self.library.find(source)
            return code.meaning(attribute) if code and attribute else (code, "") if code else None
        if isinstance(node, ast.Attribute):
            home = self.dotted(node.value)
            if home is None or home[1]:
                return None
            inner = self.library.find(f"{home[0].name}.{node.attr}")
            return (inner, "") if inner else home[0].meaning(node.attr)
        return None

    def meaning(self, name: str) -> tuple[Code, str] | None:
        """Where a name at the top of this module comes from."""
        return self.dotted(ast.Name(name)) if name in (*self.own, *self.imports) else None

    def value_of(self, node: ast.expr) -> ast.expr | None:
        """What the name at the top of an own module that an expression means is set to; None for anything else."""
        found = self.dotted(node)
        return found[0].assigned.get(found[1]) if found else None

    def function(self, node: ast.AST) -> Function | None:
        """The own function that an expression means."""
        found = self.dotted(node)
        return found[0].functions.get(found[1]) if found else None


class Library:
    """The own modules of a repository at ``root``, each parsed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, Code | None] = {}

    def find(self, name: str) -> Code | None:
        """An own module by its dotted name; None for one of somebody else. Raises ProjectError if it is no Python."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def found(self) -> list[Code]:
        """The own modules that were looked for."""
        return [code for code in self._known.values() if code]

    def _read(self, name: str) -> Code | None:
        for place in _PLACES:
            stem = self.root / place / Path(*name.split("."))
            for path in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
                if path.is_file():
                    try:
                        return Code(name, path, ast.parse(path.read_bytes(), str(path)), self)
                    except (SyntaxError, ValueError) as error:
                        raise ProjectError(f"{path} cannot be parsed: {error}") from error
        return None

    def modules_of(self, name: str) -> list[Code]:
        """A module, and where it is a package all modules inside of it."""
        code = self.find(name)
        if code is None:
            raise ProjectError(
                f"there is no module {name!r} in {self.root} or its src/: name one as it is imported, such as "
                f"{', '.join(self.names()[:3]) or 'package.module'}"
            )
        found = [code]
        if code.path.name == "__init__.py":
            for path in sorted(code.path.parent.rglob("*.py")):
                parts = path.relative_to(code.path.parent).with_suffix("").parts
                inner = self.find(".".join((name, *(p for p in parts if p != "__init__")))) if parts else None
                found += [inner] if inner and inner not in found else []
        return found

    def names(self) -> list[str]:
        """The modules and packages at the top of the repository, but for tests."""
        found: list[str] = []
        for place in _PLACES:
            folder = self.root / place
            found += [p.stem for p in sorted(folder.glob("*.py")) if p.stem.isidentifier()]
            found += [p.parent.name for p in sorted(folder.glob("*/__init__.py"))]
        return [n for n in dict.fromkeys(found) if not n.startswith(("test", "conftest", "setup"))]


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything in a function but what is in functions inside of it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from own_nodes(child)
