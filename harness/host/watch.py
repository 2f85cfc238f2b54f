"""What follows the pipeline's code in its process: what a call touched and left changed, which source was loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.core.protocol import Json
from harness.host import own_modules, process_state
from harness.host.senses import random_states
from harness.host.traces.own_state import OwnState
from harness.host.traces.patches import Patches
from harness.host.witness import Witness
from harness.run.work import nothing_noted


class ProcessWatch:
    """The watch over a process that is a pipeline's alone. Make it before any of the pipeline's code is imported.

    ``environment``: variables that may be asked for. ``kept``: where the harness alone writes.
    """

    def __init__(self, root: Path, state: Path, kept: Sequence[Path] = ()) -> None:
        own_modules.record_imports()
        self.environment: Collection[str] = ()
        self._witness = Witness(root, state, kept)
        self._witness.install()
        self._state = OwnState()
        self._patches = Patches(self._state.importing)

    @contextmanager
    def over(self, files: tuple[str, ...]) -> Iterator[dict[str, Json]]:
        """See ``harness.run.work.Watch``; afterwards the process is as it was, and its global generators are fresh."""
        noted: dict[str, Json] = nothing_noted()
        before, known = process_state.capture(), set(self.loaded())
        self._state.begin()
        try:
            with self._witness.watching(tuple(map(Path, files)), self.environment) as record:
                yield noted
        finally:
            noted["undeclared"] = record.undeclared()
            noted["changed"] = [*record.written(), *process_state.changes(before, process_state.capture())]
            noted["changed"] += self._patches.changes()
            noted["left"], drawn = self._state.changes()
            noted["changed"] += [f"the state of {name}" for name in drawn]
            noted["loaded"] = [path for path in self.loaded() if path not in known]
            noted["facts"] = dict(self._witness.lookups.facts)
            noted["modules"] = self._witness.lookups.modules()
            process_state.restore(before)
            self._patches.put_back()

    @contextmanager
    def importing(self) -> Iterator[dict[str, list[str]]]:
        """What an import touched, at the end, and ``changed`` of what the harness keeps.

        How it set up the process is what stages will find.
        """
        touched: dict[str, list[str]] = {}
        process_state.capture()  # which takes note, from now on, of who changes what
        self._patches.begin()
        try:
            with self._witness.watching((), ()) as record:
                yield touched
        finally:
            touched |= {"touched": record.undeclared(), "changed": record.written()}
            self._patches.accept()
            random_states.refresh_generators()

    def loaded(self) -> Mapping[str, str]:
        """See ``harness.run.work.Watch``."""
        return own_modules.loaded()
