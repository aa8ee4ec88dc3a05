import time

import pytest

from soart.pipelines.ingest.metadata import prompt_words


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", []),
        ("fox", ["fox"]),
        ("A red fox, snow", ["a red fox", "red", "fox", "snow"]),
        ("(snow:1.2), ((fog)), [mist], {rain}", ["snow", "fog", "mist", "rain"]),
        ("(red fox:1.25)", ["red fox", "red", "fox"]),
        ("fox <lora:ink_v2:0.8> <hypernet:x:1>, snow", ["fox", "snow"]),
        ("fox BREAK owl AND hare", ["fox", "owl", "hare"]),
        ("embedding:easynegative, fox, (embedding:bad_hands:1.2)", ["fox"]),
        ("[fox:owl:0.5]", ["fox", "owl"]),
        ("[fox|owl]", ["fox", "owl"]),
        ("1.2::snow::, fox::2, -1.5::fog::", ["snow", "fox", "fog"]),
        ("snow+++, (fog)1.3, rain--", ["snow", "fog", "rain"]),
        ("long_hair, 1girl, score_9", ["long hair", "long", "hair", "1girl", "score 9", "score"]),
        (r"hatsune miku \(vocaloid\)", ["hatsune miku (vocaloid)", "hatsune", "miku", "vocaloid"]),
        ("__animal__, fox", ["fox"]),
        ("a fox --ar 3:2 --v 6 --stylize 250", ["a fox", "fox"]),
        ("https://x.y/a.png fox", ["fox"]),
        ("fox, Fox, FOX", ["fox"]),
        ("fox\nowl;hare, 白い狐、雪", ["fox", "owl", "hare", "白い狐", "雪"]),
        (
            "A fox walks slowly over the wide field of snow. It looks back.",
            ["fox", "walks", "slowly", "wide", "field", "snow", "it looks back", "looks", "back"],
        ),
        ("8k, 4:3, 100", ["8k"]),
        ("it's a dog's life", ["it's a dog's life", "it's", "dog's", "life"]),
        ("high-quality, f/1.8", ["high-quality", "f/1.8"]),
    ],
)
def test_words(prompt, words):
    assert prompt_words(prompt) == words


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "<" * 100_000,
        "__a" * 40_000,
        "1.2::" * 20_000,
        "--a " * 30_000,
        ":" * 100_000,
        "\\(" * 50_000,
        "http://" * 15_000,
        "embedding:" * 10_000,
        " " * 100_000 + "x",
    ],
)
def test_hostile_prompts_are_quick(text):
    start = time.process_time()
    prompt_words(text)
    assert time.process_time() - start < 10
