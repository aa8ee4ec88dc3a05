"""Numbers that exist only where their LoRA or words are in: one choice for what is one prompt, wherever choices are made."""

import itertools

import numpy as np
import pytest

from soart.errors import PromptError
from soart.prompts.rating_model.kernels import Hyperparameters, taste_kernel
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.space.space import PromptSpace
from soart.prompts.space.templates import expand
from soart.prompts.steering.batches import balanced_batch
from soart.prompts.steering.knowledge_gradient import candidates
from soart.prompts.steering.orthogonal_arrays import first_batch
from soart.prompts.steering.search import best_of, keys, neighbours
from soart.prompts.steering.spaces import domain_of, similarities_of
from soart.prompts.steering.steering import Steering

SPACE = """
template: "a {animal}{effect}"
slots:
  animal: [fox, owl]
  ink: {low: 0, high: 1, step: 0.25}
  effect: ["", ", <lora:ink:{ink}>", ", (snow:{snow})"]
  snow: {low: 0.4, high: 1.6, step: 0.4}
"""
#: Two LoRAs, words and a negative weight, with far more choices than are searched one by one.
LARGE = """
template: "a {animal}, {style}{first}{second}"
negative: "{faults}"
slots:
  animal: [fox, owl, bear, boat]
  style: [ink, woodcut, flat design, watercolor]
  first: ["", " <lora:a:{a}>", " <lora:b:{a}>"]
  a: {low: 0, high: 1.2}
  second: ["", " (snow:{snow}) <lora:c:{c}>"]
  snow: {low: 0.4, high: 1.6}
  c: {low: -1, high: 1}
  faults: {kind: negative, options: ["", "(blurry:{blurry})"]}
  blurry: {kind: negative, low: 0.5, high: 1.5}
"""


@pytest.fixture(scope="module")
def space():
    return PromptSpace.parse_yaml(SPACE)


@pytest.fixture(scope="module")
def large():
    return PromptSpace.parse_yaml(LARGE)


def everything(space):
    grid = np.array([*itertools.product(*map(range, space.levels))])
    return grid[space.allowed(grid)]


def test_each_prompt_is_one_choice(space):
    choices = everything(space)
    prompts = [space.render(choice).prompt for choice in choices]
    assert len(choices) == space.size == 2 * (1 + 5 + 4)
    assert len(set(prompts)) == space.size
    assert not any("{" in prompt for prompt in prompts)
    assert {prompt for prompt in prompts if "fox" in prompt and "lora" in prompt} == {
        f"a fox, <lora:ink:{weight}>" for weight in ("0", "0.25", "0.5", "0.75", "1")
    }


def test_a_space_with_conditions_is_written_as_it_was_read(space, large):
    for each in (space, large):
        again = PromptSpace.parse_yaml(each.to_yaml())
        assert again == each
        assert again.fingerprint == each.fingerprint


def test_choices_are_described_and_found_again(space):
    for choice in everything(space):
        assert space.choice_of(space.describe(choice)) == tuple(choice)
    words = {"animal": "fox", "effect": ", <lora:ink:{ink}>"}
    assert space.render(space.choice_of({**words, "ink": 0.5})).prompt == "a fox, <lora:ink:0.5>"
    with pytest.raises(PromptError, match="Slot 'ink' needs a number with effect="):
        space.choice_of(words)
    with pytest.raises(PromptError, match="Slot 'snow' is not in use with effect="):
        space.choice_of({**words, "ink": 0.5, "snow": 0.8})


def test_random_choices_use_every_option_and_no_slot_that_is_off(space, large):
    drawn = space.sample(200, seed=0, distinct=False)
    assert space.allowed(drawn).all()
    assert np.bincount(drawn[:, 2]).min() > 40
    assert len(space.sample(50, seed=1)) == space.size
    assert large.allowed(large.sample(200, seed=0)).all()


def test_designs_hold_to_the_conditions(large):
    domain, rng = domain_of(large), np.random.default_rng(0)
    for design in (first_batch(large, 16, rng), balanced_batch(domain, 16, rng), domain.random(rng, 50)):
        assert large.allowed(design).all()
        assert {tuple(row) for row in design[:, [2, 4]]} >= {(0, 0), (1, 1)}
    small = PromptSpace.parse_yaml("slots:\n  x: ['', 'b {w}']\n  w: {low: 0, high: 1, step: 1}")
    assert small.allowed(first_batch(small, 16, rng)).all()
    assert len(first_batch(small, 16, rng)) == small.size == 3


