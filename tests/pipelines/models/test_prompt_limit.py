"""Warnings of words that a text encoder has no room for."""

import logging
from types import SimpleNamespace

import pytest

import soart
from soart.pipelines.models.prompt_limit import PromptLimit, UnknownSubjects, lost_words


class Letters:
    """A tokenizer with a token for each letter and two around the text."""

    def __init__(self, limit):
        self.model_max_length = limit

    def __call__(self, text, **_):
        return {"input_ids": [0, *(ord(letter) for letter in text if letter != " "), 0]}


@pytest.mark.parametrize(
    ("limits", "lost"),
    [
        ([14], ""),
        ([10**30], ""),
        ([13], "ijkl"),
        ([9], "gh ijkl"),
        ([3], "abcd ef gh ijkl"),
        ([9, 13], "ijkl"),
        ([3, 14], ""),
        ([], ""),
    ],
)
def test_lost_words_are_those_that_no_encoder_reads(limits, lost):
    assert lost_words([Letters(limit) for limit in limits], "abcd ef  gh ijkl") == lost


def test_a_long_prompt_is_drawn_and_its_lost_words_are_named_once(caplog):
    generator = soart.ImageGenerator(soart.load_model(device="cpu"), steps=1)
    words = " ".join(["watercolor"] * 40)
    requests = [generator.request(f"a (fox:1.2), {words} zebra", seed) for seed in (0, 1)]
    with caplog.at_level(logging.WARNING):
        assert sum(len(batch) for batch in generator.draw(requests)) == 2
        list(generator.draw([generator.request("a fox", 0)]))
    (record,) = caplog.records
    assert "takes at most 32 tokens" in record.getMessage()
    assert "watercolor" in record.getMessage()
    assert "fox" not in record.getMessage()


def test_a_generator_says_which_words_it_does_not_read():
    generator = soart.ImageGenerator(soart.load_model(device="cpu"), steps=1)
    long = " ".join(["watercolor"] * 40)
    assert generator.ignored(["a fox"], [""]) == ""
    sentence = generator.ignored(["a fox", f"{long} zebra"], [f"{long} yak"])
    assert sentence.startswith(
        "The model does not read the end of a prompt, because its text encoder takes at most 32 tokens"
    )
    assert sentence.endswith("watercolor zebra.")


def test_the_last_of_many_lost_words_is_named_too(caplog):
    prompt = "a " + "very " * 200 + "{red|blue} fox"
    limit = PromptLimit(SimpleNamespace(tokenizer=Letters(6)))
    sentence = limit.unread([prompt.replace("{red|blue}", "blue")])
    assert " very … very" in sentence
    assert sentence.endswith("very blue fox.")
    assert len(sentence) < 420
    assert limit.read("a very long fox") == "a "
    assert limit.read("a  ox") == "a ox"


def test_a_flood_of_long_prompts_is_cut(caplog):
    limit = PromptLimit(SimpleNamespace(tokenizer=Letters(6), tokenizer_2=None))
    limit.check(f"abc word{number}" for number in range(50))
    assert [record.getMessage().rsplit(" ", 1)[-1] for record in caplog.records] == [
        "word0.",
        "word1.",
        "word2.",
        "them.",
    ]


def test_other_tokenizers_report_nothing(caplog):
    broken = SimpleNamespace(model_max_length=5)
    PromptLimit(SimpleNamespace(tokenizer=broken)).check(["a b c d e f"])
    PromptLimit(SimpleNamespace()).check(["a b c d e f"])
    assert not caplog.records


UNKNOWN = "The embedded model cannot draw what a prompt asks for, because it knows only boat, house, "


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("two Foxes in the snow", True),
        ("three owls", True),
        ("daisies", True),
        ("a (night owl:1.3) <lora:fox:1>", True),
        ("a steam train", False),
        ("a treehouse in blue", False),
        ("<lora:fox:1> a dog", False),
        ("", True),
        ("<lora:fox:1>", True),
    ],
)
def test_prompts_that_name_no_known_subject(prompt, known):
    sentence = UnknownSubjects(embedded=True).unknown([prompt])
    assert (sentence == "") == known
    assert known or sentence.startswith(UNKNOWN)
    assert UnknownSubjects(embedded=False).unknown([prompt]) == ""


def test_the_first_unknown_subject_is_named_once(caplog):
    generator = soart.ImageGenerator(soart.load_model(device="cpu"), steps=1)
    requests = [generator.request(prompt, 0) for prompt in ("a fox", "a steam train", "a dog")]
    with caplog.at_level(logging.WARNING):
        for request in requests:
            list(generator.draw([request]))
    (record,) = caplog.records
    assert record.getMessage().startswith(UNKNOWN)
    assert record.getMessage().endswith("for: a steam train.")
    assert generator.ignored(["a fox"], ["a dog"]) == ""
    assert generator.ignored(["a fox", "a dog"]).endswith("for: a dog.")
    known = "(Foxes:1.2) and a night owl in watercolor style, far away, washed out"
    dragon = "The embedded model does not know 'dragon', 'misty': it draws the rest."
    assert generator.ignored([known, "a dragon over misty mountains", "a fox in fog"]) == dragon
    assert generator.ignored(["<lora:snow:1> a fox in the snow"]) == ""
