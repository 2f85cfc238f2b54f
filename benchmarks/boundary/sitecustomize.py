"""On ``PYTHONPATH``: puts the fault that ``BOUNDARY_FAULT`` names in place as soon as its module is imported."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from faults import FAULTS


class Patched(MetaPathFinder):
    """Finds the fault's module, once, as usual, and patches it after it has been executed."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != FAULT.module:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_patch(module: ModuleType) -> None:
                run(module)
                FAULT.patch()

            spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec


if os.environ.get("BOUNDARY_FAULT"):
    FAULT = FAULTS[os.environ["BOUNDARY_FAULT"]]
    sys.meta_path.insert(0, Patched())
