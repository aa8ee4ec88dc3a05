"""The documented way in from Python, on the embedded model at two steps."""

import codecs
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specimens.judging import Brightness, PixelJudge
from specimens.rights import enterable_folder, unwritable

import soart
from soart.errors import CollectionError, JudgeError, ModelError, SoartError, TasteError
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.tastes.trust import CHANCE
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.ingest.default_places import collections_folder, default_collection_path
from soart.pipelines.scoring.measuring import stored_items
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import tastes_of
from soart.pipelines.tastes.learning import Sources, learn, learn_from_pictures


@pytest.fixture
def drawn(tmp_path, embedded):
    """Four pictures in a collection, by the name of its folder."""
    soart.generate("a {boat|fox}", 4, tmp_path / "drawn", model=embedded, steps=2)
    return tmp_path / "drawn"


def test_pictures_are_drawn_once_and_ranked(tmp_path, embedded):
    first = soart.generate("a {boat|fox}", 4, tmp_path / "drawn", model=embedded, seed=5, steps=2)
    assert isinstance(first, soart.Ranking)
    assert [picture.place for picture in first] == [1, 2, 3, 4]
    assert [picture.score for picture in first] == sorted((picture.score for picture in first), reverse=True)
    assert all(picture.path.is_file() and picture.prompt.startswith("a ") for picture in first)
    assert {picture.row.generation.seed for picture in first} == {5, 6, 7, 8}
    assert first.problems == []
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "drawn/images").iterdir()}
    again = soart.generate("a {boat|fox}", 4, str(tmp_path / "drawn"), model=embedded, seed=5, steps=2)
    assert [picture.path for picture in again] == [picture.path for picture in first]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "drawn/images").iterdir()} == files


def test_open_collections_and_generators_stay_open(collection, generator):
    pictures = soart.generate("a boat", 2, collection, model=generator, steps=2)
    assert len(collection.images()) == 2
    assert [picture.path for picture in soart.rank(collection)] == [picture.path for picture in pictures]
    assert len(collection.images()) == 2


def test_a_ranking_of_a_collection_of_a_folder_and_of_files(drawn, monkeypatch, capsys):
    expected = [picture.path.name for picture in soart.rank(drawn)]
    assert len(expected) == 4
    folder = soart.rank(str(drawn / "images"))
    assert [picture.path.name for picture in folder] == expected
    assert {picture.prompt for picture in folder} == {picture.prompt for picture in soart.rank(drawn)} != {None}
    assert "reading" not in capsys.readouterr().err
    # As in a terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    files = soart.rank(path for path in sorted((drawn / "images").iterdir())[:2])
    assert len(files) == 2
    assert "reading" in capsys.readouterr().err
    frames = [Image.open(picture.path) for picture in files]
    frames[0].save(drawn / "moving.webp", save_all=True, append_images=frames[1:])
    [sentence] = soart.rank(drawn / "moving.webp").problems
    assert sentence.startswith(f"Only the first frame counts of '{drawn / 'moving.webp'}'")
    missing = soart.rank([drawn / "images", drawn / "nowhere"])
    assert len(missing) == 4
    assert "does not exist" in missing.problems[0]


def test_the_overall_score_ranks_unless_something_else_is_named(drawn, monkeypatch):
    item_judge = soart.OverallJudge.load()
    by_default = soart.rank(drawn)
    with Collection(drawn) as collection:
        items = stored_items(collection, item_judge.extractor, [picture.row.id for picture in by_default])
        scores = item_judge.score(np.stack([items[picture.row.id] for picture in by_default]).astype(float))
    assert [picture.score for picture in by_default] == pytest.approx(scores)
    assert list(scores) == sorted(scores, reverse=True)
    assert {picture.verdict for picture in by_default} != {""}
    assert [p.score for p in soart.rank(drawn, by="overall")] == [p.score for p in by_default]
    technical = {p.path: p.score for p in soart.rank(drawn, by="technical")}
    assert all(technical[picture.path] > picture.score for picture in by_default)
    # A judge of pixels alone needs no network.
    monkeypatch.setattr(soart.OverallJudge, "load", None)

    assert len(soart.rank(drawn / "images", by=Brightness())) == 4


def test_the_best_of_a_ranking_stand_for_those_like_them(drawn):
    ranking = soart.rank(drawn)
    assert ranking.best(4) == ranking.best(4, alike=True) == ranking
    best = ranking.best(3)
    assert best.problems == ranking.problems
    # All are of one prompt.
    assert [picture.place for picture in best] == [1, 2, 3]
    assert soart.Ranking().best(3) == []
    with pytest.raises(SoartError, match="Expected the number of pictures as a whole number"):
        ranking.best("3")


