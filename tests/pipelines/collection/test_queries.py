import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from specimens.time_zones import local_time
from sqlalchemy import event, update

from soart.errors import CollectionError
from soart.metrics.damage.technical import DETECTORS, LIMIT, USUAL, detectors
from soart.metrics.percentiles import percentiles
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.counts import count_collection
from soart.pipelines.collection.damage import suspected
from soart.pipelines.collection.pictures import update_pictures
from soart.pipelines.collection.queries import (
    MOST_WORDS,
    Query,
    ScoreScale,
    by_name,
    known_prompts,
    metadata_of,
    order,
    row_of,
    rows_by_hash,
    rows_of,
    scores_and_reasons,
    scores_of,
    title_of,
)
from soart.pipelines.collection.ratings import liked_and_disliked, rate, ratings_of_picture, reject
from soart.pipelines.collection.tables import AWAY, ImageRow, MetadataRow
from soart.pipelines.tastes.agreement import agreement, best_and_worst

PROMPTS = ["a sharp boat", "a blurry boat", "a sharp fox", "100% of a_fox", "A SHARP TREE", "a tree"]


@pytest.fixture
def filled(collection, make_drawn):
    rows = collection.add_drawn([make_drawn(i, prompt) for i, prompt in enumerate(PROMPTS)], "m", "s")
    collection.set_scores("p", dict(zip([row.id for row in rows[:5]], [3.0, 1.0, 2.0, 2.0, 5.0], strict=True)))
    return collection


def ids(collection, **query):
    return [row.id for row in rows_of(collection, order(collection, Query(**query), "ann"))]


def test_the_newest_come_first_and_reversed_last(filled):
    assert ids(filled) == [6, 5, 4, 3, 2, 1]
    assert ids(filled, ascending=True) == [1, 2, 3, 4, 5, 6]


def test_pictures_without_a_score_come_last_whichever_way(filled):
    level = sorted((3, 4), key={row.id: row.sha256 for row in filled.images()}.__getitem__)
    assert ids(filled, judge="p", sort="score") == [5, 1, *level, 2, 6]
    assert ids(filled, judge="p", sort="score", ascending=True) == [2, *level, 1, 5, 6]


def test_words_are_found_in_any_case_and_are_not_patterns(filled):
    assert ids(filled, words=("sharp",)) == [5, 3, 1]
    assert ids(filled, words=("sharp", "-boat")) == [5, 3]
    assert ids(filled, words=("100%",)) == [4]
    assert ids(filled, words=("a_fox",)) == [4]
    assert ids(filled, words=("%",)) == [4]


def test_words_of_any_language_are_found_in_any_case(collection, make_drawn):
    collection.add_drawn(
        [make_drawn(i, prompt) for i, prompt in enumerate(("Ein Äpfelbaum", "КОТ в шляпе", "a cat"))], "m", "s"
    )
    for word, found in (("äpfel", [1]), ("ÄPFEL", [1]), ("кот", [2]), ("-Кот", [3, 1])):
        assert ids(collection, words=(word,)) == found


def test_pictures_without_a_prompt_are_found_by_their_path(filled, paint, tmp_path):
    (file,) = paint(tmp_path / "Holiday", 1, 3, vivid=True).iterdir()
    row, _ = filled.add_file(file)
    assert ids(filled, words=("holiday",)) == [row.id]
    # Those with one are not found by theirs, which holds nothing but a hash.
    assert ids(filled, words=("images/",)) == []
    assert title_of(row) == file.name


def test_names_of_files_and_models_are_searched_on_demand(filled, paint, tmp_path):
    (file,) = paint(tmp_path / "holiday", 1, 3, vivid=True).iterdir()
    row, _ = filled.add_file(file.rename(file.with_name("Sunset 1.png")))
    with filled.session("be written", write=True) as session:
        session.add(
            MetadataRow(image_id=row.id, tool="x", prompt="A Castle", model="Dreamy XL", settings="{}", source="x")
        )
    for word in ("castle", "sunset", "dreamy"):
        assert ids(filled, words=(word,), names=True) == [row.id]
    assert ids(filled, words=("sunset",)) == []
    assert ids(filled, words=("-dreamy",), names=True) == [6, 5, 4, 3, 2, 1]
    # Neither folders nor the hashes that soart's own files are named after.
    assert ids(filled, words=("holiday",), names=True) == ids(filled, words=(".png", "-sunset"), names=True) == []


