"""Kernels over how pictures were made: against hand-made ones, and what they may do to a taste."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import multivariate_normal

from soart.metrics.protocols import Making
from soart.metrics.tastes.beliefs import AMPLITUDES, NOISES, TEMPER
from soart.metrics.tastes.blend import blend
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import fit
from soart.metrics.tastes.liked_makings import contrasts_of_options, effects_of, liking_of_makings
from soart.metrics.tastes.making_kernels import ALL, MakingKernels, family_words
from soart.metrics.tastes.proposals import propose
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.taste_files import content_hash, load_taste, save_taste

NAMES = tuple(f"colour/luma/{k}" for k in range(4))


def objects(makings):
    array = np.full(len(makings), None)
    array[:] = makings
    return array


def learning(makings, seed=0):
    """Examples of 8 liked and 8 disliked pictures whose items tell nothing."""
    items = np.random.default_rng(seed).normal(size=(16, 4))
    return replace(from_modes({"good": items[:8], "bad": items[8:]}), makings=objects(makings))


#: The model alone tells what is liked, in 14 of 16 pictures.
BY_MODEL = [Making(model="ink" if k in (0, 8) else "oil") for k in range(8)] + [
    Making(model="oil" if k == 0 else "ink") for k in range(8)
]


def test_a_kernel_of_one_facet_is_the_centred_product_of_its_features():
    kernels = MakingKernels.of([Making(sampler=one) for one in ("ddim", "ddim", "euler a", "Euler_a")])
    assert kernels.names == ["settings"]
    # Two values of equal share: 1 with the same, −1 with the other.
    np.testing.assert_allclose(kernels.gram()[0], np.kron([[1, -1], [-1, 1]], np.ones((2, 2))), atol=1e-12)
    fresh = [Making(sampler="ddim"), Making(sampler="heun"), Making(), None]
    np.testing.assert_allclose(kernels.against(fresh)[0][0], [1, 1, -1, -1], atol=1e-12)
    # A value that was never seen is as far from either; of what is unknown, the effect is integrated out.
    np.testing.assert_allclose(kernels.against(fresh)[0][1:], 0, atol=1e-12)
    np.testing.assert_allclose(kernels.diagonal(fresh)[0][2:], 1)
    np.testing.assert_allclose(kernels.diagonal(fresh), np.diagonal(kernels.among(fresh), axis1=1, axis2=2))


def test_unknown_learning_pictures_have_their_own_variance_and_no_covariance():
    kernels = MakingKernels.of([Making(model="a"), Making(model="a"), Making(model="b"), Making(model="b"), None])
    gram = kernels.gram()[0]
    np.testing.assert_allclose(gram[4], [0, 0, 0, 0, 1])
    assert np.linalg.eigvalsh(gram).min() > -1e-9
    np.testing.assert_allclose(np.diag(gram)[:4].mean(), 1)


@pytest.mark.parametrize(
    "makings",
    [
        [None] * 6,
        [Making(model="a", steps=20, words=("fox",))] * 6,
        # What occurs once tells nothing of other pictures.
        [Making(seed=str(k)) for k in range(6)],
    ],
)
def test_there_is_no_kernel_where_nothing_differs_that_others_share(makings):
    kernels = MakingKernels.of(makings)
    assert kernels.names == kernels.gram() == kernels.against([None, Making(model="b")]) == []


def test_words_of_nearly_all_prompts_push_none_out():
    always = tuple(f"fine{k}" for k in range(100))
    long, short = ([Making(words=(*start, word)) for word in "abab"] for start in (always, always[:0]))
    np.testing.assert_allclose(MakingKernels.of(long).gram()[0], MakingKernels.of(short).gram()[0])
    # Another prompt, without the usual words, is cut like those.
    np.testing.assert_allclose(MakingKernels.of(long).against([Making(words=("a",))])[0], [[1, -1, 1, -1]])
    # Where there is room for all words, they count as they always have.
    few = [Making(words=("fine", word)) for word in "abab"]
    assert MakingKernels.of(few).facets[0].places.keys() == {"=fine", "=a", "=b"}


def test_what_one_learning_picture_shows_counts_for_others_made_alike():
    kernels = MakingKernels.of([Making(sampler=one) for one in ("ddim", "ddim", "heun", "lcm")])
    # Features less their means 1/2, 1/4 and 1/4, of mean squared length 5/8.
    np.testing.assert_allclose(kernels.gram()[0][2], np.array([-3, -3, 7, -1]) / 5, atol=1e-12)
    np.testing.assert_allclose(kernels.against([Making(sampler="heun")])[0], kernels.gram()[0][[2]], atol=1e-12)


def test_models_of_a_family_are_alike():
    models = ["dreamshaperXL_v10", "dreamshaperXL_v9", "juggernautXL_v9", "sd-v1-5-pruned"]
    kernels = MakingKernels.of([Making(model=one) for one in models for _ in range(2)])
    near = kernels.against([Making(model="dreamshaperXL_v10")])[0][0, ::2]
    assert near[0] > near[1] > near[2] > near[3]
    assert family_words("sd_xl_base_1.0.safetensors") == {"sd", "xl", "base"}


def test_numbers_make_curves_and_loras_count_by_weight():
    kernels = MakingKernels.of([Making(steps=s) for s in (5, 10, 20, 40)])
    near = kernels.against([Making(steps=6)])[0][0]
    assert near[0] > near[1] > near[2] > near[3]
    kernels = MakingKernels.of([Making(loras=(("ink", w),)) for w in (0.2, 1.0)] + [Making(loras=())] * 2)
    strong, weak = kernels.against([Making(loras=(("ink", 1.0),)), Making(loras=(("ink", 0.3),))])[0]
    assert strong[1] > weak[1] > strong[2]


def test_words_are_alike_by_meaning():
    words = [("poodle",), ("beagle",), ("teapot",), ("bottle",), ("poodle", "snowy"), ("teapot", "snowy")]
    kernels = MakingKernels.of([Making(words=one) for one in words])
    assert kernels.names == ["words"]
    dog = kernels.against([Making(words=("chihuahua",))])[0][0]
    assert min(dog[:2]) > 0.3 + max(dog[2:4])


def test_several_groups_have_a_kernel_each_and_one_together():
    makings = [Making(model=m, steps=s, words=(w,)) for m, s, w in zip("aabb", (9, 20, 9, 20), "xxyy", strict=True)]
    kernels = MakingKernels.of(makings)
    assert kernels.names == ["model", "settings", "words", ALL]
    *single, together = kernels.gram()
    np.testing.assert_allclose(together, np.mean(single, axis=0))
    # A kernel is shared by its facets alike.
    shares = [[kernels.share_of(facet, kernel) for facet in range(3)] for kernel in (0, 1, 2, 3, -1)]
    np.testing.assert_allclose(shares, [*np.eye(3), [1 / 3] * 3, [0] * 3])


def test_a_taste_learns_which_model_is_liked():
    examples, fresh = learning(BY_MODEL), np.random.default_rng(1).normal(size=(40, 4))
    fitted = fit(examples, NAMES)
    none = np.zeros((40, 0))
    oil, ink, unknown = (fitted(fresh, none, [one] * 40) for one in (Making(model="oil"), Making(model="ink"), None))
    assert (oil > ink + 0.5).all()
    # Unknown counts as the mean: neither model is as liked.
    np.testing.assert_allclose(unknown, (oil + ink) / 2, atol=0.1)
    np.testing.assert_allclose(unknown, fitted(fresh, none))


def test_liking_is_a_sum_over_the_learning_pictures():
    examples = learning(BY_MODEL)
    fitted = fit(examples, NAMES)
    z = fitted.scaling.frame.deviations(np.random.default_rng(2).normal(size=(5, 4)))
    makings = [Making(model="oil"), None, Making(model="ink"), Making(), Making(model="new")]
    none = np.zeros((5, 0))
    added = fitted.model.by_example(z, makings)
    np.testing.assert_allclose(added.sum(axis=1) + fitted.model.bias, fitted.model.predict(z, none, makings))
    # Uncertainty is least where the model is known.
    deviation = fitted.model.uncertainty(z, none, makings)
    assert ((deviation > 0) & (deviation < 5)).all()


def test_pictures_made_alike_change_nothing():
    plain, alike = learning([None] * 16), learning([Making(model="oil", words=("fox",))] * 16)
    rows, none = np.random.default_rng(3).normal(size=(9, 4)), np.zeros((9, 0))
    np.testing.assert_array_equal(
        fit(plain, NAMES)(rows, none), fit(alike, NAMES)(rows, none, [Making(model="oil")] * 9)
    )


def test_files_blends_and_proposals_know_how_pictures_were_made(tmp_path):
    taste = learn_taste(learning(BY_MODEL), NAMES, "v", repeats=1)
    again = load_taste(save_taste(taste, tmp_path / "taste"))
    rows = np.random.default_rng(4).normal(size=(6, 4))
    makings = [*BY_MODEL[:4], None, Making(loras=(("ink", 0.5),), steps=9.5, words=("fox",), negative=())]
    assert content_hash(again) == content_hash(taste)
    assert taste.of_making
    np.testing.assert_allclose(again.liking(rows, makings=makings), taste.liking(rows, makings=makings), atol=1e-9)
    other = learn_taste(learning([None] * 16, 5), NAMES, "v", name="other", repeats=1)
    assert not other.of_making
    both = blend("both", [taste, other])
    liked, disliked = (both.liking(rows[:1], makings=[Making(model=one)]) for one in ("oil", "ink"))
    assert liked > disliked
    proposal = propose(taste, rows, 3, makings=makings)
    assert len(proposal.rows) == 3


def test_effects_tell_what_is_liked_with_intervals():
    words = [(("fox", "snowy") if k % 2 else ("fox",)) for k in range(16)]
    makings = [replace(one, words=said) for one, said in zip(BY_MODEL, words, strict=True)]
    taste = learn_taste(learning(makings), NAMES, "v", repeats=1)
    effects = {(one.fact, one.value): one for one in effects_of(taste)}
    oil, ink, snowy = effects["model", "oil"], effects["model", "ink"], effects["word", "snowy"]
    assert oil.liking > 0.5
    assert oil.low < oil.liking < oil.high
    assert oil.liking == pytest.approx(-ink.liking)
    by_oil = np.array([one.model == "oil" for one in BY_MODEL])
    assert oil.liking == pytest.approx(taste.fitted.model.effects(0, np.where(by_oil, 1, -1)[None] / 8)[0][0])
    # What says nothing has an interval around 0, and what all pictures have is not told.
    assert snowy.low < 0 < snowy.high
    assert ("word", "fox") not in effects
    assert (oil.pictures, snowy.pictures) == (8, 8)
    assert abs(snowy.liking) < oil.liking / 2
    assert effects_of(learn_taste(learning([None] * 16), NAMES, "v", repeats=1)) == []


def test_a_picture_of_known_making_is_surer():
    model = learn_taste(learning(BY_MODEL), NAMES, "v", repeats=1).fitted.model
    z, none = np.random.default_rng(3).normal(size=(3, 4)), np.zeros((3, 0))
    unknown, known = model.uncertainty(z, none), model.uncertainty(z, none, [Making(model="oil")] * 3)
    assert (known < unknown).all()


def test_effects_are_those_of_drawn_parts():
    """Of one hypothesis: the posterior of a facet's part, from the joint covariance of it and of what is observed."""
    taste = learn_taste(learning(BY_MODEL), NAMES, "v", repeats=1)
    model = taste.fitted.model
    share, h, alpha = next(part for part in model.parts if part[1].making >= 0 and part[1].kernel >= 0)
    one = replace(model, parts=[(share, h, alpha)])
    contrast = np.where(np.arange(16) < 8, 1 / 8, -1 / 8)[None]
    mean, deviation = one.effects(0, contrast)
    part = h.amplitude * model.makings.gram()[h.making]
    rest = 1 + h.amplitude * model.kernels.against(model.kernels.z)[h.kernel] + h.noise * np.eye(16)
    gain = contrast @ part @ np.linalg.inv(part + rest)
    assert mean == pytest.approx((gain @ taste.examples.liking).tolist(), abs=1e-6)
    assert deviation**2 == pytest.approx(
        (contrast @ part @ contrast.T - gain @ part @ contrast.T)[0].tolist(), abs=1e-6
    )


