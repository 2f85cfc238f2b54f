"""What Hatchling asks while it builds ``ptycho-reference``: its version, and the files that lie beside this folder.

In the repository the package and the scenarios lie in the root, one folder up. In a source distribution they lie here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SCENARIOS = "ptycho/_scenarios"


class Files(BuildHookInterface):  # type: ignore[type-arg]
    """The package, and each scenario's configuration."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name them; ``version`` is Hatchling's word for the kind of build."""
        here = Path(self.root)
        if (here / "ptycho").is_dir():  # an unpacked source distribution
            files = {here / "ptycho": "ptycho"}
        else:
            top = here.parent
            files = {
                path: f"{SCENARIOS}/{path.parent.name}/{path.name}" for path in top.glob("goldens/*/scenario.toml")
            }
            files |= {
                path: path.relative_to(top).as_posix() for path in (top / "ptycho").rglob("*") if _is_source(path)
            }
        build_data["force_include"].update({str(path): name for path, name in files.items()})


def _is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


class Version(MetadataHookInterface):
    """The version, which is that of the harness."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read it from the harness, or from what a source distribution says of itself."""
        told = Path(self.root) / "PKG-INFO"
        if told.is_file():
            pattern, path = r"^Version: (.+)$", told
        else:
            pattern, path = r'^__version__ = "([^"]+)"', Path(self.root).parent / "harness/__init__.py"
        metadata["version"] = re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)[0]
