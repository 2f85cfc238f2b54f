"""pty-chi's LSQML as an oracle: incoherent modes, corrected positions, and an intensity of each frame's own.

Least-squares maximum likelihood (Odstrcil, Menzel & Guizar-Sicairos, Opt. Express 26, 3108, 2018), of which every
step has a length that is solved for. The library is optional, and imported when it is first used.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ptycho.arrays import Complex, Real
from ptycho.config.pipeline import ReferenceConfig
from ptycho.data.frames import Frames
from ptycho.errors import ConfigError
from ptycho.optics import probes
from ptycho.reconstruction.oracle import Iterate, amplitudes

BATCH = 32  # frames a step; the length of every step is solved for, so that frames that overlap in it do no harm
FURTHER_MODE = 0.05  # of the light that each further mode starts with
POSITION_STEP = 1.0  # the length that least squares gives; pty-chi's own default is 0.3
POSITIONS_FROM = 3  # first sweep (counted from 1) that corrects positions: before, there is no object to go by


def lsqml(frames: Frames, probe: Complex, shape: tuple[int, int], config: ReferenceConfig) -> Iterator[Iterate]:
    """Yield an ``Iterate`` after every sweep of pty-chi over the frames, as ``oracle.epie`` does.

    ``config.step`` scales the lengths that are solved for, and ``config.damping`` weighs the peak of the light against
    the light of a pixel in the denominator of the object's update. It starts as ``epie`` does, and the probe keeps
    its energy, all modes together. The Fourier error is that of the finished sweep, by this package's own forward
    model, which moves every mode by the fraction of a pixel; pty-chi moves the first alone.
    Raises ConfigError where pty-chi is not installed.
    """
    N = probe.shape[-1]
    start = float(np.sqrt(frames.energy().mean()) / probes.seen_norm(probe, frames.mask))
    unit = N / float(np.sqrt(frames.energy().mean()))  # of amplitudes, so that a mean pixel has one photon
    modes = probes.incoherent_modes(probe, (FURTHER_MODE,) * (config.probe_modes - 1))
    light = float(np.linalg.norm(probe))
    with _settings_of_torch():
        task = _task(frames, modes * np.float32(start * unit), unit, shape, config)
    recorded = task.dataset.patterns
    for sweep in range(1, config.sweeps + 1):
        with _settings_of_torch():
            task.run(1)
        obj, found, positions = _state(task, N)
        factor = float(np.linalg.norm(found)) / (start * unit * light)
        obj, found = obj * np.float32(start * factor), found / np.float32(start * unit * factor)
        at = replace(frames, positions=positions) if config.correct_positions else frames
        error, levels = _judged(obj, found, at, config.level_frames)
        if levels is not None:
            mean = float(np.sqrt(np.mean(levels**2)))
            obj, levels = obj * np.float32(mean), levels / mean
            task.dataset.patterns = recorded / recorded.new_tensor(levels[:, None, None] ** 2)
        moved = positions if config.correct_positions else None
        yield Iterate(sweep, obj, found if config.probe_modes > 1 else found[0], error, moved, levels)


def library() -> Any:
    """pty-chi's ``api``, with its ``PtychographyTask``; raises ConfigError where it, or PyTorch, cannot be imported."""
    try:
        from ptychi import api
        from ptychi.api.task import PtychographyTask
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"reference.oracle = 'ptychi' needs {error.name}, which is not installed: "
            "pip install 'ptycho-reference[ptychi]', or set reference.oracle to 'builtin'"
        ) from error
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"reference.oracle = 'ptychi' finds a pty-chi that cannot be imported ({error}): mend the installation ("
            "torch and torchvision must be of one kind, for CPUs or for GPUs), or set reference.oracle to 'builtin'"
        ) from error
    return api, PtychographyTask


