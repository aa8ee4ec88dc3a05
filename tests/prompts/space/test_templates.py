import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space.templates import VOCABULARIES, expand, wildcard_values


def test_plain_prompt_repeats():
    assert expand("a fox", 3, 0) == ["a fox"] * 3


def test_variants_are_distinct_then_cycle():
    prompts = expand("a {fox|owl} in {red|blue}", 6, 1)
    assert len(set(prompts)) == 4
    assert prompts[4:] == prompts[:2]


def test_plain_percent_and_dollar_signs_are_text(tmp_path):
    (tmp_path / "grey.txt").write_text("50% grey\n")
    assert expand("a {red|red} $5 bill, 100% __grey__, ${c=sun}{1$$ and $$moon|moon}", 1, 0, tmp_path) == [
        "a red $5 bill, 100% 50% grey, moon"
    ]
    assert expand("a $5 bill, 100%", 1, 0) == ["a $5 bill, 100%"]
    with pytest.raises(PromptError, match=r"100%.*is not valid"):
        expand("100% {fox", 1, 0)


def test_wildcards_come_from_the_vocabulary():
    prompts = expand("__style__", 6, 0)
    assert sorted(prompts) == sorted(wildcard_values("style"))


def test_own_wildcards_win_and_nest(tmp_path):
    (tmp_path / "style.txt").write_text("# mine\n\nengraving of __animal__\n", encoding="utf-8")
    (tmp_path / "animal.txt").write_text("yak\n", encoding="utf-8-sig")
    assert expand("a __style__", 1, 0, tmp_path) == ["a engraving of yak"]


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_seed_decides(seed):
    template = "a {2$$, $$red|green|blue} {3::fox|owl}, __palette__"
    assert expand(template, 5, seed) == expand(template, 5, seed)


def test_different_seeds_differ():
    assert len({tuple(expand("__subject__ __medium__", 4, seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("a {fox|owl", "not valid"),
        ("__nobody__", "Unknown wildcard"),
        ("__../../etc/passwd__", "Unknown wildcard"),
    ],
)
def test_bad_templates(template, words):
    with pytest.raises(PromptError, match=words) as caught:
        expand(template, 2, 0)
    assert "\n" not in str(caught.value)


def test_bad_wildcard_files(tmp_path):
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "loop.txt").write_text("again __loop__\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    for name, words in (("empty", "has no options"), ("loop", "contains itself"), ("bytes", "cannot be read")):
        with pytest.raises(PromptError, match=words):
            expand(f"__{name}__", 1, 0, tmp_path)


def test_wrong_count():
    with pytest.raises(PromptError, match="at least one"):
        expand("a fox", 0, 0)


def test_vocabularies_are_clean():
    files = sorted(VOCABULARIES.glob("*.txt"))
    assert len(files) >= 7
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ")
        values = wildcard_values(file.stem)
        assert len(values) == len({v.casefold() for v in values}) >= 5


def test_deep_nesting_is_named_as_such():
    with pytest.raises(PromptError, match="is nested too deeply"):
        expand("{a|" * 500 + "b" + "}" * 500, 1, 0)
