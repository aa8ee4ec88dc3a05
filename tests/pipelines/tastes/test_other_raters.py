"""A taste among the other raters of a collection."""

import numpy as np
import pytest

from soart.metrics.tastes.appeal import APPEAL
from soart.metrics.tastes.taste import OTHERS, TECHNICAL
from soart.metrics.tastes.taste_files import load_taste, same_taste, save_taste
from soart.pipelines.collection.ratings import dislike_personally, others_mean, rate
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.scoring.explaining import explain_score
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tastes.other_raters import beliefs_in, ratings_with_others_means, ratings_with_scores


def test_everybody_is_set_beside_the_mean_of_the_rest():
    rng = np.random.default_rng(0)
    stars = [{int(i): float(rng.integers(1, 6)) for i in rng.permutation(30)[:12]} for _ in range(4)]
    found = list(ratings_with_others_means(stars))
    for number, own in enumerate(stars):
        rest = stars[:number] + stars[number + 1 :]
        means = {}
        for image in range(30):
            values = [one[image] - np.mean(list(one.values())) for one in rest if image in one]
            if values:
                means[image] = np.mean(values)
        centre, deviation = np.mean(list(means.values())), np.std(list(means.values()))
        expected = [((means[i] - centre) / deviation, value) for i, value in own.items() if i in means]
        assert np.column_stack(found[number]) == pytest.approx(np.array(expected))


def test_raters_without_pictures_in_common_show_nothing():
    [(first, rated), (second, _)] = ratings_with_others_means([{1: 5.0, 2: 3.0}, {3: 1.0}])
    assert len(first) == len(rated) == len(second) == 0
    [(scores, rated)] = ratings_with_scores([{1: 5.0, 2: 3.0, 9: 1.0}], {1: 7.0, 2: 7.0})
    assert (scores.tolist(), rated.tolist()) == ([0.0, 0.0], [5.0, 3.0])


def test_raters_who_agree_are_trusted_sooner(rated, tmp_path):
    collection, rows, vivid = rated
    rng = np.random.default_rng(1)
    ids = [row.id for row in rows]
    rate(collection, "me", {image: 5.0 if vivid[image] else 1.0 for image in [*ids[:4], *ids[-4:]]})
    priors = {image: np.array([rng.normal(), np.nan]) for image in ids}
    names = (TECHNICAL, OTHERS)
    assert beliefs_in(collection, "me", names, priors, 1.0) == ()
    for number in range(6):
        rate(collection, f"rater {number}", {image: float(rng.integers(1, 6)) for image in ids})
    apart = beliefs_in(collection, "me", names, priors, 1.0)
    for number in range(6):
        liked = {image: 4.0 if vivid[image] else 2.0 for image in ids}
        rate(collection, f"rater {number}", {i: star + rng.integers(-1, 2) for i, star in liked.items()})
    alike = beliefs_in(collection, "me", names, priors, 1.0)
    assert np.exp(apart[1][0]) > 0.8 > 0.6 > np.exp(alike[1][0])
    # Scores that are noise are noise for all of them.
    assert np.exp(alike[0][0]) > 0.9
    assert beliefs_in(collection, "me", ("a judge", OTHERS), priors, 1.0) == (None, alike[1])

    # Raters who dislike what appeals to most people make its opposite likelier.
    for number in range(6):
        rate(collection, f"rater {number}", {image: 5.0 - row % 5 for row, image in enumerate(ids)})
    appealing = {image: np.array([float(row % 5), np.nan]) for row, image in enumerate(ids)}
    usual = beliefs_in(collection, "me", (APPEAL, OTHERS), priors, 1.0)[0]
    against = beliefs_in(collection, "me", (APPEAL, OTHERS), appealing, 1.0)[0]
    assert np.exp(against[3]) > 2 * np.exp(usual[3])

    learnt = tastes.learn("mine", collection, tastes.Sources(rater="me")).taste
    # NIMA tells nothing of pictures as small as these.
    assert [beliefs and len(beliefs) for beliefs in learnt.examples.prior_beliefs] == [3, 4, None, 4]
    assert learnt.alone.examples.prior_beliefs == learnt.examples.prior_beliefs[:3]
    path = save_taste(learnt, tmp_path / "mine.safetensors")
    assert same_taste(load_taste(path), learnt)
    assert load_taste(path).alone.examples.prior_beliefs == learnt.alone.examples.prior_beliefs


def test_reasons_are_those_of_the_score(rated):
    collection, rows, vivid = rated
    rng = np.random.default_rng(4)
    rate(collection, "me", {row.id: 5.0 if vivid[row.id] else 1.0 for row in (*rows[:4], *rows[-4:])})
    # The others agree with me, and have not seen the first picture.
    for number in range(4):
        stars = {row.id: (4.0 if vivid[row.id] else 2.0) + rng.integers(-1, 2) for row in rows[1:]}
        rate(collection, f"rater {number}", stars)
    judge = TasteJudge.of(tastes.learn("mine", collection, tastes.Sources(rater="me")).taste)
    ranking, _ = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
    stored = collection.scores("taste:mine")
    told = set()
    for picture in ranking:
        explained = explain_score(collection, picture.row, judge)
        assert explained.score == pytest.approx(stored[picture.row.id])
        assert [reason.text for reason in explained.reasons] == [reason.text for reason in picture.reasons]
        if any("others' liking" in reason.text for reason in picture.reasons):
            told.add(picture.row.id)
    assert len(told) > len(rows) / 2
    assert rows[0].id not in told


def test_what_is_not_for_a_rater_says_nothing_about_the_picture(rated):
    collection, rows, _ = rated
    rate(collection, "other", {row.id: 1.0 + number % 5 for number, row in enumerate(rows[:8])})
    before = others_mean(collection, "me"), beliefs_in(collection, "me", (OTHERS,), {}, 1.0)
    dislike_personally(collection, "third", rows[0].id)
    assert (others_mean(collection, "me"), beliefs_in(collection, "me", (OTHERS,), {}, 1.0)) == before
