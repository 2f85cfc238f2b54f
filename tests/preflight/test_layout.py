"""The layout of data lives in the file, the options and the bundle, and is refused where they differ."""

from __future__ import annotations

import dataclasses

import h5py
import numpy as np
import pytest
from star_scan import Scan, scan_of

from ptycho.cli.measured_commands import split_settings
from ptycho.config.experiment import MeasuredConfig
from ptycho.config.scenario import load_scenario
from ptycho.data.measured import load_measured
from ptycho.data.raw.statistics import frame_statistics
from ptycho.errors import BundleError, ConfigError, DataError
from ptycho.preflight.declared import bundle_layout, declared_layout
from ptycho.reconstruction.oracle import epie


@pytest.fixture(scope="module")
def small() -> Scan:
    return scan_of(count=25)


@pytest.fixture
def written(tmp_path):
    def write(scan: Scan, **more):
        path = tmp_path / "scan.npz"
        np.savez(path, **scan.arrays(), **more)
        return str(path)

    return write


def trained(**changes):
    """A configuration of measured data, as a bundle keeps it."""
    config = load_scenario("siemens_star", "smoke").config
    return dataclasses.replace(config, measured=dataclasses.replace(config.measured, **changes))


def loaded(path, **changes):
    usual = {"quantity": "counts", "order": "xy", "centred": True, "refine_probe_sweeps": 0}
    return load_measured(MeasuredConfig(**({"path": path} | usual | changes)), 64)


# Orientation and scale


@pytest.mark.parametrize(
    ("spoil", "declared"),
    [
        (lambda at: at * [-1, 1], {"flip_x": True}),
        (lambda at: at * [1, -1], {"flip_y": True}),
        (lambda at: at[:, ::-1] * [-1, 1], {"order": "yx", "flip_y": True}),
        (lambda at: at * 0.25, {"position_scale": 4.0}),
    ],
)
def test_a_declared_orientation_gives_the_positions_of_the_right_file(small, written, spoil, declared):
    right = loaded(written(small)).frames.positions
    result = loaded(written(small.but(scan=spoil(small.scan))), **declared).frames.positions
    moved = result - right
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)


def test_transposed_frames_come_back(small, written):
    right = loaded(written(small)).frames.diffraction
    turned = loaded(written(small.but(data=small.data.swapaxes(1, 2))), transpose=True).frames.diffraction
    np.testing.assert_array_equal(turned, right)


def test_a_bad_pixel_is_masked_and_zero(small, written):
    data = small.data.copy()
    data[:, 40, 21] = 2**32 - 1
    frames = loaded(written(small.but(data=data))).frames
    assert frames.mask is not None
    assert np.argwhere(~frames.mask).tolist() == [[40, 21]]
    assert not frames.diffraction[:, 40, 21].any()
    clean = loaded(written(small)).frames
    assert clean.mask is None
    np.testing.assert_array_equal(frames.diffraction[:, frames.mask], clean.diffraction[:, frames.mask])


def test_dark_frames_are_left_out_and_the_others_keep_their_names(small, written):
    data = small.data.copy()
    data[3:5] = 0
    frames = loaded(written(small.but(data=data))).frames
    assert frames.ids.tolist() == [0, 1, 2, *range(5, 25)]


def test_a_drift_is_taken_out_where_asked(written):
    path = written(scan_of(count=64, beam=np.exp(-np.linspace(0, 1.2, 64))))
    drifting, level = (loaded(path, level_energy=on).frames.energy() for on in (False, True))
    assert drifting[-8:].mean() / drifting[:8].mean() < 0.5
    assert level[-8:].mean() / level[:8].mean() == pytest.approx(1, abs=0.05)


# Who declares


def test_options_come_before_what_is_usual(small, written):
    config = declared_layout(written(small), {"order": "yx"})
    assert (config.order, config.quantity, config.centred) == ("yx", "counts", True)


def test_what_the_file_states_needs_no_option_and_may_not_be_contradicted(small, written):
    path = written(small, order=np.array("yx"), centred=np.array(False), quantity=np.array("counts"))
    config = declared_layout(path, {})
    assert (config.order, config.centred) == ("yx", False)
    with pytest.raises(DataError, match=r"states order = 'yx', and --order xy contradicts it: leave it out"):
        declared_layout(path, {"order": "xy"})


def test_new_data_has_the_layout_of_the_bundle(small, written):
    path = written(small)
    config = bundle_layout(trained(flip_x=True, transpose=True), path, {})
    assert (config.order, config.centred, config.flip_x, config.transpose) == ("yx", False, True, True)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"order": "xy"}, r"--order yx, and --order xy contradicts it"),
        ({"centred": True}, r"--corner, and --centred contradicts it"),
        ({"quantity": "amplitude"}, r"--quantity counts, and --quantity amplitude contradicts it"),
        ({"flip_y": True}, r"no --flip-y, and --flip-y contradicts it"),
    ],
)
def test_an_option_that_contradicts_the_bundle_is_refused_naming_both(small, written, given, named):
    with pytest.raises(BundleError, match=named):
        bundle_layout(trained(), written(small), given)


def pinn(tmp_path, scan):
    """The scan as PtychoPINN has it: amplitudes, x first, the zero frequency in the middle."""
    path = tmp_path / "pinn.npz"
    x, y = scan.scan.T
    np.savez(path, diff3d=np.sqrt(scan.data).astype(np.float32), probeGuess=scan.probe, xcoords=x, ycoords=y)
    return str(path)


