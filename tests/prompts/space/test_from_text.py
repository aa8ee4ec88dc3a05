import contextlib
import time

import pytest

from soart.errors import ModelError, PromptError
from soart.pipelines.models.request import Request
from soart.prompts.space.from_text import VOCABULARY_SLOTS, space_from_prompt, space_from_template
from soart.prompts.space.slots import Option
from soart.prompts.space.space import PromptSpace
from soart.prompts.space.templates import VOCABULARIES, expand, wildcard_values


def test_plain_percent_and_dollar_signs_are_text():
    space = space_from_template("100% {5%|$5 {a|b}$} x", "20% {noise|blur}")
    assert space.slots[0].texts == ("5%", "$5 a$", "$5 b$")
    assert (space.template, space.negative) == ("100% {choice1} x", "20% {negative1}")


def test_the_negative_prompt_of_a_plain_one_may_be_a_template():
    made = PromptSpace.from_text("a fox", "{ugly|dark}, __negative__, plain")
    assert [slot.name for slot in made.slots][-3:] == ["negative", "negative1", "negative2"]
    drawn = made.render(
        made.choice_of({"negative1": "dark", "negative2": "blurry", "negative": made.slots[-3].texts[1]})
    )
    assert drawn.negative == f"dark, blurry, plain, {made.slots[-3].texts[1]}"


def test_a_plain_prompt_gets_the_vocabularies_around_it():
    made = PromptSpace.from_text("a fox in the snow")
    assert made.contexts == ("a fox in the snow",)
    assert [slot.name for slot in made.slots] == [
        "medium", "style", "composition", "light", "palette", "camera", "quality", "negative",
    ]  # fmt: skip
    assert made.levels == (6,) * 8
    plain = made.choice_of({})
    assert made.render(plain).prompt == "a fox in the snow"
    assert made.render(plain).negative == ""
    chosen = made.choice_of({"light": "golden hour", "negative": "blurry"})
    assert (made.render(chosen).prompt, made.render(chosen).negative) == ("a fox in the snow, golden hour", "blurry")


def test_the_embedded_model_gets_its_own_words():
    from soart.training.captions import corpus

    made = PromptSpace.from_text("a fox", "ugly", vocabulary="embedded")
    known = set(corpus())
    for slot in made.slots:
        assert set(slot.texts[0].split()) == set()
        assert {word for text in slot.texts for word in text.replace(",", " ").split()} <= known
    assert made.render(made.choice_of({"style": "pixel art", "negative": "noisy"})).negative == "ugly, noisy"
    assert made.slots[1].texts[1:] == tuple(wildcard_values("style"))
    assert made.slots[2].texts == ("", "sharp", "vivid")


def test_more_options_and_own_words(tmp_path):
    (tmp_path / "light.txt").write_text("torchlight\n")
    made = space_from_prompt("a fox", words=12, wildcards=tmp_path)
    assert made.slots[0].texts == ("", *wildcard_values("medium")[:12])
    assert made.slots[3].texts == ("", "torchlight")


def test_braces_and_dollars_of_a_plain_prompt_stay():
    made = PromptSpace.from_text("a $100 note, (sharp:1.2)", "cheap")
    assert made.render(made.choice_of({})).prompt == "a $100 note, (sharp:1.2)"


@pytest.mark.parametrize("file", sorted({file for slots in VOCABULARY_SLOTS.values() for _, file, _ in slots}))
def test_vocabularies(file):
    values = wildcard_values(file)
    assert len(values) == len({" ".join(v.split()).casefold() for v in values})
    assert (VOCABULARIES / f"{file}.txt").read_text(encoding="utf-8").startswith("# ")
    if file in {slot[1] for slot in VOCABULARY_SLOTS["general"]}:
        assert 15 <= len(values) <= 40
        assert "for this project (Apache-2.0)" in (VOCABULARIES / f"{file}.txt").read_text(encoding="utf-8")


def test_variants_and_wildcards_become_slots():
    made = PromptSpace.from_text("a {fox|0.5::owl}, __style__ and __style__ {x|}", "ugly, {|blurry|noisy}")
    assert [slot.name for slot in made.slots] == ["choice1", "style", "style2", "choice2", "negative1"]
    assert made.slots[0].options == (Option("fox"), Option("owl", 0.5))
    assert made.slots[1].texts == tuple(wildcard_values("style"))
    assert made.slots[-1].kind == "negative"
    drawn = made.render((1, 0, 1, 1, 2))
    assert (drawn.prompt, drawn.negative) == ("a owl, flat design and watercolor", "ugly, noisy")


def test_every_prompt_of_the_library_is_in_the_space():
    from soart.prompts.space.templates import expand

    text = "a {fox|{red|blue} owl} in {{snow|0.25::rain}|__palette__}, {one}"
    made = PromptSpace.from_text(text)
    rendered = {made.render((i, k)).prompt for i in range(made.levels[0]) for k in range(made.levels[1])}
    assert len(rendered) == 3 * 8
    assert rendered >= set(expand(text, 24, 0))


