import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from soart.errors import TasteError
from soart.metrics.damage import quality_model
from soart.metrics.damage.fitness import FEWEST_PIXELS, TOO_SMALL
from soart.metrics.damage.quality_model import QualityModel, unit_vectors
from soart.metrics.damage.rated_quality import TOP, UNTOLD, rated_appearance_model
from soart.metrics.damage.reasons import NO_FAULT, SUSPECT, verdicts
from soart.metrics.damage.technical import (
    DETECTORS,
    LIMIT,
    USUAL,
    TechnicalJudge,
    costs,
    costs_of_faults,
    detectors,
    points_of,
    suspected,
    technometric_of,
)
from soart.metrics.items.quality import QualityExtractor
from soart.training.captions import random_scene
from soart.training.quality import save_quality
from soart.training.render import render


@pytest.fixture(scope="module")
def scenes():
    """Undamaged renderings, float in 0…1."""
    rng = np.random.default_rng(77)
    names = [random_scene(rng) for _ in range(24)]
    return [render(replace(scene, quality="sharp"), rng) / 255.0 for scene in names]


@pytest.fixture(scope="module")
def photograph():
    """A photograph of 400 × 400 pixels, (h, w, 3) uint8."""
    datasets = pytest.importorskip("sklearn.datasets")
    return np.asarray(
        Image.fromarray(datasets.load_sample_image("china.jpg")).crop((60, 0, 487, 427)).resize((400, 400))
    )


def scores(judge, pictures):
    return judge.score(np.concatenate([judge.extractor.extract(np.clip(p, 0, 1)) for p in pictures]))


def test_score_falls_with_damage(judge, scenes):
    rng = np.random.default_rng(2)
    clean = scores(judge, scenes)
    blurred = [scores(judge, [ndimage.gaussian_filter(p, (s, s, 0)) for p in scenes]) for s in (0.8, 2.0)]
    noisy = [scores(judge, [p + s * rng.standard_normal(p.shape) for p in scenes]) for s in (0.1, 0.25)]
    faded = scores(judge, [0.5 + 0.3 * (p - 0.5) for p in scenes])
    for worse in (*blurred, *noisy, faded):
        assert (clean > worse).mean() >= 0.7
    assert blurred[0].mean() > blurred[1].mean()
    assert noisy[0].mean() > noisy[1].mean()


def test_points_are_0_to_100(judge, scenes):
    far = np.concatenate([judge.extractor.extract(p) for p in scenes[:4]])
    far = np.concatenate([far, far * 1e3, -far * 1e3, np.zeros_like(far)])
    for one in (judge, *(TechnicalJudge.detector(name) for name in DETECTORS)):
        values = one.score(far)
        assert ((values >= 0) & (values <= 100)).all()
    assert points_of(np.array([0.0, 2.0, 4.0]), 2.0).tolist() == [100.0, 50.0, 25.0]


def test_the_size_and_the_orientation_of_a_picture_do_not_matter(judge, photograph):
    base = scores(judge, [photograph / 255])[0]
    worse = scores(judge, [ndimage.gaussian_filter(photograph, (2, 2, 0)) / 255])[0]
    assert base - worse > 20
    mirrored = [photograph[:, ::-1], photograph[::-1], np.rot90(photograph), photograph.transpose(1, 0, 2)]
    for other in mirrored:
        assert scores(judge, [other / 255])[0] == pytest.approx(base, abs=0.3)
    smaller = Image.fromarray(photograph).resize((260, 260), Image.Resampling.LANCZOS)
    assert scores(judge, [np.asarray(smaller) / 255])[0] == pytest.approx(base, abs=5)


def test_reasons_add_up_to_the_difference_from_the_reference(judge, scenes):
    blurred = [ndimage.gaussian_filter(p, (2, 2, 0)) for p in scenes[:3]]
    items = np.concatenate([judge.extractor.extract(p) for p in [*scenes[:3], *blurred, scenes[3][:40, :40]]])
    for one in (judge, TechnicalJudge.detector("blur")):
        scores = one.score(items)
        geometric = np.exp(np.log(scores).mean())
        for row, points in zip(one.explain(items, items), scores, strict=True):
            assert sum(r.contribution for r in row) == pytest.approx(points - geometric, abs=1e-9)
        usual = [
            points - sum(r.contribution for r in row) for row, points in zip(one.explain(items), scores, strict=True)
        ]
        # Of one size, so that there is one usual picture.
        assert usual[:6] == pytest.approx([usual[0]] * 6)
        assert 70 < usual[0] < 90
    best, *_, worst = sorted(
        zip(judge.score(items), judge.explain(items, items), strict=True), key=lambda pair: -pair[0]
    )
    assert best[1][0].contribution > 0
    assert worst[1][0].contribution < 0


