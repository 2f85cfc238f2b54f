"""Whether the GPU tests run, and how large: decided from what the backend sees and what it computes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OPTION = "--gpu-on-cpu"


@dataclass(frozen=True)
class Sight:
    """What a Keras backend tells of its devices: ``place`` is where it computes, such as ``gpu:0``,
    and ``name`` that device's model; ``accelerators`` are all that it sees."""

    backend: str
    accelerators: tuple[str, ...]
    place: str
    name: str

    @property
    def accelerated(self) -> bool:
        """Whether an accelerator is what it computes on, rather than only seen."""
        return bool(self.accelerators) and not self.place.startswith("cpu")


@dataclass(frozen=True)
class Plan:
    """What is to be done, and why in one sentence."""

    run: Literal["full", "reduced", "skip"]
    reason: str


def decide(sight: Sight, on_cpu: bool) -> Plan:
    """Full runs on an accelerator; on the CPU reduced ones where ``on_cpu`` allows it, else none."""
    if sight.accelerated:
        return Plan("full", f"{sight.backend} computes on {sight.place} ({sight.name})")
    if sight.accelerators:
        seen = f"{sight.backend} sees {', '.join(sight.accelerators)} and computes on {sight.place}"
    else:
        seen = f"{sight.backend} sees no accelerator"
    if on_cpu:
        return Plan("reduced", f"{seen}: reduced runs on the CPU ({sight.name}), as {OPTION} allows")
    return Plan("skip", f"{seen}: choose another backend with KERAS_BACKEND, or run reduced on the CPU with {OPTION}")
