"""The array types that signatures speak of: names for readers, one type for the checker.

NumPy's own types do not follow an array's kind through arithmetic, so the kind is stated here and
checked where data enters.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Real: TypeAlias = NDArray[Any]
Complex: TypeAlias = NDArray[Any]
Integer: TypeAlias = NDArray[Any]
Mask: TypeAlias = NDArray[np.bool_]
