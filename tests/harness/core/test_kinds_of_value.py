"""The table of kinds: each is kept, compared, drawn, and refused cleanly where it cannot be."""

from __future__ import annotations

import importlib.util
import io
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kinds_of_value import KINDS, LIGHT, hours, numbers, pint_quantity, table
from PIL import Image as PillowImage

from harness.core.artifacts import dump_artifact, parse_artifact
from harness.core.codecs import Parted, restored
from harness.core.codecs.registry import codecs
from harness.core.errors import GoldenError, RefusedDataError
from harness.core.protocol import Artifact, Image, Pipeline, Scenario, Stage
from harness.core.trees import checked_artifact, join_tree, output_artifact, split_tree
from harness.core.verdicts import ArtifactReport, ScenarioReport, Status
from harness.host.wire import _Reader
from harness.judge.comparison import compare_artifact
from harness.judge.rules import Rules
from harness.judge.tolerances import read_rule
from harness.report.graphics.exhibits import collect_exhibits
from harness.run.cache import Cache
from harness.run.items import read_only
from harness.run.runner import Runner
from harness.verify.checks.document import named_value
from harness.verify.running.stage_runs import whole_output

ROOT = Path(__file__).parents[3]
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * ("tensor" in name)) for name in KINDS]
every_kind = pytest.mark.parametrize("name", NAMES)
KEPT = [each for each in NAMES if not KINDS[each.values[0]].looked_at]
every_kept_kind = pytest.mark.parametrize("name", KEPT)
every_kind_with_parts = pytest.mark.parametrize("name", [each for each in NAMES if each.values != ("float16",)])


def test_the_libraries_that_must_not_be_skipped_are_here():
    for library in LIGHT:
        assert importlib.util.find_spec(library), f"{library} is missing: install the dependency group `test`"


def kind(name):
    KINDS[name].require()
    return KINDS[name]


def alike(a, b) -> bool:
    """Whether two values are the same, class, type of number, labels and all, by their own library."""
    assert type(a) is type(b)
    package = type(a).__module__.partition(".")[0]
    if package == "pandas" and hasattr(a, "asm8"):
        return a == b and str(a.tz) == str(b.tz) and a.unit == b.unit
    if package == "pandas":
        import pandas

        what = {"DataFrame": "frame", "Series": "series"}.get(type(a).__name__, "index")
        getattr(pandas.testing, f"assert_{what}_equal")(a, b, check_exact=True)
        return getattr(a, "attrs", {}) == getattr(b, "attrs", {})
    if package == "xarray":
        return a.identical(b) and all(a[name].dtype == b[name].dtype for name in a.coords)
    if package == "polars":
        return a.equals(b, null_equal=True) and a.schema == b.schema
    if package == "pyarrow":
        return a.equals(b, check_metadata=True)
    if package == "scipy":
        return (a != b).nnz == 0 and a.format == b.format and a.dtype == b.dtype and a.shape == b.shape
    if isinstance(a, np.ma.MaskedArray):
        same = (a.mask == b.mask).all() and (a.filled() == b.filled()).all()
        return same and a.dtype == b.dtype and a.fill_value == b.fill_value and a.hardmask == b.hardmask
    if hasattr(a, "units"):
        return a.units == b.units and (a.magnitude == b.magnitude).all()
    if hasattr(a, "unit"):
        return a.unit == b.unit and alike(a.value, b.value)
    if getattr(getattr(a, "dtype", None), "names", None):  # its gaps hold anything
        return (a.dtype, a.dtype.isalignedstruct, a.tolist()) == (b.dtype, b.dtype.isalignedstruct, b.tolist())
    x, y = np.asarray(a), np.asarray(b)
    return (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()) and getattr(a, "dtype", 0) == getattr(
        b, "dtype", 0
    )


def judged(golden, obtained, path, **terms):
    rule = read_rule("check/**", terms or {"rtol": 1e-6}, path, "here")
    return compare_artifact(golden, obtained, Rules((rule,), (path,), path), "check/", {}, "exact")


# Kept


