"""What a driver does besides calling stages, and the defaults of its command line, as a stage can tell them."""

from __future__ import annotations

import json

from harness.setup.survey.code import Code
from harness.setup.survey.configuration import Configuration
from harness.setup.survey.driver import MODULE_BODY
from harness.setup.survey.proposal import Proposal


def tell_wiring(made: Proposal, found: Configuration) -> None:
    """Add to the defaults what no call of a function shows: options, and the statements of the driver."""
    for code in found.command_lines():
        words = f"options_of({json.dumps(_place(made, code))})"
        made.defaults["options" if "options" not in made.defaults else f"options of {code.name}"] = words
    for reader in found.readers():
        words = f'steps_of({json.dumps(_place(made, reader.code))}, {json.dumps(reader.name)}, by="calls")'
        made.defaults.setdefault(reader.name, words)
    driver = found.driver
    if driver.name:
        is_function = driver.name in driver.code.functions
        called = f", {json.dumps(driver.name)}" if is_function else ""
        name = driver.name if driver.name != MODULE_BODY else driver.code.name
        key = name if name not in made.defaults else f"steps of {name}"
        made.defaults[key] = f'steps_of({json.dumps(_place(made, driver.code))}{called}, by="calls")'


def _place(made: Proposal, code: Code) -> str:
    """The file of a module from the repository's top on, without its suffix; the stage then declares it."""
    place = code.path.relative_to(code.library.root).as_posix()
    made.default_files += [] if place in made.default_files else [place]
    return place.removesuffix(".py")
