"""Proposals of new options by meaning."""

from dataclasses import replace

import numpy as np
import pytest

from soart.errors import PromptError
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.proposals import NeighbourProposer, Proposal, Situation, new_proposals, plain_option
from soart.prompts.steering.search import Domain
from soart.prompts.steering.steering import Steering

VECTORS = {
    "oil": (1, 0, 0), "gouache": (0.9, 0.1, 0), "pixels": (0, 1, 0), "low poly": (0.1, 0.9, 0),
    "red": (0, 0, 1), "crimson": (0, 0.1, 0.9), "blue": (0.2, 0.2, -1), "navy": (0.2, 0.2, -0.9), "ink": (0.5, 0.5, 0),
}  # fmt: skip


def known(texts):
    return {text: np.array(VECTORS[text], dtype=float) for text in texts if text in VECTORS}


def situation(effects, phrases=(), meanings=known):
    space = PromptSpace.parse_yaml("""
template: "{style}, {tint}, {light}"
slots:
  style: [oil, pixels]
  tint: {options: ["", red, blue], more: [navy, crimson, red]}
  light: [dawn, dusk]
""")
    return Situation(space, effects, phrases, meanings)


def test_words_near_good_options_come_first():
    proposer = NeighbourProposer({"style": ["oil", "pixels", "low poly", "gouache"], "other": ["unrelated"]})
    effects = {"style": {"oil": 2.0, "pixels": -2.0}, "tint": {"": 0.0, "red": -1.0, "blue": 1.0}}
    assert proposer.propose(situation(effects), 2) == [
        Proposal("style", "gouache", "similar to oil"),
        Proposal("tint", "navy", "similar to blue"),
    ]
    worse = {"style": {"oil": -2.0, "pixels": 2.0}, "tint": {"": 0.0, "red": 1.0, "blue": -1.0}}
    assert [proposal.text for proposal in proposer.propose(situation(worse), 1)] == ["low poly"]
    assert {proposal.text for proposal in proposer.propose(situation(worse), 9)} == {"low poly", "crimson"}


def test_negative_prompts_get_faults_alone():
    space = PromptSpace.parse_yaml("""
template: "a fox, {quality}"
negative: "{avoid}"
slots:
  quality: [sharp, blurry]
  avoid: {options: [blurry, noisy], kind: negative}
""")
    vocabularies = {"quality": ["sharp", "vivid", "blurry", "noisy"], "embedded_negative": ["blurry", "noisy", "faded"]}
    vectors = {word: np.eye(5)[number] for number, word in enumerate(["sharp", "vivid", "blurry", "noisy", "faded"])}
    effects = {"quality": {"sharp": 1.0, "blurry": -1.0}, "avoid": {"blurry": 1.0, "noisy": 0.0}}
    made = Situation(
        space, effects, ["vivid"], lambda texts: {text: vectors[text] for text in texts if text in vectors}
    )
    found = {proposal.slot: proposal.text for proposal in NeighbourProposer(vocabularies).propose(made, 9)}
    assert found["avoid"] == "faded"
    assert found["quality"] in ("vivid", "noisy")


def test_without_meanings_a_vocabulary_goes_on_in_its_order():
    proposer = NeighbourProposer({"any": ["dawn", "noon", "night"]})
    proposals = proposer.propose(situation({"light": {"dawn": 1.0, "dusk": 0.0}}, meanings=lambda texts: {}), 3)
    assert proposals == [Proposal("light", "noon", "the next word of its vocabulary")]


def test_phrases_of_good_prompts_go_where_their_meaning_is():
    effects = {"style": {"oil": 1.0, "pixels": 0.0}, "light": {"dawn": 0.0, "dusk": 0.0}}
    proposals = NeighbourProposer({}).propose(situation(effects, ["gouache", "unheard of", "oil"]), 3)
    assert proposals == [Proposal("style", "gouache", "in a good prompt, similar to oil")]


