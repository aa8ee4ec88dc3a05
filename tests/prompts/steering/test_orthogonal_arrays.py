import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space.constraints import needs, not_both
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.orthogonal_arrays import (
    _exchange,
    assign_columns,
    choose_array,
    first_batch,
    orthogonal_design,
    standard_arrays,
)


def space(levels, **parts):
    return PromptSpace(tuple(Slot(f"s{i}", [f"o{k}" for k in range(n)]) for i, n in enumerate(levels)), **parts)


def balance(choices, levels):
    """Largest deviations of an option's count, and of a pair's, from even ones; slots of one option do not count."""
    runs, varied = len(choices), [s for s, n in enumerate(levels) if n > 1]
    single = [np.abs(np.bincount(choices[:, s], minlength=levels[s]) - runs / levels[s]).max() for s in varied]
    paired = [0.0]
    for a, b in itertools.combinations(varied, 2):
        cells = levels[a] * levels[b]
        counts = np.bincount(choices[:, a] * levels[b] + choices[:, b], minlength=cells)
        paired.append(np.abs(counts - runs / cells).max())
    return max(single, default=0.0), max(paired)


def repeats(choices):
    return len(choices) - len(np.unique(choices, axis=0))


@pytest.mark.parametrize("name", standard_arrays())
def test_every_pair_of_columns_of_a_standard_array_is_even(name):
    array = standard_arrays()[name]
    levels = (array.max(axis=0) + 1).tolist()
    assert name.startswith(f"L{len(array)}(")
    assert array.min() == 0
    assert balance(array, levels) == (0, 0)


def test_the_classics_are_there():
    names = set(standard_arrays())
    assert {"L4(2^3)", "L8(2^7)", "L9(3^4)", "L12(2^11)", "L16(2^15)", "L16(4^5)", "L18(2^1 3^7)", "L25(5^6)"} <= names
    assert {"L27(3^13)", "L32(2^31)", "L36(2^11 3^12)", "L64(2^63)", "L81(3^40)", "L8(2^4 4^1)"} <= names


@pytest.mark.parametrize(
    ("levels", "count", "name"),
    [
        ((2,) * 7, 8, "L8(2^7)"),
        ((2,) * 11, 12, "L12(2^11)"),
        ((3,) * 4, 8, "L9(3^4)"),
        ((2,) + (3,) * 7, 16, "L18(2^1 3^7)"),
        ((4,) * 5, 16, "L16(4^5)"),
        ((4, 2, 2, 2, 2), 8, "L8(2^4 4^1)"),
        ((3,) * 13, 27, "L27(3^13)"),
        ((5,) * 6, 20, "L25(5^6)"),
        ((2, 2, 2, 3, 3, 3, 3, 3), 36, "L36(2^11 3^12)"),
    ],
)
def test_the_array_that_fits_is_found_and_perfectly_even(levels, count, name):
    array, choices = orthogonal_design(levels, count, np.random.default_rng(0))
    assert array == name == choose_array(levels, count)
    assert balance(choices, levels) == (0, 0)
    assert repeats(choices) == 0


@pytest.mark.parametrize(
    ("levels", "misfit"),
    [
        ((4,), 0.0),
        ((2,), 0.0),
        # One level of the column with four is a dummy.
        ((3,), 0.3),
        # The second slot shows two options of each level of a column with two, evenly or not.
        ((4, 4), 0.5 / 2),
        ((3, 3), (0.3 + 0.6) / 2),
        # The sixth slot has no column.
        ((2,) * 6, 1 / 6),
    ],
)
def test_the_misfit_tells_how_slots_fit_their_columns(levels, misfit):
    array = standard_arrays()["L8(2^4 4^1)"]
    columns, found = assign_columns(levels, array)
    assert found == pytest.approx(misfit)
    assert (columns == -1).sum() == max(len(levels) - 5, 0)
    assert len(set(columns[columns >= 0])) == min(len(levels), 5)


@given(st.sampled_from([(2, 16), (3, 27), (4, 32), (5, 25)]), st.data())
@settings(max_examples=30, deadline=None)
def test_full_strength_cases(case, data):
    level, count = case
    slots = data.draw(st.integers(3, 6))
    _, made = orthogonal_design((level,) * slots, count, np.random.default_rng(data.draw(st.integers(0, 2**32))))
    for a, b in itertools.combinations(range(slots), 2):
        counts = np.zeros((level, level))
        np.add.at(counts, (made[:, a], made[:, b]), 1)
        assert (counts == len(made) / level**2).all()


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(1, 90), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_any_levels_give_a_batch(levels, count, seed):
    array, made = orthogonal_design(levels, count, np.random.default_rng(seed))
    assert made.shape[1] == len(levels)
    assert (made >= 0).all()
    assert (made < levels).all()
    for column, level in zip(made.T, levels, strict=True):
        assert len(set(column)) == min(level, len(column))
    again = orthogonal_design(levels, count, np.random.default_rng(seed))
    assert (again[1] == made).all()
    assert again[0] == array


