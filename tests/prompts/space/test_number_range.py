import itertools

import numpy as np
import pytest

from soart.errors import PromptError
from soart.prompts.space.number_range import FINEST, NumberRange
from soart.prompts.space.slots import Slot
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.orthogonal_arrays import first_batch
from soart.prompts.steering.spaces import domain_of
from soart.prompts.steering.steering import Steering

SPACE = """
template: "a {style} fox, (snow:{weight})"
slots:
  style: [woodcut, ink]
  weight: {low: 0.4, high: 1.6, step: 0.05}
  guidance: {low: 1, high: 12}
  steps: {low: 4, high: 60, log: true}
"""


def test_steps_are_exact_decimals():
    assert NumberRange(0.1, 0.5, 0.1).texts() == ["0.1", "0.2", "0.3", "0.4", "0.5"]
    assert NumberRange(1, 8, 3).texts() == ["1", "4", "7"]


def test_numbers_of_numpy_are_numbers():
    numpys = NumberRange(np.float64(0.1), np.float64(0.5), np.float64(0.1))
    assert numpys == NumberRange(0.1, 0.5, 0.1)
    assert numpys.texts() == ["0.1", "0.2", "0.3", "0.4", "0.5"]
    assert NumberRange(np.int64(4), np.int64(60), log=True, whole=True) == NumberRange(4, 60, log=True, whole=True)
    space = PromptSpace((Slot("weight", NumberRange(np.float32(0.5), np.float64(1.5), np.float64(0.25))),))
    assert PromptSpace.parse_yaml(space.to_yaml()) == space
    for low, high, step in (("0", 1, None), (0, [1], None), (0, 1, "x"), (False, 1, None)):
        with pytest.raises(PromptError, match="of a range as a number, got"):
            NumberRange(low, high, step)


@pytest.mark.parametrize("low", [0.0, -3.0, 0.5])
@pytest.mark.parametrize("width", [0.004, 0.7, 1.0, 11.0, 99.0, 12_345.0])
def test_ranges_without_a_step_get_a_round_one(low, width):
    values = [float(text) for text in NumberRange(low, low + width).texts()]
    assert 20 <= len(values) <= FINEST
    assert values[0] == low
    assert values[-1] <= low + width + 1e-9
    np.testing.assert_allclose(np.diff(values), values[1] - values[0], rtol=1e-6)


def test_whole_numbers_and_ratios():
    assert NumberRange(1, 9, whole=True).texts() == [str(n) for n in range(1, 10)]
    steps = [int(text) for text in NumberRange(4, 400, log=True, whole=True).texts()]
    assert steps[0] == 4
    assert steps[-1] == 400
    assert all(a < b for a, b in itertools.pairwise(steps))
    ratios = np.diff(np.log([float(t) for t in NumberRange(1e-4, 1.0, log=True).texts()]))
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=0.05)


def test_narrow_ranges_of_ratios_stay_inside():
    """Rounded to three digits, the first numbers would be below the lowest."""
    values = [float(text) for text in NumberRange(1.001, 1.1, log=True).texts()]
    assert (values[0], values[-1]) == (1.001, 1.1)
    assert all(a < b for a, b in itertools.pairwise(values))
    assert Slot("weight", NumberRange(1.0049, 1.0061, log=True)).numbers == (1.0049, 1.0061)


def test_a_space_with_numbers_is_written_as_it_was_read():
    space = PromptSpace.parse_yaml(SPACE)
    assert space.levels[:2] == (2, 25)
    assert PromptSpace.parse_yaml(space.to_yaml()) == space
    assert "low: 0.4" in space.to_yaml()
    words = space.render(space.choice_of({"style": "ink", "weight": 1.0, "guidance": "7", "steps": 20}))
    assert (words.prompt, words.guidance, words.steps) == ("a ink fox, (snow:1)", 7.0, 20)
    assert space.restrict(pins=["weight=1.00"]).size == space.size / 25


@pytest.mark.parametrize(
    ("slot", "message"),
    [
        ("low: 3", "line 3, slots.x: Expected both 'low' and 'high'"),
        ("low: 3, high: 2", "low below high"),
        ("low: 0, high: 2, log: true", "above 0 on a logarithmic scale"),
        ("low: 0, high: 1, step: 0.0001", "10001"),
        ("low: 0, high: 1, step: 3", "2 to 201 numbers"),
        ("low: 0, high: 1, step: 0", "greater than 0"),
        ("low: 0, high: 1, step: 1.0e-320", "too many"),
        ("low: -1.0e+308, high: 1.0e+308", "finite numbers"),
        ("low: 0, high: 1, options: [a]", "no 'options'"),
        ("step: 3, options: [a]", "'step' and 'log' with 'low'"),
        ("low: three, high: 4", "number"),
    ],
)
def test_mistakes_in_a_range_are_one_sentence(slot, message):
    with pytest.raises(PromptError, match=message):
        PromptSpace.parse_yaml(f"slots:\n\n  x: {{{slot}}}\n")


def test_steps_must_be_whole():
    for step in (np.inf, np.nan, 0):
        with pytest.raises(PromptError, match="finite step above 0"):
            NumberRange(1, 9, step, whole=True)
    with pytest.raises(PromptError, match="whole numbers"):
        PromptSpace.parse_yaml("slots:\n  steps: {low: 1.5, high: 9}")


def test_listed_guidances_count_as_numbers_if_they_increase():
    assert Slot("guidance", ["2", "3.5", "5"]).numbers == (2.0, 3.5, 5.0)
    assert Slot("guidance", ["5", "3", "4"]).numbers is None
    assert Slot("guidance", ["", "3", "4"]).numbers is None
    assert Slot("style", ["1", "2", "3"]).numbers is None


def test_a_first_batch_spreads_numbers_over_their_range():
    space = PromptSpace.parse_yaml(SPACE)
    design = first_batch(space, 8, np.random.default_rng(0))
    assert len(design) <= 16
    assert len(np.unique(design[:, 1])) == 4
    assert np.ptp(design[:, 1]) >= 12


def test_steering_finds_the_best_number_between_those_it_tried():
    space = PromptSpace.parse_yaml(SPACE)
    domain, rng = domain_of(space), np.random.default_rng(1)
    steering = Steering(domain)
    for _ in range(4):
        batch = steering.ask(8, rng)
        far = (batch[:, 1] - 15) / 8, (batch[:, 2] - 30) / 15
        steering.tell(batch, 0.5 * batch[:, 0] - far[0] ** 2 - far[1] ** 2 + 0.2 * rng.normal(size=len(batch)))
    best = steering.recommend(rng).choice
    assert best[0] == 1
    assert abs(best[1] - 15) <= 4
    assert abs(best[2] - 30) <= 8
    table = steering.effects(rng)
    curve = [effect.mean for effect in table.effects if effect.slot == 1]
    assert len(curve) == 25
    assert np.abs(np.diff(curve, 2)).max() < 0.3 * np.ptp(curve)
    kinds = [(pair.slots, pair.options[0] if pair.slots[0] == 0 else -1) for pair in table.pairs]
    assert len(set(kinds)) == len(kinds)
