"""Patches of modules: ``math.pi = 3``, a function of NumPy replaced, a class's method.

A stage whose result comes out of the cache patches nothing, so that a later one would depend on what was cached.
Each module is looked at when its import has ended, and again after each stage. What a library sets in its own
modules, and what one library replaces in another, is theirs.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from harness.host.senses import audit, replaceable
from harness.host.senses.origins import Origin, origin

_CONSTANTS = (int, float, complex, str, bytes, tuple, frozenset)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
_DEPTH = 1  # dots in the name of a module whose classes are looked into
_GONE = object()
_ELSEWHERE = frozenset(("sys", "__main__", "warnings", "readline", "site"))


class Patches:
    """Everything public of foreign modules, as it was when they had been imported; one for the whole process.

    Each module is executed in the context that ``importing`` makes of it.
    """

    def __init__(self, importing: Callable[[types.ModuleType], AbstractContextManager[Any]] = nullcontext) -> None:
        self._importing = importing
        self._known: dict[str, tuple[Any, dict[str, Any]]] = {}
        self._found: list[tuple[Any, str, Any]] = []
        self._exchanged: list[tuple[str, Any]] = []
        self._finders: list[Any] = []
        self._growing: set[str] = set()  # libraries of which a module was imported since the last stage
        self._again: dict[str, tuple[Any, dict[str, Any]]] = {}  # what was executed beside a module of that name
        self._accepted = False

    def begin(self) -> None:
        """From now on, take note of each module when it has been imported, and of those that are there now."""
        for name in list(sys.modules):
            self._take_note_of(name)
        loaders = importlib.machinery
        basics = next(kind for kind in loaders.SourceFileLoader.__mro__ if kind.__name__ == "_LoaderBasics")
        for loader in (basics, loaders.ExtensionFileLoader):
            self._follow(loader)
        self._finders = [*sys.meta_path]

    def _follow(self, loader: Any) -> None:
        by_python = loader.exec_module

        def exec_module(itself: Any, module: types.ModuleType) -> None:
            with self._importing(module):
                by_python(itself, module)
            self._growing.add(module.__name__.partition(".")[0])
            audit.call("exec_module", lambda arguments: self._executed(*arguments), (module,))

        loader.exec_module = exec_module

    def accept(self) -> None:
        """Take whatever holds now for what is to hold."""
        for name, (place, _) in list(self._known.items()):
            if isinstance(place, types.ModuleType):
                self._look_at(name, sys.modules.get(name, place))
        self._finders, self._accepted = [*sys.meta_path], True

    def _executed(self, module: types.ModuleType) -> None:
        there = sys.modules.get(module.__name__)
        if self._accepted and isinstance(there, types.ModuleType) and there is not module:
            self._again[module.__name__] = module, _constant_part(vars(module), _is_foreign(module))
        self._take_note_of(module.__name__)

    def _take_note_of(self, name: str) -> None:
        module = sys.modules.get(name)
        if type(module) is not types.ModuleType or name.partition(".")[0] in _ELSEWHERE:
            return
        if self._accepted:
            self._look_at(name, module)
        else:  # what it has is looked at once: ``accept`` would do so again
            self._known[name] = module, {}

    def _look_at(self, name: str, module: Any) -> None:
        if type(module) is not types.ModuleType:
            return
        self._known[name] = module, _constant_part(vars(module), _is_foreign(module))
        if name.count(".") <= _DEPTH or name.startswith("harness."):
            top = name.partition(".")[0]
            for label, kind in list(vars(module).items()):
                if label[:1] != "_" and isinstance(kind, type) and _is_class_of(kind, top):
                    self._known[f"{kind.__module__}.{kind.__qualname__}"] = kind, _methods(kind)

    def changes(self) -> list[str]:
        """What own code patched since then, by its name; ``put_back`` undoes it."""
        with audit.unheard():
            self._exchanged = list(self._new_modules())
            self._found = list(self._changed())
            found = [f"{_name(place)}.{name}" for place, name, _ in self._found]
            found += [f"sys.modules[{name!r}]" for name, _ in self._exchanged]
            found += ["sys.meta_path"] if self._own_finders() else []
        return sorted(found)

    def _own_finders(self) -> list[Any]:
        """Finders of own code that are new."""
        return [f for f in sys.meta_path if f not in self._finders and _whose(f) not in (Origin.THIRD, Origin.HARNESS)]

    def _new_modules(self) -> Iterator[tuple[str, Any]]:
        """Modules in whose place another one was put, by name, and what was there.

        A library that is imported may do so with its own. Where it executes a file a second time, as Triton does with
        its backends, the second module is the one to look at from then on, as it was when it had been executed.
        """
        for name, (place, _) in list(self._known.items()):
            now = sys.modules.get(name, place)
            if now is place or not isinstance(place, types.ModuleType):
                continue
            if name.partition(".")[0] not in self._growing:
                yield name, place
            elif now is self._again.get(name, (place, {}))[0] and now.__file__ == place.__file__:
                self._known[name] = self._again[name]

    def put_back(self) -> None:
        """Undo what ``changes`` found."""
        with audit.unheard():
            for place, name, value in self._found:
                setattr(place, name, value)
            if self._own_finders():
                own = self._own_finders()
                sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in own]
            for name, place in self._exchanged:
                sys.modules[name] = place
        self._found, self._exchanged = [], []
        self._growing.clear()
        self._again.clear()

    def _changed(self) -> Iterator[tuple[Any, str, Any]]:
        for place, known in list(self._known.values()):
            now = vars(place)
            for name, old in known.items():
                new = now.get(name, _GONE)
                if new is old:
                    continue
                if _is_patch(place, name, old, new, _name(place).partition(".")[0] in self._growing):
                    yield place, name, old
                else:
                    known[name] = new  # a library's own


def _is_class_of(kind: type, top: str) -> bool:
    """Whether a class is a library's and was made by ``class``, so that its methods can be replaced."""
    return bool(kind.__flags__ & 1 << 9) and kind.__module__.partition(".")[0] == top