def test_the_largest_effects_are_told_in_words():
    makings = [replace(one, steps=10 + k % 3, loras=(("ink", 1.0),)) for k, one in enumerate(BY_MODEL)]
    taste = learn_taste(learning(makings), NAMES, "v", repeats=1)
    first, *others = effects_of(taste)
    # Settings such as steps have no values to tell of, and all pictures have the LoRA.
    assert {one.fact for one in (first, *others)} == {"model"}
    assert [*effects_of(taste, 1)] == [first]
    shown = replace(first, fact="LoRA", value="ink", liking=-0.84, low=-1.46, high=0.12)
    assert shown.text == "LoRA ink −0.8 (−1.5 … +0.1)"


def test_effects_of_options_are_those_of_an_additive_function():
    rng = np.random.default_rng(0)
    effects = [rng.normal(size=3), rng.normal(size=4)]
    choices = np.column_stack([rng.integers(0, 3, 30), rng.integers(0, 3, 30)])
    values = 7 + effects[0][choices[:, 0]] + effects[1][choices[:, 1]]
    found = contrasts_of_options(choices, (3, 4)) @ values
    np.testing.assert_allclose(found[:3], effects[0] - effects[0].mean())
    # The last option never occurs.
    np.testing.assert_allclose(found[3:], [*(effects[1][:3] - effects[1][:3].mean()), 0], atol=1e-12)


