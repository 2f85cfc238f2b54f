"""What became of values that differ from their golden: the first simple change that accounts for them."""

from harness.judge.explanations.columns import explain_values
from harness.judge.explanations.explain import explain_difference
from harness.judge.explanations.kinds import KINDS, PLACED
from harness.judge.explanations.pointwise import factor_sentence, offset_sentence
from harness.judge.explanations.tables import explain_tables

__all__ = [
    "KINDS",
    "PLACED",
    "explain_difference",
    "explain_tables",
    "explain_values",
    "factor_sentence",
    "offset_sentence",
]
