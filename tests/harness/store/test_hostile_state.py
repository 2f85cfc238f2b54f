"""The state's folder is read with the care that goldens are read with: a sentence, never a hang or a traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket

import guarded
import pytest
from guarded import ENERGY

from harness.core.errors import ApprovalError, GoldenError, HarnessError
from harness.core.files import append_line, read_plain
from harness.core.reports import read_report
from harness.store.acceptance import reject_candidates
from harness.store.candidates import list_pending, read_candidate, remove_candidate
from harness.store.transaction import recover_acceptance

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")


def sparse(path):
    with path.open("wb") as file:
        file.truncate(2**40)


def listening(path):
    with socket.socket(socket.AF_UNIX) as server:
        folder = os.open(path.parent, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)


THINGS = {
    "a pipe": os.mkfifo,
    "a socket": listening,
    "a link that leads out": lambda path: path.symlink_to("/etc/hostname"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a folder": lambda path: (path.mkdir(), (path / "in it").touch()),
    "a huge file": sparse,
    "nothing in it": lambda path: path.touch(),
    "no JSON": lambda path: path.write_bytes(b"\x00\xff{"),
    "deep JSON": lambda path: path.write_bytes(b"[" * 10**6),
}
UNREADABLE = [name for name in THINGS if name not in ("nothing in it", "no JSON", "deep JSON")]


@pytest.fixture
def offered(tmp_path, monkeypatch):
    guarded.quiet_environment(monkeypatch)
    repository = guarded.make(tmp_path / "repository")
    repository.accept_rules()
    repository.offer()
    return repository


def replace(path, thing):
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    THINGS[thing](path)


@pytest.mark.parametrize("thing", THINGS)
@pytest.mark.parametrize("suffix", [".json", ".npz", ".about.json"])
def test_a_candidate_that_is_no_plain_file_is_listed_with_what_is_wrong_and_not_accepted(offered, suffix, thing):
    replace(offered.root / f".harness/pending/{ENERGY}{suffix}", thing)
    with pytest.raises(GoldenError, match="energy") as raised:
        read_candidate(offered.project, ENERGY)
    assert "\n" not in str(raised.value)
    (waiting,) = [p for p in list_pending(offered.project) if p.kind == "golden"]
    assert waiting.headline == str(raised.value)
    with pytest.raises(HarnessError):
        offered.accept()
    if thing == "a folder":
        with pytest.raises(GoldenError, match=r"cannot remove .*: remove it by hand"):
            remove_candidate(offered.project, ENERGY)
    else:
        assert reject_candidates(offered.project, [ENERGY]) == [ENERGY]


@pytest.mark.parametrize("level", ["pending", "pending/heat", "pending/heat/cpu"])
def test_a_candidate_behind_a_linked_folder_is_neither_read_nor_written_nor_removed(offered, level, tmp_path):
    path, elsewhere = offered.root / ".harness" / level, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = {p: p.read_bytes() for p in elsewhere.rglob("*") if p.is_file()}
    for work in (
        lambda: read_candidate(offered.project, ENERGY),
        lambda: offered.offer(candidate=2.0),
        lambda: remove_candidate(offered.project, ENERGY),
        offered.accept,
    ):
        with pytest.raises(HarnessError, match=r"leads out of|not pending"):
            work()
    assert {p: p.read_bytes() for p in elsewhere.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("thing", ["a pipe", "a socket", "a link that leads out", "a link to itself", "nothing in it"])
@pytest.mark.parametrize("folder", ["pending", "pending/heat"])
def test_in_place_of_the_folder_of_candidates(offered, folder, thing):
    replace(offered.root / ".harness" / folder, thing)
    if thing == "a link to itself":
        with contextlib.suppress(GoldenError):  # some versions of Python cannot list it
            assert list_pending(offered.project) == []
    else:
        assert [p for p in list_pending(offered.project) if p.kind == "golden"] == []
    if thing in ("a pipe", "a socket"):
        remove_candidate(offered.project, ENERGY)  # as a verification does where all is as accepted: there is none
    with pytest.raises(HarnessError):
        offered.offer()


@pytest.mark.parametrize("thing", THINGS)
def test_a_plan_that_is_none_stops_whoever_reads_goldens_until_it_is_discarded(offered, thing):
    replace(offered.root / ".harness/accept/plan.json", thing)
    before = offered.state()
    with pytest.raises(GoldenError, match="harness recover"):
        offered.goldens.manifest()
    with pytest.raises(GoldenError, match=r"plan\.json"):
        recover_acceptance(offered.project)
    assert offered.state() == before


@pytest.mark.parametrize("thing", [t for t in UNREADABLE if t != "a huge file"])
def test_an_acceptance_that_is_no_folder_is_cleared_away(offered, thing):
    replace(offered.root / ".harness/accept", thing)
    assert offered.goldens.manifest()
    assert offered.accept().changes
    assert not (offered.root / ".harness/accept").exists()


@pytest.mark.parametrize("thing", [t for t in UNREADABLE if t != "a huge file"])
def test_a_lock_that_is_no_plain_file_is_named_and_its_target_left_alone(offered, thing):
    before = offered.state()
    replace(offered.root / ".harness/lock", thing)
    with pytest.raises(HarnessError, match=r"lock is a .*, not a plain file: remove it"):
        offered.accept()
    assert offered.state() == before


@pytest.mark.parametrize("thing", [t for t in UNREADABLE if t != "a huge file"])
def test_a_log_that_is_no_plain_file_is_named(offered, thing):
    replace(offered.root / ".harness/log", thing)
    with pytest.raises(HarnessError, match=r"log is a .*, not a plain file: remove it"):
        reject_candidates(offered.project, [ENERGY])


@pytest.mark.parametrize("thing", THINGS)
def test_a_report_that_is_none_is_an_error(offered, thing):
    path = offered.root / ".harness/report/report.json"
    replace(path, thing)
    with pytest.raises(HarnessError, match=r"report\.json.*: run `harness verify`|strict JSON") as raised:
        read_report(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("thing", ["a pipe", "nothing in it"])
def test_a_state_that_is_no_folder_is_an_error(offered, thing):
    replace(offered.root / ".harness", thing)
    assert offered.goldens.manifest()
    assert [p for p in list_pending(offered.project) if p.kind == "golden"] == []
    for work in (offered.offer, lambda: reject_candidates(offered.project, [ENERGY])):
        with pytest.raises(HarnessError, match=r"\.harness"):
            work()
    with pytest.raises(ApprovalError, match="not pending"):
        offered.accept()


def test_a_file_that_becomes_a_pipe_between_look_and_open_does_not_hang(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    real = os.open

    def swap(name, *arguments, **named):
        if os.fspath(name) == str(path):
            path.unlink()
            os.mkfifo(path)
        return real(name, *arguments, **named)

    monkeypatch.setattr(os, "open", swap)
    with pytest.raises(GoldenError, match="is a pipe"):
        read_plain(path, tmp_path)


def test_a_log_grows_line_by_line(tmp_path):
    for line in ("one", "zwölf"):
        append_line(tmp_path / "new" / "log", line)
    assert (tmp_path / "new" / "log").read_text(encoding="utf-8") == "one\nzwölf\n"
