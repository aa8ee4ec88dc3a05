"""Options that a tune adds and retires between batches, on the embedded model at three steps."""

import numpy as np
import pytest
import torch
import transformers
from specimens.judging import ColourJudge

from soart.errors import ModelError, PromptError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.tuning.findings import findings_of
from soart.pipelines.tuning.language_model import LanguageModelProposer, option_of
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.proposing import (
    SpaceStep,
    barred_slots,
    next_step,
    phrases_of,
    read_steps,
    store_steps,
    take,
    vocabulary_proposer,
)
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace
from soart.prompts.steering.proposals import Proposal, Situation
from soart.prompts.steering.spaces import domain_of
from soart.prompts.steering.steering import Steering

SPACE = """
template: a flat picture of a {subject} in {palette}
slots:
  subject: [boat, tree, house]
  palette: {options: [warm colors, monochrome, neon colors, earthy colors], more: [cool colors]}
  steps: ['3']
"""


class Bluish(ColourJudge):
    """A judge that likes blue pictures."""

    name = "blue"

    def score(self, items):
        return 100 * items[
            :, [self.extractor.names.index(f"colour/hue/{hue}") for hue in ("cyan", "azure", "blue")]
        ].sum(1)


@pytest.fixture
def make(generator):
    def tuner(collection, proposer=None, space=SPACE, budget=24, judge=None):
        space = PromptSpace.parse_yaml(space) if isinstance(space, str) else space
        proposer = vocabulary_proposer("embedded") if proposer is None else proposer or None
        return Tuner(
            collection,
            generator,
            space,
            Panel(judge or Bluish()),
            budget=budget,
            batch=6,
            prune=False,
            proposer=proposer,
        )

    return tuner


def course(tuner):
    return [(trial.number, tuner.space.describe(trial.choice), trial.seed) for trial in tuner.study.own]


def test_a_tune_finds_an_option_that_it_did_not_begin_with(make, collection, tmp_path, monkeypatch):
    tuner = make(collection)
    tune(tuner)
    assert [step.after for step in tuner.steps] == [12]
    assert "palette=cool colors (similar to" in str(tuner.steps[0])
    assert ", added subject=" in str(tuner.steps[0])
    assert [trial.number for trial in tuner.study.own] == list(range(len(tuner.study.own)))
    assert tuner.done <= 24
    findings = findings_of(tuner)
    assert findings.winners[0].choice["palette"] == "cool colors"
    assert str(tuner.steps[0]) in findings.notes
    # The space of the report, which --resume takes, goes on with all of its pictures.
    reported = make(collection, False, findings.yaml)
    assert (reported.done, reported.study.earlier) == (tuner.done, [])
    # The space as it was named goes on where the proposals have come to; without them it is itself.
    again = make(collection)
    assert (again.space, again.steps, course(again)) == (tuner.space, tuner.steps, course(tuner))
    assert make(collection, False).space.levels == (3, 4, 1)
    # A run that is killed between the step and the next batch takes the same course.
    with Collection(tmp_path / "other") as other:
        cut = make(other)
        write = Tuner.write

        def torn(self, choices):
            if self.steps:
                raise KeyboardInterrupt
            return write(self, choices)

        with monkeypatch.context() as patch:
            patch.setattr(Tuner, "write", torn)
            with pytest.raises(KeyboardInterrupt):
                tune(cut)
        resumed = make(other)
        assert len(resumed.steps) == 1
        tune(resumed)
        assert course(resumed) == course(tuner)


