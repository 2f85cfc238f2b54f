"""Pytest in a copy of the accepted repository, in a process of its own."""

from __future__ import annotations

import re
from collections import Counter


class Pytest:
    """Pytest in a copy of the accepted repository."""

    def __init__(self, repository):
        self.repository, self.root = repository, repository.root

    def run(self, options="", status=0, **environment):
        done = self.repository.expect(f"pytest -W error {options}", status, **environment)
        return done.stdout + done.stderr

    def outcomes(self, options="", status=0, **environment):
        """Each test and its outcome."""
        out = self.run(f"{options} -rA -q", status, **environment)
        return dict(reversed(line) for line in re.findall(r"^(PASSED|FAILED|SKIPPED|ERROR) (\S+)", out, re.MULTILINE))

    def counts(self):
        """How often each stage ran, by scenario, track and name, as the log of stages tells."""
        lines = (self.root / ".harness/stages.log").read_text().splitlines()
        return Counter(line.removeprefix("== ") for line in lines if line.startswith("== ") and line.count(" ") == 3)

    def bytes(self, *folders):
        paths = [p for folder in folders for p in (self.root / folder).rglob("*") if p.is_file()]
        return {p: p.read_bytes() for p in paths}
