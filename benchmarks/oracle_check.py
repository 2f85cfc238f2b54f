"""Check the oracle once against an independent library's reconstruction of the same real data.

Reconstructs the Siemens star (N = 128, 20 sweeps, probe updated from the third) with
``ptycho.reconstruction.oracle`` and with pty-chi's ePIE, and compares the two. Run in an environment of its
own, because pty-chi needs PyTorch: ``python -m tox run -e oracle-check``.
"""

from __future__ import annotations

import sys
import time
import types

import numpy as np

from ptycho.config.experiment import MeasuredConfig
from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Dataset
from ptycho.data.measured import load_measured
from ptycho.pipeline.comparison import illuminated
from ptycho.quality import metrics
from ptycho.reconstruction.oracle import epie, fourier_error

SWEEPS, PROBE_FROM, STEP = 20, 3, 0.5


def ptychi_epie(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """pty-chi's object and probe, frame by frame (batch size 1), in its own conventions undone."""
    _without_torchvision()
    import torch
    from ptychi import api
    from ptychi.api.task import PtychographyTask

    shape = tuple(int(n) for n in dataset.object_shape)
    options = api.EPIEOptions()
    options.reconstructor_options.num_epochs = SWEEPS
    options.reconstructor_options.batch_size = 1
    options.reconstructor_options.default_device = api.Devices.CPU
    options.reconstructor_options.random_seed = 42
    options.object_options.pixel_size_m = 1e-8
    options.object_options.build_preconditioner_with_all_modes = False
    options.probe_options.optimization_plan.start = PROBE_FROM - 1
    options.probe_options.orthogonalize_incoherent_modes.enabled = False
    options.object_options.alpha = options.probe_options.alpha = STEP
    # It takes positions relative to the object's centre, and a patch's centre at pixel N / 2 - 0.5.
    centre = (np.array(shape[::-1]) - 1) / 2
    x, y = (dataset.frames.positions - 0.5 - centre).T
    # Its diffraction patterns are intensities and, like ours, centred; its FFT is not normalised.
    task = PtychographyTask(
        options,
        diffraction_data=(dataset.probe.shape[-1] * dataset.frames.diffraction) ** 2,
        object_data=torch.ones((1, *shape), dtype=torch.complex64),
        probe_data=torch.tensor(dataset.probe)[None, None],
        probe_position_x_px=x,
        probe_position_y_px=y,
    )
    task.run()
    obj = np.asarray(task.get_data_to_cpu("object", as_numpy=True))[0]
    probe = np.asarray(task.get_data_to_cpu("probe", as_numpy=True))[0, 0]
    return obj, probe


def _without_torchvision() -> None:
    """pty-chi imports torchvision for a blur that nothing here uses; it has no CPU build to match."""
    package, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    transforms.GaussianBlur = type("GaussianBlur", (), {})  # type: ignore[attr-defined]
    sys.modules |= {"torchvision": package, "torchvision.transforms": transforms}


def main() -> None:
    """Print Fourier errors, times and the agreement."""
    dataset = load_measured(MeasuredConfig("siemens-star-small.npz.bz2", "counts", False, "yx", 0), 128)
    started = time.perf_counter()
    *_, ours = epie(dataset.frames, dataset.probe, dataset.object_shape, ReferenceConfig(SWEEPS, STEP, 42, PROBE_FROM))
    middle = time.perf_counter()
    obj, probe = ptychi_epie(dataset)
    ended = time.perf_counter()
    factor = np.linalg.norm(probe) / np.linalg.norm(dataset.probe)
    obj, probe = obj * factor, probe / factor
    support = illuminated(dataset.frames, dataset.probe, dataset.object_shape, 0.5)
    aligned, how = metrics.align_objects(obj, ours.object, support, plane=True, shift=True)
    result = metrics.quality_scores(aligned, ours.object, support)
    error = fourier_error(ours.object, ours.probe, dataset.frames)
    other = fourier_error(obj, probe, dataset.frames)
    print(f"ptycho.reconstruction.oracle: Fourier error {error:.4f} in {middle - started:.1f} s")
    print(f"pty-chi ePIE:     Fourier error {other:.4f} in {ended - middle:.1f} s (measured by our forward model)")
    print(f"shift removed {how.shift_px} px, plane {how.plane_rad_per_px} rad/px")
    for part in ("amplitude", "phase"):
        print(f"{part}: pearson_r {result[part]['pearson_r']:.4f}, MAE {result[part]['mae']:.4f}")
    print(f"FRC, mean over rings: {result['frc']['mean']:.4f}")


if __name__ == "__main__":
    main()
