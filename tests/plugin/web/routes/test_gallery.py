"""The gallery: queries, pictures, details and scores."""

import datetime as dt
import os
import re

import numpy as np
import pytest
from specimens.time_zones import local_time
from sqlalchemy import update

from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.items.combined import taste_extractor
from soart.metrics.similarity.neighbours import likeness
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import mark_distinct
from soart.pipelines.collection.queries import MOST_WORDS
from soart.pipelines.collection.tables import ImageRow, MetadataRow
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.scoring.measuring import measure
from soart.plugin.web.routes.gallery import FILTERS


def test_hostile_prompts_stay_text(reader):
    cells = reader.get("/api/cells", ids="1").json()["cells"]
    assert cells[0]["title"].startswith("<img src=x")
    page = reader.get("/detail/1").text
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_models_count_in_the_order_until_the_owner_switches_them_off(visitor, folder, visit):
    assert 'id="model-effect"' not in visitor.get("/gallery").text
    with Collection(folder) as collection:
        drawn = [
            DrawnPicture(Request(f"a {k}", k), np.full((24, 24, 3), 5 * k, np.uint8), None, 0.1) for k in range(12)
        ]
        first, *others = (row.id for row in collection.add_drawn(drawn, "n", "s"))
        scores = {row.id: 40.0 + row.id % 7 for row in collection.images()} | {
            image: 80.0 + image / 10 for image in others
        }
        collection.set_scores(stored_name(), scores)
    order = {"by": "overall", "sort": "score"}
    ids = visitor.get("/api/ids", **order).json()["ids"]
    # Its score is that of many pictures by the other model.
    assert ids[11] == first
    cells = visitor.get("/api/cells", ids=str(first), by="overall").json()["cells"]
    assert cells[0]["score"] == scores[first]
    assert 'id="model-effect" checked' in visitor.get("/gallery").text
    assert visit(secrets={"token": "wrong"}).send("model-effect", on=False).status_code in (401, 403)
    assert visitor.send("model-effect", on=False).status_code == 200
    plain = [scores[image] for image in visitor.get("/api/ids", **order).json()["ids"]]
    assert plain == sorted(scores.values(), reverse=True)
    page = visitor.get("/gallery").text
    assert 'id="model-effect"' in page
    assert 'id="model-effect" checked' not in page
    assert visitor.send("model-effect", on=True).status_code == 200
    assert visitor.get("/api/ids", **order).json()["ids"] == ids


def test_the_metadata_of_other_tools_is_shown_as_text(visitor, folder, paint, tmp_path):
    with Collection(folder) as collection:
        row, _ = collection.add_file(next(paint(tmp_path / "found", 1, 3, vivid=True).iterdir()))
        metadata = {
            "tool": "Fooocus",
            "prompt": "<b>a castle",
            "seed": "7",
            "guidance": 4.0,
            "settings": '{"<i>style": "<u>x"}',
        }
        with collection.session("be written", write=True) as session:
            session.add(MetadataRow(image_id=row.id, source="png", **metadata))
    assert visitor.get("/api/cells", ids=str(row.id)).json()["cells"][0]["title"] == "<b>a castle"
    assert visitor.get("/api/ids", words="castle").json()["ids"] == [row.id]
    page = visitor.get(f"/detail/{row.id}").text
    for text in (
        "&lt;b&gt;a castle</h2>",
        "<dd>7</dd>",
        "<dt>&lt;i&gt;style</dt><dd>&lt;u&gt;x</dd>",
        "<dd>Fooocus</dd>",
    ):
        assert text in page


@pytest.mark.skipif(os.name == "nt", reason="the system refuses such names")
def test_names_of_files_disguise_nothing(visitor, folder, paint, tmp_path):
    with Collection(folder) as collection:
        path = next(paint(tmp_path / "found", 1, 3, vivid=True).iterdir())
        row, _ = collection.add_file(path.rename(path.with_name("\x1b[31m\u202egnp.png")))
    shown = [
        visitor.get("/api/cells", ids=str(row.id)).json()["cells"][0]["title"],
        visitor.get(f"/detail/{row.id}").text,
    ]
    address = visitor.send("selection/export", images=[row.id], kind="csv").json()["address"]
    for text in (*shown, visitor.client.get(address).text):
        assert "\\x1b[31m\\u202egnp.png" in text
        assert not {*text} & {*"\x1b\u202e"}


