"""Golden artifacts for numerical pipelines: what an adapter needs, and the errors that a user can act on."""

from harness.core.adapters.attributes import as_attributes
from harness.core.adapters.defaults import defaults_of
from harness.core.adapters.scenario_files import read_scenario, scenario_titles
from harness.core.adapters.settings_files import settings_of
from harness.core.adapters.wiring import options_of, steps_of
from harness.core.errors import ApprovalError, GoldenError, HarnessError, ProjectError, RefusedDataError, RuleError
from harness.core.protocol import Artifact, Curve, Image, Invariant, Ladder, Output, Pipeline, Progress, Scenario, Stage

__version__ = "0.3.0.dev0"  # of both distributions: their builds read it here

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
    "Progress",
    "ProjectError",
    "RefusedDataError",
    "RuleError",
    "Scenario",
    "Stage",
    "as_attributes",
    "defaults_of",
    "options_of",
    "read_scenario",
    "scenario_titles",
    "settings_of",
    "steps_of",
]
