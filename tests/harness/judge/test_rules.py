"""Rules: which one speaks of an address, what a file may say, and what each mistake is called."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import globs
from harness.core.errors import RuleError
from harness.judge.tolerances import load_rules, read_rule

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHARED = "goldens/tolerances.toml"
OWN = "goldens/one/tolerances.toml"


@pytest.fixture
def written(tmp_path):
    """Write the shared rules and those of a scenario that extends them; load the scenario's."""

    def write(shared: str, own: str = "", top: str = 'version = 1\nextends = "../tolerances.toml"'):
        root = tmp_path / "goldens"
        (root / "one").mkdir(parents=True, exist_ok=True)
        (tmp_path / SHARED).write_text(f"version = 1\n[rules]\n{shared}", encoding="utf-8")
        (tmp_path / OWN).write_text(f"{top}\n[rules]\n{own}", encoding="utf-8")
        return load_rules(tmp_path / OWN, root)

    return write


def rule(pattern="a", **terms):
    return read_rule(pattern, terms, Path("t.toml"), "t.toml")


# Patterns


@pytest.mark.parametrize(
    ("pattern", "address", "matched"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b", "a", False),
        ("a/*", "a/b", True),
        ("a/*", "a", False),
        ("a/*", "a/b/c", False),
        ("a/**", "a", True),
        ("a/**", "a/b/c", True),
        ("a/**", "ab", False),
        ("a/**", "b/a", False),
        ("**", "anything/at/all", True),
        ("**/z", "z", True),
        ("**/z", "x/y/z", True),
        ("**/z", "x/yz", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**/z", "az", False),
        ("a/*_r", "a/pearson_r", True),
        ("a/*_r", "a/x/pearson_r", False),
        ("a/loss*", "a/loss", True),
        ("a/?", "a/7", True),
        ("a/?", "a/77", False),
        ("a/x?", "a/x", False),
        ("a/x?z", "a/x/z", False),
        ("a.b", "a.b", True),
        ("a.b", "axb", False),
        ("a+(b)|c", "a+(b)|c", True),
    ],
)
def test_a_pattern_matches_parts(pattern, address, matched):
    assert rule(pattern, exact=True).matches(address) is matched
    beginnings = [address.split("/", n)[:n] for n in (1, 2)]
    assert all(globs.may_begin(pattern, parts) for parts in beginnings) or not matched


@pytest.mark.parametrize("pattern", ["a", "a/b", "a/*", "*/b/c", "a/x?/**"])
def test_a_pattern_that_begins_otherwise_is_not_tried(pattern):
    assert not globs.may_begin(pattern, ("z", "z"))


def test_specificity_is_a_ladder():
    ladder = ["**", "*/**", "*", "*/*", "a*", "a?*", "ab*", "a*/*", "a/**", "a/*/**", "a/*", "a/b*", "a/b/**", "a/b"]
    ranks = [globs.specificity(pattern) for pattern in ladder]
    assert [pattern for _, pattern in sorted(zip(ranks, ladder, strict=True))] == ladder
    assert len(set(ranks)) == len(ranks)


def widened(pattern, draw):
    """``pattern`` with one part made to match more."""
    parts = pattern.split("/")
    i = draw(st.integers(0, len(parts) - 1))
    part = parts[i]
    if part == "**":
        return pattern
    wider = ["*", "**"]
    if part != "*":
        j = draw(st.integers(0, len(part) - 1))
        wider += [part[:j] + wild + part[j + 1 :] for wild in ("*" if part[j] == "*" else "?*")]
        wider += [part[:j] + "*" + part[j:]]
    parts[i] = draw(st.sampled_from(wider))
    return "/".join(parts)


@given(st.data())
@pytest.mark.slow
def test_a_pattern_that_matches_less_never_ranks_below(data):
    part = st.text("ab*?", min_size=1, max_size=3).filter(lambda t: "**" not in t) | st.just("**")
    narrow = data.draw(
        st.lists(part, min_size=1, max_size=3).map("/".join).filter(lambda p: not globs.pattern_problem(p))
    )
    wide = narrow
    for _ in range(data.draw(st.integers(1, 3))):
        wide = widened(wide, data.draw)
    if globs.pattern_problem(wide):
        return
    words = ["a", "b", "ab", "aab", "xyxy"]
    addresses = ["/".join(a) for n in (1, 2, 3) for a in itertools.product(words, repeat=n)]
    less, more = ({a for a in addresses if rule(p, exact=True).matches(a)} for p in (narrow, wide))
    assert less <= more
    assert globs.specificity(narrow) >= globs.specificity(wide)


# Which rule


def test_the_most_specific_rule_wins_wherever_it_stands(written):
    rules = written(
        '"a/b/c" = { rtol = 1.0 }\n"**" = { exact = true }', '"a/**" = { rtol = 2.0 }\n"a/*/c" = { rtol = 3.0 }'
    )
    assert rules.find("a/b/c").terms["rtol"] == 1
    assert rules.find("a/x/c").terms["rtol"] == 3
    assert rules.find("a/x").terms["rtol"] == 2
    assert rules.find("z").terms == {"exact": True}


def test_a_value_without_a_rule_has_none(written):
    rules = written('"a/*" = { exact = true }')
    assert rules.find("b/c") is None
    assert rules.find("b/c") is None  # from the cache


def test_two_rules_of_one_rank_are_an_error_that_names_both(written):
    rules = written('"**/amplitude" = { rtol = 1.0 }', '"result/**" = { atol = 2.0 }')
    assert rules.find("result/phase").terms["atol"] == 2
    for _ in range(2):  # an error is not cached as an answer
        with pytest.raises(RuleError) as error:
            rules.find("result/amplitude")
    text = str(error.value)
    assert "'result/amplitude' matches two rules equally well" in text
    assert f'"**/amplitude" = {{ rtol = 1.0 }} in {SHARED}' in text
    assert f'"result/**" = {{ atol = 2.0 }} in {OWN}' in text
    assert "names more of it" in text


def test_a_tie_below_the_best_rule_does_not_matter(written):
    rules = written(
        '"**/amplitude" = { rtol = 1.0 }\n"result/**" = { atol = 2.0 }\n"result/amplitude" = { exact = true }'
    )
    assert rules.find("result/amplitude").terms == {"exact": True}


def test_a_scenario_replaces_a_shared_rule_of_the_same_pattern(written):
    rules = written('"a" = { rtol = 1.0 }\n"b" = { rtol = 1.0 }', '"a" = { exact = true }')
    assert rules.find("a").terms == {"exact": True}
    assert rules.place(rules.find("a").source) == OWN
    assert rules.place(rules.find("b").source) == SHARED
    assert len(rules.rules) == 2
    assert [rules.place(s) for s in rules.sources] == [OWN, SHARED]
    assert rules.place() == OWN


def test_rules_that_match_nothing_are_named_with_their_files(written):
    rules = written('"a/*" = { rtol = 1.0 }\n"gone/**" = { exact = true }', '"tpyo" = { exact = true }')
    idle = rules.unmatched(iter(["a/b", "a/c"]))
    assert {(r.pattern, rules.place(r.source)) for r in idle} == {("gone/**", SHARED), ("tpyo", OWN)}


@pytest.mark.parametrize(
    ("terms", "tier"),
    [
        ({"exact": True}, "exact"),
        ({"rtol": 1e-6}, "pinned"),
        ({"atol": 1.0}, "pinned"),
        ({"ulp": 4}, "pinned"),
        ({"interval": True}, "statistical"),
        ({"min": 0}, "statistical"),
        ({"max": 0, "rtol": 0.1}, "statistical"),
        ({"rtol": 1e-6, "tier": "statistical"}, "statistical"),
        ({"exact": True, "tier": "invariant"}, "invariant"),
    ],
)
def test_the_tier_follows_from_the_policy(terms, tier):
    assert rule(**terms).tier_or("pinned") == tier


@pytest.mark.parametrize(
    "terms",
    [
        {"exact": True},
        {"rtol": 1e-6, "atol": 0.0, "nan": "match"},
        {"ulp": 4, "tier": "deterministic"},
        {"interval": True, "better": "higher"},
        {"min": -0.02, "max": 0.02},
        {"max": 3.0, "rtol": 0.1},
        {"atol": 0.1, "ssim": 0.95},
        {"rtol": 0.1, "l2": 1e-6},
    ],
)
def test_the_text_of_a_rule_is_the_rule(terms):
    built = rule("a/b*", **terms)
    assert tomllib.loads(built.text) == {"a/b*": terms}
    assert read_rule("a/b*", tomllib.loads(built.text)["a/b*"], built.source, "t") == built


# Digest


def test_the_digest_is_of_what_is_said_and_not_how(written):
    one = written('# why\n"a" = { rtol = 1e-6 }\n"b" = { atol = 1, nan = "forbid" }')
    two = written('"b" = { atol = 1.0 }', '"a" = { rtol = 0.000001 } # moved')
    assert one.digest == two.digest


@pytest.mark.parametrize(
    "other",
    [
        '"a" = { rtol = 2e-6 }',
        '"a" = { atol = 1e-6 }',
        '"b" = { rtol = 1e-6 }',
        '"a" = { rtol = 1e-6, nan = "match" }',
        '"a" = { rtol = 1e-6, tier = "pinned" }',
        '"a" = { rtol = 1e-6, ssim = 0.5 }',
        '"a" = { rtol = 1e-6 }\n"b" = { exact = true }',
        "",
    ],
)
def test_the_digest_changes_with_what_is_said(written, other):
    assert written('"a" = { rtol = 1e-6 }').digest != written(other).digest


# Mistakes


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("{ rtoll = 1e-6 }", "unknown key 'rtoll'; did you mean 'rtol'?"),
        ("{ zzz = 1e-6 }", "unknown key 'zzz'; it may hold: atol, better"),
        ("1e-6", "is not a rule: write one like"),
        ("{ }", "it has no policy; a rule has exactly one of: min and/or max, rtol and/or atol, exact, "),
        ('{ nan = "match" }', "it has no policy"),
        ("{ exact = true, rtol = 1e-6 }", "it has rtol/atol and exact"),
        ("{ exact = true, ulp = 1 }", "it has exact and ulp"),
        ("{ ulp = 1, atol = 1 }", "it has rtol/atol and ulp"),
        ("{ interval = true, min = 0 }", "it has min/max and interval"),
        ("{ exact = true, min = 0, rtol = 1 }", "it has min/max and exact"),
        ("{ exact = false }", "exact = false has no meaning but true"),
        ("{ exact = 1 }", "exact = 1 has no meaning but true"),
        ("{ interval = false }", "interval = false has no meaning but true"),
        ("{ rtol = -1e-6 }", "rtol = -1e-06 is negative"),
        ("{ atol = -1 }", "atol = -1 is negative"),
        ("{ rtol = inf }", "rtol = inf is not a finite number"),
        ("{ atol = nan }", "atol = nan is not a finite number"),
        ("{ min = -inf }", "min = -inf is not a finite number"),
        ('{ rtol = "1e-6" }', 'rtol = "1e-6" is not a finite number'),
        ("{ rtol = true }", "rtol = true is not a finite number"),
        ("{ ulp = 1.5 }", "ulp = 1.5 is not a whole number above zero"),
        ("{ ulp = 0 }", "ulp = 0 is not a whole number above zero"),
        ("{ ulp = true }", "ulp = true is not a whole number above zero"),
        ('{ exact = true, nan = "ignore" }', 'nan = "ignore" is none of forbid, match'),
        ('{ exact = true, tier = "loose" }', 'tier = "loose" is none of exact, deterministic'),
        ('{ interval = true, better = "more" }', 'better = "more" is none of higher, lower'),
        ('{ rtol = 1, better = "higher" }', "better belongs to a rule with interval"),
        ('{ min = 1, better = "higher" }', "better belongs to a rule with interval"),
        ("{ min = 1, max = 0 }", "min is above max"),
        ("{ min = 0, max = 1, rtol = 1 }", "rtol/atol beside both min and max has no meaning"),
        ("{ atol = 1, ssim = 0 }", "ssim = 0 is not above 0 and at most 1"),
        ("{ atol = 1, ssim = 1.1 }", "ssim = 1.1 is not above 0 and at most 1"),
        ("{ exact = true, ssim = 0.9 }", "ssim beside exact has no meaning"),
        ("{ atol = 1, l2 = 0 }", "l2 = 0 is not above 0"),
        ("{ exact = true, l2 = 0.9 }", "l2 beside exact has no meaning"),
        ("{ interval = true, l2 = 0.9 }", "l2 beside an interval has no meaning"),
    ],
)
def test_a_mistaken_rule_is_named(written, terms, message):
    with pytest.raises(RuleError) as error:
        written(f'"a/*" = {terms}')
    text = str(error.value)
    assert text.startswith(f'{SHARED}: "a/*"')
    assert message in text


