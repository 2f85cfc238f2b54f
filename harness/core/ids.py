"""The ids of what is kept, and the names of the artifacts that the harness itself adds to a pipeline's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePath

from harness.core.errors import GoldenError

CONFIGURATION, INVARIANTS, ENSEMBLE = "configuration", "invariants", "ensemble"
ROUNDING = "ensemble_rounding"
ENSEMBLES = (ENSEMBLE, ROUNDING)
"""Of runs that differ in their seeds, and of runs with one seed that differ in their rounding."""
CHECK = "check"
"""The track of what tests check; the pytest fixture that they check it with has that name too."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_OTHER, _LONGEST = re.compile(r"[^A-Za-z0-9_.-]"), 150  # characters of a part, before its digest
_TAKEN = ("approvals",)  # folders among the goldens that belong to no module


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


def is_of_a_test(identity: str) -> bool:
    """Whether an id is one of what a test checks, and of no stage."""
    return identity.split("/")[1:2] == [CHECK]


def checked_id(module: PurePath, names: Sequence[str], parameters: str = "") -> GoldenId:
    """The id of what a test checks: its module's path from the project's root, its classes, its name, its parameters.

    The parts are joined by dots, and the parameter id follows after a ``-``. Where that takes a character out or could
    mean another test as well, a digest of the whole name follows, so that no two tests share an id.
    """
    folders = [*module.parent.parts, module.stem]
    dotted, plain = ".".join(folders), not any("." in folder for folder in folders)
    scenario = _part(dotted, module.as_posix(), plain and module.suffix == ".py" and dotted not in _TAKEN)
    whole = [*names[:-1], f"{names[-1]}[{parameters}]" if parameters else names[-1]]
    shown = ".".join(names) + (f"-{parameters}" if parameters else "")
    return GoldenId(scenario, CHECK, _part(shown, "::".join(whole), not any("-" in name for name in names)))


def _part(shown: str, whole: str, plain: bool) -> str:
    """``shown`` as a part of an id, with a digest of ``whole`` unless it is ``plain`` and one as it is."""
    fits = NAME.fullmatch(shown) and ".." not in shown and len(shown) <= _LONGEST and not shown.endswith(".about")
    if plain and fits:
        return shown
    kept = re.sub(r"\.{2,}", ".", _OTHER.sub("_", shown))[:_LONGEST].lstrip(".-") or "_"
    return f"{kept}-{hashlib.sha256(whole.encode(errors='surrogatepass')).hexdigest()[:8]}"
