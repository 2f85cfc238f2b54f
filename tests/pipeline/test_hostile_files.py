"""Files that would harm their reader: refused in one sentence, before anything of them is read or opened."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tracemalloc
import zipfile
from pathlib import Path

import foreign_files as foreign
import h5py
import numpy as np
import pytest
from foreign_files import SIDE, small_scan

from ptycho.config.experiment import MeasuredConfig
from ptycho.data.containers import safety
from ptycho.data.files import find_data_file
from ptycho.data.formats import open_data
from ptycho.data.measured import load_measured
from ptycho.data.opening import load_mask, load_probe
from ptycho.errors import DataError

SCAN = small_scan()
GIB = 2**30


def refusal(path):
    """The message that loading ends with; nothing large is ever allocated on the way."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            load_measured(MeasuredConfig(str(path), "counts", True, "xy", 0), SIDE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20, f"{peak / 2**20:.0f} MiB"
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


# What stands in a file's place


def link(path):
    (path.parent / "real.npz").write_bytes(foreign.npz(path.parent / "other.npz", SCAN).read_bytes())
    path.symlink_to(path.parent / "real.npz")


PLACES = {
    "a symbolic link": link,
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_no_plain_file_is_refused(tmp_path, kind):
    PLACES[kind](tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"symbolic link|and no file: name a file"):
        find_data_file(str(tmp_path / "x.npz"))


@pytest.mark.parametrize("door", [find_data_file, load_probe, load_mask, lambda name: open_data(Path(name))])
def test_a_device_is_refused_by_its_kind_behind_every_door(door):
    with pytest.raises(DataError, match="/dev/zero is a device, and no file"):
        door("/dev/zero")


def test_a_link_s_refusal_names_the_file_itself(tmp_path):
    link(tmp_path / "x.npz")
    with pytest.raises(DataError, match=r"name the file itself, .*real\.npz"):
        find_data_file(str(tmp_path / "x.npz"))


def test_the_other_file_of_a_pair_is_no_link_either(tmp_path):
    path = foreign.ptychi(tmp_path / "scan_dp.hdf5", SCAN)
    (tmp_path / "scan_para.hdf5").rename(tmp_path / "moved.hdf5")
    (tmp_path / "scan_para.hdf5").symlink_to(tmp_path / "moved.hdf5")
    assert "needs both" in refusal(path)


# HDF5: what lies elsewhere

DATA = {
    "hdf5": "data",
    "cxi": "entry_1/data_1/data",
    "nexus": "entry/instrument/detector/data",
    "ptypy": "chunks/0/data",
}
DATA |= {"ptychi": "dp"}
NAMES = {"ptychi": "x_dp.hdf5"}


def elsewhere(tmp_path, kind, replace):
    """A file of a format, whose frames are what ``replace`` makes of their group and name."""
    path = getattr(foreign, kind)(tmp_path / NAMES.get(kind, "x.h5"), SCAN)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["data"] = file["alike"] = SCAN.counts
    with h5py.File(path, "a") as file:
        group, _, name = DATA[kind].rpartition("/")
        del file[DATA[kind]]
        replace(file[group or "/"], name, tmp_path)
    return path


def external_link(group, name, folder):
    group[name] = h5py.ExternalLink(str(folder / "secret.h5"), "/data")


def link_in_a_link(group, name, folder):
    group.file["hidden"] = h5py.ExternalLink(str(folder / "secret.h5"), "/")
    group[name] = h5py.SoftLink("/hidden/data")


def external_storage(group, name, folder):
    (folder / "secret.raw").write_bytes(SCAN.counts.tobytes())
    group.create_dataset(
        name, SCAN.counts.shape, np.uint16, external=[(str(folder / "secret.raw"), 0, SCAN.counts.nbytes)]
    )


def virtual_data(group, name, folder):
    layout = h5py.VirtualLayout(SCAN.counts.shape, np.uint16)
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "alike", SCAN.counts.shape)
    group.file["alike"] = SCAN.counts  # of the same name, in this file
    group.create_virtual_dataset(name, layout)


