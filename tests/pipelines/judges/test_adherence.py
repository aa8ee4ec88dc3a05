"""Adherence: calibration, products, "cannot tell", and its use in rankings, evaluations and tunes."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from scipy.special import expit
from specimens.judging import values_for

from soart.errors import JudgeError, ModelError, SoartError
from soart.pipelines.judges.adherence import EMBEDDED_TOWERS, AdherenceJudge, adherences_of, load
from soart.pipelines.judges.calibration import Calibration, Curve, PhraseKind
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.phrase_judgements import Adherence, PhraseJudgement, phrase_shares
from soart.pipelines.judges.phrase_sources import EmbeddedTowers, TowerSource
from soart.pipelines.judges.ranking import rank
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures
from soart.pipelines.tuning.alarms import adherence_alarm
from soart.pipelines.tuning.panel import AdherenceFloor
from soart.prompts.phrases.cutting import Phrase
from soart.training.curves import fit_curve, save_calibration
from soart.training.judge import balanced_scenes
from soart.training.render import render


def judgement(shown, deviation=0.1, text="boat", negated=False):
    return PhraseJudgement(Phrase(text, "subject", negated), shown, shown, shown, deviation)


# Curves


def test_a_planted_curve_is_found():
    rng = np.random.default_rng(0)
    margins = rng.normal(0, 2, 20_000)
    shown = rng.random(20_000) < expit(0.7 * margins - 0.4)
    curve = fit_curve(margins, shown, rng.choice(list("abcde"), 20_000).tolist())
    assert curve.slope == pytest.approx(0.7, abs=0.04)
    assert curve.offset == pytest.approx(-0.4, abs=0.04)
    assert curve.spread < 0.1
    log_odds, deviation = curve.log_odds(np.array([0.0, 10.0]))
    assert log_odds == pytest.approx([curve.offset, curve.offset + 10 * curve.slope])
    assert deviation[1] > deviation[0] > 0


def test_log_odds_deviate_by_the_fit_and_between_phrases():
    curve = Curve(0.5, 0.1, ((0.04, 0.01), (0.01, 0.09)), 0.3)
    log_odds, deviation = curve.log_odds(np.array([0.0, 2.0]))
    assert log_odds == pytest.approx([0.1, 1.1])
    assert deviation**2 == pytest.approx([0.09 + 0.09, 4 * 0.04 + 4 * 0.01 + 0.09 + 0.09])


def test_the_spread_between_phrases_is_found():
    rng = np.random.default_rng(1)
    offsets = rng.normal(0, 0.8, 40)
    phrase = rng.integers(40, size=40_000)
    margins = rng.normal(0, 1, 40_000)
    shown = rng.random(40_000) < expit(margins + offsets[phrase])
    assert fit_curve(margins, shown, [str(p) for p in phrase]).spread == pytest.approx(offsets.std(), rel=0.25)


@pytest.mark.parametrize("offsets", [(-0.3, 0.3), (-0.4, 0.0, 0.1)])
def test_the_spread_between_few_phrases_is_not_too_small(offsets):
    """It is that of phrases from which these few were drawn, not that of these few alone."""
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        phrase = np.arange(6000) % len(offsets)
        margins = rng.normal(0, 1, 6000)
        shown = rng.random(6000) < expit(margins + np.array(offsets)[phrase])
        found.append(fit_curve(margins, shown, [str(p) for p in phrase]).spread)
    assert np.mean(found) == pytest.approx(np.std(offsets, ddof=1), rel=0.08)


def test_chance_is_no_spread_between_phrases():
    """Thirty pictures of each phrase scatter by 0.4 where phrases do not differ at all."""
    rng = np.random.default_rng(2)
    margins = rng.normal(0, 1, 1800)
    shown = rng.random(1800) < expit(margins)
    assert fit_curve(margins, shown, [str(k % 60) for k in range(1800)]).spread < 0.2


def test_large_margins_do_not_throw_the_fit_off():
    """Plain Newton steps diverged on margins such as those of a good model."""
    rng = np.random.default_rng(3)
    margins = rng.normal(25, 15, 1500)
    shown = rng.random(1500) < expit(0.4 * margins + 1)
    curve = fit_curve(margins, shown, ["a"] * 1500)
    assert curve.slope == pytest.approx(0.4, abs=0.1)
    assert abs(curve.offset - 1) < 1


@pytest.mark.parametrize("shown", [np.zeros(9, bool), np.ones(9, bool), np.arange(9) > 4])
def test_separable_data_give_a_finite_curve(shown):
    curve = fit_curve(np.linspace(-3, 3, 9), shown, ["a"] * 9)
    assert np.isfinite([curve.slope, curve.offset, *np.ravel(curve.covariance)]).all()


def test_calibrations_are_read_as_written(tmp_path):
    kinds = {"style": PhraseKind((("woodcut", "linocut"), ("flat",)), Curve(0.5, 0.1, ((0.1, 0.0), (0.0, 0.2)), 0.3))}
    written = Calibration(kinds, "a test")
    save_calibration(written, tmp_path)
    assert Calibration.load(tmp_path) == written
    assert written.lexicon == {"woodcut": "style", "linocut": "style", "flat": "style"}
    for damage in ("", "[]", "{}", json.dumps({"source": "", "kinds": {"a": {}}})):
        (tmp_path / "adherence.json").write_text(damage)
        with pytest.raises(JudgeError, match="is damaged"):
            Calibration.load(tmp_path)


# Products


def test_the_product_and_its_interval_against_simulation():
    phrases = [judgement(0.9, 0.4), judgement(0.6, 0.3), judgement(float("nan"))]
    whole = Adherence.of(phrases)
    rng = np.random.default_rng(2)
    draws = np.prod(
        [expit(np.log(p.shown / (1 - p.shown)) + rng.normal(0, p.deviation, 100_000)) for p in phrases[:2]], axis=0
    )
    assert whole.value == pytest.approx(0.54)
    assert [whole.low, whole.high] == pytest.approx(np.quantile(draws, [0.05, 0.95]), abs=0.03)


def test_nothing_told_is_no_value():
    for phrases in ([], [judgement(float("nan"))]):
        assert np.isnan(Adherence.of(phrases).value)
        assert Adherence.of(phrases).reasons() == ()
    assert 0 <= Adherence.of([judgement(1e-9)] * 300).value < 1e-300


def test_sentences():
    assert judgement(0.07).sentence == "no boat seen: 0.07"
    assert judgement(0.97).sentence == "boat seen: 0.97"
    assert judgement(0.09, text="fox", negated=True).sentence == "fox seen, unwanted: 0.09"
    assert judgement(0.5, text="fox", negated=True).sentence == "no fox: 0.50"
    assert judgement(0.15, text="fox", negated=True).sentence == "fox uncertain, unwanted: 0.15"
    assert judgement(0.15).sentence == "boat uncertain: 0.15"
    assert judgement(float("nan"), text="dog").sentence == "cannot tell 'dog'"
    whole = Adherence.of([judgement(0.9, text="owl"), judgement(0.07), judgement(0.3, text="woodcut")])
    assert whole.not_shown == ["no boat seen: 0.07"]
    lowered = [reason.text for reason in whole.reasons() if reason.contribution < 0]
    assert lowered == ["no boat seen: 0.07", "woodcut uncertain: 0.30"]
    assert sum(reason.contribution for reason in whole.reasons()) == pytest.approx(whole.value - 0.5**3)
    assert [reason.contribution > 0 for reason in whole.reasons()] == [False, True, False]


def test_ignored_phrases_come_first():
    judged = {
        1: Adherence.of([judgement(0.9), judgement(0.2, text="neon"), judgement(float("nan"), text="dog")]),
        2: Adherence.of([judgement(0.8), judgement(0.4, text="neon")]),
    }
    shares = phrase_shares(judged)
    assert [(s.phrase, s.pictures) for s in shares] == [("neon", 2), ("boat", 2), ("dog", 1)]
    assert shares[0].shown == pytest.approx(0.3)
    assert all(s.low <= s.shown <= s.high for s in shares[:2])
    # As of a share of two independent pictures; of 0 among two, that of a standard error of 1/4.
    assert (shares[0].low, shares[0].high) == pytest.approx((0, 0.3 + 1.645 * np.sqrt(0.3 * 0.7 / 2)))
    [never] = phrase_shares({k: Adherence.of([judgement(0.0)]) for k in range(2)})
    assert (never.low, never.high) == pytest.approx((0, 1.645 / 4))


def test_pictures_in_which_a_phrase_cannot_be_told_do_not_hide_the_others():
    judged = {k: Adherence.of([judgement(shown, text="dog")]) for k, shown in enumerate((0.2, 0.4, float("nan")))}
    (share,) = phrase_shares(judged)
    assert (share.pictures, share.shown) == (2, pytest.approx(0.3))
    assert 0 <= share.low < 0.3 < share.high < 1


# A planted model: embeddings are one-hot, so that every margin is known


class Planted:
    scale, version = 4.0, "planted"
    extractor = SimpleNamespace(version="planted", names=("a", "b", "c"))
    places: ClassVar = {"boat": 0, "ship": 0, "fox": 1, "owl": 2}

    def texts(self, texts):
        return np.eye(3)[[self.places[text] for text in texts]]


@pytest.fixture
def planted():
    curve = Curve(1.0, 0.0, ((0.01, 0.0), (0.0, 0.01)), 0.1)
    kinds = {"subject": PhraseKind((("boat", "ship"), ("fox",), ("owl",)), curve)}
    return AdherenceJudge([TowerSource(Planted(), Calibration(kinds, ""))])


def boat(judge, text):
    """The adherence of a picture of a boat to a prompt."""
    return judge.adherence(text, (64, 64), {judge.sources[0].version: np.eye(3)[0]})


def test_margins_are_those_of_zero_shot_classification(planted):
    softmax = np.exp([4.0, 0, 0]) / np.exp([4.0, 0, 0]).sum()

    def value(prompt):
        return boat(planted, prompt).value

    for text in ("a boat", "a ship", "boats"):
        assert value(text) == pytest.approx(softmax[0])
    assert value("a fox") == pytest.approx(softmax[1])
    assert value("no fox") == pytest.approx(1 - softmax[1])
    assert value("a boat and a fox") == pytest.approx(softmax[0] * softmax[1])


def test_unknown_phrases_cannot_be_told(planted):
    for text in ("a zorbly", "ein Hund", '"boat"', "three dogs", ""):
        assert np.isnan(boat(planted, text).value)
    told = {j.phrase.text: j.told for j in boat(planted, "two wooden boats, woodcut").phrases}
    assert told == {"two wooden boats": False, "boat": True, "wooden boats": False, "woodcut": False}
    judge = GuardedJudge(planted)
    assert np.isnan(judge.values(PicturesInMemory({0: np.zeros((64, 64, 3), np.uint8)}, {0: "a dog"}))).all()


def test_nothing_is_measured_for_what_cannot_be_told(planted):
    assert planted.needed("a zorbly", (64, 64)) == []
    assert planted.needed("a zorbly and a boat", (64, 64)) == list(planted.sources)


# The floor and the alarm of tunes


def test_the_floor_pulls_towards_the_worst():
    floor = AdherenceFloor(None, 0.8)
    values = np.array([3.0, 5.0, 1.0, 4.0, np.nan])
    pulled = floor.apply(values, np.array([0.9, 0.4, 0.0, np.nan, 0.1]))
    assert pulled == pytest.approx([3.0, 3.0, 1.0, 4.0, np.nan], nan_ok=True)
    assert np.isnan(floor.apply(np.full(2, np.nan), np.zeros(2))).all()
    for least in (0.0, 1.1, float("nan")):
        with pytest.raises(SoartError, match="least adherence"):
            AdherenceFloor(None, least)


def test_the_usual_floor_is_where_words_are_seen_and_lower_where_most_are_not():
    floor = AdherenceFloor(None)
    assert floor.among(np.array([0.9, 0.8, 0.1])) == 0.5
    assert floor.among(np.array([0.3, 0.2, 0.1, np.nan])) == pytest.approx(0.2)
    assert floor.apply(np.array([2.0, 6.0]), np.array([0.9, 0.1])) == pytest.approx([2.0, 2.8])
    unknown = np.full(2, np.nan)
    assert floor.apply(np.array([2.0, 6.0]), unknown).tolist() == [2.0, 6.0]


def test_the_alarm_tells_a_taste_bought_with_adherence():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, 8), rng.normal(3, 1, 8)
    kept, lost = rng.uniform(0.8, 0.9, 8), rng.uniform(0.2, 0.4, 8)
    assert "Adherence lost" in adherence_alarm((low, high), (kept, lost))
    assert adherence_alarm((low, high), (kept, kept)) == ""
    assert adherence_alarm((high, low), (kept, lost)) == ""
    assert adherence_alarm((low, high), (kept, np.full(8, np.nan))) == ""


# The towers that come with soart


@pytest.fixture(scope="module")
def judge():
    return load("embedded")


@pytest.fixture(scope="module")
def rendered():
    rng = np.random.default_rng(5)
    scenes = [scene for scene in balanced_scenes(60, seed=9) if scene.quality in ("sharp", "vivid")]
    return scenes, np.stack([render(scene, rng) for scene in scenes])


def test_the_towers_are_small():
    assert sum(path.stat().st_size for path in EMBEDDED_TOWERS.rglob("*") if path.is_file()) <= 6 * 2**20
    assert not [path for path in Path(EMBEDDED_TOWERS).rglob("*") if path.suffix not in (".json", ".safetensors", "")]


def test_right_prompts_beat_wrong_ones(judge, rendered):
    scenes, pictures = rendered
    right = values_for(judge, pictures, [f"a {s.subject}, {s.style}" for s in scenes])
    others = [scenes[i - 1].subject if scenes[i - 1].subject != s.subject else "" for i, s in enumerate(scenes)]
    told = np.array([bool(other) for other in others])
    wrong = values_for(judge, pictures, [f"a {o or 'boat'}, {s.style}" for o, s in zip(others, scenes, strict=True)])
    assert np.mean((right > wrong)[told]) >= 0.8


def test_ranked_by_adherence(judge, collection, rendered):
    from soart.pipelines.models.request import DrawnPicture, Request

    scenes, pictures = rendered
    texts = [f"a {scene.subject}" for scene in scenes[:6]] + ["a zorbly"]
    drawn = [
        DrawnPicture(Request(text, i, width=64, height=64), pictures[i], None, 0.1) for i, text in enumerate(texts)
    ]
    rows = collection.add_drawn(drawn, "m", "s")
    ranking, problems = rank(StoredPictures(collection, rows), [(GuardedJudge(judge), 1.0)])
    assert len(ranking) == 6
    assert any("cannot tell" in sentence for sentence in problems)
    assert ranking[0].reasons[0].text.endswith(f"seen: {ranking[0].score:.2f}")
    judged, _ = adherences_of(StoredPictures(collection, rows), judge)
    assert [judged[p.row.id].value for p in ranking] == pytest.approx([p.score for p in ranking], abs=1e-6)
    request = Request("a boat", 99, width=64, height=64)
    black = collection.add_drawn([DrawnPicture(request, pictures[9], "all black", 0.1)], "m", "s")
    assert adherences_of(StoredPictures(collection, black), judge) == ({}, [])


def test_the_embedded_towers_are_loaded_when_a_small_picture_comes(judge):
    towers = EmbeddedTowers(EMBEDDED_TOWERS)
    assert judge.phrases("a boat, watercolor", (64, 64))[0][1] is judge.sources[0]
    assert "loaded" not in vars(towers)
    assert towers.version == judge.sources[0].towers.version
    assert towers.texts(["boat"]).shape == (1, len(towers.extractor.names))
    assert towers.scale > 1
    with pytest.raises(ModelError, match="reinstall soart"):
        _ = EmbeddedTowers(EMBEDDED_TOWERS / "nowhere").version
