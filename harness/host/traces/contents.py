"""What a value holds that can be changed in place, in plain values, and what puts it back."""

from __future__ import annotations

import array
import functools
import hashlib
import inspect
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.host.senses.origins import Origin, origin
from harness.run.source.state import kept_by_methods

_MOST = 100_000  # values that are followed of one name
PLAIN = (type(None), bool, int, float, complex, str, bytes)
_ELSEWHERE = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, property, staticmethod, classmethod)
_ITERATORS: tuple[type, ...] = (type(iter([])), type(iter(())), type(iter(range(0))))
_LARGEST_COPY = 64 * 2**20  # bytes of an array that are put back

_Restore = Callable[[], object]


@dataclass
class _Drawn:
    """The state of a generator of random numbers."""

    state: str


@dataclass
class Followed:
    """A value that a name stands for, what is in it, and what puts that back; nothing where nothing can change."""

    value: Any
    content: Any
    restore: list[_Restore] = field(default_factory=list)


def what_is_in(value: Any, home: str) -> Followed:
    """What is in a value that a module called ``home`` names; nothing where nothing of it can change, or be told."""
    walk = _Walk(home)
    try:
        return Followed(value, walk.into(value), walk.restore)
    except Exception:  # a stranger's class, or too much
        return Followed(value, None)


def is_own_module(module: object) -> bool:
    """Whether it is a module of the pipeline's own source."""
    file = getattr(module, "__file__", None) if type(module) is types.ModuleType else None
    return isinstance(file, str) and origin(file) is Origin.OWN


class _TooMuchError(Exception):
    """A value holds more than is followed."""


class _Walk:
    """One walk through a value and all that it holds; ``home`` names the module."""

    def __init__(self, home: str) -> None:
        self.home, self._left = home, _MOST
        self._seen: dict[int, tuple[Any, Any]] = {}  # what was looked into, which so cannot go meanwhile
        self.restore: list[_Restore] = []

    def into(self, value: Any) -> Any:
        """What is in it, in plain values; None where nothing of it can change."""
        self._left -= 1
        if self._left < 0:
            raise _TooMuchError
        if isinstance(value, (*PLAIN, *_ELSEWHERE)):
            return None
        if id(value) not in self._seen:
            self._seen[id(value)] = value, "itself"
            self._seen[id(value)] = value, self._content(value)
        return self._seen[id(value)][1]

    def _content(self, value: Any) -> Any:
        if isinstance(value, type):
            return self._attributes(value, vars(value)) if value.__module__ == self.home else None
        if isinstance(value, tuple):
            several = [self.into(part) for part in value]
            return several if any(part is not None for part in several) else None
        if isinstance(value, list | deque | dict | set | bytearray | array.array):
            return self._container(value)
        if isinstance(value, _ITERATORS):
            return repr(value.__reduce__())
        if isinstance(value, random.Random):
            state = value.getstate()
            self.restore.append(lambda: value.setstate(state))
            return _Drawn(repr(state))
        if type(value).__module__.partition(".")[0] == "numpy":
            return self._of_numpy(value)
        return self._instance(value) if is_own_module(sys.modules.get(type(value).__module__)) else None

    def _container(self, value: Any) -> Any:
        self.restore.append(_refilled(value))
        if isinstance(value, dict):
            return {_key(key): self._leaf(part) for key, part in dict.items(value)}
        if isinstance(value, set):
            return dict.fromkeys(map(_key, value))
        if isinstance(value, bytearray | array.array):
            return hashlib.sha256(bytes(value)).hexdigest()
        return [(type(part).__name__, self._leaf(part)) for part in value]

    def _leaf(self, value: Any) -> Any:
        """What a container holds: its content, or itself where it is plain, or else which object it is."""
        content = None if isinstance(value, PLAIN) else self.into(value)
        return _key(value) if content is None else content

    def _instance(self, value: Any) -> Any:
        held = {**getattr(value, "__dict__", {}), **_slots(value)}
        found = self._attributes(type(value), held, plain=True)
        self.restore += [functools.partial(object.__setattr__, value, name, held[name]) for name in found]
        return found

    def _attributes(self, kind: type, attributes: Mapping[str, Any], plain: bool = False) -> Any:
        """Those of a class that can be changed in place; with ``plain`` all that an instance has.

        What methods keep up to date is theirs: whoever calls them goes through it, as with a memory.
        """
        kept = _kept_by_methods_of(kind)
        found = {
            name: self._leaf(value) if plain else self.into(value)
            for name, value in attributes.items()
            if name[:2] != "__" and name not in kept and (plain or not isinstance(value, PLAIN))
        }
        found = {name: held for name, held in found.items() if held is not None}
        return found if found or plain else None

    def _of_numpy(self, value: Any) -> Any:
        numpy: Any = sys.modules["numpy"]
        if isinstance(value, numpy.generic):
            return repr(value)
        if isinstance(value, numpy.ndarray):
            masked = isinstance(value, numpy.ma.MaskedArray)
            mask = numpy.ma.getmaskarray(value).tobytes() if masked else b""
            if value.nbytes <= _LARGEST_COPY and value.flags.writeable:
                self.restore.append(functools.partial(_copied_back, value, value.copy()))
            if value.dtype.hasobject:
                return [(value.dtype.str, value.shape), *map(self._leaf, value.flat)]
            return value.dtype.str, value.shape, hashlib.sha256(value.tobytes() + mask).hexdigest()
        if isinstance(value, numpy.random.Generator):
            state = value.bit_generator.state
            self.restore.append(lambda: setattr(value.bit_generator, "state", state))
            return _Drawn(repr(_listed(state)))
        if isinstance(value, numpy.random.RandomState):
            state = value.get_state(legacy=False)
            self.restore.append(lambda: value.set_state(state))
            return _Drawn(repr(_listed(state)))
        return None


def _refilled(value: Any) -> _Restore:
    """What puts a container's own content back: that of what it holds has a way of its own."""
    content = value.copy() if isinstance(value, dict | set | deque) else value[:]

    def restore() -> None:
        if isinstance(value, dict | set):
            value.clear()
            value.update(content)
        elif isinstance(value, deque):
            value.clear()
            value.extend(content)
        else:
            value[:] = content

    return restore


def _copied_back(value: Any, content: Any) -> None:
    value.shape = content.shape
    value[...] = content


@functools.cache
def _kept_by_methods_of(kind: type) -> frozenset[str]:
    """The attributes that methods of a class, or of one above it, keep up to date."""
    kept: set[str] = set()
    for each in kind.__mro__:
        if is_own_module(sys.modules.get(each.__module__)):
            try:
                kept |= kept_by_methods(inspect.getsource(each))
            except (OSError, TypeError, SyntaxError):  # it was made without source
                continue
    return frozenset(kept)


def _key(value: Any) -> tuple[str, str]:
    """Which object something is that is not followed: a plain one, or a tuple of such, by what it is."""
    if isinstance(value, PLAIN) or (isinstance(value, tuple) and all(isinstance(part, PLAIN) for part in value)):
        return type(value).__name__, repr(value)
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


def is_kept(then: Any, now: Any) -> bool:
    """Whether all that was there is there as it was; what came besides to a dictionary or a set does not matter."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and is_kept(held, now[name]) for name, held in then.items())
    if isinstance(then, list | tuple) and type(then) is type(now):
        return len(then) == len(now) and all(map(is_kept, then, now))
    return isinstance(then, _Drawn) or bool(then == now)


def drawn(held: Any) -> Iterator[str]:
    """The states of all generators."""
    if isinstance(held, _Drawn):
        yield held.state
    for part in held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ():
        yield from drawn(part)