def test_pictures_sort_by_name_with_numbers_by_size(collection, paint, tmp_path):
    painted = list(paint(tmp_path / "art", 4, 3, vivid=True).iterdir())
    names = ["img10.png", "IMG2.png", "img2b.png", "a.png"]
    rows = [collection.add_file(file.rename(tmp_path / name))[0] for file, name in zip(painted, names, strict=True)]
    wanted = [rows[k].id for k in (3, 1, 2, 0)]
    assert ids(collection, sort="name") == wanted
    assert ids(collection, sort="name", ascending=True) == wanted[::-1]


def slowly_by_name(picture):
    parts = re.split(r"(\d{1,18})", picture[1].casefold())
    return [(int(part), "") if number % 2 else (-1, part) for number, part in enumerate(parts)], picture[0]


@given(st.lists(st.text("aB1029٣/ -.\x01", max_size=24), max_size=12))
@example(["a1", "a", "a01", "a 1", "ab", "a1/b", "a" + "9" * 18, "a" + "9" * 19, "a" + "1" * 37])
def test_keys_of_names_order_as_lists_of_texts_and_numbers(paths):
    """The keys are texts, which compare three times as fast."""
    pictures = list(enumerate(paths))
    assert sorted(pictures, key=by_name) == sorted(pictures, key=slowly_by_name)


def test_prompts_that_other_tools_wrote_are_found_and_shown(filled, paint, tmp_path):
    row, _ = filled.add_file(next(paint(tmp_path / "holiday", 1, 3, vivid=True).iterdir()))
    with filled.session("be written", write=True) as session:
        session.add(MetadataRow(image_id=row.id, tool="Fooocus", prompt="A lonely Castle", settings="{}", source="x"))
    assert ids(filled, words=("castle",)) == [row.id]
    assert ids(filled, words=("holiday",)) == []
    assert title_of(row, metadata_of(filled, [row.id, 1])[row.id]) == "A lonely Castle"


def test_suspected_damage_is_that_of_evaluations(filled):
    usual = {d.stored_name: USUAL for d in detectors()}
    blur, noise = (detectors()[DETECTORS.index(damage)].stored_name for damage in ("blur", "noise"))
    for name, value in usual.items():
        # The sixth picture was seen by no detector, the fifth not by the one of noise.
        filled.set_scores(name, {i: value for i in range(1, 6) if i < 5 or name != noise})
    filled.set_scores(blur, {2: LIMIT - 1, 3: LIMIT - 1, 4: LIMIT})
    filled.set_scores(noise, {3: LIMIT - 45})
    assert suspected(filled) == {2: "blur", 3: "noise"}
    assert suspected(filled, [1, 2]) == {2: "blur"}
    assert ids(filled, damage="any") == [3, 2]
    assert ids(filled, damage="noise", ascending=True) == [3]
    assert ids(filled, damage="fade") == []
    assert ids(filled, damage="none") == [4, 1]


def test_suspected_damage_is_found_in_one_pass_over_the_scores(tmp_path):
    """In the order of pictures SQLite would look up each score by the index, which takes ten times as long."""
    statements = []
    with Collection(tmp_path / "things") as collection:
        with collection.session("be read") as session:
            connection = session.connection()
            event.listen(connection.engine, "before_cursor_execute", lambda *call: statements.append(call[2:4]))
        suspected(collection)
        with collection.session("be read") as session:
            statement, parameters = next(call for call in statements if "scores" in call[0])
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert [step[-1] for step in plan] == ["SCAN scores"]


def test_ratings_are_those_of_the_rater_who_asks(filled):
    rate(filled, "ann", {1: 5, 2: 1})
    rate(filled, "ben", {3: 5})
    reject(filled, "ann", 4)
    assert ids(filled, rated="any") == [2, 1]
    assert ids(filled, rated="none") == [6, 5, 3]
    assert ids(filled, rated="liked") == ids(filled, rated="5") == [1]
    assert ids(filled, rated="disliked") == [2]
    assert ids(filled, rated="rejected") == [4]
    assert ids(filled, sort="rating")[:2] == [1, 2]
    assert ratings_of_picture(filled, 3) == {"ben": 5}