def virtual_of_external(group, name, folder):
    external_storage(group.file, "inner", folder)
    layout = h5py.VirtualLayout(SCAN.counts.shape, np.uint16)
    layout[:] = h5py.VirtualSource(".", "inner", SCAN.counts.shape)
    group.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize(
    "replace", [external_link, link_in_a_link, external_storage, virtual_data, virtual_of_external]
)
def test_nothing_outside_a_file_is_opened(tmp_path, kind, replace):
    message = refusal(elsewhere(tmp_path, kind, replace))
    assert "not followed: copy the values into this file" in message
    assert "secret" not in message


def test_values_of_the_file_itself_may_be_put_together(tmp_path):
    """Soft links and virtual data within one file are as good as the values."""
    path = foreign.hdf5(tmp_path / "x.h5", SCAN)
    with h5py.File(path, "a") as file:
        file.move("data", "raw/whole")
        layout = h5py.VirtualLayout(SCAN.counts.shape, np.uint16)
        layout[:] = h5py.VirtualSource(".", "raw/whole", SCAN.counts.shape)
        file.create_virtual_dataset("raw/virtual", layout)
        file["raw/linked"] = h5py.SoftLink("virtual")
        file["data"] = h5py.SoftLink("/raw/linked")
    with open_data(path) as file:
        np.testing.assert_array_equal(file.frames[:], SCAN.counts)


@pytest.mark.parametrize("target", ["/data", "/other"])
def test_links_in_a_circle_are_refused(tmp_path, target):
    path = foreign.hdf5(tmp_path / "x.h5", SCAN, data=None)
    with h5py.File(path, "a") as file:
        file["other"] = h5py.SoftLink("/data")
        file["data"] = h5py.SoftLink(target)
    assert "leads in a circle" in refusal(path)


def test_groups_in_a_circle_are_looked_through_once(tmp_path):
    path = foreign.nexus(tmp_path / "x.h5", SCAN, **{"entry/instrument/detector/data": None})
    with h5py.File(path, "a") as file:
        for i in range(6):
            file[f"entry/again{i}"] = file["entry"]
    assert "has no" in refusal(path)


def test_a_link_that_leads_nowhere_is_nothing(tmp_path):
    path = foreign.hdf5(tmp_path / "x.h5", SCAN, data=None)
    with h5py.File(path, "a") as file:
        file["data"] = h5py.SoftLink("/gone")
    assert "has no 'data'" in refusal(path)


# Sizes


