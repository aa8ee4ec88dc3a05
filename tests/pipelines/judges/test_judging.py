"""Judges: found, guarded, stored, ranked by."""

import math
import os
import sys
from itertools import permutations
from shutil import rmtree

import numpy as np
import pytest
from PIL import Image
from scipy.stats import zscore
from specimens.judging import Brightness, PixelJudge
from specimens.scanning import update

from soart.errors import JudgeError, TasteError
from soart.metrics.checks import settled
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice
from soart.pipelines.collection.queries import scores_and_reasons
from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges.catalogue import Allow, Catalogue, checked, known_judges, names_code
from soart.pipelines.judges.finding import doubts_of, guarded, judges_for, measurer_of
from soart.pipelines.judges.guarded import GuardedJudge, WithoutValue, stored_name
from soart.pipelines.judges.in_memory import score_batch
from soart.pipelines.judges.ranking import rank
from soart.pipelines.judges.storing import judge_pictures
from soart.pipelines.scoring.makings import prompts_of
from soart.pipelines.scoring.pictures import PicturesInMemory, StoredPictures
from soart.pipelines.scoring.taste_store import TasteStore


class Shortness(PixelJudge):
    """Shortness of the prompt."""

    name, scale, needs = "shortness", (-math.inf, 0, "characters"), ("pixels", "prompt")

    def judge(self, pictures, prompts):
        return np.array([-len(prompt) for prompt in prompts])


@pytest.fixture
def drawn(collection, make_drawn):
    """Five drawn pictures and one with a problem."""
    batch = [make_drawn(seed, "boat" * (seed + 1)) for seed in range(5)] + [make_drawn(9, problem="all black")]
    return collection.add_drawn(batch, "m", "s")


def means(collection, rows):
    return {row.id: np.asarray(Image.open(collection.locate(row))).mean() / 255 for row in rows if not row.problem}


def test_values_are_stored_once(collection, drawn):
    judge, progress = Brightness(), []
    values, problems = judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(judge), progress.append)
    assert problems == []
    assert values == pytest.approx(means(collection, drawn))
    assert sum(progress) == 5
    again, _ = judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(judge))
    assert again == values
    assert judge.seen == 5
    judge.version = "2"
    judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(judge))
    assert judge.seen == 10


def test_a_judge_of_pixels_opens_each_picture_once(collection, drawn, monkeypatch):
    """A picture is decoded once, for the check of its fitness and for the judge."""
    opened, pixels = [], Collection.pixels
    monkeypatch.setattr(Collection, "pixels", lambda self, row: opened.append(row.id) or pixels(self, row))
    judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(Brightness()))
    assert sorted(opened) == [row.id for row in drawn[:5]]


def test_a_picture_without_a_value_is_judged_once(collection, drawn):
    """A tune collects all judgements after every batch."""

    class Picky(Brightness):
        needs = ("pixels", "prompt")

        def judge(self, pictures, prompts):
            values = super().judge(pictures, prompts)
            return [math.nan if prompt == "boat" else value for value, prompt in zip(values, prompts, strict=True)]

    judge, progress = GuardedJudge(Picky()), []
    values, problems = judge_pictures(StoredPictures(collection, drawn[:5]), judge)
    assert (len(values), judge.inner.seen) == (4, 5)
    assert judge_pictures(StoredPictures(collection, drawn[:5]), judge, progress.append) == (values, problems)
    assert (sum(progress), judge.inner.seen) == (5, 5)
    # Another run tries again.
    assert judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(judge.inner))[0] == values
    assert judge.inner.seen == 6


def test_pictures_that_cannot_be_judged_are_not_ranked(collection, drawn, tmp_path):
    """A plain white picture was the brightest."""
    Image.new("RGB", (64, 64), "white").save(tmp_path / "plain.png")
    plain, _ = collection.add_file(tmp_path / "plain.png")
    done, judge = [], GuardedJudge(Brightness())
    ranking, problems = rank(StoredPictures(collection, [plain, *drawn[:5]]), [(judge, 1.0)], progress=done.append)
    assert (len(ranking), sum(done), judge.inner.seen) == (5, 6, 5)
    assert problems == [f"{str(tmp_path / 'plain.png')!r} is left out: all white or transparent."]
    assert rank(StoredPictures(collection, [plain]), [(GuardedJudge(Brightness()), 1.0)]) == ([], problems)
    assert scores_and_reasons(collection, judge.stored_name, [plain.id]) == ({}, {plain.id: "all white or transparent"})


