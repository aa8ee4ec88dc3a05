"""The training of the towers: it is repeatable and read back whole, and every factor has words of its own."""

import numpy as np
import torch

from soart.pipelines.tiny.words import FACTORS, SUBJECTS
from soart.training import towers
from soart.training.captions import Scene
from soart.training.judge import CLASSES, Judge
from soart.training.towers import TOLD, build_processor, load_teacher, poor_series, probabilities, words_of


def test_a_training_is_repeatable_and_read_back_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(towers, "BATCH", 4)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    shown = {
        factor: torch.tensor(rng.dirichlet(np.ones(len(FACTORS[factor])), 6), dtype=torch.float32) for factor in TOLD
    }
    whole, tokenizer = towers.train_towers(tmp_path / "a", pictures, pictures, shown, 2)
    for folder in ("b", "a"):
        again, _ = towers.train_towers(tmp_path / folder, pictures, pictures, shown, 2)
        states = whole.state_dict(), again.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    others = {factor: values.flip(0) for factor, values in shown.items()}
    other, _ = towers.train_towers(tmp_path / "c", pictures, pictures, others, 2)
    assert not torch.equal(other.visual_projection.weight, whole.visual_projection.weight)
    inputs = build_processor(tokenizer)(text=["a boat"], images=[pictures[0]], return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 64, 64)
    assert float(inputs["pixel_values"].abs().max()) <= 1


def test_pictures_are_drawn_once_and_their_number_may_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(towers, "PART", 2)
    first = poor_series(tmp_path, 3)
    more = poor_series(tmp_path, 5)
    assert (more.shape, more.dtype) == ((5, 64, 64, 3), np.uint8)
    assert np.array_equal(more[:3], first)
    assert len(np.unique(more, axis=0)) == 5
    monkeypatch.setattr(towers, "poor_pictures", None)
    assert np.array_equal(poor_series(tmp_path, 5), more)


def test_probabilities_are_those_of_the_stored_teacher(tmp_path, monkeypatch):
    monkeypatch.setattr(towers, "PART", 2)
    trained = []

    def train_judge(series, seed):
        trained.append((seed, len(list(series))))
        return Judge().eval()

    monkeypatch.setattr(towers, "train_judge", train_judge)
    monkeypatch.setattr(towers, "TAUGHT", 3)
    monkeypatch.setattr(towers, "painted_pictures", lambda work, count: (range(count), range(count)))
    teacher = load_teacher(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["teacher.safetensors"]
    pictures = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    shown = probabilities(load_teacher(tmp_path), pictures)
    assert trained == [(towers.TEACHER, 3)]
    recognised = teacher.recognise(pictures)
    for factor in TOLD:
        assert torch.allclose(shown[factor].sum(dim=1), torch.ones(5))
        assert all(option in CLASSES[factor] for option in (r[factor] for r in recognised))


def test_each_of_two_subjects_has_a_half_and_no_setting_is_as_near_as_another():
    pair = Scene("fox", "warm", "flat", "sharp", second="boat")
    assert towers.certain([pair], "subject")[0].tolist() == [0.5 * (name in ("fox", "boat")) for name in SUBJECTS]
    assert towers.certain([pair], "setting")[0].tolist() == [0.25] * 4


def test_no_word_means_two_options():
    for factor in TOLD:
        words = [word for option in words_of(factor).values() for word in option]
        assert len(set(words)) == len(words)
        assert all(words_of(factor).values())
