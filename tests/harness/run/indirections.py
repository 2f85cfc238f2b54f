"""Ways in which what a stage computes depends on source that its own does not spell out: one small repository each.

``WAYS`` gives files beside ``BASE``, and an edit, by default of the constant in ``heat/lib.py``, which changes what
``heat.stages:run`` returns. ``COMMENTS``: ways in which comments and docstrings are data.
"""

from __future__ import annotations

from typing import Any

BASE = {
    "adapter.py": "import heat.stages\n",
    "heat/__init__.py": "",
    "heat/lib.py": "GAIN = 1\ndef f(x=1): return x * GAIN\ndef other(x): return x\n",
    "heat/registry.py": (
        "ALL = {}\n"
        "def register(f):\n    ALL['f'] = f\n    return f\n"
        "class Registry:\n    def enroll(self, f):\n        ALL['f'] = f\n        return f\n"
        "registry = Registry()\n"
    ),
}
EDIT = ("heat/lib.py", "GAIN = 1", "GAIN = 2")
USES_ALL = "from heat.registry import ALL\nimport heat.plugin\ndef run(): return ALL['f']()\n"
HERE = "from pathlib import Path\nHERE = Path(__file__).parent\n"


def way(stages: str, edit: tuple[str, str, str] = EDIT, **files: str) -> dict[str, Any]:
    """One way; ``files`` are named with ``__`` for a slash, and without their ``.py``."""
    named = {name if name.endswith(".txt") else f"{_path(name)}.py": text for name, text in files.items()}
    return {"files": {**BASE, "heat/stages.py": stages, **named}, "edit": edit}


def _path(name: str) -> str:
    return name if "/" in name else name.replace("__", "/")


def plugin(text: str, **files: str) -> dict[str, Any]:
    """A way in which ``heat/plugin.py`` puts ``f`` where the stage finds it."""
    return way(USES_ALL, heat__plugin=f"from heat import registry\nfrom heat.lib import f\n{text}\n", **files)


def adapter(text: str, stages: str = "from heat import tools\ndef run(): return tools.h()\n") -> dict[str, Any]:
    """A way in which the adapter alone sets what the stage uses."""
    return way(
        stages,
        adapter=f"import heat.stages, heat.tools\nfrom heat.lib import f\n{text}\n",
        heat__tools="def h(): return 0\n",
    )


