"""Pictures judged in memory: the same scores as from a collection, and nothing lost to a bad one."""

import math

import numpy as np
import pytest
from PIL import Image
from specimens.judging import Brightness, noise

from soart.errors import CollectionError, ItemsError, JudgeError
from soart.metrics.percentiles import percentiles
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.in_memory import (
    ScoredPicture,
    best_first,
    best_varied,
    judge_of_pictures,
    judges_of_pictures,
    most_reachable,
    score_batch,
    scores_among,
    scores_and_ranking,
    value_of,
)
from soart.pipelines.judges.ranking import rank
from soart.pipelines.scoring.measuring import import_pictures
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes.learning import learn_from_pictures


def test_scores_are_those_of_a_collection(collection, judge, tmp_path):
    pictures = noise(5)
    files = [tmp_path / f"{i}.png" for i in range(5)]
    for file, pixels in zip(files, pictures, strict=True):
        Image.fromarray(pixels).save(file)
    import_pictures(collection, files, judge)
    ranking, _ = rank(StoredPictures(collection, collection.images()), judges_for("technical"))
    judged, problems = score_batch(PicturesInMemory(dict(enumerate(pictures))), [(guarded(judge), 1.0)])
    assert problems == []
    ordered = best_first(judged)
    assert [one.score for one in ordered] == [one.score for one in ranking]
    assert [one.percentile for one in ordered] == [one.percentile for one in ranking]
    assert [one.reasons for one in ordered] == [one.reasons for one in ranking]
    assert [f"{one.number}.png" for one in ordered] == [one.path.name for one in ranking]


def test_percentiles_among_others(judge):
    pictures = dict(enumerate(noise(3)))
    scores = [one.score for one in score_batch(PicturesInMemory(pictures), [(guarded(judge), 1.0)])[0]]
    among = np.array([min(scores) - 1, max(scores) + 1])
    assert [one.percentile for one in score_batch(PicturesInMemory(pictures), [(guarded(judge), 1.0)], among)[0]] == [
        50.0
    ] * 3
    assert percentiles(np.array([1.0, 5.0]), np.array([1.0, 2.0])).tolist() == [25.0, 100.0]


def test_bad_pictures_are_named_and_the_others_judged(judge):
    good = noise(1)[0]
    pictures = {0: np.full((8, 8, 3), np.nan), 3: good, 4: np.zeros((0, 8, 3), np.uint8)}
    judged, problems = score_batch(PicturesInMemory(pictures), [(guarded(judge), 1.0)])
    assert [one.number for one in judged] == [3]
    assert judged[0].percentile == 50
    assert [text.split(" is")[0] for text in problems] == ["Picture 1", "Picture 5"]
    assert score_batch(PicturesInMemory({}), [(guarded(judge), 1.0)]) == ([], [])


def test_scores_to_compare_with_need_a_collection_with_a_picture(judge, tmp_path):
    with pytest.raises(CollectionError, match="collection"):
        scores_among(tmp_path / "missing", [(guarded(judge), 1.0)])
    Collection(tmp_path / "c").close()
    with pytest.raises(ItemsError, match="'c' holds no picture yet"):
        scores_among(tmp_path / "c", [(guarded(judge), 1.0)])
    with Collection(tmp_path / "c") as collection:
        for i, pixels in enumerate(noise(3)):
            Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        import_pictures(collection, [tmp_path / f"{i}.png" for i in range(3)], judge)
        ranking, _ = rank(StoredPictures(collection, collection.images()), [(guarded(judge), 1.0)])
    totals = []
    scores = scores_among(
        tmp_path / "c", [(guarded(judge), 1.0)], lambda total: totals.append(total) or (lambda done: None)
    )
    assert scores.tolist() == [one.score for one in ranking]
    assert totals == [3]


def grey(*levels):
    """Pictures of these mean levels, with a texture, because nothing of one tone has a value."""
    texture = np.repeat(np.repeat([[0.9, 1.1], [1.1, 0.9]], 16, axis=0), 16, axis=1)[..., None] * np.ones(3)
    return PicturesInMemory({n: np.rint(level * texture).astype(np.uint8) for n, level in enumerate(levels)})


class Dim(Brightness):
    """Tells nothing of bright pictures."""

    def judge(self, pictures, prompts):
        return [math.nan if value > 0.5 else value for value in super().judge(pictures, prompts)]


