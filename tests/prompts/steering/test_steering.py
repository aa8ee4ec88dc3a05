from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.rating_model.choice_functions import Tables, prior_draws
from soart.prompts.rating_model.effects import factor_effects
from soart.prompts.rating_model.feedback import Feedback
from soart.prompts.rating_model.hyperparameters import Layout
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.rating_model.posterior import AveragedPosterior
from soart.prompts.steering.batches import balanced_batch, expected_gain, larger_the_better, leaders_batch
from soart.prompts.steering.search import MOST_EXHAUSTIVE, Domain, best_of, climb, gains, keys, neighbours
from soart.prompts.steering.steering import Steering, nondominated, pareto_choices, weighted


def taste(rng, levels, pairs=0.5):
    theta = Layout(len(levels), ()).unpack(np.log([1.0, pairs, 0.5, *[0.3] * len(levels)]))
    return prior_draws(rng, 1, levels, theta, 0.2)


def everything(levels):
    return np.array(list(product(*map(range, levels))))


def test_gains_are_differences_of_values(rng):
    levels = (3, 4, 2)
    table = taste(rng, levels)
    choice = np.array([[1, 2, 0]])
    grown = gains(table, choice)[0]
    column = 0
    for slot, level in enumerate(levels):
        for option in range(level):
            changed = choice.copy()
            changed[0, slot] = option
            assert grown[column] == pytest.approx(float((table(changed) - table(choice))[0, 0]), abs=1e-12)
            column += 1


def test_climbs_end_where_no_single_change_helps(rng):
    levels = (5,) * 7
    table, domain = taste(rng, levels), Domain.of(levels)
    peaks = climb(table, domain.random(rng, 20), domain)
    assert gains(table, peaks).max() < 1e-9


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_search_finds_the_best_permitted_choice(seed):
    """Spaces too large to be searched one by one for the product, but not for the test."""
    rng = np.random.default_rng(seed)
    levels = (4, 5, 3, 4, 3, 6)
    assert np.prod(levels) > MOST_EXHAUSTIVE
    table, all_choices = taste(rng, levels), everything(levels)
    options = [rng.random(level) < 0.9 for level in levels]
    for mask in options:
        mask[0] = True

    def allows(choice):
        return not (choice[0] == choice[1] or (choice[2] == 1 and choice[3] == 2))

    domain = Domain.of(levels, options, allows)
    permitted = all_choices[[domain.permits(choice) for choice in all_choices]]
    order = np.argsort(-table(permitted)[0])
    found = best_of(table, domain, rng, count=1)
    np.testing.assert_array_equal(found[0], permitted[order[0]])
    taken = set(keys(permitted[order[:3]]))
    second = best_of(table, domain, rng, taken=taken)
    assert domain.permits(second[0])
    assert keys(second)[0] not in taken
    assert table(second)[0, 0] >= table(permitted[order[20]][None])[0, 0]


def test_ten_to_the_twelve_choices(rng):
    levels = (10,) * 12
    table, domain = taste(rng, levels), Domain.of(levels)
    found = best_of(table, domain, rng, count=5)
    assert len(set(keys(found))) == 5
    values = table(found)[0]
    assert (np.diff(values) <= 0).all()
    assert values[0] > table(domain.random(rng, 5000))[0].max()


@pytest.mark.parametrize("repeats", [True, False])
def test_a_batch_among_ten_to_the_twelve_choices(rng, repeats):
    levels = (10,) * 12
    table, domain = taste(rng, levels), Domain.of(levels)
    assert domain.size() == 10**12
    steering, shown = Steering(domain, repeats=repeats), domain.random(rng, 60)
    steering.tell(shown, table(shown)[0] + 0.1 * rng.standard_normal(60))
    batch = steering.ask(8, rng)
    assert isinstance(steering.model.posterior_, AveragedPosterior)
    assert batch.shape == (8, 12)
    assert all(domain.permits(choice) for choice in batch)
    assert len(set(keys(batch))) == 8
    assert repeats or not set(keys(batch)) & set(keys(shown))


def test_neighbours_differ_in_one_slot():
    domain = Domain.of((3, 2), [[True, True, False], [True, True]])
    assert sorted(keys(neighbours(np.array([[0, 0]]), domain))) == [(0, 1), (1, 0)]