IMPORTED = {
    "a module beside the package": way(
        "import helpers\ndef run(): return helpers.h()", ("helpers.py", "1", "2"), helpers="def h(): return 1\n"
    ),
    "a module beside the package, imported late": way(
        "def run():\n    import helpers\n    return helpers.h()",
        ("helpers.py", "1", "2"),
        helpers="def h(): return 1\n",
    ),
    "a module beside the package, at second hand": way(
        "from heat import tools\ndef run(): return tools.h()",
        ("helpers.py", "1", "2"),
        heat__tools="from helpers import h\n",
        helpers="def h(): return 1\n",
    ),
    "a package beside it": way(
        "from gadgets.deep import h\ndef run(): return h()",
        ("gadgets/deep.py", "1", "2"),
        gadgets__deep="def h(): return 1\n",
    ),
    "a package without an init, relative": way(
        "from gadgets.deep import h\ndef run(): return h()",
        ("gadgets/k.py", "1", "2"),
        gadgets__deep="from .k import K\ndef h(): return K\n",
        gadgets__k="K = 1\n",
    ),
    "two imports of a name, of which the last counts": way(
        "from heat.a import f\nfrom heat.b import f\ndef run(): return f()",
        ("heat/stages.py", "from heat.a import f\nfrom heat.b import f", "from heat.b import f\nfrom heat.a import f"),
        heat__a="def f(): return 1\n",
        heat__b="def f(): return 2\n",
    ),
    "an import and a definition of a name": way(
        "from heat.lib import f\ndef f(): return 5\ndef run(): return f()",
        (
            "heat/stages.py",
            "from heat.lib import f\ndef f(): return 5\n",
            "def f(): return 5\nfrom heat.lib import f\n",
        ),
    ),
    "two stars, of which the last counts": way(
        "from heat.a import *\nfrom heat.b import *\ndef run(): return f()",
        ("heat/stages.py", "from heat.a import *\nfrom heat.b import *", "from heat.b import *\nfrom heat.a import *"),
        heat__a="def f(): return 1\n",
        heat__b="def f(): return 2\n",
    ),
    "a star over a definition": way(
        "def f(): return 5\nfrom heat.lib import *\ndef run(): return f()",
        ("heat/stages.py", "from heat.lib import *\n", ""),
    ),
    "an entry that a star imports": way(
        "from heat.impl import *\n", heat__impl="from heat.lib import f\ndef run(): return f()\n"
    ),
    "an entry that is imported": way(
        "from heat.impl import run\n", heat__impl="from heat.lib import f\ndef run(): return f()\n"
    ),
    "a star that __all__ narrows": way(
        "def f(): return 5\nfrom heat.a import *\ndef run(): return f()",
        ("heat/a.py", "['g']", "['f', 'g']"),
        heat__a="__all__ = ['g']\ndef f(): return 1\ndef g(): return 2\n",
    ),
    "a branch of an import": way(
        "if 1:\n    from heat.a import f\nelse:\n    from heat.lib import f\ndef run(): return f()",
        ("heat/stages.py", "if 1", "if 0"),
        heat__a="def f(): return 7\n",
    ),
    "a module's __getattr__": way(
        "import heat\ndef run(): return heat.made()",
        **{"heat/__init__": "def __getattr__(name):\n    from heat.lib import f\n    return f\n"},
    ),
    "a module that hides one of the standard library": way(
        "import heat.stats as statistics\ndef run(): return statistics.mean()",
        ("heat/stats.py", "1", "2"),
        heat__stats="def mean(): return 1\n",
    ),
    "a flag that is called as the type checker's": way(
        "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    from heat.lib import f\ndef run(): return f()"
    ),
    "a block for another name than main": way(
        "K = 1\nif __name__ == 'heat.stages':\n    K = 2\ndef run(): return K", ("heat/stages.py", "K = 2", "K = 3")
    ),
    "a block for whatever is not main": way(
        "K = 1\nif __name__ != '__main__':\n    K = 2\ndef run(): return K", ("heat/stages.py", "K = 2", "K = 3")
    ),
    "importing __main__ of a package by runpy": way(
        "import runpy\ndef run(): return runpy.run_module('heat', run_name='__main__')['K']",
        ("heat/__main__.py", "K = 1", "K = 2"),
        **{"heat/__main__": "K = 1\n"},
    ),
    "the main block of a module by runpy": way(
        "import runpy\ndef run(): return runpy.run_module('heat.script', run_name='__main__')['K']",
        ("heat/script.py", "K = 1", "K = 2"),
        heat__script="if __name__ == '__main__':\n    K = 1\n",
    ),
    "a file by runpy": way(
        "import runpy\nfrom pathlib import Path\n"
        "def run(): return runpy.run_path(str(Path(__file__).parents[1] / 'script.py'))['K']",
        ("script.py", "K = 1", "K = 2"),
        script="K = 1\n",
    ),
    "a file by its path": way(
        f"{HERE}from importlib.util import spec_from_file_location as spec, module_from_spec as made\n"
        "def run():\n    s = spec('x', HERE / 'hidden' / 'x.py')\n    m = made(s)\n"
        "    s.loader.exec_module(m)\n    return m.K",
        ("heat/hidden/x.py", "K = 1", "K = 2"),
        heat__hidden__x="K = 1\n",
    ),
    "a module's text that is run": way(
        f"{HERE}def run():\n    names = {{}}\n    exec((HERE / 'lib.py').read_text(), names)\n    return names['GAIN']"
    ),
    "an import by a computed name": way(
        "import importlib\ndef run(): return importlib.import_module('heat.' + 'li' + 'b').f()"
    ),
    "an import by a name of another name": way(
        "from importlib import import_module as fetch\ndef run(): return fetch('heat.' + 'lib').f()"
    ),
    "an import by an alias of a module": way(
        "import importlib as i\ndef run(): return i.import_module('heat.' + 'lib').f()"
    ),
    "an import by attribute text": way(
        "import importlib\ndef run(): return getattr(importlib, 'import_' + 'module')('heat.' + 'lib').f()"
    ),
    "an import of a package that only text names": way(
        "import importlib\ndef run(): return importlib.import_module('gadgets.deep').K",
        ("gadgets/deep.py", "1", "2"),
        gadgets__deep="K = 1\n",
    ),
    "an entry in text of a package that nothing imports": way(
        "from pkgutil import resolve_name\ndef run(): return resolve_name('gadgets.deep:h')()",
        ("gadgets/deep.py", "1", "2"),
        gadgets__deep="def h(): return 1\n",
    ),
    "__import__": way("def run(): return __import__('heat.' + 'lib', fromlist=['f']).f()"),
    "builtins.__import__": way(
        "import builtins\ndef run(): return builtins.__import__('heat.lib', fromlist=['f']).f()"
    ),
    "sys.modules": way("import heat.lib, sys\ndef run(): return sys.modules['heat' + '.lib'].f()"),
    "sys.modules by another name": way(
        "import heat.lib\nfrom sys import modules as m\ndef run(): return m['heat' + '.lib'].f()"
    ),
    "every module of a package": way(
        "import heat, importlib, pkgutil\ndef run():\n"
        "    names = [m.name for m in pkgutil.iter_modules(heat.__path__)]\n"
        "    return [importlib.import_module('heat.' + n).GAIN for n in names if n == 'lib']"
    ),
}

