"""Optimizing pictures: ways, bounds, records, interruptions and degenerate input."""

import json
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from PIL import Image
from specimens.judging import Brightness, bright_taste

import soart
from soart.errors import JudgeError, ModelError, SoartError, TasteError
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes.appeal import appeal_model
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.gradients import gradient_of
from soart.pipelines.judges.guarded import GuardedJudge
from soart.pipelines.judges.weighing import GENERAL
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.noise import NoiseSampler
from soart.pipelines.models.request import DrawnPicture
from soart.pipelines.optimizing import ways
from soart.pipelines.optimizing.examining import Bounds, Examiner, Marks, second_taste
from soart.pipelines.optimizing.optimize import (
    few_ratings,
    judge_for,
    optimize,
    optimize_again,
    state_file,
    store,
)
from soart.pipelines.optimizing.optimizer import ALARM, Limit, Optimization
from soart.pipelines.optimizing.records import KEYWORD, record_of
from soart.pipelines.optimizing.ways import departure

PROMPT = "a boat in cool colors"
SLOW = pytest.mark.slow


class Bright(Brightness):
    """Mean brightness, with its derivative."""

    name = "bright"

    def gradient(self, pixels, prompt):
        return float(pixels.mean()), np.full(pixels.shape, 1 / pixels.size)


class Constant(Brightness):
    name = "constant"

    def judge(self, pictures, prompts):
        return [0.5] * len(pictures)


@pytest.fixture(scope="module")
def drawn(embedded):
    generator = ImageGenerator(embedded, 8)
    requests = [generator.request(PROMPT, seed, steps=2) for seed in range(100, 124)]
    return np.stack([one.pixels for batch in generator.draw(requests) for one in batch])


@pytest.fixture(scope="module")
def taste(drawn):
    return bright_taste(drawn)


@pytest.fixture
def unbounded(monkeypatch):
    """Every picture with a value counts: two steps draw pictures that are full of faults."""
    monkeypatch.setattr(
        Bounds, "of", classmethod(lambda cls, marks, adherence=None: cls(float("nan"), 0.0, float("inf")))
    )


def run(generator, by=None, **options):
    settings = {"seconds": None, "pictures": 8, "steps": 2, "seed": 3, **options}
    return optimize(generator, PROMPT, by=Bright() if by is None else by, **settings)


@pytest.mark.parametrize("way", ["gradient", pytest.param("seeds", marks=SLOW)])
def test_every_way_finds_more(generator, unbounded, way):
    found = run(generator, ways=[way], adherence=0.0, pictures=24 if way == "seeds" else 8)
    assert found.marks.value > found.start_marks.value
    assert {*found.steps} == {way}
    assert found.marks.value == pytest.approx(found.pixels.mean() / 255, abs=0.01)


@pytest.mark.slow
def test_other_ways_go_on_from_the_best_of_more_seeds(generator, unbounded):
    found = run(generator, adherence=0.0, pictures=16, ways=["seeds", "gradient"])
    assert found.steps[:2] == ("seeds", "gradient")
    assert found.record["first"] == 4
    again = optimize_again(generator, found.record, by=Bright())
    assert np.array_equal(again.pixels, found.pixels)
    # Half of eight pictures are the first seeds, and a caller who names the gradient alone wants no others.
    assert run(generator, adherence=0.0, ways=["seeds", "gradient"]).steps[0] == "gradient"
    assert "seeds" not in run(generator, adherence=0.0, pictures=16, ways=["gradient"]).steps


def test_the_record_makes_the_same_picture_again(generator, collection, unbounded):
    found = run(generator, adherence=0.0)
    again = optimize_again(generator, json.loads(json.dumps(found.record)), by=Bright())
    assert np.array_equal(again.pixels, found.pixels)
    assert np.array_equal(again.start, found.start)
    assert again.record == found.record
    stored = store(collection, generator, found, guarded(Bright()))
    assert record_of(stored.path) == found.record
    rows = collection.images()
    assert len(rows) == 2
    assert len({row.generation.request_key for row in rows}) == 2
    with Image.open(stored.path) as image:
        assert "Optimized by: " in image.info["parameters"]
        assert KEYWORD in image.info


