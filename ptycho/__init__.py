"""The reference pipeline for physics-informed ptychography.

``from ptycho import load_scenario, run``. Importing this package loads neither Keras nor a backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ptycho.config.scenario import list_scenarios, load_scenario

if TYPE_CHECKING:
    from ptycho.pipeline.execution import run

__all__ = ["list_scenarios", "load_scenario", "run"]


def __getattr__(name: str) -> Any:
    if name == "run":
        from ptycho.pipeline.execution import run

        return run
    raise AttributeError(f"module 'ptycho' has no attribute {name!r}")