def test_half_stars_belong_to_the_stars_below_them(filled):
    rate(filled, "ann", {1: 4, 2: 4.5, 3: 5, 4: 3.5})
    assert ids(filled, rated="4") == [2, 1]
    assert ids(filled, rated="liked") == [3, 2, 1]
    rate(filled, "ann", {1: 2, 2: 2.5, 3: 1.5})
    assert ids(filled, rated="disliked") == [3, 1]


def test_scores_are_limited_from_one_value_up_to_below_another(filled):
    assert ids(filled, judged_by="p", at_least=2.0, below=3.0) == [4, 3]
    assert ids(filled, judged_by="p", at_least=3.0) == [5, 1]


def test_days_are_both_included(filled):
    today = dt.datetime.now().astimezone().date()
    assert len(ids(filled, since=today, until=today)) == 6
    assert ids(filled, until=today - dt.timedelta(days=1)) == []


@pytest.mark.parametrize(("zone", "day"), [("Pacific/Kiritimati", 2), ("Pacific/Honolulu", 1), ("UTC", 1)])
def test_days_are_those_of_local_time(filled, zone, day):
    with filled.session("be written", write=True) as session:
        session.execute(update(ImageRow).values(created_at=dt.datetime(2026, 3, 1, 20, 30, tzinfo=dt.UTC)))
    with local_time(zone):
        for number in (1, 2):
            date = dt.date(2026, 3, number)
            assert len(ids(filled, since=date, until=date)) == 6 * (number == day)
        assert len(ids(filled, since=dt.date.min, until=dt.date.max)) == 6