def test_a_mistaken_rule_is_named_even_where_a_scenario_replaces_it(written):
    with pytest.raises(RuleError, match="rtoll"):
        written('"a" = { rtoll = 1 }', '"a" = { rtol = 1 }')


def test_an_unquoted_pattern_with_dots_is_told_to_be_quoted(written):
    with pytest.raises(RuleError, match=r"\"a\" has an unknown key 'b'.*quote a pattern that has dots"):
        written("a.b = { rtol = 1 }")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "it has an empty part"),
        ("/a", "it has an empty part"),
        ("a//b", "it has an empty part"),
        ("a/", "it has an empty part"),
        ("a/[bc]", "'[' has no meaning"),
        ("a/b**", "** is a part of its own"),
        ("a/***", "** is a part of its own"),
        ("a/**/**", "one ** is enough"),
    ],
)
def test_a_mistaken_pattern_is_named(written, pattern, message):
    with pytest.raises(RuleError) as error:
        written(f'"{pattern}" = {{ exact = true }}')
    assert f'{SHARED}: "{pattern}" is not a pattern: {message}' in str(error.value)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ("", "has version None; this harness reads version = 1"),
        ("version = 2", "has version 2"),
        ("version = true", "has version True"),
        ("version = 1.0", "has version 1.0"),
        ("version = 1\nextend = '..'", "unknown key 'extend'; did you mean 'extends'?"),
        ("version = 1\nextends = ''", "extends = '' is not a relative path"),
        ("version = 1\nextends = 3", "extends = 3 is not a relative path"),
        ("version = 1\nextends = ['../tolerances.toml']", "is not a relative path"),
        ('version = 1\nextends = "a\\u0000b"', "is not a relative path"),
        ("version = 1\nextends = '/etc/tolerances.toml'", "extends = '/etc/tolerances.toml' is not a relative path"),
        ("version = 1\nextends = '../../tolerances.toml'", "is outside goldens/: tolerances stay within"),
        ("version = 1\nextends = '../../goldens_two/tolerances.toml'", "is outside goldens/"),
        ("version = 1\nextends = 'gone.toml'", "cannot read the tolerances goldens/one/gone.toml: No such file"),
        ("version = 1\nextends = '.'", "cannot read the tolerances goldens/one: Is a directory"),
        ("version = ", f"{OWN} is not valid TOML"),
        ("version = 1\nversion = 1", f"{OWN} is not valid TOML"),
        ("version = 1\nextends = 'tolerances.toml'", f"extends goes in a circle ({OWN} -> {OWN})"),
    ],
)
def test_a_mistaken_file_is_named(written, top, message):
    with pytest.raises(RuleError) as error:
        written("", top=top)
    assert message in str(error.value)