def test_tastes_by_name_and_as_objects(drawn):
    by_name, by_judge = soart.rank(drawn, by="blur"), soart.rank(drawn, by=TechnicalJudge.detector("blur"))
    assert [picture.score for picture in by_name] == [picture.score for picture in by_judge]
    assert [picture.score for picture in by_name] != [picture.score for picture in soart.rank(drawn)]
    with pytest.raises(JudgeError, match="no judge 'nobody'"):
        soart.rank(drawn, by="nobody")


def test_the_warning_of_an_unreliable_taste_is_among_the_problems(drawn):
    with Collection(drawn) as collection:
        stars = dict(zip((row.id for row in collection.images()), (5, 1, 5, 1), strict=True))
        rate(collection, "me", stars)
        taste = learn("odd", collection, Sources(rater="me")).taste
        assert taste.trust.useless
        assert soart.rank(collection, by=taste).problems == [TasteJudge.of(taste).doubt()]


def test_settings_are_checked(tmp_path, embedded):
    with pytest.raises(ModelError, match="no setting 'stepz'"):
        soart.generate("a boat", 1, tmp_path / "x", model=embedded, stepz=2)
    with pytest.raises(ModelError, match="no model at"):
        soart.generate("a boat", 1, tmp_path / "x", model="nowhere.safetensors")
    assert not (tmp_path / "x").exists()


def test_numbers_of_numpy_are_seeds(tmp_path, embedded):
    """A tune stored them as bytes, and could never go on."""
    options = {"model": embedded, "steps": np.int64(2), "seed": np.int64(3), "prompt_seed": np.int32(2)}
    drawn = soart.generate("a {boat|fox}", np.int64(2), tmp_path / "drawn", **options)
    plain = {"model": embedded, "steps": 2, "seed": 3, "prompt_seed": 2}
    again = soart.generate("a {boat|fox}", 2, tmp_path / "drawn", **plain)
    assert [picture.path for picture in again] == [picture.path for picture in drawn]
    pipe = soart.wrap(embedded.pipeline, identity="embedded")
    for number in (np.int64, int):
        options = {"budget": number(4), "batch": number(2), "seed": number(1), "steps": number(2)}
        found = pipe.tune("a {boat|fox} in {warm|cool} colors", collection=tmp_path / "study", prune=False, **options)
        assert found.winners


def test_values_of_another_type_are_refused_before_any_work(tmp_path, collection):
    with pytest.raises(CollectionError, match="Expected the collection as a folder or a URL"):
        soart.keep(tmp_path, collection=collection)
    for wrong, words in (
        ({"group": "colour"}, "cannot be grouped by 'colour': choose prompt, burst, folder, look-alike"),
        ({"per_group": 0}, "Expected 1 or more pictures to keep of each group, got 0"),
        ({"group": 5}, "the way of grouping as text"),
        ({"per_group": "2"}, "to keep of each group as a whole number, got '2'"),
        ({"rater": 5}, "the name of the rater as text, got 5"),
        ({"pictures": collection}, "not an open one"),
    ):
        with pytest.raises(CollectionError, match=words):
            soart.keep(**{"pictures": tmp_path, "collection": tmp_path / "new", **wrong})
    assert not (tmp_path / "new").exists()
    with pytest.raises(ModelError, match="Expected the model as a name"):
        soart.generate("a boat", 1, collection, model=5)


def test_a_folder_is_evaluated_in_one_call(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    tiles = Image.fromarray(np.kron(np.arange(64, dtype=np.uint8).reshape(8, 8) % 5 * 60, np.ones((16, 16), np.uint8)))
    tiles.save(folder / "0.png")
    tiles.resize((16, 16)).resize((128, 128), Image.Resampling.BICUBIC).save(folder / "1.png")
    Image.open(folder / "0.png").save(folder / "copy.png")
    (folder / "bad.png").write_text("no picture")
    overview = soart.evaluate(folder, by="blur", collection=tmp_path / "kept")
    assert (overview.pictures, overview.summary.files, overview.summary.copies) == (2, 3, 1)
    assert [Path(one.path).name for one in (*overview.best, *overview.worst)] == ["0.png", "1.png"]
    text = str(overview)
    assert text.startswith("2 pictures in 3 files\nBy freedom from blur: mean ")
    assert "; 1 exact copy\n  1.png: suspected " in text
    assert text.endswith(f"{str(folder / 'bad.png')!r} is not a picture in any known format.")
    frame = overview.to_pandas()
    assert [Path(path).name for path in frame["path"]] == ["0.png", "1.png", "bad.png", "copy.png"]
    assert frame["score"].isna().tolist() == [False, False, True, False]
    many = replace(overview, problems=tuple(f"'{number}.png' is damaged." for number in range(3000)))
    for shown in (str(many), many._repr_html_()):
        assert (shown.count("is damaged"), "2999 other files" in shown) == (1, True)
    page = overview._repr_html_()
    assert (page.count("<img"), "0.png" in page, "Best: " in page) == (2, True, False)
    with pytest.raises(CollectionError, match=r"soart\.evaluate takes a collection by its folder"):
        soart.evaluate(soart.Collection(None))
    with pytest.raises(CollectionError, match="There is no picture in"):
        soart.evaluate(tmp_path / "nowhere")


def test_a_mistake_leaves_no_collection_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "empty").mkdir()
    for call in (soart.evaluate, soart.keep):
        with pytest.raises(CollectionError, match="There is no picture in"):
            call(tmp_path / "empty", by="blur")
        assert not collections_folder().exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs rights of POSIX")
