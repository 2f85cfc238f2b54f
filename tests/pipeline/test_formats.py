"""Formats: each file is recognised by what it holds, and gives the same scan as the house's own NPZ."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
import tracemalloc

import foreign_files as foreign
import h5py
import numpy as np
import pytest
from foreign_files import DETECTOR_M, DISTANCE_M, ENERGY_J, PIXEL_M, SIDE, small_scan

from ptycho.config.experiment import MeasuredConfig
from ptycho.data.containers.units import ELECTRON_VOLT_J
from ptycho.data.files import input_files, partner
from ptycho.data.formats import file_layout, open_data
from ptycho.data.measured import load_measured
from ptycho.data.opening import load_mask, load_probe
from ptycho.errors import DataError

SCAN = small_scan()
WRITERS = {  # what is written: (its writer, a name, what the format is called)
    "npz": (foreign.npz, "scan.npz", "NPZ"),
    "hdf5": (foreign.hdf5, "scan.h5", "HDF5"),
    "pinn": (foreign.pinn, "scan.npz", "PtychoPINN"),
    "tike": (foreign.tike, "scan.npz", "tike"),
    "cxi": (foreign.cxi, "scan.cxi", "CXI"),
    "ptypy": (foreign.ptypy, "scan.ptyd", "ptypy"),
    "ptychi": (foreign.ptychi, "scan_dp.hdf5", "ptychodus"),
    "nexus": (foreign.nexus, "scan.nxs", "NeXus"),
}
WITH_PROBE = {"npz", "hdf5", "cxi", "ptychi", "tike"}
WITH_MASK = {"npz", "hdf5", "cxi", "ptypy", "nexus"}
WITH_LENGTHS = {"cxi", "ptypy", "nexus"}
every_format = pytest.mark.parametrize("kind", WRITERS)


def written(kind, folder, **changes):
    write, name, _ = WRITERS[kind]
    return write(folder / name, SCAN, **changes)


def layout_of(path):
    """As the file's format has it, else counts, xy and in the middle."""
    return {"quantity": "counts", "order": "xy", "centred": True} | file_layout(path)[0]


def configured(path, **changes):
    return MeasuredConfig(str(path), **({"refine_probe_sweeps": 0} | layout_of(path) | changes))


def loaded(path, N=SIDE, **changes):
    return load_measured(configured(path, **changes), N)


def refusal(path, **changes):
    with pytest.raises(DataError) as caught:
        loaded(path, **changes)
    message = str(caught.value)
    assert message.startswith(path.name)
    assert ". " not in message, "one sentence"
    return message


# The record


@every_format
def test_a_file_gives_its_frames_probe_positions_and_mask(tmp_path, kind):
    with open_data(written(kind, tmp_path)) as file:
        frames = file.frames[:]
        assert file.format == WRITERS[kind][2]
    counts = frames if file.quantity != "amplitude" else np.rint(frames.astype(float) ** 2)
    np.testing.assert_array_equal(
        counts if file.centred is not False else np.fft.fftshift(counts, (-2, -1)), SCAN.counts
    )
    order = file.order or "xy"
    xy = file.positions_px(order) if order == "xy" else file.positions_px(order)[:, ::-1]
    np.testing.assert_allclose(xy, SCAN.xy, rtol=1e-12)
    if kind in WITH_PROBE:
        np.testing.assert_array_equal(file.probe, SCAN.probe)
    if kind in WITH_MASK:
        np.testing.assert_array_equal(file.mask, SCAN.valid)
    else:
        assert file.mask is None
    if kind in WITH_LENGTHS:
        assert file.energy_j == pytest.approx(ENERGY_J)
        assert file.distance_m == pytest.approx(DISTANCE_M)
        assert file.detector_pixel_m == pytest.approx(DETECTOR_M)
        assert file.pixel_size_m == pytest.approx(PIXEL_M)


