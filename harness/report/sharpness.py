"""How sharp and how calm a scenario's statistical tier is, in words."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.protocol import Json


def sharpness_sentence(summary: Mapping[str, Json]) -> str:
    """A scenario's ``statistics`` in words: by how many runs, which shift is seen, and how many false alarms."""
    alarms, median_shift = summary["false_alarms"], summary["median_shift"]
    seen = (
        f"; half of them show a shift of {median_shift:.3g} standard deviations, 9 times in 10" if median_shift else ""
    )
    joint = f", {summary['together']} of them together as well" if summary["together"] else ""
    calm = ""
    if alarms:
        measured = " and ".join(
            f"{alarms[key]['alarms']} of {alarms[key]['runs']} {what} "
            f"({100 * alarms[key]['low']:.2g} % to {100 * alarms[key]['high']:.2g} %)"
            for key, what in (("left_out", "members, each against the others,"), ("held_out", "runs held out"))
            if key in alarms
        )
        calm = f"; false alarms: promised at most {100 * alarms['promised']:.2g} % of healthy runs, measured {measured}"
    return f"{summary['values']} values by {summary['members']} runs{joint}{seen}{calm}"
