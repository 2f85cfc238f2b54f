"""What the pipeline's own modules hold, and what a call changed of it in place: lists, arrays, instances, generators.

Source tells which names of modules a function sets. It does not tell ``box = shared.box; box[0] = 2.0``, nor
``np.put(shared.table, 0, 1.0)``: for these what the names of own modules stand for is looked at before a call and
after it. What only grew, as a memory of what was computed before does, counts as unchanged, and what an import
changes is the import's, as whoever needs it imports it as well.
"""

from __future__ import annotations

import array
import dis
import functools
import hashlib
import random
import sys
import types
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Origin, origin
from harness.run.source.state import SETTING

_MOST = 100_000  # values that are followed of one name
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_ELSEWHERE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, property, staticmethod, classmethod)
_MAKING = ("__init__", "__post_init__", "__new__", "__setattr__", "__setstate__")
_ITERATORS: tuple[type, ...] = (type(iter([])), type(iter(())), type(iter(range(0))))


@dataclass
class _Drawn:
    """The state of a generator of random numbers."""

    state: str


class OwnState:
    """What names of own modules stand for; make it before any of the pipeline's code is imported."""

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._known: dict[tuple[str, str], tuple[Any, Any]] = {}  # by module and name a value, and what was in it
        self._left: set[str] = set()
        self._drawn: set[str] = set()
        self._imports = 0

    def begin(self) -> None:
        """From now on, tell what changes."""
        with audit.unheard():
            self._look_for_new()
            self._left, self._drawn = set(), set()

    def changes(self) -> tuple[list[str], list[str]]:
        """The names of what changed in place, as ``module:name``; and of what random numbers were drawn from."""
        with audit.unheard():
            self._compare()
        return sorted(self._left), sorted(self._drawn)

    @contextmanager
    def importing(self, module: types.ModuleType) -> Iterator[None]:
        """While own ``module`` is executed, what changes is the import's."""
        if not _is_own(module):
            yield
            return
        with audit.unheard():
            if not self._imports:
                self._compare()
            self._modules[module.__name__] = module
        self._imports += 1
        try:
            yield
        finally:
            self._imports -= 1
            if not self._imports:
                with audit.unheard():
                    self._compare(tell=False)
                    self._look_for_new()

    def _look_for_new(self) -> None:
        """Take in what names came to stand for."""
        for home, module in self._modules.items():
            for name, value in list(vars(module).items()):
                if name[:2] == "__" or isinstance(value, _PLAIN):
                    continue
                known = self._known.get((home, name))
                if known is None or known[0] is not value:
                    self._known[home, name] = value, _Walk(home).of(value)

    def _compare(self, tell: bool = True) -> None:
        """Look again at what is known; ``tell`` what changed."""
        for (home, name), (value, then) in self._known.items():
            if then is None or vars(self._modules[home]).get(name) is not value:
                continue  # nothing of it can change, or something else has that name, which source tells
            now = _Walk(home).of(value)
            self._known[home, name] = value, now
            if tell and now is not None and now != then:  # None: it grew beyond what is followed
                self._left |= {f"{home}:{name}"} if not _is_kept(then, now) else set()
                self._drawn |= {f"{home}:{name}"} if list(_drawn(then)) != list(_drawn(now)) else set()


def _is_own(module: object) -> bool:
    file = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
    return isinstance(file, str) and origin(file) is Origin.OWN


class _TooMuchError(Exception):
    """A value holds more than is followed."""


