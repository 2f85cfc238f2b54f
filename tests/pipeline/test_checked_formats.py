"""One scan in every format: right, the preflight passes it in silence; spoilt, it says the cause and what mends it."""

from __future__ import annotations

import dataclasses

import foreign_files as foreign
import numpy as np
import pytest
from star_scan import N, scan_of

from ptycho.data.measured import load_measured
from ptycho.errors import DataError
from ptycho.preflight.declared import declared_layout
from ptycho.preflight.examination import examine

WRITERS = {
    "NPZ": (foreign.npz, "scan.npz"),
    "HDF5": (foreign.hdf5, "scan.data"),
    "PtychoPINN": (foreign.pinn, "pinn.npz"),
    "tike": (foreign.tike, "tike.npz"),
    "CXI": (foreign.cxi, "scan.cxi"),
    "ptypy": (foreign.ptypy, "scan.ptyd"),
    "pty-chi": (foreign.ptychi, "scan_dp.hdf5"),
    "NeXus": (foreign.nexus, "scan.nxs"),
}
WITHOUT_PROBE = ("ptypy", "NeXus")
WITHOUT_MASK = ("PtychoPINN", "tike", "pty-chi")
SPOILT = ("NPZ", "PtychoPINN", "CXI")
DEAD = 2**32 - 1


@pytest.fixture(scope="module")
def common():
    """The common scan of the preflight's tests, with a module gap and a dead pixel that its mask names."""
    scan = scan_of()
    counts, valid = scan.data.copy(), np.ones((N, N), bool)
    counts[:, 20:24], counts[:, 40, 11] = 0, DEAD
    valid[20:24], valid[40, 11] = False, False
    return foreign.Scan(counts, scan.probe[None].astype(np.complex64), scan.scan - scan.scan.min(0) + 5, valid)


@pytest.fixture
def declared(tmp_path):
    """``declared(kind, scan, **options)``: the scan in a format, as its custom, the file and the options declare it."""

    def write(kind, scan, masked=True, **options):
        writer, name = WRITERS[kind]
        path = writer(tmp_path / name, scan)
        if kind in WITHOUT_PROBE:
            np.save(tmp_path / "probe.npy", scan.probe[0])
            options["probe"] = str(tmp_path / "probe.npy")
        if kind in WITHOUT_MASK and masked:
            np.save(tmp_path / "mask.npy", np.fft.ifftshift(scan.valid) if kind == "tike" else scan.valid)
            options["mask"] = str(tmp_path / "mask.npy")
        return declared_layout(str(path), options)

    return write


def loud(config):
    """Name, level and option of each finding above info."""
    return [(o.name, o.level, o.flag) for o in examine(config, N)[0].observations if o.level != "info"]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.slow
def test_a_right_file_passes_in_silence_and_its_mask_is_everybody_s(declared, common, kind):
    config = declared(kind, common)
    report, seen = examine(config, N)
    assert [o for o in report.observations if o.level != "info"] == []
    told = next(o for o in report.observations if o.name == "pixels_declared")
    assert told.value == (~common.valid).sum()
    np.testing.assert_array_equal(~seen.bad.any, common.valid)
    dataset = load_measured(config, N)
    np.testing.assert_array_equal(dataset.frames.mask, common.valid)
    assert not dataset.frames.diffraction[:, ~common.valid].any()
    assert dataset.frames.diffraction.max() < 1000  # and not the root of 2**32


@pytest.mark.parametrize("kind", ["NPZ", "CXI"])
@pytest.mark.slow
def test_what_a_mask_leaves_out_is_found_and_what_it_names_is_not_told_again(declared, common, kind):
    some = dataclasses.replace(common, valid=common.valid | (np.arange(N)[:, None] < 30))  # the gap is not named
    config = declared(kind, some)
    assert loud(config) == [("pixels_dead", "warning", "")]
    np.testing.assert_array_equal(load_measured(config, N).frames.mask & common.valid, common.valid)
    assert not load_measured(config, N).frames.mask[40, 11]


@pytest.mark.slow
def test_what_lies_under_a_mask_decides_nothing(declared, common):
    """A masked pixel near the type's largest value does not make a flag of another pixel a saturated measurement."""
    counts = np.where(common.valid, common.counts, 0).astype(np.uint16)
    counts[:, 40, 11], counts[:, 50, 50] = 60000, 65535
    assert loud(declared("NPZ", dataclasses.replace(common, counts=counts))) == [("pixels_flagged", "warning", "")]


@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind not in WITHOUT_MASK])
def test_an_inverted_mask_is_refused_by_both(declared, common, kind):
    config = declared(kind, dataclasses.replace(common, valid=~common.valid))
    for door in (examine, load_measured):
        with pytest.raises(DataError, match="it may be inverted"):
            door(config, N)


def moved(change):
    return lambda scan: dataclasses.replace(scan, xy=change(scan.xy))


WRONG = {  # what is done to the right scan, the finding, and the option that mends it
    "the sample's positions": (moved(np.negative), "positions", "--order xy --flip-x --flip-y"),
    "one sign": (moved(lambda xy: xy * [-1, 1]), "positions", "--order xy --flip-x"),
    "another unit": (moved(lambda xy: xy / 33), "spacing", "--position-scale"),
    "half of the pixel": (moved(lambda xy: xy * 2), "positions", "--position-scale 0.5"),
    "shuffled": (moved(np.random.default_rng(2).permutation), "positions", ""),
    "the corner's quadrants": (
        lambda scan: dataclasses.replace(
            scan, counts=np.fft.fftshift(scan.counts, axes=(1, 2)), valid=np.fft.fftshift(scan.valid)
        ),
        "centre",
        "--corner",
    ),
}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("case", WRONG)
@pytest.mark.slow
def test_a_spoilt_file_is_refused_by_its_cause_in_every_format(declared, common, kind, case):
    spoil, name, flag = WRONG[case]
    first = loud(declared(kind, spoil(common)))[0]
    assert first[:2] == (name, "error")
    assert flag in first[2]


@pytest.mark.slow
def test_columns_in_metres_that_are_swapped_are_named_with_pixels_that_are_not_square(declared, common):
    """The rival of swapped columns divides each by its own axis' pixel."""
    x, y = common.pixel_m
    swapped = moved(lambda xy: xy[:, ::-1] * [y / x, x / y])(common)
    assert loud(declared("CXI", swapped)) == [("positions", "error", "--order yx")]
    assert loud(declared("CXI", swapped, order="yx")) == []


def test_lengths_that_cannot_be_are_blamed_on_the_file_and_not_on_pixels(declared, common):
    config = declared("CXI", moved(lambda xy: xy / 1000)(common))
    first = examine(config, N)[0].errors[0]
    assert first.name == "spacing"
    assert "energy, distance or pixel size" in first.sentence


def test_a_pixel_that_contradicts_its_lengths_is_refused(tmp_path, common):
    lengths = {"energy_ev": 8738.0, "distance_m": 2.0, "detector_pixel_m": 75e-6}
    due = common.pixel_m[0]
    for pixel, wrong in ((due, False), (2 * due, True)):
        path = foreign.npz(tmp_path / "scan.npz", common, pixel_size_m=pixel, **lengths)
        found = {o.name: o.level for o in examine(declared_layout(str(path), {}), N)[0].observations}
        assert found["sampling"] == ("error" if wrong else "info")