def test_the_browser_keeps_pictures_as_long_as_their_content_is_the_same(reader):
    cell = reader.get("/api/cells", ids="2").json()["cells"][0]
    small = reader.get("/pictures/2/small", v=cell["v"])
    assert (small.status_code, small.headers["content-type"]) == (200, "image/png")
    assert "immutable" in small.headers["cache-control"]
    assert "immutable" not in reader.get("/pictures/2/small", v="other").headers["cache-control"]


def test_pictures_are_served_by_number_alone(reader):
    assert reader.get("/heat/2").headers["content-type"] == "image/jpeg"
    assert reader.get("/pictures/2/full").headers["content-type"] == "image/png"
    for path in (
        "/pictures/2/huge",
        "/pictures/../small",
        "/pictures/..%2f..%2fsoart.db/small",
        "/pictures/2/../../soart.db",
        "/pictures/-1/small",
    ):
        assert reader.get(path).status_code == 404, path
    for number in (999, 2**62, "9" * 5000):
        for path in ("pictures/{}/small", "heat/{}", "detail/{}", "phrases/{}", "download/{}"):
            assert reader.get(f"/{path.format(number)}").status_code == 404, path
    assert reader.client.get(f"/c/{'9' * 5000}/gallery").status_code == 404


def test_a_deleted_file_is_reported_and_its_ratings_stay(visitor, folder):
    with Collection(folder) as collection:
        collection.locate(collection.images()[4]).unlink()
    answer = visitor.get("/pictures/5/small")
    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["error"]
    assert "cannot be read" in visitor.get("/detail/5").text
    assert visitor.send("rate", image=5, stars=4).status_code == 200


@pytest.mark.parametrize(("params", "count"), [
    ({}, 40), ({"words": "red"}, 20), ({"words": "red -7"}, 16), ({"rated": "liked"}, 1), ({"since": "2999-01-01"}, 0),
    ({"sort": "rating"}, 40),
])  # fmt: skip
def test_pictures_are_filtered(visitor, params, count):
    visitor.send("rate", image=7, stars=5)
    assert len(visitor.get("/api/ids", **params).json()["ids"]) == count


@pytest.mark.parametrize("wrong", [{"sort": "x"}, {"low": "x"}, {"since": "yesterday"}, {"by": "zoe"}, {"rated": "9"}])
def test_wrong_queries_are_refused(reader, wrong):
    assert reader.get("/api/ids", **wrong).status_code == 400


@pytest.mark.parametrize(("query", "named"), [
    ({"rated": "7"}, "rated=7"), ({"since": "99"}, "since=99"), ({"sort": "abc"}, "sort=abc"), ({"low": "x"}, "low=x"),
    ({"high": "900"}, "high=900"), ({"by": "zoe", "stacks": "hue"}, "stacks=hue, by=zoe"),
    ({"damage": "rain", "shown": "x"}, "shown=x, damage=rain"), ({"until": "<b>"}, "until=&lt;b&gt;"),
    ({"word": "fox", "rated": "7"}, "rated=7, word=fox"), ({"<b>" * 20: "x"}, "&lt;b&gt;" * 13 + "&lt;=x"),
])  # fmt: skip
def test_filters_of_an_address_that_are_not_known_are_named(reader, query, named):
    assert f"left out: {named}." in reader.get("/gallery", **query).text
    known = {
        "rated": "4",
        "since": "2026-01-31",
        "sort": "rating",
        "low": "10",
        "by": "technical",
        "words": "x",
        "token": "old",
    }
    assert "left out" not in reader.get("/gallery", **known).text
    form = reader.get("/gallery").text.partition('class="filter"')[2].partition("</form>")[0]
    assert set(re.findall(r'<(?:input|select)[^>]*? name="(\w+)"', form)) == FILTERS


