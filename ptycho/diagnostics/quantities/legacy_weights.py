"""The loss weights of the original project's script against those of its scenarios (docs/explanation/history.md)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ptycho.diagnostics.records import at_path, number_or_none

# What the script's configuration means where it says nothing.
LEGACY_DEFAULTS = {"mae_weight": 0.0, "nll_weight": 1.0, "realspace_weight": 0.0, "realspace_mae_weight": 0.0}


def legacy_loss_weights(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The script's loss weights against each scenario's, by the script's loss mode.

    A weight that the script does not set is the legacy default and is labelled so; one that it sets in
    one mode only is labelled conditional.
    """
    modes = report.get("dose_loss_modes")
    modes = {k: v for k, v in islice(modes.items(), 10) if isinstance(v, dict)} if isinstance(modes, dict) else {}
    base = report.get("dose_experiments")
    legacy = modes or {"as recorded": base if isinstance(base, dict) else {}}
    scenarios = report.get("scenarios")
    return [
        {"scenario": str(name)[:80], **row}
        for name, scenario in (list(scenarios.items())[:50] if isinstance(scenarios, dict) else ())
        for row in _against(legacy, at_path(scenario, "parameters"))
    ]


def _against(legacy: Mapping[str, Mapping[str, Any]], parameters: Any) -> list[dict[str, Any]]:
    """Every weight that one scenario or a mode of the script sets."""
    rows = []
    for mode, settings in legacy.items():
        for weight, default in LEGACY_DEFAULTS.items():
            own, scenarios = number_or_none(settings.get(weight)), number_or_none(at_path(parameters, weight))
            if scenarios is None and own is None:
                continue
            others = [number_or_none(s.get(weight)) for m, s in legacy.items() if m != mode]
            conditional = own is not None and any(other is None for other in others)
            label = "default" if own is None else f"conditional on {mode}" if conditional else "set"
            value, scenario_value = (default if v is None else v for v in (own, scenarios))
            rows.append(
                {
                    "mode": str(mode)[:40],
                    "weight": weight,
                    "legacy": value,
                    "legacy_is": label,
                    "scenario_value": scenario_value,
                    "same": value == scenario_value,
                }
            )
    return rows