LESS_USUAL = {
    "a star of a package whose __all__ names modules": way(
        "from heat.deep import *\ndef run(): return inner.K",
        ("heat/deep/inner.py", "1", "2"),
        **{"heat/deep/__init__": "__all__ = ['inner']\n", "heat/deep/inner": "K = 1\n"},
    ),
    "an import into the module by a function": way(
        "def set_up():\n    global lib\n    from heat import lib\nset_up()\ndef run(): return lib.f()"
    ),
    "another process that runs a text": way(
        f"import subprocess, sys\n{HERE}def run(): return subprocess.run("
        "[sys.executable, '-c', 'import heat.lib as l; print(l.f())'], capture_output=True, cwd=HERE.parent).stdout"
    ),
    "another process that runs a package": way(
        f"import subprocess, sys\n{HERE}def run(): return subprocess.run("
        "[sys.executable, '-m', 'heat'], capture_output=True, cwd=HERE.parent).stdout",
        **{"heat/__main__": "from heat.lib import f\nprint(f())\n"},
    ),
    "another process that runs a module": way(
        f"import subprocess, sys\n{HERE}def run(): return subprocess.run("
        "[sys.executable, '-m', 'heat.script'], capture_output=True, cwd=HERE.parent).stdout",
        heat__script="if __name__ == '__main__':\n    from heat.lib import f\n    print(f())\n",
    ),
    "another process that runs a script": way(
        f"import subprocess, sys\n{HERE}def run(): return subprocess.run("
        "[sys.executable, HERE.parent / 'script.py'], capture_output=True).stdout",
        script="from heat.lib import f\nprint(f())\n",
    ),
    "locate of pydoc": way("import heat.lib, pydoc\ndef run(): return pydoc.locate('heat.' + 'lib.f')()"),
    "a module under another name": way(
        "def run():\n    import fast\n    return fast.f()",
        adapter="import sys, heat.lib\nsys.modules['fast'] = heat.lib\n",
    ),
    "a name of builtins": way(
        "def run(): return quick()",
        adapter="import builtins, heat.stages\nfrom heat.lib import f\nbuiltins.quick = f\n",
    ),
    "names that a loop makes": way(
        "from heat import lib\nfor n in ('f',):\n    globals()['my_' + n] = getattr(lib, n)\ndef run(): return my_f()"
    ),
    "names that are put in all at once": way(
        "from heat import lib\nglobals().update(my_f=lib.f)\ndef run(): return my_f()"
    ),
    "a module's class": way(
        "import heat.odd\ndef run(): return heat.odd.anything",
        heat__odd="import sys, types\nfrom heat.lib import f\nclass Odd(types.ModuleType):\n"
        "    def __getattr__(self, name): return f()\nsys.modules[__name__].__class__ = Odd\n",
    ),
    "a variable of a context": way(
        "from heat.context import VAR\nimport heat.plugin\ndef run(): return VAR.get()",
        heat__context="from contextvars import ContextVar\nVAR = ContextVar('v')\n",
        heat__plugin="from heat.context import VAR\nfrom heat.lib import f\nVAR.set(f())\n",
    ),
    "a future import": way(
        "class A:\n    x: 1\ndef run(): return A.__annotations__",
        ("heat/stages.py", "class A", "from __future__ import annotations\nclass A"),
    ),
    "a package in the place of a module": way(
        "from heat.lib import f\ndef run(): return f()",
        ("heat/__init__.py", "", "from heat import later as lib\nimport sys\nsys.modules['heat.lib'] = lib\n"),
        heat__later="def f(): return 9\n",
    ),
    "thread's work": way(
        "from concurrent.futures import ThreadPoolExecutor as T\nfrom heat import lib\n"
        "def run():\n    with T() as t: return t.submit(lib.f).result()"
    ),
    "a mixin that another module adds": way(
        "import heat.plugin\nfrom heat.base import A\ndef run(): return A().h()",
        heat__base="class B: pass\nclass A(B): pass\n",
        heat__plugin="from heat.base import A\nfrom heat.lib import f\nclass M:\n    def h(self): return f()\n"
        "A.__bases__ = (M,)\n",
    ),
    "a decorator that keeps the function in a table": way(
        "from heat.table import stage, TABLE\n@stage('one')\ndef one():\n    from heat.lib import f\n    return f()\n"
        "def run(): return TABLE['one']()",
        heat__table="TABLE = {}\ndef stage(name):\n    def keep(f):\n        TABLE[name] = f\n        return f\n"
        "    return keep\n",
    ),
    "a format of text": way("import heat.lib\ndef run(): return '{0.lib.GAIN}'.format(heat)"),
}

