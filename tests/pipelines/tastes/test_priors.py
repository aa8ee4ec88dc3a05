import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from specimens.scanning import Here

import soart
from soart.errors import JudgeError, TasteError
from soart.metrics.tastes.appeal import APPEAL
from soart.metrics.tastes.blend import blend
from soart.metrics.tastes.taste import OTHERS, TECHNICAL, is_given
from soart.metrics.tastes.taste_files import load_taste, same_taste, save_taste
from soart.pipelines.collection import ratings
from soart.pipelines.collection.ratings import dislike_personally, others_mean, rate
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.judges.storing import judge_pictures, score_all
from soart.pipelines.scoring.explaining import explain_score
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tastes.priors import beliefs_in, holders_of, ratings_with_others_means, ratings_with_scores

#: A judge of what items do not tell: whether the red of the first pixel is even.
CORNER = """
class Corner:
    name, version = "corner", "1"
    scale, needs = (0.0, 1.0), ("pixels",)

    def values(self, pictures):
        return [float(pixels[0, 0, 0] % 2 == 0) for pixels in pictures.pixels()]


class Wordy(Corner):
    name, needs = "wordy", ("pixels", "prompt")
"""
STORED = "judge:corner@1"


@pytest.fixture
def corner(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "corner_judge.py").write_text(CORNER)
    monkeypatch.syspath_prepend(tmp_path / "code")
    yield "corner_judge:Corner"
    sys.modules.pop("corner_judge", None)


@pytest.fixture
def cornered(rated, corner):
    """A collection of which I like the pictures that the judge likes; every third one is not rated."""
    collection, rows, _ = rated
    even = {row.id: bool(collection.pixels(row)[0, 0, 0] % 2 == 0) for row in rows}
    known = [row for number, row in enumerate(rows) if number % 3]
    ratings.rate(collection, "me", {row.id: 5 if even[row.id] else 1 for row in known})
    return collection, rows, even, known


def learn(collection, **options):
    return tastes.learn("me", collection, tastes.Sources(rater="me"), network=None, **options)


def test_a_judge_is_a_prior_score_where_it_has_judged(cornered, corner, tmp_path):
    collection, rows, even, known = cornered
    learnt = learn(collection, priors=["technical", corner])
    taste = learnt.taste
    assert taste.prior_names == ("technical", STORED)
    assert taste.trusted_priors[STORED] > 0.8
    assert taste.alone.prior_names == ("technical",)
    assert taste.trust.held_out > 0.9 > taste.alone.trust.held_out
    assert taste.trust.concordance > taste.alone.trust.concordance
    assert any("the judge 'corner' has not judged" in note for note in learnt.notes)
    # Of the pictures that were learnt from alone, so that nobody waits for a whole collection.
    assert set(collection.scores(STORED)) == {row.id for row in known}
    judge, fresh = TasteJudge.of(taste), [row for row in rows if row not in known]
    ranking, problems = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
    scores = {picture.row.id: picture.score for picture in ranking}
    items = collection.items(taste.version, [row.id for row in fresh])
    plain = taste.alone.score(np.stack([items[row.id] for row in fresh]).astype(float), useless_ok=True)
    assert [scores[row.id] for row in fresh] == pytest.approx(plain.tolist())
    assert len(problems) == 1
    assert f"has not judged {len(fresh)} of {len(rows)} pictures" in problems[0]
    assert problems[0].endswith("Judge them with it.")
    judge_pictures(StoredPictures(collection, rows), guarded(corner))
    ranking, problems = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
    assert problems == []
    scores = {picture.row.id: picture.score for picture in ranking}
    best, worst = ([scores[row.id] for row in fresh if even[row.id] is liked] for liked in (True, False))
    assert min(best) > max(worst)
    score_all(collection, judge)
    assert collection.scores("taste:me") == pytest.approx(scores)
    reasons = [reason.text for picture in ranking for reason in picture.reasons]
    assert any("(judge: corner)" in text for text in reasons)
    store = TasteStore(tmp_path / "P")
    store.save(taste)
    again, items = store.load("me"), taste.examples.items
    assert np.allclose(again.score(items, taste.examples.priors), taste.score(items, taste.examples.priors))
    assert np.allclose(again.score(items, useless_ok=True), taste.score(items, useless_ok=True))


