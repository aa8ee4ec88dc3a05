import numpy as np
import pytest

from soart.metrics.tastes.model_effects import LARGEST, MOST, Makes, in_points, model_effects


def drawn(models, prompts, logits, loras=None):
    scores = 100 / (1 + np.exp(-np.asarray(logits, dtype=float)))
    return scores, Makes([*models], loras or [()] * len(scores), [*prompts])


def world(seed=0, prompts=40, gap=0.5, spread=1.0):
    """Pictures of prompts by three models each, which are ``gap`` apart."""
    rng = np.random.default_rng(seed)
    made = [(f"m{m}", f"p{p}", gap * (m - 1)) for p in range(prompts) for m in range(3)]
    subject = np.repeat(rng.normal(0, spread, prompts), 3)
    models, texts, own = zip(*made, strict=True)
    return drawn(models, texts, np.array(own) + subject + rng.normal(0, 0.4, len(own)))


def test_models_of_shared_prompts_count_twice_their_distance():
    scores, makes = world()
    found, logits = model_effects(scores, makes), np.log(scores / (100 - scores)).reshape(40, 3)
    assert {name: one.pictures for name, one in found.models.items()} == {"m0": 40, "m1": 40, "m2": 40}
    expected = 2 * 40 / 44 * (logits.mean(axis=0) - logits.mean())
    assert [found.models[f"m{k}"].logits for k in range(3)] == pytest.approx(expected, abs=0.01)
    assert found.models["m1"].shared == 1
    assert [round(value, 3) for value in found.of(Makes(["m2", "other", ""], [()] * 3, [""] * 3))] == [
        found.models["m2"].logits, 0, 0,
    ]  # fmt: skip


def test_models_that_share_no_prompt_count_less():
    scores, makes = world()
    apart = Makes(makes.models, makes.loras, [m + p for m, p in zip(makes.models, makes.prompts, strict=True)])
    unknown = Makes(makes.models, makes.loras, [""] * len(scores))
    together = model_effects(scores, makes).models["m2"].logits
    for others in (apart, unknown):
        found = model_effects(scores, others).models["m2"]
        assert 0 < found.logits < 0.6 * together
        assert found.shared == 0


def test_many_pictures_of_one_prompt_say_as_little_as_one():
    rng = np.random.default_rng(1)
    models, prompts = np.repeat(["a", "b", "c"], 100), np.repeat(["x", "y", "z"], 100)
    logits = np.repeat([-1.0, 0, 1], 100) + rng.normal(0, 0.5, 300)
    assert all(abs(one.logits) < 0.3 for one in model_effects(*drawn(models, prompts, logits)).models.values())


@pytest.mark.parametrize("seed", range(3))
def test_names_that_tell_nothing_have_no_effect(seed):
    rng, (scores, makes) = np.random.default_rng(seed), world(seed)
    permuted = Makes(rng.permutation(makes.models).tolist(), makes.loras, makes.prompts)
    assert max(abs(one.logits) for one in model_effects(scores, permuted).models.values()) < 0.35
    # A hostile file names as many models as it likes.
    scores = 100 * rng.random(10_000)
    named = Makes([f"m{k // 3}" for k in range(10_000)], [()] * 10_000, ["p"] * 10_000)
    found = model_effects(scores, named).models
    assert len(found) == MOST
    assert max(abs(one.logits) for one in found.values()) < 0.5


@pytest.mark.parametrize(
    ("models", "logits"),
    [(["a"] * 9, range(9)), ([""] * 9, range(9)), (["a", *"bcdefghi"], [9] + [0] * 8), ([], []),
     (["a"] * 4 + ["b"] * 4, [0] * 8), (["a"] * 7 + ["b"] * 2, [0] * 7 + [3] * 2)],
)  # fmt: skip
def test_one_model_few_pictures_and_unknown_makes_have_none(models, logits):
    found = model_effects(*drawn(models, ["p"] * len(models), logits))
    assert all(one.logits == 0 for one in found.models.values())


def test_the_ends_of_the_scale_have_bounds():
    scores, makes = world(gap=20)
    found = model_effects(np.where(scores > 50, 100.0, 0.0), makes)
    logits = found.of(makes)
    assert np.abs(logits).max() == LARGEST
    points = in_points(
        np.array([0.0, 0.0, 100.0, 100.0, 50.0, 50.0, np.nan]), np.array([1.5, -1.5, 1.5, -1.5, 1.5, 0, 1])
    )
    assert points[:4].tolist() == [0, 0, 0, 0]
    assert 30 < points[4] < 33
    assert points[5:].tolist() == [0, 0]


def test_loras_have_small_effects_where_there_are_enough_pictures():
    scores, makes = world(prompts=60, gap=0.0)
    rng = np.random.default_rng(2)
    with_lora = rng.random(len(scores)) < 0.3
    logits = np.log(scores / (100 - scores)) + with_lora
    few = [k < 5 for k in range(len(scores))]
    loras = [("soft",) * int(a) + ("rare",) * b for a, b in zip(with_lora, few, strict=True)]
    found = model_effects(*drawn(makes.models, makes.prompts, logits, loras))
    assert 0.4 < found.loras["soft"].logits < 1
    assert {*found.loras} == {"soft"}
    one_model = model_effects(*drawn(["m"] * len(scores), makes.prompts, logits, loras))
    assert not one_model.models
    assert one_model.loras["soft"].logits > 0.4
