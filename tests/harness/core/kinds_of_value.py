"""Every kind of value that has a codec: one of it, one that differs slightly, one that is refused, what is drawn."""

from __future__ import annotations

import dataclasses
import datetime
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

LIGHT = ("scipy", "pandas", "xarray", "pint", "ml_dtypes")  # what the dependency group `test` brings


@dataclasses.dataclass(frozen=True)
class Kind:
    """``make(0.0)`` gives a value and ``make(e)`` one whose number at ``address`` is off by ``e`` of itself.

    ``loose`` is a rule that allows 0.01 and not 0.5. ``drawn``: the shape of its picture, None where none makes sense.
    ``looked_at``: an artifact or a test may hold it, and no output of a stage. ``refused``: a value of the kind, or
    near it, that cannot be kept, what the refusal says of it, and the remedy.
    """

    make: Callable[[float], Any]
    address: str
    refused: tuple[Callable[[], Any], str, str]
    drawn: tuple[int, ...] | None = None
    needs: str = "numpy"
    extra: str = ""
    looked_at: bool = False
    loose: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"rtol": 0.3})

    def require(self) -> None:
        """Skip the test where the library is not installed; that those of the group `test` are is a test."""
        pytest.importorskip(self.needs)


def numbers(e: float, dtype: Any = np.float64) -> Any:
    """Numbers 1 to 6, the fourth off by ``e``."""
    values = np.arange(1.0, 7.0).reshape(2, 3)
    values[1, 0] *= 1 + e
    return values.astype(dtype)


def hours(e: float) -> Any:
    return np.array(["2020-01-01", "2020-01-02"], "M8[h]") + np.array([0, round(e * 1e6)], "m8[h]")


def pandas() -> Any:
    import pandas

    return pandas


def table(e: float) -> Any:
    index = pandas().Index(["r1", "r2", "r3"], name="grain")
    frame = pandas().DataFrame(
        {
            "area": numbers(e)[1],
            "count": [1, 2, 3],
            "label": ["a", None, "ccc"],
            "seen": pandas().date_range("2020", periods=3, tz="Europe/Berlin"),
            "whole": pandas().array([1, None, 3], dtype="Int16"),
            "class": pandas().Categorical(["x", "y", "x"], ordered=True),
        },
        index=index,
    )
    frame.attrs = {"unit": "um"}
    frame.columns.name = "field"
    return frame


def column(e: float) -> Any:
    levels = pandas().MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["side", None])
    return pandas().Series(numbers(e).ravel(), index=levels, name="area")


def missing(e: float) -> Any:
    return pandas().Series(pandas().array([1.5 * (1 + e), None], dtype="Float32"), index=pandas().RangeIndex(2))


def data_array(e: float) -> Any:
    import xarray

    coords = {"y": [0.5, 1.5], "x": ("x", ["a", "b", "c"], {"long_name": "place"}), "run": 7}
    return xarray.DataArray(numbers(e), coords, ("y", "x"), "height", {"units": "m"})


def dataset(e: float) -> Any:
    import xarray

    variables = {"height": (("t", "x"), numbers(e, np.float32), {"units": "m"}), "land": ("x", [True, False, True])}
    return xarray.Dataset(variables, {"t": pandas().date_range("2020", periods=2)}, {"title": "a sea"})


def pint_quantity(e: float) -> Any:
    import pint

    return pint.get_application_registry().Quantity(numbers(e), "meter / second ** 2")


def astropy_quantity(e: float) -> Any:
    from astropy import units

    return units.Quantity(numbers(e), "km / s")


def of_another_registry() -> Any:
    import pint

    return pint.UnitRegistry().Quantity(1.0, "m")


def bfloat16(e: float) -> Any:
    import ml_dtypes

    return numbers(e, ml_dtypes.bfloat16)


def sparse(form: str) -> Callable[[float], Any]:
    def make(e: float) -> Any:
        import scipy.sparse

        return getattr(scipy.sparse, form)(np.diag([1.0, 2.0 * (1 + e), 3.0]))

    return make


def polars_table(e: float) -> Any:
    import polars

    days = [datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)]
    return polars.DataFrame(
        {"area": [1.0, None, 4 * (1 + e)], "label": ["a", None, ""], "day": days, "land": [True, None, False]}
    )


def arrow_table(e: float) -> Any:
    import pyarrow

    return pyarrow.table(
        {
            "area": [1.0, None, 4 * (1 + e)],
            "label": ["a", None, ""],
            "at": pyarrow.array([1, 2, None], pyarrow.timestamp("ms", tz="UTC")),
            "day": pyarrow.array([1, None, 3], pyarrow.date32()),
        },
        metadata={"unit": "um"},
    )


def of(library: str, call: Callable[[Any], Any]) -> Callable[[], Any]:
    """A value that ``call`` makes with a library."""
    return lambda: call(pytest.importorskip(library))


def torch_tensor(e: float) -> Any:
    import torch

    return torch.from_numpy(numbers(e))


