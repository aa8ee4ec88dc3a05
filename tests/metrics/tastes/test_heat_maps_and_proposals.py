from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from soart.errors import ImageError
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.phrases import phrases_of
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.heat_maps import overlay, patch_map
from soart.metrics.tastes.proposals import propose, stop_rule
from soart.metrics.tastes.taste import learn_taste
from soart.metrics.tastes.trust import STRONG, TOO_FEW


def learnt(world, size=12, **options):
    rng = np.random.default_rng(1)
    return learn_taste(world.planted(size, rng), world.names, "v", rng=rng, repeats=1, **options)


def test_the_nearest_mode_is_named(taste_world):
    items, _ = taste_world.draw(30, np.random.default_rng(3))
    items[10:20, 3] -= 6
    items[20:, 4] -= 6
    examples = from_modes({"good": items[:10], "grey": items[10:20], "soft": items[20:]})
    taste = learn_taste(examples, taste_world.names, "v", repeats=1)
    [(name, probability)] = taste.modes.nearest(taste.fitted.scaling.frame.deviations(items[12:13]))
    assert name == "grey"
    assert 0 < probability <= 1


def test_every_item_has_words():
    names = taste_extractor().names
    phrases = phrases_of((*names, "deep/001", "strange"), ("technical", "others", "aunt"))
    assert len(phrases) == len(names) + 5
    assert all(p.more and p.less and p.more != p.less for p in phrases)
    assert 20 < len(set(phrases)) < 120


@pytest.fixture(scope="module")
def real_taste():
    """Likes saturated pictures, on real items of drawn patterns."""
    rng, extractor = np.random.default_rng(4), taste_extractor()
    grey = rng.integers(60, 190, (20, 32, 32, 1), dtype=np.uint8).repeat(3, axis=3)
    vivid = grey.copy()
    vivid[..., 2] //= 4
    items = extractor.extract(np.concatenate([vivid[:10], grey[10:]]))
    return learn_taste(
        from_modes({"good": items[:10], "bad": items[10:]}), extractor.names, extractor.version, repeats=1
    ), extractor


def test_the_map_finds_the_liked_half(real_taste):
    taste, extractor = real_taste
    picture = np.random.default_rng(5).integers(60, 190, (64, 64, 1), dtype=np.uint8).repeat(3, axis=2)
    picture[:, 32:, 2] //= 4
    heat = patch_map(taste.liking, extractor, picture, 4)
    assert heat.shape == (4, 4)
    assert heat.mean() == pytest.approx(0, abs=1e-9)
    assert heat[:, 2:].min() > heat[:, :2].max()
    shown = overlay(picture, heat)
    assert shown.shape == picture.shape
    assert shown.dtype == np.uint8
    Image.fromarray(shown)


def test_the_map_of_odd_pictures(real_taste):
    taste, extractor = real_taste
    assert patch_map(taste.liking, extractor, np.zeros((1, 1, 3), dtype=np.uint8)).shape == (1, 1)
    assert patch_map(taste.liking, extractor, np.zeros((17, 90, 3))).shape == (2, 2)
    flat = np.zeros((16, 16, 3), dtype=np.uint8)
    assert (overlay(flat, np.zeros((2, 2))) == flat).all()
    with pytest.raises(ImageError, match="grid of at least one"):
        patch_map(taste.liking, extractor, flat, 0)
    with pytest.raises(ImageError, match="one picture"):
        patch_map(taste.liking, extractor, flat[None])


def test_proposals_are_telling_and_diverse(taste_world):
    rng = np.random.default_rng(6)
    taste = learnt(taste_world)
    items, _ = taste_world.draw(40, rng)
    items[1:5] = items[0] + 1e-6 * rng.normal(size=(4, items.shape[1]))
    items[0:5] *= 3
    proposal = propose(taste, items, 6)
    assert len(set(proposal.rows.tolist())) == len(proposal.rows) <= 6
    assert (np.diff(proposal.bits) <= 1e-9).all()
    assert sum(row < 5 for row in proposal.rows) <= 2
    known = propose(taste, taste.examples.items, 3)
    assert known.bits.sum() < proposal.bits[:3].sum()


def test_proposals_teach_faster_than_chance(taste_world):
    """The posterior over a pool is surer after the proposed ratings than after as many random ones."""
    from soart.metrics.tastes.proposals import information_model

    rng = np.random.default_rng(7)
    taste = learnt(taste_world, size=5)
    items, _ = taste_world.draw(150, rng)
    model, z = information_model(taste), taste.fitted.scaling.frame.deviations(items)
    covariance, noise = model.covariance(z, np.zeros((150, 0)))

    def left(rows):
        inner = np.linalg.inv(covariance[np.ix_(rows, rows)] + noise * np.eye(len(rows)))
        return np.trace(covariance - covariance[:, rows] @ inner @ covariance[rows])

    chosen = left(propose(taste, items, 8).rows)
    assert chosen < np.mean([left(rng.choice(150, 8, replace=False)) for _ in range(20)])


def test_a_taste_of_prior_scores_alone_proposes_by_items(taste_world):
    rng = np.random.default_rng(8)
    examples = taste_world.planted(8, rng)
    examples = replace(examples, priors=examples.items[:, [taste_world.detail]])
    taste = learn_taste(examples, taste_world.names, "v", prior_names=("a",), repeats=1)
    model = taste.fitted.model
    alone = replace(model, parts=[part for part in model.parts if part[1].kernel < 0])
    assert alone.parts
    taste = replace(taste, fitted=replace(taste.fitted, model=alone))
    items, _ = taste_world.draw(40, rng)
    items[1:5] = items[0] + 1e-6 * rng.normal(size=(4, items.shape[1]))
    items[:5] *= 3
    rows = propose(taste, items, 6).rows
    assert len(set(rows.tolist())) == len(rows) == 6
    assert sum(row < 5 for row in rows) <= 2


def test_stop_rule(taste_world):
    taste = learnt(taste_world)
    assert propose(taste, np.zeros((0, len(taste_world.names)))).stop
    trust = replace(taste.trust, word=STRONG, concordance=0.99, expected=0.993, more=24)
    assert stop_rule(replace(taste, trust=trust))[0]
    trust = replace(trust, concordance=0.8, expected=0.9)
    assert not stop_rule(replace(taste, trust=trust))[0]


def test_nothing_is_proposed_where_nothing_is_left_to_learn(taste_world):
    taste = learnt(taste_world, size=3)
    trust, row = replace(taste.trust, word=STRONG, concordance=0.9, expected=0.95), taste.examples.items[:1]
    taste = replace(taste, trust=trust)
    many = propose(taste, np.repeat(row, 400, axis=0), 400)
    # Of copies of one picture each rating tells less.
    assert 1 <= len(many.rows) < 400
    assert (np.diff(many.bits) < 0).all()
    assert not many.stop
    short = replace(trust, word=TOO_FEW, advice="")
    advice = "Rate 2 more that you like and 1 more that you do not."
    assert stop_rule(replace(taste, trust=replace(short, liked=3, disliked=4))) == (False, advice)