@every_format
def test_a_data_set_is_the_same_from_every_format(tmp_path, kind):
    np.save(tmp_path / "probe.npy", SCAN.probe)
    np.save(tmp_path / "mask.npy", SCAN.valid)
    masked = {} if kind in WITH_MASK else {"mask": str(tmp_path / "mask.npy")}
    if kind == "tike":  # a mask is laid out as the frames are
        np.save(tmp_path / "mask.npy", np.fft.ifftshift(SCAN.valid))
    wanted = loaded(foreign.npz(tmp_path / "wanted.npz", SCAN))
    dataset = loaded(written(kind, tmp_path), probe="" if kind in WITH_PROBE else str(tmp_path / "probe.npy"), **masked)
    np.testing.assert_allclose(
        dataset.frames.diffraction, wanted.frames.diffraction, rtol=1e-6 if kind == "pinn" else 0
    )
    np.testing.assert_allclose(dataset.frames.positions, wanted.frames.positions, rtol=1e-10)
    np.testing.assert_allclose(dataset.probe, wanted.probe, rtol=1e-6)
    assert dataset.object_shape == wanted.object_shape
    assert not dataset.frames.diffraction[:, ~SCAN.valid].any()
    np.testing.assert_array_equal(dataset.frames.mask, SCAN.valid)


@every_format
@pytest.mark.parametrize("block", [1, 5, 12])
def test_frames_are_read_a_slice_at_a_time(tmp_path, kind, block):
    with open_data(written(kind, tmp_path)) as file:
        whole, one = file.frames[:], SIDE * SIDE * file.frames.dtype.itemsize
        parts = dict(file.frames.blocks(block * one))
        backwards = np.concatenate([file.frames[i : i + 1] for i in range(len(whole))][::-1])[::-1]
        assert file.frames[7:7].shape == file.frames[7:7:2].shape == (0, SIDE, SIDE)
        np.testing.assert_array_equal(file.frames[1:9:3], whole[1:9:3])
        np.testing.assert_array_equal(file.frames[-2], whole[-2])
        with pytest.raises(IndexError):
            file.frames[12]
        assert file.frames[10:99].shape == (2, SIDE, SIDE)
    assert max(map(len, parts.values())) == block
    np.testing.assert_array_equal(np.concatenate([parts[start] for start in sorted(parts)]), whole)
    np.testing.assert_array_equal(backwards, whole)


@pytest.mark.parametrize("kind", sorted(WRITERS.keys() - {"ptychi"}))  # the names of a pair keep it together
def test_any_name_and_any_packing_will_do(tmp_path, kind):
    content = written(kind, tmp_path).read_bytes()
    for name, pack in {"x": bytes, "x.tif": bytes, "y": bz2.compress, "z": gzip.compress, "w": lzma.compress}.items():
        (tmp_path / name).write_bytes(pack(content))
        with open_data(tmp_path / name) as file:
            assert file.format == WRITERS[kind][2]
            np.testing.assert_array_equal(file.frames[3:5].shape, (2, SIDE, SIDE))


@pytest.mark.parametrize("kind", sorted(WRITERS.keys() - WITH_PROBE - {"pinn"}))
def test_a_probe_that_is_absent_is_asked_for_by_its_flag(tmp_path, kind):
    assert "give one with --probe FILE" in refusal(written(kind, tmp_path))


def test_a_product_stands_for_the_probe_of_another_file(tmp_path):
    foreign.product(tmp_path / "product.h5", SCAN)
    np.testing.assert_array_equal(load_probe(str(tmp_path / "product.h5")), SCAN.probe[0])
    dataset = loaded(written("ptypy", tmp_path), probe=str(tmp_path / "product.h5"))
    assert dataset.geometry.pixel_size_m == pytest.approx(PIXEL_M)


def test_a_file_that_says_nothing_has_the_house_s_layout_and_one_that_does_has_its_own(tmp_path):
    layouts = {kind: tuple(layout_of(written(kind, tmp_path)).values()) for kind in WRITERS}
    plain = ("counts", "xy", True)
    assert layouts == dict.fromkeys(WRITERS, plain) | {
        "pinn": ("amplitude", "xy", True),
        "tike": ("counts", "yx", False),
        "ptypy": ("counts", "yx", True),
    }
    stated = foreign.npz(tmp_path / "x.npz", SCAN, quantity="amplitude", order="yx", centred=False)
    assert tuple(layout_of(stated).values()) == ("amplitude", "yx", False)


