"""Prompts cut into phrases."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.pipelines.ingest.metadata import plain_prompt
from soart.prompts.phrases.cutting import cut_prompt, mark_differences, singular, vocabulary_lexicon


def cut(prompt, lexicon=None):
    return [(p.kind, p.text, p.negated) for p in cut_prompt(plain_prompt(prompt), lexicon or {})]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", []),
        (" , ,, ", []),
        ("a picture of a thing", []),
        ("a boat", [("subject", "boat", False)]),
        ("boats", [("subject", "boat", False)]),
        ("a lighthouse by the sea", [("subject", "lighthouse", False), ("detail", "sea", False)]),
        ("a red boat", [("subject", "boat", False), ("attribute", "red boat", False)]),
        ("two foxes", [("count", "two foxes", False), ("subject", "fox", False)]),
        ("3 cats", [("count", "3 cats", False), ("subject", "cats", False)]),
        ("owl without a hat, woodcut", [("subject", "owl", False), ("detail", "hat", True), ("style", "woodcut", False)]),
        ("a boat, no people", [("subject", "boat", False), ("detail", "people", True)]),
        ("black and white owl", [("palette", "black and white", False), ("subject", "owl", False)]),
        ('a sign that says "OPEN now"', [("subject", "sign", False), ("detail", "says", False), ("text", "OPEN now", False)]),
        ("(a (boat:1.4)), [watercolor] <lora:x:0.8>", [("subject", "boat", False), ("style", "watercolor", False)]),
        ("boat BREAK woodcut, boat", [("subject", "boat", False), ("style", "woodcut", False)]),
        ("ein Boot im Schnee", [("subject", "ein boot im schnee", False)]),
        ("雪の中の狐、水彩", [("subject", "雪の中の狐", False), ("detail", "水彩", False)]),
        ("golden hour", [("light", "golden hour", False)]),
    ],
)  # fmt: skip
def test_phrases(prompt, expected):
    assert cut(prompt) == expected


def test_a_lexicon_goes_before_the_vocabularies():
    assert cut("a boat, frobnic lines", {"frobnic lines": "style", "boat": "palette"}) == [
        ("palette", "boat", False),
        ("style", "frobnic lines", False),
    ]


def test_the_vocabularies_keep_their_kinds():
    for phrase, kind in vocabulary_lexicon().items():
        if not set(phrase.split()) & {"without", "no"} and phrase.replace(" ", "").isalpha():
            assert (kind, phrase, False) in cut(phrase), phrase


def test_three_hundred_phrases_take_no_time():
    started = time.process_time()
    phrases = cut(", ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)))
    assert len(phrases) == 300
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("word", "one"), [("foxes", "fox"), ("boats", "boat"), ("glass", "glass"), ("dishes", "dish"), ("as", "as")]
)
def test_singular(word, one):
    assert singular(word) == one


@settings(max_examples=40)
@given(st.text(max_size=200))
def test_any_text_is_cut(prompt):
    phrases = cut_prompt(plain_prompt(prompt))
    assert len(set(phrases)) == len(phrases)
    assert all(phrase.text.strip() for phrase in phrases)


def test_words_that_another_prompt_lacks_are_marked():
    first, second, third = mark_differences(["A boat, red", "a boat, blue", "Boat, a"])
    assert first == [("A boat, ", False), ("red", True)]
    assert second == [("a boat, ", False), ("blue", True)]
    assert third == [("Boat, a", False)]


def test_one_prompt_has_no_difference_and_an_empty_one_lacks_all():
    assert mark_differences(["a boat"]) == [[("a boat", False)]]
    assert mark_differences(["a boat", ""]) == [[("a boat", True)], []]
    assert mark_differences([]) == []


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_the_parts_are_the_prompts_and_equal_prompts_have_no_mark(prompts):
    marked = mark_differences(prompts)
    assert ["".join(text for text, _ in parts) for parts in marked] == prompts
    same = mark_differences([prompts[0]] * 3)
    assert not any(mark for parts in same for _, mark in parts)