def test_a_longer_circle_is_named(written, tmp_path):
    written("")
    (tmp_path / SHARED).write_text('version = 1\nextends = "one/tolerances.toml"')
    with pytest.raises(RuleError) as error:
        load_rules(tmp_path / OWN, tmp_path / "goldens")
    assert f"({OWN} -> {SHARED} -> {OWN})" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"a = " + b"[" * 100_000,
        b"version = 1\nrules = 3",
        b"version = 1\nrules = [1]",
        b"#" * (2**20 + 1),
    ],
    ids=["not UTF-8", "deep", "rules a number", "rules a list", "large"],
)
def test_a_damaged_file_is_a_named_error(tmp_path, content):
    (tmp_path / "tolerances.toml").write_bytes(content)
    with pytest.raises(RuleError, match=r"tolerances\.toml"):
        load_rules(tmp_path / "tolerances.toml", tmp_path)


def test_a_link_out_of_the_goldens_is_not_followed(written, tmp_path):
    written("")
    (tmp_path / "other.toml").write_text("version = 1\n")
    (tmp_path / SHARED).unlink()
    (tmp_path / SHARED).symlink_to(tmp_path / "other.toml")
    with pytest.raises(RuleError, match="is outside goldens/"):
        load_rules(tmp_path / OWN, tmp_path / "goldens")


def test_a_file_may_extend_and_say_nothing_of_its_own(tmp_path):
    (tmp_path / "a.toml").write_text('version = 1\n[rules]\n"x" = { exact = true }')
    (tmp_path / "b.toml").write_text('version = 1\nextends = "a.toml"')
    (tmp_path / "c.toml").write_text('version = 1\nextends = "b.toml"')
    rules = load_rules(tmp_path / "c.toml", tmp_path)
    assert rules.find("x").terms == {"exact": True}
    assert [s.name for s in rules.sources] == ["c.toml", "b.toml", "a.toml"]


def test_a_rule_is_found_for_every_address_that_has_one(written):
    lines = [f'"stage{i}/**" = {{ rtol = 1e-6 }}\n"stage{i}/*/x" = {{ exact = true }}' for i in range(15)]
    lines += [f'"replay/stage{i}/**" = {{ rtol = 1e-6 }}\n"stage{i}/y*/z" = {{ ulp = 3 }}' for i in range(15)]
    rules = written("\n".join(lines))
    addresses = [f"{track}stage{i}/part{j}/x{j}" for track in ("", "replay/") for i in range(20) for j in range(50)]
    assert sum(rules.find(address) is None for address in addresses) == 500