def test_steps_add_and_retire_once_and_obey_bans():
    space = PromptSpace.parse_yaml(SPACE)
    step = SpaceStep(
        6, "", (Proposal("palette", "cool colors", "similar to x"),), (("subject", "tree"), ("palette", "gone"))
    )
    changed = take(space, step)
    assert changed.slots[1].texts[-1] == "cool colors"
    assert changed.options == ((0, 2), (0, 1, 2, 3, 4), (0,))
    assert take(changed, step) == changed
    pinned = space.restrict(pins=["subject=tree"])
    assert take(pinned, step).options[0] == (1,)
    # Nor do added options loosen a pin.
    pinned = take(space.restrict(pins=["palette=monochrome"]), step)
    assert (pinned.slots[1].texts[-1], pinned.options[1]) == ("cool colors", (1,))
    assert pinned.fingerprint == changed.fingerprint
    assert (
        str(step)
        == "After 6 candidates: added palette=cool colors (similar to x), retired subject=tree, retired palette=gone."
    )
    assert str(SpaceStep(6, "")) == ""


def test_what_is_retired_for_one_judge_is_not_for_another(make, collection):
    tuner = make(collection)
    step = SpaceStep(12, tuner.space.fingerprint, (), (("subject", "tree"),), goal=tuner.panel.counting)
    store_steps(collection, tuner.space.fingerprint, tuner.generator.model.identity, tuner.seed, [step])
    assert make(collection).space.options[0] == (0, 2)
    other = Bluish()
    other.name = "as blue"
    assert make(collection, judge=other).space.options[0] == (0, 1, 2)


def test_reasons_come_back_also_as_earlier_versions_stored_them(make, collection):
    tuner = make(collection)
    key = (tuner.space.fingerprint, tuner.generator.model.identity, tuner.seed)
    old = [
        "%(share)s %% like %(option)s",
        {"share": "3", "option": ["%(count)s x", {"count": "2"}, "%(count)s y", 2]},
        "",
        1,
    ]
    step = SpaceStep(
        6, tuner.space.fingerprint, (Proposal("palette", "cool", "similar to x"), Proposal("palette", "old", old))
    )
    store_steps(collection, *key, [step])
    [read] = read_steps(collection, *key)
    assert [proposal.reason for proposal in read.added] == ["similar to x", "3 % like 2 y"]


class Silent:
    """A proposer that proposes nothing."""

    note = ""

    def propose(self, situation, count):
        return []


@pytest.mark.parametrize(
    ("options", "retired"), [("red, blue, tan", 0), ("red, blue, tan, teal", 1), ("a, b, c, d, e, f", 2)]
)
def test_a_step_retires_two_options_at_most_and_leaves_three(options, retired):
    space = PromptSpace.parse_yaml(f"slots: {{colour: [{options}], what: [boat, fox]}}")
    steering = Steering(domain_of(space))
    choices = space.sample(12, 0).repeat(4, axis=0)
    steering.tell(choices, 5.0 * (choices[:, 0] == 0) + np.random.default_rng(0).normal(0, 0.1, len(choices)))
    assert len(steering.hopeless(np.random.default_rng(0))) >= retired
    changed, step = next_step(space, steering, Silent(), [], lambda texts: {}, 8, np.random.default_rng(0))
    assert (len(step.retired), len(step.added)) == (retired, 0)
    assert len(changed.options[0]) == max(3, len(space.options[0]) - retired)
    assert 0 in changed.options[0]


def test_phrases_are_what_the_space_does_not_say():
    space = PromptSpace.parse_yaml(SPACE)
    phrases = phrases_of(["a boat in warm colors, Golden Hour, (odd:1.3), without fog, <lora:x:1>"], space)
    assert phrases[0] == "Golden Hour"
    assert not {"boat", "warm colors", "fog"} & set(phrases)


