"""The training of the towers: it is repeatable and read back whole, and every factor has words of its own."""

import numpy as np
import torch

from soart.pipelines.tiny import towers
from soart.pipelines.tiny.judge import JUDGED
from soart.pipelines.tiny.towers import build_processor, train_towers, words_of


def test_a_training_is_repeatable_and_read_back_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(towers, "BATCH", 8)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    whole, tokenizer = train_towers(tmp_path / "a", pictures, pictures[::2], 2)
    for folder in ("b", "a"):
        again, _ = train_towers(tmp_path / folder, pictures, pictures[::2], 2)
        states = whole.state_dict(), again.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    inputs = build_processor(tokenizer)(text=["a boat"], images=[pictures[0]], return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 64, 64)
    assert float(inputs["pixel_values"].abs().max()) <= 1


def test_no_word_means_two_options():
    for factor in JUDGED:
        words = [word for option in words_of(factor).values() for word in option]
        assert len(set(words)) == len(words)
        assert all(words_of(factor).values())
