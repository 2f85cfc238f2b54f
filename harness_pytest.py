"""What pytest loads: the plugin of the harness, unless another package called ``harness`` stands in its way.

``python -m pytest`` looks for modules in the working folder first. A guarded repository that has a package of that
name there is told so in a sentence; any other goes its way.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

_found = find_spec("harness")
_other = "" if _found is None or _found.origin is None else _found.origin

if _other and (Path(_other).parent / "plugin" / "examinations.py").is_file():
    from harness.plugin import *  # noqa: F403 (the hooks, which it lists)
else:

    def pytest_configure(config: Any) -> None:
        """Say what stands in the way, where that matters."""
        import pytest

        for folder in {config.rootpath, config.invocation_params.dir}:
            table = folder / "pyproject.toml"
            if table.is_file() and "[tool.harness]" in table.read_text(encoding="utf-8", errors="replace"):
                raise pytest.UsageError(
                    f"{_other or 'a folder called harness'} is imported in place of the harness that guards {folder}: "
                    "run `pytest` instead of `python -m pytest`, rename that package, or move it into src/"
                )
