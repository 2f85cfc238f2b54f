"""What a process has beside its objects, before and after a stage: a later stage finds what an earlier one left.

A stage whose result comes out of a cache leaves nothing. So whatever a later stage would read of all this makes
its result depend on what was cached. What libraries do when they are first imported is theirs, and is let be.
"""

from __future__ import annotations

import decimal
import locale
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy

from harness.host.senses import attribution, audit, programs, random_states, replaceable
from harness.host.senses.origins import Origin, origin, origin_of_place, real_path
from harness.host.senses.random_states import GeneratorStates

_SIGNALS = tuple(sorted(number for number in signal.valid_signals() if number < 32))
_LIMITS = tuple(sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}))
_CLOCKS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_PLAIN = {
    "locale": "the locale",
    "errors": "numpy's floating-point error handling",
    "printing": "numpy's print options",
    "buffer": "numpy's buffer size",
    "decimals": "the context of decimal numbers",
    "limits": "the limits of resources",
    "digits": "the limit of digits of an integer's text",
}


@dataclass(frozen=True)
class ProcessState:
    """The state of a process at one moment."""

    folder: str
    environment: Mapping[str, str]
    umask: int
    locale: str
    errors: Mapping[str, Any]
    printing: Mapping[str, Any]
    buffer: int
    filters: tuple[Any, ...]
    path: tuple[str, ...]
    objects: Mapping[str, Any]
    limits: tuple[tuple[int, int], ...]
    recursion: int
    digits: int
    signals: Mapping[int, Any]
    alarm: bool
    decimals: str
    decimal_context: decimal.Context
    subnormal: bool
    generators: GeneratorStates
    libraries: Mapping[str, Hashable]
    threads: frozenset[threading.Thread]
    children: Mapping[int, str]
    modules: frozenset[str]


def capture() -> ProcessState:
    """The state now. The first call also makes the process take note, from then on, of who changes what."""
    attribution.attribute_changes()
    with audit.unheard():
        return ProcessState(
            folder=_folder(),
            environment=dict(os.environ),
            umask=_umask(),
            locale=locale.setlocale(locale.LC_ALL),
            errors=dict(numpy.geterr()),
            printing=dict(numpy.get_printoptions()),
            buffer=numpy.getbufsize(),
            filters=tuple(warnings.filters),
            path=tuple(sys.path),
            objects=replaceable.replaceable_objects(),
            limits=tuple(resource.getrlimit(kind) for kind in _LIMITS),
            recursion=sys.getrecursionlimit(),
            digits=getattr(sys, "get_int_max_str_digits", int)(),
            signals={number: signal.getsignal(number) for number in _SIGNALS},
            alarm=any(any(signal.getitimer(clock)) for clock in _CLOCKS),
            decimals=_decimals(decimal.getcontext()),
            decimal_context=decimal.getcontext().copy(),
            subnormal=_keeps_subnormal_numbers(),
            generators=random_states.generator_states(),
            libraries=random_states.library_settings(),
            threads=frozenset(t for t in threading.enumerate() if t.is_alive()),
            children=programs.running_children(),
            modules=frozenset(sys.modules),
        )


def changes(before: ProcessState, after: ProcessState) -> list[str]:
    """What a stage left changed, each a fragment of a sentence for people, such as "the umask (now 0o77)"."""
    found: list[str] = []
    if after.folder != before.folder:
        found.append(f"the working directory (now {after.folder or 'one that was removed'})")
    found += [f"the environment variable {name}" for name in _variables(before, after)]
    if after.umask != before.umask:
        found.append(f"the umask (now {after.umask:#o})")
    found += [label for name, label in _PLAIN.items() if getattr(after, name) != getattr(before, name)]
    if _filters_differ(before, after):
        found.append("the warnings filters")
    if _paths_differ(before, after):
        found.append("sys.path")
    found += replaceable.replaced_objects(before.objects, after.objects)
    if after.subnormal != before.subnormal and not _imported_libraries(before, after):
        found.append("the processor's treatment of subnormal numbers")
    if _recursion_differs(before, after):
        found.append(f"the recursion limit (now {after.recursion})")
    found += [f"the handler of {signal.Signals(number).name}" for number in _handlers(before, after)]
    if after.alarm and not before.alarm:
        found.append("a timer that is still running (signal.setitimer)")
    found += _generators(before.generators, after.generators)
    found += _libraries(before.libraries, after.libraries)
    threads = [t for t in after.threads - before.threads if t.is_alive() and not attribution.started_by_others(t)]
    found += [f"a thread that is still running ({name})" for name in sorted(t.name for t in threads)]
    started = [line for process, line in after.children.items() if process not in before.children]
    return found + [f"a process that is still running ({line})" for line in sorted(started)]


def draws(before: ProcessState, after: ProcessState) -> list[str]:
    """The global generators that were drawn from without being seeded, which is another number every time."""
    old, new = before.generators, after.generators
    python = old.python != new.python and random_states.only_drawn_python(old, new)
    from_numpy = old.numpy != new.numpy and random_states.only_drawn_numpy(old, new)
    return ["Python's global random state"] * python + ["numpy's global random state"] * from_numpy


