"""The part of a configuration that a stage declares: it is given that, and may ask for nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from harness.core.errors import ProjectError
from harness.core.files import sha256
from harness.core.protocol import Json, Stage


class UndeclaredSettingError(Exception):
    """A stage asks for a part of the configuration that its ``reads`` do not declare: a mistake of that stage."""


class Asked(list[str]):
    """What a stage asked for without declaring it; copies of its settings share the list."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Asked:
        return self


class DeclaredSettings(dict[str, Json]):
    """A dictionary that knows which keys a stage declares, and raises when it is asked for another.

    What is there is given, and a declared key that is absent is a KeyError or the default, as in any dictionary.
    An undeclared one raises ``UndeclaredSettingError``, whether the configuration has it or not. As a stage may catch
    that, ``asked`` keeps the name as well. A plain copy, such as ``dict(settings)``, holds no more than what is given.
    """

    stage: str
    where: str
    declared: frozenset[str]
    asked: Asked

    @classmethod
    def of(cls, stage: str, where: str, reads: tuple[str, ...], asked: Asked) -> DeclaredSettings:
        """Settings without any values yet; ``reads`` are the names below ``where``, with a dot at its end."""
        made = cls()
        made.stage, made.where, made.asked = stage, where, asked
        made.declared = frozenset(name.partition(".")[0] for name in reads)
        return made

    def __missing__(self, key: str) -> Json:
        self._permit(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or self._permit(key)

    def get(self, key: str, default: Json = None) -> Json:
        """The value, or the default of a declared key; an undeclared part says which of its keys is asked for."""
        if not super().__contains__(key) and isinstance(default, Mapping) and not default and not self._may(key):
            self.asked.append(f"{self.where}{key}")
            return UndeclaredPart.of(self.stage, f"{self.where}{key}.", (), self.asked)
        self._ask(key)
        return super().get(key, default)

    def setdefault(self, key: str, default: Json = None) -> Json:
        """The value of a declared key, which is set when it is absent."""
        self._ask(key)
        return super().setdefault(key, default)

    def pop(self, key: str, *default: Json) -> Json:
        """The value of a declared key, which is removed."""
        self._ask(key)
        return super().pop(key, *default)

    def copy(self) -> DeclaredSettings:
        """A shallow copy, with the same declarations."""
        return copy.copy(self)

    def _ask(self, key: object) -> None:
        if not super().__contains__(key):
            self._permit(key)

    def _may(self, key: object) -> bool:
        return key in self.declared

    def _permit(self, key: object) -> bool:
        """False for a declared key, which is absent then."""
        if not self._may(key):
            self.asked.append(f"{self.where}{key}")
            raise undeclared(self.stage, f"{self.where}{key}")
        return False


class UndeclaredPart(DeclaredSettings):
    """What stands for ``settings.get(part, {})`` of an undeclared part: whatever is asked of it raises."""

    def _refuse(self, *_: object) -> NoReturn:
        raise undeclared(self.stage, self.where.removesuffix("."))

    __bool__ = __len__ = __iter__ = __eq__ = __ne__ = keys = values = items = __or__ = __ror__ = _refuse


def undeclared(stage: str, name: str) -> UndeclaredSettingError:
    """The error that ``stage`` asks for the setting ``name``."""
    return UndeclaredSettingError(f"{stage} asks for {name}, which its reads do not declare: add it to them")


def check_settings(config: Mapping[str, Json]) -> None:
    """Raise UndeclaredSettingError if the stage that was given ``config`` asked for more, and caught the error."""
    if isinstance(config, DeclaredSettings) and config.asked:
        raise undeclared(config.stage, config.asked[-1])


def declared_settings(stage: Stage, config: Mapping[str, Json]) -> DeclaredSettings:
    """A copy of the settings that ``stage`` declares that it reads.

    It is given no others, so that what is not in its key cannot change its result: no cached result is ever stale.
    """
    return _declared(stage.name, config, tuple(sorted(stage.reads)), "", Asked())


def settings_key(stage: Stage, config: Mapping[str, Json]) -> str:
    """The digest of what ``stage`` is given of a configuration: names, values, their types, and their order.

    An absent setting is another than a null, and so is a table in another order, which a stage may go through.
    """
    given = declared_settings(stage, config)
    try:
        json.dumps(given)
        return sha256(repr((sorted(stage.reads), given)).encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ProjectError(
            f"stage {stage.name} reads a setting that is no JSON ({error}): mend the scenario"
        ) from error


def _declared(
    stage: str, config: Mapping[str, Json], reads: tuple[str, ...], where: str, asked: Asked
) -> DeclaredSettings:
    given = DeclaredSettings.of(stage, where, reads, asked)
    for key in dict.fromkeys(name.partition(".")[0] for name in reads):
        if key not in config:
            continue
        if key in reads:
            given[key] = copy.deepcopy(config[key])
        elif isinstance(config[key], Mapping):
            below = tuple(name.partition(".")[2] for name in reads if name.startswith(f"{key}."))
            given[key] = _declared(stage, config[key], below, f"{where}{key}.", asked)
    return given