def test_nested_variants_share_the_weight():
    made = space_from_template("{3::fox|{red|3::blue} owl|red owl|0::yak}")
    assert made.slots[0].options == (Option("fox", 3), Option("red owl", 1.25), Option("blue owl", 0.75))
    assert not made.contexts


def test_own_wildcards_nest(tmp_path):
    (tmp_path / "style.txt").write_text("engraving of a __animal__\nplain\n")
    (tmp_path / "animal.txt").write_text("yak\n{red|blue} fox\n")
    made = space_from_template("__style__", wildcards=tmp_path)
    assert made.slots[0].options == (
        Option("engraving of a yak", 0.5),
        Option("engraving of a red fox", 0.25),
        Option("engraving of a blue fox", 0.25),
        Option("plain"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  ", "empty"),
        (" , ", "empty"),
        ("a {fox|owl", "not valid dynamic-prompts syntax: a { has no }"),
        ("a fox}", "Nothing varies"),
        ("{2$$a|b|c}", "several options"),
        ("{0-1$$a|b}", "several options"),
        ("${x=a} {b|c}", "variables"),
        ("__style(x=1)__ {b|c}", "variables"),
        ("%{a$$b} {b|c}", "variables"),
        ("__nobody__", "Unknown wildcard"),
        ("a {fox}", "Nothing varies"),
        ("{0::a|0::b} {c|d}", "weight above 0"),
        ("{__style__|__style__} " + "{" + "__style__" * 5 + "|x}", "more than 500"),
    ],
)
def test_bad_templates(text, words):
    with pytest.raises(PromptError, match=words) as caught:
        PromptSpace.from_text(text)
    assert "\n" not in str(caught.value)


def test_bad_arguments(tmp_path):
    (tmp_path / "loop.txt").write_text("again __loop__\n")
    with pytest.raises(PromptError, match="contains itself"):
        space_from_template("__loop__", wildcards=tmp_path)
    with pytest.raises(PromptError, match="Unknown vocabulary"):
        space_from_prompt("a fox", vocabulary="flux")
    with pytest.raises(PromptError, match="at least one word"):
        space_from_prompt("a fox", words=0)
    with pytest.raises(PromptError, match="number of words as a whole number, got '3'"):
        PromptSpace.from_text("a fox", words="3")
    with pytest.raises(PromptError, match="folder of wildcards as a path, got 5"):
        PromptSpace.from_text("a __medium__", wildcards=5)


@pytest.mark.parametrize("text", ["space.yaml", " folder/Space.YML\n"])
def test_the_name_of_a_file_is_no_prompt(text):
    with pytest.raises(PromptError, match=r"got the file name .*: read it with PromptSpace.from_yaml"):
        PromptSpace.parse(text)
    assert PromptSpace.parse("a sign that says space.yaml").contexts == ("a sign that says space.yaml",)


@pytest.mark.parametrize(
    "text", ["(steps:{0.5..1.5}) fox", "<lora:size:{0..1.2}>", "(雪:{0.4..1.6})", "(Äpfel:{0.4..1.6})"]
)
def test_numbers_of_any_words_survive_yaml(text):
    made = PromptSpace.parse(text)
    again = PromptSpace.parse_yaml(made.to_yaml())
    assert (again.fingerprint, again.template) == (made.fingerprint, made.template)
    assert again.slots[0].kind == "text"


@pytest.mark.parametrize("text", ["a {%s1}", "a {1%s::x|y}", "<lora:%s{0..1}>", "(%s:{0..1})", "a {b|c}%s"])
def test_long_white_space_takes_no_time(text):
    begun = time.process_time()
    with contextlib.suppress(PromptError):
        PromptSpace.parse(text % (" " * 20_000))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("text", ["template: a boat\nslot:\n  x: [red, blue]", "contexts: [a]\nslotss: {}"])
def test_yaml_without_slots_is_no_prompt(text):
    with pytest.raises(PromptError, match="begins with 'slots:'"):
        PromptSpace.parse(text)


def test_bytes_that_are_no_text_are_refused():
    for refused in (lambda: expand("a caf\udce9", 1, 0), lambda: PromptSpace.from_text("a {b|c}", "caf\udce9")):
        with pytest.raises(PromptError, match="as text in UTF-8"):
            refused()
    with pytest.raises(ModelError, match="the negative prompt as text in UTF-8"):
        Request("a fox", 1, "caf\udce9").check()


def test_wildcards_may_be_named_by_text(tmp_path):
    (tmp_path / "style.txt").write_text("ink\nchalk\n")
    assert PromptSpace.from_text("a __style__", wildcards=str(tmp_path)).slots[0].texts == ("ink", "chalk")


def test_a_prompt_may_speak_of_slots():
    assert PromptSpace.parse("a casino,\nwith 3 fruit slots: cherries").contexts[0].startswith("a casino")