def test_a_collection_that_cannot_be_written_is_evaluated(monkeypatch):
    """Also by a user who may not read the folder of the user's data."""
    with enterable_folder() as folder:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
        # Imports everything, which an ordinary user may not read here.
        codecs.lookup("cp437")
        Image.radial_gradient("L").convert("RGB").save(folder / "0.png")
        overview = soart.evaluate(folder, by="blur", collection=folder / "kept")
        assert overview.problems == ()
        with unwritable(folder):
            again = soart.evaluate(folder, by="blur", collection=folder / "kept")
    assert [one.score for one in again.best] == [one.score for one in overview.best]
    assert again.problems == (
        f"The collection {str(folder / 'kept')!r} is read-only: this evaluation of it is not kept.",
    )


@pytest.fixture(scope="module")
def rated_folders(tmp_path_factory):
    """Two folders of pictures with a taste ``me`` each: of noise, in doubt, and, learnt later, of plain pictures."""
    place = tmp_path_factory.mktemp("rated")
    rng = np.random.default_rng(0)
    noise = [*rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)]
    ramp = np.linspace(0, 1, 64)[:, None, None] * np.ones((64, 64, 3))
    plain = [(ramp * (60 + 30 * number)).astype(np.uint8) for number in range(6)]
    doubtful = learn_from_pictures("me", noise, plain)
    doubtful = replace(doubtful, trust=replace(doubtful.trust, word=CHANCE))
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "CONFIG"):
            patch.setenv(f"XDG_{name}_HOME", str(place / name.lower()))
        for age, (name, taste) in enumerate({"a": doubtful, "b": learn_from_pictures("me", plain, noise)}.items()):
            (place / name).mkdir()
            Image.fromarray(noise[0]).save(place / name / "noise.png")
            Image.fromarray(plain[3]).save(place / name / "plain.png")
            where = default_collection_path([place / name])
            Collection(where).close()
            os.utime(tastes_of(where).save(taste), (age, age))
        yield place


def test_a_name_means_the_taste_of_the_folder_in_question_first(rated_folders, embedded):
    """It meant the taste that was learnt last in any folder, without a word."""
    first = {
        "a": (soart.rank(rated_folders / "a", by="me"), soart.evaluate(rated_folders / "a", by="me")),
        "b": (soart.rank(rated_folders / "b", by="me"), soart.evaluate(rated_folders / "b", by="me")),
    }
    names = {
        name: [Path(ranked[0].path).name, Path(overview.best[0].path).name]
        for name, (ranked, overview) in first.items()
    }
    assert names == {"a": ["noise.png"] * 2, "b": ["plain.png"] * 2}
    assert [bool(ranked.problems) for ranked, _ in first.values()] == [True, False]
    kept = soart.keep(rated_folders / "a", by="me", collection=default_collection_path([rated_folders / "a"]))
    assert Path(kept.staying[0]).name == "noise.png"
    where = default_collection_path([rated_folders / "a"])
    with Collection(where) as opened:
        assert soart.rank(opened, by="me").problems == first["a"][0].problems
        evaluated = soart.sync_and_evaluate(opened, soart.Scan([rated_folders / "a"]), soart.LocalEngine(1), "me")
    assert evaluated.judged.taste.trust.word == CHANCE
    doubt = first["a"][0].problems[0]
    assert soart.generate("a boat", 1, where, model=embedded, by="me", steps=1).problems == [doubt]
    for call in (
        lambda: soart.optimize("a boat", where, model=embedded, by="me", pictures=1),
        lambda: soart.distil("me", rated_folders / "me.safetensors", where, model=embedded),
        lambda: soart.wrap(embedded.pipeline).tune("a {boat|fox}", collection=where, by="me", optimize=1),
    ):
        with pytest.raises(TasteError, match="pictures would be pushed into its errors"):
            call()


