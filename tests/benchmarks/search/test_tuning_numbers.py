"""The benchmark of numbers: its splines, its count of pictures, and its plots."""

import sys
from itertools import product

import numpy as np
import pytest


@pytest.fixture(scope="module")
def numbers():
    # Its rivals take seconds to import.
    from soart.benchmarks.search import tuning_numbers

    return tuning_numbers


def test_splines_pass_through_the_grid_and_find_the_best_of_all_choices(numbers):
    """A smooth function of each number is told everywhere from its values on the grid."""
    levels, nodes = numbers.SPACE.levels, numbers.NODES
    peak = np.array([7, 3, 11, 5, 4, 6])

    def value(choice):
        return -float((((np.asarray(choice) - peak) / np.array(levels)) ** 2).sum())

    items = np.empty((*map(len, nodes), 1, 1))
    for place in product(*(range(len(each)) for each in nodes)):
        items[place] = value([each[number] for each, number in zip(nodes, place, strict=True)])
    # A taste of one property is that property times a number of either sign.
    worlds = (numbers.NumbersWorld.of(items, seed) for seed in range(0, 20, 2))
    world = next(world for world in worlds if world.quality(peak) > 0.5)
    assert world.quality(peak) == pytest.approx(1)
    assert world.quality(np.zeros(6, dtype=int)) < 0.5
    ratings = world.rate(np.array([peak, peak]), np.random.default_rng(0))
    assert ratings[0] == pytest.approx(ratings[1])


def test_pictures_to_the_goal_count_from_the_last_miss_on(numbers):
    quality = np.array([[0.5, 0.95, 0.8, 0.9, 1.0], [0.9] * 5, [0.1] * 5])
    assert numbers.pictures_to_goal(quality).tolist() == [32, 8, 48]


def test_plots_keep_the_numbers_of_the_best_picture(numbers):
    """Without noise, and with a sum of curves of one number each, plots climb to the best."""
    levels = (13, 13, 13, 13, 12, 9)
    plots = numbers.Plots(levels, np.random.default_rng(0))
    peak = np.array([12, 0, 4, 8, 11, 3])
    for _ in range(20):
        batch = plots.ask(8)
        assert ((batch >= 0) & (batch < levels)).all()
        plots.tell(batch, -(((batch - peak) / levels) ** 2).sum(axis=1))
    assert np.abs(plots.recommend() - peak).max() <= 1


def test_runs_of_a_larger_budget_serve_smaller_ones(tmp_path):
    from soart.benchmarks.search import tuning

    path = tmp_path / "random-v1-80-3.json"
    path.write_text('{"quality": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "seconds": 5.0}')
    # Without a world, a new run would fail.
    assert tuning.cached("random", 3, (8, 16, 24), tmp_path, None) == {"quality": [0.1, 0.2, 0.3], "seconds": 5.0}
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "soart,tp"], "'tp' is not one of soart, optuna-gp, tpe,"),
        (["--seeds", "0"], "expected a whole number of at least 1, got '0'."),
        (["--budget", "20"], "invalid choice: 20"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(numbers, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["tuning_numbers.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        numbers.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
