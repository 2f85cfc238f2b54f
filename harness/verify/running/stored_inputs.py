"""What a stage of the replay is given: the accepted outputs of the stages that it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.core.errors import GoldenError
from harness.core.ids import GoldenId
from harness.core.protocol import Output, Pipeline, Stage
from harness.core.trees import join_tree
from harness.store.goldens import Goldens
from harness.store.manifest import Entry


class StoredInputs:
    """Those of one scenario. What is wrong with a golden among them is put into ``damaged``, by its id."""

    def __init__(
        self,
        pipeline: Pipeline,
        goldens: Goldens,
        scenario: str,
        manifest: Callable[[], Mapping[str, Entry]],
        damaged: dict[str, str],
    ) -> None:
        self.pipeline, self.goldens, self.scenario, self.damaged = pipeline, goldens, scenario, damaged
        self._manifest = manifest
        self._whole: dict[str, bool] = {}

    def __call__(self, stage: Stage) -> tuple[Callable[[], dict[str, Output]], dict[str, str]] | None:
        """What reads the inputs of a stage, by need, and their digests; None where one is not there, or damaged.

        A result that is cached needs the digests alone.
        """
        manifest, replay = self._manifest(), self.pipeline.replay_profile
        names = {need: GoldenId(self.scenario, replay, self.pipeline.stage(need).artifact) for need in stage.needs}
        if any(identity not in manifest for identity in names.values()):
            return None
        if not all(self._is_whole(identity, manifest[identity]) for identity in names.values()):
            return None

        def read() -> dict[str, Output]:
            artifacts = {need: self.goldens.read(of, manifest[of]).artifact for need, of in names.items()}
            return {need: join_tree(artifact.values, artifact.arrays) for need, artifact in artifacts.items()}

        return read, {need: manifest[identity].sha256 for need, identity in names.items()}

    def _is_whole(self, identity: GoldenId, entry: Entry) -> bool:
        """Whether a golden is what was accepted, and can be read; looked at once."""
        if identity not in self._whole:
            try:
                self.goldens.read(identity, entry)
                self._whole[identity] = True
            except GoldenError as error:
                self.damaged[identity], self._whole[identity] = str(error), False
        return self._whole[identity]
