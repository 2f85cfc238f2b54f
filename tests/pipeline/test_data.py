"""Measured data: every format gives the same data set, and bad input ends in one sentence."""

from __future__ import annotations

import bz2
import io
import zipfile

import h5py
import numpy as np
import pytest

from ptycho.config.experiment import MeasuredConfig
from ptycho.data.containers.units import object_pixel_m
from ptycho.data.files import find_data_file
from ptycho.data.measured import load_measured
from ptycho.data.opening import load_probe
from ptycho.errors import DataError
from ptycho.optics import probes

M, SIDE = 6, 64
PIXEL_M, DISTANCE_M, ENERGY_J = 75e-6, 2.0, 1.4e-15
WIDTH_M = object_pixel_m(ENERGY_J, DISTANCE_M, SIDE, PIXEL_M)  # an object pixel, about 59 nm


@pytest.fixture
def content(rng):
    """A small data set as a file holds it: photon counts, a probe and positions in pixels."""
    return {
        "data": rng.poisson(5, (M, SIDE, SIDE)).astype(np.float32),
        "probe": probes.defocused(SIDE),
        "scan": rng.uniform(-20, 30, (M, 2)),
    }


def measured(path, **changes):
    settings = {"quantity": "counts", "centred": True, "order": "xy", "refine_probe_sweeps": 0} | changes
    return MeasuredConfig(path=str(path), **settings)


def write_npz(path, content):
    np.savez(path, allow_pickle=True, **content)
    return path


def write_bz2(path, content):
    buffer = io.BytesIO()
    np.savez(buffer, **content)
    path.write_bytes(bz2.compress(buffer.getvalue()))
    return path


def write_h5(path, content):
    with h5py.File(path, "w") as file:
        for name, array in content.items():
            file[name] = array
    return path


def write_cxi(path, content, **changes):
    """The entries of the CXI layout that are read; an entry changed to None is left out."""
    metres = np.column_stack([content["scan"] * WIDTH_M, np.zeros(len(content["scan"]))])
    entries = {
        "data_1/data": content["data"],
        "instrument_1/source_1/energy": ENERGY_J,
        "instrument_1/source_1/probe": content["probe"],
        "instrument_1/detector_1/distance": DISTANCE_M,
        "instrument_1/detector_1/x_pixel_size": PIXEL_M,
        "sample_1/geometry_1/translation": metres,
    } | changes
    with h5py.File(path, "w") as file:
        for name, value in entries.items():
            if value is not None:
                file[f"entry_1/{name}"] = value
    return path


WRITERS = {"x.npz": write_npz, "x.npz.bz2": write_bz2, "x.h5": write_h5, "x.hdf5": write_h5, "x.cxi": write_cxi}


# Good files


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_data_set(tmp_path, content, name):
    dataset = load_measured(measured(WRITERS[name](tmp_path / name, content)), SIDE)
    np.testing.assert_allclose(dataset.frames.diffraction, np.sqrt(content["data"]), rtol=1e-6)
    moved = dataset.frames.positions - content["scan"]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], (M, 2)), atol=1e-9)
    assert abs(np.vdot(dataset.probe, content["probe"])) == pytest.approx(
        float(np.linalg.norm(dataset.probe) * np.linalg.norm(content["probe"])), rel=1e-6
    )
    assert dataset.truth is None
    assert dataset.photon_scale == 1
    np.testing.assert_array_equal(dataset.frames.ids, np.arange(M))


@pytest.mark.parametrize(
    "names", [{"data": "diffraction"}, {"data": "diff3d"}, {"probe": "probeGuess"}, {"scan": "positions"}]
)
def test_the_other_names_of_an_array_are_understood(tmp_path, content, names):
    wanted = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    renamed = {names.get(name, name): array for name, array in content.items()}
    result = load_measured(measured(write_npz(tmp_path / "b.npz", renamed)), SIDE)
    np.testing.assert_array_equal(result.frames.diffraction, wanted.frames.diffraction)
    np.testing.assert_array_equal(result.frames.positions, wanted.frames.positions)
    np.testing.assert_array_equal(result.probe, wanted.probe)