def _constant_part(names: Any, foreign: bool) -> dict[str, Any]:
    """What a module offers and does not change of itself; values of own modules are followed in their source."""
    return {
        name: value
        for name, value in names.items()
        if name[:1] != "_" and (_is_made_once(value) or (foreign and (callable(value) or _is_constant(name, value))))
    }


def _is_made_once(value: Any) -> bool:
    return isinstance(value, _FUNCTIONS)


def _is_constant(name: str, value: Any) -> bool:
    """Whether a plain value is one that its module does not count or switch with."""
    return isinstance(value, float | complex) or (name.isupper() and isinstance(value, _CONSTANTS))


def _methods(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if (name[:1] != "_" or name[-2:] == "__")
        and (callable(value) or isinstance(value, property))
        and name != "__doc__"  # which decides nothing, and which PyTorch sets late
    }


def _is_foreign(module: types.ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or origin(file) is not Origin.OWN


def _name(place: Any) -> str:
    return place.__name__ if isinstance(place, types.ModuleType) else f"{place.__module__}.{place.__qualname__}"


def _is_patch(place: Any, name: str, old: Any, new: Any, growing: bool) -> bool:
    """Whether own code put ``new`` in the place of ``old``; a library that is ``growing`` is setting itself up."""
    if _name(place) == "builtins" and name in replaceable.BUILTINS:
        return False  # which is told there
    if not callable(old) and not isinstance(old, property):
        if growing and not isinstance(old, float | complex):
            return False
        try:
            return not (type(old) is type(new) and bool(old == new))
        except Exception:  # what cannot be compared is another
            return True
    whose = _whose(new)
    if whose is Origin.HARNESS:
        return False
    home, called = str(getattr(new, "__module__", "") or ""), getattr(new, "__name__", "")
    same = home.partition(".")[0] == _name(place).partition(".")[0]
    if whose is Origin.THIRD or whose is Origin.STANDARD:
        # A library may put the real thing where a stand-in was, and something of its own into another one.
        other = called != getattr(old, "__name__", name)
        return other and not growing if same else whose is Origin.STANDARD
    return True


def _whose(value: Any) -> Origin | None:
    """Who made a function or class; None where nothing tells."""
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)
    code = getattr(value, "__code__", None)
    if code is not None:
        return origin(code.co_filename)
    home = getattr(value, "__module__", None)
    module = sys.modules.get(home) if isinstance(home, str) else None
    if module is None or not (isinstance(value, _FUNCTIONS) or type(value).__module__ == home):
        return None
    file = getattr(module, "__file__", None)
    return origin(file) if isinstance(file, str) else Origin.STANDARD