class _Walk:
    """One walk through a value and all that it holds; ``home`` names the module."""

    def __init__(self, home: str) -> None:
        self.home, self._seen, self._left = home, set[int](), _MOST

    def of(self, value: Any) -> Any:
        """What is in it, in plain values; None where nothing of it can change, or be told."""
        try:
            return self._into(value)
        except Exception:  # a stranger's class, or too much
            return None

    def _into(self, value: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooMuchError
        if isinstance(value, (*_PLAIN, *_ELSEWHERE)):
            return None
        if id(value) in self._seen:
            return None
        self._seen.add(id(value))
        if isinstance(value, type):
            return self._attributes(value, vars(value)) if value.__module__ == self.home else None
        if isinstance(value, tuple):
            several = [self._into(part) for part in value]
            return several if any(part is not None for part in several) else None
        return self._content(value)

    def _content(self, value: Any) -> Any:
        if isinstance(value, list | deque):
            return [(type(part).__name__, self._leaf(part)) for part in value]
        if isinstance(value, dict):
            return {self._leaf(key): self._leaf(part) for key, part in dict.items(value)}
        if isinstance(value, set):
            return {self._leaf(part): None for part in value}
        if isinstance(value, bytearray | array.array):
            return hashlib.sha256(bytes(value)).hexdigest()
        if isinstance(value, _ITERATORS):
            return repr(value.__reduce__())
        if isinstance(value, random.Random):
            return _Drawn(repr(value.getstate()))
        if type(value).__module__.partition(".")[0] == "numpy":
            return self._of_numpy(value)
        if not _is_own(sys.modules.get(type(value).__module__)):
            return None
        return self._attributes(type(value), getattr(value, "__dict__", {}) | _slots(value), plain=True)

    def _leaf(self, value: Any) -> Any:
        """What a container holds: its content, or itself where it is plain, or else which object it is."""
        if isinstance(value, _PLAIN):
            return type(value).__name__, repr(value)
        content = self._into(value)
        return _frozen(value) if content is None else content

    def _attributes(self, kind: type, attributes: Mapping[str, Any], plain: bool = False) -> Any:
        """Those of a class that can be changed in place; with ``plain`` all that an instance has.

        What methods keep up to date is theirs: whoever calls them goes through it, as with a memory.
        """
        kept = _kept_by_methods(kind)
        found = {
            name: self._leaf(value) if plain else self._into(value)
            for name, value in attributes.items()
            if name[:2] != "__" and name not in kept and (plain or not isinstance(value, _PLAIN))
        }
        found = {name: held for name, held in found.items() if held is not None}
        return found if found or plain else None

    def _of_numpy(self, value: Any) -> Any:
        numpy: Any = sys.modules["numpy"]
        if isinstance(value, numpy.generic):
            return repr(value)
        if isinstance(value, numpy.ndarray):
            content = repr(value.tolist()).encode() if value.dtype.hasobject else numpy.ascontiguousarray(value).data
            return value.dtype.str, value.shape, hashlib.sha256(content).hexdigest()
        if isinstance(value, numpy.random.Generator):
            return _Drawn(repr(_listed(value.bit_generator.state)))
        if isinstance(value, numpy.random.RandomState):
            return _Drawn(repr(_listed(value.get_state(legacy=False))))
        return None


@functools.cache
def _kept_by_methods(kind: type) -> frozenset[str]:
    """The attributes that methods of a class set, or set something of, after an instance was made."""
    kept: set[str] = set()
    for each in kind.__mro__:
        for name, method in vars(each).items():
            code = getattr(getattr(method, "__func__", method), "__code__", None)
            if code is None or name in _MAKING:
                continue
            steps = [*dis.get_instructions(code)]
            kept |= {str(step.argval) for step in steps if step.opname in ("STORE_ATTR", "DELETE_ATTR")}
            if any(step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR") or step.argval in SETTING for step in steps):
                kept |= {str(step.argval) for step in steps if step.opname in ("LOAD_ATTR", "LOAD_METHOD")}
    return frozenset(kept)


def _frozen(value: Any) -> tuple[str, str]:
    """Which object something is that is not followed: a tuple of plain values by what it holds."""
    if isinstance(value, tuple) and all(isinstance(part, _PLAIN) for part in value):
        return "tuple", repr(tuple(value))
    return type(value).__name__, hex(id(value))


def _listed(state: Any) -> Any:
    """The state of a generator of NumPy, whose arrays are longer than ``repr`` shows."""
    if isinstance(state, dict):
        return {name: _listed(part) for name, part in state.items()}
    return state.tolist() if hasattr(state, "tolist") else state


def _slots(value: Any) -> dict[str, Any]:
    """What an instance holds in its slots."""
    names = (vars(kind).get("__slots__", ()) for kind in type(value).__mro__)
    flat = [name for several in names for name in ([several] if isinstance(several, str) else several)]
    return {name: getattr(value, name) for name in flat if name[:2] != "__" and hasattr(value, name)}


def _is_kept(then: Any, now: Any) -> bool:
    """Whether all that was there is there as it was; what came besides does not matter."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and _is_kept(held, now[name]) for name, held in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(_is_kept, then, now))
    if isinstance(then, tuple) and isinstance(now, tuple):
        return len(then) == len(now) and all(map(_is_kept, then, now))
    return isinstance(then, _Drawn) or bool(then == now)


def _drawn(held: Any) -> Iterator[str]:
    """The states of all generators."""
    if isinstance(held, _Drawn):
        yield held.state
    for part in held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ():
        yield from _drawn(part)