def test_filters_that_are_left_out_are_not_sent_by_the_form(reader):
    page = reader.get("/gallery", high="500", low="20", since="yesterday", words="thing", by="zoe").text
    assert "left out: by=zoe, high=500, since=yesterday." in page
    fields = dict(re.findall(r'<input type="(?:search|number|date)" name="(\w+)"[^>]*? value="([^"]*)"', page))
    assert fields == {"words": "thing", "low": "20", "high": "", "since": "", "until": ""}
    assert '<option value="overall" selected data-title="overall score"' in page


def test_a_tag_that_no_picture_bears_still_filters(reader):
    page = reader.get("/gallery", tag="none", album="nor this").text
    assert "left out" not in page
    assert '<option value="none" selected>none (0)</option>' in page
    assert '<option value="nor this" selected>nor this (0)</option>' in page


def test_wrong_numbers_of_pictures_and_jobs_are_refused(reader):
    assert reader.get("/api/cells", ids="1,x").status_code == 400
    assert reader.post("/c/0/api/jobs/cancel", {"job": 99}).json()["error"] == "This job has already ended."


def test_all_pictures_are_scored_and_sorted_by_score(visitor):
    assert visitor.post("/c/0/api/score", {"by": "technical"}).status_code == 200
    assert visitor.wait_for("score:")["message"].startswith("40 pictures scored")
    ids = visitor.get("/api/ids", by="technical", sort="score", low="50").json()["ids"]
    assert len(ids) == 20
    cells = visitor.get("/api/cells", ids=",".join(map(str, ids)), by="technical").json()["cells"]
    assert [cell["id"] for cell in cells] == ids
    assert cells[0]["score"] == max(cell["score"] for cell in cells)
    assert min(cell["percentile"] for cell in cells) > 49
    assert "better than" in visitor.get("/detail/2", by="technical").text


def test_a_judge_that_is_gone_is_named_and_no_other_stands_in_for_it(reader):
    page = reader.get("/detail/2", by="zoe").text
    assert "There is no taste &#39;zoe&#39;" in page
    assert 'class="score num"' not in page
    assert "Size" in page


def test_the_first_and_the_last_day_are_days(reader):
    everything = reader.get("/api/ids").json()["ids"]
    assert reader.get("/api/ids", since="0001-01-01", until="9999-12-31").json()["ids"] == everything
    assert reader.get("/api/ids", since="9999-12-31").json()["ids"] == []
    assert reader.get("/api/ids", until="0001-01-01").json()["ids"] == []


def test_the_words_of_a_filter_are_limited(reader):
    most = reader.get("/api/ids", words=" ".join(["thing"] * MOST_WORDS))
    assert len(most.json()["ids"]) == 39
    for path in ("/api/ids", "/api/pool"):
        refused = reader.get(path, words="thing " * (MOST_WORDS + 1))
        assert refused.status_code == 400
        assert refused.json()["error"] == "Expected at most 50 words to search for, got 51."


def test_the_field_finds_what_the_command_finds(visitor, folder):
    nothing = visitor.get("/api/ids", words="dogge").json()
    assert nothing["ids"] == []
    assert nothing["note"].startswith(
        "No prompt, tag or file name has 'dogge', and pictures cannot tell it: the nearest known are"
    )
    city = visitor.get("/api/ids", words="things in a city").json()
    assert city["ids"] == visitor.get("/api/ids", words="things").json()["ids"] != []
    assert city["note"].startswith("No prompt, tag or file name has 'city', ")
    assert city["note"].endswith(". The other words are searched.")
    before = visitor.get("/api/ids", words="owl -red").json()
    assert (before["ids"], before["unseen"]) == ([], 20)
    assert visitor.send("look", words="owl -red").status_code == 200
    visitor.wait_for("look")
    after = visitor.get("/api/ids", words="owl -red").json()
    assert "unseen" not in after
    assert [str(image) for image in after["ids"]] == [*after.get("evidence", {})]
    faces = visitor.get("/api/ids", faces="0").json()
    assert (faces["ids"], faces["unseen"]) == ([], 40)
    visitor.send("look", faces="0")
    visitor.wait_for("look")
    seen = visitor.get("/api/ids", faces="0").json()
    assert len(seen["ids"]) == 40 - seen.get("unseen", 0) >= 39
    assert visitor.get("/api/ids", faces="1").json()["ids"] == []


