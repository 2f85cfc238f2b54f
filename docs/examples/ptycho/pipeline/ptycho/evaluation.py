"""How good a reconstruction is."""

import numpy as np

from ptycho import params


def eval_reconstruction(obj, truth):
    """Errors of amplitude and phase in the part that was scanned well; a global phase is nobody's fault."""
    edge = params.get("N") // 2
    inside = (slice(edge, -edge), slice(edge, -edge))
    a, b = obj[inside], truth[inside]
    a = a * np.exp(-1j * np.angle(np.vdot(b, a)))
    mae = float(np.mean(np.abs(np.abs(a) - np.abs(b))))
    phase = float(np.sqrt(np.mean(np.angle(a * np.conj(b)) ** 2)))
    return {"mae_amplitude": mae, "rms_phase": phase, "pixels": a.size}