MOVED = {
    "a folder that is put on the path": way(
        f"import sys\n{HERE}sys.path.insert(0, str(HERE / 'hidden'))\nimport concealed\ndef run(): return concealed.K",
        ("heat/hidden/concealed.py", "1", "2"),
        heat__hidden__concealed="K = 1\n",
    ),
    "a folder that the adapter puts on the path": way(
        "def run():\n    import concealed\n    return concealed.K",
        ("heat/hidden/concealed.py", "1", "2"),
        adapter=f"from sys import path\n{HERE}path.insert(0, str(HERE / 'heat' / 'hidden'))\nimport heat.stages\n",
        heat__hidden__concealed="K = 1\n",
    ),
    "a folder that is put on a package's path": way(
        f"{HERE}import heat\nheat.__path__.append(str(HERE / 'hidden'))\nfrom heat import concealed\n"
        "def run(): return concealed.K",
        ("heat/hidden/concealed.py", "1", "2"),
        heat__hidden__concealed="K = 1\n",
    ),
}

NAMED = {
    "exec": way(
        "def run():\n    names = {}\n    exec('from heat.lib import f; y = f()', names)\n    return names['y']"
    ),
    "eval": way("from heat.lib import f\ndef run(): return eval('f' + '()')"),
    "exec by another name": way(
        "from builtins import exec as do\ndef run():\n    n = {}\n"
        "    do('import heat.' + 'lib as l; y = l.f()', n)\n    return n['y']"
    ),
    "eval of builtins": way(
        "import builtins, heat.lib\ndef run(): return builtins.eval('heat.lib' + '.f()', {'heat': heat})"
    ),
    "globals": way("from heat.lib import f\ndef run(): return globals()['f']()"),
    "a function's globals": way("from heat.lib import other\ndef run(): return other.__globals__['GAIN']"),
    "a frame's globals": way(
        "import sys\nfrom heat import lib\nK = lib.GAIN\ndef run(): return sys._getframe().f_globals['K']"
    ),
    "vars of a module": way("from heat import lib\ndef run(): return vars(lib)['f']()"),
    "a module's dictionary": way("from heat import lib\ndef run(): return lib.__dict__['f']()"),
    "getattr of a module": way("from heat import lib\ndef run(): return getattr(lib, chr(102))()"),
    "attrgetter": way(
        "import heat.lib\nfrom operator import attrgetter\ndef run(): return attrgetter('lib.' + 'f')(heat)()"
    ),
    "methodcaller": way(
        "import heat.lib\nfrom operator import methodcaller\ndef run(): return methodcaller(chr(102))(heat.lib)"
    ),
    "inspect.getmembers": way(
        "import inspect\nfrom heat import lib\ndef run(): return dict(inspect.getmembers(lib))['f']()"
    ),
    "inspect.getmodule": way(
        "import inspect\nfrom heat.lib import other\ndef run(): return inspect.getmodule(other).GAIN"
    ),
    "a dispatch table": way("from heat import lib\nTABLE = {'f': lib.f}\ndef run(): return TABLE['f']()"),
    "a dispatch table elsewhere": way(
        "from heat.table import TABLE\ndef run(): return TABLE['f']()",
        heat__table="from heat.lib import f\nTABLE = {'f': f}\n",
    ),
    "a table that a comprehension makes": way(
        "from heat import lib\nTABLE = {n: getattr(lib, n) for n in ('f',)}\ndef run(): return TABLE['f']()"
    ),
    "a partial of the module": way(
        "from functools import partial\nfrom heat.lib import GAIN\ndef base(g): return g\nrun = partial(base, GAIN)"
    ),
    "a lambda of the module": way("from heat.lib import f\nrun = lambda: f()"),
    "a bound method of an instance of the module": way(
        "from heat.lib import GAIN\nclass A:\n    def __init__(self, g): self.g = g\n"
        "    def run(self): return self.g\nrun = A(GAIN).run"
    ),
    "a callable instance of the module": way(
        "from heat.lib import GAIN\nclass A:\n    def __init__(self, g): self.g = g\n"
        "    def __call__(self): return self.g\nrun = A(GAIN)"
    ),
    "a closure of the module": way(
        "from heat.lib import GAIN\ndef make(g):\n    def inner(): return g\n    return inner\nrun = make(GAIN)"
    ),
    "a decorator with a setting": way(
        "from heat.lib import GAIN\ndef by(g):\n    def wrap(f): return lambda: f() * g\n"
        "    return wrap\n@by(GAIN)\ndef run(): return 1"
    ),
    "a decorator of another module": way(
        "from heat.lib import GAIN\nfrom heat.wraps import by\n@by\ndef run(): return 1",
        ("heat/wraps.py", "* 1", "* 2"),
        heat__wraps="def by(f): return lambda: f() * 1\n",
    ),
    "a cached function": way(
        "from functools import lru_cache\nfrom heat.lib import f\n@lru_cache\ndef run(): return f()"
    ),
    "a definition that is made anew": way(
        "from heat.lib import GAIN\ndef run(): return 1\nbase = run\ndef run(): return base() * GAIN"
    ),
    "the order of assignments": way(
        "A = 1\nB = A\nA = 2\ndef run(): return B", ("heat/stages.py", "B = A\nA = 2", "A = 2\nB = A")
    ),
    "where a statement stands": way(
        "T = {'a': 1}\nB = T['a']\nT['a'] = 2\ndef run(): return B",
        ("heat/stages.py", "B = T['a']\nT['a'] = 2", "T['a'] = 2\nB = T['a']"),
    ),
    "a default that is evaluated at once": way(
        "A = 1\ndef h(x=A): return x\nA = 2\ndef run(): return h()",
        ("heat/stages.py", "def h(x=A): return x\nA = 2", "A = 2\ndef h(x=A): return x"),
    ),
    "a default": way("from heat.lib import GAIN\ndef run(x=GAIN): return x"),
    "a name that only a function makes": way(
        "from heat.lib import GAIN\ndef set_up():\n    global K\n    K = GAIN\nset_up()\ndef run(): return K"
    ),
    "a singledispatch elsewhere": way(
        "import heat.plugin\nfrom heat.generic import h\ndef run(): return h(1)",
        heat__generic="from functools import singledispatch\n@singledispatch\ndef h(x): return 0\n",
        heat__plugin="from heat.generic import h\nfrom heat.lib import f\n@h.register\ndef _(x: int): return f(x)\n",
    ),
    "a dataclass's factory": way(
        "from dataclasses import dataclass, field\nfrom heat.lib import f\n@dataclass\n"
        "class A:\n    x: int = field(default_factory=f)\ndef run(): return A().x"
    ),
    "members of an enumeration": way(
        "from enum import Enum\nfrom heat.lib import GAIN\nclass E(Enum):\n    A = GAIN\ndef run(): return E['A'].value"
    ),
    "annotations that are read": way(
        "import typing\nfrom heat.lib import GAIN\nclass A:\n    x: typing.Literal[GAIN]\n"
        "def run(): return str(typing.get_type_hints(A))"
    ),
    "annotations as text": way(
        "import typing\nfrom heat.lib import GAIN\nclass A:\n    x: 'typing.Literal[GAIN]'\n"
        "def run(): return str(typing.get_type_hints(A))"
    ),
    "a descriptor": way(
        "from heat.lib import f\nclass D:\n    def __get__(self, *_): return f()\nclass A:\n"
        "    x = D()\ndef run(): return A().x"
    ),
    "a property of a base": way(
        "from heat.base import A\nclass B(A): pass\ndef run(): return B().x",
        heat__base="from heat.lib import f\nclass A:\n    @property\n    def x(self): return f()\n",
    ),
    "an operator": way(
        "from heat.base import A\ndef run(): return A() + 1",
        heat__base="from heat.lib import f\nclass A:\n    def __add__(self, o): return f()\n",
    ),
    "a metaclass's attribute": way(
        "from heat.base import A\ndef run(): return A.x",
        heat__base="from heat.lib import GAIN\nclass M(type):\n    x = GAIN\nclass A(metaclass=M): pass\n",
    ),
    "subclasses": way(
        "import heat.plugin\nfrom heat.base import A\ndef run(): return A.__subclasses__()[0].x",
        heat__base="class A: pass\n",
        heat__plugin="from heat.base import A\nfrom heat.lib import GAIN\nclass B(A):\n    x = GAIN\n",
    ),
    "a pickled function": way("import heat.lib, pickle\nB = b'cheat.lib\\nf\\n.'\ndef run(): return pickle.loads(B)()"),
    "a pickled function, by another name": way(
        "import heat.lib\nfrom pickle import loads as back\nB = b'cheat.lib\\nf\\n.'\ndef run(): return back(B)()"
    ),
    "an entry of a class": {
        **way("from heat.lib import f\nclass A:\n    @staticmethod\n    def run(): return f()"),
        "entry": "heat.stages:A.run",
    },
    "an entry of an instance": {
        **way(
            "from heat.lib import GAIN\nclass A:\n    def __init__(self, g): self.g = g\n"
            "    def run(self): return self.g\na = A(GAIN)"
        ),
        "entry": "heat.stages:a.run",
    },
}