def test_more_like_this(visitor, folder):
    with Collection(folder) as collection:
        rows = collection.images()
        answer = visitor.get("/api/ids", like=str(rows[0].id))
        assert (answer.status_code, "not measured yet" in answer.text) == (400, True)
        stored, _ = measure(collection, rows, TechnicalJudge.load())
    ids = visitor.get("/api/ids").json()["ids"]
    like = next(iter(stored))
    found = visitor.get("/api/ids", like=str(like)).json()["ids"]
    assert found[0] == like
    assert sorted(found) == sorted(ids)
    items = np.stack([stored[image] for image in found if image in stored and image != like])
    alike = likeness(items, stored[like][None], taste_extractor().names)
    assert (np.diff(alike) <= 1e-9).all()
    assert f'href="/c/0/gallery?like={like}"' in visitor.get(f"/detail/{like}").text
    for bad in ("x", "1e3", "9" * 30, "9" * 5000, str(2**63)):
        refused = visitor.get("/api/ids", like=bad)
        assert refused.status_code == 400, bad
        assert "Expected a whole number as the picture's number" in refused.json()["error"]
    for missing in ("999", "-1", str(2**63 - 1)):
        assert visitor.get("/api/ids", like=missing).status_code == 404, missing


def test_values_of_judges_sort_and_filter(visitor, folder, make_drawn):
    name = "judge:clip:a/b@1"
    with Collection(folder) as collection:
        pictures = collection.ids()
        collection.set_scores(name, {image: -float(image) for image in pictures})
    assert visitor.get("/api/ids", sort="score", by=name).json()["ids"][: len(pictures)] == sorted(pictures)
    assert visitor.get("/api/ids", by=name, low="100").json()["ids"] == [min(pictures)]
    answer = visitor.get("/api/cells", ids="2", by=name).json()
    assert (answer["cells"][0]["score"], answer["points"]) == (-2, False)
    assert visitor.get("/api/cells", ids="3", by="technical").json()["points"]
    assert ">clip:a/b<" in visitor.get("/gallery").text.replace(" (1 to score)", "")
    assert visitor.get("/heat/2", by=name).status_code == 200
    page = visitor.get("/detail/2", by=name).text
    shown = re.findall(r'class="score num"><b>([^<]+)</b> <span class="dim">([^<]+)', page)
    assert shown[0] == ("−2", "clip:a/b, better than 96 % of the collection")
    assert shown[1][1] == "technical quality"
    with Collection(folder) as collection:
        added, _ = collection.add_drawn([make_drawn(1), make_drawn(2)], "m", "s")
    page = visitor.get(f"/detail/{added.id}", by=name).text
    assert "clip:a/b: no value for this picture" in page
    assert "technical quality" in page


def test_judged_by_a_judge_of_another_package(package, visitor, folder):
    page = visitor.get("/gallery").text
    assert '<option value="redness"' in page
    assert "redness (acme-judge 2.5)" in page
    assert "Choose Judge pictures… and adherence first" in page
    assert visitor.send("judge", judge="redness", filters={"words": "red"}).status_code == 200
    job = visitor.wait_for("judge:")
    assert (job["message"], job["judged"]) == ("redness: 20 of 20 pictures judged.", "judge:redness@1")
    visitor.send("judge", judge="redness", filters={})
    assert visitor.wait_for("judge:")["message"] == "redness: 40 of 40 pictures judged."
    ids = visitor.get("/api/ids", by="judge:redness@1", sort="score").json()["ids"]
    red = visitor.get("/api/ids", words="red").json()["ids"]
    assert set(ids[:20]) == set(red)
    for judge, message in (("acme_judge:Redness", "register it as an entry point"), ("nope", "judge")):
        refused = visitor.send("judge", judge=judge, filters={})
        assert refused.status_code == 400
        assert message in refused.json()["error"]
    assert not any("acme" in job["key"] or "nope" in job["key"] for job in visitor.get("/api/jobs").json()["jobs"])
    assert visitor.send("judge", judge="redness", filters=[]).status_code == 400


