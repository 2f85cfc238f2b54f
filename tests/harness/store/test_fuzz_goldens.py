"""Damaged and hostile goldens are read as they were, or give a GoldenError; nothing is run or read elsewhere."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import sys
import tracemalloc
import zipfile
import zlib

import guarded
import numpy as np
import pytest

from harness.core import artifacts
from harness.core.artifacts import ARRAY_KINDS, dump_artifact, parse_arrays, parse_artifact
from harness.core.errors import GoldenError
from harness.core.files import dump_json, parse_json, write_file
from harness.core.ids import check_id
from harness.core.protocol import Artifact
from harness.store import goldens
from harness.store.goldens import Goldens
from harness.store.manifest import Entry, combined_digest, dump_manifest, parse_manifest

ID = "heat/cpu/energy"
MUTANTS = 600  # for each kind of reader, beside those that are written by hand
WATCH: list[str] | None = None  # the paths that are opened, while somebody watches


def _watch(event, arguments):
    if WATCH is not None and event in ("open", "exec", "compile", "subprocess.Popen", "pickle.find_class", "os.system"):
        WATCH.append(f"{event} {str(arguments[0]) if event == 'open' else arguments!r}")


sys.addaudithook(_watch)  # it cannot be taken away again, and does nothing unless WATCH is a list


@pytest.fixture
def watched():
    """Every file that is opened and all code that is compiled or run during the test."""
    global WATCH
    b"x".decode("cp437")  # zipfile uses this codec, which is imported at its first use
    WATCH = []
    yield WATCH
    WATCH = None


@pytest.fixture(scope="module")
def original():
    rng = np.random.default_rng(0)
    values = {"energy": 1.5, "names": ["a", "ü"], "deep": {"list": [[1, 2], [3.5, None, True]], "nan": "NaN"}}
    arrays = {
        "field": rng.normal(size=(5, 4)).astype(np.float32),
        "psi/real": rng.normal(size=7) + 1j,
        "index": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "mask": np.array([True, False]),
        "text": np.array(["ab", "ü"]),
        "empty": np.empty((0, 3)),
        "scalar": np.array(2.5),
    }
    return Artifact(values, arrays)


@pytest.fixture(scope="module")
def files(original):
    return dump_artifact(original, guarded.SCHEMA)


def same(a: Artifact, b: Artifact) -> bool:
    arrays = a.arrays.keys() == b.arrays.keys() and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in ((a.arrays[k], b.arrays[k]) for k in a.arrays)
    )
    return arrays and json.dumps(a.values, sort_keys=True) == json.dumps(b.values, sort_keys=True)


def mutate(content: bytes, rng: random.Random, other: bytes) -> bytes:
    """One way in which a file goes bad."""
    data = bytearray(content)
    where = rng.randrange(len(data)) if data else 0
    kind = rng.randrange(9)
    if kind == 0:
        data[where] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[where:]
    elif kind == 2:
        del data[where : where + rng.randrange(1, 40)]
    elif kind == 3:
        data[where:where] = rng.randbytes(rng.randrange(1, 40))
    elif kind == 4:
        data[where : where + 8] = rng.randbytes(8)
    elif kind == 5:
        data[where : where + 4] = struct.pack("<I", rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, len(data)]))
    elif kind == 6:
        start = rng.randrange(len(other))
        data[where:where] = other[start : start + 60]
    elif kind == 7:
        data = data[where:] + data[:where]
    else:
        for _ in range(rng.randrange(2, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """JSON with one token replaced by another that is, or is not, JSON."""
    text = content.decode()
    tokens = [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "9" * 5000,
        "null",
        "true",
        "[]",
        "{}",
        '""',
        "0",
        "-1",
        "1.0",
        "[" * 5000,
        '{"a":' * 300,
        '"\\ud800"',
        '"../../etc/passwd"',
        '"/etc/passwd"',
        '"a\\u0000b"',
        "1" * 399,
        "\x00",
        "",
        '{"schema": 1, "schema": 1}',
        '"' + "x" * 3000 + '"',
        "'x'",
        "0x10",
        "1_000",
        "[1,]",
        "// x\n1",
    ]
    starts = [i for i, c in enumerate(text) if c in '"[{0123456789ntf']
    start = rng.choice(starts)
    end = min((text.find(c, start + 1) for c in ",:\n}]" if text.find(c, start + 1) > 0), default=len(text))
    return (text[:start] + rng.choice(tokens) + text[end:]).encode()


def attempts(content, rng, other, n):
    return (mutate(content, rng, other) if rng.random() < 0.6 else mutate_json(content, rng) for _ in range(n))


# Readers by themselves: any outcome but an artifact or a GoldenError is a hole


def outcome(reader, *arguments):
    """What a reader gives, and the message if that is a GoldenError; any other error is raised."""
    try:
        return reader(*arguments), ""
    except GoldenError as error:
        return None, str(error)


def test_mutated_json_is_an_artifact_or_an_error(files, original, watched):
    rng, refused = random.Random(1), 0
    for content in attempts(files[".json"], rng, files[".npz"], MUTANTS):
        reading, message = outcome(parse_artifact, {**files, ".json": content}, ID)
        refused += bool(message)
        if reading:
            artifact, schema = reading
            assert artifact.arrays.keys() == original.arrays.keys()
            dump_artifact(artifact, schema)  # whatever was read can be written
        else:
            assert ID in message
            assert message.isprintable()
    assert refused > MUTANTS / 2
    assert watched == []


def test_mutated_arrays_are_whole_or_an_error(files, original, watched):
    rng, refused = random.Random(2), 0
    for _ in range(MUTANTS):
        content = mutate(files[".npz"], rng, files[".json"])
        reading, message = outcome(parse_artifact, {**files, ".npz": content}, ID)
        refused += bool(message)
        if reading:
            assert same(reading[0], original)  # the archive has checksums
        else:
            assert ID in message
            assert message.isprintable()
    assert refused > MUTANTS / 2
    assert watched == []


def test_mutated_members_with_right_checksums_are_arrays_or_an_error(watched):
    """Behind the archive's checksums, the array's own header and content are read with care too."""
    rng, refused = random.Random(3), 0
    for array in (np.arange(6.0).reshape(2, 3), np.array([True, False]), np.array(["ab", "cd"]), np.array(3j)):
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, version=(1, 0))
        for _ in range(MUTANTS // 4):
            try:
                arrays = parse_arrays(archive({"x.npy": mutate(buffer.getvalue(), rng, b"(1, 2)O|<f8'{}")}), ID)
                assert set(arrays) == {"x"}
                assert arrays["x"].dtype.kind in ARRAY_KINDS
                arrays["x"].tolist()  # text within Unicode
                assert all(b in (0, 1) for b in (arrays["x"].tobytes() if arrays["x"].dtype == bool else b""))
            except GoldenError:
                refused += 1
    assert refused > MUTANTS / 3
    assert watched == []


def test_mutated_manifests_are_read_or_an_error(watched, files):
    manifest, rng, refused = manifest_of(files), random.Random(4), 0
    for content in attempts(manifest, rng, files[".json"], MUTANTS):
        entries, message = outcome(parse_manifest, content, "MANIFEST.json")
        refused += bool(message)
        if entries is None:
            assert "MANIFEST.json" in message
            assert message.isprintable()
        else:
            assert all(check_id(i) and isinstance(e, Entry) for i, e in entries.items())
            assert parse_manifest(dump_manifest(entries), "") == entries
    assert refused > MUTANTS / 2
    assert watched == []


def manifest_of(content, identity=ID, kind="golden", **changes):
    digests, sha256, size = combined_digest(content)
    entry = {
        "kind": kind,
        "sha256": sha256,
        "size": size,
        "files": digests,
        "approval": "0001",
        "schema": guarded.SCHEMA,
        "comparator": "1",
        "tolerances": "",
        "environment": "",
        "seeds": {"train": 7},
        "commit": "0" * 40,
    }
    return dump_json({"version": 1, "goldens": {identity: {**entry, **changes}}})


# The store never reads what is not what was accepted


@pytest.fixture
def store(tmp_path, files):
    root = tmp_path / "goldens"
    for suffix, content in files.items():
        write_file(root / f"{ID}{suffix}", content)
    write_file(root / "MANIFEST.json", manifest_of(files))
    write_file(tmp_path / "secret.json", b'{"schema": "", "values": {"secret": 1}, "arrays": {}}')
    return Goldens(root, tmp_path / "schemas")


def read(store):
    return store.read(ID, store.manifest()[ID])


def test_the_store_reads_what_was_accepted(store, original):
    golden = read(store)
    assert same(golden.artifact, original)
    assert golden.schema == guarded.SCHEMA


def test_another_artifact_in_the_place_of_a_golden_is_an_error(store, original):
    for suffix, content in dump_artifact(Artifact({"energy": 1.6}, original.arrays), guarded.SCHEMA).items():
        write_file(store.root / f"{ID}{suffix}", content)
    with pytest.raises(GoldenError, match=r"energy\.json is not what was accepted"):
        read(store)


@pytest.mark.slow
def test_a_store_with_any_damage_is_read_as_it_was_or_an_error(store, files, original, watched):
    rng = random.Random(5)
    good = {"MANIFEST.json": manifest_of(files), **{f"{ID}{s}": c for s, c in files.items()}}
    refused = 0
    for _ in range(MUTANTS):
        name = rng.choice(sorted(good))
        path = store.root / name
        path.write_bytes(mutate(good[name], rng, files[".json"]))
        try:
            entry = store.manifest().get(ID)
            golden = store.read(ID, entry) if entry else None
            assert golden is None or same(golden.artifact, original)
        except GoldenError:
            refused += 1
        path.write_bytes(good[name])
    assert refused > MUTANTS * 0.8
    assert_inside(watched, store)


def assert_inside(watched, store):
    assert watched
    for event in watched:
        assert event.startswith(f"open {str(store.root)!r}"[:-1]), event


@pytest.mark.parametrize(
    "identity",
    [
        "../secret",
        "../../etc/passwd",
        "/etc/passwd",
        "heat/cpu/../../../secret",
        "heat//energy",
        "heat/cpu/energy/x",
        "heat/cpu",
        "~/x/y",
        "heat/cpu/.hidden",
        "C:/x/y",
        "heat\\cpu\\energy",
        "heat/cpu/a\0b",
        "heat/cpu/" + "x" * 300,
        "a/" * 300 + "x",
        "heat/cpu/ü",
        "heat/cpu/energy\n",
        "",
        ".",
        "approvals/cpu/x",
    ],
)
def test_names_that_lead_elsewhere_are_errors(store, files, identity, watched):
    storage_name = manifest_of(files).replace(ID.encode(), json.dumps(identity)[1:-1].encode())
    with pytest.raises(GoldenError) as raised:
        parse_manifest(storage_name, "MANIFEST.json")
    assert str(raised.value).isprintable()
    with pytest.raises(GoldenError):
        store.content(identity)
    assert watched == []


@pytest.mark.parametrize(
    ("identity", "kind"),
    [
        ("pyproject.toml", "schema"),
        ("secret.json", "schema"),
        ("other/secret.json", "schema"),
        ("MANIFEST.json", "schema"),
        ("heat/scenario.toml", "tolerances"),
        ("a/b/tolerances.toml", "tolerances"),
        (ID, "tolerances"),
        (ID, "schema"),
        (ID, "script"),
        ("tolerances.toml", "golden"),
    ],
)
def test_an_id_of_one_kind_is_not_one_of_another(store, files, identity, kind, watched):
    with pytest.raises(GoldenError):
        store.content(identity, kind)
    if identity != "other/secret.json":  # only the name of the folder tells
        with pytest.raises(GoldenError):
            parse_manifest(manifest_of({".json": b""}, identity, kind), "MANIFEST.json")
    assert watched == []


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("place", ["file", "folder", "circle", "dangling", "directory", "fifo"])
def test_links_and_what_is_no_file_are_errors(store, tmp_path, suffix, place):
    path = store.root / f"{ID}{suffix}"
    content = path.read_bytes()
    if place == "folder":
        outside = tmp_path / "outside"
        (store.root / "heat").rename(outside)
        (store.root / "heat").symlink_to(outside)
    else:
        path.unlink()
        (tmp_path / "outside").write_bytes(content)
        targets = {"file": tmp_path / "outside", "circle": path, "dangling": tmp_path / "nothing"}
        if place in targets:
            path.symlink_to(targets[place])
        elif place == "directory":
            path.mkdir()
        else:
            os.mkfifo(path)
    with pytest.raises(GoldenError, match="energy"):
        read(store)


def test_a_manifest_behind_a_link_is_an_error(store, tmp_path):
    path = store.root / "MANIFEST.json"
    path.rename(tmp_path / "elsewhere.json")
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(GoldenError, match="leads out"):
        store.manifest()


def test_a_golden_larger_than_any_is_not_read(store, monkeypatch, watched):
    monkeypatch.setattr(goldens, "LARGEST_ARRAYS", 10)
    with pytest.raises(GoldenError, match="larger than"):
        store.manifest()
    assert watched == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "script"}, "no known kind"),
        ({"kind": []}, "no known kind"),
        ({"size": True}, "wrong type"),
        ({"size": "1"}, "wrong type"),
        ({"approval": None}, "wrong type"),
        ({"commit": 3}, "wrong type"),
        ({"environment": {}}, "wrong type"),
        ({"files": []}, "no known kind"),
        ({"files": {".json": 1}}, "wrong type"),
        ({"files": {".npz": "0" * 64}}, "other files"),
        ({"files": {".json": "0" * 64, ".sh": "0" * 64}}, "other files"),
        ({"files": {"/../../../secret.json": "0" * 64, ".json": "0" * 64}}, "other files"),
        ({"sha256": "0" * 64}, "altered by hand"),
        ({"extra": 1}, "not a manifest entry"),
    ],
)
def test_entries_with_wrong_fields_are_errors(files, changes, message):
    with pytest.raises(GoldenError, match=message):
        parse_manifest(manifest_of(files, **changes), "MANIFEST.json")


# Written by hand: the tricks that chance does not hit upon


def archive(members, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()


def npy(header: bytes, content: bytes = b"", version=(1, 0)):
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + content


def header(descr="'<f8'", order="False", shape="(3,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}   \n".encode()


class Bomb:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize(
    "how", ["npy of objects", "pickle as npy", "pickle as npz", "pickle as json", "object inside text"]
)
def test_pickles_are_never_opened(tmp_path, files, how, watched):
    trap = tmp_path / "trap"
    payload = pickle.dumps(Bomb(trap))
    if how == "pickle as json":
        attack = {".json": payload}
    elif how == "pickle as npz":
        attack = {**files, ".npz": payload}
    else:
        objects = io.BytesIO()
        np.save(objects, np.array([Bomb(trap)], dtype=object), allow_pickle=True)
        member = {
            "npy of objects": objects.getvalue(),
            "pickle as npy": payload,
            "object inside text": npy(header("'|O'", shape="(1,)"), payload),
        }[how]
        attack = {**files, ".npz": archive({"field.npy": member})}
    with pytest.raises(GoldenError):
        parse_artifact(attack, ID)
    assert not trap.exists()
    assert not [e for e in watched if "trap" in e or "pickle" in e]


def test_a_planted_pickle_would_have_fired(tmp_path):
    """This shows that the trap of the test above is one."""
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Bomb(trap))).close()
    assert trap.exists()


@pytest.mark.parametrize(
    "content",
    [
        npy(header(shape="(1000000000000, 1000000)")),
        npy(header(shape="(99999999999999999999999,)")),
        npy(header(shape="(-1,)"), b"x" * 8),
        npy(header(shape="(0, 999999999999999999, 999999999999999999)")),
        npy(header(shape="(4,)"), b"x" * 24),
        npy(header(shape="(2,)"), b"x" * 24),
        npy(header(shape="(0,)"), b"x" * 24),
        npy(header(shape="(True, 3)"), b"x" * 24),
        npy(header(shape="(" + "1, " * 200 + ")"), b"x" * 8),
        npy(header(shape="(3.0,)"), b"x" * 24),
        npy(header(shape="3"), b"x" * 24),
        npy(header(shape="((3,))"), b"x" * 24),
        npy(header("'|O'"), b"x" * 24),
        npy(header("'<O8'"), b"x" * 24),
        npy(header("'|V8'"), b"x" * 24),
        npy(header("'<M8[s]'"), b"x" * 24),
        npy(header("[('a', '<f8')]"), b"x" * 24),
        npy(header("'<f8, <f8'"), b"x" * 48),
        npy(header("'<f7'"), b"x" * 21),
        npy(header("'<U0'")),
        npy(header("'|S0'")),
        npy(header("'<U999999999'")),
        npy(header("'<U1'"), b"\xff" * 12),
        npy(header("'|b1'"), b"\x00\x01\x02"),
        npy(header("__import__('os').system('true')"), b"x" * 24),
        npy(header(order="1"), b"x" * 24),
        npy(header()[:-1], b"x" * 24),
        npy(header() + b"x" * 24, b""),
        npy(b"(" * 9000, b""),
        npy(b"{" + b"'a': 1, " * 900 + b"}\n"),
        npy(header(shape="(3L,)"), b"x" * 24),
        npy(header(), b"x" * 24, version=(2, 0)),
        npy(header(), b"x" * 24, version=(3, 0)),
        npy(header(), b"x" * 24, version=(9, 9)),
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff",
        b"",
        b"PK\x03\x04",
    ],
)
def test_arrays_that_lie_about_themselves_are_errors(content):
    with pytest.raises(GoldenError, match=ID):
        parse_arrays(archive({"x.npy": content}), ID)


@pytest.mark.parametrize(
    "name",
    [
        "../x.npy",
        "/x.npy",
        "a/../x.npy",
        "a//x.npy",
        "./x.npy",
        "C:/x.npy",
        "C:x.npy",
        "a\\..\\x.npy",
        ".npy",
        "a/.npy",
        "x.txt",
        "x",
        "",
        "x.npy/",
        "..npy/../x.npy",
    ],
)
def test_members_that_lead_out_of_the_archive_are_errors(name):
    with pytest.raises(GoldenError):
        parse_arrays(archive({name: npy(header(), b"x" * 24)}), ID)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_an_error():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for _ in range(2):
            file.writestr("x.npy", npy(header(), b"x" * 24))
    with pytest.raises(GoldenError, match="one name"):
        parse_arrays(buffer.getvalue(), ID)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_the_packing_that_we_write_is_read(method):
    with pytest.raises(GoldenError, match="packed by method"):
        parse_arrays(archive({"x.npy": npy(header(), b"x" * 24)}, method), ID)


@pytest.mark.parametrize(
    "change",
    [
        lambda z: z.replace(b"PK\x03\x04", b"PK\x03\x05", 1),
        lambda z: z[:6] + b"\x01\x00" + z[8:],  # the member says that it is encrypted
        lambda z: z.replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00"
        ),  # the list of members says that it is encrypted
        lambda z: z + b"tail",
        lambda z: b"",
        lambda z: b"not a zip at all",
        lambda z: zlib.compress(z),
        lambda z: z[: len(z) // 2] * 2,
    ],
)
def test_wrong_archives_are_errors_or_read_as_they_were(files, original, change):
    try:
        artifact = parse_artifact({**files, ".npz": change(files[".npz"])}, ID)[0]
    except GoldenError:
        return
    assert same(artifact, original)


def forged_size(content: bytes, size: int) -> bytes:
    """An archive of one member that claims to unpack to ``size`` bytes, in both places where it says so."""
    data = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(mark) + offset
        data[start : start + 4] = struct.pack("<I", size)
    return bytes(data)


@pytest.mark.parametrize("claim", [None, 100, 2**32 - 1, 2**30])
@pytest.mark.slow
def test_a_bomb_takes_no_memory(claim, monkeypatch):
    """The bomb is 64 MiB of zeros in 64 KiB, which is honest about it, or claims to be small, or huge."""
    monkeypatch.setattr(artifacts, "LARGEST_ARRAYS", 2**20)
    zeros = npy(header(shape="(8388608,)"), bytes(2**26))
    content = archive({"x.npy": zeros}, zipfile.ZIP_DEFLATED)
    content = content if claim is None else forged_size(content, claim)
    assert len(content) < 2**17
    tracemalloc.start()
    with pytest.raises(GoldenError):
        parse_arrays(content, ID)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 1}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[" * 65 + b"]" * 65,
        b'{"a": ' + b"9" * 100_000 + b"}",
        b"9" * 401,
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b"{a: 1}",
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": "\n"}',
        b'{"a": .5}',
        b"nul",
        b'{"x": {"b": 1, "c": {"d": 1, "d": 2}}}',
    ],
)
def test_what_is_not_strict_json_is_an_error(content):
    with pytest.raises(GoldenError, match=r"x\.json is not strict JSON") as raised:
        parse_json(content, "x.json")
    assert len(str(raised.value)) < 300


def test_json_larger_than_any_artifact_is_not_parsed(monkeypatch):
    monkeypatch.setattr("harness.core.files.LARGEST_JSON", 10)
    with pytest.raises(GoldenError, match="larger than 10 bytes"):
        parse_json(b" " * 11, "x.json")


def test_whole_pairs_of_surrogates_and_long_integers_are_json():
    assert parse_json(b'["\\ud83d\\ude00", ' + b"9" * 300 + b"]", "x") == ["\N{GRINNING FACE}", int("9" * 300)]


@pytest.mark.parametrize(
    "about",
    [
        {"schema": "s", "values": {}},
        {"schema": "s", "values": {}, "arrays": {}, "extra": 1},
        {"schema": 3, "values": {}, "arrays": {}},
        {"schema": "s", "values": [], "arrays": {}},
        {"schema": "s", "values": {}, "arrays": []},
        {"schema": "s", "values": {}, "arrays": ["field"]},
        {"schema": "s", "values": {}, "arrays": 3},
        {"schema": "s", "values": {}, "arrays": None},
        {"schema": "s", "values": {}, "arrays": {"none": None}},
        {"schema": "s", "values": {}, "arrays": {"x": {}}},
        [],
        None,
        3,
        "text",
    ],
)
def test_json_that_is_no_artifact_is_an_error(about):
    with pytest.raises(GoldenError, match=ID):
        parse_artifact({".json": dump_json(about)}, ID)


@pytest.mark.parametrize("key", ["dtype", "shape"])
def test_arrays_that_are_not_as_declared_are_errors(files, key):
    about = json.loads(files[".json"])
    about["arrays"]["field"][key] = "float64" if key == "dtype" else [4, 5]
    with pytest.raises(GoldenError, match=r"'field' in heat/cpu/energy\.npz is not as"):
        parse_artifact({**files, ".json": dump_json(about)}, ID)


def test_arrays_alone_are_no_artifact(files):
    with pytest.raises(GoldenError, match="is not an artifact"):
        parse_artifact({".npz": files[".npz"]}, ID)