def test_only_an_odd_rendering_is_called_so(judge, scenes):
    items = np.concatenate([judge.extractor.extract(p) for p in scenes])
    texts = [r.text for row in judge.explain(items, items) for r in row if "texture" in r.text or "rendered" in r.text]
    assert len(texts) == len(items)
    assert all(re.match(r"(more|less) natural texture than |rendered (a little )?unlike good", text) for text in texts)


def test_reasons_name_the_fault(judge, photograph):
    noisy = np.clip(photograph / 255 + np.random.default_rng(0).normal(0, 0.12, photograph.shape), 0, 1)
    items = judge.extractor.extract(np.stack([photograph / 255, noisy]))
    clean, worse = judge.explain(items, items)
    assert worse[0].text == "noisy: grain over plain areas"
    assert not any("nois" in reason.text for reason in clean)
    assert clean[0].text == "less grain than the other"
    assert judge.explain(items[1:])[0][0].text == "noisy: grain over plain areas"


def test_suspected_faults_take_what_other_faults_cost_beside_them(judge, photograph):
    """One fault raises the evidence of others; a picture without suspected faults keeps the traces that it has."""
    noisy = np.clip(photograph / 255 + np.random.default_rng(0).normal(0, 0.15, photograph.shape), 0, 1)
    items = np.concatenate([judge.extractor.extract(p) for p in (photograph, noisy)])
    evidence, cost = judge.model.evidence(items[:, judge.columns]), costs(judge.model, items[:, judge.columns])
    assert (evidence > 1).any(axis=0).tolist() == [False, True]
    own = judge.parts_of_freedom(items).matrix * judge.model.half
    sought = [k for k, limit in enumerate(judge.model.limit[:, 0]) if np.isfinite(limit)]
    assert own[sought, 0] == pytest.approx(cost[sought, 0])
    for k in sought:
        assert own[k, 1] > cost[k, 1] if evidence[k, 1] > 1 else own[k, 1] <= cost[k, 1] + 1e-12
    assert own[:, 1].sum() == pytest.approx(cost[:, 1].sum())


def test_a_poor_jpeg_is_named_after_cropping_and_saving_again(judge, photograph):
    def saved(pixels, quality):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        return np.asarray(Image.open(buffer))

    again = saved(np.ascontiguousarray(saved(photograph, 40)[3:, 5:]), 90)
    assert judge.verdicts(judge.extractor.extract(again)) == ["JPEG artefacts"]
    good = judge.verdicts(judge.extractor.extract(saved(photograph, 90)))
    assert good == judge.verdicts(judge.extractor.extract(photograph)) == [NO_FAULT]


def test_a_fault_is_not_found_at_sizes_where_it_was_not_learnt(judge, photograph):
    unfinished = DETECTORS.index("unfinished")
    for side, learnt in ((400, False), (200, False), (100, True)):
        reduced = np.asarray(Image.fromarray(photograph).resize((side, side)))
        evidence = judge.model.evidence(QualityExtractor().extract(reduced))
        assert np.isfinite(evidence).all()
        assert (evidence[unfinished, 0] != 0) == learnt


def test_technometric_is_the_sum_of_all_costs(judge, scenes):
    pictures = [scenes[0], ndimage.gaussian_filter(scenes[0], (2, 2, 0)), scenes[0][:40, :40]]
    items = np.concatenate([judge.extractor.extract(picture) for picture in pictures])
    faults = costs_of_faults(items[:, judge.columns])
    rated = rated_appearance_model().scores(items, judge.extractor.names)
    assert np.isnan(rated).tolist() == [False, False, True]
    unrated = judge.technometric(items) - faults
    assert unrated == pytest.approx(-judge.model.half * np.log2(rated_appearance_model().shares_left(rated)))
    assert unrated[1] > unrated[0]
    assert judge.cost_of_faults(items) == pytest.approx(faults)
    assert judge.freedom_from_faults(items) == pytest.approx(points_of(faults, judge.model.half))
    # A picture that is too small to have a rated quality loses what is usual.
    assert unrated[2] == pytest.approx(-judge.model.half * np.log2(rated_appearance_model().usual / TOP))
    told = [UNTOLD in {reason.text for reason in row} for row in judge.explain(items, items)]
    assert told == [False, False, True]


