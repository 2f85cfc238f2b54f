"""What people and machines read of a verification: HTML, Markdown, JUnit XML and JSON."""