def test_neighbours_and_permitted_choices_are_those_found_one_by_one(rng):
    levels = (3, 4, 2)
    options = [rng.random(level) < 0.8 for level in levels]
    for mask in options:
        mask[0] = True
    domain = Domain.of(levels, options, lambda choice: choice[0] != choice[1] or choice[2] == 1)
    every, centres = everything(levels), domain.random(rng, 3)

    def allowed(choice):
        banned = any(not mask[option] for mask, option in zip(options, choice, strict=True))
        return not banned and (choice[0] != choice[1] or choice[2] == 1)

    assert domain.permitted(every).tolist() == [allowed(choice) for choice in every]
    near = {
        tuple(choice.tolist()) for choice in every for centre in centres if allowed(choice) and (choice != centre).sum() == 1
    }  # fmt: skip
    found = keys(neighbours(centres, domain))
    assert len(found) == len(near)
    assert set(found) == near
    assert domain.permitted(np.zeros((0, 3), dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Domain.of((2, 2), [[True, True], [False, False]]), "slot 1 is banned"),
        (lambda: Domain.of((2, 2), [[True], [True, True]]), "masks"),
        (lambda: Domain.of((2, 2), allows=lambda choice: False).random(np.random.default_rng(0), 2), "constraints"),
        (lambda: Domain.of((9,) * 6, allows=lambda choice: False).random(np.random.default_rng(0), 2), "constraints"),
        (lambda: Steering(Domain.of((2, 2)), goal={"ann": -1.0}), "weights"),
        (lambda: Steering(Domain.of((2, 2))).ask(0, np.random.default_rng(0)), "at least one"),
        (lambda: Steering(Domain.of((2, 2)), first=np.array([[5, 0]])), "slot 0"),
        (lambda: Steering(Domain.of((2, 2))).tell([[0, 0]], [np.nan]), "finite"),
        (lambda: Steering(Domain.of((2, 2))).tell([[0, 0]], [1.0], raters=["a", "b"]), "raters"),
        (lambda: weighted([taste(np.random.default_rng(0), (2, 2))], [-1.0]), "weights"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(make, message):
    with pytest.raises(PromptError, match=message):
        make()


def test_refused_feedback_changes_nothing():
    steering = Steering(Domain.of((3, 3)))
    steering.tell([[0, 1]], [1.0])
    with pytest.raises(PromptError):
        steering.tell([[0, 2], [1, 1]], Feedback(pairs=np.array([[0, 1]])), raters=["a", "b"])
    assert len(steering.choices) == len(steering.raters) == len(steering.pictures) == 1


def test_balanced_batches_show_options_equally_often_and_differ(rng):
    domain = Domain.of((4, 4, 2, 8), [[True] * 4, [True, False, True, True], [True, True], [True] * 8])
    batch = balanced_batch(domain, 8, rng)
    assert [np.bincount(batch[:, s], minlength=n).tolist() for s, n in ((0, 4), (2, 2), (3, 8))] == [
        [2] * 4,
        [4] * 2,
        [1] * 8,
    ]
    assert not (batch[:, 1] == 1).any()
    assert len(set(keys(batch))) == 8


def run(steering, truth, rng, batches, noise, count=8):
    for _ in range(batches):
        batch = steering.ask(count, rng)
        steering.tell(batch, truth(batch)[0] + noise * rng.normal(size=len(batch)))


def test_steering_finds_a_planted_optimum(rng):
    levels = (5,) * 6
    truth, domain = taste(rng, levels), Domain.of(levels)
    top, some = best_of(truth, domain, rng), domain.random(rng, 2000)
    steering = Steering(domain)
    run(steering, truth, rng, 10, 0.3)
    assert len(set(keys(steering.choices))) == 80
    best = steering.recommend(rng)
    mean = truth(some)[0].mean()
    quality = (truth(best.choice[None])[0, 0] - mean) / (truth(top)[0, 0] - mean)
    assert quality > 0.85
    assert truth(steering.choices[-8:])[0].mean() > truth(steering.choices[:8])[0].mean()
    assert best.deviation > 0


def test_constraints_bans_and_first_designs_are_kept(rng):
    levels = (6,) * 5

    def allows(choice):
        return choice[0] != choice[1]

    options = [np.arange(6) != 2 for _ in levels]
    domain, first = Domain.of(levels, options, allows), np.array([[0, 1, 3, 4, 5], [0, 0, 0, 0, 0], [1, 0, 1, 0, 1]])
    steering = Steering(domain, first=first)
    first_batch = steering.ask(4, rng)
    np.testing.assert_array_equal(first_batch[:2], first[[0, 2]])
    assert len(first_batch) == 4
    assert all(domain.permits(choice) for choice in first_batch)
    steering.tell(first_batch, [1.0, 2.0, 1.0, 3.0])
    steering.tell([[2, 2, 2, 2, 2]], [9.0])
    for _ in range(3):
        batch = steering.ask(6, rng)
        assert all(domain.permits(choice) for choice in batch)
        steering.tell(batch, rng.normal(size=len(batch)))
    assert domain.permits(steering.recommend(rng).choice)


def test_no_choice_is_asked_for_twice_and_small_spaces_run_out(rng):
    steering = Steering(Domain.of((2, 3)))
    seen = []
    for _ in range(3):
        batch = steering.ask(4, rng)
        seen += keys(batch)
        if len(batch):
            steering.tell(batch, rng.normal(size=len(batch)))
    assert len(seen) == len(set(seen)) == 6
    assert steering.ask(2, rng).shape == (0, 2)


@pytest.mark.parametrize("levels", [(1,), (2,), (2, 2), (3, 1)])
def test_a_batch_larger_than_the_space_holds_every_choice_once(levels, rng):
    steering = Steering(Domain.of(levels))
    assert sorted(keys(steering.ask(9, rng))) == sorted(keys(Domain.of(levels).everything()))
    assert not len(steering.ask(9, rng))
    # The same beside a design, and beside choices that are shown elsewhere.
    first = Domain.of(levels).everything()[:1]
    steering = Steering(Domain.of(levels), first=first)
    assert sorted(keys(steering.ask(9, rng))) == sorted(keys(Domain.of(levels).everything()))
    steering = Steering(Domain.of(levels))
    steering.reserve(first)
    assert sorted(keys(steering.ask(9, rng))) == sorted(keys(Domain.of(levels).everything()[1:]))


def test_reserved_choices_are_not_asked_for(rng):
    steering = Steering(Domain.of((2, 3)))
    steering.reserve([[0, 0], [1, 2]])
    # Without feedback between the batches.
    choices = [key for _ in range(5) for key in keys(steering.ask(1, rng))]
    assert sorted(choices) == [(0, 1), (0, 2), (1, 0), (1, 1)]
    with pytest.raises(PromptError, match="slot 0"):
        steering.reserve([[2, 0]])


@pytest.mark.parametrize("seed", range(8))
def test_batches_without_feedback_are_whole_though_choices_are_taken(seed):
    rng, steering = np.random.default_rng(seed), Steering(Domain.of((3, 4, 2)))
    shown = steering.ask(8, rng)
    again = Steering(Domain.of((3, 4, 2)))
    again.reserve(shown)
    more = again.ask(8, rng)
    assert len({*map(tuple, [*shown.tolist(), *more.tolist()])}) == 16


def test_leaders_are_shown_again(rng):
    levels = (4,) * 4
    truth = taste(rng, levels)
    steering = Steering(Domain.of(levels))
    run(steering, truth, rng, 4, 0.2)
    for _ in range(4):
        batch = steering.ask_again(6, rng)
        assert set(keys(batch)) <= set(keys(steering.choices))
        steering.tell(batch, truth(batch)[0] + 0.2 * rng.normal(size=6))
    assert np.unique(steering.choices, axis=0, return_counts=True)[1].max() >= 4
    assert leaders_batch(steering._draws(rng, 3), steering.choices, steering._mean(), 7).shape == (7, 4)


def test_the_expected_gain_shrinks_and_stops_the_loop(rng):
    levels = (3, 3, 3)
    truth, domain = taste(rng, levels), Domain.of(levels)
    steering, gains_seen = Steering(domain), []
    for _ in range(3):
        run(steering, truth, rng, 1, 0.02)
        gains_seen.append(steering.gain(rng)[0])
    assert gains_seen[-1] < gains_seen[0]
    assert gains_seen[-1] >= 0
    assert steering.should_stop(rng, 10.0)
    assert not steering.should_stop(rng, -1.0)
    known = taste(rng, levels)
    best = best_of(known, domain, rng)[0]
    assert expected_gain(known, best, domain, rng) == (0.0, 0.0)
    # Nothing is above the highest value there is.
    other = next(choice for choice in everything(levels) if tuple(choice) != tuple(best))
    highest = float(known(np.array([other]))[0, 0]) + 0.01
    assert 0 < expected_gain(known, np.array(other), domain, rng, (-np.inf, highest))[0] <= 0.01 + 1e-9


def test_several_raters_a_weighted_goal_and_the_pareto_front(rng):
    levels = (4,) * 5
    first, second = taste(rng, levels), taste(rng, levels)
    domain = Domain.of(levels)
    steering = Steering(domain, pareto=True)
    for _ in range(5):
        batch = steering.ask(8, rng)
        both = np.vstack([batch, batch])
        ratings = np.concatenate([first(batch)[0], second(batch)[0]]) + 0.1 * rng.normal(size=16)
        names = [f"picture {len(steering.choices)} {i}" for i in range(8)] * 2
        steering.tell(both, ratings, raters=["ann"] * 8 + ["bo"] * 8, pictures=names)
    choices, values, who = steering.front(rng)
    assert who == ["ann", "bo"]
    assert nondominated(values).all()
    assert len(choices) > 1
    weights = {"ann": 3.0, "bo": 1.0}
    leaning = Steering(domain, goal=weights)
    leaning.tell(steering.choices, steering.feedback, raters=steering.raters, pictures=steering.pictures)
    chosen = leaning.recommend(rng).choice[None]
    goal = 0.75 * first(chosen)[0, 0] + 0.25 * second(chosen)[0, 0]
    assert goal > np.quantile(0.75 * first(domain.random(rng, 500))[0] + 0.25 * second(domain.random(rng, 500))[0], 0.9)
    ends, _ = pareto_choices([first, second], domain, rng)
    np.testing.assert_array_equal(ends[0], best_of(first, domain, rng)[0])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_nondominated_rows_are_those_nothing_beats(rows):
    values = np.array(rows, dtype=float)
    front = nondominated(values)
    for i, row in enumerate(values):
        beaten = any((other >= row).all() and (other > row).any() for other in values)
        assert front[i] == (not beaten)
    assert front.any()


def test_effects_find_the_planted_ones(rng):
    levels = (3, 3, 4, 4)
    main = np.zeros(14)
    main[:3] = [-1.0, 0.0, 1.0]
    pair = np.zeros((14, 14))
    pair[3, 6] = pair[6, 3] = 2.0
    truth = Tables(levels, np.zeros(1), main[None], pair[None])
    x = Domain.of(levels).random(rng, 150)
    model = RatingModel(levels).fit(x, truth(x)[0] + 0.3 * rng.normal(size=150))
    table = factor_effects(model, rng)
    assert [(effect.slot, effect.option) for effect in table.effects[:4]] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    top = max(table.effects, key=lambda effect: effect.mean)
    assert (top.slot, top.option) == (0, 2)
    assert top.low < top.mean < top.high
    assert top.low > 0
    assert (table.pairs[0].slots, table.pairs[0].options) == ((1, 2), (0, 0))
    assert table.pairs[0].low > 0
    assert table.importance.argmax() == 0
    assert table.importance.sum() == pytest.approx(1)
    covered = [effect.low <= main[i] - main[:3].mean() <= effect.high for i, effect in enumerate(table.effects[:3])]
    assert all(covered)


def test_recommendations_without_feedback(rng):
    steering = Steering(Domain.of((3, 4)))
    best = steering.recommend(rng)
    assert best.mean == 0
    assert steering.effects(rng).importance.sum() == 0
    assert steering.ask_again(2, rng).shape == (0, 2)


def test_signal_to_noise_ratio_larger_the_better():
    assert larger_the_better(np.array([1.0, 1.0])) == pytest.approx(0.0)
    assert larger_the_better(np.array([10.0])) == pytest.approx(20.0)
    assert np.isnan(larger_the_better(np.array([1.0, -1.0])))
    assert np.isnan(larger_the_better(np.array([])))
    assert larger_the_better(np.array([3.0, 3.0])) > larger_the_better(np.array([1.0, 5.0]))


def test_hints_inform_and_are_still_to_be_shown(rng):
    steering = Steering(Domain.of([3, 4]), goal={"me": 1.0})
    everything = steering.domain.everything()
    liked = (everything[:, 1] == 2).astype(float)
    steering.tell(everything, liked, raters=["before"] * len(everything), hints=True)
    shown = steering.ask(4, rng)
    assert len(shown) == 4
    assert steering.recommend(rng).choice[1] == 2