@pytest.mark.parametrize("write", [write_npz, write_h5])
def test_coordinates_may_come_as_two_arrays(tmp_path, content, write):
    wanted = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    scan = content.pop("scan")
    content |= {"xcoords": scan[:, 0], "ycoords": scan[:, 1]}
    result = load_measured(measured(write(tmp_path / ("b.npz" if write is write_npz else "b.h5"), content)), SIDE)
    np.testing.assert_array_equal(result.frames.positions, wanted.frames.positions)


def test_leading_axes_of_one_and_further_probe_modes_are_dropped(tmp_path, content):
    wanted = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    content["data"], content["scan"] = content["data"][None, None], content["scan"][None]
    content["probe"] = np.stack([content["probe"], np.ones_like(content["probe"])])[None]
    result = load_measured(measured(write_npz(tmp_path / "b.npz", content)), SIDE)
    np.testing.assert_array_equal(result.frames.diffraction, wanted.frames.diffraction)
    np.testing.assert_array_equal(result.probe, wanted.probe)


def test_integer_counts_are_as_good_as_real_ones(tmp_path, content):
    wanted = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    content["data"] = content["data"].astype(np.uint16)
    result = load_measured(measured(write_npz(tmp_path / "b.npz", content)), SIDE)
    np.testing.assert_array_equal(result.frames.diffraction, wanted.frames.diffraction)


def test_amplitudes_are_taken_as_they_are(tmp_path, content):
    content["data"] = 0.37 * np.sqrt(content["data"])
    dataset = load_measured(measured(write_npz(tmp_path / "a.npz", content), quantity="amplitude"), SIDE)
    np.testing.assert_array_equal(dataset.frames.diffraction, content["data"])


def test_yx_order_swaps_the_columns(tmp_path, content):
    xy = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    content["scan"] = content["scan"][:, ::-1]
    yx = load_measured(measured(write_npz(tmp_path / "b.npz", content), order="yx"), SIDE)
    np.testing.assert_array_equal(xy.frames.positions, yx.frames.positions)


def test_corner_frames_are_shifted_to_the_middle(tmp_path, content):
    middle = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    content["data"] = np.fft.ifftshift(content["data"], axes=(-2, -1))
    corner = load_measured(measured(write_npz(tmp_path / "b.npz", content), centred=False), SIDE)
    np.testing.assert_array_equal(middle.frames.diffraction, corner.frames.diffraction)


def test_cropping_takes_the_central_detector_and_scales_positions(tmp_path, rng):
    counts = rng.poisson(5, (M, 128, 128)).astype(np.float32)
    content = {"data": counts, "probe": probes.defocused(128), "scan": rng.uniform(0, 50, (M, 2))}
    path = write_npz(tmp_path / "a.npz", content)
    whole, cropped = load_measured(measured(path), 128), load_measured(measured(path), 64)
    np.testing.assert_allclose(cropped.frames.diffraction, np.sqrt(counts[:, 32:96, 32:96]), rtol=1e-6)
    np.testing.assert_allclose(
        np.diff(cropped.frames.positions, axis=0), np.diff(whole.frames.positions, axis=0) / 2, atol=1e-9
    )
    assert cropped.probe.shape == (64, 64)


@pytest.mark.parametrize("N", [64, 128])
def test_every_patch_lies_inside_the_object(tmp_path, rng, N):
    content = {
        "data": rng.poisson(5, (40, 128, 128)).astype(np.float32),
        "probe": probes.defocused(128),
        "scan": rng.uniform(-300, 200, (40, 2)),
    }
    dataset = load_measured(measured(write_npz(tmp_path / "a.npz", content)), N)
    at, (height, width) = dataset.frames.positions, dataset.object_shape
    assert (at - N / 2).min() >= 0
    assert (at + N / 2).max(axis=0)[0] <= width
    assert (at + N / 2).max(axis=0)[1] <= height


def test_the_probe_is_scaled_to_the_mean_frame(tmp_path, content):
    dataset = load_measured(measured(write_npz(tmp_path / "a.npz", content)), SIDE)
    energy = content["data"].sum(axis=(1, 2)).mean()
    assert np.linalg.norm(dataset.probe) ** 2 == pytest.approx(energy, rel=1e-5)
    assert dataset.nphotons == pytest.approx(energy, rel=1e-6)


