"""More ways in which what is done on import decides what a stage computes: each by another part of the language."""

from __future__ import annotations

from indirections import plugin, way

BY_LANGUAGE = {
    "dataclass default from dict": way(
        "from heat.lib import GAIN\nfrom dataclasses import make_dataclass, field\n"
        "A = make_dataclass('A', [('x', int, field(default=GAIN))])\ndef run(): return A().x"
    ),
    "class registry via classmethod": plugin(
        "class R:\n    @classmethod\n    def add(cls, f): registry.ALL['f'] = f\nR.add(f)"
    ),
    "assigned classmethod": plugin(
        "class R:\n    @classmethod\n    def add(cls, f): registry.ALL['f'] = f\nx = R.add(f)"
    ),
    "assigned inherited classmethod": plugin(
        "class Q:\n    @classmethod\n    def add(cls, f): registry.ALL['f'] = f\nclass R(Q): pass\nx = R.add(f)"
    ),
    "chained": plugin(
        "class B:\n    def add(self, f):\n        registry.ALL['f'] = f\n        return self\nx = B().add(f)"
    ),
    "conditional expr": plugin("x = registry.register(f) if f else None"),
    "dict comp": plugin("x = {1: registry.register(f)}"),
    "annotated": plugin("x: int = registry.register(f)"),
    "nested fn": plugin("def outer():\n    def inner(): registry.ALL['f'] = f\n    inner()\nx = outer()"),
    "lambda call": plugin("x = (lambda: registry.register(f))()"),
    "lambda assigned": plugin("put = lambda g: registry.register(g)\nx = put(f)"),
    "partial assigned": plugin("import functools\nput = functools.partial(registry.register, f)\nx = put()"),
    "dict get fn": plugin("x = {'r': registry.register}['r'](f)"),
    "operator.call": plugin("import operator\nx = operator.methodcaller('update', f=f)(registry.ALL)"),
    "operator.setitem": plugin("import operator\nx = operator.setitem(registry.ALL, 'f', f)"),
    "dict.update unbound": plugin("x = dict.update(registry.ALL, f=f)"),
    "list.append alias": plugin("add = registry.ALL.update\nx = add(f=f)"),
    "setdefault assigned": plugin("x = registry.ALL.setdefault('f', f)"),
    "apply": plugin("def apply(fn, *a): return fn(*a)\nx = apply(registry.register, f)"),
    "generator consumed": plugin("def gen():\n    registry.ALL['f'] = f\n    yield 1\nx = list(gen())"),
    "any builtin": plugin("x = any(registry.register(g) for g in (f,))"),
    "context exit": plugin(
        "import contextlib\n@contextlib.contextmanager\ndef c():\n    registry.ALL['f'] = f\n"
        "    yield\nwith c() as x: pass"
    ),
    "while": plugin("while True:\n    registry.ALL['f'] = f\n    break"),
    "match": plugin("match 1:\n    case 1:\n        registry.ALL['f'] = f"),
    "try else": plugin("try:\n    pass\nfinally:\n    registry.ALL['f'] = f"),
    "del": way(
        "from heat.lib import GAIN\nimport heat.plugin\nfrom heat.registry import ALL\ndef run(): return len(ALL)",
        ("heat/plugin.py", "del ALL['a']", "pass"),
        heat__plugin="from heat.registry import ALL\nALL['a'] = 1\ndel ALL['a']\n",
    ),
    "weakref finalize": plugin("import atexit\nclass K: pass\nk = K()\nk.f = registry.register(f)"),
    "starred": plugin("a, *b = registry.register(f), 1"),
    "subscript call": plugin("x = [registry.register(f)][0]"),
    "await-like": plugin("def co():\n    yield registry.register(f)\nx = next(co())"),
    "sum key": plugin("x = max([f], key=registry.register)"),
    "sort method": plugin("l = [f]\nl.sort(key=lambda g: id(registry.register(g)))"),
    "new class in fn": plugin(
        "from heat.base import A\ndef mk():\n    class B(A):\n        h = staticmethod(f)\n    return B\nX = mk()",
        heat__base="from heat.registry import ALL\nclass A:\n    def __init_subclass__(cls): ALL['f'] = cls.h\n",
    ),
    "namedtuple new": plugin(
        "from typing import NamedTuple\nclass P(NamedTuple):\n    f: object\n"
        "    def put(self): registry.ALL['f'] = self.f\nx = P(f).put()"
    ),
    "enum member call": plugin(
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def __init__(self, v): registry.ALL['f'] = f"
    ),
    "post init mutable default": plugin(
        "class P:\n    def __init__(self, f, table=registry.ALL): table['f'] = f\np = P(f)"
    ),
    "self attr alias": plugin(
        "class P:\n    def __init__(self, f):\n        self.t = registry.ALL\n        self.t['f'] = f\np = P(f)"
    ),
    "local alias of attr": plugin(
        "class P:\n    def __init__(self, f):\n        t = registry.ALL\n        t.update(f=f)\np = P(f)"
    ),
    "property setter": plugin(
        "class P:\n    @property\n    def f(self): pass\n    @f.setter\n"
        "    def f(self, g): registry.ALL['f'] = g\n    def __init__(self, g): self.f = g\np = P(f)"
    ),
    "setattr hook": plugin(
        "class P:\n    def __setattr__(self, n, g): registry.ALL['f'] = g\n"
        "    def __init__(self, g): self.f = g\np = P(f)"
    ),
    "dataclass hook in base": plugin(
        "from dataclasses import dataclass\nclass B:\n"
        "    def __post_init__(self): registry.ALL['f'] = self.f\n@dataclass\nclass P(B):\n"
        "    f: object\np = P(f)"
    ),
    "super init": plugin(
        "class B:\n    def __init__(self, f): registry.ALL['f'] = f\nclass P(B):\n"
        "    def __init__(self, f): super().__init__(f)\np = P(f)"
    ),
    "new": plugin(
        "class P:\n    def __new__(cls, f):\n        registry.ALL['f'] = f\n"
        "        return object.__new__(cls)\np = P(f)"
    ),
    "class getitem": plugin("class P:\n    def __class_getitem__(cls, g): registry.ALL['f'] = g\nx = P[f]"),
    "instance getitem": plugin("class P:\n    def __getitem__(self, g): registry.ALL['f'] = g\np = P()\nx = p[f]"),
    "iter": plugin(
        "class P:\n    def __iter__(self):\n        registry.ALL['f'] = f\n        return iter(())\nx = [*P()]"
    ),
    "compare": plugin("class P:\n    def __eq__(self, o): registry.ALL['f'] = f\nx = P() == 1"),
    "fstring format": plugin(
        "class P:\n    def __format__(self, s):\n        registry.ALL['f'] = f\n        return ''\nx = f'{P()}'"
    ),
    "str": plugin("class P:\n    def __str__(self):\n        registry.ALL['f'] = f\n        return ''\nx = str(P())"),
    "len": plugin("class P:\n    def __len__(self):\n        registry.ALL['f'] = f\n        return 0\nx = len(P())"),
    "hash in dict": plugin(
        "class P:\n    def __hash__(self):\n        registry.ALL['f'] = f\n        return 0\nx = {P(): 1}"
    ),
    "bool in if": plugin(
        "class P:\n    def __bool__(self):\n        registry.ALL['f'] = f\n        return True\nx = 1 if P() else 2"
    ),
}
