"""Nouns of ImageNet: the table, margins, and what a real photograph shows."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_sample_images
from specimens.judging import values_for

from soart.errors import JudgeError
from soart.metrics.items.nouns import noun_classes
from soart.pipelines.judges import calibration
from soart.pipelines.judges.adherence import AdherenceJudge
from soart.pipelines.judges.nouns import NounSource, noun_margin
from soart.pipelines.judges.phrase_sources import Brief
from soart.pipelines.scoring.pictures import PicturesInMemory
from soart.prompts.phrases.cutting import Phrase, cut_prompt


@pytest.fixture(scope="module")
def judge():
    return AdherenceJudge([NounSource.load()])


def test_the_table_is_nested():
    table = noun_classes()
    assert table["dog"] == frozenset(range(151, 269))
    assert table["beagle"] < table["hound"] < table["dog"] < table["mammal"] < table["animal"]
    assert not table["animal"] & table["vehicle"]
    assert all(classes and max(classes) < 1000 for classes in table.values())
    assert not {"person", "tree", "flower", "mouse", "orange"} & table.keys()


def test_margins_against_sums_of_probabilities():
    probability = np.full(1000, 0.3 / 999)
    probability[7] = 0.7
    item = np.log(probability)
    inside = probability[[7, 8]].sum()
    expected = np.log(inside / (1 - inside)) - np.log(2 / 998)
    assert noun_margin(item, frozenset({7, 8})) == pytest.approx(expected)
    assert noun_margin(np.full(1000, -np.log(1000)), frozenset(range(400))) == pytest.approx(0)


def test_a_photograph(judge):
    temple, flower = load_sample_images().images
    seen = {
        prompt: values_for(judge, [temple], [prompt])[0]
        for prompt in ("a palace", "a building", "a dog", "without dogs")
    }
    assert min(seen["a palace"], seen["a building"]) > 0.9
    # A dog could be there too, without a sign.
    assert 0.1 < seen["a dog"] < 0.3 < 0.7 < seen["without dogs"] < 0.9
    asked = judge.adherences(PicturesInMemory({0: temple}, {0: "a dog"}))[0]
    assert (asked.not_shown, asked.phrases[0].sentence[:15]) == ([], "dog uncertain: ")
    assert np.isnan(values_for(judge, [flower], ["a zorbly on a hill"])).all()


@pytest.mark.parametrize(
    ("prompt", "size", "known"),
    [
        ("a golden retriever puppy", (512, 512), True),
        ("a dog", (64, 64), False),
        ("a dog, watercolor painting", (512, 512), False),
        ("dog, oil_painting, masterpiece", (512, 512), False),
        ("paintings of dogs", (512, 512), False),
        ("a dog, pointillism", (512, 512), False),
        ("a dog in an impressionist manner", (512, 512), False),
        ("a dog, line art", (512, 512), False),
        ("a dog beside a pencil", (512, 512), True),
        ("a dog", (97, 97), True),
        ("a dog", (512, 96), False),
        ("a woman in a garden", (512, 512), False),
    ],
)
def test_what_can_be_told(judge, prompt, size, known):
    source = judge.sources[0]
    phrases = cut_prompt(prompt, source.lexicon)
    assert any(source.knows(phrase, Brief(prompt, size)) for phrase in phrases) is known


def test_damaged_curves_are_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "curves.json"
    monkeypatch.setattr(calibration, "CURVES", path)
    for content in (None, "", "[]", '{"noun/broad": {}}'):
        if content is not None:
            path.write_text(content)
        with pytest.raises(JudgeError, match="reinstall soart"):
            calibration.load_curves()


def test_a_noun_of_one_class_has_a_curve_of_its_own(judge):
    [source] = judge.sources
    table = noun_classes()
    item = np.log(np.full(1000, 1e-3))
    # Places run into each other: several are no easier to hit than one.
    assert noun_margin(item, table["coast"]) == pytest.approx(noun_margin(item, table["lake"]) + np.log(3), abs=0.01)
    for noun, curve in (("beagle", source.narrow), ("dog", source.broad), ("coast", source.narrow)):
        assert (len(table[noun]) == 1 or noun == "coast") == (curve is source.narrow)
        [phrase] = cut_prompt(f"a {noun}", source.lexicon)
        log_odds, deviation = curve.log_odds(np.array([noun_margin(item, table[noun])]))
        judged = source.judge(item, phrase)
        assert (judged.shown, judged.deviation) == pytest.approx((expit(log_odds[0]), deviation[0]))


def test_what_has_no_sign_at_all_is_not_seen(judge):
    """The network takes a picture for a teapot, and for nothing else."""
    item = np.full(1000, -14.0)
    item[849] = -1e-3
    source = judge.sources[0]
    by_noun = {noun: source.judge(item, Phrase(noun, "subject")) for noun in ("teapot", "collie", "vehicle")}
    assert by_noun["teapot"].seen
    assert by_noun["collie"].missed
    assert by_noun["vehicle"].missed
