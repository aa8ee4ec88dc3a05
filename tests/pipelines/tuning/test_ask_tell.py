"""Tuning where somebody else draws, with a drawer whose truth is planted."""

from itertools import combinations

import numpy as np
import pytest
from specimens.judging import ColourJudge

from soart.errors import CollectionError, ModelError, SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import choosers, store_choice
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.external import ExternalGenerator
from soart.pipelines.reports.effects_chart import MOST, chosen_effects, effects_chart
from soart.pipelines.tuning.ask_tell import OBSERVED, ExternalStudy, tell
from soart.pipelines.tuning.findings import OptionEffect, findings_of
from soart.prompts.space.space import PromptSpace

SPACE = """
template: a {light} {colour} {thing}
slots:
  light: [dark, grey, bright]
  colour: [red, green, blue]
  thing: [fox, owl, boat]
"""
LEVEL = {"dark": 40, "grey": 110, "bright": 200}


class Bright(ColourJudge):
    """A judge whose truth is plain: it likes light pictures."""

    name = "bright"

    def score(self, items):
        return 100 * items[:, self.extractor.names.index("colour/luma/mean")]

    def explain(self, items, among=None):
        return [[] for _ in items]


def draw(request):
    rng = np.random.default_rng(request.seed)
    level = next(value for word, value in LEVEL.items() if word in request.prompt)
    return (level + rng.integers(-20, 20, (16, 16, 3))).astype(np.uint8)


@pytest.fixture
def study(tmp_path):
    return ExternalStudy(
        tmp_path / "open",
        PromptSpace.parse_yaml(SPACE),
        guarded(Bright()),
        ExternalGenerator("a camera", 12, 4.0, (64, 32)),
    )


def test_it_learns_from_what_it_is_told(study):
    means = []
    for _ in range(3):
        asked = study.ask(4)
        assert len({question.trial.choice for question in asked}) == 4
        means.append(np.mean([tell(question, draw(question.request)).score for question in asked]))
    assert means[2] > means[0]
    with Collection(study.folder) as collection:
        found = findings_of(study.tuner(collection))
    assert found.winners[0].choice["light"] == "bright"
    assert max(found.importance, key=found.importance.get) == "light"
    picture = effects_chart(found.effects, found.importance, found.unit, "a $title", 500)
    assert picture.shape[1:] == (500, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10


def test_requests_carry_the_usual_settings(study):
    [question] = study.ask()
    request = question.request
    assert (request.steps, request.guidance, request.width, request.height) == (12, 4.0, 64, 32)
    with pytest.raises(ModelError, match="drawn elsewhere"):
        study.generator.draw([request])
    with pytest.raises(ModelError, match="a name for the model"):
        ExternalGenerator("  ")


def test_what_was_asked_and_never_told_comes_again(study):
    first = study.ask(2)
    again = study.ask(3)
    assert [one.trial.choice for one in again[:2]] == [one.trial.choice for one in first]
    assert again[2].trial.choice not in [one.trial.choice for one in first]
    tell(first[0], draw(first[0].request))
    assert first[0].trial.choice not in [one.trial.choice for one in study.ask(2)]


def test_ratings_and_scores_count_in_place_of_the_judge(study):
    # The rater likes what the judge does not.
    for _ in range(3):
        for question in study.ask(4):
            stars = {"dark": 5, "grey": 3, "bright": 1}[question.request.prompt.split()[1]]
            row = tell(question, draw(question.request), rating=stars, rater="ann").row
    with Collection(study.folder) as collection:
        assert ratings(collection, "ann")[row.id] == stars
        found = findings_of(study.tuner(collection))
    assert (found.goal, found.unit) == ({"ann": 1.0}, "stars")
    assert found.winners[0].choice["light"] == "dark"


def test_choices_between_two_count_in_place_of_the_judge(study):
    darkness = []
    for _ in range(4):
        told = [(tell(question, draw(question.request)).row.id, question) for question in study.ask(4)]
        level = {image: LEVEL[question.request.prompt.split()[1]] for image, question in told}
        darkness.append(np.mean(list(level.values())))
        with Collection(study.folder) as collection:
            for (a, _), (b, _) in combinations(told, 2):
                if level[a] != level[b]:
                    # The rater likes what the judge does not.
                    winner, loser = sorted((a, b), key=level.get)
                    store_choice(collection, "ann", f"{a} {b}", winner, [loser])
    with Collection(study.folder) as collection:
        found = findings_of(study.tuner(collection))
    assert found.goal == {"ann": 1.0}
    assert found.winners[0].choice["light"] == "dark"
    assert darkness[-1] < darkness[0]


def test_an_answer_that_is_replaced_takes_its_ratings_along(study):
    first, second = study.ask(2)
    row, other = (tell(question, draw(question.request), rating=5).row for question in (first, second))
    with Collection(study.folder) as collection:
        store_choice(collection, "me", "one", row.id, [other.id])
    same = tell(first, draw(first.request), texts={"workflow": "{}"}).row
    with Collection(study.folder) as collection:
        assert ratings(collection, "me") == {row.id: 5, other.id: 5}
    assert tell(first, 255 - draw(first.request)).row.id == row.id == same.id
    with Collection(study.folder) as collection:
        assert ratings(collection, "me") == {other.id: 5}
        assert not choosers(collection)


def test_scores_of_another_judge(study):
    for question in study.ask(6):
        row, own, *_ = tell(question, draw(question.request), score=-7.0 if "red" in question.request.prompt else 3.0)
    with Collection(study.folder) as collection:
        assert collection.scores(OBSERVED)[row.id] in (-7.0, 3.0)
        assert collection.scores("bright")[row.id] == pytest.approx(own)
        # One without a score, as when the other judge failed.
        tell(study.ask()[0], draw(question.request))
        found = findings_of(study.tuner(collection))
    assert found.goal == {OBSERVED: 1.0}
    assert max((e for e in found.effects if e.slot == "colour"), key=lambda e: -e.mean).option == "red"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"score": float("nan")}, "finite score"),
        ({"rating": 6}, "from 1 to 5"),
        ({"rating": 4, "rater": ""}, "1 to 128 characters"),
        ({"rating": 4, "rater": "x" * 129}, "1 to 128 characters"),
        ({"rating": 4, "rater": "technical-9"}, "reserved for stored scores"),
        ({"rating": 4, "rater": "blur-10"}, "reserved for stored scores"),
        ({"rating": 4, "rater": "taste:mine"}, "reserved for stored scores"),
        ({"rating": 4, "rater": OBSERVED}, "reserved for stored scores"),
        ({"rating": 4, "rater": "bright"}, "name of the judge"),
    ],
)
def test_nonsense_is_refused_and_nothing_stored(study, more, said):
    [question] = study.ask()
    with pytest.raises(CollectionError, match=said):
        tell(question, draw(question.request), **more)
    with Collection(study.folder) as collection:
        assert collection.images() == []


