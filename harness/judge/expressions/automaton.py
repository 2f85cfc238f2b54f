"""A nondeterministic automaton that walks all of its ways at once, a character at a time.

See Thompson, CACM 11, 419 (1968).

Backtracking, as ``re`` does it, takes exponential time for patterns such as ``(a+)+b``; this takes time proportional to
the length of the text times the size of the pattern, at worst, and cannot hang.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

Test: TypeAlias = Callable[[str], bool]
"""Whether a character will do."""

Spot: TypeAlias = Callable[[str, str], bool]
"""Whether a place in a text will do, given the character before it and the next two, fewer at the ends."""

ACCEPT = 0
"""The state in which a text matches."""
_KEPT = 4096  # moves that are remembered


@dataclass
class Automaton:
    """States by their number: a ``reads`` state takes a character that passes and goes on, others go on by themselves.

    ``forks`` go on to each of several states, ``places`` where the place in the text will do. ``start`` is where it
    begins.
    """

    reads: dict[int, tuple[Test, int]] = field(default_factory=dict)
    forks: dict[int, list[int]] = field(default_factory=dict)
    places: dict[int, tuple[Spot, int]] = field(default_factory=dict)
    start: int = ACCEPT
    size: int = 1
    _moves: dict[tuple[frozenset[int], str], frozenset[int]] = field(default_factory=dict)

    def matches(self, text: str) -> bool:
        """Whether all of ``text`` matches."""
        return (self._by_place if self.places else self._by_character)(text)

    def _by_character(self, text: str) -> bool:
        states = self._closed([self.start], "", "")
        for character in text:
            key = (states, character)
            if (then := self._moves.get(key)) is None:
                if len(self._moves) >= _KEPT:
                    self._moves.clear()
                then = self._moves[key] = self._closed(self._read(states, character), "", "")
            if not then:
                return False
            states = then
        return ACCEPT in states

    def _by_place(self, text: str) -> bool:
        states: Iterable[int] = [self.start]
        for i, character in enumerate(text):
            before, rest = text[i - 1] if i else "", text[i : i + 2]
            states = self._read(self._closed(states, before, rest), character)
            if not states:
                return False
        return ACCEPT in self._closed(states, text[-1:], "")

    def _read(self, states: Iterable[int], character: str) -> list[int]:
        reads = self.reads
        return [reads[state][1] for state in states if state in reads and reads[state][0](character)]

    def _closed(self, states: Iterable[int], before: str, rest: str) -> frozenset[int]:
        """The states and all that they lead to without a character; ``rest``: the next two characters of the text."""
        reached, waiting = set(states), [*states]
        while waiting:
            state = waiting.pop()
            ways = self.forks.get(state, ())
            if state in self.places:
                will_do, then = self.places[state]
                ways = [then] if will_do(before, rest) else []
            for way in ways:
                if way not in reached:
                    reached.add(way)
                    waiting.append(way)
        return frozenset(reached)
