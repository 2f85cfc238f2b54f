"""How single settings of ``[tool.harness]`` are written."""
