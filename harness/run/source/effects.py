"""Effects of imports: which statements do something beside defining names, so that they count without being used.

A function that is called, or a class of which an instance is made, while a module is imported may register
something, or change what others have. Where its source does not show that it does not, it is taken to.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable
from typing import Protocol

from harness.run.source.functions import READING, FunctionReader
from harness.run.source.modules import CALLED, Module, Piece
from harness.run.source.reach import Reach
from harness.run.source.scopes import Dotted, Target, dotted_name
from harness.run.source.state import SETTING
from harness.run.source.territory import Territory

MADE_WITH = {
    "__new__",
    "__init__",
    "__post_init__",
    "__set_name__",
    "__call__",
    "__class_getitem__",
    "__setattr__",
    "__getattribute__",
    "__getattr__",
}
RUNS_TEXT = {"exec", "eval", "compile", "setattr", "delattr", "globals", "vars", "locals", "__import__"}
CHANGING = (  # how the names of functions that change something begin
    *("set", "add", "regist", "install", "patch", "hook", "seed", "enable", "disable", "init", "use", "config"),
    *("update", "append", "extend", "insert", "push", "subscribe", "activate", "manual"),
)

REGISTERING = ("plugin", "regist", "extension", "hook", "handler", "command", "codec", "backend")  # of classes' bases
STATEFUL = {
    "atexit",
    "copyreg",
    "codecs",
    "signal",
    "unittest",
}  # of the standard library, whose other decorators are not
WRAPPING = {
    "jit",
    "njit",
    "vmap",
    "pmap",
    "grad",
    "checkpoint",
    "vectorize",
    "guvectorize",
    "cfunc",
    "stencil",
    "function",
}
WRAPPING |= {
    "define",
    "frozen",
    "mutable",
    "attrs",
    "attributes",
    "s",
    "dataclass",
    "no_grad",
    "inference_mode",
    "compile",
}
WRAPPING |= {
    "pure_callback",
    "custom_jvp",
    "custom_vjp",
    "custom_gradient",
    "typechecked",
    "jaxtyped",
    "beartype",
    "wraps",
}


class Leads(Protocol):
    """What ``Effects`` asks of the sources: what names lead to, in them and out of them."""

    def leads(self, module: Module, names: Iterable[Dotted | Target]) -> Reach:
        """What dotted names within a module, or targets, lead to at once."""


class Effects:
    """Tells of pieces whether they act when their module is imported; each is looked at once."""

    def __init__(self, sources: Leads) -> None:
        self._sources = sources
        self._acting: dict[Piece, bool] = {}
        self._outward: dict[Piece, bool] = {}
        self._lives: dict[Piece, bool] = {}
        self._open: list[Piece] = []
        self._circular = False

    def acts(self, piece: Piece) -> bool:
        """Whether a piece does something beside defining a name."""
        if piece not in self._acting:
            self._acting[piece] = piece.loose or self._calls(piece)
        return self._acting[piece]

    def order(self, names: Iterable[str], territory: Territory) -> list[str]:
        """The digests of what modules do when they are imported, in the order in which they do it."""
        done: list[str] = []
        ran: set[str] = set()

        def run(name: str) -> None:
            if name in ran or not name:
                return
            ran.add(name)
            run(name.rpartition(".")[0])
            module = territory.module(name) if territory.counts(name) else None
            for item in module.sequence if module else ():
                if isinstance(item, Piece):
                    done.extend([item.digest] if self.acts(item) else [])
                else:
                    for imported in item:
                        run(imported)

        for name in names:
            run(name)
        return done

    def _calls(self, piece: Piece) -> bool:
        module, (decorators, others, bases, looked_at) = piece.module, piece.calls
        if self._decorates(module, decorators) or self._may_act(module, others) or self._derives(piece, bases):
            return True
        if isinstance(piece.statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return False
        return any(map(self._lively, self._sources.leads(module, looked_at - bases).pieces))

    def _lively(self, piece: Piece) -> bool:
        """Whether an operator or an attribute of what a piece defines may change something: of a class's instance."""
        if piece not in self._lives:
            self._lives[piece] = False
            node = piece.statement
            if isinstance(node, ast.ClassDef):
                readers = [FunctionReader(method, "self") for method in _methods(node).values() if _unasked(method)]
                lives = any(r.outward or self._may_act(piece.module, r.called) for r in readers)
                self._lives[piece] = lives or any(map(self._lively, self._bases(piece)))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                made = self._sources.leads(piece.module, piece.calls.others).pieces
                self._lives[piece] = any(map(self._lively, made - {piece}))
        return self._lives[piece]

    def _decorates(self, module: Module, chains: set[Dotted]) -> bool:
        foreign = self._sources.leads(module, chains).foreign if chains else ()
        return any(map(_registers, foreign)) or self._may_act(module, chains)

    def _may_act(self, module: Module, chains: set[Dotted]) -> bool:
        """Whether calling what dotted names lead to may change something."""
        for chain in chains:
            unbound = len(chain) > 1 and chain[-1] in SETTING and hasattr(builtins, chain[0])  # dict.update(table, ...)
            if (chain[0] in RUNS_TEXT or unbound) and not module.binds(chain[0]):
                return True
        for chain in chains:
            reach = self._sources.leads(module, [chain])
            pieces, foreign = reach.pieces, reach.foreign
            if any(map(_changes, foreign)):
                return True
            if CALLED in chain and pieces and chain[-1] not in READING:
                return True
            if any(self._attribute_acts(p, chain) or self._outward_piece(p) for p in pieces):
                return True
        return False

    def _attribute_acts(self, piece: Piece, chain: Dotted) -> bool:
        """Whether a name means an attribute of what a piece defines, of which nothing is known."""
        if len(chain) == 1 or chain[-1] in piece.names or chain[-1] in READING:
            return False
        method = _methods(piece.statement).get(chain[-1]) if isinstance(piece.statement, ast.ClassDef) else None
        if method is None:
            return True
        reader = FunctionReader(method, "")
        return reader.outward or self._may_act(piece.module, reader.called)

    def _derives(self, derived: Piece, bases: set[Dotted]) -> bool:
        """Whether a class with these bases is made by what the sources define, and not by ``type`` alone."""
        if not bases:
            return False
        reach = self._sources.leads(derived.module, bases)
        if any(target.module == "enum" for target in reach.foreign) and self._outward_piece(derived):
            return True  # it makes its members
        if any(not _standard(target) and _sounds(target, REGISTERING) for target in reach.foreign):
            return True
        for piece in reach.pieces:
            if any(isinstance(n, ast.FunctionDef) and n.name == "__init_subclass__" for n in ast.walk(piece.statement)):
                return True
            made = [n for n in ast.walk(piece.statement) if isinstance(n, ast.ClassDef)]
            if not made or any(map(_is_meta, made)) or self._derives(piece, piece.calls.bases):
                return True
        return False

    def _outward_piece(self, piece: Piece) -> bool:
        if piece in self._outward:
            return self._outward[piece]
        if piece in self._open:  # it calls itself: the rest of it tells
            self._circular = True
            return False
        self._open.append(piece)
        found = self._look(piece)
        self._open.pop()
        if found or not self._circular or not self._open:  # what a circle hides is looked at again
            self._outward[piece] = found
        self._circular &= bool(self._open)
        return found

    def _look(self, piece: Piece) -> bool:
        node = piece.statement
        if isinstance(node, ast.ClassDef):
            methods = _methods(node)
            called = [n for n in MADE_WITH if n in methods]
            for name in called:  # those that they call in turn are added
                reader = FunctionReader(methods[name], "self")
                if reader.outward or self._may_act(piece.module, reader.called):
                    return True
                called += [n for n in reader.own if n in methods and n not in called]
                if any(n not in methods for n in reader.own) and node.bases:
                    return True
            keywords = (
                n for n in ast.walk(node) if isinstance(n, ast.keyword) and n.arg in ("default_factory", "factory")
            )
            factories = {dotted_name(keyword.value) for keyword in keywords} - {()}
            return self._may_act(piece.module, factories) or self._bases_act(piece)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            reader = FunctionReader(node, "")
            decorated = self._decorates(piece.module, piece.calls.decorators)
            return decorated or reader.outward or self._may_act(piece.module, reader.called)
        return True

    def _bases_act(self, piece: Piece) -> bool:
        return any(map(self._outward_piece, self._bases(piece)))

    def _bases(self, piece: Piece) -> set[Piece]:
        return self._sources.leads(piece.module, piece.calls.bases).pieces - {piece}


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    return {n.name: n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def _unasked(method: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method runs without being called by its name, other than to make or to call an instance."""
    if method.name.startswith("__"):
        return method.name not in MADE_WITH or method.name in ("__class_getitem__", "__getattr__", "__getattribute__")
    plain = {("staticmethod",), ("classmethod",), ("abstractmethod",)}
    return any(dotted_name(decorator)[-1:] not in plain for decorator in method.decorator_list)


def _is_meta(node: ast.ClassDef) -> bool:
    return any(
        dotted_name(b)[-1:] in {("type",), ("ABCMeta",), ("EnumMeta",), ("EnumType",)} for b in node.bases
    ) or any(k.arg == "metaclass" and dotted_name(k.value)[-1:] != ("ABCMeta",) for k in node.keywords)


def _standard(target: Target) -> bool:
    top = target.module.partition(".")[0]
    return top in sys.stdlib_module_names and top not in STATEFUL


def _registers(target: Target) -> bool:
    """Whether a decorator from elsewhere may register what it decorates."""
    tests = target.module.partition(".")[0] in ("pytest", "hypothesis", "_pytest")
    return not _standard(target) and not tests and target.chain[-1:] not in {(name,) for name in WRAPPING}


def _changes(target: Target) -> bool:
    """Whether a function from elsewhere sounds as if it changed something."""
    return (
        any(part.startswith(CHANGING) or "regist" in part for part in target.chain[-1:])
        or "methodcaller" in target.chain
    )


def _sounds(target: Target, words: Iterable[str]) -> bool:
    return any(word in part.lower() for word in words for part in target.chain[-1:])
