"""Lines that nothing runs: a copy of the source tells which it runs, and does otherwise what the source does."""

from __future__ import annotations

import ast
import subprocess
import sys

from harness.study.prove.faults.covered import idle_lines, instrumented, lines_that_ran, told_lines

CODE = '''"""A module."""
from __future__ import annotations

LIMIT = 3


def solve(n: int, *, twice: bool = False) -> int:
    """The sum."""
    total = 0
    for i in range(n):
        if i == 1:
            total += (
                10
            )
        elif i > 99:
            total += 99
        else:
            total += 1
    if twice: return 2 * total
    try:
        total += 1 / 0
    except ZeroDivisionError:
        total += 5
    finally:
        total += 7
    with open(__file__):
        total += len([j for j in range(2) if j])

    def inner():
        return 1

    def never():
        return 2

    return total + inner()


def unused():
    return LIMIT


class Rod:
    size = 2

    def length(self):
        return self.size

    @property
    def half(self):
        while True:
            return 1
'''
PROGRAM = "import heat; print(heat.solve(4), heat.Rod().length())"


def run(folder, content: bytes):
    (folder / "heat.py").write_bytes(content)
    return subprocess.run([sys.executable, "-B", "-c", PROGRAM], cwd=folder, capture_output=True, check=True)


def test_lines_that_nothing_runs_are_told(tmp_path):
    plain = run(tmp_path, CODE.encode())
    told = run(tmp_path, instrumented(CODE.encode(), "heat.py"))
    assert told.stdout == plain.stdout == b"27 2\n"
    ran = lines_that_ran(b"something else\n" + told.stderr)
    assert set(ran) == {"heat.py"}
    assert told.stderr.count(b"\n") == len(ran["heat.py"])  # each line once
    lines = CODE.splitlines()
    idle = {lines[n - 1].strip() for n in idle_lines(CODE.encode(), ran["heat.py"])}
    assert idle == {"total += 99", "return 2", "return LIMIT", "while True:", "return 1"}
    only_once = [n for n in idle_lines(CODE.encode(), ran["heat.py"]) if lines[n - 1].strip() == "return 1"]
    assert [lines[n - 2].strip() for n in only_once] == ["while True:"]


def test_where_nothing_was_heard_every_statement_of_a_function_is_idle_and_nothing_else():
    lines = CODE.splitlines()
    idle = {lines[n - 1].strip() for n in idle_lines(CODE.encode(), set())}
    assert "total = 0" in idle
    assert not {"LIMIT = 3", "size = 2", '"""The sum."""', "def inner():"} & idle


def test_a_part_of_the_copy_tells_what_it_would_tell():
    content = instrumented(CODE.encode(), "heat.py")
    functions = {node.name: node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.FunctionDef)}
    assert told_lines(functions["unused"], content) == {("heat.py", CODE.splitlines().index("    return LIMIT") + 1)}
    assert told_lines(functions["unused"], CODE.encode()) == set()