def test_an_interrupted_run_continues(collection, drawn):
    class Impatient(Brightness):
        def judge(self, pictures, prompts):
            if self.seen == 2:
                raise KeyboardInterrupt
            return super().judge(pictures, prompts)

    judge = Impatient()
    judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(judge, batch=2))
    kept = collection.scores("judge:brightness@1")
    assert len(kept) == 2
    later = Brightness()
    judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(later))
    assert later.seen == 3


def test_judges_that_need_prompts(collection, drawn, tmp_path):
    Image.linear_gradient("L").resize((20, 20)).convert("RGB").save(tmp_path / "bare.png")
    bare, _ = collection.add_file(tmp_path / "bare.png")
    assert prompts_of(collection, [drawn[1], bare]) == {drawn[1].id: "boatboat"}
    ranking, problems = rank(StoredPictures(collection, [*drawn, bare]), [(GuardedJudge(Shortness()), 1.0)])
    assert [picture.score for picture in ranking] == [-4, -8, -12, -16, -20]
    assert ranking[0].reasons[0].text == "shortness −4"
    assert [sentence for sentence in problems if "needs a prompt, which 1 of 6 pictures do not have" in sentence]
    assert any("all black" in sentence for sentence in problems)


def test_several_judges_count_in_deviations(collection, drawn):
    judges = [(GuardedJudge(Brightness()), 3.0), (GuardedJudge(Shortness()), 1.0)]
    ranking, _ = rank(StoredPictures(collection, drawn), judges)
    sound = drawn[:5]
    bright = np.array(list(means(collection, sound).values()))
    goal = (3 * zscore(bright) + zscore(-4.0 * np.arange(1, 6))) / 4
    assert [p.row.id for p in ranking] == [sound[i].id for i in np.argsort(-goal)]
    assert [p.score for p in ranking] == pytest.approx(sorted(goal, reverse=True))
    assert sum(reason.contribution for reason in ranking[0].reasons) == pytest.approx(ranking[0].score)


def test_a_judge_that_changes_its_version_is_given_up(collection, drawn):
    class Restless(Brightness):
        def judge(self, pictures, prompts):
            values = super().judge(pictures, prompts)
            self.version = str(self.seen)
            return values

    judge = GuardedJudge(Restless())
    values, problems = judge_pictures(StoredPictures(collection, drawn[:5]), judge)
    assert values == {}
    # Its new version may value them.
    assert judge.without_value == set()
    assert "changed its version from '1' to '5'" in problems[0]


def test_long_names_stay_apart():
    long, other = Brightness(), Brightness()
    long.name, long.version, other.name, other.version = "x" * 64, "1" * 100, "x" * 64, "1" * 99 + "2"
    names = {stored_name(long), stored_name(other)}
    assert len(names) == 2
    assert all(len(name) <= 128 for name in names)


# Found by name


def test_pictures_without_a_value_are_named(collection, drawn):
    class Moody(Brightness):
        needs = ("pixels", "prompt")

        def judge(self, pictures, prompts):
            return [math.nan if len(prompt) > 4 else 0.5 for prompt in prompts]

    _, (problem,) = judge_pictures(StoredPictures(collection, drawn[:2]), GuardedJudge(Moody()))
    first = repr(str(collection.locate(drawn[1])))
    assert problem == (f"The judge 'brightness' gave 1 picture no value: it cannot tell; it is {first}.")
    _, (problem,) = judge_pictures(StoredPictures(collection, drawn[:5]), GuardedJudge(Moody(), batch=2))
    whole = WithoutValue.of([True] * 4, [repr(str(collection.locate(row))) for row in drawn[1:5]])
    assert problem.startswith("The judge 'brightness' gave 4 pictures no value: ")
    assert problem.endswith(f"{whole.named}.")
    pictures = dict(enumerate(np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)))
    _, (problem,) = score_batch(
        PicturesInMemory(pictures, {0: "boat", 1: "longer", 2: "boat"}), [(GuardedJudge(Moody()), 1.0)]
    )
    assert problem.endswith("; it is number 2.")


def test_the_order_of_judging_does_not_change_which_pictures_are_named():
    names = [f"number {number}" for number in (12, 9, 10, 2)]
    for order in permutations(names):
        two, others = WithoutValue.of([True] * 2, order[:2]), WithoutValue.of([True] * 2, order[2:])
        assert WithoutValue.of([True] * 4, order) == two + others
        assert (two + others).named == "; they are number 2, number 9, number 10 and 1 more"