def test_bans_and_pins(space):
    pinned = space.restrict(pins=["ink=0.5"])
    assert pinned.size == 2 * (1 + 1 + 4)
    assert space.restrict(bans=["effect=lora"]).size == 2 * (1 + 4)
    assert space.restrict(pins=["effect=snow"]).size == 2 * 4
    none = space.restrict(bans=[f"ink={weight}" for weight in (0, 0.25, 0.5, 0.75, 1)])
    assert none.size == 2 * (1 + 4)
    assert none.allowed(none.sample(40, 0)).all()


def test_slots_that_are_off_are_equal_and_have_no_effect(space):
    rng = np.random.default_rng(3)
    theta = Hyperparameters(2.0, 0.7, 0.5, rng.random(4), odds=np.array([0, 2.0, 0, 3.0]),
                            lengths=np.array([0, 0.4, 0, 0.4]), similarities=similarities_of(space))  # fmt: skip
    choices = everything(space)
    kernel = taste_kernel(choices, choices, space.levels, theta)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    # Without the two slots choices that do not use them have the same covariance.
    plain = np.flatnonzero(choices[:, 2] == 0)
    short = taste_kernel(
        choices[plain][:, [0, 2]],
        choices[plain][:, [0, 2]],
        [2, 3],
        Hyperparameters(2.0, 0.7, 0.5, theta.slots[[0, 2]]),
    )
    np.testing.assert_allclose(kernel[np.ix_(plain, plain)], short)
    used = np.flatnonzero(choices[:, 2] == 1)
    weights = choices[used, 1]
    same = kernel[np.ix_(used, used)][weights[:, None] == weights].mean()
    assert same > kernel[np.ix_(used, used)][weights[:, None] != weights].mean()


def test_slots_that_are_off_have_no_effects(space):
    choices, rng = everything(space), np.random.default_rng(0)
    values = (
        1.0 * (choices[:, 2] == 1) - (choices[:, 1] - 3.0) ** 2 * (choices[:, 2] == 1) / 4 + 0.1 * rng.normal(size=20)
    )
    model = RatingModel(space.levels, similarities=similarities_of(space)).fit(choices, values)
    assert np.corrcoef(model.predict(choices)[0], values)[0, 1] > 0.9
    table = model.means()[0]
    off = [int(np.sum(space.levels[: at + 1])) - 1 for at in (1, 3)]
    assert np.abs(table.main[0, off]).max() < 1e-9
    assert np.abs(table.pair[0][off]).max() < 1e-9


def test_the_search_switches_slots_on_and_off(large):
    domain, rng = domain_of(large), np.random.default_rng(0)
    known = large.sample(60, 0, distinct=True)

    def worth(choices, sign):
        return sign * ((choices[:, 4] == 1) * (1 - np.abs(choices[:, 6] - 30) / 10) + (choices[:, 2] == 2) * 1.0)

    for sign, wanted in ((1, (2, 1)), (-1, None)):
        model = RatingModel(large.levels, similarities=domain.similarities, iterations=10).fit(
            known, worth(known, sign)
        )
        table = model.means()[0]
        best = best_of(table, domain, rng)[0]
        assert large.allows(best)
        better = large.sample(3000, 5)
        assert table(best[None])[0, 0] >= table(better)[0].max() - 1e-9
        if wanted:
            assert tuple(best[[2, 4]]) == wanted
    near = neighbours(known[:1], domain)
    assert large.allowed(near).all()
    for slot in (2, 4, 7):
        assert (near[:, slot] != known[0, slot]).any()
    assert large.allowed(candidates(known[:3], table, domain)).all()