def test_a_bare_npy_is_a_probe_too(tmp_path, content):
    np.save(tmp_path / "probe.npy", content["probe"])
    np.testing.assert_array_equal(load_probe(str(tmp_path / "probe.npy")), content["probe"])
    path = write_npz(tmp_path / "x.npz", content)
    np.testing.assert_array_equal(load_probe(str(path)), content["probe"])


def test_files_are_found_in_the_named_folder(tmp_path, monkeypatch):
    (tmp_path / "lies-elsewhere.npz").touch()
    monkeypatch.setenv("PTYCHO_TEST_DATA", str(tmp_path))
    assert find_data_file("lies-elsewhere.npz") == tmp_path / "lies-elsewhere.npz"


def test_files_are_found_in_a_shared_folder_above_the_working_one(tmp_path, monkeypatch):
    (tmp_path / "shared" / "data").mkdir(parents=True)
    (tmp_path / "shared" / "data" / "far-above.npz").touch()
    (tmp_path / "repository" / "below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository" / "below")
    assert find_data_file("far-above.npz").samefile(tmp_path / "shared" / "data" / "far-above.npz")


# The Siemens star


@pytest.fixture(scope="module")
def star(shared):
    """The recorded arrays, and what is loaded of them."""
    path = shared / "siemens-star-small.npz.bz2"
    with np.load(io.BytesIO(bz2.decompress(path.read_bytes()))) as file:
        raw = {name: file[name] for name in file}
    return raw, load_measured(measured(path, centred=False, order="yx"), 128)


@pytest.mark.slow
def test_siemens_star_holds_its_frames_and_photons(star):
    _, dataset = star
    energy = dataset.frames.energy()
    assert dataset.frames.diffraction.shape == (516, 128, 128)
    assert energy.mean() == pytest.approx(461_212, abs=2)
    assert dataset.frames.diffraction.max() ** 2 == pytest.approx(963)
    assert np.linalg.norm(dataset.probe) ** 2 == pytest.approx(energy.mean(), rel=1e-5)


def test_siemens_star_s_first_scan_column_is_the_row(star):
    raw, dataset = star
    moved = dataset.frames.positions - raw["scan"][0, :, ::-1]
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-4)


def test_siemens_star_s_zero_frequency_lies_in_the_middle(star):
    raw, dataset = star
    mean = dataset.frames.diffraction.mean(axis=0)
    middle = mean[32:96, 32:96].sum()
    assert middle > 0.6 * mean.sum()
    np.testing.assert_allclose(dataset.frames.diffraction[7, 64, 64] ** 2, raw["data"][0, 7, 0, 0], rtol=1e-5)


# Bad input


def with_value(name, value):
    """Spoil one element of the array ``name``."""

    def spoil(content):
        content[name] = content[name].copy()
        content[name].flat[70 if content[name].size > 70 else 3] = value

    return spoil


def replaced(name, change):
    def spoil(content):
        content[name] = change(content[name])

    return spoil


def without(name):
    return lambda content: content.pop(name)


