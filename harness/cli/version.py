"""The version of the harness that runs: of its source tree, or else of the distribution it was installed from."""

from __future__ import annotations

import sys
from importlib.metadata import Distribution
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_COMMAND = "harness.cli:main"  # what the distribution of this package installs, whatever it is called
UNKNOWN = "of an unknown version"


def own_version(package: Path | None = None) -> str:
    """The version of the code in ``package`` (this one's folder unless given); UNKNOWN where nothing beside it tells.

    Another installation on the path is not asked: it is another harness.
    """
    home = (package or Path(__file__).parents[1]).parent
    try:
        table = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if _COMMAND in table["scripts"].values():
            return str(table["version"])
    except (OSError, LookupError, TypeError, ValueError, AttributeError):
        pass  # it is no source tree, or one that leaves its version to what was installed
    installed = Distribution.discover(path=[str(home)])
    return next((d.version for d in installed if any(e.value == _COMMAND for e in d.entry_points)), UNKNOWN)
