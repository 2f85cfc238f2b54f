"""What people and machines read of a verification: HTML, Markdown, JUnit XML and JSON."""

from harness.report.data import from_json, read, to_json
from harness.report.folder import Find, write

__all__ = ["Find", "from_json", "read", "to_json", "write"]
