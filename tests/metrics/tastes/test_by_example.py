"""Reasons of tastes by example: exact shares of the pictures that a taste was learnt from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.metrics.protocols import Making
from soart.metrics.tastes.blend import blend
from soart.metrics.tastes.by_example import Known, explain, shares_of
from soart.metrics.tastes.examples import from_choices, from_modes, from_ratings
from soart.metrics.tastes.taste import OTHERS, learn_taste


def learnt(world, examples, name="mine", **options):
    return learn_taste(examples, world.names, "v", name=name, repeats=1, **options)


def of_modes(world, seed=1, size=8, bad=("bad",)):
    rng = np.random.default_rng(seed)
    items, liking = world.draw(10 * size, rng)
    order = np.argsort(-liking)
    modes = {"good": items[order[:size]]} | {kind: items[order[-size * (k + 1) :][:size]] for k, kind in enumerate(bad)}
    return from_modes(modes)


@pytest.fixture(scope="module")
def tastes(taste_world):
    """Tastes of all kinds of judgements; those with several named modes have kernels of attention, version D."""
    rng = np.random.default_rng(3)
    items, liking = taste_world.draw(20, rng)
    stars = np.clip(np.round(3 + liking), 1, 5)
    pairs = [(a, b) if liking[a] > liking[b] else (b, a) for a, b in rng.integers(0, 20, (40, 2)) if a != b]
    with_priors = replace(
        from_ratings(items, stars), priors=np.stack([liking + rng.normal(size=20), items[:, 0]], axis=1)
    )
    return {
        "good and bad": learnt(taste_world, of_modes(taste_world)),
        "modes": learnt(taste_world, of_modes(taste_world, bad=("bad", "grey"))),
        "ratings": learnt(taste_world, from_ratings(items, stars)),
        "choices": learnt(taste_world, from_choices(items, pairs)),
        "prior scores": learnt(taste_world, with_priors, prior_names=("judge:a@1", OTHERS)),
    }


def priors_for(taste, count, rng):
    return rng.normal(size=(count, len(taste.prior_names)))


@pytest.mark.parametrize("name", ["good and bad", "modes", "ratings", "choices", "prior scores"])
def test_shares_sum_to_the_liking(taste_world, tastes, name):
    taste, rng = tastes[name], np.random.default_rng(5)
    items, _ = taste_world.draw(30, rng)
    priors = priors_for(taste, 30, rng)
    shares = shares_of(taste, Known(items, priors))
    assert shares.examples.shape == (30, len(taste.examples))
    assert shares.starts.shape == (30, len(taste.prior_names))
    np.testing.assert_allclose(shares.liking, taste.liking(items, priors), atol=1e-6)


def test_every_kernel_has_exact_shares():
    """By its formula: the share of a learning picture is its dual weight times the kernel between both."""
    names = (
        "colour/chroma/mean",
        "colour/luma/mean",
        "quality/side",
        "raw/luma/s0/line-h/Y2",
        *(f"deep/{depth}/0" for depth in range(1, 8)),
    )
    rng = np.random.default_rng(4)
    modes = {mode: rng.normal(size=(7, len(names))) + shift for mode, shift in (("good", 1), ("bad", -1), ("grey", 0))}
    taste = learn_taste(from_modes(modes), names, "v", repeats=1)
    model, items = taste.fitted.model, rng.normal(size=(9, len(names)))
    assert {
        "gaussian content",
        "linear late content",
        "gaussian all",
        "linear colour",
        "attention 0.5",
        "attention 8",
    } <= set(model.kernels.names)
    against = model.kernels.against(taste.fitted.scaling.frame.deviations(items))
    for kernel in range(len(model.kernels.names)):
        duals = np.where(np.arange(len(model.duals))[:, None] == kernel, model.duals + rng.normal(size=21), 0.0)
        only = replace(taste, fitted=replace(taste.fitted, model=replace(model, duals=duals)))
        shares = shares_of(only, Known(items))
        naive = [[dual * value for dual, value in zip(duals[kernel], row, strict=True)] for row in against[kernel]]
        np.testing.assert_allclose(shares.examples, naive, atol=1e-9)
        np.testing.assert_allclose(shares.liking, only.liking(items), atol=1e-6)


@pytest.mark.parametrize("name", ["good and bad", "modes", "ratings", "choices", "prior scores"])
def test_reasons_add_up_to_the_difference_of_the_scores(taste_world, tastes, name):
    taste, rng = tastes[name], np.random.default_rng(7)
    items, _ = taste_world.draw(25, rng)
    priors = priors_for(taste, 25, rng)
    scores = taste.score(items, priors, useless_ok=True)
    usual = 100 * taste.probability(taste.liking(items, priors).mean()[None])[0]
    for row, score in zip(explain(taste, Known(items, priors), Known(items, priors)), scores, strict=True):
        assert sum(reason.contribution for reason in row) == pytest.approx(score - usual, abs=1e-6)
    middle = 100 * taste.probability(taste.liking(taste.examples.items, taste.examples.priors).mean()[None])[0]
    for row, score in zip(explain(taste, Known(items, priors)), scores, strict=True):
        assert sum(reason.contribution for reason in row) == pytest.approx(score - middle, abs=1e-6)


def test_a_blend_is_explained_by_its_parts(taste_world, tastes):
    other = learnt(taste_world, of_modes(taste_world, 9), "other")
    both = blend("both", [tastes["ratings"], other], [1, 3])
    items, _ = taste_world.draw(12, np.random.default_rng(8))
    usual = sum(
        100 * weight * part.probability(part.liking(items).mean()[None])[0]
        for part, weight in zip(both.parts, both.weights, strict=True)
    )
    for row, score in zip(explain(both, Known(items), Known(items)), both.score(items, useless_ok=True), strict=True):
        assert sum(reason.contribution for reason in row) == pytest.approx(score - usual, abs=1e-6)
        assert len({reason.in_full for reason in row}) == len(row)


def test_pictures_that_lack_a_prior_score_are_explained_by_the_taste_that_scores_them(taste_world, tastes):
    taste, rng = tastes["prior scores"], np.random.default_rng(10)
    items, _ = taste_world.draw(8, rng)
    priors = priors_for(taste, 8, rng)
    priors[::2, 0] = np.nan
    assert taste.lacking(priors).tolist() == [True, False] * 4
    by_it = [*explain(taste, Known(items, priors), Known(items, priors))]
    alone = explain(taste.alone, Known(items[::2], taste.for_alone(priors[::2])), Known(items, taste.for_alone(priors)))
    assert by_it[::2] == alone
    assert not any("judge" in reason.text for row in by_it[::2] for reason in row)
    assert all(any("(judge: a)" in reason.text for reason in row) for row in by_it[1::2])


def test_reasons_name_the_pictures_that_a_picture_is_like(taste_world):
    """Two liked and two disliked kinds, each far from the others."""
    rng = np.random.default_rng(11)
    p = len(taste_world.names)
    centres = {"good": np.eye(p)[0] * 6, "bad": np.eye(p)[1] * 6}
    examples = from_modes({mode: centre + 0.3 * rng.normal(size=(6, p)) for mode, centre in centres.items()})
    examples = replace(examples, files=np.array([f"/pictures/{mode}/{n}.png" for mode in centres for n in range(6)]))
    taste = learnt(taste_world, examples)
    near = {mode: centre + 0.3 * rng.normal(size=(5, p)) for mode, centre in centres.items()}
    everything = np.concatenate([*near.values()])
    rows = explain(taste, Known(everything), Known(everything))
    assert [row[0].contribution > 0 for row in rows] == [True] * 5 + [False] * 5
    # It lifts a score to be like what was liked, and to be unlike what was disliked.
    signs = {"like liked": 1, "unlike liked": -1, "like disliked": -1, "unlike disliked": 1}
    for reason in (reason for row in rows for reason in row if reason.examples):
        words = f"{reason.text.split()[0]} {reason.text.split()[-1]}"
        assert reason.contribution * signs[words] > 0
        assert {example.title[:-6] for example in reason.examples} == {"good" if words.endswith(" liked") else "bad"}
        assert all(example.file.startswith("/pictures/") for example in reason.examples)
        shares = [abs(example.share) for example in reason.examples]
        assert shares == sorted(shares, reverse=True)
    # Of both that point the same way, likeness is told first.
    for row in rows:
        assert next(r.text.split()[0] for r in row if r.examples and r.contribution * row[0].contribution > 0) == "like"
    assert {reason.text for row in rows for reason in row} >= {"like these you liked", "like these you disliked"}


def test_a_learning_picture_is_its_own_reason_and_no_example(tastes):
    taste = tastes["good and bad"]
    items = taste.examples.items
    # Batches of other sizes round differently.
    rows = explain(taste, Known(items * (1 + 1e-7)), Known(items))
    said = [{r.text for r in row} & {"you liked this one", "you disliked this one"} for row in rows]
    assert sum(map(len, said)) >= 14
    for n, (row, words) in enumerate(zip(rows, said, strict=True)):
        assert words <= {"you liked this one" if taste.examples.liking[n] > 0 else "you disliked this one"}
        assert str(taste.examples.pictures[n]) not in {e.picture for reason in row for e in reason.examples}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(1, 4))
def test_any_small_taste_is_explained_exactly(taste_world, seed, size):
    rng = np.random.default_rng(seed)
    good, bad = rng.normal(size=(size, len(taste_world.names))), rng.normal(size=(size, len(taste_world.names)))
    taste = learnt(taste_world, from_modes({"good": good, "bad": bad}))
    items, _ = taste_world.draw(6, rng)
    usual = 100 * taste.probability(taste.liking(items).mean()[None])[0]
    for row, score in zip(explain(taste, Known(items), Known(items)), taste.score(items, useless_ok=True), strict=True):
        assert sum(reason.contribution for reason in row) == pytest.approx(score - usual, abs=1e-6)


def test_no_pictures_have_no_reasons(taste_world, tastes):
    assert explain(tastes["ratings"], Known(np.zeros((0, len(taste_world.names))))) == []


def test_how_pictures_were_made_is_part_of_the_shares(taste_world):
    rng = np.random.default_rng(12)
    items, _ = taste_world.draw(20, rng)
    makings = [Making(model="ink" if k % 2 else "oil", sampler="ddim") for k in range(20)]
    ratings = np.array([4.5 if k % 2 else 1.5 for k in range(20)]) + 0.4 * rng.normal(size=20)
    examples = replace(from_ratings(items, ratings.clip(1, 5)), makings=np.array(makings, dtype=object))
    taste = learnt(taste_world, examples)
    assert taste.of_making
    fresh, _ = taste_world.draw(6, rng)
    made = [Making(model="ink"), Making(model="oil"), Making(), None, Making(model="ink"), Making(model="oil")]
    pictures = Known(fresh, makings=made)
    np.testing.assert_allclose(shares_of(taste, pictures).liking, taste.liking(fresh, makings=made), atol=1e-6)
    usual = 100 * taste.probability(taste.liking(fresh, makings=made).mean()[None])[0]
    scores = taste.score(fresh, makings=made, useless_ok=True)
    for row, score in zip(explain(taste, pictures, pictures), scores, strict=True):
        assert sum(reason.contribution for reason in row) == pytest.approx(score - usual, abs=1e-6)
    # Each is the more like those made by the same model.
    alike = shares_of(taste, Known(fresh[[0, 0]], makings=made[:2])).likeness
    assert (alike[0, 1::2] > alike[1, 1::2]).all()
    assert (alike[0, ::2] < alike[1, ::2]).all()


def test_a_liked_picture_whose_likeness_says_more_is_not_called_liked(taste_world):
    """Four stars among near copies with five: what it adds itself lowers its score."""
    rng = np.random.default_rng(13)
    p = len(taste_world.names)
    items = np.concatenate([2 * np.eye(p)[0] + 0.15 * rng.normal(size=(7, p)), rng.normal(size=(7, p)) - 1])
    taste = learnt(taste_world, from_ratings(items, [4, *[5] * 6, *[1] * 7]))
    four, five = explain(taste, Known(items), Known(items))[:2]
    assert [reason.text for reason in five if reason.text == "you liked this one"]
    assert not [reason.text for reason in four if reason.text == "you liked this one"]


def test_a_blend_weighs_the_reasons_that_its_tastes_share(taste_world, tastes):
    one = tastes["ratings"]
    both = blend("both", [one, replace(one, name="again")], [1, 3])
    items, _ = taste_world.draw(6, np.random.default_rng(14))
    for single, shared in zip(explain(one, Known(items)), explain(both, Known(items)), strict=True):
        assert [reason.in_full for reason in single] == [reason.in_full for reason in shared]
        for alone, joined in zip(single, shared, strict=True):
            assert joined.contribution == pytest.approx(alone.contribution)
            assert [e.share for e in joined.examples] == pytest.approx([e.share for e in alone.examples])