def test_phrases_do_not_go_where_they_do_not_fit():
    effects = {"style": {"oil": 1.0, "pixels": 0.0}, "tint": {"red": 0.0, "blue": 0.0}}
    barred = {"gouache": frozenset({"style"}), "low poly": frozenset({"style", "tint"})}
    made = situation(effects, ["gouache", "low poly"])

    def homes(one):
        return {(p.slot, p.text) for p in NeighbourProposer({}).propose(one, 9) if p.text in barred}

    assert homes(made) in ({("style", "gouache")}, {("style", "low poly")})
    # The nearest slot that fits gets the phrase.
    assert homes(replace(made, barred=barred)) == {("tint", "gouache")}


@pytest.mark.parametrize("text", ["oil paint", "  f/1.4   aperture ", "bird's-eye view", "ÉTÉ", "8k"])
def test_plain_options(text):
    assert plain_option(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "text",
    ["", "  ", "<lora:x:1>", "{style}", "(snow:1.2)", "a b c d e f g", "x" * 80, "__art__", "a|b", "\x00", "…", "-"],
)
def test_texts_that_are_no_plain_options(text):
    assert plain_option(text) == ""


def test_only_new_options_of_worded_slots_are_kept():
    space = PromptSpace.parse_yaml("template: '{style}'\nslots: {style: [oil, ink], steps: [3, 4]}")
    proposals = [
        Proposal(slot, text, "")
        for slot, text in [("style", "OIL"), ("style", "{x}"), ("steps", "5"), ("no", "a"), ("style", ""), ("style", "wax"),
                           ("style", "Wax"), ("style", "tar")]
    ]  # fmt: skip
    assert [proposal.text for proposal in new_proposals(proposals, space, 1)] == ["wax"]
    assert [proposal.text for proposal in new_proposals(proposals, space, 9)] == ["wax", "tar"]


def test_options_are_hopeless_if_they_are_surely_worse_and_in_no_choice_that_may_be_the_best():
    rng = np.random.default_rng(3)
    values = np.array([1.0, 0.8, -3.0, 0.9])
    x = Domain.of((4, 3)).random(rng, 60)
    steering = Steering(Domain.of((4, 3)))
    steering.tell(x, values[x[:, 0]] + 0.2 * rng.standard_normal(60))
    assert steering.hopeless(np.random.default_rng(0))[0] == (0, 2)
    assert all(slot == 0 for slot, _ in steering.hopeless(np.random.default_rng(0)))
    steering.domain = Domain.of((4, 3), [[True, True, False, True], [True] * 3])
    assert (0, 2) not in steering.hopeless(np.random.default_rng(0))
    assert Steering(Domain.of((4, 3))).hopeless(rng) == []


def test_added_options_leave_choices_and_bans_as_they_are():
    space = PromptSpace.parse_yaml("template: '{style}'\nslots: {style: [oil, ink], steps: [3, 4]}\nban: [style=oil]")
    more = space.with_options({"style": ["wax"]})
    assert more.levels == (3, 2)
    assert more.options == ((1, 2), (0, 1))
    assert more.describe((1, 0)) == space.describe((1, 0))
    for added, message in (({"style": ["ink"]}, "twice"), ({"no": ["x"]}, "Unknown slot")):
        with pytest.raises(PromptError, match=message):
            space.with_options(added)


def test_a_slot_without_more_words_stays_as_it_is():
    space = PromptSpace.parse_yaml("slots: {style: {options: [oil, ink], more: []}, light: [dawn, dusk]}")
    assert (space.slots[0].more, space.slots[1].more) == ((), None)
    assert PromptSpace.parse_yaml(space.to_yaml()) == space
    effects = {"style": {"oil": 1.0, "ink": 0.0}, "light": {"dawn": 1.0, "dusk": 0.0}}
    proposer = NeighbourProposer({"style": ["oil", "gouache"], "light": ["dawn", "noon"]})
    proposals = proposer.propose(Situation(space, effects, ["gouache"], known), 9)
    assert [proposal.slot for proposal in proposals] == ["light"]
    assert new_proposals([Proposal("style", "gouache", "")], space, 9) == []


def test_more_words_survive_a_round_through_yaml():
    space = situation({}).space
    assert space.slots[1].more == ("navy", "crimson", "red")
    assert PromptSpace.parse_yaml(space.to_yaml()) == space
    with pytest.raises(PromptError, match="not made of words"):
        PromptSpace.parse_yaml("slots: {style: [oil], steps: {options: [3, 4], more: [5]}}")