def test_names_near_those_of_judges_are_names(study):
    for rater in ("technical", "blur", "Ann-2", "technical-9 "):
        [question] = study.ask()
        tell(question, draw(question.request), rating=3, rater=rater)
    assert study.ask()


def test_choices_that_failed_are_not_asked_again(study):
    failed = set()
    for _ in range(6):
        [question] = study.ask()
        tell(question, np.zeros((8, 8, 3), np.uint8), problem="all black")
        failed.add(question.trial.choice)
    assert len(failed) == 6
    for _ in range(3):
        [question] = study.ask()
        tell(question, draw(question.request))
        assert question.trial.choice not in failed


def test_a_broken_picture_is_kept_and_not_learnt_from(study):
    [question] = study.ask()
    row, value, *_ = tell(question, np.zeros((8, 8, 3), np.uint8), problem="all black")
    assert value is None
    assert row.problem == "all black"
    assert study.ask()[0].trial.choice != question.trial.choice


def test_a_space_that_is_used_up_shows_its_best_again_and_ends(tmp_path):
    study = ExternalStudy(
        tmp_path / "small", PromptSpace.parse("a {dark|bright} fox"), guarded(Bright()), ExternalGenerator("a camera")
    )
    seen = []
    # Four pictures of each are enough.
    for _ in range(8):
        [question] = study.ask()
        seen.append(question.trial.choice)
        tell(question, draw(question.request))
    assert seen.count(seen[0]) == 4
    assert len(set(seen)) == 2
    with pytest.raises(SoartError, match="All 2 choices"):
        study.ask()


def test_charts_of_many_options_and_of_none():
    many = [OptionEffect("style", f"option {i} " + "x" * 40, i - 20.0, i - 22.0, i - 18.0) for i in range(40)]
    kept = chosen_effects(many)
    assert len(kept) == MOST
    assert kept[0].mean == 19
    assert kept[-1].mean == -20
    assert effects_chart(many, {}, width=10).shape[1] == 300
    with pytest.raises(SoartError, match="no effects"):
        effects_chart([], {})


def test_a_space_that_was_typed():
    assert len(PromptSpace.parse("slots:\n  style: [flat, round]").slots) == 1
    assert PromptSpace.parse("a {fox|owl}").size == 2
    assert PromptSpace.parse("a boat", "embedded").size > 100