def test_asked_for_not_shown(visitor, folder):
    assert "choose Judge pictures" in visitor.get("/api/ids", shown="no").json()["error"]
    with Collection(folder) as collection:
        pictures = collection.ids()
        collection.set_scores("judge:adherence@1", {2: 0.02, 3: 0.49, 4: 0.9})
    # The third is not sure.
    assert visitor.get("/api/ids", shown="no").json()["ids"] == [2]
    assert visitor.get("/api/ids", shown="yes").json()["ids"] == [4]
    assert len(visitor.get("/api/ids", shown="").json()["ids"]) == len(pictures)
    assert visitor.get("/api/ids", shown="x").status_code == 400
    assert "asked for, not shown" in visitor.get("/gallery", shown="no").text


def test_phrases_of_a_judged_picture(visitor, folder, make_drawn):
    with Collection(folder) as collection:
        collection.add_drawn([make_drawn(1, "a fox, red, <script>alert(1)</script>")], "m", "s")
        image = max(collection.ids())
    assert "data-phrases" in visitor.get(f"/detail/{image}").text
    assert visitor.get(f"/phrases/{image}").text.strip() == ""
    visitor.send("judge", judge="adherence", filters={"words": "fox"})
    assert visitor.wait_for("judge:")["message"] == "adherence: 1 of 1 picture judged."
    found = visitor.get(f"/phrases/{image}").text
    assert "Matches its prompt" in found
    assert re.search(r'<li class="(up|down|dim)">((no )?fox seen|fox uncertain): 0\.\d\d</li>', found)
    assert '<li class="dim">cannot tell' in found
    assert "<script>" not in found
    assert visitor.get("/phrases/99").status_code == visitor.get("/detail/99").status_code == 404


@pytest.fixture
def prompts(folder):
    """Twelve further pictures of three prompts; ids of each, oldest first."""
    rng = np.random.default_rng(5)
    with Collection(folder) as collection:
        drawn = [
            DrawnPicture(
                Request(f"a fox in {color}", 100 + i, width=16, height=16),
                rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), None, 0.1,
            )
            for color in ("red", "green", "blue")
            for i in range(4)
        ]  # fmt: skip
        ids = [row.id for row in collection.add_drawn(drawn, "m", "s")]
        collection.set_scores(TechnicalJudge.load().stored_name, {ids[2]: 90.0, ids[0]: 80.0, ids[5]: 70.0})
    return [ids[:4], ids[4:8], ids[8:]]


def test_stacks_hold_their_pictures_under_the_best(visitor, folder, prompts):
    red, green, blue = prompts
    answer = visitor.get("/api/ids", stacks="prompt", by="technical").json()
    assert answer["stacks"] == [[red[2], red[0], red[1], red[3]], [green[1], green[0], *green[2:]], blue]
    # The newest first: blue, then green, then red, then forty pictures of one prompt each.
    assert answer["ids"][:3] == [blue[0], green[1], red[2]]
    assert len(answer["ids"]) == 43
    # Filters and orders go on working.
    answer = visitor.get("/api/ids", stacks="prompt", by="technical", words="fox -green", up="1").json()
    assert answer["ids"] == [red[2], blue[0]]
    answer = visitor.get("/api/ids", stacks="prompt", by="technical", sort="score", words="fox").json()
    assert answer["ids"] == [red[2], green[1], blue[0]]
    # One picture of a stack that passes a filter is no stack.
    answer = visitor.get("/api/ids", stacks="prompt", by="technical", low="99", high="100").json()
    assert answer == {"ids": [red[2]], "stacks": []}
    # The pictures of one stack alone.
    spread = visitor.get("/api/ids", stacks="prompt", by="technical", stack=str(green[3])).json()
    assert spread == {"ids": green[::-1], "stacks": []}
    # A correction parts a stack.
    with Collection(folder) as collection:
        mark_distinct(collection, blue[:1], blue[1:])
    for judge in ({}, {"by": "person:ann"}):
        answer = visitor.get("/api/ids", stacks="burst", words="blue", **judge).json()
        assert answer == {"ids": [blue[1], blue[0]], "stacks": [blue[1:]]}