@every_kept_kind
@pytest.mark.parametrize("limit", [2**30, 10], ids=["cached", "in memory"])
def test_it_comes_back_as_the_same_kind_for_the_next_stage_and_its_observer(name, limit, tmp_path):
    value, seen = kind(name).make(0.0), []

    def make(config, progress):
        return {"x": value, "list": [value], "tuple": (value, 1)}

    def use(config, progress, make):
        seen.extend([make["x"], make["list"][0], make["tuple"][0]])
        return {"again": make["x"]}

    def observe(config, output, make):
        seen.extend([make["x"], output["again"]])
        return Artifact({"n": 1} if name == "float16" else {"again": output["again"]})

    stages = (Stage("make", "made", make), Stage("use", "used", use, observe, needs=("make",)))
    pipeline = Pipeline("p", stages, dict, lambda *_: None, ())
    runner = Runner(pipeline, Cache(tmp_path, limit))
    for _ in range(2):
        last = runner.chain(Scenario("one", "cpu", "one", {}), stages)[-1]
        assert last.error == ""
        seen.append(restored(last.item.output())["again"])
    assert len(seen) >= 7
    assert all(alike(value, each) for each in seen)
    assert len({id(each) for each in seen}) == len(seen)


@every_kept_kind
def test_it_comes_back_from_the_golden_of_a_replay(name, monkeypatch):
    value = kind(name).make(0.0)
    accepted = parse_artifact(dump_artifact(whole_output({"x": value}), "a-1"), "a")[0]
    tree = join_tree(accepted.values, accepted.arrays)
    with monkeypatch.context() as patch:  # the process that judges needs no library, be it to send or to compare
        for module in [m for m in sys.modules if m.partition(".")[0] == KINDS[name].needs != "numpy"]:
            patch.setitem(sys.modules, module, None)
        sent = _Reader(io.BytesIO(pickle.dumps(read_only(tree), 5))).load()
        assert dump_artifact(whole_output(sent), "a-1") == dump_artifact(accepted, "a-1")
    assert alike(value, restored(sent)["x"])


@every_kind
def test_its_parts_have_addresses_and_no_marker_in_an_artifact_and_in_a_check(name):
    value = kind(name).make(0.0)
    artifact = output_artifact({"x": value})
    checked = named_value("x", value, "test_one")
    assert kind(name).address in {*artifact.arrays, "x/imag", "x/value"}
    assert "$kind" not in json.dumps(artifact.values)
    assert artifact.values == checked.values
    assert all((array == checked.arrays[n]).all() for n, array in artifact.arrays.items())
    assert checked.arrays.keys() == artifact.arrays.keys()


@pytest.mark.parametrize("name", [name for name, each in KINDS.items() if each.looked_at])
def test_what_is_only_looked_at_may_be_observed_and_checked_and_is_no_output(name):
    value = kind(name).make(0.0)
    assert checked_artifact(Artifact({"x": value})).values == output_artifact({"x": value}).values
    with pytest.raises(RefusedDataError, match=r"stage make returns at 'x' a .* not be made again: give its numbers"):
        split_tree({"x": value}, "stage make returns")


def test_how_a_picture_is_compressed_is_no_difference(tmp_path):
    from kinds_of_value import png

    content = io.BytesIO()
    PillowImage.open(io.BytesIO(png(0))).save(content, "PNG", compress_level=0)
    assert content.getvalue() != png(0)
    verdicts = judged(output_artifact({"x": png(0)}), output_artifact({"x": content.getvalue()}), tmp_path)
    assert {v.status for v in verdicts} == {Status.PASS}


# Compared


@every_kind
def test_it_is_compared_under_the_same_rules(name, tmp_path):
    make, address = kind(name).make, KINDS[name].address
    golden, near, far = (output_artifact({"x": make(e)}) for e in (0.0, 0.01, 0.5))
    assert {v.status for v in judged(golden, output_artifact({"x": make(0.0)}), tmp_path)} == {Status.PASS}
    failed = [v.path for v in judged(golden, near, tmp_path) if v.status.failed]
    assert failed == [address]
    assert not [v for v in judged(golden, near, tmp_path, **KINDS[name].loose) if v.status.failed]
    assert [v.path for v in judged(golden, far, tmp_path, **KINDS[name].loose) if v.status.failed] == [address]