def test_times_come_back_with_their_time_zone_from_every_database(filled):
    time = dt.datetime(2026, 3, 1, 22, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    with filled.session("be written", write=True) as session:
        session.execute(update(ImageRow).values(created_at=time))
    for stored in (row_of(filled, 1).created_at, count_collection(filled).first):
        assert (stored, stored.tzinfo) == (time, dt.UTC)


def test_percentiles_are_those_of_rankings(filled):
    values = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    scale = ScoreScale.of(filled, "p")
    assert [scale.percentile(v) for v in values] == percentiles(values).tolist()
    assert ids(filled, judge="p", low=50) == [5, 4, 3, 1]
    assert ids(filled, judge="p", high=10) == [2]
    assert ScoreScale.of(filled, "none").percentile(1) == 0


@pytest.mark.parametrize(
    "wrong", [{"sort": "colour"}, {"rated": "6"}, {"low": 60, "high": 40}, {"high": 101}, {"damage": "rain"}]
)
def test_a_query_that_means_nothing_is_refused(wrong):
    with pytest.raises(CollectionError, match="Expected"):
        Query(**wrong)


def test_pictures_by_id_and_what_is_not_there(filled):
    assert [row.id for row in rows_of(filled, [3, 99, 1])] == [3, 1]
    assert title_of(row_of(filled, 3)) == "a sharp fox"
    assert scores_of(filled, "p", [1, 6]) == {1: 3.0}
    with pytest.raises(CollectionError, match="no picture 99"):
        row_of(filled, 99)
    with pytest.raises(CollectionError, match="at most"):
        rows_of(filled, range(1000))


def test_facts_count(filled):
    rate(filled, "ann", {1: 5})
    found = count_collection(filled)
    assert (found.pictures, found.problems) == (6, 0)
    assert (found.raters, found.judges, found.models) == ({"ann": 1}, {"p": 5}, {"m": 6})
    update_pictures(filled, [{"id": 2, "problem": AWAY}, {"id": 3, "problem": "all black"}])
    found = count_collection(filled)
    assert (found.pictures, found.problems, found.away, found.judges) == (5, 1, 1, {"p": 4})


def test_ends_hold_scored_pictures_once(filled):
    filled.set_scores("taste:p", filled.scores("p"))
    level = min((3, 4), key={row.id: row.sha256 for row in filled.images()}.__getitem__)
    assert best_and_worst(filled, "taste:p", 12) == ({5: [], 1: []}, [2, 7 - level])
    assert best_and_worst(filled, "none", 12) == ({}, [])
    filled.set_scores("taste:p", {}, {2: "all black"})
    assert best_and_worst(filled, "taste:p", 1) == ({5: []}, [7 - level])


def test_the_best_of_one_prompt_stand_for_its_others(collection, make_drawn):
    prompts = ["a boat"] * 5 + ["a fox", "an owl", "", "a tree", "a house"]
    rows = collection.add_drawn([make_drawn(i, prompt) for i, prompt in enumerate(prompts)], "m", "s")
    ids = [row.id for row in rows]
    collection.set_scores("taste:p", {image: 90.0 - place for place, image in enumerate(ids)})
    assert known_prompts(collection, ids[4:8]) == dict(zip(ids[4:7], prompts[4:7], strict=True))
    best, worst = best_and_worst(collection, "taste:p", 4)
    assert [ids.index(image) for image in best] == [0, 1, 5, 6]
    assert {ids.index(other) for others in best.values() for other in others} == {2, 3, 4}
    assert [ids.index(image) for image in worst] == [9, 8, 7, 4]
    assert [ids.index(image) for image in best_and_worst(collection, "taste:p", 4, alike=True)[0]] == [0, 1, 2, 3]


def test_liked_and_disliked_lie_on_both_sides_of_the_middle():
    assert liked_and_disliked({1: 2.0, 2: 5.0, 3: 3.5, 4: 4.0, 5: 2.5}) == ([2, 4], [1, 5])
    assert liked_and_disliked({1: 4.0, 2: 4.0}) == liked_and_disliked({}) == ([], [])


def test_a_picture_that_cannot_be_judged_has_no_score(filled):
    """A black picture was the best of some judges, in the gallery alone."""
    filled.set_scores("mine", {1: 3.0, 2: 9.0, 3: 2.0})
    filled.set_scores("mine", {}, {2: "all black"})
    assert ids(filled, judge="mine", sort="score")[:2] == [1, 3]
    assert ids(filled, judge="mine", sort="score", ascending=True)[:2] == [3, 1]
    assert ids(filled, judge="mine", low=50) == [1]
    assert ids(filled, judge="mine", judged_by="mine", below=50.0) == [3, 1]
    assert sorted(ids(filled, judge="mine", scored=True)) == [1, 3]
    assert scores_and_reasons(filled, "mine", [1, 2, 4]) == ({1: 3.0}, {2: "all black"})
    assert ScoreScale.of(filled, "mine").values.tolist() == [2.0, 3.0]
    assert filled.scores("mine") == {1: 3.0, 3: 2.0}
    filled.set_scores("mine", {2: 1.0})
    assert scores_and_reasons(filled, "mine", [2]) == ({2: 1.0}, {})


def test_agreement_of_stored_scores(filled):
    assert agreement(filled, {"one": "p"})[0] is None
    filled.set_scores("q", {1: -3.0, 2: -1.0, 5: -5.0, 6: 0.0})
    found, common = agreement(filled, {"one": "p", "two": "q", "none": "r"})
    assert common == [1, 2, 5]
    assert found.correlation[0, 1] == pytest.approx(-1)


def test_words_to_search_for_are_few_and_can_be_searched():
    assert len(Query(words=("a",) * MOST_WORDS).words) == MOST_WORDS
    with pytest.raises(CollectionError, match=f"at most {MOST_WORDS} words to search for, got {MOST_WORDS + 1}"):
        Query(words=("a",) * (MOST_WORDS + 1))
    for odd in ("a\0b", "\ud800"):
        with pytest.raises(CollectionError, match="Expected words to search for, got"):
            Query(words=("fine", odd))


def test_pictures_are_found_by_the_start_of_their_hash(filled):
    first, second, *_ = filled.images()
    starts = [first.sha256[:16], second.sha256[:16], "0" * 16]
    assert {start: row.id for start, row in rows_by_hash(filled, starts).items()} == {
        starts[0]: first.id,
        starts[1]: second.id,
    }
