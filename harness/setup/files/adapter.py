"""The text of an adapter, from a proposal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from textwrap import wrap

from harness.setup.survey.proposal import Proposal, ProposedStage, table_of

_WIDTH = 110
_HEAD = '''"""What the harness needs to know of {module}: its stages. `harness init` drafted them; they are yours."""
'''
_TAIL = """


pipeline = Pipeline(
    name={name},
    stages=(
{stages}
    ),
    scenarios=scenario_titles,
    load=read_scenario,
)
"""


def adapter_text(proposal: Proposal) -> str:
    """The source of the adapter's module."""
    files = any(stage.files for stage in proposal.stages) or bool(proposal.default_files)
    called = [*(["as_attributes"] if proposal.attributes else [])]
    helpers = ("defaults_of", "options_of", "settings_of", "steps_of")
    called += [name for name in helpers if any(f"{name}(" in words for words in proposal.defaults.values())]
    own = ["Pipeline", "Stage", *sorted([*called, "read_scenario", "scenario_titles"])]
    standard = ["from dataclasses import asdict"] if any(stage.before for stage in proposal.stages) else []
    standard += ["from pathlib import Path"] if files else []
    standard += ["from unittest.mock import patch"] if proposal.shared else []
    modules = {f"import {proposal.module}", *proposal.imports}
    if proposal.shared:
        modules.add(f"import {proposal.shared.partition(':')[0]}")
    imports = [*standard, *([""] if standard else []), *sorted(modules), f"from harness import {', '.join(own)}"]
    kept = ", ".join(f"Path({json.dumps(name)})" for name in proposal.default_files)
    told = [f'        Stage("defaults", "defaults", defaults{f", files=lambda config: [{kept}]" * bool(kept)}),']
    told = told if proposal.defaults else []
    stages = "\n".join([*map(_declared, proposal.stages), *told])
    name = json.dumps(proposal.module.partition(".")[0])
    remark = "# The stages: settings and earlier outputs in, numbers, texts and arrays out."
    copied = f"# {proposal.driver} of {proposal.module} still calls them by itself: if it changes, defaults tells."
    remarks = [remark, *([copied] if proposal.driver else [])]
    head = "\n".join([_HEAD.format(module=proposal.module), *imports, "", *remarks])
    functions = [*(_function(stage, proposal.shared) for stage in proposal.stages), *_told(proposal)]
    return head + "".join(functions) + _TAIL.format(name=name, stages=stages)


def _told(proposal: Proposal) -> Iterator[str]:
    """The function of a stage that gives what the source sets where a scenario says nothing."""
    if proposal.defaults:
        items = [f"        {json.dumps(name)}: {words}," for name, words in proposal.defaults.items()]
        why = '    """What the source sets where nobody says otherwise. Scenarios do: no other stage shows a change."""'
        yield "\n".join(["\n\n\ndef defaults(config, progress):", why, "    return {", *items, "    }"])


def _function(stage: ProposedStage, shared: str) -> str:
    parameters = ", ".join(("config", "progress", *stage.needs))
    body = [line for note in stage.notes for line in wrap(f"# TODO: {note}", 90, subsequent_indent="# ")]
    if stage.unsure:
        body += [line for why in stage.unsure for line in wrap(f"# TODO: {why}", 90, subsequent_indent="# ")]
        body.append(f'raise NotImplementedError("{stage.name} may not do what the program does: see TODO above")')
    targets = [t if t != stage.name else f"{t}_" for t in stage.outputs]
    targets = [f"{t}_" if t in (*stage.needs, "config", "progress") else t for t in targets]
    call = _call(stage)
    if stage.mapping:
        body += f"return {call}".splitlines()
    elif stage.together and "\n" not in call:
        body.append(f'return {{"{stage.outputs[0]}": {call}}}')
    else:
        body += f"{', '.join(targets)} = {call}".splitlines()
        pairs = ", ".join(f'"{name}": {target}' for name, target in zip(stage.outputs, targets, strict=True))
        body.append(f"return {{{pairs}}}")
    table = table_of(shared)
    if shared and any(read.startswith(f"{table}.") for read in stage.reads):
        module, _, name = shared.partition(":")
        body = [f'with patch.dict({module}.{name}, config["{table}"]):', *(f"    {line}" for line in body)]
    return f"\n\n\ndef {stage.name}({parameters}):\n" + "\n".join(f"    {line}" for line in body)


def _call(stage: ProposedStage) -> str:
    """The call, an argument a line where it is long."""
    words = f"{stage.before}{stage.call}({', '.join(stage.arguments)}){stage.after}"
    if len(words) + sum(map(len, stage.outputs)) < _WIDTH - 30:
        return words
    return "\n".join(
        [f"{stage.before}{stage.call}(", *(f"    {argument}," for argument in stage.arguments), f"){stage.after}"]
    )


def _declared(stage: ProposedStage) -> str:
    arguments = [json.dumps(stage.name), json.dumps(stage.artifact), stage.name]
    arguments += [f"needs={_names(stage.needs)}"] if stage.needs else []
    arguments += [f"reads={_names(stage.reads)}"] if stage.reads else []
    if stage.files:
        arguments.append(f"files=lambda config: [{', '.join(stage.files)}]")
    arguments.append('replay="verify"')
    line = f"        Stage({', '.join(arguments)}),"
    if len(line) <= _WIDTH:
        return line
    return "\n".join(["        Stage(", *(f"            {argument}," for argument in arguments), "        ),"])


def _names(names: tuple[str, ...]) -> str:
    inner = ", ".join(json.dumps(name) for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"
