import time
from itertools import pairwise

import pytest
from dynamicprompts.generators import RandomPromptGenerator
from dynamicprompts.wildcards import WildcardManager
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space import templates
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
        assert len(values) == len({v.casefold() for v in values}) >= (2 if file.stem == "embedded_quality" else 5)


def test_deep_nesting_is_named_as_such():
    with pytest.raises(PromptError, match="is nested too deeply"):
        expand("{a|" * 500 + "b" + "}" * 500, 1, 0)


def filled_in(levels, times, value="x" * 10):
    """A template whose variables use each other: its text is longer than ``times`` to the power of ``levels``."""
    names = "abcdefghijklmnop"[: levels + 1]
    uses = "".join(f"${{{name}={f'${{{inner}}}' * times}}}" for inner, name in pairwise(names))
    return f"${{a={value}}}{uses}${{{names[-1]}}}"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (filled_in(6, 10), "20,000 parts"),
        (filled_in(6, 10).replace("${b=", "${b={@1|2}"), "20,000 parts"),
        (filled_in(1, 100, "x" * 3000), "100,000 characters"),
        (filled_in(1, 1, "x") + "".join(f"${{v{k}=${{v{k + 1}}}}}" for k in range(100)) + "${v100=x}${v0}", "deeply"),
        ("{600$$" + "|".join(map(str, range(600))) + "}", "too many options of one variant"),
        # Options that are equal may not be taken together, and the library looks for others for ever.
        ("{@11$$" + "|".join("abcdefghij" * 10) + "}", "more options of one variant"),
        ("{" + "|".join(["a"] * 5001) + "}", "5,000 variants and options"),
    ],
    ids=["parts", "in turn", "length", "depth", "taken", "equal", "branches"],
)
def test_what_a_short_template_may_become_is_limited(template, words):
    before = time.process_time()
    with pytest.raises(PromptError, match=words) as caught:
        expand(template, 200, 0)
    assert len(str(caught.value)) < 400
    assert time.process_time() - before < 20


def test_the_text_of_all_prompts_together_is_limited(monkeypatch):
    monkeypatch.setattr(templates, "MOST_TEXT", 100)
    assert len(expand("a {red|blue} fox", 2, 0)) == 2
    with pytest.raises(PromptError, match="more than 100 characters in all"):
        expand("a {red|blue} fox", 50, 0)


def test_the_time_of_an_expansion_is_limited(monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", -1.0)
    with pytest.raises(PromptError, match="takes longer than"):
        expand("a {red|blue} fox", 2, 0)


def test_an_expansion_can_be_cancelled_inside_a_prompt():
    class CancelledError(Exception):
        pass

    calls = []

    def check():
        calls.append(1)
        if len(calls) > 500:
            raise CancelledError

    with pytest.raises(CancelledError):
        expand(filled_in(6, 10), 1, 0, check=check)
    assert len(calls) == 501


@pytest.mark.parametrize(
    "template",
    [
        "a {2$$, $$red|green|blue} {3::fox|owl}",
        "${c={red|blue}}${c} {@x|y|z} on {1-2$$ and $$a|b|c} __style__",
        "{__light__|{a|b}}",
    ],
)
def test_prompts_are_those_of_the_library(template):
    values = {name: wildcard_values(name) for name in ("style", "light")}
    library = RandomPromptGenerator(WildcardManager(root_map={"": [values]}), seed=7)
    for mine, text in zip(
        expand(template, 3, 7), dict.fromkeys(library.generate(template, num_images=50)), strict=False
    ):
        assert mine == " ".join(text.split())
