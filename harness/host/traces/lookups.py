"""What was looked up besides what is declared, by libraries above all: facts that hold whenever a result is taken.

They belong to the process: what a library read when it was imported decides what every later stage gets from it.
"""

from __future__ import annotations

import importlib.abc
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

from harness.host.senses import audit
from harness.host.senses.made import Made
from harness.host.senses.origins import Origin, origin
from harness.run.source.facts import ABSENT, FILE, OR, fact

# Modules that libraries look for to show something to people: whoever installs one computes nothing else.
_FOR_PEOPLE = frozenset(
    (
        *("IPython", "ipykernel", "ipywidgets", "colorama", "ctags", "cython", "objgraph", "psutil", "pydot"),
        *("pydot_ng", "pydotplus", "pytest", "tblib", "tqdm"),
    )
)
_MOST = 20_000  # facts; who looks up more than that lists folders, which is told


class Lookups(importlib.abc.MetaPathFinder):
    """The facts until now, each as it was when it was first looked up; and the modules that were looked for.

    As a finder it finds nothing: it hears of every module that is not loaded yet, whether there is one or not.
    """

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self._searched: dict[str, None] = dict.fromkeys(("sitecustomize", "usercustomize"))  # before this was made
        self._followers: list[Callable[[str], None]] = []
        self._modules: dict[str, bool] = {}  # whether a module that was searched has to be told

    def follow(self, follower: Callable[[str], None]) -> None:
        """Call ``follower`` with every module that is looked for from now on."""
        self._followers.append(follower)

    def note(self, kind: str, path: str) -> bool:
        """Note a fact of a ``kind`` (see ``harness.run.source.facts``) about a path; whether that was read now."""
        name = kind + path
        if name in self.facts or len(self.facts) >= _MOST:
            return False
        with audit.unheard():
            self.facts[name] = fact(name)
        return True

    def settle(self, made: Made) -> None:
        """What a library looked for and then made itself, as a folder with its settings, may be either way next time.

        What it wrote into such a file, or below such a folder, counts from now on: the next time it may read that.
        """
        for name, value in list(self.facts.items()):
            path = name[name.find("/") :]
            if not made.covers(path) or OR in value or (now := fact(name)) == value:
                continue
            self.facts[name] = f"{value}{OR}{now}"
            for file in [f for f in made.files if f"{f}/".startswith(f"{path}/")]:
                self.facts.setdefault(FILE + file, f"{ABSENT}{OR}{fact(FILE + file)}")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Nothing; the name is noted."""
        if fullname not in self._searched:
            self._searched[fullname] = None
            for follower in self._followers:
                follower(fullname)
        return None

    def modules(self) -> list[str]:
        """Modules that were looked for, and are neither Python's nor own ones that were loaded."""
        for name in self._searched.keys() - self._modules.keys():
            self._modules[name] = _is_told(name)
        return sorted(name for name, told in self._modules.items() if told and not _is_loaded_own(name))


def _is_told(name: str) -> bool:
    top, dot, _ = name.partition(".")
    if (
        top in sys.stdlib_module_names
        or top in _FOR_PEOPLE
        or top == "harness"
        or not all(p.isidentifier() for p in name.split("."))
    ):
        return False
    return not dot or _origin(top) is Origin.OWN


def _is_loaded_own(name: str) -> bool:
    return name in sys.modules and _origin(name) is not Origin.THIRD


def _origin(name: str) -> Origin | None:
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return origin(file)
    folders = list(getattr(module, "__path__", ()))
    return origin(os.path.join(folders[0], "")) if folders and isinstance(folders[0], str) else None