def test_what_a_file_states_is_told_from_its_format_s_custom(tmp_path):
    for kind in WRITERS:
        assert not file_layout(written(kind, tmp_path))[1]
    path = written("pinn", tmp_path, diff3d=SCAN.counts, measurement_domain="count_intensity")
    assert file_layout(path)[1] == {"quantity"}
    for write in (foreign.npz, foreign.hdf5):
        path = write(tmp_path / "x", SCAN, quantity="counts", centred=np.bool_(True), photon_scale=2.5)
        assert file_layout(path) == ({"quantity": "counts", "centred": True}, {"quantity", "centred"})
        with open_data(path) as file:
            assert file.photon_scale == 2.5
        assert "order is 'zy', expected xy or yx" in refusal(write(tmp_path / "x", SCAN, order="zy"))


def test_a_plain_file_may_state_its_lengths(tmp_path):
    about = {"energy_ev": ENERGY_J / ELECTRON_VOLT_J, "distance_m": DISTANCE_M, "detector_pixel_m": DETECTOR_M[0]}
    for write in (foreign.npz, foreign.hdf5):
        dataset = loaded(write(tmp_path / "x", SCAN, **about), N=8)
        assert dataset.geometry.pixel_size_m == pytest.approx((2 * PIXEL_M[0], 2 * PIXEL_M[0]))  # half of the detector
        assert dataset.geometry.energy_j == pytest.approx(ENERGY_J)
        with open_data(write(tmp_path / "y", SCAN, pixel_size_m=5e-8)) as file:
            assert file.pixel_size_m == (5e-8, 5e-8)


# CXI


def test_cxi_data_may_lie_in_the_detector(tmp_path):
    elsewhere = {"entry_1/data_1/data": None, "entry_1/instrument_1/detector_1/data": SCAN.counts}
    with open_data(written("cxi", tmp_path, **elsewhere)) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts)


@pytest.mark.parametrize("shape", ["(n, 3)", "(3, n)", "(n, 2)", "(2, n)", "(1, n, 3)"])
@pytest.mark.parametrize("place", ["entry_1/sample_1/geometry_1/translation", "entry_1/data_1/translation"])
def test_cxi_translations_may_lie_either_way_at_either_place(tmp_path, shape, place):
    array = SCAN.metres if "2" in shape else np.column_stack([SCAN.metres, np.zeros(len(SCAN.xy))])
    array = array.T if shape.startswith(("(3", "(2")) else array[None] if shape.startswith("(1") else array
    changes = {"entry_1/sample_1/geometry_1/translation": None} | {place: array}
    with open_data(written("cxi", tmp_path, **changes)) as file:
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (ENERGY_J, None),
        (ENERGY_J, "J"),
        (ENERGY_J / ELECTRON_VOLT_J, None),
        (ENERGY_J / ELECTRON_VOLT_J, "eV"),
        (ENERGY_J / ELECTRON_VOLT_J / 1e3, "keV"),
    ],
)
def test_joules_and_electronvolts_are_told_apart(tmp_path, value, unit):
    name = "entry_1/instrument_1/source_1/energy"
    path = written("cxi", tmp_path, units={name: unit} if unit else None, **{name: value})
    with open_data(path) as file:
        assert file.energy_j == pytest.approx(ENERGY_J)
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy, rtol=1e-7)


@pytest.mark.parametrize(("value", "unit", "says"), [(8.7, None, "attribute units"), (8.7, "furlong", "'furlong'")])
def test_an_energy_that_could_be_anything_is_refused(tmp_path, value, unit, says):
    name = "entry_1/instrument_1/source_1/energy"
    assert says in refusal(written("cxi", tmp_path, units={name: unit} if unit else None, **{name: value}))


def test_frames_may_have_energies_of_their_own_within_what_a_grid_bears(tmp_path):
    name = "entry_1/instrument_1/source_1/energy"
    energies = ENERGY_J * (1 + 1e-3 * np.linspace(-1, 1, len(SCAN.xy)))
    with open_data(written("cxi", tmp_path, **{name: energies})) as file:
        np.testing.assert_array_equal(file.energies_j, energies)
        assert file.energy_j == pytest.approx(ENERGY_J)
    energies[3] *= 1.05
    assert "reconstruct frames apart" in refusal(written("cxi", tmp_path, **{name: energies}))
    assert "energy has 5 values" in refusal(written("cxi", tmp_path, **{name: np.full(5, ENERGY_J)}))


