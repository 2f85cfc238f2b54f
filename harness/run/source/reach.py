"""What a name, or an entry, leads to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from harness.core.errors import ProjectError
from harness.core.protocol import entry_name
from harness.run.source.modules import Piece
from harness.run.source.scopes import Target


class Step(NamedTuple):
    """What a target leads to at once.

    ``binding``: an import, which decides the outcome without being a piece. ``foreign``: it is of other sources.
    """

    pieces: tuple[Piece, ...] = ()
    targets: tuple[Target, ...] = ()
    binding: tuple[str, ...] = ()
    foreign: bool = False


class Reach(NamedTuple):
    """Everything that an entry leads to: pieces of source, imports that decide which, and targets elsewhere.

    ``read``: names of modules that it looks at, whether they are defined by pieces or not.
    """

    pieces: set[Piece]
    bindings: set[tuple[str, ...]]
    foreign: set[Target]
    read: set[tuple[str, str]]

    @classmethod
    def empty(cls) -> Reach:
        """Nothing yet."""
        return cls(set(), set(), set(), set())

    def add(self, other: Reach) -> None:
        """Add what another reaches."""
        for mine, others in zip(self, other, strict=True):
            mine.update(others)  # type: ignore[attr-defined]


def start_of(entry: str | Callable[..., Any]) -> Target:
    """Where an entry's definition is; the whole module for a lambda."""
    module, _, name = entry_name(entry).partition(":")
    if not module or not name:
        raise ProjectError(f'{entry!r} has no source of its own: give a function, or "module:function"')
    head = name.partition(".")[0]
    return Target(module) if head.startswith("<") else Target(module, (head,))