def test_suspicion_is_the_evidence_of_stored_scores(scenes):
    for name in DETECTORS:
        detector = TechnicalJudge.detector(name)
        items = np.concatenate([detector.extractor.extract(p) for p in scenes[:6]])
        np.testing.assert_allclose(detector.suspicion(detector.score(items)), detector.technometric(items), atol=1e-6)
    assert detector.suspicion(np.array([LIMIT]))[0] == pytest.approx(1)


def test_wrong_items(judge):
    with pytest.raises(TasteError, match="shape"):
        judge.score(np.zeros((2, 3)))
    with pytest.raises(TasteError, match="finite"):
        judge.score(np.full((1, len(judge.extractor.names)), np.nan))


def test_round_trip_and_damaged_or_foreign_models(judge, tmp_path):
    names, version = judge.model.names, judge.model.version
    save_quality(judge.model, tmp_path / "p.safetensors")
    again = QualityModel.load(tmp_path / "p.safetensors", names, version)
    items = QualityExtractor().extract(np.random.default_rng(0).random((3, 40, 40, 3)))
    assert np.array_equal(again.evidence(items), judge.model.evidence(items))
    assert np.array_equal(again.strangeness(items), judge.model.strangeness(items))
    with pytest.raises(TasteError, match="cannot be read"):
        QualityModel.load(tmp_path / "none.safetensors", names, version)
    (tmp_path / "cut.safetensors").write_bytes(b"12345678901234")
    with pytest.raises(TasteError, match="cannot be read"):
        QualityModel.load(tmp_path / "cut.safetensors", names, version)
    with pytest.raises(TasteError, match="learnt on items"):
        QualityModel.load(tmp_path / "p.safetensors", names, "quality-0")


def without_short_waves(picture, limit):
    """A picture (h, w, 3) without waves of more than ``limit`` cycles a pixel: edges have echoes (Gibbs phenomenon)."""
    frequencies = (np.fft.fftfreq(side) for side in picture.shape[:2])
    kept = np.hypot(*np.meshgrid(*frequencies, indexing="ij")) <= limit
    return np.fft.ifft2(np.fft.fft2(picture, axes=(0, 1)) * kept[..., None], axes=(0, 1)).real


def test_ringing_is_told_from_blur(judge, photograph):
    ringing = np.clip(without_short_waves(photograph / 255, 0.2), 0, 1)
    blurred = ndimage.gaussian_filter(photograph / 255, (1.5, 1.5, 0))
    items = np.concatenate([judge.extractor.extract(picture) for picture in (ringing, blurred, photograph)])
    said = [reasons[0].in_brief for reasons in judge.explain(items, items)]
    assert said[0] == "ringing"
    assert said[1] == "blurred"
    score = judge.score(items)
    assert score[0] < score[2] - 20


def test_detectors_find_their_own_damage(scenes):
    rng = np.random.default_rng(9)
    damages = {
        "blur": lambda p: ndimage.gaussian_filter(p, (1.5, 1.5, 0)),
        "noise": lambda p: p + rng.normal(0, 0.1, p.shape),
        "fade": lambda p: 0.5 + 0.35 * (p - 0.5),
        "pixelate": lambda p: np.kron(p[::4, ::4], np.ones((4, 4, 1))),
        "band": lambda p: np.round(p * 6) / 6,
        "burn": lambda p: 0.5 + 2.5 * (p - 0.5),
        "ring": lambda p: without_short_waves(p, 0.22),
    }
    for name, damage in damages.items():
        detector = TechnicalJudge.detector(name)
        assert np.mean(scores(detector, scenes) > scores(detector, [damage(p) for p in scenes])) > 0.8
    assert {TechnicalJudge.detector(name).stored_name for name in DETECTORS} == {f"{name}-8" for name in DETECTORS}
    with pytest.raises(TasteError, match=r"detector among blur, noise, .*got '\.\./x'"):
        TechnicalJudge.detector("../x")


def test_the_model_knows_the_detectors_in_their_order(judge):
    assert judge.model.detectors == DETECTORS
    path = Path(__file__).parents[3] / "metrics" / "damage" / "quality.safetensors"
    assert path.stat().st_size < 600_000


