"""Files of settings as data: JSON, TOML, YAML where a library for it is installed, and the sections of INI files."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import Any

from harness.core.errors import GoldenError, ProjectError
from harness.core.files import parse_json
from harness.core.protocol import Json

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SETTINGS_SUFFIXES = (".json", ".toml", ".yaml", ".yml", ".ini", ".cfg")


def settings_of(path: str) -> Json:
    """What a file of settings holds, as data that can have a golden; the stage declares it in its ``files``.

    JSON, TOML, YAML (with PyYAML or ruamel.yaml), and INI, of which every value is a text. Raises ProjectError where
    the file cannot be read as what its name says.
    """
    return plain_data(read_settings(Path(path)))


def read_settings(path: Path) -> Any:
    """What a file of settings holds, as its library gives it; raises ProjectError where it cannot be read."""
    try:
        content = path.read_bytes()
        if path.suffix == ".json":
            return parse_json(content, str(path))
        text = content.decode("utf-8-sig")
        if path.suffix == ".toml":
            return tomllib.loads(text)
        return _yaml(text, path) if path.suffix in (".yaml", ".yml") else _ini(text)
    except OSError as error:
        raise ProjectError(f"{path} cannot be read: {error.strerror or error}") from error
    except (GoldenError, ValueError, RecursionError, configparser.Error) as error:
        raise ProjectError(f"{path}, a file of settings, cannot be read: {error}") from error


def _yaml(text: str, path: Path) -> Any:
    try:
        import yaml
    except ImportError:
        return _ruamel(text, path)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _ruamel(text: str, path: Path) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise ProjectError(f"{path} needs a YAML library to be read: pip install pyyaml") from error
    try:
        return YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _ini(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser if name != parser.default_section or parser.defaults()}


def plain_data(value: Any) -> Json:
    """A value as JSON has it: keys are texts, and what is neither number, text nor table is told as its text."""
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    if isinstance(value, dict):
        return {str(key) or "(empty)": plain_data(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
