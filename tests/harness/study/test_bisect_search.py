"""The arithmetic of a bisection on real histories, with verdicts that a test makes up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from guarded import git
from histories import Made, write_history

from harness.core.errors import ProjectError
from harness.study.bisection.commits import Suspects, choose
from harness.study.bisection.judging import CommitJudged, Question, ScenarioJudged
from harness.study.bisection.search import Search

QUESTION = Question("", ".", "", ("goldens", "schemas"))
SOUND = ScenarioJudged("rod", count=1)
WRONG = ScenarioJudged("rod", first="solve", headline="it is wrong", broken={"solve": "x"}, failing=("solve",), count=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("histories")
    git(root, "init", "-q", "-b", "main")
    write_history(root, "main", "", [Made()])  # whose hash, and so the order of equals, is always the same
    return root


def search(root: Path, commits: Sequence[str], judge: Callable[[str], CommitJudged], workers: int = 1) -> tuple:
    """What a search between the first and the last of ``commits`` finds, and the search itself."""
    asked: list[str] = []

    def judged(question: Question, names: Sequence[str]) -> list[CommitJudged]:
        asked.extend(names)
        return [judge(name) for name in names]

    looking = Search(root, QUESTION, judged, workers, lambda finding, left: None)
    left = looking.run(commits[0], commits[-1])
    assert len(asked) == len(set(asked)) == len(looking.findings)
    return left, looking


def broken_from(root: Path, culprit: str, skipped: Sequence[str] = ()) -> Callable[[str], CommitJudged]:
    """What comes from ``culprit`` is bad, and ``skipped`` cannot be judged."""
    after = {culprit, *git(root, "rev-list", "--all", "--ancestry-path", f"^{culprit}").split()}

    def judge(commit: str) -> CommitJudged:
        if commit in skipped:
            return CommitJudged(commit, refused="it cannot be imported")
        return CommitJudged(commit, scenarios=(WRONG if commit in after else SOUND,))

    return judge


@pytest.fixture(scope="module")
def line(root) -> list[str]:
    commits = write_history(root, "line", "main", [Made()] * 63)
    for number in (16, 31, 32, 48):  # git says so where it weighs them
        git(root, "tag", f"v{number}", commits[number])
    return commits


@pytest.mark.parametrize("number", [1, 2, 20, 31, 32, 62, 63])
def test_sixty_four_commits_need_seven_verdicts_at_most(root, line, number):
    (found,), looking = search(root, line, broken_from(root, line[number]))
    assert found == line[number]
    assert len(looking.findings) <= 7  # both ends included
    assert looking.notes == []


def test_as_many_verdicts_as_git_needs(root, line):
    """Git is told of both ends; the search asks about one of them itself, and learns of the other on the way."""
    culprit = line[20]
    git(root, "checkout", "-q", "line")
    git(root, "bisect", "start", line[-1], line[0])
    said = [""]
    while f"{culprit} is the first bad commit" not in said[-1] and len(said) < 10:
        bad = line.index(git(root, "rev-parse", "HEAD")) >= 20
        said.append(git(root, "bisect", "bad" if bad else "good"))
    git(root, "bisect", "reset")
    assert len(search(root, line, broken_from(root, culprit))[1].findings) - 1 <= len(said) - 1 <= 6


@pytest.mark.parametrize("workers", [2, 3, 7])
def test_several_at_once_find_the_same_in_fewer_rounds(root, line, workers):
    rounds: list[int] = []

    def judge(question: Question, names: Sequence[str]) -> list[CommitJudged]:
        rounds.append(len(names))
        return [broken_from(root, line[45])(name) for name in names]

    looking = Search(root, QUESTION, judge, workers, lambda finding, left: None)
    assert looking.run(line[0], line[-1]) == [line[45]]
    assert max(rounds) <= workers
    assert len(rounds) - 1 <= math.ceil(6 / math.log2(workers + 1)) + (workers == 2)  # after that of the bad end


# Branches and merges: 1-2-3 and 4-5 both come from the start and meet in 6; then 7, and 8-9 beside it, meet in 10.
BRANCHED = [(0,), (1,), (2,), (0,), (4,), (3, 5), (6,), (6,), (8,), (7, 9), (10,)]


@pytest.fixture(scope="module")
def branched(root) -> list[str]:
    return write_history(root, "branched", "main", [Made(follows=follows) for follows in BRANCHED])


@pytest.mark.parametrize("number", range(1, len(BRANCHED) + 1))
def test_a_culprit_on_any_branch_is_found_and_a_merge_may_be_one(root, branched, number):
    (found,), looking = search(root, branched, broken_from(root, branched[number]))
    assert found == branched[number]
    assert len(looking.findings) <= math.ceil(math.log2(len(BRANCHED))) + 2


def test_what_both_come_from_is_asked_where_the_bad_one_does_not_come_from_the_good_one(root, branched):
    """As git does: 5 is on another branch than 3."""
    good, bad = branched[5], branched[3]
    (found,), _ = search(root, [good, bad], broken_from(root, branched[2]))
    assert found == branched[2]
    judge = broken_from(root, branched[0])  # all is bad, but 5 was mended
    with pytest.raises(ProjectError, match=f"{branched[0][:12]}, from which both come, is bad .*older, and was mended"):
        search(root, [good, bad], lambda name: CommitJudged(name, scenarios=(SOUND,)) if name == good else judge(name))


# What cannot be judged


def test_commits_that_cannot_be_judged_are_gone_around(root, line):
    skipped = line[28:36]  # the middle, where the search begins
    for number in (10, 27, 37, 50):
        (found,), looking = search(root, line, broken_from(root, line[number], skipped))
        assert found == line[number]
        assert len(looking.findings) <= 7 + len(skipped)


def test_a_culprit_beside_what_cannot_be_judged_is_one_of_several(root, line):
    left, _ = search(root, line, broken_from(root, line[30], line[28:31]))
    assert left[0] == line[31]
    assert set(left) == set(line[28:32])  # 31 is bad, 27 good, and of those between nobody knows


def test_with_skipped_commits_the_choice_is_gits_own(root, line):
    """The commit that ``git bisect skip`` goes on with, from the same state."""
    git(root, "checkout", "-q", "line")
    git(root, "bisect", "start", line[-1], line[0])
    suspects = Suspects(root, line[-1], (line[0],))
    for _ in range(4):
        head = git(root, "rev-parse", "HEAD")
        if not suspects.skipped:
            suspects = suspects.after(head, "skipped")
        else:
            assert choose(suspects, 1) == [head]
            suspects = suspects.after(head, "skipped")
        git(root, "bisect", "skip")
    git(root, "bisect", "reset")


def test_a_stage_that_raises_is_skipped_unless_it_raises_at_the_bad_end(root, line):
    raises = ScenarioJudged("rod", raised={"fit": "ValueError: no"}, count=1)
    judge = broken_from(root, line[20])
    (found,), looking = search(
        root, line, lambda name: CommitJudged(name, scenarios=(raises,)) if name in line[31:34] else judge(name)
    )
    assert found == line[20]
    assert any(f.verdict == "skipped" and "fit has no result: ValueError" in f.why for f in looking.findings.values())
    (found,), looking = search(
        root, line, lambda name: CommitJudged(name, scenarios=(raises if name in line[20:] else SOUND,))
    )
    assert found == line[20]
    assert "skipped" not in {f.verdict for f in looking.findings.values()}


# Ends that are not what they are said to be


def test_ends_are_held_to_what_is_said_of_them(root, line):
    with pytest.raises(ProjectError, match=f"{line[-1][:12]}, which is said to be bad, is not"):
        search(root, line, lambda name: CommitJudged(name, scenarios=(SOUND,)))
    with pytest.raises(ProjectError, match=f"{line[0][:12]}, which is said to be good, is bad already: rod: it is"):
        search(root, line, lambda name: CommitJudged(name, scenarios=(WRONG,)))
    with pytest.raises(ProjectError, match="said to be bad, cannot be judged: it cannot be imported"):
        search(root, line, lambda name: CommitJudged(name, refused="it cannot be imported"))
    with pytest.raises(ProjectError, match="said to be good, cannot be judged: it cannot be imported"):
        search(root, line, broken_from(root, line[1], line[:1]))
    with pytest.raises(ProjectError, match="said to be bad, cannot be judged: nothing is compared"):
        search(root, line, lambda name: CommitJudged(name, scenarios=(ScenarioJudged("rod"),)))


def test_a_history_that_goes_back_and_forth_is_said_to(root, line):
    bad = {*line[31:40], *line[50:]}
    (found,), looking = search(
        root, line, lambda name: CommitJudged(name, scenarios=(WRONG if name in bad else SOUND,)), 3
    )
    assert found in (line[31], line[50])
    assert any("goes back and forth" in note for note in looking.notes)


def test_a_scenario_without_what_it_needs_is_left_out_or_refused(root, line):
    idle = ScenarioJudged("lab", missing="no data")
    judge = broken_from(root, line[20])
    with_idle = {name: CommitJudged(name, scenarios=(idle, *judge(name).scenarios)) for name in line}
    (found,), looking = search(root, line, lambda name: with_idle[name] if name == line[-1] else judge(name))
    assert found == line[20]
    assert looking.question.names == ("rod",)
    assert looking.notes == [f"lab: with goldens, but not run at {line[-1][:12]}, so not judged"]
    with pytest.raises(ProjectError, match=r"lab cannot run in a worktree .* only what git tracks is: no data"):
        search(root, line, lambda name: CommitJudged(name, scenarios=(idle,)))