def test_the_masks_of_all_frames_are_one(tmp_path):
    bits = np.zeros(SCAN.counts.shape, np.uint32)
    bits[3, 1, 2], bits[7, 4, 4], bits[:, 8, 8] = 0x4, 0x1000, 0x80000000
    with open_data(written("cxi", tmp_path, **{"entry_1/instrument_1/detector_1/mask": bits})) as file:
        assert np.argwhere(~file.mask).tolist() == [[1, 2]]


def test_one_pixel_size_is_that_of_a_square_pixel(tmp_path):
    with open_data(written("cxi", tmp_path, **{"entry_1/instrument_1/detector_1/y_pixel_size": None})) as file:
        assert file.detector_pixel_m == (DETECTOR_M[0], DETECTOR_M[0])


# Masks


@pytest.mark.parametrize("kind", ["npz", "cxi"])
def test_an_inverted_mask_is_refused(tmp_path, kind):
    scan = dataclasses.replace(SCAN, valid=~SCAN.valid)
    write, name, _ = WRITERS[kind]
    assert "may be inverted" in refusal(write(tmp_path / name, scan))


def test_what_a_mask_leaves_out_is_not_looked_at(tmp_path):
    counts = SCAN.counts.astype(np.float32)
    counts[:, 3, 10], counts[:, 12:14, 2] = np.nan, [[2**32 - 1, -1]]
    dataset = loaded(foreign.npz(tmp_path / "x.npz", SCAN, data=counts))
    wanted = loaded(foreign.npz(tmp_path / "y.npz", SCAN))
    np.testing.assert_array_equal(dataset.frames.diffraction, wanted.frames.diffraction)


def test_the_probe_has_the_energy_of_the_frames_in_the_pixels_that_are_valid(tmp_path):
    bright = SCAN.valid.copy()
    bright[6:9, 5:8] = False
    np.save(tmp_path / "mask.npy", bright)
    dataset = loaded(written("npz", tmp_path), mask=str(tmp_path / "mask.npy"))
    farfield = np.abs(np.fft.fftshift(np.fft.fft2(dataset.probe.astype(complex)))) ** 2 / SIDE**2
    energy = (dataset.frames.diffraction.astype(float) ** 2).sum((1, 2)).mean()
    np.testing.assert_allclose(farfield[bright].sum(), energy, rtol=1e-5)
    assert farfield.sum() > 1.05 * energy  # so that another norm would show


def test_masks_add_up_and_are_cropped_and_turned_with_the_frames(tmp_path):
    given = np.ones((SIDE, SIDE), bool)
    given[8, 8] = False
    np.save(tmp_path / "more.npy", np.fft.ifftshift(given))
    corner = dataclasses.replace(
        SCAN, counts=np.fft.ifftshift(SCAN.counts, (-2, -1)), valid=np.fft.ifftshift(SCAN.valid), probe=SCAN.probe
    )
    path = foreign.npz(tmp_path / "x.npz", corner, centred=False)
    dataset = loaded(path, N=8, mask=str(tmp_path / "more.npy"))
    valid = (SCAN.valid & given)[4:12, 4:12]
    assert not dataset.frames.diffraction[:, ~valid].any()
    np.testing.assert_array_equal(
        dataset.frames.diffraction, np.where(valid, np.sqrt(SCAN.counts[:, 4:12, 4:12], dtype=np.float32), 0)
    )


def test_a_mask_comes_from_any_format(tmp_path):
    np.save(tmp_path / "mask.npy", SCAN.valid.astype(np.uint8))
    for path in (tmp_path / "mask.npy", *(written(kind, tmp_path) for kind in sorted(WITH_MASK))):
        np.testing.assert_array_equal(load_mask(str(path)), SCAN.valid)
    with pytest.raises(DataError, match="has no mask"):
        load_mask(str(written("tike", tmp_path)))


