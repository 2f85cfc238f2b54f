"""The pipeline, declared once: each stage, the configuration that it reads, and the stages that it needs.

Nothing heavy is imported before a stage runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ptycho.config.pipeline import PipelineConfig
from ptycho.config.reading import declared_part
from ptycho.progress import Progress

PREPARED = ("simulate", "split", "probe", "group")
"""The stages whose outputs later stages take as one value, ``Prepared``."""


@dataclass(frozen=True)
class Stage:
    """A named step: the configuration keys that it reads, and the earlier stages whose outputs it takes.

    ``entry``, a function or ``"module:function"``, is called with the configuration, a ``Progress`` and
    the outputs of its needs in their order, of which all of ``PREPARED`` become one ``Prepared``.
    """

    name: str
    entry: str | Callable[..., Any]
    reads: tuple[str, ...]
    needs: tuple[str, ...] = ()

    def run(self, config: PipelineConfig, progress: Progress, outputs: Mapping[str, Any]) -> Any:
        """The stage's output, from ``outputs`` by the stages' names.

        It is given the part of the configuration that it declares: a key that it reads beside that
        raises ConfigError, which names both.
        """
        part = declared_part(config, self.reads, f"stage {self.name}")
        return self.function(part, progress, *self.arguments(outputs))

    @property
    def function(self) -> Callable[..., Any]:
        """What ``entry`` names."""
        if not isinstance(self.entry, str):
            return self.entry
        module, _, name = self.entry.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function

    def arguments(self, outputs: Mapping[str, Any]) -> list[Any]:
        """The outputs that it takes, in its function's order."""
        from ptycho.pipeline.values import Prepared

        needed = [outputs[name] for name in self.needs]
        count = len(PREPARED)
        return [Prepared(*needed[:count]), *needed[count:]] if self.needs[:count] == PREPARED else needed


PIPELINE = (
    Stage("simulate", "ptycho.pipeline.stages:simulate", ("N", "simulate", "measured")),
    Stage("split", "ptycho.pipeline.stages:split", ("split",), ("simulate",)),
    Stage("probe", "ptycho.pipeline.stages:probe", ("measured", "reference"), ("simulate", "split")),
    Stage("group", "ptycho.pipeline.stages:group", ("gridsize", "group", "infer"), ("simulate", "split")),
    Stage("normalize", "ptycho.pipeline.stages:normalize", (), PREPARED),
    Stage(
        "train",
        "ptycho.pipeline.stages:train",
        ("N", "gridsize", "model", "loss", "train"),
        (*PREPARED, "normalize"),
    ),
    Stage("infer", "ptycho.pipeline.stages:infer", ("infer",), ("group", "train")),
    Stage("oracle", "ptycho.pipeline.stages:oracle", ("reference",), ("simulate", "group")),
    Stage(
        "compare",
        "ptycho.pipeline.stages:compare",
        ("gridsize", "group", "infer", "reference", "compare"),
        (*PREPARED, "train", "infer", "oracle"),
    ),
    Stage(
        "measure",
        "ptycho.pipeline.stages:measure",
        ("N", "model"),
        (*PREPARED, "train", "infer", "compare"),
    ),
)