def test_what_is_known_of_pictures_that_are_not_drawn_yet():
    examples = learning(BY_MODEL)
    asked = [Making(model="oil"), Making(model="ink"), Making(), None]
    mean, covariance = liking_of_makings(examples, asked)
    # Most pictures in oil are liked; of what is unknown, the effect is 0 and as uncertain as before.
    assert mean[0] > 0.2 > -0.2 > mean[1]
    np.testing.assert_allclose(mean[2:], 0, atol=1e-12)
    deviations = np.sqrt(np.diag(covariance))
    assert deviations[:2].max() < deviations[2:].min()
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    # The same by the definition, one hypothesis after another.
    kernels = MakingKernels.of(examples.makings)
    (gram,), (cross,) = kernels.gram(), kernels.against(asked)
    logs, means = [], []
    for amplitude, size in [*AMPLITUDES.items(), (0.0, 0.0)]:
        for noise, belief in NOISES.items():
            observed = amplitude * gram + 1 + noise * np.eye(16)
            logs.append(size + belief + TEMPER * multivariate_normal.logpdf(examples.liking, np.zeros(16), observed))
            means.append(amplitude * cross @ np.linalg.solve(observed, examples.liking))
    np.testing.assert_allclose(mean, softmax(logs) @ means, atol=1e-9)
    # Where all are made alike, nothing is known; likewise if the model tells nothing of the liking.
    alike = liking_of_makings(learning([Making(model="oil")] * 16), asked)
    assert not any(np.any(part) for part in alike)
    mixed = [Making(model="ink" if k % 2 else "oil") for k in range(16)]
    assert abs(liking_of_makings(learning(mixed), asked)[0][0]) < 0.05