def huge(group, name, folder, **options):
    group.create_dataset(name, (4 * GIB // SIDE**2, SIDE, SIDE), np.float64, **options)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("options", [{"chunks": (64, SIDE, SIDE)}, {"chunks": (64, SIDE, SIDE), "compression": "gzip"}])
def test_declared_values_that_were_never_written_are_refused(tmp_path, kind, options):
    message = refusal(elsewhere(tmp_path, kind, lambda *a: huge(*a, **options)))
    assert "more than 500 times as much" in message


def test_a_chunk_larger_than_its_data_is_refused(tmp_path):
    def chunk(group, name, folder):
        item = group.create_dataset(
            name, (1, SIDE, SIDE), np.uint8, maxshape=(None, SIDE, SIDE), chunks=(2**21, SIDE, SIDE), compression="gzip"
        )
        assert item.chunks[0] == 2**21

    assert "more than 500 times as much" in refusal(elsewhere(tmp_path, "hdf5", chunk))


@pytest.mark.parametrize("name", ["probe", "scan", "mask"])
def test_every_array_of_a_file_is_checked(tmp_path, name):
    path = foreign.hdf5(tmp_path / "x.h5", SCAN, **{name: None})
    with h5py.File(path, "a") as file:
        file.create_dataset(name, (2**16, 2**16), np.complex64, chunks=(64, 64))
    assert f"{name} would become" in refusal(path)


@pytest.mark.slow
@pytest.mark.parametrize("pack", [bz2.compress, gzip.compress, lzma.compress])
def test_streams_that_swell_are_refused(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(safety, "HARMLESS_BYTES", 2**20)
    packed = pack(b"PK\x03\x04" + bytes(2**25))
    (tmp_path / "x").write_bytes(packed)
    assert len(packed) < 2**25 / 600
    assert "its content would become" in refusal(tmp_path / "x")


def test_an_xz_stream_that_asks_for_memory_is_refused(tmp_path):
    """A dictionary of 1 GiB for a few bytes."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": GIB}]
    with pytest.raises((MemoryError, lzma.LZMAError)):
        lzma.LZMADecompressor(memlimit=2**28).decompress(lzma.compress(b"abc", filters=filters))
    (tmp_path / "x.xz").write_bytes(lzma.compress(b"PK\x03\x04", filters=filters))
    assert "cannot be read" in refusal(tmp_path / "x.xz")


def header(shape, dtype="<f4", fortran=False):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"shape": shape, "fortran_order": fortran, "descr": dtype})
    return buffer.getvalue()


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


@pytest.mark.slow
def test_an_npz_whose_member_swells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(safety, "HARMLESS_BYTES", 2**20)
    content = header((2**14, SIDE, SIDE)) + bytes(2**14 * SIDE * SIDE * 4)
    path = zipped(tmp_path / "x.npz", {"data.npy": content})
    assert "data would become" in refusal(path)


@pytest.mark.parametrize("shape", [(2**40, SIDE, SIDE), (2**62, SIDE, SIDE), (13, SIDE, SIDE), (11, SIDE, SIDE)])
@pytest.mark.parametrize("fortran", [False, True])
def test_an_array_that_its_bytes_cannot_hold_is_refused(tmp_path, shape, fortran):
    content = header(shape, "<u2", fortran) + SCAN.counts.tobytes()
    message = refusal(zipped(tmp_path / "x.npz", {"data.npy": content}))
    assert "not what its" in message


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00",
        b"\x93NUMPY\x01\x00\xff\xff{}",
        b"\x93NUMPY\x01\x00\x10\x00" + b"[" * 16,
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{",
        b"text",
    ],
)
def test_a_header_that_is_none_is_refused(tmp_path, content):
    assert "cannot be read" in refusal(zipped(tmp_path / "x.npz", {"data.npy": content}))


def test_two_arrays_of_one_name_are_refused(tmp_path):
    path = foreign.npz(tmp_path / "x.npz", SCAN)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("data.npy", header((0,)))
    assert "holds two arrays 'data'" in refusal(path)


def test_an_array_larger_than_the_machine_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: 16)
    assert "this machine has" in refusal(foreign.hdf5(tmp_path / "x.h5", SCAN))


# Python objects


@pytest.mark.parametrize("name", ["data", "probe", "scan", "mask", "quantity"])
def test_objects_are_never_unpickled(tmp_path, name):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    objects = np.array([Trap(), Trap()], dtype=object)
    path = tmp_path / "x.npz"
    arrays = {"data": SCAN.counts, "probe": SCAN.probe, "scan": SCAN.xy, name: objects}
    np.savez(path, **arrays)
    assert "never unpickled" in refusal(path)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    for load in (load_probe, load_mask):
        with pytest.raises(DataError, match="never unpickled"):
            load(str(tmp_path / "x.npy"))
    assert not (tmp_path / "sprung").exists()


def test_references_and_words_are_no_numbers(tmp_path):
    path = foreign.hdf5(tmp_path / "x.h5", SCAN, scan=None)
    with h5py.File(path, "a") as file:
        file.create_dataset("scan", (12, 2), dtype=h5py.string_dtype())
    assert "expected numbers" in refusal(path)


# Any bytes at all


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["npz", "hdf5", "cxi", "ptypy", "nexus", "pinn"])
def test_whatever_happens_to_a_file_ends_in_a_sentence_or_in_data(tmp_path, kind):
    """Bytes changed and cut at random: no traceback, and no other error."""
    good = getattr(foreign, kind)(tmp_path / "good", SCAN).read_bytes()
    rng, told = np.random.default_rng(5), []
    for turn in range(60):
        spoilt = bytearray(good)
        for at in rng.integers(0, len(good) if turn % 2 else 2500, 1 + turn % 7):
            spoilt[at] = rng.integers(0, 256)
        if turn % 5 == 0:
            del spoilt[int(rng.integers(1, len(good))) :]
        (tmp_path / "x").write_bytes(spoilt)
        try:
            load_measured(MeasuredConfig(str(tmp_path / "x"), "counts", True, "xy", 0), SIDE)
        except DataError as error:
            told.append(str(error))
    assert len(told) > 10
    assert not any("\n" in message for message in told)
