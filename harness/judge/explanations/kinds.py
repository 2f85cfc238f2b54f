"""What explanations can be: every kind by its name."""

KINDS_OF_ARRAYS = (
    *("type", "constant", "sign", "factor", "global phase", "offset", "conjugate", "transposition", "reversal"),
    *("roll", "shift", "crop", "padding", "permutation", "rounding", "sub-pixel shift"),
    *("clipping", "factor and offset", "reshaping", "labels", "not finite", "few elements", "one slice", "noise"),
)
KINDS_OF_LISTS = ("items", "exchange")
KINDS_OF_TEXT = ("line endings", "blanks", "capitals", "lines", "numbers in text")
KINDS = (*KINDS_OF_ARRAYS, *KINDS_OF_LISTS, *KINDS_OF_TEXT)
"""Everything that an explanation can be."""
PLACED = ("few elements", "one slice", "not finite", "items")
"""The kinds whose sentence has indices, which of matched rows are not those of the golden."""
