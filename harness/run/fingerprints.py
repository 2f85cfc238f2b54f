"""Fingerprints of source tell what code decides the output of a function, without running it.

From a function's definition, the names that it uses lead to other definitions, through imports and across
modules, until there is nothing new. The fingerprint is the digest of them all: it ignores comments,
docstrings, layout and whatever is not used, unless something that is used reads source as text. In doubt
something counts as used, so that a changed fingerprint may be a false alarm. An unchanged one can be trusted
for what source tells. It does not tell of files that are read, environment variables, and modules that are
loaded by a name or a path that is computed: those are for who watches the process.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import ProjectError
from harness.run.source.effects import Effects
from harness.run.source.modules import Module, Piece, in_order
from harness.run.source.places import NOWHERE, modules_inside
from harness.run.source.reach import Reach, Step, start_of
from harness.run.source.reflection import FILE_TEXT, NAME_TEXT, is_reflection
from harness.run.source.scopes import Dotted, Target
from harness.run.source.state import SETTING, written
from harness.run.source.territory import Territory

ALL = ("*",)  # as the attributes of a module: every name of it
TEXT = ("<text>",)  # the file itself, read or run by its path
ANYTHING = Target("", ALL)  # whatever the sources have
_Entry = str | Callable[..., Any]


def fingerprint(entry: _Entry, roots: Sequence[str]) -> str:
    """The digest of the source under ``roots`` that ``entry`` reaches; see ``Sources``."""
    return Sources(roots).fingerprint(entry)


def reached(entry: _Entry, roots: Sequence[str]) -> set[str]:
    """What ``entry`` reaches; see ``Sources``."""
    return Sources(roots).reached(entry)


class Sources:
    """The source of a pipeline, each file read once for any number of fingerprints.

    ``roots``: names of packages or modules whose source counts wherever it is installed; own source (see
    ``places.is_own``) always counts, and so does the module of an entry. ``starts``: modules that are imported before
    any entry. ``also``: modules that belong to the pipeline beside them. Raises ProjectError for a root that cannot be
    found and for source that cannot be read.
    """

    def __init__(self, roots: Sequence[str], starts: Sequence[str] = (), also: Sequence[str] = ()) -> None:
        self.territory = Territory(roots, (*starts, *also))
        self._starts = tuple(starts)
        self._effects = Effects(self)
        self._steps: dict[Target, Step] = {}
        self._uses: dict[Piece, tuple[Target, ...]] = {}
        self._beside: dict[str, Sources] = {}
        self._digests: dict[_Entry, str] = {}
        self._reaches: dict[_Entry, tuple[Reach, list[str]]] = {}
        self._foreseen: dict[_Entry, frozenset[str]] = {}
        self._sets: dict[Piece, frozenset[tuple[str, str]]] = {}

    def files(self) -> Iterator[Path]:
        """Every file of the source."""
        return self.territory.files()

    def digest_of(self, path: str | Path) -> str:
        """The SHA-256 of a file as it was when it was first read, which is now if it was not."""
        return self.territory.digest_of(path)

    def covers(self, path: str | Path) -> bool:
        """Whether a file belongs to the source, or was read for it."""
        return self.territory.covers(path)

    def foresees(self, entry: _Entry, path: str | Path) -> bool:
        """Whether ``entry`` leads to a file: its fingerprint is blind to what is loaded from another."""
        return os.path.realpath(path) in self._files_of(entry)

    def _files_of(self, entry: _Entry) -> frozenset[str]:
        """The files that an entry leads to, or whose import it causes."""
        self._reach(entry)
        return self._beside.get(start_of(entry).module, self)._foreseen[entry]

    def fingerprint(self, entry: _Entry) -> str:
        """The digest of the source that ``entry``, a function or ``"module:function"``, reaches."""
        if entry not in self._digests:
            self._digests[entry] = self._digest(entry)
        return self._digests[entry]

    def reached(self, entry: _Entry) -> set[str]:
        """What ``entry`` reaches, as ``module:name``; statements that define nothing as ``module:<line n>``."""
        pieces = self.reach(entry).pieces
        return {f"{p.module.home.name}:{n}" for p in pieces for n in p.names or (f"<line {p.statement.lineno}>",)}

    def _digest(self, entry: _Entry) -> str:
        reach, order = self._reach(entry)
        modules: dict[Module, list[Piece]] = {}
        for piece in reach.pieces:
            modules.setdefault(piece.module, []).append(piece)
        as_text = NAME_TEXT in {kind for piece in reach.pieces for kind in piece.uses.text}
        content: list[Any] = [sorted(reach.bindings), order]
        for module in sorted(modules, key=lambda m: m.home.name):
            pieces = in_order(modules[module])
            own_text = any(FILE_TEXT in piece.uses.text for piece in pieces)
            text = module.digest if as_text or own_text else ""
            content.append([module.home.name, module.future, text, [[p.names, p.digest] for p in pieces]])
        if as_text:  # which may be of a module that has nothing else
            content.append(sorted(map(self.digest_of, self._files_of(entry))))
        return hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass")).hexdigest()

    def _reach(self, entry: _Entry) -> tuple[Reach, list[str]]:
        """What an entry leads to, and the digests of what its imports do, in their order."""
        if entry not in self._reaches:
            self._reaches[entry] = self._look_into(entry)
        return self._reaches[entry]

    def _look_into(self, entry: _Entry) -> tuple[Reach, list[str]]:
        start = start_of(entry)
        if not self.territory.counts(start.module):
            if start.module not in self._beside:
                self._beside[start.module] = Sources((*self.territory.roots, start.module), self._starts)
            return self._beside[start.module]._reach(entry)
        module = self.territory.module(start.module)
        if module is None or (start.chain and not module.binds(start.chain[0]) and not module.open):
            raise ProjectError(f"{entry!r} cannot be found: {start.module} defines no such name at its top level")
        seen: set[Target] = set()
        ran: set[str] = set()
        first = [*self._starts, start.module]
        reach = self._follow([start], seen, ran, first)
        todo = list(reach.pieces)
        while todo:
            piece = todo.pop()
            new = self._follow(self._used(piece), seen, ran, (piece.module.home.name, *piece.uses.imported))
            todo += new.pieces - reach.pieces
            reach.add(new)
            home = piece.module
            reach.read.update((home.home.name, c[0]) for c in piece.uses.names if len(c) == 1 and not home.binds(c[0]))
        files = {module.path for name in ran if self.territory.counts(name) and (module := self.territory.module(name))}
        files.update(piece.module.path for piece in reach.pieces)
        self._foreseen[entry] = frozenset(map(os.path.realpath, files))
        return reach, self._effects.order(first, self.territory)

    def _follow(
        self, targets: Iterable[Target], seen: set[Target], ran: set[str], imported: Iterable[str] = ()
    ) -> Reach:
        """The pieces that targets lead to, and those that run because modules are imported.

        ``seen``: the targets that were followed before, and ``ran``: the modules whose import was counted; both grow.
        """
        reach = Reach.empty()
        todo = list(set(targets) - seen)
        seen.update(todo)
        while todo:
            target = todo.pop()
            step = self._step(target)
            reach.pieces.update(step.pieces)
            reach.bindings.update([step.binding] if step.binding else [])
            reach.foreign.update([target] if step.foreign else [])
            if target.chain and not (step.foreign or step.binding or SETTING.intersection(target.chain[1:])):
                reach.read.add((target.module, target.chain[0]))
            todo += (new := set(step.targets) - seen)
            seen.update(new)
        for module in self._running(imported, ran):
            reach.pieces.update(p for p in module.pieces if self._effects.acts(p))
        return reach

    def leads(self, module: Module, names: Iterable[Dotted | Target]) -> Reach:
        """What dotted names within a module, or targets, lead to at once."""
        targets = ([name] if isinstance(name, Target) else self._named(module, name) for name in names)
        return self._follow({target for several in targets for target in several}, set(), set())

    def reach(self, entry: _Entry) -> Reach:
        """Everything that ``entry`` leads to."""
        return self._reach(entry)[0]

    def sets(self, piece: Piece) -> frozenset[tuple[str, str]]:
        """The names of modules that the functions of a piece set when they are called."""
        if piece not in self._sets:
            names, home = [*written(piece)], piece.module.home.name
            own = {(home, name[0]) for name in names if not isinstance(name, Target) and len(name) == 1}
            self._sets[piece] = frozenset(own | self.leads(piece.module, names).read) if names else frozenset()
        return self._sets[piece]

    def _used(self, piece: Piece) -> tuple[Target, ...]:
        """What a piece asks for."""
        if piece not in self._uses:
            uses = piece.uses
            targets = {t for chain in uses.names for t in self._named(piece.module, chain)} | uses.targets
            for text in uses.strings:
                targets.update(self._in_text(text, piece.module.path))
                if "-m" in uses.strings and self.territory.counts(text):  # another process runs it
                    targets.add(Target(text))
            targets.update([Target(piece.module.home.name, ALL)] if uses.own else [])
            self._uses[piece] = (*targets, *([ANYTHING] if uses.anything else []))
        return self._uses[piece]

    def _named(self, module: Module, chain: Dotted) -> tuple[Target, ...]:
        """What a dotted name means within ``module``; nothing for builtins."""
        home = module.home
        if module.binds(chain[0]) or (home.package and self.territory.place(f"{home.name}.{chain[0]}") != NOWHERE):
            return (Target(home.name, chain),)
        return tuple(Target(star, ALL) for star in module.stars)

    def of_text(self, text: str) -> str:
        """The digest of what a text, such as a setting, names: ``"module:name"`` or ``"module.name"``; else empty."""
        targets = self._in_text(text, None) if text.replace(":", "").replace(".", "").isidentifier() else ()
        return "".join(self.fingerprint(f"{target.module}:<all>") for target in targets)

    def _in_text(self, text: str, beside: Path | None) -> tuple[Target, ...]:
        """The module, ``module:name``, ``module.name`` or file that a text is, if it is one."""
        if beside and text.endswith(".py") and " " not in text:
            return tuple(Target(self.territory.name_of(path), TEXT) for path in self.territory.named(text, beside))
        if "import " in text and any(name in text for name in self.territory.own):  # a program
            return (ANYTHING,)
        name, colon, attributes = text.partition(":")
        parts = [*name.split("."), *(attributes.split(".") if colon else ())]
        if len(parts) == 1 or not all(p.isidentifier() for p in parts) or not self.territory.counts(name):
            return ()
        if self.territory.place(name) != NOWHERE:
            return (Target(name, tuple(attributes.split(".")) if colon else ()),)
        parent, _, last = name.rpartition(".")
        found = self.territory.module(parent) if parent and not colon else None
        return (Target(parent, (last,)),) if found and found.binds(last) else ()

    def _step(self, target: Target) -> Step:
        if target not in self._steps:
            self._steps[target] = self._look_up(*target)
        return self._steps[target]

    def _look_up(self, name: str, chain: Dotted) -> Step:
        if (name, chain) == ANYTHING:
            return Step(targets=(*map(Target, self.territory.own),))
        if not self.territory.counts(name):
            under = [root for root in self.territory.roots if root.startswith(f"{name}.")]
            if under and chain not in ((), ALL):
                return Step(targets=(Target(f"{name}.{chain[0]}", chain[1:]),))
            hidden = self.territory.moves and self.territory.place(name.partition(".")[0]) == NOWHERE
            anything = (ANYTHING,) if hidden or is_reflection(name, chain) else ()
            return Step(targets=(*map(Target, under), *anything), foreign=True)
        module = self.territory.module(name)
        if chain == TEXT:
            return Step(targets=(Target(name),), binding=("text", name, module.digest if module else ""))
        if not chain:  # passed around, or looked into by text
            folders = self.territory.place(name).folders
            submodules = (Target(f"{name}.{s}") for s in modules_inside(folders))
            return Step(tuple(module.script) if module else (), (Target(name, ALL), *submodules))
        if chain == ALL:
            if module is None:
                return Step()
            imported = [t for targets in module.imports.values() for t in targets]
            listed = [Target(name, (text,)) for piece in module.names.get("__all__", ()) for text in piece.uses.strings]
            return Step(tuple(module.pieces), (*imported, *listed, *(Target(star, ALL) for star in module.stars)))
        return self._attribute(name, module, chain[0], chain[1:])

    def _attribute(self, name: str, module: Module | None, head: str, rest: Dotted) -> Step:
        submodule = f"{name}.{head}"
        inner = () if self.territory.place(submodule) == NOWHERE else (Target(submodule, rest),)
        if module is None or not module.binds(head):
            return Step(targets=inner or self._unknown(name, module))
        bound = module.imports.get(head, [])
        dynamic = module.names.get("__getattr__", []) if bound else []
        targets = (*(Target(t.module, t.chain + rest) for t in bound), *self._hiding(module, head, rest))
        binding = (name, head, *module.bindings(head)) if bound else ()
        return Step((*module.names.get(head, ()), *dynamic), (*targets, *inner), binding)

    def _hiding(self, module: Module, head: str, rest: Dotted) -> Iterator[Target]:
        """What stars may put in the place of a name that a module has."""
        for star in module.stars:
            found = self.territory.module(star) if self.territory.counts(star) else None
            if found and (found.binds(head) or found.open):
                yield from (
                    Target(star, (head, *rest)),
                    *([Target(star, ("__all__",))] if found.binds("__all__") else ()),
                )

    def _unknown(self, name: str, module: Module | None) -> tuple[Target, ...]:
        """An attribute that the source does not tell: all of the module, or of a package that makes them up."""
        if self.territory.moves:
            return (Target(name), ANYTHING)
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
            if self.territory.counts(name) and (module := self.territory.module(name)):
                todo += module.imported
                yield module