def test_reasons_of_several_judges_are_all_in_deviations(collection, drawn, judge):
    judges = [(GuardedJudge(Brightness()), 1.0)]
    ranking, _ = rank(StoredPictures(collection, drawn), [*judges, (guarded(judge), 1.0)])
    known = collection.scores(judge.stored_name)
    for picture in ranking:
        assert sum(part.contribution for part in picture.parts) == pytest.approx(picture.score)
        brightness, technical = sorted(picture.parts, key=lambda part: part.text)
        assert brightness.text.startswith("brightness 0.")
        assert technical.text == f"technical quality {known[picture.row.id]:.0f} of 100"
        assert 1 <= len(technical.details) <= 2
    pictures = {n: np.asarray(Image.open(collection.locate(row))) for n, row in enumerate(drawn[:5])}
    judged, _ = score_batch(PicturesInMemory(pictures, dict.fromkeys(pictures, "")), [*judges, (guarded(judge), 1.0)])
    assert [{(part.text, part.details) for part in one.parts} for one in judged] == [
        {(part.text, part.details) for part in picture.parts}
        for picture in sorted(ranking, key=lambda picture: picture.row.id)
    ]


def test_entry_points_are_found(package):
    assert Catalogue().judge("redness").name == "redness"
    assert Catalogue().judge("redness:0.5").name == "redness:0.5"
    assert Catalogue().judge("ready").name == "redness"
    assert Catalogue().judge("acme_judge:Redness").version == "1"
    [(judge, weight)] = judges_for({"redness": 2.0})
    assert (judge.stored_name, weight) == ("judge:redness@1", 2.0)


def test_a_package_that_comes_or_goes_is_seen_at_once(tmp_path, monkeypatch):
    def names():
        return {source.name for source in known_judges()}

    monkeypatch.syspath_prepend(tmp_path)
    assert "hue" not in names()
    package = tmp_path / "hues-1.0.dist-info"
    package.mkdir()
    (package / "entry_points.txt").write_text("[soart.judges]\nhue = hues:Hue\n")
    # Not every file system tells two changes apart that follow each other at once.
    os.utime(tmp_path, ns=(1, 1))
    assert "hue" in names()
    rmtree(package)
    os.utime(tmp_path, ns=(2, 2))
    assert "hue" not in names()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "There is no judge 'nothing': name one of overall, technical"),
        ("rated_quality", "There is no judge 'rated_quality': did you mean 'rated-quality'\\?"),
        ("Rated-Quality", "did you mean 'rated-quality'\\?"),
        ("CLIP:some/model", "There is no judge 'CLIP:some/model' .*: did you mean 'clip:some/model'\\?"),
        ("Technical", r"no judge 'Technical': did you mean 'technical'\?"),
        ("overalls", r"did you mean 'overall'\?"),
        ("person:", r"There is no judge 'person:'"),
        ("broken", "cannot be loaded: RuntimeError: no weights"),
        ("acme_judge:Missing", "check the name of the class"),
        ("no_such_module:Judge", "No module named"),
        ("acme_judge:Partial", "has no 'scale'"),
        ("adherence:nowhere", "has no adherence.json"),
        ("", "There is no judge ''"),
    ],
)
def test_judges_that_cannot_be_used(package, name, message):
    with pytest.raises(JudgeError, match=message):
        Catalogue().judge(name)


@pytest.mark.parametrize(
    "parts",
    [
        {"name": "a@b"}, {"name": ""}, {"version": 3}, {"version": ""}, {"scale": (1, 0)}, {"scale": (math.nan, 1)},
        {"scale": 1}, {"scale": (0, 1, 2)}, {"needs": "pixels"}, {"needs": ("colours",)}, {"needs": ("items",)}, {"values": 3},
    ],
)  # fmt: skip
def test_parts_are_checked(parts):
    judge = Brightness()
    for name, value in parts.items():
        setattr(judge, name, value)
    with pytest.raises(JudgeError, match="is not usable: expected"):
        checked(judge, "x")


def test_judges_of_ones_own_have_weights():
    (judge, weight), (other, none) = judges_for({Brightness(): 0.5, "appeal": 0})
    assert (judge.name, weight, other.name, none) == ("brightness", 0.5, "appeal", 0)
    with pytest.raises(JudgeError, match="weights of judges from 0"):
        judges_for({Brightness(): -1})
    with pytest.raises(JudgeError, match=r"got the class 'Brightness': pass an object of it, Brightness\(\)"):
        judges_for(Brightness)


