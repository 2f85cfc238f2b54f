"""Nested mappings of JSON values and arrays are taken apart into strict JSON and flat arrays, and put together.

JSON has no form for an array, a float that is not finite, a narrow float or a tuple: a mapping with one
key, a marker, stands for each (``{"$array": path}``, ``{"$float": "NaN"}``, ``{"$float32": 0.1}``,
``{"$tuple": [...]}``). A value of another kind, such as a masked array, stands there as what its codec makes of it,
``{"$kind": {"kind": NAME, PART: ...}}`` (see ``harness.core.codecs``); in an artifact it is the plain mapping. An
artifact's JSON writes what is not finite by its bare name, such as ``"NaN"``, so that a schema can speak of it; a
text that reads like such a name is ``{"$text": "NaN"}`` everywhere, and data that look like a marker get one more
``$``. What has no form at all is refused.
"""

from harness.core.trees.encoding import artifact_json, checked_artifact, output_artifact, split_tree
from harness.core.trees.markers import ARRAY, FLOAT, KIND, NARROW, NON_FINITE, QUOTED, TUPLE, non_finite_name, unwrapped
from harness.core.trees.mixing import mixed_artifact, paths_of
from harness.core.trees.reading import (
    join_tree,
    leaves,
    non_finite_counts,
    numeric_json,
    plain_json,
    plain_values,
    python_scalar,
    value_at,
)

__all__ = [
    "ARRAY",
    "FLOAT",
    "KIND",
    "NARROW",
    "NON_FINITE",
    "QUOTED",
    "TUPLE",
    "artifact_json",
    "checked_artifact",
    "join_tree",
    "leaves",
    "mixed_artifact",
    "non_finite_counts",
    "non_finite_name",
    "numeric_json",
    "output_artifact",
    "paths_of",
    "plain_json",
    "plain_values",
    "python_scalar",
    "split_tree",
    "unwrapped",
    "value_at",
]