@pytest.mark.slow
def test_another_judge_or_model_does_not_make_it_again(generator):
    record = run(generator, ways=["seeds"], pictures=4).record
    with pytest.raises(JudgeError, match="name the same judge"):
        optimize_again(generator, record, by="technical")
    with pytest.raises(ModelError, match="load the same model"):
        optimize_again(generator, {**record, "model": "other"}, by=Bright())
    with pytest.raises(ModelError, match="version"):
        optimize_again(generator, {**record, "version": 0}, by=Bright())
    with pytest.raises(SoartError, match="'guidance' is gone"):
        optimize_again(generator, {**record, "ways": ["gradient", "guidance"]}, by=Bright())
    for damaged in ({}, {**record, "ways": ["magic"]}, {**record, "first": 10**9}, {**record, "seed": "1"}, []):
        with pytest.raises(ModelError, match="is damaged"):
            optimize_again(generator, damaged, by=Bright())


@pytest.mark.slow
def test_an_interrupted_run_goes_on(generator, tmp_path, unbounded):
    whole = run(generator, ways=["gradient", "seeds"], adherence=0.0, state=tmp_path / "whole.safetensors")
    steps = count()

    def interrupt(_progress):
        if next(steps) == 2:
            raise KeyboardInterrupt

    state = tmp_path / "state.safetensors"
    options = {"ways": ["gradient", "seeds"], "adherence": 0.0, "state": state}
    first = run(generator, progress=interrupt, **options)
    assert first.ended == "interrupted"
    assert state.is_file()
    assert len(first.steps) == 2
    second = run(generator, **options)
    assert second.steps[:2] == first.steps
    assert second.marks.value >= first.marks.value
    assert second.pictures == whole.pictures
    assert not state.exists()
    assert not (tmp_path / "whole.safetensors").exists()
    assert any("went on" in sentence for sentence in second.sentences)


def test_an_interruption_within_a_step_keeps_the_best(generator):
    drawings = count()

    def interrupt():
        if next(drawings) == 6:
            raise KeyboardInterrupt

    found = run(generator, after_step=interrupt, ways=["gradient"], adherence=0.0)
    assert found.ended == "interrupted"
    assert found.marks.value == found.start_marks.value
    with pytest.raises(KeyboardInterrupt):
        run(generator, after_step=lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_a_state_of_another_run_is_left_alone(generator, tmp_path):
    state = tmp_path / "state.safetensors"
    state.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="remove it"):
        run(generator, state=state)


def test_states_are_named_by_what_decides_the_picture(generator, collection):
    judge = GuardedJudge(Bright())
    files = {state_file(collection, generator, judge, generator.request(PROMPT, seed)) for seed in (1, 2, 2)}
    assert state_file(collection, generator, judge, generator.request(PROMPT, 1), (), 0.9) not in files
    assert len(files) == 2


@pytest.mark.slow
def test_noise_stays_gaussian(generator):
    request = generator.request(PROMPT, 3, steps=2)
    means = ways.Means.of(generator, request, Examiner(guarded(Bright()), PROMPT), ["gradient"])
    best = means.first(1)[0]
    for number in range(4):
        (best,) = means.propose("gradient", best, number, 0)
        assert departure(best.noise) < 3


def test_bounds_refuse_what_passes_them():
    first = [Marks(1.0, 0.5, 0.8, 70.0, 0.4), Marks(2.0, 0.7, 0.9, 60.0, 0.6)]
    bounds = Bounds.of(first)
    assert bounds.adherence == pytest.approx(0.83)
    assert bounds.freedom == 60
    sound = Marks(3.0, 0.7, 0.9, 80.0, 0.4)
    assert bounds.passed(sound, 0.7) == ""
    assert bounds.passed(replace(sound, value=float("nan")), 0.7) == "value"
    assert bounds.passed(replace(sound, adherence=0.8), 0.7) == "adherence"
    assert bounds.passed(replace(sound, likeness=0.3), 0.7) == "likeness"
    assert bounds.passed(replace(sound, freedom=50.0), 0.7) == "freedom"
    assert bounds.passed(replace(sound, second=0.1), 0.7) == "second"
    # What nobody can tell bounds nothing.
    nothing = Bounds.of([Marks(1.0, float("nan"), float("nan"), 70.0)])
    assert nothing.passed(Marks(2.0, float("nan"), float("nan"), 70.0), float("nan")) == ""


