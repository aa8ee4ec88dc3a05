"""A taste starts a tune with what its pictures show of the options, and a tune's ratings teach the taste."""

from dataclasses import replace

import numpy as np
import pytest

from soart.metrics.tastes.trust import CHANCE, USABLE
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice
from soart.pipelines.collection.ratings import rate, raters, ratings
from soart.pipelines.generate import generate
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import TasteStore, tastes_of
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tuning.from_taste import known_options, making_of_request
from soart.pipelines.tuning.panel import Panel, RaterKey
from soart.pipelines.tuning.study import Trial
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

PALETTES = ("warm", "cool", "monochrome", "neon")
SPACE = PromptSpace.from_text("a {flat|watercolor} picture of a boat in {cool|monochrome|neon|warm} colors")


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


def best_palette(tuner):
    return SPACE.slots[1].texts[tuner.steering().recommend(np.random.default_rng(0)).choice[1]]


def test_a_tune_begins_with_what_the_taste_shows_of_options(rated, taste, generator):
    tuner = tuner_of(rated[0], generator, taste)
    (sentence,) = tuner.beginnings
    assert sentence.startswith("It begins with what taste: mine shows of options, in stars: ")
    assert "=warm +" in sentence
    # Nothing is known of what all pictures have in common, nor of what none has.
    assert "flat" not in sentence
    assert best_palette(tuner) == "warm"
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
    assert half is None or np.abs(half.stars).max() < np.abs(known_options(taste, SPACE, making).stars).max()


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


@pytest.fixture(scope="module")
def mine(taste):
    """The taste, as that of a person named me that can be relied on."""
    assert taste.trust.word == USABLE
    return replace(taste, name="me")


@pytest.fixture
def stored(tmp_path, mine):
    store = TasteStore(tmp_path / "tastes")
    store.save(mine)
    return store


def making_of_choice(tuner, choice):
    request = tuner.request(Trial(0, 0, choice, "", 0, ""))
    return making_of_request(request, tuner.generator.model.identity, tuner.generator.model.sampler)


def asked(collection, generator, tastes=None, by="person:me", **arguments):
    generator.set_defaults(steps=2)
    return Tuner(collection, generator, SPACE, Panel(by), batch=4, budget=8, prune=False, tastes=tastes, **arguments)


def test_a_tune_for_a_person_begins_with_what_the_persons_taste_shows(tmp_path, generator, taste, stored):
    with Collection(tmp_path / "new") as collection:
        tuner = asked(collection, generator, stored)
        (sentence,) = tuner.beginnings
        assert sentence.startswith("It begins with what taste: me shows of options, in stars: ")
        assert "=warm +" in sentence
        by_taste = known_options(taste, SPACE, lambda choice: making_of_choice(tuner, choice))
        assert best_palette(tuner) == "warm"
        ((judge, stars),) = tuner.steering().expected.items()
        assert judge.name == "me"
        np.testing.assert_allclose(stars, by_taste.stars)
        # A warm picture is liked a star more, and what the points say has the same sign.
        warm = len(SPACE.slots[0].texts) + SPACE.slots[1].texts.index("warm")
        assert stars[warm] > 0.5
        assert by_taste.points[warm] > 0
        rows = tuner.step()
        assert [row.problem for row in rows] == [None] * 4
        # Ratings and choices are told as what differs from it.
        rate(collection, "me", {rows[0].id: 4.0})
        store_choice(collection, "me", "first", rows[1].id, [rows[2].id])
        told = asked(collection, generator, stored)
        assert RaterKey("me", "") in told.steering().model.raters_
        assert best_palette(told) == "warm"


def test_a_persons_taste_is_found_in_the_collection_first_and_left_alone_where_it_tells_nothing(
    tmp_path, generator, mine, stored
):
    with Collection(tmp_path / "new") as collection:
        assert asked(collection, generator).beginnings == []
        own = tastes_of(collection.folder)
        own.save(mine)
        assert "=warm +" in asked(collection, generator).beginnings[0]
        # Of another person nothing is known, and a taste in doubt or a damaged file is no beginning.
        assert asked(collection, generator, stored, "person:you").beginnings == []
        doubted = replace(mine, trust=replace(mine.trust, word=CHANCE))
        own.save(doubted)
        (sentence,) = asked(collection, generator).beginnings
        assert sentence.startswith("The taste 'me' is not reliable yet, so the tune does not begin with what ")
        assert doubted.trust.sentence in sentence
        assert asked(collection, generator).steering().expected == {}
        # A taste in doubt that judges, too, has a doubt of its own.
        both = asked(collection, generator, None, {doubted: 1.0, "person:me": 1.0}).beginnings
        assert not any("does not begin" in sentence for sentence in both)
        own.path("me").write_bytes(b"damaged")
        assert asked(collection, generator).beginnings == []


def test_a_person_and_their_taste_may_judge_together(tmp_path, generator, mine, stored):
    with Collection(tmp_path / "new") as collection:
        tuner = asked(collection, generator, stored, {mine: 1.0, "person:me": 1.0})
        assert len(tuner.beginnings) == 1
        assert {judge.name for judge in tuner.steering().expected} == {"me", "taste:me"}