def test_folders_may_be_named_by_text(drawn):
    with soart.Collection(None) as memory:
        evaluated = soart.sync_and_evaluate(
            memory, soart.Scan([str(drawn / "images")]), soart.LocalEngine(1), "technical"
        )
    assert evaluated.update.found == 4


def test_an_evaluation_takes_names_and_judges_of_ones_own(drawn):
    class Redness(PixelJudge):
        name = "redness"

        def judge(self, pictures, prompts):
            return [float(pixels[..., 0].mean()) / 255 for pixels in pictures]

    with soart.Collection(None) as memory:
        scan, engine = soart.Scan([drawn / "images"]), soart.LocalEngine(1)
        evaluated = soart.sync_and_evaluate(memory, scan, engine, {"blur": 1.0, Redness(): 0.0})
        assert evaluated.evaluation.main == TechnicalJudge.detector("blur").stored_name
        assert np.isfinite(evaluated.judged.values["judge:redness@1"]).all()
        with pytest.raises(SoartError, match="'int' has no 'name'"):
            soart.sync_and_evaluate(memory, scan, engine, 5)


def test_values_with_arrays_are_compared_and_printed_in_short(drawn, embedded):
    pixels = [soart.read_image(path) for path in sorted((drawn / "images").glob("*.png"))]
    pictures = [picture.pixels for picture in pixels]
    taste = soart.learn_from_pictures("mine", good=pictures[:2], bad=pictures[2:], network=None)
    candidates = soart.wrap(embedded.pipeline, identity="embedded").best_of("a boat", n=2, steps=2)
    for value, other in (
        (taste, soart.learn_from_pictures("mine", good=pictures[:2], bad=pictures[2:], network=None)),
        (candidates[1], candidates[0]),
        (pixels[1], pixels[0]),
        (TechnicalJudge.load(), TechnicalJudge.detector("blur")),
        (soart.OverallJudge.load(), TechnicalJudge.load()),
    ):
        assert value != other
        assert [other, value].index(value) == 1
        assert len({value, other}) == 2
    assert TechnicalJudge.load() == TechnicalJudge.load()
    for value in (taste, candidates[0], TechnicalJudge.load(), soart.OverallJudge.load()):
        assert len(repr(value)) < 800


def test_a_notebook_shows_tunes_findings_and_keepers(tmp_path, drawn):
    generator = soart.ImageGenerator(soart.load_model(device="cpu"))
    space = soart.PromptSpace.from_text("a {boat|fox} in {warm|cool} <b>colors</b>")
    with soart.Collection(tmp_path / "c") as collection:
        panel = soart.Panel("technical")
        tuner = soart.Tuner(collection, generator, space, panel, batch=2, budget=2, prune=False)
        assert "0 of 2 pictures drawn" in tuner._repr_html_()
        soart.tune(tuner)
        page = tuner._repr_html_()
        assert (page.count("data:image/jpeg"), page.count("<tr>")) == (2, 3)
        assert "&lt;b&gt;colors" in page
        assert "2 of 2 pictures drawn" in page
        findings = soart.findings_of(tuner)
        page = findings._repr_html_()
        assert page.count("<tr>") == 1 + len(findings.winners)
        assert "&lt;b&gt;colors" in page
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("one.png", "two.png"):
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(folder / name)
    Image.linear_gradient("L").save(folder / "alone.png")
    keepers = soart.keep(folder, group="look-alike", collection=tmp_path / "kept")
    page = keepers._repr_html_()
    assert page.count("<tr>") == 1 + len(keepers.groups)
    assert page.count("data:image/jpeg") == len(keepers.groups)
    assert "In no group: 1 picture." in page


def test_a_notebook_shows_the_pictures(drawn):
    page = soart.rank(drawn)._repr_html_()
    assert page.count("data:image/jpeg") == 4
    assert "a boat" in page
    listed = soart.Ranking([], ["<b> is left out."])
    assert "&lt;b&gt;" in listed._repr_html_()


def test_collections_by_default_lie_in_the_working_folder(tmp_path, monkeypatch, embedded):
    monkeypatch.chdir(tmp_path)
    assert len(soart.generate("a boat", 1, model=embedded, steps=2)) == 1
    assert Collection.is_collection(Path("soart-pictures"))