def test_a_changed_file_gives_the_earlier_picture_no_value(collection, tmp_path):
    path = tmp_path / "one.png"
    Image.linear_gradient("L").point(lambda level: level // 4).convert("RGB").save(path)
    dark, _ = collection.add_file(path)
    Image.linear_gradient("L").convert("RGB").save(path)
    bright, _ = collection.add_file(path)
    values, problems = judge_pictures(StoredPictures(collection, [dark, bright]), GuardedJudge(Brightness()))
    assert values == {bright.id: pytest.approx(0.5)}
    assert len(problems) == 1
    assert "no longer holds the picture" in problems[0]


def test_judges_cannot_change_pictures():
    class Spoiler(Brightness):
        def judge(self, pictures, prompts):
            pictures[0][:] = 0

    judge, pixels = GuardedJudge(Spoiler()), np.full((8, 8, 3), 9, np.uint8)
    assert np.isnan(judge.values(PicturesInMemory({0: pixels}))).all()
    assert (pixels == 9).all()
    assert "read-only" in judge.problems[0]


def test_a_prompt_of_spaces_is_none(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(0, " "), make_drawn(1, "a boat")], "m", "s")
    assert prompts_of(collection, rows) == {rows[1].id: "a boat"}


def test_people_judge_what_they_rated_or_chose(collection, drawn):
    a, b, c, d, _ = (row.id for row in drawn[:5])
    rate(collection, "ann", {a: 4.5, b: 2})
    store_choice(collection, "ann", "1", c, [d])
    pictures, progress = StoredPictures(collection, drawn[:5]), []
    person = guarded("person: ann")
    values, problems = judge_pictures(pictures, person, progress.append)
    assert (person.stored_name, person.person, problems, sum(progress)) == ("person:ann", "ann", [], 5)
    assert values[a] == 4.5
    assert values[b] == 2
    assert values[c] > values[d]
    assert values.keys() == {a, b, c, d}
    assert person.inner.values(pictures) == pytest.approx([*[values[n] for n in (a, b, c, d)], math.nan], nan_ok=True)
    # Nothing is stored under a person, and nobody rated pictures that are in no collection.
    assert collection.scores("person:ann") == {}
    assert np.isnan(person.inner.values(PicturesInMemory({0: np.zeros((8, 8, 3), np.uint8)}))).all()


def test_names_are_checked_before_anything_is_loaded(package, tmp_path):
    tastes = TasteStore(tmp_path)
    catalogue = Catalogue(tastes)
    kinds = {
        "overall": "built in",
        "clip:some/model": "model",
        "redness:0.5": "acme-judge 2.5",
        "person:ann": "person",
        "no_such_module:Judge": "code",
    }
    assert {name: catalogue.entry(name).kind for name in kinds} == kinds
    tastes.path("mine").write_bytes(b"no taste")
    assert catalogue.entry("mine").kind == "taste"
    with pytest.raises(TasteError, match="not a taste, or is damaged"):
        catalogue.judge("mine")
    with pytest.raises(JudgeError, match="did you mean 'mine'"):
        catalogue.entry("mind")
    tastes.path("redness").write_bytes(b"no taste")
    with pytest.raises(TasteError, match="both a judge that is no taste and your taste in"):
        catalogue.entry("redness")
    assert "acme_judge" not in sys.modules


def test_texts_of_others_name_no_code(package, tmp_path):
    catalogue = Catalogue(TasteStore(tmp_path))
    for look_up in (catalogue.entry, catalogue.judge, catalogue.find):
        with pytest.raises(JudgeError, match="a workflow or blend may not load code"):
            look_up("acme_judge:Redness", Allow.NO_CODE)
        with pytest.raises(JudgeError, match="There is no judge 'nobody'"):
            look_up("nobody", Allow.NO_CODE)
    assert "acme_judge" not in sys.modules
    assert catalogue.find("redness:0.5", Allow.NO_CODE).name == "redness:0.5"
    assert [names_code(text) for text in ("a:B", "clip:a/b", "redness:1", "person:ann", "a", "a:")] == [True] + 5 * [
        False
    ]


