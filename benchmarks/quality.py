"""Run every scenario at its cpu profile and write docs/quality.md: ``python -m tox run -e quality``.

Each scenario runs in a process of its own, one after another, so that time and peak memory are its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ptycho.scenario import list_scenarios

HEAD = """# Quality

Made by `python -m tox run -e quality`: every scenario at the `cpu` profile, one process after another, on
{cpus} cores ({platform}). *r* is pearson_r and *bias* the relative amplitude bias, both over the illuminated
support, against the truth, with no rescaling; *oracle r* is the iterative reconstruction's. *Load* is the load
average over one minute when the run ended (its own two threads included).

| scenario | amplitude r | bias | phase r | phase MAE (rad) | oracle r | Fourier error | oracle's | chain product \
| training | peak memory | load |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
TAIL = """
A phase r needs a phase that varies: objects without one have none. `siemens_star` is measured and has no truth; its
frames below the split were trained on, the others have Fourier error {held_out:.4f}. Two reconstructions from every
second frame agree with phase r {half_network:.3f} (network) and {half_oracle:.3f} (oracle).
"""


def cell(value: float | None, form: str) -> str:
    """A number, or a dash."""
    return "–" if value is None else format(value, form)


def row(name: str, folder: Path) -> str:
    """One scenario's line."""
    metrics, stats, about = (
        json.loads((folder / f).read_text())
        for f in ("comparison_metrics.json", "intensity_stats.json", "run_metadata.json")
    )
    amplitude, phase = metrics.get("amplitude", {}), metrics.get("phase", {})
    errors, times = metrics["fourier_error"], about["timings"]
    cells = (
        name,
        cell(amplitude.get("pearson_r"), ".4f"),
        cell(amplitude.get("relative_bias"), "+.2%"),
        cell(phase.get("pearson_r"), ".4f"),
        cell(phase.get("mae"), ".4f"),
        cell(metrics.get("oracle", {}).get("amplitude", {}).get("pearson_r"), ".4f"),
        cell(errors["network"], ".4f"),
        cell(errors["oracle"], ".4f"),
        cell(stats["full_chain_product"], ".4f"),
        f"{times['training_seconds']:.0f} s",
        f"{about['peak_memory_mb']:.0f} MB",
        cell(about["device"]["load_average"], ".1f"),
    )
    return f"| {' | '.join(cells)} |\n"


def main(runs: Path, page: Path) -> None:
    """Run what has not been run into ``runs``, then write the page."""
    text, about = "", {}
    for name in list_scenarios():
        folder = runs / name
        if not (folder / "run_metadata.json").exists():
            subprocess.run([sys.executable, "-m", "ptycho", "run", name, "--out", str(folder)], check=True)
        text += row(name, folder)
        about = json.loads((folder / "run_metadata.json").read_text())["device"]
    star: dict[str, Any] = json.loads((runs / "siemens_star" / "comparison_metrics.json").read_text())
    halves = {who: star["half_scan"][who]["phase"]["pearson_r"] for who in ("network", "oracle")}
    tail = TAIL.format(
        held_out=star["fourier_error"]["network_held_out"], half_network=halves["network"], half_oracle=halves["oracle"]
    )
    page.write_text(HEAD.format(cpus=os.cpu_count(), platform=about["platform"].split("-")[0]) + text + tail)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
