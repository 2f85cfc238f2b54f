"""What a rival that won says of the scan, and the option that declares it."""

from __future__ import annotations

from ptycho.config.experiment import MeasuredConfig
from ptycho.preflight.trials.rivals import ROWS


def rival_words(best: str, error: float, declared: float) -> str:
    """The cause that a rival's name stands for, with the Fourier errors of both trials."""
    how = f"(Fourier error of a trial fit {error:.3f} against {declared:.3f})"
    if best.startswith("--"):
        return f"the positions' axes or signs are other ones than declared: {best} explains the frames better {how}"
    if best.startswith("shift"):
        count, later = abs(int(best.split()[1])), "later" if "+" in best else "earlier"
        return f"each frame belongs to the position {count} {later}: triggers were lost or came twice {how}"
    if best.startswith("turned"):
        return f"the positions are turned against the frames: {best} they explain them better {how}"
    if best.startswith(ROWS):
        return (
            f"every second row of the scan lies off along itself, as by a stage's backlash: {best} explains more {how}"
        )
    return f"the positions' unit is another one: times {best[1:]} they explain the frames better {how}"


def rival_flag(best: str, config: MeasuredConfig) -> str:
    """The command's option that declares a rival, or nothing."""
    if best.startswith("--"):
        return best
    if best[1:].replace(".", "", 1).isdigit():
        return f"--position-scale {config.position_scale * float(best[1:]):g}"
    return ""