def jax_array(e: float) -> Any:
    import jax.numpy

    return jax.numpy.asarray(numbers(e, np.float32))


def tensorflow_tensor(e: float) -> Any:
    import tensorflow

    return tensorflow.convert_to_tensor(numbers(e))


def picture(e: float) -> Any:
    from PIL import Image

    return Image.fromarray(np.array([[10, 100 * (1 + e), 20]] * 2).astype(np.uint8))


def png(e: float, cut: int | None = None) -> bytes:
    content = io.BytesIO()
    picture(e).save(content, "PNG", compress_level=1 if e else 9)
    return content.getvalue()[:cut]


def svg(e: float) -> bytes:
    return f'<svg xmlns="x" id="a1">\n<path d="M0 0L{10 * (1 + e):.3f},2.5e1" id="b7"/>\n</svg>'.encode()


def figure(e: float, draw: Callable[[Any], Any] = lambda axes: None) -> Any:
    from matplotlib.figure import Figure

    made = Figure()
    left, right = made.subplots(1, 2)
    left.plot([1, 2, 3], [1.0, 4.0 * (1 + e), 9.0], label="area")
    left.scatter([1, 2], [3, 4], c=[0.1, 0.2])
    left.bar([1, 2], [3.0, 4.0])
    left.text(1, 1, "here")
    made.colorbar(right.imshow(np.ma.masked_less(np.arange(6.0).reshape(2, 3), 2)))
    right.pcolormesh(np.eye(3))
    draw(right)
    return made


