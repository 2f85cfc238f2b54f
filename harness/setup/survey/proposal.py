"""A proposal: the stages of somebody's pipeline, what each needs and reads, and the settings of a first scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ProposedStage:
    """One stage: ``call`` is the function that runs it, ``outputs`` what its result is called.

    ``together``: the result has one name; ``mapping``: it is a dictionary already, or ``before`` and ``after`` the call
    make one of it. ``unsure``: where it may not do what the driver does, so that it refuses to run.
    """

    name: str
    artifact: str
    call: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    together: bool
    mapping: bool
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    files: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""


@dataclass
class Proposal:
    """What was found: ``module`` is what the adapter imports, ``settings`` are tables, ``lacking`` have no value.

    ``shared``: the configuration that modules share; ``defaults``: by a name, the expression that gives what the source
    sets where nobody says otherwise, and the files that hold some of it; ``notes``: what no stage repeats.
    """

    module: str
    driver: str
    stages: list[ProposedStage] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    shared: str = ""
    defaults: dict[str, str] = field(default_factory=dict)
    default_files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    attributes: bool = False


def table_of(shared: str) -> str:
    """The table of a scenario that has the settings of a configuration that modules share, by its address."""
    return shared.partition(":")[0].rpartition(".")[2]


def is_toml(value: Any) -> bool:
    """Whether TOML can hold a value."""
    if isinstance(value, list | tuple):
        return all(map(is_toml, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_toml(item) for key, item in value.items())
    return isinstance(value, bool | int | float | str)


def double_quoted(words: str) -> str:
    """Source with double quotes, where that is simple."""
    return words if '"' in words else words.replace("'", '"')