def test_likeness_is_to_what_the_first_pictures_show(drawn):
    pictures = [DrawnPicture(None, pixels, None, 0.0) for pixels in (*drawn[:3], drawn[0], 255 - drawn[5])]
    examiner = Examiner(guarded("technical"), "nothing that is known")
    first, later = examiner.examine(pictures[:3]), examiner.examine(pictures[2:])
    model, extractor = appeal_model(), taste_extractor(default_network())
    shown = model.directions(extractor.extract(drawn[:3]).astype(float), extractor.names)
    for k, mark in enumerate(first):
        others = np.delete(shown, k, axis=0).sum(axis=0)
        assert mark.likeness == pytest.approx(shown[k] @ others / np.linalg.norm(others), abs=1e-4)
    assert later[0].likeness > first[2].likeness
    assert later[1].likeness > later[2].likeness
    alone = Examiner(guarded("technical"), "a boat")
    assert not np.isfinite([one.likeness for one in (*alone.examine(pictures[:1]), *alone.examine(pictures[1:]))]).any()


@pytest.mark.parametrize(
    ("by", "other"),
    [("overall", "technical"), ("technical", "appeal"), ({"blur": 1, "appeal": 1}, "technical"), (Bright(), "overall"),
     ({"overall": 1, "technical": 1, "appeal": 1}, None)],
)  # fmt: skip
def test_another_judge_than_those_optimized_is_asked(by, other):
    asked = Examiner(judge_for(by), PROMPT).other
    assert (asked and asked.name) == other


def test_a_picture_that_another_judge_likes_less_than_the_start_does_not_count(generator, monkeypatch):
    monkeypatch.setattr(Bounds, "of", classmethod(lambda cls, marks, adherence=None: cls(float("nan"), 0.0, 0.0)))
    found = run(generator, "technical", pictures=12)
    assert found.second == "appeal"
    assert found.marks.second >= found.start_marks.second
    assert f"The judge 'appeal', not optimized: {found.start_marks.second:.3g} before" in " ".join(found.lines())
    assert GENERAL in found.sentences
    assert replace(found, start=255 - found.pixels).lines()[0].startswith("Gained ")
    few = run(generator, pictures=4)
    assert few.lines()[0].startswith(f"{few.by}: ")
    assert GENERAL not in few.sentences
    assert "Nothing better was found: more seconds may help." in few.lines()


def test_a_run_stops_where_the_second_taste_turns(generator, monkeypatch):
    monkeypatch.setattr(Bounds, "of", classmethod(lambda cls, marks, adherence=None: cls(float("nan"), 0.0, 0.0)))

    class Turned(Examiner):
        def examine(self, drawn):
            return [replace(one, second=-one.value) for one in super().examine(drawn)]

    request = generator.request(PROMPT, 3, steps=2)
    optimization = Optimization(
        ways.Means.of(generator, request, Turned(guarded(Bright()), PROMPT), ["gradient"]), Limit(None, 30), 0.0
    )
    while optimization.advance():
        pass
    assert optimization.ended == "second"
    assert optimization.best is optimization.start
    # The alarm rings before the way itself is given up.
    assert len(optimization.steps) == ALARM < ways.GIVEN_UP


def test_a_single_refused_step_is_made_again_smaller(generator, unbounded):
    class Once(Examiner):
        """Refuses the pictures of the first step."""

        def examine(self, drawn):
            marks = super().examine(drawn)
            calls.append(len(drawn))
            return [replace(one, value=one.value + 1, second=-1.0) for one in marks] if len(calls) == 2 else marks

    calls = []
    means = ways.Means.of(
        generator, generator.request(PROMPT, 3, steps=2), Once(guarded(Bright()), PROMPT), ["gradient"]
    )
    optimization = Optimization(means, Limit(None, 12), 0.0)
    optimization.begin()
    optimization.bounds = Bounds(float("nan"), 0.0, 0.0)
    optimization._second = 0.0
    while optimization.advance():
        pass
    assert {*optimization.steps[0].refused} == {"second"}
    assert optimization.steps[1].gain > 0
    assert optimization.ended == "limit"


@pytest.mark.slow
def test_a_floor_of_adherence_is_kept(generator):
    found = run(generator, adherence=1.0, pictures=12, ways=["gradient"])
    assert found.ended == "adherence"
    assert found.marks.value == found.start_marks.value


def test_a_second_taste_is_of_both_halves(taste, drawn):
    items = taste_extractor().extract(drawn)
    second = second_taste(taste)
    assert len(second.halves) == 2
    liking = second.liking(items)
    assert np.corrcoef(liking, taste.liking(items))[0, 1] > 0.8
    priors = taste.prior_scores(items)
    assert (liking <= second.halves[0](items, priors) + 1e-12).all()
    few = replace(taste, examples=taste.examples.take(np.arange(4)))
    assert second_taste(few) is None


