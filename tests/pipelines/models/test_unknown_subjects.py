"""Warnings of subjects that the embedded model does not know."""

import logging

import pytest

import soart
from soart.pipelines.models.unknown_subjects import UnknownSubjects

UNKNOWN = "The embedded model cannot draw what a prompt asks for, because it knows only boat, house, "


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("two Foxes in the snow", True),
        ("three owls", True),
        ("daisies and two women", True),
        ("a (night owl:1.3) <lora:fox:1>", True),
        ("a submarine", False),
        ("a treehouse in blue", False),
        ("<lora:fox:1> a dragon", False),
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
    requests = [generator.request(prompt, 0) for prompt in ("a fox", "a submarine", "a dragon")]
    with caplog.at_level(logging.WARNING):
        for request in requests:
            list(generator.draw([request]))
    (record,) = caplog.records
    assert record.getMessage().startswith(UNKNOWN)
    assert record.getMessage().endswith("for: a submarine.")
    assert generator.ignored(["a fox"], ["a dragon"]) == ""
    assert generator.ignored(["a fox", "a dragon"]).endswith("for: a dragon.")
    known = "(Foxes:1.2) and a night owl in watercolor style, far away, washed out"
    dragon = "The embedded model does not know 'dragon', 'misty': it draws the rest."
    assert generator.ignored([known, "a dragon over misty mountains", "a fox in fog"]) == dragon
    assert generator.ignored(["<lora:snow:1> a fox in the snow"]) == ""
