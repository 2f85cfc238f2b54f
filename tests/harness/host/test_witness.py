"""What a stage touches without declaring it is named; every case runs in a process that is watched."""

from __future__ import annotations

import json
import time
from multiprocessing import shared_memory
from pathlib import Path

import pytest
from host_cases import WATCHING, answers, possible, repository, run, stages

from harness.host.traces.kernel import KernelEvents

GAIN = ["the file data/gain.txt"]

# What has to be named, and how.
TOUCHED: dict[str, tuple[str, list[str]]] = {
    "a_file": ("open('data/gain.txt').read()", GAIN),
    "a_file_twice": ("open('data/gain.txt').close(); open('data/gain.txt').close()", GAIN),
    "a_file_by_its_bytes": ("open(b'data/gain.txt').read()", GAIN),
    "a_file_by_pathlib": ("import pathlib; pathlib.Path('data/gain.txt').read_text()", GAIN),
    "a_file_by_os_open": ("import os; os.close(os.open('data/gain.txt', os.O_RDONLY))", GAIN),
    "a_file_by_codecs": ("import codecs; codecs.open('data/gain.txt').close()", GAIN),
    "a_file_through_a_link": (
        "import os, tempfile; d = tempfile.mkdtemp(); os.symlink(os.path.abspath('data/gain.txt'), d + '/x')\n"
        "open(d + '/x').read()",
        GAIN,
    ),
    "a_file_through_proc": ("open('/proc/self/cwd/data/gain.txt').read()", GAIN),
    "a_file_from_another_folder": ("import os; os.chdir('data'); open('gain.txt').close(); os.chdir('..')", GAIN),
    "a_file_in_a_thread": (
        "import threading; t = threading.Thread(target=open, args=('data/gain.txt',)); t.start(); t.join()",
        GAIN,
    ),
    "a_file_in_a_pool_of_threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as pool: list(pool.map(open, ['data/gain.txt']))",
        GAIN,
    ),
    "a_file_in_a_forked_process": (
        """
        import multiprocessing
        def child(): open('data/gain.txt').read()
        def stage():
            process = multiprocessing.get_context('fork').Process(target=child)
            process.start()
            process.join()
        """,
        GAIN,
    ),
    "a_file_by_numpy": ("import numpy; numpy.loadtxt('data/gain.txt')", GAIN),
    "a_file_by_numpy_in_c": ("import numpy; numpy.fromfile('data/gain.txt', dtype='u1')", GAIN),
    "a_file_by_memmap": ("import numpy; numpy.memmap('data/gain.txt', dtype='u1', mode='r')", GAIN),
    "a_file_as_archive": ("import zipfile; zipfile.is_zipfile('data/gain.txt')", GAIN),
    "a_file_by_hdf5": ("import h5py; h5py.is_hdf5('data/gain.txt')", GAIN),
    "a_file_by_ctypes": (
        "import ctypes\ntry: ctypes.CDLL('./data/gain.txt')\nexcept OSError: pass",
        GAIN,
    ),
    "a_file_that_is_copied_first": (
        "import shutil, tempfile; d = tempfile.mkdtemp(); shutil.copy('data/gain.txt', d)\n"
        "open(d + '/gain.txt').read()",
        GAIN,
    ),
    "a_file_that_is_moved_first": (
        "import os, tempfile; d = tempfile.mkdtemp(dir='.'); os.rename('data/other.txt', d + '/x')\n"
        "open(d + '/x').read()\n"
        "os.rename(d + '/x', 'data/other.txt'); os.rmdir(d)",
        ["the file data/other.txt"],
    ),
    "a_file_that_is_linked_first": (
        "import os, tempfile; d = tempfile.mkdtemp(dir='.'); os.link('data/gain.txt', d + '/x')\n"
        "open(d + '/x').read()\n"
        "os.remove(d + '/x'); os.rmdir(d)",
        GAIN,
    ),
    "a_file_that_is_changed": ("f = open('data/gain.txt', 'r+'); f.close()", GAIN),
    "a_file_that_is_added_to_and_read": (
        "open('log.txt', 'a').close(); open('log.txt').close()",  # the fixture's: it was there
        ["the file log.txt"],
    ),
    "a_file_that_is_not_there": (
        "try: open('data/none.txt')\nexcept OSError: pass",
        ["the file data/none.txt (which is not there)"],
    ),
    "whether_a_file_is_there": (
        "import os; os.path.exists('data/gain.txt')",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "whether_a_missing_file_is_there": (
        "import pathlib; pathlib.Path('data/none.txt').exists()",
        ["whether the file data/none.txt is there, or how it is"],
    ),
    "how_large_a_file_is": (
        "import os; os.path.getsize('data/gain.txt')",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "how_old_a_file_is": (
        "import os; os.stat('data/gain.txt').st_mtime",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "whether_a_file_can_be_read": (
        "import os; os.access('data/gain.txt', os.R_OK)",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "a_file_that_is_there": (
        "import os; os.path.exists('data/gain.txt') and open('data/gain.txt').read()",
        GAIN,
    ),
    "a_program_of_python": (
        "import runpy, sys; sys.argv[1:] = ['data/gain.txt']\n"
        "try: runpy.run_module('json.tool', run_name='__main__')\nexcept SystemExit: pass",
        GAIN,
    ),
    "a_file_of_an_own_package": (
        "import importlib.resources; importlib.resources.files('package').joinpath('table.txt').read_text()",
        ["the file package/table.txt"],
    ),
    "a_file_by_a_loader": (
        "import pkgutil; pkgutil.get_data('package', 'table.txt')",
        ["the file package/table.txt"],
    ),
    "a_file_when_it_is_imported": ("TEXT = open('data/gain.txt').read()\ndef stage(): pass", GAIN),
    "a_file_by_generated_code": ("exec(\"open('data/gain.txt').read()\")", GAIN),
    "a_file_by_a_callback": (
        "import functools; functools.reduce(lambda a, b: open(b).close(), ['data/gain.txt'], None)",
        GAIN,
    ),
    "its_own_source": ("open(__file__).read()", ["the file case_its_own_source.py"]),
    "its_own_source_by_inspect": (
        "import inspect, helper; inspect.getsource(helper)",
        ["the file helper.py"],
    ),
    "a_module_as_text": ("exec(open('helper.py').read())", ["the file helper.py"]),
    "a_database": (
        "import sqlite3; sqlite3.connect('data/other.txt').close()",
        ["the file data/other.txt"],
    ),
    "a_database_by_address": (
        "import sqlite3; sqlite3.connect('file:data/other.txt?mode=ro', uri=True).close()",
        ["the file data/other.txt"],
    ),
    "a_folder": ("import os; os.listdir('data')", ["the folder data/ (its listing)"]),
    "a_folder_by_glob": ("import glob; glob.glob('data/*.txt')", ["the folder data/ (its listing)"]),
    "a_folder_by_pathlib": ("import pathlib; list(pathlib.Path('data').iterdir())", ["the folder data/ (its listing)"]),
    "a_folder_by_walk": ("import os; list(os.walk('data'))", ["the folder data/ (its listing)"]),
    "a_folder_by_number": (
        "import os; fd = os.open('data', os.O_RDONLY); os.listdir(fd); os.close(fd)",
        ["the folder data/ (its listing)"],
    ),
    "a_variable": ("import os; os.environ.get('GAIN')", ["the environment variable GAIN"]),
    "a_variable_by_getenv": ("import os; os.getenv('GAIN', '1')", ["the environment variable GAIN"]),
    "a_variable_by_bytes": ("import os; os.getenvb(b'GAIN')", ["the environment variable GAIN"]),
    "a_variable_that_is_looked_for": ("import os; 'GAIN' in os.environ", ["the environment variable GAIN"]),
    "a_variable_by_default": ("import os; os.environ.setdefault('GAIN_1', '1')", ["the environment variable GAIN_1"]),
    "a_variable_in_a_path": ("import os; os.path.expandvars('$GAIN/x')", ["the environment variable GAIN"]),
    "a_variable_in_a_template": (
        "import os, string; string.Template('$HOME').substitute(os.environ)",
        ["the environment variable HOME"],
    ),
    "a_variable_from_an_earlier_import": (
        "from os import environ as E\ndef stage(): E.get('GAIN')",
        ["the environment variable GAIN"],
    ),
    "all_variables": ("import os; dict(os.environ)", ["all environment variables"]),
    "all_variables_by_copy": ("import os; os.environ.copy()", ["all environment variables"]),
    "all_variables_by_items": (
        "import os; [v for k, v in os.environ.items() if k.startswith('GAIN')]",
        ["all environment variables"],
    ),
    "a_program": ("import subprocess; subprocess.run(['/bin/true'])", ["the program /bin/true"]),
    "a_program_beside": ("import subprocess; subprocess.run(['./other.sh'])", ["the program ./other.sh"]),
    "a_command": ("import subprocess; subprocess.run('exit 0', shell=True)", ["the program /bin/sh (exit 0)"]),
    "a_command_by_os": ("import os; os.system('exit 0')", ["the program /bin/sh (exit 0)"]),
    "a_command_by_popen": ("import os; os.popen('echo 1').read()", ["the program /bin/sh (echo 1)"]),
    "a_program_by_spawn": (
        "import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
        ["the program /bin/true"],
    ),
    "a_program_after_fork": (
        "import os\nif (pid := os.fork()) == 0: os.execv('/bin/true', ['true'])\nos.waitpid(pid, 0)",
        ["the program /bin/true"],
    ),
    "a_host": (
        "import socket\ntry: socket.create_connection(('127.0.0.1', 1), 1)\nexcept OSError: pass",
        ["the network (127.0.0.1:1)"],
    ),
    "a_host_by_name": ("import socket; socket.getaddrinfo('localhost', 443)", ["the network (localhost:443)"]),
    "a_host_by_its_name_and_number": (
        "import socket\ntry: socket.create_connection(('localhost', 1), 1)\nexcept OSError: pass",
        ["the network (localhost:1)"],
    ),
    "a_program_by_spawnv": ("import os; os.spawnv(os.P_WAIT, '/bin/true', ['true'])", ["the program /bin/true"]),
    "a_file_in_a_pool_of_processes": (
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def read(path): return open(path).read()
        def stage():
            with ProcessPoolExecutor(1, multiprocessing.get_context('fork')) as pool:
                list(pool.map(read, ['data/gain.txt']))
        """,
        GAIN,
    ),
    "a_file_by_an_opener": ("import os; open('data/gain.txt', opener=lambda p, f: os.open(p, f)).close()", GAIN),
    "a_file_after_its_module_was_reloaded": (
        "import importlib, helper; importlib.reload(helper); open(helper.__file__).read()",
        ["the file helper.py"],
    ),
    "a_file_by_an_asynchronous_function": (
        "import asyncio\nasync def f(): await asyncio.to_thread(open, 'data/gain.txt')\nasyncio.run(f())",
        GAIN,
    ),
    "a_figure_style": (
        "import matplotlib.style\ntry: matplotlib.style.use('./data/gain.txt')\nexcept Exception: pass",
        GAIN,
    ),
    "an_image": (
        "import PIL.Image\ntry: PIL.Image.open('data/gain.txt')\nexcept OSError: pass",
        GAIN,
    ),
    "another_image": (
        "import tifffile\ntry: tifffile.imread('data/gain.txt')\nexcept Exception: pass",
        GAIN,
    ),
    "a_path_that_plays": (
        """
        class Path(str):
            def startswith(self, *arguments): raise SystemExit
            __eq__ = __hash__ = __str__ = startswith
        def stage(): open(Path('data/gain.txt')).close()
        """,
        GAIN,
    ),
    "a_file_where_the_stack_ends": (
        """
        def deeper(): open('data/gain.txt').close(); deeper()
        def stage():
            try: deeper()
            except RecursionError: pass
        """,
        ["something that could not be followed (open: RecursionError)", *GAIN],
    ),
    "a_file_by_c": (
        "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'data/gain.txt', 0))",
        GAIN,
    ),
    "a_folder_by_c": (
        "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'data', 0x10000))",
        ["the folder data/ (its listing)"],
    ),
    "a_file_by_hdf5_itself": (
        "import h5py._hl.files as files, h5py.h5f\ntry: h5py.h5f.open.__wrapped__(b'data/gain.txt')\n"
        "except OSError: pass",
        GAIN,
    ),
    "a_file_by_an_earlier_link": (
        "import numpy, os; numpy.fromfile(open('data/gain.txt', 'rb').fileno() and 'data/gain.txt', 'u1')",
        GAIN,
    ),
    "memory_that_others_share": (
        "from multiprocessing import shared_memory; shared_memory.SharedMemory('harness-test').close()\n"
        "from multiprocessing import resource_tracker; resource_tracker.unregister('/harness-test', 'shared_memory')",
        ["the file /dev/shm/harness-test"],
    ),
    "a_file_in_shared_memory": ("open('/dev/shm/harness-test', 'rb').read()", ["the file /dev/shm/harness-test"]),
    "how_a_link_is": (
        "import os; os.lstat('data/gain.txt')",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "where_a_link_leads": (
        "import os; os.readlink('link')",
        ["whether the file link is there, or how it is"],
    ),
    "whether_it_is_a_link": (
        "import pathlib; pathlib.Path('data/gain.txt').is_symlink()",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "how_an_open_file_is": (
        "import os; d = os.open('data/gain.txt', 0); os.fstat(d); os.close(d)",
        GAIN,
    ),
    "whether_a_file_is_there_by_posix": (
        "import posix; posix.stat('data/gain.txt')",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "whether_a_file_is_there_by_glob": (
        "import glob; glob.glob('data/gain.txt')",
        ["whether the file data/gain.txt is there, or how it is"],
    ),
    "whether_files_are_equal_by_their_sizes": (
        "import filecmp; filecmp.cmp('data/gain.txt', 'declared.txt')",
        GAIN,
    ),
    "a_home": ("import netrc\ntry: netrc.netrc('data/gain.txt')\nexcept Exception: pass", GAIN),
    "lines": ("import linecache; linecache.getlines('data/gain.txt')", GAIN),
    "a_mapped_file": (
        "import mmap\nwith open('data/gain.txt') as f: mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ).close()",
        GAIN,
    ),
    "what_the_harness_keeps": (
        "import os; os.listdir('.harness'); open('.harness/x').read()",
        ["the file .harness/x", "the folder .harness/ (its listing)"],
    ),
    "two_things": (
        "import os; open('data/gain.txt').close(); os.environ.get('GAIN'); os.listdir('data')",
        ["the environment variable GAIN", "the file data/gain.txt", "the folder data/ (its listing)"],
    ),
}

# Of these the kernel alone tells.
BY_KERNEL = ("a_file_by_c", "a_folder_by_c", "a_file_by_hdf5_itself", "memory_that_others_share")

# What stays unseen, as docs/reference/inputs.md says: a case that begins to be seen belongs above.
OPEN = {
    "how_a_file_is_by_c": "import ctypes; ctypes.CDLL(None).access(b'data/gain.txt', 4)",
    "a_file_beside_the_repository_by_c": "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'../beside.txt', 0))",
    "the_machine": "import os, socket, time; os.statvfs('.'); socket.gethostname(); os.cpu_count(); time.time()",
    "a_passed_variable_by_c": "import ctypes; ctypes.CDLL(None).getenv(b'HOME')",
    "settings_inside_objects": "import logging; logging.getLogger('case').setLevel(10)",
}

# What nobody may be bothered with.
CALM: dict[str, str] = {
    "nothing": "pass",
    "a_declared_file": "open('declared.txt').read()",
    "a_declared_file_by_another_name": "open('data/../declared.txt').read()",
    "a_file_in_a_declared_folder": "import os; open('declared/inner.txt').read(); os.listdir('declared')",
    "a_declared_variable": "import os; os.environ.get('DECLARED'); os.getenv('DECLARED')",
    "a_declared_program": "import subprocess; subprocess.run(['./tool.sh'], capture_output=True)",
    "a_variable_that_it_set": "import os; os.environ['HERE'] = '1'; os.environ['HERE']; del os.environ['HERE']",
    "an_own_module": "import helper; helper.VALUE",
    "an_own_module_again": "import helper, importlib; importlib.reload(helper)",
    "an_own_module_by_its_path": "import runpy; runpy.run_path('helper.py')",
    "an_own_package": "import package",
    "a_temporary_file": (
        "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'1'); f.seek(0); f.read()\n"
        "with tempfile.NamedTemporaryFile() as f: open(f.name).read()"
    ),
    "a_temporary_folder": (
        "import os, pathlib, tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    p = pathlib.Path(d, 'a', 'b'); p.mkdir(parents=True); (p / 'x').write_text('1'); (p / 'x').read_text()\n"
        "    os.rename(p / 'x', p / 'y'); open(p / 'y').read(); list(os.walk(d)); list(pathlib.Path(d).rglob('*'))"
    ),
    "a_spooled_file": "import tempfile\nwith tempfile.SpooledTemporaryFile(1) as f: f.write(b'12'); f.seek(0)",
    "arrays_to_and_fro": (
        "import numpy, tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    numpy.savez(d + '/a.npz', a=numpy.ones(3)); numpy.load(d + '/a.npz')['a']\n"
        "    numpy.save(d + '/a.npy', numpy.ones(3)); numpy.load(d + '/a.npy', mmap_mode='r').sum()\n"
        "    numpy.ones(3).tofile(d + '/a'); numpy.fromfile(d + '/a')"
    ),
    "a_file_that_it_made_beside": "for mode in 'wra': open('made.txt', mode).close()",
    "a_log": (
        "import logging, logging.config\n"
        "logging.config.dictConfig({'version': 1, 'handlers': {'f': {'class': 'logging.FileHandler',\n"
        "    'filename': 'log.txt'}}, 'root': {'handlers': ['f'], 'level': 'INFO'}})\n"
        "logging.info('x', exc_info=ValueError()); logging.shutdown(); logging.root.handlers.clear()"
    ),
    "a_log_of_the_system": (
        "import logging, logging.handlers, sys\nlogging.getLogger('x').warning('x', stack_info=True)"
    ),
    "a_traceback": (
        "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.format_exc(); traceback.format_stack()"
    ),
    "its_caller": "import inspect; inspect.stack()[0].function; inspect.currentframe().f_code.co_name",
    "a_warning": "import warnings; warnings.warn('x')",
    "a_time_zone": (
        "import zoneinfo, datetime, time; zoneinfo.ZoneInfo('Europe/Zurich')\n"
        "datetime.datetime.now().astimezone(); time.localtime()"
    ),
    "a_language": "import locale, gettext; locale.setlocale(locale.LC_ALL, ''); gettext.gettext('x')",
    "a_platform": "import platform; platform.platform(); platform.uname().processor; platform.libc_ver()",
    "a_library_of_the_system": "import ctypes, ctypes.util; ctypes.CDLL(ctypes.util.find_library('m'))",
    "a_number_from_the_system": "import os, uuid; os.urandom(3); uuid.uuid4(); open('/dev/urandom', 'rb').read(1)",
    "the_system_itself": "import os; open('/proc/self/status').read(); os.cpu_count(); os.sched_getaffinity(0)",
    "a_home": "import os, pathlib; os.path.expanduser('~'); pathlib.Path.home()",
    "a_version": "import importlib.metadata; importlib.metadata.version('numpy')",
    "a_codec": "b'x'.decode('cp1251'); import encodings.idna",
    "a_null_device": "import os; open(os.devnull).read(); open(os.devnull, 'w').close()",
    "a_forked_process": (
        "import os, tempfile; d = tempfile.mkdtemp()\n"
        "if (pid := os.fork()) == 0:\n    open(d + '/x', 'w').write('1'); os.mkdir(d + '/y'); os._exit(0)\n"
        "os.waitpid(pid, 0); open(d + '/x').read(); os.listdir(d + '/y')"
    ),
    "a_pool_of_forks": (
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool: pool.map(abs, [1, 2])"
    ),
    "shared_memory": (
        "from multiprocessing import shared_memory\nm = shared_memory.SharedMemory(create=True, size=10)\n"
        "m.close(); m.unlink()"
    ),
    "a_database_in_memory": "import sqlite3; sqlite3.connect(':memory:').execute('create table t (x)')",
    "a_database_that_it_made": (
        "import sqlite3, tempfile, os; p = tempfile.mkdtemp() + '/x'\n"
        "c = sqlite3.connect(p); c.execute('create table t (x)'); c.commit(); c.close()\n"
        "sqlite3.connect(p).close(); open(p, 'rb').read()"
    ),
    "an_hdf5_file_that_it_made": (
        "import h5py, io, tempfile; p = tempfile.mkdtemp() + '/x.h5'\n"
        "with h5py.File(p, 'a') as f: f['a'] = 1\n"
        "h5py.File(p).close(); open(p, 'rb').close(); h5py.File(io.BytesIO(), 'w').close()"
    ),
    "an_output_folder": (
        "import os, shutil; os.makedirs('out/deep'); open('out/deep/x', 'w').close(); os.listdir('out')\n"
        "shutil.rmtree('out')"
    ),
    "whether_an_output_folder_is_there": (
        "import os, pathlib; os.path.isdir('declared') or 1; os.makedirs('results', exist_ok=True)\n"
        "pathlib.Path('results').mkdir(exist_ok=True); os.path.exists('results'); os.rmdir('results')"
    ),
    "whether_its_own_file_is_there": (
        "import os; os.path.exists('own.txt') or open('own.txt', 'w').close(); os.path.getsize('own.txt')\n"
        "os.remove('own.txt')"
    ),
    "whether_a_declared_file_is_there": "import os; os.path.exists('declared.txt'); os.stat('declared/inner.txt')",
    "functions_that_are_handed_on": "import os, pickle; assert pickle.loads(pickle.dumps(os.stat)) is os.stat",
    "a_command_line": "import argparse; argparse.ArgumentParser().format_help()",
    "shutil_which": "import shutil; shutil.which('true'); shutil.get_terminal_size()",
    "dataclasses_and_tuples": (
        "import collections, dataclasses; dataclasses.make_dataclass('C', ['x'])(1); collections.namedtuple('T', 'x')"
    ),
    "compressed": (
        "import bz2, gzip, tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    for m in (bz2, gzip):\n        m.open(d + '/x', 'wb').close(); m.open(d + '/x').read()"
    ),
    "a_package_that_looks_for_its_plugins": "import plugged; plugged.NAMES",
    "resources_of_a_package": "import importlib.resources, package; list(importlib.resources.files(package).iterdir())",
    "where_its_own_file_is": (
        "import os, pathlib; os.path.realpath(__file__); pathlib.Path(__file__).resolve().parent; os.path.abspath('.')"
    ),
    "files_of_a_declared_folder": (
        "import glob, pathlib; glob.glob('declared/*.txt'); sorted(pathlib.Path('declared').rglob('*'))\n"
        "[p.is_file() for p in pathlib.Path('declared').iterdir()]"
    ),
    "files_that_c_makes": (
        "import ctypes; c = ctypes.CDLL(None); c.close(c.open(b'made-by-c', 0o102, 0o600)); open('made-by-c').read()\n"
        "import os; c.close(c.open(b'made-by-c', 0)); os.remove('made-by-c')"
    ),
    "semaphores": "import multiprocessing; multiprocessing.Lock(); multiprocessing.Queue().close()",
    "a_shelf": (
        "import shelve, tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
        "    with shelve.open(d + '/x') as s: s['a'] = 1\n    with shelve.open(d + '/x') as s: s['a']"
    ),
}

# Libraries are imported within a stage, and used: each in a process of its own, so that it is the first to be.
LIBRARIES: dict[str, str] = {
    "scientific": "import scipy.ndimage, scipy.optimize, scipy.stats; scipy.stats.norm.cdf(0)",
    "images": (
        "import io, skimage.io, skimage.filters, PIL.Image, imageio.v3, tifffile, numpy\n"
        "f = io.BytesIO(); PIL.Image.fromarray(numpy.zeros((4, 4), 'u1')).save(f, 'png'); skimage.filters.gaussian"
        "(numpy.ones((9, 9)))"
    ),
    "figures": (
        "import tempfile, matplotlib.pyplot as plt\nplt.figure(); plt.text(0, 0, '$x^2$ text'); plt.plot([1, 2])\n"
        "with tempfile.TemporaryDirectory() as d: plt.savefig(d + '/x.png'); plt.savefig(d + '/x.pdf')"
    ),
    "web": "import requests, certifi, ssl; ssl.create_default_context(); requests.Session(); certifi.where()",
    "others": "import jsonschema, networkx, yaml, jinja2, pydantic, rich.console; rich.console.Console().print('x')",
}


LOADER = """
import importlib.machinery, sys

def read(path):
    with open(path) as file:
        return file.read()

class Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module):
        exec(compile(read(self.path), self.path, "exec"), module.__dict__)

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = Loader(name, spec.origin)
        return spec

def install():
    sys.meta_path.insert(0, Finder)
"""


def _need(code: str) -> None:
    if not possible({"case": code}):
        pytest.skip("a library of the case is not installed")


@pytest.fixture(scope="module")
def noticed(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("touched") / "repository")
    (root / "log.txt").write_text("before\n")
    (root / "link").symlink_to("data/gain.txt")
    (root / ".harness").mkdir()
    (root / ".harness/x").write_text("1")
    memory = shared_memory.SharedMemory("harness-test", create=True, size=8)
    try:
        return answers(root, WATCHING, possible({name: code for name, (code, _) in TOUCHED.items()}), GAIN="1")
    finally:
        memory.close()
        memory.unlink()


@pytest.fixture(scope="module")
def unnoticed(tmp_path_factory):
    root = repository(tmp_path_factory.mktemp("calm") / "repository")
    (root / "log.txt").write_text("before\n")
    (root.parent / "beside.txt").write_text("1")
    (root / "plugged").mkdir()
    (root / "plugged/__init__.py").write_text(
        "import os, pkgutil\nNAMES = [m.name for m in pkgutil.iter_modules(__path__)]\n"
        "NAMES += os.listdir(os.path.dirname(__file__))\n"
    )
    return answers(root, WATCHING, possible(CALM | OPEN))


@pytest.mark.parametrize("case", TOUCHED)
def test_what_is_touched_is_named(noticed, case):
    _need(TOUCHED[case][0])
    if case in BY_KERNEL and not KernelEvents([str(Path.cwd())]).tells:
        pytest.skip("the kernel does not tell here")
    assert noticed[case] == TOUCHED[case][1]


@pytest.mark.parametrize("case", CALM)
def test_what_is_nobodys_business_is_not(unnoticed, case):
    _need(CALM[case])
    assert unnoticed[case] == []


@pytest.mark.parametrize("case", OPEN)
def test_what_stays_open_is_as_documented(unnoticed, case):
    assert unnoticed[case] == []


@pytest.mark.slow
@pytest.mark.parametrize("case", LIBRARIES)
def test_a_library_that_is_first_imported_by_a_stage_reads_for_itself(tmp_path, case):
    _need(LIBRARIES[case])
    root = repository(tmp_path / "repository")
    assert answers(root, WATCHING, {case: LIBRARIES[case]}) == {case: []}


@pytest.mark.slow
def test_a_backend_that_is_first_imported_by_a_stage_reads_for_itself(tmp_path):
    code = "import keras; keras.Sequential([keras.layers.Dense(1)]).build((1, 2))"
    pytest.importorskip("keras")
    assert answers(repository(tmp_path / "repository"), WATCHING, {"backend": code}) == {"backend": []}


@pytest.mark.slow
def test_files_of_a_backend_are_seen_and_those_that_a_stage_made_are_not(tmp_path):
    """The backend opens them in C++, and has its own way to list and to read."""
    pytest.importorskip("keras")
    made = """
        import keras, os, tempfile, tensorflow as tf
        model = keras.Sequential([keras.layers.Dense(1)])
        model.build((1, 2))
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder + '/model.keras'); keras.models.load_model(folder + '/model.keras')
            model.save_weights(folder + '/model.weights.h5'); model.load_weights(folder + '/model.weights.h5')
            with tf.io.gfile.GFile(folder + '/x', 'w') as file: file.write('1')
            tf.io.gfile.GFile(folder + '/x').read()
        @tf.function
        def f(x): return x + 1
        f(tf.constant(1))
        """
    read = "import tensorflow as tf; tf.io.gfile.GFile('data/gain.txt').read(); tf.io.read_file('data/other.txt')"
    found = answers(repository(tmp_path / "repository"), WATCHING, {"made": made, "read": read})
    assert found == {"made": [], "read": [*GAIN, "the file data/other.txt"]}


def test_a_loader_of_a_library_may_read_the_modules_that_it_imports(tmp_path):
    """As those that rewrite assertions or check types do; its data are data still."""
    root = repository(tmp_path / "repository")
    packages = tmp_path / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "rewriting.py").write_text(LOADER)
    code = f"import sys; sys.path.append({str(packages)!r}); import rewriting; rewriting.install()\n"
    code += "import helper, package"
    data = "import rewriting; rewriting.read('data/gain.txt')"
    assert answers(root, WATCHING, {"loaded": code, "data": data}) == {"loaded": [], "data": GAIN}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["spawn", "forkserver"])
def test_a_worker_that_is_no_fork_is_followed(tmp_path, way):
    """What it touches is told, in this stage and in later ones; a healthy one bothers nobody."""
    code = f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def work(path):
            import helper, os
            os.environ.get('DECLARED' if path == 'declared.txt' else 'GAIN')
            return open(path).read()
        def stage():
            with multiprocessing.get_context({way!r}).Pool(1) as pool: pool.map(work, ['declared.txt'])
            with ProcessPoolExecutor(1, multiprocessing.get_context({way!r})) as pool: list(pool.map(work, [PATH]))
        """
    cases = {"calm": code.replace("PATH", "'declared.txt'"), "told": code.replace("PATH", "'data/gain.txt'")}
    found = answers(repository(tmp_path / "repository"), WATCHING, cases | {"calm_again": cases["calm"]}, GAIN="1")
    assert found == {"calm": [], "told": ["the environment variable GAIN", *GAIN], "calm_again": []}


def test_what_a_forked_process_imports_is_known(tmp_path):
    code = """
        import os
        def stage():
            if (pid := os.fork()) == 0:
                import helper
                os._exit(0)
            os.waitpid(pid, 0)
        """
    root = repository(tmp_path / "repository")
    stages(root, {"forked": code})
    tell = "\nprint(json.dumps(list(loaded())))"
    names = json.loads(run(root, WATCHING + tell, str(tmp_path / "answer"), "forked"))
    assert sorted(Path(name).name for name in names) == ["case_forked.py", "helper.py"]


def test_many_files_are_all_told_and_do_not_wake_the_listener_for_each(tmp_path, monkeypatch):
    paths = [tmp_path / f"{number}.txt" for number in range(3000)]
    for path in paths:
        path.touch()
    woken, read = [], KernelEvents._read
    monkeypatch.setattr(KernelEvents, "_read", lambda self: (woken.append(1), read(self)))
    events = KernelEvents([str(tmp_path)])
    if not events.tells:
        pytest.skip("the kernel does not tell here")
    events.start()
    began = time.monotonic()
    for path in paths:
        path.read_bytes()
    opened, _, lost = events.taken()
    most = (time.monotonic() - began) / 0.02 + 10
    assert {str(path) for path in paths} <= opened
    assert not lost
    assert len(woken) < most
