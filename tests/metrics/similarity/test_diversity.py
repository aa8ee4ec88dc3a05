"""The best of ranked pictures, few of one look or prompt."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import ItemsError, TasteError
from soart.metrics.damage.rated_quality import rated_appearance_model
from soart.metrics.similarity.diversity import FEW, LOOK, Seen, choose_varied, looks_of


def seen(count, prompts=None, hashes=None, looks=None):
    """Signs of pictures, which are unlike unless told."""
    own = np.random.default_rng(0).normal(size=(count, 40)) if looks is None else looks
    return Seen(
        np.full(count, -1) if prompts is None else np.array(prompts),
        np.zeros(count, np.uint64) if hashes is None else np.array(hashes, np.uint64),
        own.astype(np.float32),
    )


@pytest.mark.parametrize("sign", ["prompt", "look"])
@pytest.mark.parametrize("lead", [0.0, 0.5, 9.0])
def test_one_prompt_or_look_is_a_tenth_of_the_best_unless_all_others_are_clearly_worse(sign, lead):
    """A fifth of a folder is of one kind, which is as good as the others, or better by standard deviations of these."""
    rng = np.random.default_rng(1)
    kind = np.arange(600) < 120
    values = rng.normal(size=600) + lead * kind
    order = np.argsort(-values)
    kind, values = kind[order], values[order]
    looks = rng.normal(size=(600, 40))
    if sign == "look":
        looks[kind] = looks[0] + 0.01 * rng.normal(size=(120, 40))
    chosen = choose_varied(values, seen(600, np.where(kind & (sign == "prompt"), 0, -1), looks=looks), 20)
    rows = [*chosen]
    assert len(rows) == 20
    assert (kind[rows].sum() > FEW) == (lead == 9.0)
    # Little is lost, and what is left out lies behind pictures like it.
    assert values[:20].mean() - values[rows].mean() < 0.5 * values.std()
    assert sorted([*rows, *chain(*chosen.values())]) == [*range(rows[-1] + 1)]
    assert all(kind[other] for row in rows for other in chosen[row])


@given(st.integers(0, 1000), st.integers(0, 40), st.integers(1, 30))
@settings(max_examples=50, deadline=None)
def test_as_many_as_wanted_are_chosen_and_each_other_one_stands_behind_one_that_is_like_it(number, n, count):
    rng = np.random.default_rng(number)
    values = np.sort(rng.integers(0, 6, n))[::-1].astype(float)
    signs = seen(n, rng.integers(-1, 3, n), looks=rng.normal(0, LOOK, (n, 2)))
    chosen = choose_varied(values, signs, count)
    assert len(chosen) == min(n, count)
    assert [*chosen] == sorted(chosen)
    for row, behind in chosen.items():
        assert signs.like(row)[1][behind].all()


def test_prompts_take_turns_where_there_are_few():
    values = np.repeat([3.0, 2.9, 2.8], 10) - np.tile(np.arange(10) / 20, 3)
    order = np.argsort(-values, kind="stable")
    rows = order[[*choose_varied(values[order], seen(30, order // 10), 9)]]
    assert np.bincount(rows // 10).tolist() == [4, 3, 2]


def test_copies_are_chosen_once_even_if_nothing_else_is_there():
    # A few bits differ after compression.
    hashes = [0b1011, 0b1001, 0b1111, 2**63 + 2**40 - 1]
    assert choose_varied(np.array([4.0, 3, 2, 1]), seen(4, hashes=hashes), 4) == {0: [1, 2], 3: []}
    assert choose_varied(np.array([4.0, 3, 2]), seen(3, hashes=hashes[:3]), 2) == {0: [1, 2]}
    # Of pictures that nothing has inspected, none is a copy.
    assert len(choose_varied(np.zeros(3), seen(3), 3)) == 3


def test_pictures_without_a_look_are_told_apart_by_their_prompts():
    looks = np.full((4, 3), np.nan)
    looks[0] = 0
    assert [*choose_varied(np.zeros(4), seen(4, [0, 0, 0, -1], looks=looks), 3)] == [0, 1, 3]
    assert [*choose_varied(np.zeros(4), seen(4, [0, 0, 0, -1], looks=looks[:1]), 3)] == [0, 1, 3]


def test_looks_are_in_deviations_whatever_else_is_measured():
    model = rated_appearance_model()
    items = np.stack([model.centre, model.centre + np.where(np.isfinite(model.scale), model.scale, 0)])
    looks = looks_of(np.hstack([items, items[:, :2]]), (*model.names, "deep/1/0", "deep/1/1"))
    assert np.linalg.norm(looks[1] - looks[0]) == pytest.approx(1, abs=0.01)
    with pytest.raises(TasteError, match="The look of a picture needs"):
        looks_of(items[:, :3], model.names[:3])


@pytest.mark.parametrize(
    ("values", "signs"), [(np.arange(3.0), seen(3)), (np.zeros(3), seen(2)), (np.zeros(2), seen(3))]
)
def test_wrong_arguments(values, signs):
    with pytest.raises(ItemsError, match="values that descend"):
        choose_varied(values, signs, 2)