def test_a_jpeg_of_a_photograph_is_suspected_and_the_photograph_is_not(photograph, tmp_path):
    Image.fromarray(photograph).save(tmp_path / "a.jpg", quality=15)
    pictures = [photograph, np.asarray(Image.open(tmp_path / "a.jpg"))]
    found = {}
    for name in DETECTORS:
        detector = TechnicalJudge.detector(name)
        found[detector.stored_name] = detector.score(np.concatenate([detector.extractor.extract(p) for p in pictures]))
    assert suspected(found).tolist() == [-1, DETECTORS.index("jpeg")]


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (
            np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8),
            "too small to be judged (16 pixels are needed)",
        ),
        (np.full((1, 1, 3), 90, np.uint8), "too small to be judged (16 pixels are needed)"),
        (np.zeros((64, 64, 3), np.uint8), "all black"),
        (np.full((64, 64, 3), 255, np.uint8), "all white or transparent"),
        (np.full((64, 64, 3), (255, 255, 250), np.uint8), "nothing but one tone"),
        (np.full((300, 200, 3), 200, np.uint8), "nothing but one tone"),
        (np.full((64, 64, 3), (250, 10, 10), np.uint8), "nothing but one tone"),
    ],
)
def test_what_cannot_be_judged_says_so_and_has_no_points(judge, picture, reason):
    items = judge.extractor.extract(picture)
    assert judge.unfit(items) == [reason]
    assert judge.score(items).tolist() == [0.0]
    assert [(r.text, r.contribution) for r in judge.explain(items)[0]] == [(reason, -100.0)]
    assert f"({FEWEST_PIXELS} pixels" in TOO_SMALL


def test_a_fault_that_is_not_looked_for_is_no_reason(judge, scenes):
    items = np.concatenate([judge.extractor.extract(np.kron(p, np.ones((4, 4, 1)))) for p in scenes[:3]])
    assert not any("finished" in reason.text for reasons in judge.explain(items, items) for reason in reasons)
    # The rendering takes the cost of faults that are not looked for.
    cost, parts = costs(judge.model, items[:, judge.columns]), judge.parts_of_freedom(items)
    own = cost[-1] + cost[judge.model.detectors.index("unfinished")]
    assert parts.halvings["rendering"] * judge.model.half == pytest.approx(own)
    assert parts.matrix.sum(axis=0) * judge.model.half == pytest.approx(judge.cost_of_faults(items))