OBJECTS = (lambda: np.array([{}]), "an array of object", "x.astype(float)")
MASK = [[True, False, False], [False, False, True]]
KINDS = {
    "masked array": Kind(
        lambda e: np.ma.MaskedArray(numbers(e), MASK, fill_value=-1.0),
        "x/values",
        (lambda: np.ma.zeros(2, "i4,f8"), "a masked array with fields", "give each of its fields"),
        (2, 3),
    ),
    "masked integers": Kind(
        lambda e: np.ma.MaskedArray(numbers(e * 100, np.int16), MASK, hard_mask=True),
        "x/values",
        (lambda: np.ma.masked, "a masked array, whose mask would be lost", "getmaskarray"),
        (2, 3),
        loose={"atol": 5},
    ),
    "dates": Kind(
        hours,
        "x/values",
        (lambda: hours(0).astype(">M8[h]"), "an array of >M8[h]", "astype(np.int64)"),
        loose={"atol": 20_000},
    ),
    "durations": Kind(
        lambda e: hours(e) - np.datetime64("2019"),
        "x/values",
        (lambda: datetime.timedelta(1), "datetime.timedelta", "np.timedelta64(x)"),
        loose={"atol": 20_000},
    ),
    "date": Kind(
        lambda e: hours(e)[1],
        "x/value",
        (lambda: datetime.date(2020, 1, 1), "datetime.date", "np.datetime64(x)"),
        loose={"atol": 20_000},
    ),
    "structured array": Kind(
        lambda e: np.array(
            [(1, 2.0 * (1 + e), ("ab", 3))], [("n", "i4"), ("v", "f8"), ("in", [("t", "U2"), ("k", "u1")])]
        ),
        "x/fields/v",
        (lambda: np.zeros(2, [("a", "O")]), "an array of object", "x.astype(float)"),
    ),
    "structured array with gaps": Kind(
        lambda e: np.array([(1, 2.0 * (1 + e))], np.dtype([("n", "i1"), ("v", "f8", (1,))], align=True)),
        "x/fields/v",
        (lambda: np.rec.array([(1, 2.0)]), "recarray", "np.array(x)"),
    ),
    "record": Kind(
        lambda e: np.array((1, 2.0 * (1 + e)), "i4,f8")[()],
        "x/fields/f1",
        (lambda: np.zeros((), "V3")[()], "numpy.void", "stages return data"),
    ),
    "float16": Kind(
        lambda e: numbers(e, np.float16), "x", (lambda: np.longdouble(1), "neither JSON", "np.asarray(x)"), (2, 3)
    ),
    "bfloat16": Kind(bfloat16, "x/values", OBJECTS, (2, 3), "ml_dtypes", "narrow"),
    "one bfloat16": Kind(lambda e: bfloat16(e)[1, 0], "x/values", OBJECTS, None, "ml_dtypes", "narrow"),
    "complex number": Kind(
        lambda e: 1 + 2j * (1 + e), "x/imag", (lambda: np.clongdouble(1), "neither JSON", "np.asarray")
    ),
    "complex64": Kind(lambda e: np.complex64(1 + 2j * (1 + e)), "x/imag", OBJECTS),
    "csr": Kind(sparse("csr_array"), "x/data", (lambda: sparse("lil_array")(0), "'lil'", "x.tocsr()"), (3, 3), "scipy"),
    "csc": Kind(
        sparse("csc_matrix"), "x/data", (lambda: sparse("dok_matrix")(0), "'dok'", "x.tocsr()"), (3, 3), "scipy"
    ),
    "coo": Kind(sparse("coo_array"), "x/data", OBJECTS, (3, 3), "scipy"),
    "bsr": Kind(sparse("bsr_matrix"), "x/data", OBJECTS, (3, 3), "scipy"),
    "dia": Kind(sparse("dia_array"), "x/data", OBJECTS, (3, 3), "scipy"),
    "pandas table": Kind(
        table,
        "x/columns/area",
        (lambda: pandas().DataFrame({1: [2]}), "names that are no texts", "x.rename(columns=str)"),
        None,
        "pandas",
        "tables",
    ),
    "pandas column": Kind(
        column,
        "x/values",
        (lambda: pandas().Series([{}, 1]), "objects that are not all texts", "x.astype(str)"),
        (6,),
        "pandas",
        "tables",
    ),
    "pandas column with gaps": Kind(
        missing,
        "x/values/values",
        (lambda: pandas().Series(pandas().period_range("2020", periods=2)), "a column of period", "astype"),
        (2,),
        "pandas",
        "tables",
    ),
    "pandas index": Kind(
        lambda e: pandas().Index(numbers(e).ravel(), name="height"),
        "x/values",
        (lambda: pandas().interval_range(0, 2), "IntervalIndex", "as an array"),
        (6,),
        "pandas",
        "tables",
    ),
    "pandas date": Kind(
        lambda e: pandas().Timestamp(hours(e)[1], tz="UTC").tz_convert("Europe/Berlin"),
        "x/value",
        (lambda: pandas().NaT, "a value of pandas", "x.to_numpy()"),
        None,
        "pandas",
        "tables",
        loose={"atol": 20_000 * 3600},
    ),
    "polars table": Kind(
        polars_table,
        "x/columns/area",
        (of("polars", lambda pl: pl.DataFrame({"a": [[1]]})), "a column of List", "x.cast(pl.String)"),
        None,
        "polars",
        "polars",
    ),
    "arrow table": Kind(
        arrow_table,
        "x/columns/area",
        (of("pyarrow", lambda pa: pa.table({"a": [[1]]})), "a column of list", "x.cast(pa.string())"),
        None,
        "pyarrow",
        "arrow",
    ),
    "xarray array": Kind(
        data_array,
        "x/values",
        (lambda: data_array(0).astype(object), "an array of object", "astype('U')"),
        (2, 3),
        "xarray",
        "xarray",
    ),
    "xarray dataset": Kind(
        dataset,
        "x/variables/height/values",
        (lambda: data_array(0).stack(z=("x", "y")), "an index of several coordinates", "x.reset_index"),
        None,
        "xarray",
        "xarray",
    ),
    "pint quantity": Kind(
        pint_quantity,
        "x/values",
        (of_another_registry, "of another registry", "pint.set_application_registry"),
        (2, 3),
        "pint",
        "units",
    ),
    "astropy quantity": Kind(
        astropy_quantity,
        "x/values",
        (of("astropy.units", lambda u: u.Quantity(1, u.def_unit("hop"))), "a unit of its own", "x.si"),
        (2, 3),
        "astropy",
        "units",
    ),
    "image": Kind(
        picture,
        "x/pixels",
        (lambda: picture(0).convert("CMYK"), "a picture in mode 'CMYK'", 'x.convert("RGBA")'),
        (2, 3),
        "PIL",
    ),
    "PNG": Kind(
        png,
        "x/pixels",
        (lambda: png(0, cut=40), "a PNG that cannot be read", "give it whole"),
        (2, 3),
        "PIL",
        looked_at=True,
    ),
    "SVG": Kind(
        svg,
        "x/numbers",
        (lambda: svg(0).replace(b"a1", b"\xff"), "an SVG that is no UTF-8", "give it as text"),
        looked_at=True,
    ),
    "figure": Kind(
        figure,
        "x/axes/0/lines/0/y",
        (lambda: figure(0, lambda axes: axes.fill_between([1, 2], [3, 4])), "which has no arrays here", "fig.savefig"),
        needs="matplotlib",
        looked_at=True,
    ),
    "tensorflow tensor": Kind(
        tensorflow_tensor,
        "x/values",
        (of("tensorflow", lambda tf: tf.Variable([1.0])), "not exactly a numpy.ndarray", "np.asarray(x)"),
        (2, 3),
        "tensorflow",
    ),
    "jax array": Kind(
        jax_array,
        "x/values",
        (of("jax", lambda jax: jax.random.key(0)), "an array of keys", "jax.random.key_data(x)"),
        (2, 3),
        "jax",
    ),
    "torch tensor": Kind(
        torch_tensor,
        "x/values",
        (of("torch", lambda torch: torch.ones(1, requires_grad=True)), "tracks gradients", "x.detach()"),
        (2, 3),
        "torch",
    ),
}