BAD = {  # name: (what is done to a good file, the cause as the message must name it)
    "no data": (without("data"), "no 'data' or 'diffraction' or 'diff3d'"),
    "no probe": (without("probe"), "no 'probe' or 'probeGuess'"),
    "no scan": (without("scan"), "no 'scan' or 'positions'"),
    "flat data": (replaced("data", lambda a: a[0]), r"data has shape \(64, 64\)"),
    "oblong frames": (replaced("data", lambda a: a[:, :, :60]), r"data has shape \(6, 64, 60\)"),
    "no frames": (replaced("data", lambda a: a[:0]), r"data has shape \(0, 64, 64\)"),
    "complex data": (replaced("data", lambda a: a + 1j), "data has type complex"),
    "data of words": (replaced("data", lambda a: np.full(a.shape, "many")), "data has type <U4"),
    "flat probe": (replaced("probe", lambda a: a[0]), r"probe has shape \(64,\)"),
    "oblong probe": (replaced("probe", lambda a: a[:60]), r"probe has shape \(60, 64\)"),
    "real probe": (replaced("probe", np.abs), "probe has shape .* and type float32"),
    "no probe modes": (replaced("probe", lambda a: a[None][:0]), r"probe has shape \(0, 64, 64\)"),
    "small probe": (replaced("probe", lambda a: a[:32, :32]), "probe has 32 pixels a side, expected 64"),
    "dark probe": (replaced("probe", np.zeros_like), "probe.*zero"),
    "a scan of three columns": (replaced("scan", lambda a: np.ones((M, 3))), r"scan has shape \(6, 3\)"),
    "a scan too short": (replaced("scan", lambda a: a[:-1]), r"scan has shape \(5, 2\).*expected \(6, 2\)"),
    "a complex scan": (replaced("scan", lambda a: a + 1j), "scan has .*type complex"),
    "NaN in data": (with_value("data", np.nan), r"data has 1 values that are not finite.*\(0, 1, 6\)"),
    "infinity in data": (with_value("data", np.inf), r"data has 1 values that are not finite.*\(0, 1, 6\)"),
    "NaN in probe": (with_value("probe", np.nan), r"probe has 1 values that are not finite.*\(1, 6\)"),
    "NaN in scan": (with_value("scan", np.nan), r"scan has 1 values that are not finite.*\(1, 1\)"),
    "negative data": (with_value("data", -1), "data has 1 negative values"),
    "dark data": (replaced("data", np.zeros_like), "every value of data is zero"),
    "small frames": (
        lambda content: content.update(data=content["data"][:, :32, :32], probe=content["probe"][:32, :32]),
        "frames of 32 pixels a side are smaller than N = 64",
    ),
    "amplitude said to be counts": (replaced("data", np.sqrt), "said to be counts but its squares are whole"),
    "pickled data": (replaced("data", lambda a: np.array([{}, None])), "pickled Python objects.*never unpickled"),
    "pickled probe": (replaced("probe", lambda a: np.array([{}, None])), "pickled Python objects.*never unpickled"),
}
REMEDY = (  # what a message must hold of, besides the cause
    r"expected|it holds|say quantity = |save plain|cannot be negative|it may be truncated"
    r"|replace|mask|remove|choose|crop to|set |give |check"
)


def refusal(path, **changes):
    """The message that loading ``path`` ends with."""
    with pytest.raises(DataError) as caught:
        load_measured(measured(path, **changes), SIDE)
    return str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_file_and_cause(tmp_path, content, case):
    spoil, cause = BAD[case]
    spoil(content)
    message = refusal(write_npz(tmp_path / "mine.npz", content))
    assert message.startswith("mine.npz")
    assert "\n" not in message
    assert ". " not in message, "one sentence"
    with pytest.raises(DataError, match=cause):
        raise DataError(message)


@pytest.mark.parametrize("case", sorted(BAD.keys() - {"dark probe", "no probe modes"}))
def test_bad_input_is_refused_with_a_remedy(tmp_path, content, case):
    spoil, _ = BAD[case]
    spoil(content)
    with pytest.raises(DataError, match=REMEDY):
        load_measured(measured(write_npz(tmp_path / "mine.npz", content)), SIDE)


@pytest.mark.parametrize("name", ["x.npz", "x.h5", "x.cxi"])
def test_counts_said_to_be_amplitude_are_refused(tmp_path, content, name):
    message = refusal(WRITERS[name](tmp_path / name, content), quantity="amplitude")
    assert message.startswith(name)
    assert "said to be amplitude but holds whole numbers only" in message
    assert "say quantity = counts" in message


def test_counts_in_other_units_are_not_taken_for_amplitude(tmp_path, content):
    """A detector's gain of 1234.56 units a photon: not whole, and no amplitude either."""
    content["data"] = np.where(content["data"] > 3, 1234.56 * content["data"], 0).astype(np.float32)
    assert load_measured(measured(write_npz(tmp_path / "x.npz", content)), SIDE).frames.diffraction.any()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99])
def test_truncated_files_are_refused_by_name(tmp_path, content, name, kept):
    path = WRITERS[name](tmp_path / name, content)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    message = refusal(path)
    assert message.startswith(name)
    assert "truncated" in message


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_npz_is_refused_by_name(tmp_path, content, save):
    save(tmp_path / "x.npz", **content)
    with zipfile.ZipFile(tmp_path / "x.npz") as file:
        start = file.getinfo("data.npy").header_offset
    damaged = bytearray((tmp_path / "x.npz").read_bytes())
    damaged[start + 300 : start + 400] = b"\xff" * 100
    (tmp_path / "x.npz").write_bytes(damaged)
    assert refusal(tmp_path / "x.npz").startswith("x.npz cannot be read")