def restore(before: ProcessState) -> None:
    """Put back what can be, but for what libraries did; both global generators get fresh entropy.

    They do not get their old state: a stage that draws without a seed must stay visibly random.
    """
    with audit.unheard():
        replaceable.put_objects_back(before.objects)
        now = capture()
        _restore_environment(before, now)
        if now.folder != before.folder and os.path.isdir(before.folder):
            os.chdir(before.folder)
        if now.umask != before.umask:
            os.umask(before.umask)
        if now.locale != before.locale:
            locale.setlocale(locale.LC_ALL, before.locale)
        numpy.seterr(**before.errors)
        if now.printing != before.printing:
            numpy.set_printoptions(**before.printing)
        if now.buffer != before.buffer:
            numpy.setbufsize(before.buffer)
        if now.decimals != before.decimals:
            decimal.setcontext(before.decimal_context.copy())
        if now.digits != before.digits:
            sys.set_int_max_str_digits(before.digits)
        if _recursion_differs(before, now):
            sys.setrecursionlimit(before.recursion)
        _restore_lists(before, now)
        for kind, old, new in zip(_LIMITS, before.limits, now.limits, strict=True):
            if old[0] != new[0]:  # the soft limit; nobody may raise the hard one again
                resource.setrlimit(kind, (min(old[0], new[1]) if new[1] >= 0 else old[0], new[1]))
        if threading.current_thread() is threading.main_thread():
            for number in _handlers(before, now):
                signal.signal(number, before.signals[number])
            if now.alarm and not before.alarm:
                for clock in _CLOCKS:
                    signal.setitimer(clock, 0)
        random_states.put_library_settings(before.libraries)
        random_states.refresh_generators()


def _restore_environment(before: ProcessState, now: ProcessState) -> None:
    names = _variables(before, now)
    for name in names:
        if name in before.environment:
            os.environ[name] = before.environment[name]
        else:
            os.environ.pop(name, None)
    if "TZ" in names and hasattr(time, "tzset"):
        time.tzset()


def _restore_lists(before: ProcessState, now: ProcessState) -> None:
    if _filters_differ(before, now):
        others = [f for f in now.filters if f in attribution.filters_of_others and f not in before.filters]
        warnings.filters[:] = [*others, *before.filters]  # type: ignore[index]
        getattr(warnings, "_filters_mutated", lambda: None)()  # so that what was shown once is asked for again
    if _paths_differ(before, now):
        sys.path[:] = [*before.path, *(p for p in now.path if p not in before.path and not _is_own_folder(p))]


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _umask() -> int:
    """The umask, without changing it where the system can say it: another thread may be writing files."""
    try:
        with open("/proc/self/status", "rb") as file:
            line = next(line for line in file if line.startswith(b"Umask:"))
        return int(line.split()[1], 8)
    except (OSError, StopIteration):
        os.umask(mask := os.umask(0o077))
        return mask


def _decimals(context: decimal.Context) -> str:
    """What decides a decimal number, without the flags that only tell what happened."""
    traps = sorted(kind.__name__ for kind, trapped in context.traps.items() if trapped)
    facts = (context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps)
    return repr(facts)


def _keeps_subnormal_numbers() -> bool:
    return bool(numpy.float64(5e-324) * numpy.float64(1.0) != 0.0)


def _variables(before: ProcessState, after: ProcessState) -> list[str]:
    """The variables that own code changed."""
    names = before.environment.keys() | after.environment.keys()
    changed = {n for n in names if before.environment.get(n) != after.environment.get(n)}
    return sorted(changed - attribution.variables_of_others)


def _recursion_differs(before: ProcessState, after: ProcessState) -> bool:
    """Whether the limit was changed; a library may raise it when it is imported."""
    if after.recursion > before.recursion:
        return not _imported_libraries(before, after)
    return after.recursion < before.recursion


def _imported_libraries(before: ProcessState, after: ProcessState) -> bool:
    files = [getattr(sys.modules.get(name), "__file__", None) for name in after.modules - before.modules]
    return any(origin(file) is Origin.THIRD for file in files if file)


def _filters_differ(before: ProcessState, after: ProcessState) -> bool:
    """Whether own code changed the filters."""
    others = attribution.filters_of_others
    if before.filters == after.filters:
        return False
    return [f for f in before.filters if f not in others] != [f for f in after.filters if f not in others]


def _paths_differ(before: ProcessState, after: ProcessState) -> bool:
    """Whether own folders on the path changed; a library may add its own."""
    if before.path == after.path:
        return False
    return [*filter(_is_own_folder, before.path)] != [*filter(_is_own_folder, after.path)]


def _is_own_folder(folder: str) -> bool:
    return origin_of_place(f"{real_path(folder)}/") is Origin.OWN


def _handlers(before: ProcessState, after: ProcessState) -> list[int]:
    """The signals whose handler own code changed; None stands for one that was not set from Python."""
    changed = [number for number in _SIGNALS if after.signals[number] != before.signals[number]]
    others = attribution.handlers_of_others
    return [n for n in changed if after.signals[n] is not None and (n, after.signals[n]) not in others.items()]


def _generators(before: GeneratorStates, after: GeneratorStates) -> list[str]:
    """The generators that were seeded or set; one that was only drawn from is as random as before."""
    python = before.python != after.python and not random_states.only_drawn_python(before, after)
    from_numpy = before.numpy != after.numpy and not random_states.only_drawn_numpy(before, after)
    return ["Python's global random state"] * python + ["numpy's global random state"] * from_numpy


def _libraries(before: Mapping[str, Hashable], after: Mapping[str, Hashable]) -> list[str]:
    fresh = {setting.label: setting.fresh for setting in random_states.LIBRARY_SETTINGS}
    earlier = {label: before.get(label, fresh[label]) for label in after}
    told = {setting.label for setting in random_states.LIBRARY_SETTINGS if setting.told}
    return [label for label, value in after.items() if label in told and earlier[label] not in (..., value)]