def test_a_taste_of_few_ratings_is_said_to_be_one(taste):
    few = replace(taste, trust=replace(taste.trust, liked=6, disliked=6))
    sentence = few_ratings(guarded(few).inner)
    assert sentence.startswith("This taste was learnt from 12 ratings: with so few")
    assert few_ratings(guarded(taste).inner) == few_ratings(Brightness()) == ""


@pytest.mark.slow
def test_a_taste_is_optimized_and_checked_by_the_second(generator, taste):
    found = run(generator, taste, pictures=10)
    assert found.marks.value >= found.start_marks.value
    assert np.isfinite(found.marks.second)
    assert not any("No second taste" in sentence for sentence in found.sentences)


def test_a_taste_at_chance_is_refused_unless_asked(generator, taste):
    chance = replace(taste, trust=replace(taste.trust, word="no better than chance"))
    assert chance.trust.useless
    with pytest.raises(TasteError, match="anyway"):
        run(generator, chance)
    assert run(generator, chance, anyway=True, pictures=4).pictures == 4


def test_a_constant_judge_is_refused(generator):
    with pytest.raises(JudgeError, match="nothing to optimize"):
        run(generator, Constant())


def test_a_judge_without_values_is_refused(generator):
    class Mute(Brightness):
        name = "mute"

        def judge(self, pictures, prompts):
            return [float("nan")] * len(pictures)

    with pytest.raises(JudgeError, match="gave none of the first 4 pictures a value"):
        run(generator, Mute())


def test_a_judge_without_a_gradient_chooses_among_seeds(generator):
    found = run(generator, Brightness())
    assert {*found.steps} == {"seeds"}
    assert any("has no gradient" in sentence for sentence in found.sentences)
    with pytest.raises(ModelError, match="cannot be gone"):
        run(generator, Brightness(), ways=["gradient"])


@pytest.mark.slow
def test_a_gradient_that_is_not_a_number_costs_only_its_way(generator):
    class Broken(Bright):
        name = "broken"

        def gradient(self, pixels, prompt):
            return float("nan"), np.full(pixels.shape, np.nan)

    found = run(generator, Broken(), pictures=8, ways=["gradient", "seeds"])
    assert found.steps.count("gradient") <= ways.GIVEN_UP
    assert "seeds" in found.steps
    assert run(generator, Broken(), pictures=24, ways=["gradient"]).ended == "value"


@pytest.mark.slow
def test_gradients_of_built_in_judges(drawn, taste):
    for judge in ("technical", "blur", taste):
        own = guarded(judge)
        value, derivative = gradient_of(own.inner)(drawn[0] / 255, "")
        assert value == pytest.approx(float(own.values(soart.PicturesInMemory({0: drawn[0]}))[0]), rel=1e-4)
        assert derivative.shape == drawn[0].shape
    assert gradient_of(guarded("adherence").inner) is None


def test_too_little_memory_is_said_before(generator, monkeypatch):
    monkeypatch.setattr(ways, "free_memory", lambda device: 1000)
    found = run(generator, pictures=6)
    assert "gradient" not in found.steps
    assert any("GB are free" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_models_that_draw_elsewhere_try_seeds(embedded):
    class Elsewhere(ImageGenerator):
        def draw(self, requests, steps=None):
            yield from super().draw(requests, steps)

    found = run(Elsewhere(embedded))
    assert {*found.steps} == {"seeds"}
    assert found.pictures == 8
    assert any("Only other seeds" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_one_step_and_a_negative_prompt(generator):
    found = run(generator, steps=1, negative="blurry", adherence=0.0, ways=["gradient", "seeds"])
    assert found.marks.value >= found.start_marks.value


def test_a_single_picture_is_the_first_seed(generator):
    found = run(generator, pictures=1)
    assert found.pictures == 1
    assert found.steps == ()
    sampler = NoiseSampler(generator, generator.request(PROMPT, 3, steps=2))
    for pixels in (found.start, sampler.draw([sampler.noise_of(3)])[0].pixels):
        assert np.array_equal(found.pixels, pixels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pictures": None}, "give one of them"),
        ({"pictures": 0}, "above 0"),
        ({"seconds": -1.0}, "above 0"),
        ({"ways": "gradient"}, "some of the ways"),
        ({"ways": ["magic"]}, "some of the ways"),
        ({"ways": ["gradient", "search"]}, "is gone, because it found no more"),
        ({"by": {"technical": 0, "blur": 0}}, "above 0"),
        ({"by": "person:ann"}, "learn their taste"),
        ({"pictures": 1.5}, "whole number"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(generator, options, message):
    with pytest.raises(SoartError, match=message):
        run(generator, **options)
