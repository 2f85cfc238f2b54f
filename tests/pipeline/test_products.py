"""Products: what is written is read back, in pixels and in metres, by this reader and by ptychodus's rules."""

from __future__ import annotations

import types

import h5py
import numpy as np
import pytest

from ptycho.data.formats import open_data
from ptycho.data.frames import Dataset, Frames, Geometry
from ptycho.data.opening import load_probe
from ptycho.errors import PtychoError
from ptycho.pipeline.products import write_products
from ptycho.pipeline.values import Reference

SHAPE, SIDE = (50, 70), 16
LENGTHS = Geometry((40e-9, 30e-9), 1.4e-15, 2.0)


def finished(rng, geometry, photon_scale=1.0):
    """The outputs of a run, as far as a product needs them."""

    def field(*shape):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)

    positions = rng.uniform(10, 40, (9, 2))
    frames = Frames(np.ones((9, SIDE, SIDE), np.float32), positions, np.arange(4, 13))
    obj = field(*SHAPE)
    outcome = types.SimpleNamespace(history={"loss": [3.0, 2.0]})
    return {
        "simulate": Dataset(frames, field(SIDE, SIDE), SHAPE, photon_scale, 1e4, None, geometry),
        "probe": field(SIDE, SIDE),
        "group": types.SimpleNamespace(frames=frames),
        "train": types.SimpleNamespace(outcome=outcome),
        "infer": types.SimpleNamespace(on=lambda shape: obj),
        "oracle": Reference(field(*SHAPE), field(SIDE, SIDE), [0.5, 0.2, 0.1], 0.0),
    }


@pytest.mark.parametrize("geometry", [LENGTHS, None], ids=["metres", "pixels alone"])
def test_a_product_is_read_back(tmp_path, rng, geometry):
    outputs = finished(rng, geometry)
    write_products(tmp_path, "mine", outputs)
    sides = {"network": (outputs["infer"].on(SHAPE), outputs["probe"])}
    sides["oracle"] = (outputs["oracle"].object, outputs["oracle"].probe)
    for side, (obj, probe) in sides.items():
        with open_data(tmp_path / f"{side}.h5") as file:
            assert (file.format, file.frames) == ("ptychodus", None)
            np.testing.assert_array_equal(file.reconstruction, obj)
            np.testing.assert_array_equal(file.probe, probe[None])
            placed = file.positions_px("xy") + np.array(SHAPE[::-1]) / 2
            assert file.pixel_size_m == (LENGTHS.pixel_size_m if geometry else (1.0, 1.0))
            assert (file.energy_j, file.distance_m) == (pytest.approx((1.4e-15, 2.0)) if geometry else (None, None))
        np.testing.assert_allclose(placed, outputs["group"].frames.positions)
        np.testing.assert_array_equal(load_probe(str(tmp_path / f"{side}.h5")), probe)


def test_a_product_is_laid_out_as_ptychodus_has_it(tmp_path, rng):
    outputs = finished(rng, LENGTHS, photon_scale=3.0)
    write_products(tmp_path, "mine", outputs)
    with h5py.File(tmp_path / "oracle.h5") as file:
        assert file.attrs["name"] == "mine"
        assert file.attrs["comments"] == "mine: the object of the oracle"
        assert file.attrs["probe_energy_eV"] == pytest.approx(8738.11, rel=1e-5)
        assert file.attrs["detector_object_distance_m"] == 2.0
        assert file.attrs["probe_photon_count"] == 1e4
        assert file["probe_position_indexes"][()].tolist() == list(range(4, 13))
        assert file["probe"].shape == (1, 1, SIDE, SIDE)
        assert file["object"].shape == (1, *SHAPE)
        assert file["object_layer_spacing_m"].shape == (0,)
        np.testing.assert_array_equal(file["probe"][0, 0], outputs["oracle"].probe * 3)
        assert file["loss_values"][()].tolist() == [0.5, 0.2, 0.1]
        assert file["loss_epochs"][()].tolist() == [1, 2, 3]
        pixel = file["object"].attrs["pixel_width_m"], file["object"].attrs["pixel_height_m"]
        # ptychodus: pixel = (metres - center) / size + half the object's side
        x = (file["probe_position_x_m"][()] - file["object"].attrs["center_x_m"]) / pixel[0] + SHAPE[1] / 2
        y = (file["probe_position_y_m"][()] - file["object"].attrs["center_y_m"]) / pixel[1] + SHAPE[0] / 2
    assert pixel == LENGTHS.pixel_size_m
    np.testing.assert_allclose(np.stack([x, y], -1), outputs["group"].frames.positions)


def test_an_unknown_pixel_size_is_said(tmp_path, rng):
    write_products(tmp_path, "mine", finished(rng, None))
    with h5py.File(tmp_path / "network.h5") as file:
        assert "the pixel size is not known" in file.attrs["comments"]
        assert file.attrs["probe_energy_eV"] == 0


def test_a_product_that_cannot_be_written_is_one_sentence(tmp_path, rng):
    (tmp_path / "file").touch()
    with pytest.raises(PtychoError, match="cannot write"):
        write_products(tmp_path / "file", "mine", finished(rng, None))