def test_a_mask_of_another_size_is_refused_saying_both(tmp_path):
    np.save(tmp_path / "small.npy", np.ones((8, 8), bool))
    with pytest.raises(DataError, match=r"small\.npy: the mask has shape \(8, 8\), expected \(16, 16\)"):
        loaded(written("tike", tmp_path), mask=str(tmp_path / "small.npy"))


# ptypy, pairs and products


def test_a_common_weight_is_a_mask(tmp_path):
    changes = {f"chunks/{i}/weights": np.zeros(0) for i in (0, 1)} | {"meta/weight2d": SCAN.valid.astype(float)}
    with open_data(written("ptypy", tmp_path, **changes)) as file:
        np.testing.assert_array_equal(file.mask, SCAN.valid)


def test_a_reconstruction_of_ptypy_stands_for_the_probe(tmp_path):
    with h5py.File(tmp_path / "x.ptyr", "w") as file:
        file["content/probe/Sscan00G00/data"] = SCAN.probe
        file["content/obj/Sscan00G00/data"] = np.ones((1, 40, 50), np.complex64)
    np.testing.assert_array_equal(load_probe(str(tmp_path / "x.ptyr")), SCAN.probe[0])
    assert "a reconstruction of ptypy without frames" in refusal(tmp_path / "x.ptyr")


def test_chunks_come_in_the_order_of_their_numbers(tmp_path):
    """Not of their names, by which 10 comes before 2."""
    entries = {f"chunks/{i}/{part}": None for i in (0, 1) for part in ("data", "positions", "weights", "indices")}
    for i in range(12):
        entries |= {f"chunks/{i}/data": SCAN.counts[i : i + 1], f"chunks/{i}/positions": SCAN.metres[i : i + 1, ::-1]}
    with open_data(written("ptypy", tmp_path, **entries)) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts)
        np.testing.assert_allclose(file.positions_px("yx")[:, ::-1], SCAN.xy)


def test_either_file_of_a_pair_stands_for_both(tmp_path):
    frames = written("ptychi", tmp_path)
    about = tmp_path / "scan_para.hdf5"
    assert (partner(frames), partner(about)) == (about, frames)
    for path in (frames, about):
        with open_data(path) as file:
            np.testing.assert_array_equal(file.frames[:], SCAN.counts)
            np.testing.assert_array_equal(file.probe, SCAN.probe)
    assert input_files({"measured": {"path": str(frames)}, "simulate": None}) == [frames, about]


def test_complex_numbers_of_other_writers_are_numbers(tmp_path):
    pair = np.zeros(SCAN.probe.shape, [("real", "<f4"), ("imag", "<f4")])
    pair["real"], pair["imag"] = SCAN.probe.real, SCAN.probe.imag
    with open_data(written("ptychi", tmp_path, probe=pair)) as file:
        np.testing.assert_array_equal(file.probe, SCAN.probe)


def test_positions_of_a_pair_name_their_frames(tmp_path):
    order = np.random.default_rng(1).permutation(len(SCAN.xy))
    shuffled = {f"probe_position_{axis}_m": SCAN.metres[order, i] for i, axis in enumerate("xy")}
    with open_data(written("ptychi", tmp_path, probe_position_indexes=order, **shuffled)) as file:
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy)
    few = {name: values[:5] for name, values in shuffled.items()}
    with open_data(written("ptychi", tmp_path, probe_position_indexes=order[:5], **few)) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts[np.sort(order[:5])])
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy[np.sort(order[:5])])


def test_half_a_pair_says_what_is_missing(tmp_path):
    frames = written("ptychi", tmp_path)
    (tmp_path / "scan_para.hdf5").unlink()
    assert "*_para.hdf5" in refusal(frames)
    foreign.product(tmp_path / "alone.h5", SCAN)
    assert "a product without frames" in refusal(tmp_path / "alone.h5")


# PtychoPINN


def test_frames_counted_by_their_last_axis_are_turned(tmp_path):
    moved = np.moveaxis(np.sqrt(SCAN.counts.astype(np.float32)), 0, -1)
    for name in ("diff3d", "diffraction"):
        with open_data(written("pinn", tmp_path, **{"diff3d": None, name: moved})) as file:
            np.testing.assert_array_equal(np.rint(file.frames[:] ** 2), SCAN.counts)