def test_a_judge_in_the_same_call_judges_before_the_taste_scores(cornered, corner, tmp_path):
    collection, rows, even, _known = cornered
    judge = TasteJudge.of(learn(collection, priors=[corner]).taste)
    ranking, problems = rank(StoredPictures(collection, rows), [(guarded(corner), 0.0), (guarded(judge), 1.0)])
    assert problems == []
    assert [even[picture.row.id] for picture in ranking] == sorted(even.values(), reverse=True)


def test_a_judge_of_weight_0_leaves_no_picture_out(cornered, corner, judge):
    """No picture has a prompt, so the judge has no values."""
    collection, rows, _even, _known = cornered
    ranking, _ = rank(StoredPictures(collection, rows), [(guarded("corner_judge:Wordy"), 0.0), (guarded(judge), 1.0)])
    assert len(ranking) == len(rows)
    assert all("wordy" not in reason.text for picture in ranking for reason in picture.reasons)


def test_evaluations_use_values_of_judges(cornered, corner, tmp_path):
    collection, _rows, even, _known = cornered
    judge = TasteJudge.of(learn(collection, priors=[corner]).taste)
    scan, engine = Scan([tmp_path / "v", tmp_path / "g"]), Here()
    plain = sync_and_evaluate(collection, scan, engine, judge)
    assert any("has not judged" in text for text in plain.judged.problems)
    judged = sync_and_evaluate(collection, scan, engine, {judge: 1.0, corner: 0.0})
    assert judged.judged.problems == ()
    scores = dict(zip(judged.evaluation.ids.tolist(), judged.evaluation.scores["taste:me"].tolist(), strict=True))
    assert min(scores[i] for i in scores if even[i]) > max(scores[i] for i in scores if not even[i])


def test_a_judge_beside_other_raters_leaves_a_taste_for_each_lack(cornered, corner, tmp_path):
    collection, _rows, even, known = cornered
    ratings.rate(collection, "you", {row.id: 5 if even[row.id] else 1 for row in known[:6]})
    learnt = learn(collection, priors=["others", corner])
    taste = learnt.taste
    assert taste.prior_names == ("others", STORED)
    # The one that most pictures lack is left out first.
    assert (taste.alone.prior_names, taste.alone.alone.prior_names) == ((STORED,), ())
    assert learnt.notes[-1].startswith(
        "Pictures that no other rater has rated or that the judge 'corner' has not judged:"
    )
    items = taste.examples.items[:4]
    priors = np.array([[1.0, 1.0], [np.nan, 1.0], [1.0, np.nan], [np.nan, np.nan]])
    expected = [
        taste.fitted(items[:1], priors[:1])[0],
        taste.alone.fitted(items[1:2], priors[1:2, 1:])[0],
        *taste.alone.alone.liking(items[2:]),
    ]
    assert taste.liking(items, priors).tolist() == pytest.approx(expected)
    store = TasteStore(tmp_path / "P")
    store.save(taste)
    assert np.allclose(store.load("me").liking(items, priors), expected)


def test_judges_that_cannot_judge_are_refused_or_left_out(cornered, corner):
    collection, *_ = cornered
    with pytest.raises(JudgeError, match=r"'wordy' gave none of the learning pictures a value.*needs a prompt"):
        learn(collection, priors=["corner_judge:Wordy"])
    learnt = learn(collection, priors=["technical", "corner_judge:Wordy", "nothing"], if_available=True)
    assert learnt.taste.prior_names == ("technical",)
    assert sum("which is left out" in note for note in learnt.notes) == 2
    with pytest.raises(JudgeError, match="named twice"):
        learn(collection, priors=[corner, f" {corner}"])


def two_halves(collection, rows, vivid):
    for name, some in (("you", rows[:6] + rows[10:16]), ("me", rows[6:10] + rows[16:])):
        ratings.rate(collection, name, {row.id: 5 if vivid[row.id] else 1 for row in some})