def test_the_best_comes_first_and_equal_pictures_keep_their_order():
    scores, ranking = scores_and_ranking(grey(50, 200, 100, 50), [(GuardedJudge(Dim()), 1.0)])
    assert scores == pytest.approx([50 / 255, math.nan, 100 / 255, 50 / 255], nan_ok=True)
    assert ranking == [2, 0, 3]


def test_judges_of_pictures_alone_need_neither_prompt_nor_person():
    [(judge, weight)] = judges_of_pictures({"technical": 2.0})
    assert (judge.name, weight) == ("technical", 2.0)
    wordy = Brightness()
    wordy.needs = ("pixels", "prompt")
    with pytest.raises(JudgeError, match="'brightness' needs a prompt, and here only the pictures are known"):
        judges_of_pictures(["technical", wordy])
    with pytest.raises(JudgeError, match="'person:ann' needs a person"):
        judges_of_pictures("person:ann")
    assert judge_of_pictures("technical").name == "technical"
    with pytest.raises(JudgeError, match="Expected one judge, because a threshold counts in its values, got 2"):
        judge_of_pictures(["technical", Brightness()])


def test_the_value_of_one_picture(judge):
    assert value_of(GuardedJudge(Dim()), np.full((9, 9, 3), 102, np.uint8)) == pytest.approx(0.4)
    with pytest.raises(JudgeError, match="it cannot tell"):
        value_of(GuardedJudge(Dim()), np.full((9, 9, 3), 255, np.uint8))
    # Of a black picture nobody could say anything.
    black = guarded(TasteJudge.of(learn_from_pictures("v", noise(6), noise(6, 1, vivid=False), network=None)))
    assert math.isnan(value_of(black, np.zeros((20, 20, 3), np.uint8)))
    assert black.why == {}


def test_percentiles_of_a_taste_are_those_among_its_learning_pictures():
    taste = learn_from_pictures("vivid", noise(8), noise(8, 1, vivid=False), network=None)
    alone = [(guarded(taste), 1.0)]
    (one,), _ = score_batch(PicturesInMemory(dict(enumerate(noise(1, 2)))), alone)
    items = TasteJudge.of(taste).extractor.extract(noise(1, 2)[0])
    assert one.percentile == pytest.approx(taste.percentile(taste.liking(items))[0])
    # Beside another judge, or a reference, they are those of the batch or the reference.
    (beside,), _ = score_batch(PicturesInMemory(dict(enumerate(noise(1, 2)))), [*alone, (guarded(Brightness()), 1.0)])
    assert beside.percentile == 50
    (among,), _ = score_batch(PicturesInMemory(dict(enumerate(noise(1, 2)))), alone, np.array([one.score - 1] * 3))
    assert among.percentile == 100
    assert most_reachable(4, alone) == 100
    assert most_reachable(4, [(guarded(Brightness()), 1.0)]) == most_reachable(4, alone * 2) == 87.5


def test_a_taste_says_where_it_knows_nothing_like_the_pictures():
    judges = [(guarded(learn_from_pictures("vivid", noise(8), noise(8, 1, vivid=False), network=None)), 1.0)]
    assert score_batch(PicturesInMemory(dict(enumerate(noise(6, 2)))), judges)[1] == []
    smooth = {k: np.tile(np.linspace(k, 250, 80, dtype=np.uint8)[:, None, None], (1, 80, 3)) for k in range(6)}
    _, [sentence] = score_batch(PicturesInMemory(smooth), judges)
    assert "unlike all that the taste 'vivid' was learnt from" in sentence


def test_the_best_are_few_of_one_look():
    rng = np.random.default_rng(0)
    scene, noise = (
        np.kron(rng.integers(60, 200, (12, 12, 3)), np.ones((8, 8, 1), int)),
        rng.integers(0, 256, (96, 96, 3)),
    )
    same = [scene + rng.integers(-1, 2, scene.shape) for _ in range(4)]
    pictures = PicturesInMemory({k: one.astype(np.uint8) for k, one in enumerate([*same, noise, noise // 3])})
    scored = [ScoredPicture(k, 10.0 - k, 50.0, ()) for k in range(6)]
    best, others = best_varied(pictures, scored, guarded("technical"), 3)
    assert [picture.number for picture in best] == [0, 1, 4]
    assert (sum(others), others[2]) == (2, 0)
