"""The ids of what is kept, and the names of the artifacts that the harness itself adds to a pipeline's."""

from __future__ import annotations

import re

from harness.core.errors import GoldenError

CONFIGURATION, INVARIANTS, ENSEMBLE = "configuration", "invariants", "ensemble"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def check_id(identity: str) -> str:
    """``identity`` itself; raises GoldenError where it could lead out of its folder."""
    if not all(NAME.fullmatch(part) and ".." not in part for part in identity.split("/")):
        raise GoldenError(f"{identity[:80]!r} is not an id: parts of letters, digits, '_', '-' and '.', joined by '/'")
    return identity


class GoldenId(str):
    """The id of a golden: a scenario, a track (its profile, or the replay) and an artifact.

    It is a value with three parts, and the text ``scenario/track/artifact`` wherever a file, JSON or a
    command line needs one.
    """

    scenario: str
    track: str
    artifact: str

    def __new__(cls, scenario: str, track: str, artifact: str) -> GoldenId:
        """The id of these parts."""
        identity = super().__new__(cls, f"{scenario}/{track}/{artifact}")
        identity.scenario, identity.track, identity.artifact = scenario, track, artifact
        return identity

    def __getnewargs__(self) -> tuple[str, str, str]:  # type: ignore[override]
        """What a copy is made from."""
        return self.scenario, self.track, self.artifact

    @classmethod
    def parse(cls, text: str) -> GoldenId:
        """The id that ``text`` writes; raises GoldenError where it is none of a golden."""
        parts = check_id(text).split("/")
        if len(parts) != 3:
            raise GoldenError(f"{text[:80]!r} is not the id of a golden, which is scenario/track/artifact")
        return cls(*parts)


def scenario_of(identity: str) -> str:
    """The scenario that an id of any kind belongs to: its first part."""
    return identity.partition("/")[0]