DONE_ON_IMPORT = {
    "an operator of an instance": plugin("class P:\n    def __rshift__(self, f): registry.ALL['f'] = f\nx = P() >> f"),
    "an operator of a named instance": plugin(
        "class P:\n    def __rshift__(self, f): registry.ALL['f'] = f\np = P()\nx = p >> f"
    ),
    "an attribute that registers": plugin(
        "class P:\n    @property\n    def put(self): registry.ALL['f'] = f\np = P()\nx = p.put"
    ),
    "a registration by map": plugin("hs = list(map(registry.register, [f]))"),
    "a registration by map of a method": plugin("hs = list(map(registry.registry.enroll, [f]))"),
    "a registration by reduce": plugin(
        "import functools\ndef put(a, f): return registry.register(f)\nh = functools.reduce(put, [f], None)"
    ),
    "a class that a call makes": plugin(
        "from heat.base import A\nB = type('B', (A,), {'h': staticmethod(f)})",
        heat__base="from heat.registry import ALL\nclass A:\n    def __init_subclass__(cls): ALL['f'] = cls.h\n",
    ),
    "a target of a loop": plugin("for registry.ALL['f'] in (f,):\n    pass"),
    "entering a context": plugin(
        "class C:\n    def __enter__(self): registry.ALL['f'] = f\n    def __exit__(self, *_): pass\n"
        "with C():\n    X = 1"
    ),
    "a decorator that registers": plugin("@registry.register\ndef h(): return f()"),
    "a method that registers": plugin("h = registry.registry.enroll(f)"),
    "a decorator of an instance": plugin("@registry.registry.enroll\ndef h(): return f()"),
    "a function that registers": plugin("h = registry.register(f)"),
    "a function that calls one that registers": plugin("def put(f):\n    return registry.register(f)\nh = put(f)"),
    "a registration through a table": plugin("TABLE = [registry.register]\nh = TABLE[0](f)"),
    "a registration in a default": plugin("def h(x=registry.register(f)): return x"),
    "a registration in a walrus": plugin("if (h := registry.register(f)): pass"),
    "a registration in a comprehension": plugin("hs = [registry.register(g) for g in (f,)]"),
    "a registration in a class": plugin("class A:\n    registry.ALL['f'] = f"),
    "a registration by an assertion": plugin("assert registry.register(f)"),
    "a registration within with": plugin(
        "import contextlib\nwith contextlib.nullcontext(registry.register(f)):\n    X = 1"
    ),
    "a registration by making an instance": plugin(
        "class P:\n    def __init__(self, f): registry.ALL['f'] = f\np = P(f)"
    ),
    "a registration by a base's init": plugin(
        "class B:\n    def __init__(self, f): registry.ALL['f'] = f\nclass P(B): pass\np = P(f)"
    ),
    "a registration after init": plugin(
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    f: object\n"
        "    def __post_init__(self): registry.register(self.f)\np = P(f)"
    ),
    "a registration in a method of its own": plugin(
        "class P:\n    def __init__(self, f): self.put(f)\n    def put(self, f): registry.ALL.update(f=f)\np = P(f)"
    ),
    "a registry of the class": way(
        "import heat.plugin\nfrom heat.base import A\ndef run(): return A.ALL['f']()",
        heat__base="class A:\n    ALL = {}\n    def __init__(self, f): self.ALL['f'] = f\n",
        heat__plugin="from heat.base import A\nfrom heat.lib import f\na = A(f)\n",
    ),
    "a registration by __init_subclass__": plugin(
        "from heat.base import A\nclass B(A):\n    h = staticmethod(f)",
        heat__base="from heat.registry import ALL\nclass A:\n    def __init_subclass__(cls): ALL['f'] = cls.h\n",
    ),
    "a registration by a metaclass": plugin(
        "from heat.base import A\nclass B(A):\n    h = staticmethod(f)",
        heat__base=(
            "from heat.registry import ALL\nclass M(type):\n    def __init__(cls, *a):\n"
            "        super().__init__(*a)\n        ALL['f'] = getattr(cls, 'h', None)\n"
            "class A(metaclass=M): pass\n"
        ),
    ),
    "a registration by a grandparent": plugin(
        "from heat.mid import C\nclass B(C):\n    h = staticmethod(f)",
        heat__mid="from heat.base import A\nclass C(A):\n    h = None\n",
        heat__base="from heat.registry import ALL\nclass A:\n    def __init_subclass__(cls): ALL['f'] = cls.h\n",
    ),
    "a registration by __set_name__": plugin(
        "class D:\n    def __init__(self, f): self.f = f\n"
        "    def __set_name__(self, owner, name): registry.ALL['f'] = self.f\nclass A:\n"
        "    x = D(f)"
    ),
    "a registration of a handed table": plugin("def put(table, f): table['f'] = f\nh = put(registry.ALL, f)"),
    "a registration through an alias": plugin("def put(f):\n    table = registry.ALL\n    table['f'] = f\nh = put(f)"),
    "a registration through what a call gives": plugin(
        "def table(): return registry.ALL\nh = table().setdefault('f', f)"
    ),
    "a registration in a loop": plugin("for g in (f,):\n    registry.ALL['f'] = g"),
    "a registration in a branch": plugin("if f:\n    registry.ALL['f'] = f"),
    "a registration while trying": plugin("try:\n    registry.ALL['f'] = f\nexcept KeyError:\n    pass"),
    "a registration by a package's init": way(
        "from heat.registry import ALL\ndef run(): return ALL['f']()",
        **{"heat/__init__": "import heat.lib, heat.registry\nheat.registry.ALL['f'] = heat.lib.f\n"},
    ),
    "a class's attribute that another module sets": way(
        "import heat.plugin\nfrom heat.base import A\ndef run(): return A.x",
        heat__base="class A:\n    x = 0\n",
        heat__plugin="from heat.base import A\nfrom heat.lib import GAIN\nA.x = GAIN\n",
    ),
    "setattr of a class": way(
        "import heat.plugin\nfrom heat.base import A\ndef run(): return A.x",
        heat__base="class A:\n    x = 0\n",
        heat__plugin="from heat.base import A\nfrom heat.lib import GAIN\nsetattr(A, 'x', GAIN)\n",
    ),
    "an import only for what it does": way(
        "import heat.plugin\nfrom heat import tools\ndef run(): return tools.h()",
        heat__tools="def h(): return 0\n",
        heat__plugin="import heat.tools\nfrom heat.lib import f\nheat.tools.h = f\n",
    ),
    "the order of imports": way(
        "import heat.a, heat.b\nfrom heat.registry import ALL\ndef run(): return ALL['f']",
        ("heat/stages.py", "heat.a, heat.b", "heat.b, heat.a"),
        heat__a="from heat.registry import ALL\nALL['f'] = 1\n",
        heat__b="from heat.registry import ALL\nALL['f'] = 2\n",
    ),
    "a patch by the adapter": adapter("heat.tools.h = f"),
    "a patch by what the adapter imports": way(
        "from heat import tools\ndef run(): return tools.h()",
        adapter="import heat.stages, set_up\n",
        set_up="import heat.tools\nfrom heat.lib import f\nheat.tools.h = f\n",
        heat__tools="def h(): return 0\n",
    ),
    "a function of the adapter that sets something": adapter("def set_up(f):\n    heat.tools.h = f\nset_up(f)"),
    "a registration by the adapter": way(
        "from heat.registry import ALL\ndef run(): return ALL['f']()",
        adapter="import heat.stages\nfrom heat.lib import f\nfrom heat.registry import register\nregister(f)\n",
    ),
    "a function's default that the adapter sets": adapter(
        "heat.tools.h.__kwdefaults__ = {'x': f()}",
        "from heat import tools\ndef run(): return tools.h.__kwdefaults__['x']\n",
    ),
    "a site's customization": way(
        "from heat import tools\ndef run(): return tools.h()",
        ("sitecustomize.py", "1", "2"),
        heat__tools="import sitecustomize\ndef h(): return sitecustomize.K\n",
        sitecustomize="K = 1\n",
    ),
}
IMPORTED["an import in the body of a class"] = way(
    "from heat.registry import ALL\nimport heat.plugin\ndef run(): return ALL['f']()",
    heat__plugin="class A:\n    import heat.extra\n",
    heat__extra="from heat.lib import f\nfrom heat.registry import ALL\nALL['f'] = f\n",
)

