import pytest
from hypothesis import given
from hypothesis import strategies as st

from soart.errors import LoraError, ModelError
from soart.pipelines.models.prompt_syntax import parse_prompt


@pytest.mark.parametrize(
    ("prompt", "text", "loras"),
    [
        ("a fox, ", "a fox, ", {}),
        ("a fox, <lora:ink:0.8>, in snow", "a fox, in snow", {"ink": 0.8}),
        ("<LoRA: my ink :-.5>a fox", "a fox", {"my ink": -0.5}),
        ("<lora:ink><lora:v1.5 x:0>", "", {"ink": 1.0, "v1.5 x": 0.0}),
        ("a <lora:ink:0.5> fox <lora:ink:0.25>", "a fox", {"ink": 0.75}),
        ("a <b> fox <loras:x:1>", "a <b> fox <loras:x:1>", {}),
    ],
)
def test_loras_leave_the_text(prompt, text, loras):
    read = parse_prompt(prompt)
    assert (read.text, read.loras, read.pieces) == (text, loras, ())


@pytest.mark.parametrize("tag", ["<lora:>", "<lora::0.8>", "<lora:ink:>", "<lora:ink:strong>", "<lora:a:0.5:0.6>"])
def test_a_malformed_lora_is_one_sentence(tag):
    with pytest.raises(LoraError, match="Expected a LoRA as <lora:NAME:WEIGHT>"):
        parse_prompt(f"a fox {tag}")


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("a (red:1.2) fox", [("a ", 1), ("red", 1.2), (" fox", 1)]),
        ("(a (red:2) fox: 0.5 )", [("a ", 0.5), ("red", 1), (" fox", 0.5)]),
        ("(fox) (owl:.5)", [("(fox) ", 1), ("owl", 0.5)]),
        (r"\(a:1.2\) (b \(c\):1.5)", [("(a:1.2) ", 1), ("b (c)", 1.5)]),
        ("(((a:1.5) b", [("((", 1), ("a", 1.5), (" b", 1)]),
        ("(a:1)", [("a", 1)]),
        ("b: 2) (a:1.5)", [("b: 2) ", 1), ("a", 1.5)]),
    ],
)
def test_weights_of_words(prompt, pieces):
    assert [tuple(piece) for piece in parse_prompt(prompt).pieces] == pieces


@pytest.mark.parametrize("plain", ["(fox)", "a: 1.2", "(16:9 picture)", "((a fox))", "a fox :)", r"\(a:1.2\)"])
def test_a_prompt_without_weights_stays_as_it_is(plain):
    assert parse_prompt(plain) == (plain, {}, ())


def test_a_weight_below_zero_is_one_sentence():
    with pytest.raises(ModelError, match=r"at least 0 for words of the prompt, got -1\.5"):
        parse_prompt("(fox:-1.5)")


@given(st.text("ab ():\\1.2<>", max_size=30))
def test_pieces_hold_the_whole_text(text):
    read = parse_prompt(text)
    if read.pieces:
        assert "".join(piece.text for piece in read.pieces) == read.text
        assert all(a.weight != b.weight for a, b in zip(read.pieces, read.pieces[1:], strict=False))
    else:
        assert read.text == text