def test_steering_asks_for_no_choice_twice(space):
    domain, rng = domain_of(space), np.random.default_rng(2)
    steering, asked = Steering(domain), []
    while len(batch := steering.ask(6, rng)):
        asked += keys(batch)
        far = np.where(batch[:, 2] == 1, 1 - np.abs(batch[:, 1] - 2) / 2, 0.0)
        steering.tell(batch, far + 0.1 * rng.normal(size=len(batch)))
    assert len(set(asked)) == len(asked) == space.size
    assert space.allowed(np.array(asked)).all()
    assert tuple(steering.recommend(rng).choice[[1, 2]]) == (2, 1)
    effects = [effect for effect in steering.effects(rng).effects if effect.slot == 1]
    assert (effects[-1].mean, effects[-1].low, effects[-1].high) == pytest.approx((0, 0, 0), abs=1e-9)
    assert max(effects, key=lambda effect: effect.mean).option == 2


def test_templates_write_numbers_in_braces():
    space = PromptSpace.from_text("a {fox|owl}, <lora:ink:{0..1.2}>{|, (deep snow:{0.4…1.6..0.4})} {5..10}")
    assert [(slot.name, slot.conditional) for slot in space.slots] == [
        ("choice1", False), ("ink", False), ("deep_snow", True), ("choice2", False), ("number1", False)
    ]  # fmt: skip
    assert space.template == "a {choice1}, <lora:ink:{ink}>{choice2} {number1}"
    assert space.slots[2].numbers == (0.4, 0.8, 1.2, 1.6)
    assert PromptSpace.parse_yaml(space.to_yaml()) == space
    prompts = {space.render(choice).prompt for choice in space.sample(60, 0)}
    assert all(("snow" in prompt) == ("(deep snow:" in prompt) for prompt in prompts)
    twice = PromptSpace.from_text("{|a (b:{0..1})|c (b:{1..2})} {(d:{0..1})}", "(e:{0..1})")
    assert [slot.name for slot in twice.slots] == ["b", "b2", "choice1", "d", "choice2", "e"]
    assert twice.slots[-1].kind == "negative"
    with pytest.raises(PromptError, match="low below high"):
        PromptSpace.from_text("(a:{2..1})")


def test_plain_templates_draw_numbers():
    prompts = expand("a fox, (snow:{0.4..1.6..0.4})", 4, seed=0)
    assert set(prompts) == {f"a fox, (snow:{weight})" for weight in ("0.4", "0.8", "1.2", "1.6")}


def test_earlier_choices_of_an_edited_space(space):
    before = PromptSpace.parse_yaml(
        "template: 'a {animal}{effect}'\nslots:\n  animal: [fox, owl]\n  effect: ['', ', (rain)']"
    )
    mapped = space.map_from(before, np.array([[0, 0], [1, 1]]))
    assert mapped.choices.tolist() == [[0, 5, 0, 4]]
    always = PromptSpace.parse_yaml("template: 'a {animal}, {ink}{effect}'\n" + SPACE.split("\n", 2)[2])
    assert not always.slots[1].conditional
    mapped = space.map_from(always, np.array([[0, 2, 0, 4], [0, 2, 1, 4]]))
    assert mapped.choices.tolist() == [[0, 5, 0, 4], [0, 2, 1, 4]]


def test_braces_in_options_stay_plain_text_where_the_template_has_the_place():
    space = PromptSpace.parse_yaml(
        "template: '{x}, {y}'\nslots:\n  x: ['a {y}', '{z}']\n  y: {low: 0, high: 1, step: 1}"
    )
    assert not space.conditions
    assert space.render((0, 1)).prompt == "a {y}, 1"


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("template: '{x}'\nslots:\n  x: ['a {y}']\n  y: [b, c]", "leaves out {y}"),
        (
            "slots:\n  x: ['a {w}']\n  y: ['b {w}']\n  w: {low: 0, high: 1}",
            "{w} stands in options of several slots .x, y.",
        ),
        ("slots:\n  x: ['', 'a {w}']\n  w: {low: 0, high: 1}\nban: 'x='\npin: 'x='", "leave slot 'x' no option"),
    ],
)
def test_mistakes_are_one_sentence(yaml, message):
    with pytest.raises(PromptError, match=message):
        PromptSpace.parse_yaml(yaml)


def test_an_option_with_a_number_is_drawn_as_often_as_one_without():
    space = PromptSpace.from_text("a castle{|, (snow:{0..1..1})}")
    with_snow = space.sample(4000, 0, distinct=False)[:, 0] < 2
    # Three deviations; were "not in use" drawn beside the two numbers, and refused, two in five would have snow.
    assert abs(with_snow.mean() - 0.5) < 3 * 0.5 / 4000**0.5
