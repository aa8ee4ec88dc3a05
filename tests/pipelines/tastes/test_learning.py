import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from soart.errors import CollectionError, ImageError, ItemsError, TasteError
from soart.metrics.damage.titles import stored_title, title_of
from soart.metrics.items.colour import ColourExtractor
from soart.metrics.protocols import Measures
from soart.metrics.tastes.blend import blend
from soart.pipelines.collection import ratings
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.pictures import update_pictures
from soart.pipelines.collection.provenance import origins
from soart.pipelines.collection.tables import AWAY
from soart.pipelines.ingest.scan import find_pictures
from soart.pipelines.judges.catalogue import Catalogue
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.judges.storing import score_all
from soart.pipelines.reports.taste import draw_curve, render_taste_report
from soart.pipelines.scoring.explaining import explain_picture
from soart.pipelines.scoring.measuring import import_pictures, measure, measure_sound
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.tastes import learning as tastes
from soart.pipelines.tastes.agreement import compare_on, disagreement_sheet
from soart.pipelines.tastes.rating_session import propose_pictures


def test_folders_become_a_taste(learnt, judge, folders, tmp_path, paint):
    assert learnt.taste.trust.word in ("usable", "strong")
    assert set(learnt.taste.examples.modes) == {"good", "grey"}
    fresh = [paint(tmp_path / "v", 3, 8, vivid=True), paint(tmp_path / "g", 3, 9, vivid=False)]
    with Collection(None) as collection:
        rows, _ = import_pictures(collection, find_pictures(fresh)[0], judge)
        ranking, problems = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
        assert not problems
        assert collection.scores("taste:vivid")
    assert all("/v/" in str(r.path) for r in ranking[:3])
    assert all(0 <= r.score <= 100 for r in ranking)
    assert re.search("^(un)?like th(is|ese) you (dis)?liked", ranking[0].reasons[0].text)
    assert ranking[0].reasons[0].examples
    assert judge.doubt() is None