COMMENTS = {
    "a docstring": way("def run():\n    'one'\n    return run.__doc__", ("heat/stages.py", "'one'", "'two'")),
    "a docstring of another": way(
        "from heat.doc import h\ndef run(): return h.__doc__",
        ("heat/doc.py", "one", "two"),
        heat__doc="def h(): 'one'\n",
    ),
    "a module's docstring": way("'one'\ndef run(): return __doc__", ("heat/stages.py", "one", "two")),
    "a docstring of a module that has nothing else": way(
        "def run():\n    import heat.doc\n    return heat.doc.__doc__",
        ("heat/doc.py", "one", "two"),
        heat__doc="'one'\n",
    ),
    "a comment of a module that has nothing else": way(
        "import inspect\nimport heat.doc\ndef run(): return inspect.getcomments(heat.doc)",
        ("heat/doc.py", "one", "two"),
        heat__doc="# one\n",
    ),
    "a module that has nothing else, as a file": way(
        "import heat.doc\nfrom pathlib import Path\ndef run(): return Path(heat.doc.__file__).read_text()",
        ("heat/doc.py", "one", "two"),
        heat__doc="# one\n",
    ),
    "inspect.getsource": way(
        "import inspect\ndef run(): return inspect.getsource(run)  # one", ("heat/stages.py", "one", "two")
    ),
    "inspect.getdoc": way(
        "import inspect\nfrom heat.doc import h\ndef run(): return inspect.getdoc(h)",
        ("heat/doc.py", "one", "two"),
        heat__doc="def h(): 'one'\n",
    ),
    "its own file": way(
        "from pathlib import Path\ndef run(): return Path(__file__).read_text()  # one",
        ("heat/stages.py", "one", "two"),
    ),
    "its own file, parsed": way(
        "import ast\nfrom pathlib import Path\ndef run():\n    'one'\n"
        "    return ast.dump(ast.parse(Path(__file__).read_text()))",
        ("heat/stages.py", "one", "two"),
    ),
    "a file beside it": way(
        f"{HERE}def run(): return (HERE / 'lib.py').read_text()", ("heat/lib.py", "GAIN = 1", "GAIN = 1  # two")
    ),
    "files beside it": way(
        f"{HERE}def run(): return [p.read_text() for p in sorted(HERE.glob('*.py'))]",
        ("heat/lib.py", "GAIN = 1", "GAIN = 1  # two"),
    ),
    "a number of a line": way("def run(): return run.__code__.co_firstlineno", ("heat/stages.py", "def", "\n\ndef")),
    "a line of a frame": way(
        "import sys\ndef run(): return sys._getframe().f_lineno", ("heat/stages.py", "def", "\n\ndef")
    ),
}