def test_noise_alone_cannot_be_judged_but_patterns_and_grainy_pictures_can(judge, scenes):
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:320, :320]
    grain = rng.normal(0, 0.04, (320, 320, 3))
    smooth = 0.4 + 0.2 * (x / 320)[:, :, None] * np.array([1.0, 0.8, 0.6])
    patterns = [(x + y) % 7 < 2, (x // 8 + y // 8) % 2 > 0, np.sin(x / 5) > 0]
    drawn = [0.3 + 0.4 * np.repeat(one[:, :, None], 3, axis=2) for one in patterns]
    large = [np.kron(picture, np.ones((5, 5, 1))) for picture in scenes[:3]]
    pictures = [
        smooth + grain,
        *drawn,
        *(picture + grain for picture in drawn),
        *(picture + grain for picture in large),
        smooth,
    ]
    items = np.concatenate([judge.extractor.extract(np.clip(picture, 0, 1)) for picture in pictures])
    assert judge.unfit(items) == ["nothing but noise", *[""] * 10]


def test_any_picture_with_something_on_it_can_be_judged(judge, scenes):
    items = np.concatenate([judge.extractor.extract(p) for p in scenes])
    assert set(judge.unfit(items)) == {""}


def test_verdicts_are_a_word_or_two():
    evidence = np.full((len(DETECTORS), 4), -0.2)
    evidence[DETECTORS.index("blur"), 1] = 0.7
    evidence[DETECTORS.index("noise"), 2] = 1.4
    evidence[:, 3] = np.nan
    assert verdicts(evidence) == [NO_FAULT, "slightly soft", "noisy", NO_FAULT]
    assert all(len(word) <= 25 for fault in np.eye(len(DETECTORS)) for word in verdicts(2 * fault[:, None]))


def test_technometrics_come_back_from_points():
    technometric = np.array([0.0, 0.3, 7.0])
    assert technometric_of(points_of(technometric, 4.2), 4.2) == pytest.approx(technometric)
    assert technometric_of(np.array([0.0]), 4.2)[0] == np.inf


def test_all_detectors_of_a_block_compute_their_evidence_once(monkeypatch):
    """Each fault has its judge, and all of them ask the model for the evidence of all faults."""
    rng, calls = np.random.default_rng(0), []
    judges = [TechnicalJudge.load(), *map(TechnicalJudge.detector, DETECTORS)]
    items = judges[0].extractor.extract(rng.random((3, 64, 64, 3)))
    judges[0].score(items[:1])

    def counted(*arguments):
        calls.append(arguments)
        return unit_vectors(*arguments)

    monkeypatch.setattr(quality_model, "unit_vectors", counted)
    together = [judge.score(items) for judge in judges]
    first = len(calls)
    assert first == len(set(judges[0].model.rotated_by.tolist()))
    items[1] = items[2]
    changed = [judge.score(items) for judge in judges]
    assert len(calls) == 2 * first
    for before, after in zip(together, changed, strict=True):
        assert after[[0, 2]] == pytest.approx(before[[0, 2]], abs=1e-9)
        assert after[1] == pytest.approx(before[2], abs=1e-9)
    quality = items[:, judges[0].columns]
    evidence = judges[0].model.evidence(quality)
    expected = evidence.copy()
    evidence[:] = 0
    assert (judges[0].model.evidence(quality) == expected).all()


NAMES = [detector.stored_name for detector in detectors()]


def scores_of(suspicion):
    """Scores of pictures, by detector, of this evidence (pictures, detectors)."""
    steepness = np.log(USUAL / (100 - USUAL))
    return {
        d.stored_name: 100 / (1 + np.exp(steepness * (np.asarray(column, dtype=float) - 1)))
        for d, column in zip(detectors(), np.transpose(suspicion), strict=True)
    }


def naive(scores):
    """Picture by picture and detector by detector."""
    damages = []
    for picture in range(len(scores[NAMES[0]])):
        damage, strongest = -1, 1.0
        for number, detector in enumerate(detectors()):
            score = scores[detector.stored_name][picture]
            if np.isnan(score):
                continue
            suspicion = detector.suspicion(np.array([score]))[0] / SUSPECT[number]
            if suspicion > strongest:
                damage, strongest = number, suspicion
        damages.append(damage)
    return damages


def test_detectors_stand_in_the_order_of_their_names():
    assert [name.rpartition("-")[0] for name in NAMES] == list(DETECTORS)
    assert all(detector.suspicion(np.array([USUAL]))[0] == pytest.approx(0) for detector in detectors())


def test_the_most_unusual_score_names_the_damage():
    suspicion = np.zeros((3, len(NAMES)))
    suspicion[0, 1] = 1.5
    suspicion[1, [2, 4]] = 1.2, 3.0
    suspicion[2, :6] = 2.0, 1.9, 0.5, -4.0, 1.0, 1.1
    assert [DETECTORS[damage] for damage in suspected(scores_of(suspicion))] == ["noise", "saturate", "blur"]


def test_the_first_detector_wins_a_tie():
    infinite = {name: np.array([-np.inf]) for name in NAMES}
    assert suspected(infinite).tolist() == [0]
    infinite[NAMES[0]] = np.array([100.0])
    assert suspected(infinite).tolist() == [1]


def test_nothing_is_suspected_within_the_limits():
    at_limits = {detector.stored_name: np.array([LIMIT, USUAL]) for detector in detectors()}
    assert suspected(at_limits).tolist() == [-1, -1]
    beyond = {**at_limits, NAMES[3]: np.array([LIMIT - 1e-6, USUAL])}
    assert suspected(beyond).tolist() == [3, -1]


def test_hard_light_is_not_called_halos():
    suspicion = np.zeros((2, len(NAMES)))
    suspicion[:, DETECTORS.index("halo")] = 1.25, 1.35
    assert suspected(scores_of(suspicion)).tolist() == [-1, DETECTORS.index("halo")]
    assert verdicts(suspicion.T) == ["slight halos", "halos"]


def test_missing_scores_do_not_count():
    suspicion = np.full((3, len(NAMES)), np.nan)
    suspicion[0, 5] = 1.1
    suspicion[1, 5] = 0.9
    assert suspected(scores_of(suspicion)).tolist() == [5, -1, -1]


def test_no_pictures():
    damages = suspected({name: np.zeros(0) for name in NAMES})
    assert damages.shape == (0,)
    assert damages.dtype == np.int64


@pytest.mark.filterwarnings("error")
@given(
    st.lists(
        st.lists(st.floats(-200, 200) | st.just(float("nan")), min_size=len(NAMES), max_size=len(NAMES)), max_size=8
    )
)
@settings(max_examples=60, deadline=None)
def test_the_rule_is_that_of_a_naive_loop(rows):
    table = np.array(rows, dtype=float).reshape(-1, len(NAMES))
    scores = dict(zip(NAMES, table.T, strict=True))
    assert suspected(scores).tolist() == naive(scores)