def test_a_taste_leaves_out_what_cannot_be_judged(judge, tmp_path, paint):
    Image.new("RGB", (200, 200), (230, 40, 40)).save(tmp_path / "plain.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "icon.png")
    with Collection(None) as collection:
        files, _ = find_pictures([paint(tmp_path / "v", 1, 8, vivid=True), tmp_path])
        rows, _ = import_pictures(collection, sorted(set(files)), judge)
        ranking, problems = rank(StoredPictures(collection, rows), [(guarded(judge), 1.0)])
        assert len(ranking) == len(collection.scores("taste:vivid")) == 1
    assert {re.search(r"(\w+)\.png' is left out", problem)[1] for problem in problems} == {"icon", "plain"}


def test_the_same_picture_in_good_and_bad(folders, tmp_path):
    copy = tmp_path / "bad" / "other name.png"
    copy.parent.mkdir()
    copy.write_bytes(next(folders[0].iterdir()).read_bytes())
    with Collection(None) as collection, pytest.raises(ItemsError, match="is both good and bad"):
        tastes.learn("x", collection, tastes.Sources([folders[0]], {"bad": [copy.parent]}))


def test_nothing_to_learn_from(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with Collection(None) as collection:
        with pytest.raises(ItemsError, match="got none that can be read"):
            tastes.learn("x", collection, tastes.Sources([tmp_path / "empty"]))
        with pytest.raises(ItemsError, match="only liked ones"):
            tastes.learn("x", collection, tastes.Sources([folders[0]]))
        with pytest.raises(ItemsError, match=r"Expected dull pictures in '.*mistyped', got none.*does not exist"):
            tastes.learn("x", collection, tastes.Sources([folders[0]], {"dull": [tmp_path / "mistyped"]}))
        (tmp_path / "choices.csv").write_text("gone.png,lost.png\n")
        with pytest.raises(ItemsError, match=r"got none: .*gone\.png' does not exist"):
            tastes.learn("x", collection, tastes.Sources(choices=tmp_path / "choices.csv"))


def test_unreadable_pictures_are_left_out(folders, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nonsense")
    with Collection(None) as collection:
        found = tastes.learn(
            "x", collection, tastes.Sources([folders[0], tmp_path / "broken.png"], {"bad": [folders[1]]})
        )
    assert len(found.problems) == 1
    assert "broken.png" in found.problems[0]


def test_ratings_become_a_taste(rated):
    collection, rows, vivid = rated
    ratings.rate(collection, "me", {row.id: 5 if vivid[row.id] else 1 + i % 2 for i, row in enumerate(rows)})
    ratings.rate(collection, "aunt", {row.id: 4 if vivid[row.id] else 2 for row in rows[:12]})
    taste = tastes.learn("mine", collection, tastes.Sources(rater="me")).taste
    assert taste.prior_names == ("technical", "appeal", "nima", "others")
    assert taste.examples.graded
    assert np.isnan(taste.examples.priors[:, 3]).sum() == len(rows) - 12
    kept, items, _ = measure_sound(collection, rows, TasteJudge.of(taste))
    liking = taste.liking(items)
    assert min(v for row, v in zip(kept, liking, strict=True) if vivid[row.id]) > max(
        v for row, v in zip(kept, liking, strict=True) if not vivid[row.id]
    )


def test_choices_become_a_taste(folders, tmp_path):
    good, bad = (sorted(folder.iterdir()) for folder in folders)
    file = tmp_path / "choices.csv"
    # Spreadsheets put a mark before the first path.
    file.write_text("".join(f'"{a}","{b}"\n' for a, b in zip(good, bad, strict=True)), encoding="utf-8-sig")
    with Collection(None) as collection:
        taste = tastes.learn("x", collection, tastes.Sources(choices=file)).taste
    assert (taste.trust.choices, taste.trust.only_choices) == (7, True)
    assert sorted(np.sign(taste.examples.liking)) == [-1] * 7 + [1] * 7
    file.write_text("one\n")
    with Collection(None) as collection, pytest.raises(CollectionError, match="two paths a line"):
        tastes.learn("x", collection, tastes.Sources(choices=file))
    with Collection(None) as collection, pytest.raises(CollectionError, match="cannot be read"):
        tastes.learn("x", collection, tastes.Sources(choices=tmp_path / "none.csv"))


def test_ratings_of_raters_stay_apart(rated):
    collection, rows, _ = rated
    ratings.rate(collection, "me", {rows[0].id: 5, rows[1].id: 1})
    ratings.rate(collection, "you", {rows[0].id: 2})
    ratings.rate(collection, "me", {rows[0].id: 4})
    assert ratings.ratings(collection, "me") == {rows[1].id: 1, rows[0].id: 4}
    assert ratings.ratings(collection, "you") == {rows[0].id: 2}
    assert ratings.raters(collection) == ["me", "you"]
    assert ratings.others_mean(collection, "you") == {rows[0].id: 1.5, rows[1].id: -1.5}
    ratings.reject(collection, "me", rows[0].id)
    assert ratings.ratings(collection, "me") == {rows[1].id: 1}
    assert ratings.judged_pictures(collection, "me") == {rows[0].id, rows[1].id}
    for value in (0, 5.5, float("nan")):
        with pytest.raises(CollectionError, match="rating from 1 to 5"):
            ratings.rate(collection, "me", {rows[2].id: 3, rows[3].id: value})
    assert ratings.judged_pictures(collection, "me") == {rows[0].id, rows[1].id}
    with pytest.raises(CollectionError, match="rater's name"):
        ratings.rate(collection, "", {rows[2].id: 3})


def test_pictures_of_one_prompt_stay_together(collection, make_drawn):
    drawn = [make_drawn(seed, prompt=f"prompt {seed % 12}") for seed in range(24)]
    rows = collection.add_drawn(drawn, "model", "sampler")
    groups, note = tastes.groups_of(rows, origins(collection, [row.id for row in rows]))
    assert len(set(groups)) == 12
    assert note is None
    few = collection.add_drawn([make_drawn(seed, prompt="a fox") for seed in range(30, 36)], "model", "sampler")
    groups, note = tastes.groups_of(few, origins(collection, [row.id for row in few]))
    assert len(set(groups)) == 6
    assert "only 1 prompt:" in note
    # Pictures of unknown seeds do not share one.
    made = {
        row.id: replace(origin, seed="")
        for row, origin in zip(few, origins(collection, [row.id for row in few]).values(), strict=True)
    }
    assert len(set(tastes.groups_of(few, made)[0])) == 6


def test_report(rated, judge, tmp_path):
    collection, rows, _ = rated
    evil = tmp_path / "<script>alert(1)<"
    evil.mkdir()
    page = render_taste_report(collection, rows, judge)
    assert page.count('class="pair"') == 2 * 8
    assert "pictures learnt from" in page
    assert judge.taste.trust.advice.split(".")[0] in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert "<script" not in page
    assert "Left out" not in page
    page = render_taste_report(collection, rows, judge, problems=["'a.png' is <i>empty</i>."])
    assert "<li>&#39;a.png&#39; is &lt;i&gt;empty" in page.split("<h2>Left out</h2>")[1]
    assert draw_curve(judge.taste.trust.__class__("usable")) is None
    curve = draw_curve(replace(judge.taste.trust, curve=((4, 0.7, 0.6, 0.8), (8, 0.9, 0.85, 0.95))))
    assert "8 pictures: 90 (85 … 95)" in curve
    assert "95 % interval" in curve


def test_a_missing_file_costs_neither_the_report_nor_the_sheet(rated, judge):
    """Items outlive their picture: one file that was gone ended both."""
    collection, rows, _ = rated
    agreement, kept, _ = compare_on(collection, rows, [judge, judge])
    with pytest.raises(ImageError, match="10 percentiles or more"):
        disagreement_sheet(collection, agreement, kept)
    # Of equal disagreements the first picture's comes first.
    agreement = replace(agreement, percentiles=agreement.percentiles * 0 + [[0], [50]])
    path = collection.locate(kept[0])
    path.rename(path.with_suffix(".away"))
    try:
        page = render_taste_report(collection, kept[:4], judge)
        assert "cannot be read" in page
        assert page.count('class="pair"') == 3
        assert disagreement_sheet(collection, agreement, kept, 5).width == 4 * 160
        first = replace(agreement, percentiles=agreement.percentiles[:, :1])
        with pytest.raises(ImageError, match="None of the pictures"):
            disagreement_sheet(collection, first, kept[:1])
    finally:
        path.with_suffix(".away").rename(path)


def test_pictures_that_cannot_be_judged_are_not_compared(rated, judge, tmp_path):
    collection, rows, _ = rated
    with Collection(None) as other:
        for name, side, colour in (("plain", 32, (250, 0, 0)), ("tiny", 8, (9, 8, 7))):
            Image.new("RGB", (side, side), colour).save(tmp_path / f"{name}.png")
        unfit = [other.add_file(tmp_path / f"{name}.png")[0] for name in ("plain", "tiny")]
        sound = other.add_file(collection.locate(rows[0]))[0]
        kept, items, problems = measure_sound(other, [unfit[0], sound, unfit[1]], judge)
        assert [row.id for row in kept] == [sound.id]
        assert len(items) == 1
        assert [sentence.split(" is left out: ")[1] for sentence in problems] == [
            "nothing but one tone.",
            "too small to be judged (16 pixels are needed).",
        ]
        assert measure_sound(other, unfit, judge)[0] == measure_sound(other, [], judge)[0] == []


def test_explained_picture(judge, folders):
    found = explain_picture(judge, next(folders[1].iterdir()), grid=2)
    assert found.score < 50
    assert found.heat.shape == (2, 2)
    assert found.overlay.shape == (20, 20, 3)
    assert any("liked" in reason.text for reason in found.reasons)


def test_comparison_and_blend(rated, learnt, folders):
    collection, rows, _ = rated
    with Collection(None) as other:
        grey = tastes.learn("grey", other, tastes.Sources([folders[1]], {"bad": [folders[0]]})).taste
    judges = [TasteJudge.of(t) for t in (learnt.taste, grey)]
    agreement, kept, _ = compare_on(collection, rows, judges)
    assert agreement.correlation[0, 1] < -0.5
    sheet = disagreement_sheet(collection, agreement, kept, 5)
    assert sheet.width == 4 * 160
    both = TasteJudge.of(blend("both", [learnt.taste, grey], [5, 1]))
    ranking, _ = rank(StoredPictures(collection, rows), [(guarded(both), 1.0)])
    assert "/v/" in str(ranking[0].path)
    with pytest.raises(TasteError, match="is a blend"):
        propose_pictures(collection, both, "me", 2)


def test_judges_are_called_by_what_they_mean(learnt):
    for name, title in (("technical", "technical quality"), ("saturate", "freedom from over-saturation")):
        assert title_of(name) == stored_title(Catalogue().judge(name).stored_name) == title
    assert title_of("vivid") == stored_title(TasteJudge.of(learnt.taste).stored_name) == "taste: vivid"
    # Names of people's own say what they like.
    assert title_of("blur-faces") == stored_title("taste:blur-faces") == "taste: blur-faces"
    assert title_of("noise-2") == stored_title("taste:noise-2") == "taste: noise-2"
    assert stored_title("observed score") == "observed score"


def test_taste_store(learnt, tmp_path):
    tastes = TasteStore(tmp_path / "tastes")
    assert tastes.names() == []
    with pytest.raises(TasteError, match=r"no taste 'vivid' .*none yet"):
        tastes.load("vivid")
    tastes.save(learnt.taste)
    assert tastes.names() == ["vivid"]
    assert tastes.load("vivid").name == "vivid"
    with pytest.raises(TasteError, match="no taste 'sharp'"):
        tastes.load("sharp")
    for name in ("", "../up", "a/b", ".hidden", "x" * 65, "new\nline"):
        with pytest.raises(TasteError, match="Expected a name of letters"):
            tastes.path(name)
    assert "soart" in str(TasteStore().folder)


def test_a_taste_never_hides_a_built_in_judge(learnt, tmp_path):
    tastes = TasteStore(tmp_path)
    for name in ("technical", "blur", "noise", "jpeg", "fade", "saturate", "pixelate"):
        with pytest.raises(TasteError, match="name of a built-in judge"):
            tastes.save(replace(learnt.taste, name=name))
    assert tastes.names() == []
    # Scores of tastes are stored under names of their own.
    tastes.save(replace(learnt.taste, name="technical-2"))
    assert Catalogue(tastes).judge("technical-2").stored_name == "taste:technical-2"


def test_rescoring_reads_stored_items_only(rated, judge):
    collection, rows, _ = rated
    _, items, _ = measure_sound(collection, rows, judge)
    for row in rows:
        collection.locate(row).unlink()
    assert score_all(collection, judge, stored_items_only=True) == (len(rows), [])
    stored = collection.scores(judge.stored_name)
    np.testing.assert_allclose([stored[row.id] for row in rows], judge.score(items))


def test_other_raters_count_at_ranking_as_they_did_in_learning(rated):
    """Others like the vivid pictures, as I do; but nothing that pictures show tells the last four apart."""
    collection, rows, vivid = rated
    ratings.rate(collection, "me", {row.id: 5 if vivid[row.id] else 1 for row in rows[:6] + rows[10:16]})
    ratings.rate(collection, "you", {row.id: 5 if vivid[row.id] else 1 for row in rows[:8] + rows[10:18]})
    ratings.rate(collection, "she", {row.id: 4 if vivid[row.id] else 2 for row in rows[:8] + rows[10:18]})
    learnt = tastes.learn("me", collection, tastes.Sources(rater="me"), network=None)
    taste = learnt.taste
    assert (taste.prior_names, taste.rater) == (("technical", "others"), "me")
    assert taste.alone.prior_names == ("technical",)
    assert any("no other rater" in note for note in learnt.notes)
    items = np.stack(list(collection.items(taste.version, [row.id for row in rows]).values())).astype(float)
    unknown = np.column_stack([np.zeros(len(rows)), np.full(len(rows), np.nan)])
    # Without others' ratings the taste is the one that was learnt without them.
    assert np.array_equal(taste.score(items, unknown), taste.alone.score(items, unknown[:, :1]))
    ranking, _ = rank(StoredPictures(collection, rows), [(guarded(TasteJudge.of(taste)), 1.0)])
    scores = {picture.row.id: picture.score for picture in ranking}
    low, high = unknown.copy(), unknown.copy()
    low[:, 1], high[:, 1] = -2, 2
    assert (taste.score(items, high) > taste.score(items, low)).all()
    for row, known in zip(rows, items, strict=True):
        mean = ratings.others_mean(collection, "me").get(row.id, np.nan)
        prior = taste.prior_scores(known[None])
        prior[0, 1] = mean
        assert scores[row.id] == pytest.approx(float(taste.score(known[None], prior)[0]))
    score_all(collection, TasteJudge.of(taste))
    assert collection.scores("taste:me") == pytest.approx(scores)


def test_a_taste_with_other_raters_is_stored_whole(rated, tmp_path):
    collection, rows, vivid = rated
    for name in ("me", "you"):
        ratings.rate(collection, name, {row.id: 5 if vivid[row.id] else 1 for row in rows})
    taste = tastes.learn("me", collection, tastes.Sources(rater="me"), network=None).taste
    assert taste.prior_names == ("technical", "others")
    store = TasteStore(tmp_path)
    store.save(taste)
    again = store.load("me")
    items = taste.examples.items
    assert (again.rater, again.alone.trust) == ("me", taste.alone.trust)
    assert np.allclose(again.score(items), taste.score(items))
    assert np.allclose(again.score(items, taste.examples.priors), taste.score(items, taste.examples.priors))


def test_stored_items_are_used_and_the_network_sees_each_picture_once(rated, monkeypatch):
    collection, rows, _ = rated
    extractor = tastes.taste_extractor("efficientnet-lite0")
    monkeypatch.setattr(ColourExtractor, "measure", None)
    items, problems = measure(collection, rows, Measures(extractor))
    assert not problems
    assert {len(values) for values in items.values()} == {len(extractor.names)}
    plain = collection.items(extractor.without_network.version, [row.id for row in rows])
    assert all(np.array_equal(items[i][: len(values)], values) for i, values in plain.items())
    monkeypatch.setattr("soart.metrics.items.deep.DeepExtractor.extract", None)
    again, _ = measure(collection, rows, Measures(extractor))
    assert all(np.array_equal(again[i], items[i]) for i in items)


def test_a_line_of_choices_names_two_pictures(folders, tmp_path):
    good, bad = (sorted(folder.iterdir()) for folder in folders)
    lines = [f"{better},{worse}" for better, worse in zip(good[:6], bad[:6], strict=True)]
    # A folder of two pictures and a lost file are no choice between the two, and a picture is not better than itself.
    two = tmp_path / "two"
    two.mkdir()
    for path in (good[0], bad[0]):
        shutil.copy(path, two)
    (tmp_path / "choices.csv").write_text("\n".join([*lines, "two,gone.png", f"{good[1]},{good[1]}"]))
    with Collection(None) as collection:
        learnt = tastes.learn("mine", collection, tastes.Sources(choices=tmp_path / "choices.csv"))
    assert len(learnt.taste.examples) == 12
    assert sum("Expected two different pictures in a line" in problem for problem in learnt.problems) == 2
    assert sum("gone.png" in problem and "found" not in problem for problem in learnt.problems) >= 1


def test_judged_pictures_that_were_moved_away_unmeasured_are_counted(rated):
    collection, rows, vivid = rated
    ratings.rate(collection, "me", {row.id: 5 if vivid[row.id] else 1 for row in rows[:12]})
    moved = [row.id for row in (*rows[:2], *rows[12:])]
    for row in (*rows[:2], *rows[12:]):
        Path(row.path).unlink()
    update_pictures(collection, [{"id": image, "problem": AWAY} for image in moved])
    learnt = tastes.learn("mine", collection, tastes.Sources(rater="me"))
    assert len(learnt.taste.examples) == 10
    assert learnt.problems == (
        "2 judged pictures were moved away before the network measured them: bring back what should count.",
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "the seed"),
        ({"seed": 1.5}, "the seed"),
        ({"priors": "appeal"}, "names of prior scores"),
        ({"priors": 5}, "names of prior scores"),
    ],
)
def test_wrong_arguments_are_refused_in_one_sentence(wrong, message):
    pictures = [np.full((8, 8, 3), level, np.uint8) for level in (0, 90)]
    with pytest.raises(TasteError, match=f"Expected {message}"):
        tastes.learn_from_pictures("a", pictures[:1], pictures[1:], **wrong)


@pytest.mark.parametrize("named", [(), ("appeal",), ("nima", "technical", "nima")])
def test_a_taste_starts_from_the_prior_scores_that_are_named(folders, tmp_path, named):
    with Collection(None) as collection:
        taste = tastes.learn(
            "vivid", collection, tastes.Sources([folders[0]], {"bad": [folders[1]]}), priors=named
        ).taste
    expected = tuple(name for name in ("technical", "appeal", "nima") if name in named)
    assert taste.prior_names == tuple(taste.trusted_priors) == expected
    store = TasteStore(tmp_path)
    store.save(taste)
    again = store.load("vivid")
    assert again.prior_names == expected
    items = taste.examples.items
    assert np.allclose(again.score(items), taste.score(items))
    # In memory as from files.
    pictures = [[np.asarray(Image.open(file)) for file in sorted(folder.iterdir())[:3]] for folder in folders]
    assert tastes.learn_from_pictures("m", *pictures, priors=named).prior_names == expected


def test_prior_scores_of_others_alone_leave_nothing_for_pictures_that_no_other_rated(rated):
    collection, rows, vivid = rated
    sources = tastes.Sources(rater="me")
    ratings.rate(collection, "me", {row.id: 5 if vivid[row.id] else 1 for row in rows})
    with pytest.raises(TasteError, match="'others' needs ratings of other raters, and this collection has none"):
        tastes.learn("me", collection, sources, network=None, priors=["others"])
    ratings.rate(collection, "you", {row.id: 5 if vivid[row.id] else 1 for row in rows[:16]})
    taste = tastes.learn("me", collection, sources, network=None, priors=["others"]).taste
    assert (taste.prior_names, taste.alone.prior_names) == (("others",), ())
    assert len(rank(StoredPictures(collection, rows), [(guarded(TasteJudge.of(taste)), 1.0)])[0]) == len(rows)
    # Others who rated are no reason to start from them.
    taste = tastes.learn("me", collection, sources, network=None, priors=["technical"]).taste
    assert (taste.prior_names, taste.alone) == (("technical",), None)
    with pytest.raises(TasteError, match="'appeal' needs items of the default network"):
        tastes.learn("me", collection, sources, network=None, priors=["appeal"])
    with pytest.raises(TasteError, match="no prior score 'beauty': choose among technical, appeal, nima, others"):
        tastes.learn("me", collection, sources, network=None, priors=["beauty"])
