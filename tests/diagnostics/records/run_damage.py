"""Runs gone bad: values of every kind at any place, missing files, damaged bytes."""

from __future__ import annotations

import copy
import json
import math

from example_runs import put

from ptycho.diagnostics.records.artifact_files import LARGEST_FILE_BYTES

NUMBERS = [
    0,
    -1,
    1,
    0.5,
    1e-12,
    1e12,
    5e-324,
    1e-200,
    1e-160,
    1e160,
    1e200,
    1.7e308,
    -1e-200,
    -1.7e308,
    10**400,
    -(10**400),
    2**63,
    math.nan,
    math.inf,
    -math.inf,
    -0.0,
    "NaN",
    "Infinity",
    "-Infinity",
]


WORDS = [
    "",
    "text",
    " ",
    "a\nb",
    "\x1b[31mred",
    "\x00",
    "[red]x[/red]",
    "[/]",
    "\ud800",
    "\u202eback",
    "x" * 5000,
    "../../etc/passwd",
    "points requested",
    "k=",
    "{0}",
    "%s",
    "error",
    "\u2028",
    "1e3",
]


SHAPES = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None] * 3,
    {"": {}},
    {"a": {"b": []}},
    [1, "2", None, {}],
    {"\n": 1},
    [1, 2],
    [1e308, 1e308],
    [0, 0, 0, 0],
    {"mean": 0, "std": 0},
    {"metrics": {"a\n": [math.nan]}},
    [{"name": []}] * 3,
]


# Files that are no artifact.
BAD_CONTENTS = {
    "empty": b"", "space": b"  \n", "truncated": b'{"amplitude": {"count": 3', "no JSON": b"amplitude: 3\n",
    "binary": bytes(range(256)), "UTF-16": '{"a": 1}'.encode("utf-16"), "Latin-1": b'{"a": "\xe9"}',
    "two values": b"{} {}", "single quotes": b"{'a': 1}", "trailing comma": b'{"a": 1,}', "control": b'{"a": "\n"}',
    "list": b"[]", "list of objects": b'[{"scenario": 1}]', "text": b'"run"', "number": b"3", "null": b"null",
    "bare NaN": b"NaN", "deep lists": b'{"a": ' + b"[" * 100_000, "deep objects": b'{"a":' * 100_000,
    "deep and whole": b'{"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "giant integer": b'{"a": ' + b"9" * 5000 + b"}",
    "huge": b" " * (LARGEST_FILE_BYTES + 1), "gzip": b"\x1f\x8b\x08\x00\x00\x00", "pickle": b"\x80\x04}\x94.",
}  # fmt: skip


def places(tree):
    """Every place of a tree, as what holds it and its key there; of long lists the beginning."""
    everywhere, rest = [], [tree]
    for node in rest:
        keys = list(node) if isinstance(node, dict) else range(min(len(node), 4))
        everywhere += [(node, key) for key in keys]
        rest += [node[key] for key in keys if isinstance(node[key], dict | list)]
    return everywhere


def anything(rng):
    return copy.deepcopy(rng.choice(rng.choice([NUMBERS, NUMBERS, WORDS, SHAPES])))


def mutate(tree, rng):
    """One change of a tree, in place."""
    everywhere = places(tree)
    if not everywhere:
        return
    figures = [(n, k) for n, k in everywhere if isinstance(n[k], int | float) and not isinstance(n[k], bool)]
    kind = rng.randrange(8)
    if kind < 4 and figures:
        node, key = rng.choice(figures)
        node[key] = rng.choice(NUMBERS)
        return
    node, key = rng.choice(everywhere)
    if kind == 4:
        del node[key]
    elif kind == 5:
        other, name = rng.choice(everywhere)
        node[key] = copy.deepcopy(other[name])
    elif kind == 6 and isinstance(node, dict):
        node[rng.choice(WORDS)] = copy.deepcopy(node[key])
    else:
        node[key] = anything(rng)


def damage(content, rng):
    """Bytes gone bad."""
    data = bytearray(content)
    where = rng.randrange(len(data))
    kind = rng.randrange(4)
    if kind == 0:
        del data[where:]
    elif kind == 1:
        data[where] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[where:where] = rng.choice([b"NaN", b"-", b"9" * 5000, b"1e999", b"[" * 2000, b"\xff", b"\x00", b'"', b"}"])
    else:
        del data[where : where + rng.randrange(1, 40)]
    return bytes(data)


def broken(files, rng):
    """A folder's files, gone bad in a few ways."""
    gone = rng.choice([0, 0.3, 0.6])
    trees = {place: copy.deepcopy(tree) for place, tree in files.items() if rng.random() >= gone}
    for _ in range(rng.choice([1, 1, 2, 4, 8, 16]) if trees else 0):
        mutate(trees[rng.choice(sorted(trees))], rng)
    if len(trees) > 1 and rng.random() < 0.1:
        a, b = rng.sample(sorted(trees), 2)
        trees[a], trees[b] = trees[b], trees[a]
    contents = {place: json.dumps(tree).encode() for place, tree in trees.items()}
    if contents and rng.random() < 0.1:
        place = rng.choice(sorted(contents))
        contents[place] = damage(contents[place], rng)
    return contents


def folders(bases, rng, root, n):
    """``n`` broken folders, each with a whole upstream run beside it; one after the other in the same place."""
    put(root / "runs" / "beside", bases["gs2_base"])
    for i in range(n):
        name = rng.choice(sorted(bases))
        base = dict(rng.sample(sorted(bases[name].items()), 3)) if name == "reports" else bases[name]
        folder = root / "runs" / f"run{i}"
        folder.mkdir()
        yield put(folder, broken(base, rng))


def remove(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def replaced(tree, value):
    """The tree with every figure replaced by ``value``."""
    if isinstance(tree, dict):
        return {key: replaced(item, value) for key, item in tree.items()}
    if isinstance(tree, list):
        return [replaced(item, value) for item in tree[:20]]
    return value if isinstance(tree, int | float) and not isinstance(tree, bool) else tree