@pytest.mark.parametrize("name", ["x.npz", "x.h5", "x.cxi", "x.npz.bz2", "x.tif", "x"])
@pytest.mark.parametrize("write", [write_npz, write_h5, write_bz2, write_cxi])
def test_a_file_is_what_it_holds_whatever_its_name(tmp_path, content, write, name):
    wanted = load_measured(measured(write_npz(tmp_path / "wanted.npz", content)), SIDE)
    write(tmp_path / "any.npz", content)
    (tmp_path / "any.npz").rename(tmp_path / name)
    dataset = load_measured(measured(tmp_path / name), SIDE)
    np.testing.assert_array_equal(dataset.frames.diffraction, wanted.frames.diffraction)
    np.testing.assert_allclose(dataset.frames.positions, wanted.frames.positions, atol=1e-9)


@pytest.mark.parametrize("name", ["x.npz", "x.h5", "x.cxi", "x"])
@pytest.mark.parametrize("text", ["not data at all", ""])
def test_what_is_no_data_is_refused_whatever_its_name(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    message = refusal(tmp_path / name)
    assert message.startswith(f"{name} is neither NPZ nor HDF5")
    assert "not the format its name says" in message


def test_a_single_array_is_refused_as_a_data_set(tmp_path, content):
    np.save(tmp_path / "x.npy", content["data"])
    assert "single array, expected an NPZ" in refusal(tmp_path / "x.npy")


def test_coordinates_of_different_lengths_are_refused_with_both(tmp_path, content):
    scan = content.pop("scan")
    content |= {"xcoords": scan[:, 0], "ycoords": scan[:-1, 1]}
    message = refusal(write_npz(tmp_path / "x.npz", content))
    assert message.startswith("x.npz")
    assert "coords" in message


@pytest.mark.parametrize("factor", [1e-8, 1e6], ids=["metres", "nanometres"])
def test_positions_that_cannot_be_pixels_are_refused(tmp_path, content, factor):
    """All in one pixel, or an object of terabytes: coordinates in another unit."""
    content["scan"] = content["scan"] * factor
    message = refusal(write_npz(tmp_path / "x.npz", content))
    assert message.startswith("x.npz")
    assert "scan" in message


def test_values_too_large_for_single_precision_are_refused(tmp_path, content):
    content["data"] = content["data"].astype(np.float64) * 1e39
    assert "not finite" in refusal(write_npz(tmp_path / "x.npz", content))


def test_an_hdf5_group_is_not_an_array(tmp_path, content):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data/data"], file["probe"], file["scan"] = content["data"], content["probe"], content["scan"]
    assert refusal(tmp_path / "x.h5").startswith("x.h5 has no 'data'")


@pytest.mark.parametrize(
    "entry",
    [
        "data_1/data",
        "instrument_1/source_1/energy",
        "instrument_1/source_1/probe",
        "instrument_1/detector_1/distance",
        "instrument_1/detector_1/x_pixel_size",
        "sample_1/geometry_1/translation",
    ],
)
def test_a_cxi_file_without_an_entry_is_refused_naming_it(tmp_path, content, entry):
    message = refusal(write_cxi(tmp_path / "x.cxi", content, **{entry: None}))
    assert message.startswith("x.cxi lacks a CXI entry")
    assert entry.rpartition("/")[2] in message


@pytest.mark.parametrize(
    "entry",
    ["instrument_1/source_1/energy", "instrument_1/detector_1/distance", "instrument_1/detector_1/x_pixel_size"],
)
def test_a_cxi_length_of_zero_is_refused(tmp_path, content, entry):
    assert refusal(write_cxi(tmp_path / "x.cxi", content, **{entry: 0.0})).startswith("x.cxi")


def test_a_missing_file_is_refused_saying_where_it_was_looked_for():
    message = refusal("no-such-file.npz")
    assert "'no-such-file.npz' does not exist here, nor in $PTYCHO_TEST_DATA" in message


def test_a_refused_probe_file_is_named(tmp_path, content):
    np.save(tmp_path / "real.npy", np.abs(content["probe"]))
    with pytest.raises(DataError, match=r"real\.npy: probe has shape \(64, 64\) and type float32"):
        load_probe(str(tmp_path / "real.npy"))
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(DataError, match=r"text\.npy is no plain array"):
        load_probe(str(tmp_path / "text.npy"))