@every_kind_with_parts
def test_another_kind_of_the_same_numbers_is_a_difference(name, tmp_path):
    golden = output_artifact({"x": kind(name).make(0.0)})
    golden.values["x"]["kind"] = "other.Kind"
    failed = [v for v in judged(golden, output_artifact({"x": KINDS[name].make(0.0)}), tmp_path) if v.status.failed]
    assert [v.path for v in failed] == ["x/kind"]


# Drawn


@every_kind
def test_it_is_drawn_where_a_drawing_makes_sense(name):
    golden, obtained = (output_artifact({"x": kind(name).make(e)}) for e in (0.0, 0.5))
    report = ScenarioReport("one", "cpu", "one", (ArtifactReport("make", "made", "cpu"),))
    views = [Image("made", "x", "X")]
    (picture,) = collect_exhibits(report, views, lambda *_: (golden, obtained), 64).pictures
    if KINDS[name].drawn is None:
        assert picture.tiles == ()
        assert picture.notes
    else:
        rows, columns = (1, *KINDS[name].drawn)[-2:]
        assert [tile.title for tile in picture.tiles] == ["golden", "obtained", "difference"]
        assert {(tile.height, tile.width) for tile in picture.tiles} == {(rows, columns)}


# Refused


@every_kind
def test_what_cannot_be_kept_is_refused_with_stage_key_and_remedy(name):
    make, cause, remedy = kind(name).refused
    with pytest.raises(RefusedDataError) as error:
        (output_artifact if KINDS[name].looked_at else split_tree)({"deep": {"x": make()}}, "stage make returns")
    message = str(error.value)
    assert message.startswith("stage make returns at 'deep/x")
    assert cause in message
    assert remedy in message.partition(cause)[2]
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", [each for each in KEPT if KINDS[each.values[0]].needs != "numpy"])
def test_a_value_whose_library_is_gone_is_refused_with_what_brings_it(name, monkeypatch):
    tree = join_tree(*split_tree({"deep": {"x": kind(name).make(0.0)}}))
    for module in [KINDS[name].needs, *(m for m in sys.modules if m.startswith(f"{KINDS[name].needs}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(RefusedDataError) as error:
        restored(tree, "stage use is given")
    message = str(error.value)
    assert message.startswith("stage use is given at 'deep/x")
    assert f"needs {KINDS[name].needs}" in message
    assert f"pip install {KINDS[name].needs}" in message
    assert (f"extra {KINDS[name].extra!r}" in message) is bool(KINDS[name].extra)


@every_kept_kind
def test_parts_that_somebody_forged_make_nothing(name):
    values, arrays = split_tree({"x": kind(name).make(0.0)})
    inner = values["x"].get("$kind", {})
    for gone in [part for part in inner if part != "kind"]:
        forged = {"x": {"$kind": {k: v for k, v in inner.items() if k != gone}}}
        try:
            made = restored(join_tree(forged, arrays))["x"]
        except GoldenError:
            continue
        assert type(made) is type(KINDS[name].make(0.0))  # without a part that not every value of the kind has


@pytest.mark.parametrize("forged", ["os.system", "pandas.io.pickle.read_pickle", "", "numpy", "matplotlib.Figure"])
def test_a_kind_that_is_unknown_is_damage(forged):
    with pytest.raises(GoldenError, match="which this harness cannot make"):
        join_tree({"x": {"$kind": {"kind": forged, "values": 1}}}, {})
    with pytest.raises(GoldenError, match="which this harness cannot make"):
        restored({"x": Parted(forged, {})})


FORGED = {
    "an index beyond the matrix": (
        "scipy.sparse",
        {"format": "csr_array", "shape": [1, 1]},
        {"data": [1.0], "indices": [9], "indptr": [0, 1]},
    ),
    "a format that is none": ("scipy.sparse", {"format": "__class___array", "shape": [1, 1]}, {}),
    "a unit that calculates": ("pint.Quantity", {"value": 1.0, "unit": "9 ** 9 ** 9 ** 9"}, {}),
    "a unit that calls": ("pint.Quantity", {"value": 1.0, "unit": "__import__('os')"}, {}),
    "a type of number that is none": ("ml_dtypes.array", {"dtype": "finfo"}, {"values": [1.0]}),
    "a unit of time that is none": ("numpy.dates", {"unit": "float64"}, {"values": [1]}),
    "a mask of another shape": ("numpy.ma.MaskedArray", {}, {"values": [1.0, 2.0], "mask": [True]}),
    "a record of a gigabyte": (
        "numpy.structured",
        {"names": ["a"], "shape": [1], "offsets": [0], "itemsize": 2**30, "fields": {"a": {"$array": "a"}}},
        {"a": [1]},
    ),
    "a column of another dtype": ("pandas.array", {"dtype": "object_"}, {"values": [1]}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_forged_parts_are_damage(name):
    of, values, arrays = FORGED[name]
    parts = {**values, **{n: {"$array": n} for n in arrays}}
    with pytest.raises(GoldenError, match="do not fit"):
        restored(join_tree({"x": {"$kind": {"kind": of, **parts}}}, {n: np.array(a) for n, a in arrays.items()}))


# What else holds


def test_data_that_look_like_a_kind_come_back_as_they_are():
    for data in (
        {"$kind": {"kind": "numpy.dates"}},
        {"$$kind": {"kind": "a"}},
        {"$kind": {"$kind": {"kind": "a"}}},
        {"$kind": 5},
        {"$kind": {"kind": 5}},
        {"kind": "numpy.dates", "values": np.ones(1)},
    ):
        values, arrays = split_tree({"x": data})
        assert repr(restored(join_tree(values, arrays))["x"]) == repr(data)
    assert split_tree({"x": {"$kind": 5}})[0] == {"x": {"$kind": 5}}  # as it was before there were kinds


def test_what_lies_under_a_mask_is_no_difference(tmp_path):
    one, other = (np.ma.MaskedArray([1.0, garbage], [False, True]) for garbage in (7.0, np.nan))
    verdicts = judged(output_artifact({"x": one}), output_artifact({"x": other}), tmp_path)
    assert {v.status for v in verdicts} == {Status.PASS}


def test_another_mask_unit_or_order_of_columns_is_a_difference(tmp_path):
    pairs = {
        "x/mask": (np.ma.MaskedArray(numbers(0), False), np.ma.MaskedArray(numbers(0), [[False, False, True]] * 2)),
        "x/unit": (hours(0), hours(0).astype("M8[s]")),
        "x/names/values/values": (table(0), table(0)[table(0).columns[::-1]]),
    }
    for path, (one, other) in pairs.items():
        verdicts = judged(output_artifact({"x": one}), output_artifact({"x": other}), tmp_path)
        assert path in [v.path for v in verdicts if v.status.failed]


def test_a_unit_that_could_be_converted_is_a_difference_and_says_both(tmp_path):
    one = pint_quantity(0)
    verdicts = judged(output_artifact({"x": one}), output_artifact({"x": one.to("km / s ** 2")}), tmp_path)
    failed = {v.path: (v.expected, v.obtained) for v in verdicts if v.status.failed}
    assert failed["x/unit"] == ("meter * second ** -2", "kilometer * second ** -2")
    assert "x/values" in failed
    replayed = judged(whole_output({"x": one}), whole_output({"x": one.to("km / s ** 2")}), tmp_path)
    assert {v.path for v in replayed if v.status.failed} == {"x/unit", "x/values"}


def test_the_parts_of_what_somebody_else_is_given_cannot_be_changed_in_place():
    given = read_only({"x": [Parted("numpy.ma.MaskedArray", {"values": np.ones(2), "mask": np.zeros(2, bool)})]})
    with pytest.raises(ValueError, match="read-only"):
        given["x"][0].parts["values"][0] = 2
    with pytest.raises(ValueError, match="read-only"):
        restored(given)["x"][0][0] = 2


def test_an_observer_gives_a_kind_among_its_values_or_its_arrays():
    masked = np.ma.MaskedArray([1.0, 2.0], [True, False])
    artifact = checked_artifact(Artifact({"z": 1j, "deep": [{"m": masked}]}, {"field": masked}))
    assert artifact.values == {
        "z": {"kind": "complex", "real": 0.0, "imag": 1.0},
        "deep": [{"m": {"kind": "numpy.ma.MaskedArray"}}],
        "field": {"kind": "numpy.ma.MaskedArray"},
    }
    assert sorted(artifact.arrays) == ["deep/0/m/mask", "deep/0/m/values", "field/mask", "field/values"]
    for twice in (Artifact({"field": 1}, {"field": masked}), Artifact({}, {"field": masked, "field/mask": np.ones(1)})):
        with pytest.raises(RefusedDataError, match="two values whose keys give that one path"):
            checked_artifact(twice)


def test_keys_and_parts_that_give_one_path_are_refused():
    with pytest.raises(RefusedDataError, match="'x/mask' two values whose keys give that one path"):
        split_tree({"x": np.ma.MaskedArray([1.0]), "x/mask": np.ones(1)})


def test_a_stage_that_changes_what_it_was_given_changes_nobody_else_s(tmp_path):
    seen = []

    def make(config, progress):
        return {"x": table(0)}

    def spoil(config, progress, make):
        make["x"]["area"] = -1.0
        return {"n": len(make["x"])}

    def observe(config, output, make):
        seen.append(make["x"])
        return Artifact({"n": output["n"]})

    stages = (Stage("make", "made", make), Stage("spoil", "spoilt", spoil, observe, needs=("make",)))
    runner = Runner(Pipeline("p", stages, dict, lambda *_: None, ()), Cache(tmp_path, 10))
    last = runner.chain(Scenario("one", "cpu", "one", {}), stages)[-1]
    assert last.error == ""
    assert last.observed.artifact().values == {"n": 3}
    assert len(seen) == 1
    assert alike(seen[0], table(0))


def test_a_codec_imports_no_library_to_look_at_a_value():
    """Not even when a value has none."""
    code = (
        "import sys, harness, numpy as np; from harness.core.trees import split_tree, output_artifact\n"
        "split_tree({'x': np.ma.ones(2), 'y': 1j, 'z': np.zeros(1, 'M8[s]')})\n"
        "try: split_tree({'x': object()})\n"
        "except harness.RefusedDataError: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pandas", "xarray", "pint", "astropy", "polars", "pyarrow", "scipy", "torch", "jax", "ml_dtypes"}
    assert not set(done.stdout.split()) & heavy


def test_every_codec_has_a_name_of_its_own_and_an_extra_that_there_is():
    assert len({codec.kind for codec in codecs()}) == len(codecs()) > 25
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text().partition("[dependency-groups]")[0], re.M)
    page = (ROOT / "docs/reference/values.md").read_text()
    for extra in {codec.extra for codec in codecs()} - {""}:
        assert extra in extras
        assert f"`{extra}` |" in page


ROWS = {"label": ["a", None, "c"], "area": [1.0, 2.0, 3.0], "whole": [1, None, 3], "number": [10, 20, 30]}


def rows_of(library, order):
    made = pytest.importorskip(library)
    if library == "pyarrow":
        return made.table(ROWS).take(made.array(order))
    if library == "polars":
        return made.DataFrame(ROWS)[order]
    typed = {"label": "string", "whole": "Int64"}
    return made.DataFrame(ROWS).astype(typed).iloc[order].reset_index(drop=True)


@pytest.mark.parametrize("parted", [output_artifact, whole_output], ids=["observed", "replayed"])
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_the_rows_of_a_table_are_matched_by_a_key_with_their_gaps(library, parted, tmp_path):
    rules = [
        read_rule("**", {"rtol": 1e-6}, tmp_path, "here"),
        read_rule("x/columns/**", {"rtol": 1e-6, "key": "number"}, tmp_path, "here"),
    ]
    judge = Rules(tuple(sorted(rules, key=lambda r: r.specificity, reverse=True)), (tmp_path,), tmp_path)
    golden = parted({"x": rows_of(library, [0, 1, 2])})

    def failing(obtained):
        return {v.path for v in compare_artifact(golden, obtained, judge, "", {}, "exact") if v.status.failed}

    assert failing(parted({"x": rows_of(library, [2, 0, 1])})) == set()
    other = parted({"x": rows_of(library, [2, 0, 1])})
    other.arrays["x/columns/area"] = other.arrays["x/columns/area"] * [1, 1, 2]
    assert failing(other) == {"x/columns/area"}
    assert failing(parted({"x": rows_of(library, [2, 0, 0])}))
