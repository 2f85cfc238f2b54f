"""Fingerprints of source tell what code decides the output of a function, without running it.

From a function's definition, the names that it uses lead to other definitions, through imports and across
modules, until there is nothing new. The fingerprint is the digest of them all: it ignores comments,
docstrings, layout and whatever is not used. In doubt something counts as used, so that a changed
fingerprint may be a false alarm. An unchanged one can be trusted, except that it does not see objects that
are created elsewhere and handed in, functions called from compiled code, plug-ins behind entry points,
classes and assignments that register themselves with something, and files that are read (for which there
is ``Stage.files``).
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from harness.core.errors import ProjectError
from harness.run.modules import Module, Piece
from harness.run.places import NOWHERE, ModulePlace, modules_inside, place_below, place_on_path
from harness.run.scopes import Dotted, Target

ALL = ("*",)  # as the attributes of a module: every name of it
TEXT = re.compile(r"[A-Za-z_]\w*(\.\w+)*(:[A-Za-z_][\w.]*|\.\w+)")


def fingerprint(entry: str | Callable[..., Any], roots: Sequence[str]) -> str:
    """The digest of the source under ``roots`` that ``entry`` reaches; see ``Sources``."""
    return Sources(roots).fingerprint(entry)


def reached(entry: str | Callable[..., Any], roots: Sequence[str]) -> set[str]:
    """What ``entry`` reaches, as ``module:name``; statements that define nothing as ``module:<line n>``."""
    return Sources(roots).reached(entry)


class Step(NamedTuple):
    """What a target leads to at once; ``binding``: an import, which decides the outcome without being a piece."""

    pieces: tuple[Piece, ...] = ()
    targets: tuple[Target, ...] = ()
    binding: tuple[str, ...] = ()


class Reach(NamedTuple):
    """Everything that an entry leads to: pieces of source, and imports that decide which."""

    pieces: set[Piece]
    bindings: set[tuple[str, ...]]


class Sources:
    """The source of some packages or modules, each file read once for any number of fingerprints.

    ``roots``: names of packages or modules whose source counts; the module of an entry always does.
    Raises ProjectError for a root that cannot be found and for source that cannot be read.
    """

    def __init__(self, roots: Sequence[str], modules: dict[str, Module | None] | None = None) -> None:
        self.roots = tuple(dict.fromkeys(roots))
        self._modules: dict[str, Module | None] = {} if modules is None else modules
        self._steps: dict[Target, Step] = {}
        self._uses: dict[Piece, tuple[Target, ...]] = {}
        self._acting: dict[str, tuple[Piece, ...]] = {}
        self._beside: dict[str, Sources] = {}
        self._places: dict[str, ModulePlace] = {}
        self._digests: dict[str | Callable[..., Any], str] = {}
        for root in self.roots:
            if self._place(root) == NOWHERE:
                raise ProjectError(f"the source of {root!r} cannot be found: check the adapter's source_roots")

    def files(self) -> Iterator[Path]:
        """Every file of source below the roots."""
        for place in map(self._place, self.roots):
            for folder in place.folders:
                yield from sorted(folder.rglob("*.py"))
            if place.file and not place.folders:
                yield place.file

    def fingerprint(self, entry: str | Callable[..., Any]) -> str:
        """The digest of the source that ``entry``, a function or ``"module:function"``, reaches."""
        if entry not in self._digests:
            self._digests[entry] = self._digest(entry)
        return self._digests[entry]

    def _digest(self, entry: str | Callable[..., Any]) -> str:
        reach = self._reach(entry)
        pieces = sorted(reach.pieces, key=lambda p: (p.module.home.name, p.names, p.statement.lineno))
        content = [[[p.module.home.name, p.names, p.digest] for p in pieces], sorted(reach.bindings)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def reached(self, entry: str | Callable[..., Any]) -> set[str]:
        """What ``entry`` reaches, as ``module:name``."""
        pieces = self._reach(entry).pieces
        return {f"{p.module.home.name}:{n}" for p in pieces for n in p.names or (f"<line {p.statement.lineno}>",)}

    def _reach(self, entry: str | Callable[..., Any]) -> Reach:
        start = _start(entry)
        if not self._counts(start.module):
            if start.module not in self._beside:
                self._beside[start.module] = Sources((*self.roots, start.module), self._modules)
            return self._beside[start.module]._reach(entry)
        module = self._module(start.module)
        if module is None or (start.chain and not module.binds(start.chain[0])):
            raise ProjectError(f"{entry!r} cannot be found: {start.module} defines no such name at its top level")
        ran: set[str] = set()
        reach = self._follow([start], ran, [start.module])
        todo = list(reach.pieces)
        while todo:
            piece = todo.pop()
            new = self._follow(self._used(piece), ran, (piece.module.home.name, *piece.uses.imported))
            reach.bindings.update(new.bindings)
            todo += new.pieces - reach.pieces
            reach.pieces.update(new.pieces)
        return reach

    def _follow(self, targets: Iterable[Target], ran: set[str], imported: Iterable[str] = ()) -> Reach:
        """The pieces that targets lead to, and those that run because modules are imported.

        ``ran``: the modules whose import was counted before; it grows.
        """
        reach = Reach(set(), set())
        seen = set(targets)
        todo = list(seen)
        while todo:
            step = self._step(todo.pop())
            reach.pieces.update(step.pieces)
            reach.bindings.update([step.binding] if step.binding else [])
            todo += (new := set(step.targets) - seen)
            seen |= new
        for module in self._running(imported, ran):
            reach.pieces.update(self._acts(module))
        return reach

    def _used(self, piece: Piece) -> tuple[Target, ...]:
        """What a piece asks for."""
        if piece not in self._uses:
            uses = piece.uses
            targets = {t for chain in uses.names for t in self._named(piece.module, chain)} | uses.targets
            targets.update(filter(None, map(self._in_text, uses.strings)))
            targets.update([Target(piece.module.home.name, ALL)] if uses.own else [])
            targets.update(map(Target, self.roots) if uses.anything else [])
            self._uses[piece] = tuple(targets)
        return self._uses[piece]

    def _named(self, module: Module, chain: Dotted) -> tuple[Target, ...]:
        """What a dotted name means within ``module``; nothing for builtins."""
        if module.binds(chain[0]) or (module.home.package and self._module(f"{module.home.name}.{chain[0]}")):
            return (Target(module.home.name, chain),)
        return tuple(Target(star, ALL) for star in module.stars)

    def _in_text(self, text: str) -> Target | None:
        """The module, ``module:name`` or ``module.name`` that a text is, if it is one."""
        if not TEXT.fullmatch(text) or not self._counts(text.partition(":")[0]):
            return None
        name, colon, attributes = text.partition(":")
        if self._module(name):
            return Target(name, tuple(attributes.split(".")) if colon else ())
        parent, _, last = name.rpartition(".")
        module = self._module(parent) if parent and not colon else None
        return Target(parent, (last,)) if module and module.binds(last) else None

    def _step(self, target: Target) -> Step:
        if target not in self._steps:
            self._steps[target] = self._look_up(*target)
        return self._steps[target]

    def _look_up(self, name: str, chain: Dotted) -> Step:
        if not self._counts(name):
            under = [root for root in self.roots if root.startswith(f"{name}.")]
            if under and chain not in ((), ALL):
                return Step(targets=(Target(f"{name}.{chain[0]}", chain[1:]),))
            return Step(targets=tuple(map(Target, under)))
        module = self._module(name)
        if not chain:  # passed around, or looked into by text
            submodules = (Target(f"{name}.{s}") for s in modules_inside(self._place(name).folders))
            return Step(targets=(Target(name, ALL), *submodules))
        if chain == ALL:
            if module is None:
                return Step()
            imported = [t for targets in module.imports.values() for t in targets]
            return Step(tuple(module.pieces), (*imported, *(Target(star, ALL) for star in module.stars)))
        head, rest = chain[0], chain[1:]
        submodule = f"{name}.{head}"
        inner = () if self._place(submodule) == NOWHERE else (Target(submodule, rest),)
        if module is None or not module.binds(head):
            return Step(targets=inner or self._unknown(name, module))
        bound = sorted(module.imports.get(head, ()))
        dynamic = module.names.get("__getattr__", []) if bound else []
        targets = tuple(Target(t.module, t.chain + rest) for t in bound)
        binding = (name, head, *(f"{t.module}:{'.'.join(t.chain)}" for t in bound)) if bound else ()
        return Step((*module.names.get(head, ()), *dynamic), (*targets, *inner), binding)

    def _unknown(self, name: str, module: Module | None) -> tuple[Target, ...]:
        """An attribute that the source does not tell: all of the module, or of a package that makes them up."""
        if module is None or "__getattr__" in module.names:
            return (Target(name),)
        return (Target(name, ALL),)

    def _running(self, names: Iterable[str], ran: set[str]) -> Iterator[Module]:
        """The modules that are imported with ``names``, but for those that ``ran``."""
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in ran or not name:
                continue
            ran.add(name)
            todo.append(name.rpartition(".")[0])
            if self._counts(name) and (module := self._module(name)):
                todo += module.imported
                yield module

    def _acts(self, module: Module) -> tuple[Piece, ...]:
        """The pieces of a module that do something beside defining a name, when it is imported.

        A decorator of these sources may register what it decorates, and so may a function of theirs
        whose result is assigned; making an instance is taken to do no more than that.
        """
        if module.home.name not in self._acting:
            self._acting[module.home.name] = tuple(p for p in module.pieces if p.loose or self._registers(p))
        return self._acting[module.home.name]

    def _registers(self, piece: Piece) -> bool:
        decorators, calls = ({t for c in chains for t in self._named(piece.module, c)} for chains in piece.calls)
        called = self._follow(calls, set()).pieces
        return bool(self._follow(decorators, set()).pieces) or any(
            not isinstance(p.statement, ast.ClassDef) for p in called
        )

    def _counts(self, name: str) -> bool:
        return any(name == root or name.startswith(f"{root}.") for root in self.roots)

    def _module(self, name: str) -> Module | None:
        if name not in self._modules:
            path = self._place(name).file
            try:
                self._modules[name] = Module(name, path) if path else None
            except (SyntaxError, ValueError, OSError) as error:
                raise ProjectError(f"the source of {name} cannot be read ({error}): {path}") from error
        return self._modules[name]

    def _place(self, name: str) -> ModulePlace:
        if name not in self._places:
            parent, _, last = name.rpartition(".")
            self._places[name] = place_below(self._place(parent).folders, last) if parent else place_on_path(name)
        return self._places[name]


def _start(entry: str | Callable[..., Any]) -> Target:
    """Where an entry's definition is; the whole module for a lambda."""
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
    else:
        module, name = getattr(entry, "__module__", None) or "", getattr(entry, "__qualname__", "")
    if not module or not name:
        raise ProjectError(f'{entry!r} has no source of its own: give a function, or "module:function"')
    head = name.partition(".")[0]
    return Target(module) if head.startswith("<") else Target(module, (head,))
