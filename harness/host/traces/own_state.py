"""What the pipeline's own modules hold, and what a call changed of it in place: lists, arrays, instances, generators.

Source tells which names of modules a function sets. It does not tell ``box = shared.box; box[0] = 2.0``, nor
``np.put(shared.table, 0, 1.0)``: for these what the names of own modules stand for is looked at before a call and
after it, and put back. A dictionary or a set that only grew, as a memory of what was computed before does, counts as
unchanged. What an import changes is the import's, as whoever needs it imports it as well.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.host.senses import audit
from harness.host.traces.contents import PLAIN, Followed, drawn, is_kept, is_own_module, what_is_in


class OwnState:
    """What names of own modules stand for; make it before any of the pipeline's code is imported."""

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._known: dict[tuple[str, str], Followed] = {}  # by module and name
        self._left: set[str] = set()
        self._drawn: set[str] = set()
        self._imports = 0

    def begin(self) -> None:
        """From now on, tell what changes."""
        with audit.unheard():
            self._look_for_new()
            self._left, self._drawn = set(), set()

    def changes(self) -> tuple[list[str], list[str]]:
        """The names of what changed in place, as ``module:name``, and of what random numbers were drawn from.

        All of it is put back.
        """
        with audit.unheard():
            self._compare(put_back=True)
        return sorted(self._left), sorted(self._drawn)

    @contextmanager
    def importing(self, module: types.ModuleType) -> Iterator[None]:
        """While own ``module`` is executed, what changes is the import's."""
        with audit.unheard():  # else each question about its file, which this asks, is followed to who asked
            own = is_own_module(module)
        if not own:
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
                    self._take_what_is_there()
                    self._look_for_new()

    def _look_for_new(self) -> None:
        """Take in what names came to stand for."""
        for home, module in self._modules.items():
            for name, value in list(vars(module).items()):
                if name[:2] == "__" or isinstance(value, PLAIN):
                    continue
                known = self._known.get((home, name))
                if known is None or known.value is not value:
                    self._known[home, name] = what_is_in(value, home)

    def _take_what_is_there(self) -> None:
        """What an import changed holds from now on."""
        for (home, name), known in self._known.items():
            told = f"{home}:{name}" in self._left | self._drawn  # a call's, which is put back at its end
            if not told and self._is_followed(home, name, known):
                self._known[home, name] = what_is_in(known.value, home)

    def _is_followed(self, home: str, name: str, known: Followed) -> bool:
        """Whether something of it can change, and the name still stands for it: the source tells of what sets names."""
        return known.content is not None and vars(self._modules[home]).get(name) is known.value

    def _compare(self, put_back: bool = False) -> None:
        """Look again at what is known, and note what changed."""
        for (home, name), known in self._known.items():
            if not self._is_followed(home, name, known):
                continue
            now = what_is_in(known.value, home)
            if now.content is None or now.content == known.content:  # None: it grew beyond what is followed
                continue
            kept = is_kept(known.content, now.content)
            used = list(drawn(known.content)) != list(drawn(now.content))
            self._left |= set() if kept else {f"{home}:{name}"}
            self._drawn |= {f"{home}:{name}"} if used else set()
            if kept and not used:
                self._known[home, name] = now  # it only grew
            elif put_back:
                for restore in known.restore:
                    with suppress(Exception):  # such as an array that nobody may write to any more
                        restore()
                self._known[home, name] = what_is_in(known.value, home)