# Ways in which a comment in the file that is edited counts too: it is named by its path, or lines are looked at.
WITH_COMMENTS = {
    *("a file by runpy", "a file by its path", "a module's text that is run", "a frame's globals"),
}

WAYS = {**IMPORTED, **LESS_USUAL, **MOVED, **NAMED, **DONE_ON_IMPORT}

# What source does not tell. "witness": whoever watches the process sees what is read or loaded, and says so;
# "open": nobody does. Each edit changes the result and leaves the fingerprint as it is.
UNSEEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a file of data": (
        "witness",
        way(f"{HERE}def run(): return (HERE / 'd.txt').read_text()", ("heat/d.txt", "1", "2"), **{"heat/d.txt": "1"}),
    ),
    "source of which a name is computed": (
        "witness",
        way(f"{HERE}def run(): return (HERE / ('li' + 'b' + '.p' + 'y')).read_text()"),
    ),
    "a module outside of all packages, by a path that is computed": (
        "witness",
        way(
            f"import sys\n{HERE}sys.path.insert(0, str(HERE.parent / 'elsewhere'))\nimport concealed\n"
            "def run(): return concealed.K",
            ("elsewhere/concealed.py", "1", "2"),
            elsewhere__concealed="K = 1\n",
        ),
    ),
    "a pickle that was made before the edit": (
        "witness",
        way(
            f"import pickle\n{HERE}def run(): return pickle.loads((HERE / 'd.txt').read_bytes())",
            ("heat/d.txt", "I1", "I2"),
            **{"heat/d.txt": "I1\n."},
        ),
    ),
    "a module's __getattr__ that registers when the import of a name asks it": (
        "open",
        plugin(
            "from heat.lazy import thing",
            heat__lazy="from heat.registry import ALL\nfrom heat.lib import f\ndef __getattr__(n):\n    ALL['f'] = f\n"
            "    return 1\n",
        ),
    ),
}
