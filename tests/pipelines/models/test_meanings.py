"""Meanings of words by the text encoder of the model."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

import soart
from soart.pipelines.models.meanings import WordMeanings
from soart.pipelines.tiny.words import PALETTES, STYLES, SUBJECTS
from soart.prompts.rating_model.similarity import Likeness, Numbers
from soart.prompts.steering.spaces import domain_of, similarities_of, words_of


@pytest.fixture(scope="module")
def generator():
    return soart.ImageGenerator(soart.load_model(device="cpu"))


@pytest.mark.parametrize("options", [SUBJECTS, PALETTES, STYLES])
def test_synonyms_lie_nearest_to_their_option(generator, options):
    first = [words[0] for words in options.values()]
    vectors = generator.meanings([word for words in options.values() for word in words])
    middle = np.mean([vectors[word] for word in first], axis=0)

    def direction(word):
        vector = vectors[word] - middle
        return vector / np.linalg.norm(vector)

    for number, words in enumerate(options.values()):
        for word in words[1:]:
            assert np.argmax([direction(other) @ direction(word) for other in first]) == number, word


def test_syntax_means_nothing_and_texts_without_words_are_left_out(generator):
    vectors = generator.meanings(["fox", "(fox:{weight})", "fox <lora:night:{night}>", "<lora:night:1>", "", "((fox"])
    assert vectors.keys() == {"fox", "(fox:{weight})", "fox <lora:night:{night}>", "((fox"}
    np.testing.assert_allclose(vectors["(fox:{weight})"], vectors["fox"], atol=1e-5)
    np.testing.assert_allclose(vectors["fox <lora:night:{night}>"], vectors["fox"], atol=1e-5)


def test_the_same_text_means_the_same_in_any_company(generator):
    alone = WordMeanings(generator.model.pipeline).vectors(["watercolor"])["watercolor"]
    many = WordMeanings(generator.model.pipeline).vectors(["a long text of many more words", "watercolor"])
    np.testing.assert_allclose(many["watercolor"], alone, atol=1e-5)


def _broken(**arguments):
    raise RuntimeError("This encoder wants pictures")


@pytest.mark.parametrize("kind", ["no pipeline", "no encoder", "other call"])
def test_a_pipeline_whose_encoder_cannot_be_used_knows_no_meanings(generator, kind):
    encoder = {"no pipeline": None, "no encoder": SimpleNamespace(tokenizer=None)}.get(
        kind, SimpleNamespace(tokenizer=generator.model.pipeline.tokenizer, text_encoder=_broken)
    )
    meanings = WordMeanings(encoder)
    assert meanings.vectors(["fox"]) == {} == meanings.vectors(["owl"])


def test_an_error_that_passes_costs_no_later_meaning(generator, monkeypatch):
    pipeline = generator.model.pipeline
    meanings = WordMeanings(SimpleNamespace(tokenizer=pipeline.tokenizer, text_encoder=pipeline.text_encoder))
    known = meanings.vectors(["fox"])
    with monkeypatch.context() as patch:
        patch.setattr(meanings, "_encoder", _broken)
        patch.setattr(_broken, "device", pipeline.text_encoder.device, raising=False)
        assert meanings.vectors(["fox", "owl"]).keys() == known.keys()
    assert meanings.vectors(["fox", "owl"]).keys() == {"fox", "owl"}


def test_the_text_encoder_is_not_used_while_another_thread_draws(generator):
    """Drawing moves an offloaded encoder, and adds LoRAs to it."""
    read, drawing, seen = threading.Event(), threading.Event(), []

    def meanings():
        drawing.wait(240)
        generator.meanings(["a word of this test"])
        read.set()

    def draw(batch):
        drawing.set()
        seen.append(read.wait(0.2))
        return []

    thread = threading.Thread(target=meanings)
    thread.start()
    assert list(generator._in_batches([generator.request("a fox", 1)], draw)) == [[]]
    assert read.wait(240)
    thread.join()
    assert seen == [False]


def test_words_are_alike_and_numbers_stay_numbers(generator):
    space = soart.PromptSpace.parse_yaml("""
template: "a {subject}, (snow:{snow}), {pair}"
slots:
  subject: [boat, "", ship, owl]
  pair: [fox, owl]
  snow: {low: 0.4, high: 1.6}
  guidance: [2, 3, 5]
  scheduler: [EulerDiscreteScheduler, DDIMScheduler, DPMSolverMultistepScheduler]
""")
    assert words_of(space) == ["boat", "ship", "owl", "fox"]
    subject, pair, snow, guidance, scheduler = similarities_of(space, generator.meanings(words_of(space)))
    assert isinstance(subject, Likeness)
    assert subject.matrix[0, 2] > max(subject.matrix[0, 1], subject.matrix[0, 3])
    assert isinstance(snow, Numbers)
    assert isinstance(guidance, Numbers)
    assert pair is scheduler is None
    assert [type(likeness) for likeness in domain_of(space).similarities] == [type(None)] * 2 + [Numbers] * 2 + [
        type(None)
    ]
