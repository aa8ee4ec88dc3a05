"""The command ``soart taste distil``."""

import json

import numpy as np
import pytest
from PIL import Image

from soart.pipelines.distilling import card, distil
from soart.plugin.cli import distil as command


@pytest.fixture
def folders(tmp_path):
    """Bright and dark pictures."""
    rng = np.random.default_rng(0)
    for name, level in (("bright", 190), ("dark", 60)):
        (tmp_path / name).mkdir()
        for k in range(6):
            noise = rng.normal(level, 30, (64, 64, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{k}.png")
    return tmp_path


def learnt(soart, folders):
    options = (
        "--good",
        folders / "bright",
        "--bad",
        folders / "dark",
        "--network",
        "none",
        "--set",
        f"tastes={folders / 'tastes'}",
    )
    code, _, err = soart("taste", "learn", "mine", *options)
    assert code == 0, err


@pytest.mark.slow
def test_a_lora_is_distilled_and_draws(soart, folders, monkeypatch):
    monkeypatch.setattr(distil, "OTHERS", 0)
    for module in (distil, card):
        monkeypatch.setattr(module, "STRENGTHS", (1.0,))
    monkeypatch.setattr(command, "PAIRS", 2)
    learnt(soart, folders)
    lora, pictures = folders / "mine.safetensors", folders / "pictures"
    size = ("--pictures", 4, "--training-steps", 2, "--rank", 2, "--steps", 2)
    places = ("--collection", pictures, "--set", f"tastes={folders / 'tastes'}")
    code, out, err = soart(
        "taste", "distil", "mine", "--lora", lora, "--prompt", "a {boat|fox}", "--anyway", *size, *places, "--json"
    )
    assert code == 0, err
    facts = json.loads(out)
    assert facts["path"] == str(lora)
    assert facts["card"]["pictures"] == 2
    assert "GB beside the model" in err
    for prompt in ("a fox, <lora:mine:1>", "a fox"):
        draw = ("generate", prompt, "-n", 1, "--steps", 2, "--lora", lora, "--collection", pictures)
        code, out, err = soart(*draw)
        assert code == 0, err
        assert ("No prompt names the LoRA" in err) == (prompt == "a fox")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["overall", "--lora", "mine.safetensors", "--prompt", "a boat"], 1, "is not a taste"),
        (["overall", "--lora", "mine.pt"], 1, "is not a taste"),
        (["nobody", "--lora", "mine.safetensors"], 1, "nobody"),
        (["overall"], 2, "--lora"),
        (["overall", "--lora", "mine.safetensors", "--rate", "nan"], 2, ""),
    ],
)
def test_mistakes_are_one_sentence(soart, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    got, _, err = soart("taste", "distil", *arguments, "--collection", tmp_path / "none")
    assert got == code
    assert message in err
    assert "Traceback" not in err
    assert not [*tmp_path.iterdir()]
