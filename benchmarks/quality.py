"""Write docs/quality.md from the accepted goldens: ``python benchmarks/quality.py``. A test compares the two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
HEAD = """# Quality

Made by `python benchmarks/quality.py` from the accepted goldens: what `harness verify` holds every scenario to at the
`cpu` profile. *r* is pearson_r and *bias* the relative amplitude bias, both over the illuminated support, against the
truth, with no rescaling; *oracle r* is the iterative reconstruction's; *chain product* is the product of all gains
from raw data to object units.

| scenario | amplitude r | bias | phase r | phase MAE (rad) | oracle r | Fourier error | oracle's | chain product |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
TAIL = """
A phase r needs a phase that varies: objects without one have none. `siemens_star` is measured and has no truth. An
object from every second frame explains those that neither it nor training has seen with a Fourier error of
{held_out:.4f}. Two reconstructions from every second frame agree with phase r {half_network:.3f} (network) and
{half_oracle:.3f} (oracle, each with a probe of its own).
"""


def golden(scenario: str, artifact: str) -> dict[str, Any]:
    """The values of an accepted artifact."""
    result: dict[str, Any] = json.loads((ROOT / f"goldens/{scenario}/cpu/{artifact}.json").read_text())["values"]
    return result


def cell(value: float | None, form: str) -> str:
    """A number, or a dash."""
    return "–" if value is None else format(value, form)


def row(scenario: str) -> str:
    """One scenario's line."""
    metrics, intensity = golden(scenario, "comparison")["metrics"], golden(scenario, "telemetry")["intensity"]
    network, errors = metrics.get("network", {}), metrics["fourier_error"]
    amplitude, phase = network.get("amplitude", {}), network.get("phase", {})
    cells = (
        scenario,
        cell(amplitude.get("pearson_r"), ".4f"),
        cell(amplitude.get("relative_bias"), "+.2%"),
        cell(phase.get("pearson_r"), ".4f"),
        cell(phase.get("mae"), ".4f"),
        cell(metrics.get("oracle", {}).get("amplitude", {}).get("pearson_r"), ".4f"),
        cell(errors["network"], ".4f"),
        cell(errors["oracle"], ".4f"),
        cell(intensity["full_chain_product"], ".4f"),
    )
    return f"| {' | '.join(cells)} |\n"


def page() -> str:
    """The whole page."""
    scenarios = sorted(path.parent.parent.name for path in ROOT.glob("goldens/*/cpu/comparison.json"))
    star = golden("siemens_star", "comparison")["metrics"]
    tail = TAIL.format(
        held_out=star["fourier_error"]["network_held_out"],
        half_network=star["half_scan_network"]["phase"]["pearson_r"],
        half_oracle=star["half_scan_oracle"]["phase"]["pearson_r"],
    )
    return HEAD + "".join(map(row, scenarios)) + tail


if __name__ == "__main__":
    (ROOT / "docs/quality.md").write_text(page(), encoding="utf-8")