def _task(frames: Frames, modes: Complex, unit: float, shape: tuple[int, int], config: ReferenceConfig) -> Any:
    """A task of pty-chi that has run no sweep yet, on an object of ones with a margin of a patch."""
    api, task = library()
    N = modes.shape[-1]
    options = _options(api, config)
    # A patch begins at pixel - N // 2, so that its middle, by which pty-chi places it, lies half a pixel lower.
    options.object_options.determine_position_origin_coords_by = api.ObjectPosOriginCoordsMethods.SPECIFIED
    options.object_options.position_origin_coords = [N - 0.5, N - 0.5]
    x, y = frames.positions.T
    made = task(
        options,
        # Its patterns are intensities and, like ours, centred; its FFT is not normalised.
        diffraction_data=((N * unit * frames.diffraction.astype(np.float64)) ** 2).astype(np.float32),
        object_data=np.ones((1, shape[0] + 2 * N, shape[1] + 2 * N), np.complex64),
        probe_data=modes[None],
        probe_position_x_px=x.astype(np.float32),
        probe_position_y_px=y.astype(np.float32),
        valid_pixel_mask=frames.mask,
    )
    made.reconstructor.dataloader.generator.manual_seed(config.seed)  # the only thing that is drawn
    return made


def _options(api: Any, config: ReferenceConfig) -> Any:
    options = api.LSQMLOptions()
    how, obj, probe = options.reconstructor_options, options.object_options, options.probe_options
    how.num_epochs, how.batch_size, how.default_device = config.sweeps, BATCH, api.Devices.CPU
    how.allow_nondeterministic_algorithms = False
    how.random_seed = None  # it would seed every generator of the process
    how.rescale_probe_intensity_in_first_epoch = False
    how.preconditioning_damping_factor = config.damping
    obj.remove_object_probe_ambiguity.enabled = False
    obj.optimal_step_size_scaler = probe.optimal_step_size_scaler = config.step
    probe.optimizable = config.update_probe_from > 0
    probe.optimization_plan.start = max(config.update_probe_from - 1, 0)
    probe.orthogonalize_incoherent_modes.enabled = config.probe_modes > 1
    options.probe_position_options.optimizable = config.correct_positions
    options.probe_position_options.step_size = POSITION_STEP
    options.probe_position_options.optimization_plan.start = POSITIONS_FROM - 1
    return options


def _state(task: Any, N: int) -> tuple[Complex, Complex, Real]:
    """Object without its margin, modes ``(K, N, N)``, and positions ``(M, 2)`` as ``[x, y]``."""
    obj, probe, positions = (
        np.array(task.get_data_to_cpu(name, as_numpy=True)) for name in ("object", "probe", "probe_positions")
    )
    return obj[0, N:-N, N:-N], probe[0], positions[:, ::-1].astype(np.float64)


def _judged(obj: Complex, modes: Complex, frames: Frames, level: bool) -> tuple[float, Real | None]:
    """The Fourier error, and where ``level`` each frame's factor of least squares, ``sum A |F| / sum |F|**2``."""
    levels, error = np.ones(len(frames)), 0.0
    for m, (A, had) in enumerate(amplitudes(obj, modes, frames)):
        if level:
            levels[m] = float(np.sum(A * had)) / max(float(np.sum(had**2)), np.finfo(np.float64).tiny)
        error += float(np.sum((A - levels[m] * had) ** 2))
    return float(np.sqrt(error / frames.energy().sum())), levels if level else None


@contextlib.contextmanager
def _settings_of_torch() -> Iterator[None]:
    """While pty-chi computes, the default device and type that it wants of the whole process, and one thread.

    Arrays are small: more threads take longer, above all on a busy machine, and round otherwise.
    """
    library()
    import torch

    device, kind, threads = torch.get_default_device(), torch.get_default_dtype(), torch.get_num_threads()
    torch.set_default_device("cpu")
    torch.set_default_dtype(torch.float32)
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            # Newer releases of PyTorch say so of a line of pty-chi's own.
            warnings.filterwarnings("ignore", "Converting a tensor with requires_grad", UserWarning)
            yield
    finally:
        torch.set_default_device(None if device.type == "cpu" else device)
        torch.set_default_dtype(kind)
        torch.set_num_threads(threads)
