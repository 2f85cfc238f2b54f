"""The configuration: frozen dataclasses that say everything a run depends on.

Nothing here has a default for a physical quantity: a scenario states it, or the load fails. A value
that cannot work is refused when the dataclass is made, naming the field, the value and the remedy.
"""