def test_subjects_of_good_prompts_are_no_styles():
    space = PromptSpace.parse_yaml("""
template: a {thing} in {tone}, {style}, {other}
slots:
  thing: [boat, owl]
  tone: [warm colors, monochrome]
  style: [Moebius, Ghibli]
  other: [nice, odd]
""")
    prompts = ["a lighthouse at the sea, gouache, a lighthouse keeper, golden hour", "two foxes, linocut, without fog"]
    phrases = phrases_of(prompts, space)
    assert {"lighthouse", "gouache", "golden hour", "a lighthouse keeper", "fox", "linocut"} <= set(phrases)
    barred = barred_slots(phrases, prompts, space)
    # Known by their words, or by their name; the slot of things, and one of which nothing is known, get any phrase.
    assert set(barred.values()) == {frozenset({"tone", "style"})}
    assert {"lighthouse", "fox", "two foxes"} <= set(barred)
    assert not {"gouache", "golden hour", "linocut", "a lighthouse keeper"} & set(barred)
    assert barred_slots([], [], space) == {}
    assert barred_slots(["gouache"], [""], space) == {}


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    """A folder with a real, randomly initialised causal language model of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = ["[UNK]", "[END]", "cool", "colors", "owl", "{", "<lora", "\n", "1.", "-", "style", ":", "…"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("language")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[END]")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=len(words), n_positions=160, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_a_language_model_without_sense_proposes_no_nonsense(language_model):
    proposer = LanguageModelProposer.load(str(language_model))
    space = PromptSpace.parse_yaml(SPACE)
    situation = Situation(space, {"palette": {"warm colors": 1.0, "monochrome": 0.0}}, (), lambda texts: {})
    first, again = proposer.propose(situation, 2), proposer.propose(situation, 2)
    assert first == again
    assert all(proposal.slot == "palette" for proposal in first)
    assert bool(first) != bool(proposer.note)


@pytest.mark.slow
def test_a_tune_goes_on_with_a_language_model_without_sense(language_model, make, collection):
    proposer = LanguageModelProposer.load(str(language_model))
    tuner = make(collection, proposer, budget=18)
    tune(tuner)
    assert len(tuner.steps) == 1
    assert tuner.steps[0].added or "proposed no usable option" in str(tuner.steps[0])


def test_answers_become_options_line_by_line(language_model, monkeypatch):
    proposer = LanguageModelProposer.load(str(language_model))
    answer = (
        'Sure! Here are some:\n1. cool colors\n- "pastel colors"\npalette: Cobalt\n<lora:x:1>\n\n* {x}\n' + "word " * 50
    )
    monkeypatch.setattr(proposer, "_answer", lambda text: answer)
    situation = Situation(PromptSpace.parse_yaml(SPACE), {"palette": {"monochrome": 0.0}}, (), lambda texts: {})
    options = [proposal.text for proposal in proposer.propose(situation, 2)]
    assert options == ["cool colors", "pastel colors", "Cobalt"]
    monkeypatch.setattr(proposer, "_answer", lambda text: "…\n")
    assert proposer.propose(situation, 2) == []
    assert proposer.note.endswith("proposed no usable option")


def test_a_language_model_that_fails_is_a_note(language_model, monkeypatch):
    proposer = LanguageModelProposer.load(str(language_model))

    def fails(text):
        raise RuntimeError("no memory")

    monkeypatch.setattr(proposer, "_answer", fails)
    situation = Situation(PromptSpace.parse_yaml(SPACE), {"palette": {"monochrome": 0.0}}, (), lambda texts: {})
    assert proposer.propose(situation, 2) == []
    assert "no memory" in proposer.note


def test_mistakes_are_one_sentence(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded"):
        LanguageModelProposer.load(str(tmp_path))
    with pytest.raises(PromptError, match="Unknown vocabulary"):
        vocabulary_proposer("other")


@pytest.mark.parametrize(
    ("line", "option"), [("2) 'ink sketch',", "ink sketch"), ("Style: ink", "ink"), ("", ""), ("12.", "")]
)
def test_lines(line, option):
    assert option_of(line, "style") == option


def test_the_user_s_own_words_come_before_the_built_in_ones(tmp_path):
    (tmp_path / "light.txt").write_text("candle\nstorm\n", encoding="utf-8")
    vocabularies = vocabulary_proposer(wildcards=tmp_path).vocabularies
    assert next(iter(vocabularies)) == "light"
    assert np.all(np.array(vocabularies["light"]) == ["candle", "storm"])
