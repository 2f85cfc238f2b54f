"""Reports of one scenario with a few verdicts, and words that are hard to show, for tests of the report."""

from __future__ import annotations

import numpy as np

from harness.core.verdicts import ArtifactReport, Report, ScenarioReport, Status, Verdict

EVIL = "<script>alert(1)</script>|`x`&\"'\x1b[31m\x00 @you [a](b)\n# no"


def nothing(scenario, track, artifact):
    return None, None


def a_report(*artifacts, **more):
    """A report of one scenario ``s``."""
    scenario = ScenarioReport("s", "cpu", "a title", artifacts, **more)
    return Report("p", "cpu", {}, "now", 1.0, (scenario,))


def an_artifact(*verdicts, stage="stage", track="cpu", **more):
    return ArtifactReport(stage, stage, track, verdicts, **more)


GOOD = Verdict("good", Status.PASS, "deterministic", expected=1.0, obtained=1.0, used=0.5)
BAD = Verdict("bad", Status.FAIL, "deterministic", expected=1.0, obtained=2.0, used=3.0, allowed="± 0.333")


def same(a, b):
    """Equal to the type: 1 is not 1.0, and NaN is NaN."""
    return repr(a) == repr(b)


RAMP = np.arange(12.0).reshape(3, 4)
