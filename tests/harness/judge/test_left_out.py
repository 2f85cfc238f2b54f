"""The lists of what a verification leaves out, as ``tolerances.toml`` states them."""

from __future__ import annotations

import pytest

from harness.core.errors import RuleError
from harness.judge.tolerances import load_rules


def written(folder, text, name="tolerances.toml"):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"version = 1\n{text}\n")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uncompared = 3", "uncompared = 3 is not a list of texts"),
        ('uncompared = "replay/a"', "is not a list of texts"),
        ("uncompared = [1]", r'uncompared = \[1\] is not a list of texts, such as \["replay/my_artifact"\]'),
        ('uncompared = ["a/b[0]"]', r"is not a pattern: '\[' has no meaning"),
        ('uncompared = [""]', "is not a pattern: it has an empty part"),
        ('uncompared = ["a", "a"]', "stands there twice: once is enough"),
        ("profiles = {}", r'profiles = {} is not a list of texts, such as \["small"\]'),
        ('profiles = ["a", "a"]', "stands there twice"),
        ('uncompard = ["a"]', "unknown key 'uncompard'; did you mean 'uncompared'"),
        ('[rules]\nuncompared = ["a"]', "is not a rule"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(RuleError, match=message):
        load_rules(written(tmp_path, text), tmp_path)


def test_lists_of_a_file_and_of_what_it_extends_add_up(tmp_path):
    shared = written(tmp_path, 'uncompared = ["replay/a"]\nprofiles = ["small"]')
    own = written(tmp_path, 'extends = "../tolerances.toml"\nuncompared = ["b", "replay/a"]', "one/tolerances.toml")
    rules = load_rules(own, tmp_path)
    assert dict(rules.uncompared) == {"b": own, "replay/a": own}
    assert dict(rules.profiles) == {"small": shared}
    assert load_rules(shared, tmp_path).digest == rules.digest  # they change no rule