def test_a_stated_domain_of_counts_is_counts(tmp_path):
    path = written("pinn", tmp_path, diff3d=SCAN.counts, measurement_domain="count_intensity")
    assert layout_of(path)["quantity"] == "counts"


def test_frames_that_came_with_a_product_are_amplitudes(tmp_path):
    """As PtychoPINN keeps what a product was made from."""
    amplitude = np.sqrt(SCAN.counts.astype(np.float32))
    raw = {"diffraction": amplitude, "xcoords": SCAN.xy[:, 0], "ycoords": SCAN.xy[:, 1], "scan_index": np.arange(12)}
    path = foreign.product(tmp_path / "x.h5", SCAN, **{f"raw_data/{name}": array for name, array in raw.items()})
    with open_data(path) as file:
        np.testing.assert_array_equal(file.frames[:], amplitude)
        np.testing.assert_array_equal(file.positions_px("xy"), SCAN.xy)
        assert (file.quantity, file.unit) == ("amplitude", "px")
        np.testing.assert_array_equal(file.probe, SCAN.probe)


@pytest.mark.slow
def test_the_siemens_star_is_tike_s(shared):
    assert tuple(layout_of(shared / "siemens-star-small.npz.bz2").values()) == ("counts", "yx", False)


# NeXus


def test_nexus_finds_the_plotted_data_and_its_axes(tmp_path):
    moved = {f"entry/sample/transformations/{axis}": None for axis in "xy"} | {"entry/instrument/detector/data": None}
    path = written("nexus", tmp_path, **moved, **{"entry/measured/counts": SCAN.counts})
    with h5py.File(path, "a") as file:
        group = file["entry/measured"]
        group.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": ["sample_x", ".", "."]})
        for i, axis in enumerate("xy"):
            group[f"sample_{axis}"] = SCAN.metres[:, i]
            group[f"sample_{axis}"].attrs["units"] = "m"
    with open_data(path) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts)
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy)


@pytest.mark.parametrize("first", ["y", "x"])
def test_a_raster_of_frames_is_unrolled_with_its_axes(tmp_path, first):
    raster = SCAN.counts.reshape(3, 4, SIDE, SIDE)
    slow, fast = np.array([0.0, 1, 2]) * 1e-6, np.array([0.0, 1, 2, 3]) * 1e-6
    axes = {f"entry/sample/transformations/{first}": slow, f"entry/sample/transformations/{'yx'[first == 'y']}": fast}
    path = written("nexus", tmp_path, **{"entry/instrument/detector/data": raster}, **axes)
    with h5py.File(path, "a") as file:
        for axis in "xy":
            file[f"entry/sample/transformations/{axis}"].attrs["units"] = "m"
    with open_data(path) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts)
        np.testing.assert_array_equal(file.frames[2:9], SCAN.counts[2:9])
        grid = np.stack(np.meshgrid(slow, fast, indexing="ij"), -1).reshape(-1, 2)
        np.testing.assert_allclose(file.positions, grid[:, ::-1] if first == "y" else grid)


def test_a_vector_says_which_axis_a_translation_is_and_its_sign(tmp_path):
    path = written("nexus", tmp_path)
    with h5py.File(path, "a") as file:
        group = file["entry/sample/transformations"]
        group.move("x", "stage_horizontal")
        group["stage_horizontal"].attrs["vector"] = [-1.0, 0, 0]
        group["y"].attrs["vector"] = [0, 1.0, 0]
    with open_data(path) as file:
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy * [-1, 1])


def test_positions_may_be_the_values_of_motors(tmp_path):
    moved = {f"entry/sample/transformations/{axis}": None for axis in "xy"}
    path = written("nexus", tmp_path, **moved)
    with h5py.File(path, "a") as file:
        for i, axis in enumerate("xy"):
            motor = file.create_group(f"entry/instrument/sam{axis}")
            motor.attrs["NX_class"] = "NXpositioner"
            motor["value"], motor["target_value"] = SCAN.metres[:, i] * 1e3, 0.0
            motor["value"].attrs["units"] = "mm"
    with open_data(path) as file:
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy)


