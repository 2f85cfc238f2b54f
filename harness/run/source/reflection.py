"""Reflection: names by which code looks code up, or reads its text, in ways that its source does not spell out."""

from __future__ import annotations

EVALUATION = {"exec", "eval"}  # as bare names: a method of that name is something else
REFLECTION = {
    *("import_module", "__import__", "__subclasses__", "__init_subclass__", "resolve_name", "run_module", "run_path"),
    *("spec_from_file_location", "module_from_spec", "exec_module", "load_module", "LazyLoader", "SourceFileLoader"),
    *("locate", "instantiate", "get_class", "get_object", "import_string", "import_from_string", "import_by_path"),
    *("entry_points", "iter_entry_points", "load_entry_point", "walk_packages", "iter_modules"),
    *(
        "get_objects",
        "get_referrers",
        "getmodule",
        "__globals__",
        "f_globals",
        "f_locals",
        "f_builtins",
        "__builtins__",
    ),
}
OF_LIBRARIES = {  # what looks things up by text that the source does not have, by the module that it is of
    **dict.fromkeys(("pickle", "_pickle", "marshal", "dill", "cloudpickle", "joblib"), ("load", "loads", "Unpickler")),
    "shelve": ("open",),
    "sys": ("modules", "_getframe"),
    "builtins": ("exec", "eval", "compile"),
    "types": ("FunctionType", "CodeType"),
}
LOOKING_UP = {"importlib", "builtins", "runpy", "pkgutil", "gc", "pickle"}  # when they are passed around
FILE_TEXT, NAME_TEXT = "file", "name"  # source that is read as text: the module's own, or that of what is used
READS_SOURCE = {
    *("__doc__", "getsource", "getsourcelines", "getsourcefile", "getdoc", "getcomments", "findsource", "getfile"),
    *("__code__", "co_filename", "co_firstlineno", "f_lineno", "f_code", "currentframe", "_getframe", "extract_stack"),
    *("linecache", "tokenize", "__file__"),
}
FOLDERS = {"parent", "parents", "with_name", "dirname"}  # what makes a folder, or another file, of a file


def is_reflection(module: str, chain: tuple[str, ...]) -> bool:
    """Whether an object of another library looks things up in ways that the source does not tell."""
    if not chain:
        return module in LOOKING_UP
    return not REFLECTION.isdisjoint(chain) or chain[0] in OF_LIBRARIES.get(module, ())
