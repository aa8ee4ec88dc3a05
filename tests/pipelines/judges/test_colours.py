"""Words of colour and light: which phrases are known, margins, and recoloured pictures."""

import numpy as np
import pytest
from sklearn.datasets import load_sample_images
from specimens.judging import values_for

from soart.metrics.items.colour import HUES, ColourExtractor
from soart.pipelines.judges.adherence import AdherenceJudge
from soart.pipelines.judges.calibration import Curve
from soart.pipelines.judges.colours import TERMS, Colours, ColourSource, colour_words, stands_alone
from soart.pipelines.judges.phrase_sources import Brief
from soart.prompts.phrases.cutting import cut_prompt


@pytest.fixture(scope="module")
def judge():
    return AdherenceJudge([ColourSource.load()])


def test_every_term_has_a_curve_and_words(judge):
    source = judge.sources[0]
    assert source.curves.keys() == TERMS.keys()
    assert all(curve.slope > 0 for curve in source.curves.values())
    assert {*source._terms.values()} == TERMS.keys()
    assert colour_words()["shades of teal"] == colour_words()["turquoise tones"] == "cyan"


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("a fox, warm colours", ["warm colours"]),
        ("Pastel tones, a boat, high-key lighting", ["pastel tones", "high-key lighting"]),
        ("a harbour in shades of blue, no muted colors", ["shades of blue", "muted colors"]),
        ("a forest, dark", ["dark"]),
        ("a dark photo of a cat", ["dark"]),
        ("monochrome portrait", ["monochrome"]),
        ("a black and white cat", []),
        ("a dark horse on a red sofa", []),
        ("a bright idea, a sepia-toned horse", []),
        ('a sign that says "muted colors", neon colors', []),
        ("warm", []),
        ("", []),
    ],
)
def test_known_phrases(judge, prompt, known):
    source = judge.sources[0]
    phrases = cut_prompt(prompt, source.lexicon)
    assert [phrase.text for phrase in phrases if source.knows(phrase, Brief(prompt, (512, 512)))] == known


def test_parts_of_words_do_not_stand_alone():
    assert stands_alone("sepia", "a sepia horse, sepia")
    assert not stands_alone("sepia", "a sepia horse, non-sepia")
    assert not stands_alone("dark", "a dark horse, pitchdark")
    assert stands_alone("high contrast", "a dog, high_contrast")


def test_statistics_against_pixels():
    rng = np.random.default_rng(0)
    rgb = rng.random((40, 50, 3)) * [1.0, 0.6, 0.3]
    colours = Colours.of(ColourExtractor().extract(rgb)[0])
    chroma = rgb.max(axis=2) - rgb.min(axis=2)
    luma = rgb @ [0.299, 0.587, 0.114]
    assert colours.light == pytest.approx(luma.mean(), abs=1e-4)
    assert colours.contrast == pytest.approx(luma.std(), abs=1e-4)
    assert colours.chroma == pytest.approx(chroma.mean(), abs=1e-4)
    assert colours.strongest == pytest.approx(np.quantile(chroma, 0.95), abs=1e-3)
    assert colours.near(*HUES) == pytest.approx(colours.chroma)
    assert colours.balance(HUES[:6], HUES[6:]) == pytest.approx(-colours.balance(HUES[6:], HUES[:6]))


def recoloured(pixels, *, tint=(1.0, 1.0, 1.0), grey=0.0, gain=1.0, offset=0.0):
    values = pixels / 255
    values = grey * values.mean(axis=2, keepdims=True) + (1 - grey) * values
    return np.rint(np.clip(gain * values * tint + offset, 0, 1) * 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("phrase", "shown", "not_shown"),
    [
        ("black and white", {"grey": 1.0}, {"tint": (1.0, 0.8, 0.5)}),
        ("sepia tones", {"grey": 1.0, "tint": (1.0, 0.86, 0.66)}, {}),
        ("warm colors", {"grey": 0.8, "tint": (1.0, 0.7, 0.4)}, {"grey": 0.8, "tint": (0.4, 0.7, 1.0)}),
        ("blue tones", {"grey": 0.9, "tint": (0.4, 0.6, 1.0)}, {"grey": 0.9, "tint": (1.0, 0.5, 0.5)}),
        ("low-key lighting", {"gain": 0.3}, {"gain": 0.5, "offset": 0.4}),
        ("low contrast", {"gain": 0.2, "offset": 0.4}, {}),
    ],
)
def test_recoloured_photographs(judge, phrase, shown, not_shown):
    for photograph in load_sample_images().images:
        pixels = photograph[::4, ::4]
        high, low = (values_for(judge, [recoloured(pixels, **how)], [phrase])[0] for how in (shown, not_shown))
        assert high > 0.8 > 0.5 > low
        assert values_for(judge, [recoloured(pixels, **shown)], [f"a boat, without {phrase}"])[0] == pytest.approx(
            1 - high
        )


@pytest.mark.parametrize("level", [0, 128, 255])
def test_flat_pictures_give_finite_margins(level):
    item = ColourExtractor().extract(np.full((8, 8, 3), level, np.uint8))[0]
    assert np.isfinite([margin(Colours.of(item)) for margin in TERMS.values()]).all()


def test_a_term_without_a_curve_cannot_be_told(judge):
    curve = judge.sources[0].curves["dark"]
    source = ColourSource({"dark": curve})
    [phrase] = cut_prompt("warm colors", source.lexicon)
    assert not source.knows(phrase, Brief("warm colors", (512, 512)))
    assert source.version != ColourSource({"dark": Curve(2.0, 0.0, curve.covariance, 0.0)}).version
