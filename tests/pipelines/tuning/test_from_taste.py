"""A taste starts a tune with what its pictures show of the options, and a tune's ratings teach the taste."""

import numpy as np
import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate, raters, ratings
from soart.pipelines.generate import generate
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tuning.from_taste import known_options
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

PALETTES = ("warm", "cool", "monochrome", "neon")
SPACE = PromptSpace.from_text("a {flat|watercolor} picture of a boat in {warm|cool|monochrome|neon} colors")


@pytest.fixture(scope="module")
def rated(tmp_path_factory, embedded):
    """A collection with 24 rated pictures of other subjects: those in warm colors are liked, but for two of six."""
    generator, collection = ImageGenerator(embedded), Collection(tmp_path_factory.mktemp("rated"))
    prompts = [
        f"a flat picture of a {subject} in {palette} colors" for subject in ("house", "tree") for palette in PALETTES
    ]
    requests = [generator.request(prompt, seed, steps=2) for seed in range(3) for prompt in prompts]
    rows = generate(collection, generator, requests).rows
    stars = {
        row.id: 5.0 if ("warm" in row.generation.prompt) == (k not in (0, 9)) else 1.0 for k, row in enumerate(rows)
    }
    rate(collection, "me", stars)
    with collection:
        yield collection, stars


@pytest.fixture(scope="module")
def taste(rated):
    return tastes.learn("mine", rated[0], tastes.Sources(rater="me"), network=None).taste


def tuner_of(collection, generator, taste, space=SPACE, **arguments):
    generator.set_defaults(steps=2)
    return Tuner(collection, generator, space, Panel(taste), batch=2, budget=4, prune=False, **arguments)


def test_a_tune_begins_with_what_the_taste_shows_of_options(rated, taste, generator):
    tuner = tuner_of(rated[0], generator, taste)
    (sentence,) = tuner.beginnings
    assert sentence.startswith("It begins with what taste: mine shows of options: ")
    assert "=warm +" in sentence
    # Nothing is known of what all pictures have in common, nor of what none has.
    assert "flat" not in sentence
    assert (
        tuner.space.describe(tuner.steering().recommend(np.random.default_rng(0)).choice)[tuner.space.slots[1].name]
        == "warm"
    )
    tuner.step()
    model = tuner.steering().model
    (judge,) = model.raters_
    assert judge.name == "taste:mine"
    assert tuner.beginnings == [sentence]


def test_a_panel_without_tastes_and_a_space_that_no_picture_knows_begin_with_nothing(rated, taste, generator):
    assert Tuner(rated[0], generator, SPACE, Panel("technical")).beginnings == []
    space = PromptSpace.from_text("a {sketch|woodcut} picture of a boat")
    tuner = tuner_of(rated[0], generator, taste, space)
    assert tuner.beginnings == []
    assert tuner.steering().expected == {}


def test_rated_pictures_of_the_study_itself_are_left_out(rated, taste):
    collection, stars = rated
    names = {row.sha256[:16] for row in collection.images() if row.id in stars}
    assert names == set(taste.examples.pictures.tolist())

    def making(choice):
        words = SPACE.render(choice).prompt.split()
        return next(m for m in taste.examples.makings if m.words and set(words) & set(m.words) & set(PALETTES))

    assert known_options(taste, SPACE, making) is not None
    assert known_options(taste, SPACE, making, names) is None
    # Of half of them less is known.
    half = known_options(taste, SPACE, making, set(sorted(names)[:12]))
    assert half is None or np.abs(half.points).max() < np.abs(known_options(taste, SPACE, making).points).max()


def test_ratings_of_a_tune_teach_the_taste_and_scores_never_do(rated, taste, generator):
    collection, stars = rated
    tuner = tuner_of(collection, generator, taste)
    drawn = tuner.step()
    # The pictures have scores of the taste, which are no ratings.
    assert {row.id for row in drawn} <= set(collection.scores(TasteJudge.of(taste).stored_name))
    assert raters(collection) == ["me"]
    assert ratings(collection, "me") == stars
    again = tastes.learn("mine", collection, tastes.Sources(rater="me"), network=None).taste
    np.testing.assert_array_equal(again.examples.liking, taste.examples.liking)
    rate(collection, "me", {drawn[0].id: 4.5})
    taught = tastes.learn("mine", collection, tastes.Sources(rater="me"), network=None).taste
    assert len(taught.examples) == len(taste.examples) + 1
    place = taught.examples.pictures.tolist().index(drawn[0].sha256[:16])
    assert taught.examples.liking[place] == 0.75
    assert {"boat", "colors"} & set(taught.examples.makings[place].words)
    # It knows what the study draws by its own ratings then, and begins with those of other pictures.
    later = tuner_of(collection, generator, taught)
    assert len(later.study.own) == len(tuner.study.own)
    assert "=warm +" in later.beginnings[0]