def test_another_taste_is_a_prior_score(rated, tmp_path):
    collection, rows, vivid = rated
    two_halves(collection, rows, vivid)
    store = TasteStore(tmp_path / "P")
    yours = tastes.learn(
        "you", collection, tastes.Sources(rater="you"), network=None, priors=["technical", "others"]
    ).taste
    store.save(yours)
    taste = learn(collection, priors=["you"], stores=[store]).taste
    assert (taste.prior_names, taste.alone) == (("taste:you",), None)
    assert taste.trusted_priors["taste:you"] > 0.5
    assert not any(map(is_given, taste.tastes[0].prior_names))
    items = np.stack(list(collection.items(taste.version, [row.id for row in rows]).values())).astype(float)
    assert taste.prior_scores(items)[:, 0] == pytest.approx(yours.liking(items))
    plain = replace(learn(collection, priors=[]).taste, name="plain")
    assert np.isfinite(taste.trust.concordance)
    assert taste.trust.concordance >= plain.trust.concordance
    store.save(taste)
    # The file holds a copy, and needs no other.
    assert holders_of(["you", "nobody"], store) == {"you": ["me"]}
    store.delete("you")
    again = store.load("me")
    assert np.allclose(again.score(items, useless_ok=True), taste.score(items, useless_ok=True))
    store.save(blend("both", [again, plain]))
    assert np.allclose(store.load("both").liking(items), blend("both", [taste, plain]).liking(items))
    assert {name: sorted(holders) for name, holders in holders_of(["you"], store).items()} == {"you": ["both", "me"]}


def test_no_taste_starts_from_itself_and_none_in_a_circle(rated, tmp_path):
    collection, rows, vivid = rated
    two_halves(collection, rows, vivid)
    store = TasteStore(tmp_path / "P")
    store.save(tastes.learn("you", collection, tastes.Sources(rater="you"), network=None).taste)
    mine = learn(collection, priors=["you"], stores=[store]).taste
    store.save(mine)
    store.save(blend("both", [mine, replace(mine, name="third")]))
    with pytest.raises(TasteError, match="'me' cannot be a prior score of itself"):
        learn(collection, priors=["me"], stores=[store])
    for name in ("me", "both"):
        with pytest.raises(TasteError, match=f"'{name}' starts from 'you', which cannot start from it in turn"):
            tastes.learn("you", collection, tastes.Sources(rater="you"), network=None, priors=[name], stores=[store])
    with pytest.raises(TasteError, match="learn both with the same network"):
        tastes.learn("new", collection, tastes.Sources(rater="me"), priors=["you"], stores=[store])
    with pytest.raises(TasteError, match=r"There is no prior score 'he': choose among technical.*clip.*both, me, you"):
        learn(collection, priors=["he"], stores=[store])


def test_what_another_taste_was_learnt_from_says_nothing_about_its_worth(rated, tmp_path):
    collection, rows, vivid = rated
    two_halves(collection, rows, vivid)
    ratings.rate(collection, "me", {rows[0].id: 5, rows[10].id: 1})
    store = TasteStore(tmp_path / "P")
    store.save(tastes.learn("you", collection, tastes.Sources(rater="you"), network=None).taste)
    learnt = learn(collection, priors=["you"], stores=[store])
    assert any("'you' was learnt from 2 of these 10 pictures too" in note for note in learnt.notes)
    assert np.isnan(learnt.taste.examples.priors[:, 0]).sum() == 2
    same = tastes.Sources(rater="you")
    with pytest.raises(TasteError, match="learnt from all 12 pictures that this one is learnt from"):
        tastes.learn("again", collection, same, network=None, priors=["you"], stores=[store])
    left = tastes.learn("again", collection, same, network=None, priors=["you"], stores=[store], if_available=True)
    assert left.taste.prior_names == ()
    assert any("The setting 'priors' names 'you', which is left out" in note for note in left.notes)


def test_judges_and_tastes_are_prior_scores_of_pictures_in_memory(corner, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    rng = np.random.default_rng(0)
    pictures = rng.integers(40, 200, (24, 20, 20, 3), dtype=np.uint8)
    even = pictures[:, 0, 0, 0] % 2 == 0
    good, bad = pictures[even], pictures[~even]
    first = soart.learn_from_pictures("first", list(good[:6]), list(bad[:6]), priors=[corner])
    assert (first.prior_names, first.alone.prior_names) == ((STORED,), ())
    assert set(first.examples.priors[:, 0]) == {0.0, 1.0}
    TasteStore().save(first)
    second = soart.learn_from_pictures("second", list(good[6:]), list(bad[6:]), priors=["first", corner])
    assert second.prior_names == (STORED, "taste:first")
    with pytest.raises(JudgeError, match="needs a prompt"):
        soart.learn_from_pictures("third", list(good), list(bad), priors=["corner_judge:Wordy"])
    Image.fromarray(pictures[0]).save(tmp_path / "one.png")
    assert len(soart.rank(tmp_path / "one.png", by=second)) == 1


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
