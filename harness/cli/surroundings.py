"""What lies around a project and stands in its way: folders of the same name, pytest's configuration, the checkout."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator
from pathlib import Path

import harness

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def shadowing_package(folder: Path) -> Path | None:
    """A package called ``harness`` in ``folder`` that is not this one: ``python -m pytest`` would import it instead."""
    own = Path(harness.__file__).resolve().parent
    for path in (folder / "harness" / "__init__.py", folder / "harness.py"):
        if path.is_file() and path.resolve().parent != own:
            return path.parent if path.name == "__init__.py" else path
    return None


def pytest_configuration(root: Path) -> Path | None:
    """The file that pytest takes its configuration from in ``root``, which may lie above it; None without one."""
    for folder in (root, *root.parents):
        found = next(_configurations(folder), None)
        if found is not None:
            return found
    return None


def _configurations(folder: Path) -> Iterator[Path]:
    for name, section in (
        ("pytest.toml", ""),
        (".pytest.toml", ""),
        ("pytest.ini", ""),
        (".pytest.ini", ""),
        ("pyproject.toml", "pytest"),
        ("tox.ini", "pytest"),
        ("setup.cfg", "tool:pytest"),
    ):
        path = folder / name
        if path.is_file() and (not section or _has(path, section)):
            yield path


def _has(path: Path, section: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            return section in tomllib.loads(text).get("tool", {})
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        return parser.has_section(section)
    except (OSError, ValueError, configparser.Error):
        return False