def test_any_form_of_judges_is_taken(judge):
    one = guarded(judge)
    assert guarded(one) is one
    assert [(j.name, w) for j, w in judges_for(one)] == [("technical", 1.0)]
    assert [(j.name, w) for j, w in judges_for([Brightness(), "technical"])] == [("brightness", 1), ("technical", 1)]
    assert [j.name for j, _ in judges_for({})] == [j.name for j, _ in judges_for(())] == ["overall"]
    assert [w for _, w in judges_for({one: 0}, counted_beside=True)] == [0]
    for none in ({one: 0}, {one: math.nan}, {one: 1e9}):
        with pytest.raises(JudgeError, match="one of them above 0"):
            judges_for(none)
    with pytest.raises(JudgeError, match="weights of judges as numbers"):
        judges_for({one: "1"})
    with pytest.raises(JudgeError, match="named twice"):
        judges_for([one, "technical"])
    # Pictures are measured for the first judge that needs soart's items, and else for the technical score.
    assert measurer_of([(guarded(Brightness()), 1.0), (one, 1.0)]) is judge
    assert measurer_of([(guarded(Brightness()), 1.0)]).name == "technical"
    assert doubts_of([(one, 1.0)]) == []


def test_pictures_are_left_out_by_one_judge_of_several(collection, drawn):
    """A picture that one judge cannot tell is not ranked; a judge without weight does not count."""

    class Picky(Shortness):
        name = "picky"

        def judge(self, pictures, prompts):
            return [math.nan if prompt == "boat" else -1 for prompt in prompts]

    pictures, bright, picky = StoredPictures(collection, drawn[:5]), GuardedJudge(Brightness()), GuardedJudge(Picky())
    ranking, problems = rank(pictures, [(bright, 1.0), (picky, 1.0)])
    assert {picture.row.id for picture in ranking} == {row.id for row in drawn[1:5]}
    assert any("'picky' gave 1 picture no value: it cannot tell" in problem for problem in problems)
    ranking, _ = rank(pictures, [(bright, 1.0), (picky, 0.0)])
    assert len(ranking) == 5
    expected = sorted(means(collection, drawn[:5]).values(), reverse=True)
    assert [picture.score for picture in ranking] == settled(np.array(expected)).tolist()


@pytest.fixture
def caption(collection, tmp_path):
    """Gives the picture a.png a caption, and scans its folder."""
    Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(tmp_path / "a.png")

    def write(text):
        (tmp_path / "a.txt").write_text(text)
        update(collection, tmp_path)

    return write


def test_a_value_is_not_used_again_for_another_prompt_beside_a_file_that_nobody_has_inspected(
    collection, caption, tmp_path
):
    path = tmp_path / "a.png"
    row, _ = collection.add_file(path)
    for text in ("boat", "lighthouse"):
        path.with_suffix(".txt").write_text(text)
        values, _ = judge_pictures(StoredPictures(collection, [row]), GuardedJudge(Shortness()))
        assert values == {row.id: -len(text)}
    path.with_suffix(".txt").unlink()
    assert judge_pictures(StoredPictures(collection, [row]), GuardedJudge(Shortness()))[0] == {}
    # Nor once it is inspected.
    caption("sea")
    assert collection.scores("judge:shortness@1") == {}
    assert judge_pictures(StoredPictures(collection, [row]), GuardedJudge(Shortness()))[0] == {row.id: -3}


def test_a_value_for_a_prompt_that_changes_meanwhile_is_not_stored(collection, caption):
    caption("boat")

    class Slow(Shortness):
        def judge(self, pictures, prompts):
            caption("lighthouse")
            return super().judge(pictures, prompts)

    pictures = StoredPictures(collection, collection.images())
    assert judge_pictures(pictures, GuardedJudge(Slow()))[0] == {pictures.ids[0]: -4}
    assert collection.scores("judge:shortness@1") == {}


def test_ranked_pictures_have_the_prompts_that_other_tools_wrote(collection, caption, drawn, tmp_path):
    caption("a lighthouse")
    Image.linear_gradient("L").resize((80, 80)).convert("RGB").save(tmp_path / "b.png")
    later, _ = collection.add_file(tmp_path / "b.png")
    (tmp_path / "b.txt").write_text("an owl")
    rows = collection.images()
    ranking, _ = rank(StoredPictures(collection, rows), [(GuardedJudge(Brightness()), 1.0)])
    expected = {row.id: row.generation.prompt for row in rows if row.generation}
    assert {picture.row.id: picture.prompt for picture in ranking}.items() <= (
        expected | {row.id: "a lighthouse" for row in rows if row.path.endswith("a.png")} | {later.id: "an owl"}
    ).items()
    assert {picture.prompt for picture in ranking} >= {"a lighthouse", "an owl", "boat"}
    # Files are opened for the explained ones alone.
    ranking, _ = rank(StoredPictures(collection, rows), [(GuardedJudge(Brightness()), 1.0)], explained=0)
    assert {picture.prompt for picture in ranking} >= {"a lighthouse", None, "boat"}
