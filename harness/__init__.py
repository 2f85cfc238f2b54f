"""Golden artifacts for numerical pipelines: what an adapter needs, and the errors that a user can act on."""

from harness.errors import ApprovalError, GoldenError, HarnessError, ProjectError, RuleError
from harness.protocol import Artifact, Curve, Image, Invariant, Ladder, Output, Pipeline, Report, Scenario, Stage

__all__ = [
    "ApprovalError",
    "Artifact",
    "Curve",
    "GoldenError",
    "HarnessError",
    "Image",
    "Invariant",
    "Ladder",
    "Output",
    "Pipeline",
    "ProjectError",
    "Report",
    "RuleError",
    "Scenario",
    "Stage",
]