def test_collapsed_slots_show_every_option_evenly():
    levels = (6,) * 8
    one_way, two_way = balance(orthogonal_design(levels, 36, np.random.default_rng(0))[1], levels)
    assert one_way == 0
    random = np.random.default_rng(1)
    naive = [balance(random.integers(0, 6, (36, 8)), levels) for _ in range(50)]
    assert two_way < min(pairs for _, pairs in naive)


def test_exchanges_within_groups_part_runs_that_agree():
    rng = np.random.default_rng(0)
    column, groups = np.resize(np.arange(4), 16), np.repeat([0, 1], 8)
    agreeing = rng.integers(0, 5, (16, 16))
    agreeing += agreeing.T

    def agreement(options):
        same = (options[:, None] == options[None, :]) & ~np.eye(16, dtype=bool)
        return (agreeing * same).sum()

    exchanged = _exchange(column, groups, agreeing, 4)
    assert agreement(exchanged) < 0.9 * agreement(column)
    for group in (0, 1):
        assert sorted(exchanged[groups == group]) == sorted(column[groups == group])


def test_more_slots_than_columns_stay_nearly_even():
    _, made = orthogonal_design((2,) * 30, 16, np.random.default_rng(0))
    one_way, two_way = balance(made, (2,) * 30)
    assert one_way == 0
    assert two_way <= 3
    assert repeats(made) == 0


def test_columns_are_chosen_so_that_no_run_repeats():
    for seed in range(5):
        _, made = orthogonal_design((2, 2, 2), 7, np.random.default_rng(seed))
        assert repeats(made) == 0
        assert len(made) == 8


def test_small_spaces_are_gone_through_whole():
    array, made = orthogonal_design((2, 3), 8, np.random.default_rng(0))
    assert array == "full factorial"
    assert len(np.unique(made, axis=0)) == 6
    assert orthogonal_design((1, 1), 8, np.random.default_rng(0))[1].tolist() == [[0, 0]]


def test_broken_rows_are_repaired_to_the_nearest_choice():
    rules = (not_both("s0=o0", "s1=o0"), needs("s2=o1", "s3=o2"))
    made = space((3,) * 6, constraints=rules)
    _, free = orthogonal_design((3,) * 6, 27, np.random.default_rng(4))
    fixed = first_batch(made, 27, np.random.default_rng(4))
    broken = ~made.allowed(free)
    assert broken.any()
    assert made.allowed(fixed).all()
    assert (fixed[~broken] == free[~broken]).all()
    for was, now in zip(free[broken], fixed[broken], strict=True):
        assert (was != now).sum() == (was != np.array(made.nearest(was))).sum()


def test_bans_are_left_out_of_the_array():
    made = space((4, 3, 3, 3)).restrict(bans=["s0=o1"])
    batch = first_batch(made, 9, np.random.default_rng(0))
    assert len(batch) == 9
    assert set(batch[:, 0]) == {0, 2, 3}
    assert balance(np.column_stack([np.searchsorted([0, 2, 3], batch[:, 0]), batch[:, 1:]]), (3,) * 4) == (0, 0)


def test_a_small_constrained_space_gives_its_allowed_choices():
    made = space((2, 2, 2), constraints=(not_both("s0=o0", "s1=o0"),))
    batch = first_batch(made, 8, np.random.default_rng(0))
    assert len(batch) == made.size == 6
    assert repeats(batch) == 0


def test_the_shape_of_a_plain_prompt_is_quick():
    made = PromptSpace.from_text("a fox")
    batch = first_batch(made, 24, np.random.default_rng(0))
    assert 18 <= len(batch) <= 32
    assert balance(batch, made.levels)[0] <= 1
    assert repeats(batch) == 0


@pytest.mark.parametrize(("levels", "count"), [((), 8), ((2, 0), 8), ((2, 2), 0)])
def test_bad_input(levels, count):
    with pytest.raises(PromptError, match="at least one run"):
        orthogonal_design(levels, count, np.random.default_rng(0))
