"""What became of an array that differs from its golden: the first simple change that accounts for it."""

from harness.judge.explanations.explain import KINDS, explain_difference
from harness.judge.explanations.explanation import Explanation

__all__ = ["KINDS", "Explanation", "explain_difference"]