def test_stacks_that_cannot_be_made_are_refused(reader):
    answer = reader.get("/api/ids", stacks="look-alike")
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "Look-alikes need an evaluation: choose Evaluate first.",
    )
    assert reader.get("/api/ids", stacks="colour").status_code == 400
    assert reader.get("/api/ids", stacks="prompt", stack="x").status_code == 400


def test_look_alikes_lie_on_each_other_after_an_evaluation(visit, make_measured, tmp_path):
    visitor = visit(collections=[make_measured(tmp_path / "untidy")])
    visitor.send("evaluate")
    visitor.wait_for("evaluate")
    stacks = visitor.get("/api/ids", stacks="look-alike", by="technical").json()["stacks"]
    assert [sorted(stack) for stack in sorted(stacks)] == [[5, 17], [6, 18]]
    # The larger one on top, as everywhere.
    assert [stack[0] for stack in sorted(stacks)] == [5, 6]


def test_dates_are_shown_in_local_time(visitor, folder):
    with Collection(folder) as collection, collection.session("be written", write=True) as session:
        session.execute(update(ImageRow).values(created_at=dt.datetime(2026, 3, 1, 20, 30, tzinfo=dt.UTC)))
    with local_time("Pacific/Kiritimati"):
        stamp = '<time datetime="2026-03-01T20:30:00Z" data-form="YYYY-MM-DD'
        added = f'<dt>Added</dt><dd class="num">{stamp} hh:mm">2026-03-02 10:30</time></dd>'
        assert added in visitor.get("/detail/1").text
        day = f'{stamp}">2026-03-02</time>'
        assert f"{day} to {day}" in visitor.client.get("/collections").text
        assert len(visitor.get("/api/ids", since="2026-03-02").json()["ids"]) == 40
        assert visitor.get("/api/ids", until="2026-03-01").json()["ids"] == []


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Pacific/Kiritimati", 2),
        ("Pacific/Honolulu", 1),
        ("", 1),
        ("../etc", 1),
        ("No/Where", 1),
        ("\0", 1),
        ("a" * 999, 1),
    ],
)
def test_days_of_a_filter_are_those_of_the_zone_of_the_browser(visitor, folder, zone, day):
    with Collection(folder) as collection, collection.session("be written", write=True) as session:
        session.execute(update(ImageRow).values(created_at=dt.datetime(2026, 3, 1, 20, 30, tzinfo=dt.UTC)))
    with local_time("UTC"):
        for number in (1, 2):
            date = f"2026-03-0{number}"
            found = visitor.get("/api/ids", since=date, until=date, zone=zone).json()["ids"]
            assert len(found) == 40 * (number == day)
        assert len(visitor.get("/api/ids", since="0001-01-01", until="9999-12-31", zone=zone).json()["ids"]) == 40


def test_buttons_of_the_viewer_without_words_have_tooltips_and_signs_of_their_own(reader):
    viewer = reader.get("/gallery").text.split('<dialog id="viewer"')[1].split("</dialog>")[0]
    buttons = re.findall(r"<button ([^>]*)>([^<]*)</button>", viewer)
    signs = [sign for _, sign in buttons if not sign[:1].isdigit()]
    assert len(set(signs)) == len(signs) == 7
    assert all("title=" in attributes for attributes, sign in buttons if sign in signs)