def test_a_format_that_contradicts_the_bundle_is_refused_until_an_option_says_what_holds(small, tmp_path):
    path = pinn(tmp_path, small)
    with pytest.raises(BundleError, match=r"with --quantity counts, and .*pinn.npz is of a format with --quantity amp"):
        bundle_layout(trained(), path, {})
    its = {"quantity": "amplitude", "order": "xy", "centred": True}
    config = bundle_layout(trained(flip_x=True), path, its)
    assert (config.quantity, config.order, config.centred, config.flip_x) == ("amplitude", "xy", True, True)
    the_bundle_s = {"quantity": "counts", "order": "yx", "centred": False}
    config = bundle_layout(trained(), path, the_bundle_s)
    assert (config.quantity, config.order, config.centred) == ("counts", "yx", False)


def test_a_file_that_states_another_layout_than_the_bundle_may_not_be_taken_for_it(small, written):
    path = written(small, order=np.array("xy"))
    with pytest.raises(BundleError, match=r"scan.npz states --order xy: say what holds for it with --order xy$"):
        bundle_layout(trained(), path, {})
    assert bundle_layout(trained(), path, {"order": "xy"}).order == "xy"


def test_a_bundle_of_simulated_data_takes_whatever_layout_the_format_has(small, tmp_path):
    config = bundle_layout(load_scenario("gs2_ideal", "smoke").config, pinn(tmp_path, small), {})
    assert (config.quantity, config.order, config.centred) == ("amplitude", "xy", True)


def test_a_bundle_of_simulated_data_takes_the_layout_of_simulate(small, written):
    config = bundle_layout(load_scenario("gs2_ideal", "smoke").config, written(small), {})
    assert (config.quantity, config.order, config.centred) == ("counts", "xy", True)


def test_settings_of_measured_data_are_told_from_all_others():
    own, others = split_settings(["measured.frames=50", "train.epochs=3", "measured.order=yx", "N=64"])
    assert own == {"frames": 50, "order": "yx"}
    assert others == ["train.epochs=3", "N=64"]


def test_an_unknown_setting_of_measured_data_is_named(small, written):
    with pytest.raises(ConfigError, match=r"unknown key 'fliip_x'; did you mean 'flip_x'"):
        declared_layout(written(small), {"fliip_x": True})


# Object units


@pytest.mark.slow
def test_simulate_and_reconstruct_return_the_true_amplitude(tmp_path, gs2):
    """The file states its photon scale, so the probe keeps its own and the object is in the truth's units."""
    config, dataset = gs2
    counts = np.rint((dataset.frames.diffraction.astype(float) * dataset.photon_scale) ** 2).astype(np.float32)
    arrays = {"data": counts, "probe": dataset.probe, "scan": dataset.frames.positions}
    path = tmp_path / "x.npz"
    np.savez(path, **arrays, photon_scale=dataset.photon_scale)
    for changes, wanted in (({}, 1.0), ({"probe_scale": "data"}, None)):
        data = loaded(str(path), **changes)
        settings = dataclasses.replace(config.reference, sweeps=8)
        *_, last = epie(data.frames, data.probe, data.object_shape, settings)
        first = np.floor(dataset.frames.positions.min(0)).astype(int) - 33
        inside = np.zeros(data.object_shape, bool)
        for x, y in np.rint(data.frames.positions).astype(int):
            inside[y - 6 : y + 6, x - 6 : x + 6] = True
        rows, columns = np.nonzero(inside)
        truth = np.abs(dataset.truth[rows + first[1], columns + first[0]]).mean()
        ratio = np.abs(last.object[rows, columns]).mean() / truth
        if wanted:
            assert ratio == pytest.approx(wanted, abs=0.03)
        else:
            assert np.abs(last.object[rows, columns]).mean() == pytest.approx(1, abs=0.1)


def test_a_photon_scale_holds_for_the_file_s_own_probe_and_for_no_other(small, written, tmp_path):
    path = written(small, photon_scale=np.array(7.0))
    np.save(tmp_path / "probe.npy", 3 * small.probe)
    assert loaded(path).photon_scale == 7.0
    assert loaded(path, probe_scale="data").photon_scale == 1.0
    other = loaded(path, probe=str(tmp_path / "probe.npy"))
    assert other.photon_scale == 1.0
    assert np.linalg.norm(other.probe) ** 2 == pytest.approx(other.frames.energy().mean(), rel=1e-5)
    kept = loaded(path, probe=str(tmp_path / "probe.npy"), probe_scale="file")
    np.testing.assert_allclose(kept.probe, (3 * small.probe).astype(np.complex64), atol=1e-4)


def test_a_probe_is_scaled_to_what_the_mask_lets_through(small, written):
    """Energies are those of valid pixels, of frames and probe alike: an empty object stays 1 under any mask."""
    far = np.abs(np.fft.fftshift(np.fft.fft2(small.probe))) ** 2
    empty = np.broadcast_to(np.rint(1e6 * far / far.sum()), small.data.shape).astype(np.uint32)
    valid = np.ones((64, 64), bool)
    valid[30:34] = False
    noise = np.random.default_rng(0).poisson(empty)
    whole, masked = (loaded(written(small.but(data=noise), mask=mask)) for mask in (valid | True, valid))
    assert masked.nphotons < 0.98 * whole.nphotons
    assert np.linalg.norm(masked.probe) == pytest.approx(np.linalg.norm(whole.probe), rel=1e-3)


# Memory


@pytest.mark.slow
def test_statistics_of_many_frames_need_hardly_more_memory_than_of_few(tmp_path):
    import tracemalloc

    rng = np.random.default_rng(0)
    peaks = []
    for count in (600, 3000):
        path = tmp_path / f"{count}.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("data", (count, 128, 128), "u2", chunks=(10, 128, 128), fillvalue=0)
            file["data"][:50] = rng.poisson(5, (50, 128, 128))
        with h5py.File(path, "r") as file:
            tracemalloc.start()
            frame_statistics(file["data"])
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
