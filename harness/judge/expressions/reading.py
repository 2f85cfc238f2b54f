"""Patterns in the syntax of ``re``, read by its own parser; what no automaton can do in linear time is refused."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from harness.judge.expressions.automaton import ACCEPT, Automaton, Spot, Test

if sys.version_info >= (3, 11):
    from re import _constants as names  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
else:
    import sre_constants as names
    import sre_parse as parser

_LARGEST = 5_000  # states
_LONGEST = 2_000  # characters of a pattern
_FLAGS = re.UNICODE | re.VERBOSE | re.DOTALL | re.ASCII
_CATEGORIES = {
    names.CATEGORY_DIGIT: r"\d",
    names.CATEGORY_NOT_DIGIT: r"\D",
    names.CATEGORY_SPACE: r"\s",
    names.CATEGORY_NOT_SPACE: r"\S",
    names.CATEGORY_WORD: r"\w",
    names.CATEGORY_NOT_WORD: r"\W",
}
_REFUSED = {
    "GROUPREF": "a reference back to a group",
    "GROUPREF_EXISTS": "a choice by whether a group matched",
    "ASSERT": "a look ahead or behind",
    "ASSERT_NOT": "a look ahead or behind",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repetition",
}


class UnreadablePatternError(ValueError):
    """A pattern that is none, or that no automaton matches; it says why, in words that follow the pattern."""


@lru_cache(maxsize=256)
def compiled_expression(pattern: str) -> Automaton:
    """The automaton of a pattern; raises UnreadablePatternError."""
    if len(pattern) > _LONGEST:
        raise UnreadablePatternError(f"is longer than {_LONGEST} characters")
    try:
        re.compile(pattern)
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise UnreadablePatternError(f"is no regular expression: {error}") from error
    if odd := re.RegexFlag(tree.state.flags & ~int(_FLAGS)):
        raise UnreadablePatternError(f"sets {odd.name or odd!r}, which is not understood: write [Aa] for either case")
    builder = _Builder(tree.state.flags)
    try:
        builder.made.start = builder.sequence(tree, ACCEPT)
    except RecursionError as error:
        raise UnreadablePatternError("is nested too deeply") from error
    return builder.made


class _Builder:
    """Builds the states backwards: each part is given the state that comes after it, and gives the one it begins at."""

    def __init__(self, flags: int) -> None:
        self.made, self.flags = Automaton(), flags

    def sequence(self, items: Sequence[Any], then: int) -> int:
        for operator, argument in reversed(list(items)):
            then = self._part(operator, argument, then)
        return then

    def _new(self) -> int:
        self.made.size += 1
        if self.made.size > _LARGEST:
            raise UnreadablePatternError(f"is too large: it repeats its parts more than {_LARGEST} times")
        return self.made.size - 1

    def _reading(self, test: Test, then: int) -> int:
        state = self._new()
        self.made.reads[state] = (test, then)
        return state

    def _fork(self, ways: list[int]) -> int:
        state = self._new()
        self.made.forks[state] = ways
        return state

    def _part(self, operator: Any, argument: Any, then: int) -> int:
        if operator in (names.MAX_REPEAT, names.MIN_REPEAT):  # of a whole text both match the same
            least, most, items = argument
            return self._repeated(least, most, items, then)
        if operator is names.BRANCH:
            return self._fork([self.sequence(branch, then) for branch in argument[1]])
        if operator is names.SUBPATTERN:
            _, added, removed, items = argument
            if added or removed:
                raise UnreadablePatternError("sets flags within a group, which is not understood: write [Aa]")
            return self.sequence(items, then)
        if operator is names.AT:
            state = self._new()
            self.made.places[state] = (_place(argument, self.flags), then)
            return state
        if str(operator) in _REFUSED:
            raise UnreadablePatternError(
                f"has {_REFUSED[str(operator)]}, which may take for ever to match: write it without"
            )
        return self._reading(self._test(operator, argument), then)

    def _repeated(self, least: int, most: Any, items: Sequence[Any], then: int) -> int:
        if most is names.MAXREPEAT:
            loop = self._fork([then])
            self.made.forks[loop].append(self.sequence(items, loop))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self._fork([end, self.sequence(items, then)])
        for _ in range(least):
            then = self.sequence(items, then)
            self._new()  # so that even the repetition of nothing comes to an end
        return then

    def _test(self, operator: Any, argument: Any) -> Test:
        if operator is names.LITERAL:
            return chr(argument).__eq__
        if operator is names.NOT_LITERAL:
            return chr(argument).__ne__
        if operator is names.ANY:
            return (lambda c: True) if self.flags & re.DOTALL else "\n".__ne__
        if operator is names.IN:
            return self._any_of(argument)
        if operator is names.FAILURE:
            return lambda c: False
        raise UnreadablePatternError(f"has {str(operator).lower()}, which is not understood: write it without")

    def _any_of(self, items: Sequence[Any]) -> Test:
        negated = items[0][0] is names.NEGATE
        tests = [self._member(operator, argument) for operator, argument in items[negated:]]
        return (lambda c: not any(t(c) for t in tests)) if negated else (lambda c: any(t(c) for t in tests))

    def _member(self, operator: Any, argument: Any) -> Test:
        if operator is names.RANGE:
            low, high = map(chr, argument)
            return lambda c: low <= c <= high
        if operator is names.CATEGORY:
            category = re.compile(_CATEGORIES[argument], self.flags & re.ASCII)
            return lambda c: category.match(c) is not None
        return self._test(operator, argument)


def _place(kind: Any, flags: int) -> Spot:
    """Whether a place will do, given the character before it and the next two."""
    if kind in (names.AT_BEGINNING, names.AT_BEGINNING_STRING):
        return lambda before, rest: not before
    if kind is names.AT_END:
        return lambda before, rest: rest in ("", "\n")
    if kind is names.AT_END_STRING:
        return lambda before, rest: not rest
    word = re.compile(r"\w", flags & re.ASCII)
    inside = kind is names.AT_NON_BOUNDARY

    def at_boundary(before: str, rest: str) -> bool:
        return (bool(word.match(before)) != bool(word.match(rest))) is not inside

    return at_boundary