def test_the_detector_s_own_axes_are_no_positions(tmp_path):
    """A plot of frames has coordinates x and y, too, a value for every pixel."""
    moved = {f"entry/sample/transformations/{axis}": None for axis in "xy"}
    path = written("nexus", tmp_path, **moved, **{"entry/data/data": SCAN.counts})
    with h5py.File(path, "a") as file:
        file["entry/data"].attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["frame", "y", "x"]})
        for axis in "xy":
            file[f"entry/data/{axis}"] = np.arange(SIDE) * 75e-6
            file[f"entry/data/{axis}"].attrs["units"] = "m"
    with open_data(path) as file:
        assert file.positions is None


def test_of_several_positions_of_an_axis_the_plain_one_counts(tmp_path):
    path = written("nexus", tmp_path)
    with h5py.File(path, "a") as file:
        for axis in "xy":
            file[f"entry/sample/transformations/{axis}_set"] = np.zeros(len(SCAN.xy))
    with open_data(path) as file:
        np.testing.assert_allclose(file.positions_px("xy"), SCAN.xy)


def test_a_wavelength_is_as_good_as_an_energy(tmp_path):
    path = written("nexus", tmp_path, **{"entry/instrument/beam/incident_energy": None})
    with h5py.File(path, "a") as file:
        file["entry/instrument/beam/incident_wavelength"] = PIXEL_M[0] * SIDE * DETECTOR_M[0] / DISTANCE_M * 1e10
        file["entry/instrument/beam/incident_wavelength"].attrs["units"] = "angstrom"
        file["entry/instrument/beam"].attrs["NX_class"] = "NXbeam"
    with open_data(path) as file:
        assert file.energy_j == pytest.approx(ENERGY_J)


def test_positions_of_another_number_than_frames_are_refused_with_both(tmp_path):
    few = {f"entry/sample/transformations/{axis}": SCAN.metres[:11, i] * 1e6 for i, axis in enumerate("xy")}
    message = refusal(written("nexus", tmp_path, **few))
    assert "scan has shape (11, 2)" in message
    assert "expected (12, 2)" in message


def test_nexus_without_a_unit_is_refused(tmp_path):
    path = written("nexus", tmp_path)
    with h5py.File(path, "a") as file:
        del file["entry/sample/transformations/x"].attrs["units"]
    assert "x has no attribute units" in refusal(path)


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ("entry/instrument/detector/data", "has no frames in entry"),
        ("entry/sample/transformations/x", "has no positions in entry"),
        ("entry/instrument/beam/incident_energy", "lacks incident_energy"),
        ("entry/instrument/detector/distance", "lacks distance"),
    ],
)
def test_what_a_nexus_file_lacks_is_named(tmp_path, gone, says):
    np.save(tmp_path / "probe.npy", SCAN.probe)
    assert says in refusal(written("nexus", tmp_path, **{gone: None}), probe=str(tmp_path / "probe.npy"))


# Size


@pytest.mark.slow
def test_opening_a_long_scan_does_not_load_it(tmp_path):
    """2,000 frames of 64 pixels, 16 MB: opened and read block by block within 2 MB."""
    count, side = 2000, 64
    with h5py.File(tmp_path / "long.h5", "w") as file:
        file.create_dataset("data", (count, side, side), np.uint16, chunks=(10, side, side))
        for start in range(0, count, 100):
            file["data"][start : start + 100] = start
        file["probe"] = np.ones((side, side), np.complex64)
        file["scan"] = np.random.default_rng(0).uniform(0, 99, (count, 2))
    tracemalloc.start()
    try:
        with open_data(tmp_path / "long.h5") as file:
            total = sum(int(block.sum(dtype=np.int64)) for _, block in file.frames.blocks(2**20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == side * side * 100 * sum(range(0, count, 100))
    assert peak < 2 * 2**21


def test_a_packed_stream_may_have_several_parts(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, data=SCAN.counts, probe=SCAN.probe, scan=SCAN.xy)
    half = len(buffer.getvalue()) // 2
    for name, pack in {"x.bz2": bz2.compress, "x.gz": gzip.compress}.items():
        (tmp_path / name).write_bytes(pack(buffer.getvalue()[:half]) + pack(buffer.getvalue()[half:]))
        with open_data(tmp_path / name) as file:
            np.testing.assert_array_equal(file.frames[:], SCAN.counts)
