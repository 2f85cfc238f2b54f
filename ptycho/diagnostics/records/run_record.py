"""The record of a run: its parts by name, and typed access to what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ptycho.diagnostics.records.json_values import FARTHEST, at_path, finite_or_none, number_or_none


@dataclass(frozen=True)
class RunRecord:
    """A run by its parts; ``layout`` is "ptycho", "upstream", "verification" or "report" (of a single file).

    "upstream" is the original PtychoPINN project, see docs/explanation/history.md.
    ``missing``: sentences about files that were looked for. ``beside``: other runs of the same scan.
    """

    name: str
    layout: str
    parts: Mapping[str, Any]
    missing: tuple[str, ...] = ()
    beside: tuple[RunRecord, ...] = field(default=(), compare=False)

    def get(self, *path: str) -> Any:
        """Whatever stands at ``path``, or None."""
        return at_path(self.parts, *path)

    def number(self, *path: str) -> float | None:
        """The number at ``path``, NaN and infinities included; None where there is none."""
        return number_or_none(self.get(*path))

    def finite(self, *path: str) -> float | None:
        """The finite number at ``path``, or None; one beyond ``FARTHEST`` counts as none."""
        return finite_or_none(self.get(*path))

    def positive(self, *path: str) -> float | None:
        """The finite number above zero at ``path``, or None; one below ``1 / FARTHEST`` counts as none."""
        value = self.finite(*path)
        return value if value is not None and value > 1 / FARTHEST else None

    def flag(self, *path: str) -> bool | None:
        """The truth value at ``path``, or None."""
        value = self.get(*path)
        return value if isinstance(value, bool) else None

    def words(self, *path: str) -> str | None:
        """The text at ``path``, or None."""
        value = self.get(*path)
        return " ".join(value.split())[:200] if isinstance(value, str) else None

    def table(self, *path: str) -> dict[str, Any]:
        """The mapping at ``path``, or an empty one."""
        value = self.get(*path)
        return value if isinstance(value, dict) else {}

    def series(self, *path: str) -> list[float]:
        """The numbers of the list at ``path``; what is no number there is left out."""
        value = self.get(*path)
        return [n for n in map(number_or_none, value) if n is not None] if isinstance(value, list) else []

    def subsets(self, part: str) -> dict[str, dict[str, Any]]:
        """The subsets (train, test or infer) of the report that is the part ``part``, by name."""
        return {k[:40]: v for k, v in list(self.table(part, "subsets").items())[:10] if isinstance(v, dict)}

    def first_positive(self, *places: tuple[str, ...]) -> float | None:
        """The first finite number above zero at any of the paths ``places``, or None."""
        return next((n for place in places if (n := self.positive(*place))), None)

    @property
    def N(self) -> int | None:  # noqa: N802 (the field's symbol)
        """Patch side in pixels."""
        side = self.first_positive(
            ("metadata", "config", "N"),
            ("intensity", "dataset_scale_info", "N"),
            ("scaler", "recorded_params", "N"),
            ("grouping", "metadata", "parameters", "N"),
            ("reassembly", "metadata", "parameters", "N"),
        )
        if side is None:  # (images, N, N), (groups, N, N, C) or (groups, C, N, N)
            shapes = [at_path(stage, "stats", "shape") for stage in self.stages]
            sides = (number_or_none(shape[2]) for shape in shapes if isinstance(shape, list) and len(shape) > 2)
            side = next((n for n in sides if n is not None), None)
        return int(side) if side and 1 <= side < 1e6 else None

    @property
    def nphotons(self) -> float | None:
        """Mean photons an image."""
        return self.first_positive(
            ("metadata", "scales", "nphotons"),
            ("intensity", "dataset_scale_info", "nphotons"),
            ("metadata", "nphotons"),
            ("scaler", "recorded_params", "nphotons"),
        )

    @property
    def stages(self) -> list[dict[str, Any]]:
        """The four intensity stages, raw to container, of the reconstructed frames, as far as they are recorded."""
        value = self.get("intensity", "stages")
        stages = [s for s in value if isinstance(s, dict)] if isinstance(value, list) else []
        return [s for s in stages if at_path(s, "metadata", "split") in (None, "test")]
