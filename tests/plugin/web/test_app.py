"""The web application without a browser: who may ask what, and what is answered."""

import sqlite3
import time
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from soart.pipelines.collection import database
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.collection.tables import MetadataRow
from soart.plugin.web.app import create_app
from soart.plugin.web.security import allowed_host, same, signing_key

VIEWS = ("gallery", "rate", "compare", "tune", "taste", "attention", "evaluate")


def wait(visitor, key, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = [job for job in visitor.get("/api/jobs").json()["jobs"] if job["key"].startswith(key)]
        if found and not found[-1]["live"]:
            return found[-1]
        time.sleep(0.05)
    raise AssertionError(f"{key} never ended")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_a_page_with_nothing_inline_or_from_outside(visitor, view):
    answer = visitor.client.get(f"/c/0/{view}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inline in (" style=", "onclick", "javascript:", "<style", "http://", "https://", "//cdn"):
        assert inline not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script type="module" src="/static/')


def test_the_first_page_is_the_gallery_of_the_only_collection_else_the_list(client, settings, tmp_path):
    assert client.get("/").headers["location"] == "/c/0/gallery"
    Collection(tmp_path / "second").close()
    with TestClient(
        create_app(replace(settings, collections=[*settings.collections, tmp_path / "second"])),
        base_url="http://localhost",
        follow_redirects=False,
    ) as two:
        assert two.get("/").headers["location"] == "/collections"
        page = two.get("/collections").text
        assert ">things</a>" in page
        assert ">second</a>" in page
        assert "This collection is empty" in two.get("/c/1/gallery").text
        assert two.get("/c/1/api/ids").json() == {"ids": []}


def test_strangers_words_stay_text(visitor):
    cells = visitor.get("/api/cells", ids="1").json()["cells"]
    assert cells[0]["title"].startswith("<img src=x")
    page = visitor.get("/detail/1").text
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_what_other_tools_told_is_shown_as_text(visitor, folder, paint, tmp_path):
    with Collection(folder) as collection:
        row, _ = collection.add_file(next(paint(tmp_path / "found", 1, 3, vivid=True).iterdir()))
        told = {
            "tool": "Fooocus",
            "prompt": "<b>a castle",
            "seed": "7",
            "guidance": 4.0,
            "settings": '{"<i>style": "<u>x"}',
        }
        with collection.session("be written", write=True) as session:
            session.add(MetadataRow(image_id=row.id, source="png", **told))
    assert visitor.get("/api/cells", ids=str(row.id)).json()["cells"][0]["title"] == "<b>a castle"
    assert visitor.get("/api/ids", words="castle").json() == {"ids": [row.id]}
    page = visitor.get(f"/detail/{row.id}").text
    for text in (
        "&lt;b&gt;a castle</h2>",
        "<dd>7</dd>",
        "<dt>&lt;i&gt;style</dt><dd>&lt;u&gt;x</dd>",
        "<dd>Fooocus</dd>",
    ):
        assert text in page


def test_pictures_are_served_by_number_alone_and_kept_by_the_browser(visitor, folder):
    cell = visitor.get("/api/cells", ids="2").json()["cells"][0]
    small = visitor.get("/pictures/2/small", v=cell["v"])
    assert (small.status_code, small.headers["content-type"]) == (200, "image/png")
    assert "immutable" in small.headers["cache-control"]
    assert "immutable" not in visitor.get("/pictures/2/small", v="other").headers["cache-control"]
    assert visitor.get("/heat/2").headers["content-type"] == "image/jpeg"
    for path in (
        "/pictures/../small",
        "/pictures/..%2f..%2fsoart.db/small",
        "/pictures/2/../../soart.db",
        "/pictures/-1/small",
        "/pictures/999/small",
    ):
        assert visitor.get(path).status_code == (400 if "999" in path else 404), path
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/soart.db",
        "/c/0/soart.db",
        "/c/7/gallery",
        "/c/-1/gallery",
    ):
        assert visitor.client.get(path).status_code == 404, path


def test_a_deleted_file_is_said_and_its_ratings_stay(visitor, folder):
    with Collection(folder) as collection:
        collection.locate(collection.images()[4]).unlink()
    answer = visitor.get("/pictures/5/small")
    assert answer.status_code == 404
    assert "cannot be read" in answer.json()["error"]
    assert "cannot be read" in visitor.get("/detail/5").text
    assert visitor.say("rate", image=5, stars=4).status_code == 200
    assert visitor.say("rate", image=999, stars=4).json()["error"].startswith("There is no picture 999")


def test_what_changes_something_needs_the_token_from_this_site(visitor, folder):
    body = {"rater": "me", "image": 1, "stars": 5}
    path = "/c/0/api/rate"
    assert visitor.client.post(path, json=body).status_code == 403
    assert visitor.client.post(path, json=body, headers={"x-csrf-token": "guess"}).status_code == 403
    assert visitor.post(path, body, origin="http://evil.example").status_code == 403
    assert visitor.post(path, body, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert visitor.post(path, body, host="evil.example").status_code == 403
    assert visitor.client.get("/c/0/gallery", headers={"host": "evil.example"}).status_code == 403
    assert visitor.post(path, {**body, "junk": "x" * 1_100_000}).status_code == 403
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {}
    assert visitor.post(path, body, origin="http://127.0.0.1").status_code == 200
    assert visitor.client.get("/c/0/api/rate").status_code == 405


@pytest.mark.parametrize(("host", "good"), [
    ("127.0.0.1:8700", True), ("localhost", True), ("[::1]:80", True), ("192.168.0.7:8700", True), ("gallery.lan", True),
    ("evil.example", False), ("", False), ("localhost.evil.example", False), ("[junk", False),
])  # fmt: skip
def test_host_names(host, good):
    assert allowed_host(host, frozenset({"gallery.lan"})) is good


def test_the_password_keeps_everything_shut(settings):
    with TestClient(
        create_app(replace(settings, password="öffne dich")), base_url="http://127.0.0.1", follow_redirects=False
    ) as client:
        html = {"accept": "text/html"}
        for path in ("/", "/c/0/gallery", "/collections"):
            assert client.get(path, headers=html).headers["location"] == "/login"
        for path in ("/c/0/api/ids", "/c/0/pictures/1/small", "/c/0/detail/1"):
            assert client.get(path).status_code == 401
        page = client.get("/login", headers=html).text
        token = {"x-csrf-token": page.split('data-csrf="')[1].split('"')[0]}
        assert client.post("/c/0/api/rate", json={"image": 1, "stars": 1}, headers=token).status_code == 401
        wrong = client.post("/login", json={"password": "sesame"}, headers=token)
        assert wrong.json() == {"error": "That is not the password."}
        assert client.post("/login", json=[], headers=token).status_code == 400
        assert client.get("/c/0/api/ids").status_code == 401
        assert client.post("/login", json={"password": "öffne dich"}, headers=token).status_code == 200
        assert client.get("/c/0/api/ids").status_code == 200
        assert client.post("/logout", json={}, headers=token).status_code == 200
        assert client.get("/c/0/api/ids").status_code == 401


def test_signing_keys_last_and_change_with_the_password(tmp_path):
    first = signing_key("a", tmp_path)
    assert signing_key("a", tmp_path) == first
    assert signing_key("b", tmp_path) != first
    assert (tmp_path / "web-secret").stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    # Where nothing can be kept, each start has a key of its own.
    assert signing_key("a", tmp_path / "file") != signing_key("a", tmp_path / "file")
    assert same("ä", "ä")
    assert not same("a", "b")


def test_raters_never_overwrite_each_other(visitor, app, folder, visit):
    other = visit()
    assert other.post("/rater", {"rater": "  Ann   Lee "}).json() == {"rater": "Ann Lee"}
    assert visitor.say("rate", image=2, stars=1).status_code == 200
    assert other.post("/c/0/api/rate", {"rater": "Ann Lee", "image": 2, "stars": 5}).json()["before"] is None
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {2: 1.0}
        assert ratings(collection, "Ann Lee") == {2: 5.0}
    assert "Ann Lee: 5, me: 1" in visitor.get("/detail/2").text
    # A page opened under another name must not speak for this one.
    refused = other.post("/c/0/api/rate", {"rater": "me", "image": 2, "stars": 3})
    assert refused.status_code == 400
    assert "reload it" in refused.json()["error"]
    for name in ("", "../x", "<b>", "x" * 80, "technical", "blur"):
        assert other.post("/rater", {"rater": name}).status_code == 400


def test_rating_and_progress(visitor, folder):
    first = visitor.get("/api/queue", count=5).json()
    assert len(first["cells"]) == 5
    assert first["progress"]["pictures"] == 40
    image = first["cells"][0]["id"]
    assert visitor.say("rate", image=image, stars=4).json() == {"before": None, "stars": 4}
    # The second tab hears what the first one said.
    assert visitor.say("rate", image=image, stars=2).json() == {"before": 4, "stars": 2}
    assert image not in [cell["id"] for cell in visitor.get("/api/queue", count=30).json()["cells"]]
    assert visitor.get("/api/progress").json()["rated"] == 1
    assert visitor.say("rate", image=image, stars=None).json()["before"] == 2
    for wrong in (
        {"image": image, "stars": 7},
        {"image": "x", "stars": 1},
        {"image": image, "stars": True},
        {"image": 1.5, "stars": 1},
    ):
        assert visitor.say("rate", **wrong).status_code == 400
    assert (
        visitor.client.post("/c/0/api/rate", content=b"{", headers={"x-csrf-token": visitor.token}).status_code == 400
    )


def test_a_locked_database_is_said_and_the_same_request_works_later(monkeypatch, folder, visit):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.1)
    visitor = visit(fresh=True)
    with sqlite3.connect(folder / "soart.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = visitor.say("rate", image=3, stars=5)
        assert answer.status_code == 503
        assert "locked" in answer.json()["error"]
        # Reading goes on meanwhile.
        assert visitor.get("/api/ids").status_code == 200
        other.execute("ROLLBACK")
    assert visitor.say("rate", image=3, stars=5).status_code == 200


def test_queries_of_the_gallery(visitor):
    visitor.say("rate", image=7, stars=5)
    for params, count in (
        ({}, 40),
        ({"words": "red"}, 20),
        ({"words": "red -7"}, 16),
        ({"rated": "liked"}, 1),
        ({"since": "2999-01-01"}, 0),
        ({"sort": "rating"}, 40),
    ):
        assert len(visitor.get("/api/ids", **params).json()["ids"]) == count, params
    assert visitor.post("/c/0/api/score", {"profile": "technical"}).status_code == 200
    assert wait(visitor, "score:")["message"].startswith("40 pictures scored")
    found = visitor.get("/api/ids", profile="technical", sort="score", low="50").json()["ids"]
    assert len(found) == 20
    cells = visitor.get("/api/cells", ids=",".join(map(str, found)), profile="technical").json()["cells"]
    assert [c["id"] for c in cells] == found
    assert cells[0]["score"] == max(c["score"] for c in cells)
    assert min(c["percentile"] for c in cells) > 49
    for wrong in ({"sort": "x"}, {"low": "x"}, {"since": "yesterday"}, {"profile": "zoe"}, {"rated": "9"}):
        assert visitor.get("/api/ids", **wrong).status_code == 400, wrong
    assert visitor.get("/api/cells", ids="1,x").status_code == 400
    assert visitor.post("/c/0/api/jobs/cancel", {"job": 99}).json()["error"] == "This work is over already."


def test_comparing_to_a_clear_order(visitor, folder):
    ids = visitor.get("/api/pool", source="newest", count=5).json()["ids"]
    assert len(ids) == 5
    for number in range(60):
        state = visitor.get("/api/compare", ids=",".join(map(str, ids)), up=2).json()
        if state["clear"]:
            break
        first, second = sorted(cell["id"] for cell in state["ask"])
        said = visitor.say("compare", choice=f"c{number}", winner=second, losers=[first])
        assert said.json() == {"new": True}
    assert state["clear"]
    assert [cell["id"] for cell in state["order"]] == sorted(ids, reverse=True)
    assert visitor.say("compare/undo", choice=f"c{number - 1}").json() == {"taken": True}
    assert visitor.get("/api/compare", ids=",".join(map(str, ids))).json()["made"] == state["made"] - 1
    assert visitor.get("/api/pool", source="by:technical", count=4).json()["ids"] == []
    with Collection(folder) as collection:
        collection.set_scores("technical-2", {3: 1.0, 5: 3.0, 7: 2.0})
    assert visitor.get("/api/pool", source="by:technical", count=4).json()["ids"] == [5, 7, 3]
    assert len(visitor.get("/api/pool", source="any", count=4, words="red").json()["ids"]) == 4
    assert visitor.get("/api/pool", source="liked").json()["ids"] == []
    assert visitor.get("/api/compare", ids="1,2,999").status_code == 400
    assert visitor.say("compare", choice="c", winner=1, losers="2").status_code == 400


def test_a_taste_is_learnt_and_shown(visitor):
    assert "No taste yet" in visitor.get("/taste").text
    for image in range(1, 13):
        visitor.say("rate", image=image, stars=5 if image % 2 else 1)
    wait(visitor, "learn:")
    page = visitor.get("/taste").text
    assert "Most to this taste" in page
    assert "Learning curve" in page
    assert visitor.get("/api/progress").json()["word"]
    assert visitor.post("/c/0/api/learn").status_code == 200
    wait(visitor, "learn:")
    assert visitor.get("/taste", name="zoe").status_code == 400


def test_attention_tables_of_words_ratings_and_folders(visitor, folder, tmp_path, paint, visit, settings):
    ask = {"first": "B", "second": "D", "source": "words", "text": "red grey"}
    assert visitor.get("/api/attention").json() == {"report": None}
    assert visitor.post("/c/0/api/attention", ask).status_code == 200
    assert wait(visitor, "attention")["state"] == "done"
    report = visitor.get("/api/attention").json()["report"]
    assert report["names"] == ["B", "D"]
    table = report["tables"]["difference"]
    assert len(table["values"]) == len(table["rows"])
    assert set(table["columns"]) == {"grey", "red"}
    assert visitor.post("/c/0/api/attention", {**ask, "source": "ratings"}).status_code == 200
    assert "two kinds" in wait(visitor, "attention")["message"]
    for name in ("one", "two"):
        paint(tmp_path / name, 5, 1, vivid=name == "one")
    folders = {**ask, "source": "folders", "text": f"{tmp_path / 'one'}\n{tmp_path / 'two'}"}
    assert visitor.post("/c/0/api/attention", folders).status_code == 200
    assert wait(visitor, "attention")["state"] == "done"
    assert visitor.post("/c/0/api/attention", {**folders, "text": "/nowhere"}).status_code == 400
    assert visitor.post("/c/0/api/attention", {**folders, "text": str(tmp_path)}).status_code == 400
    far = visit(local=False)
    assert "this machine alone" in far.post("/c/0/api/attention", folders).json()["error"]


def test_a_tune_from_start_to_findings(visitor):
    assert visitor.get("/api/tune").json()["state"] == "idle"
    assert "not judged yet" in visitor.get("/tune/findings").text
    assert visitor.post("/c/0/api/tune/resume").status_code == 400
    for wrong in (
        {"text": ""},
        {"text": "a {fox"},
        {"text": "a boat", "budget": 1},
        {"text": "a boat", "profiles": {"zoe": 1}},
        {"text": "a boat", "raters": {"me": "x"}},
    ):
        assert visitor.post("/c/0/api/tune/start", wrong).status_code == 400, wrong
    space = "template: a {palette} {thing}\nslots:\n  palette: [red, <b>blue</b>, grey]\n  thing: [boat, fox]\n  steps: ['1']\n"
    body = {
        "text": space,
        "budget": 12,
        "profiles": {"technical": 1},
        "raters": {"me": 1},
        "pareto": True,
        "prune": False,
    }
    assert visitor.post("/c/0/api/tune/start", body).json()["state"] == "running"
    deadline = time.monotonic() + 60
    while (state := visitor.get("/api/tune").json())["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert state["state"] == "ended"
    assert state["found"]
    assert len(state["pictures"]) == state["done"] <= 12
    page = visitor.get("/tune/findings").text
    assert "Best prompts" in page
    assert "&lt;b&gt;blue&lt;/b&gt;" in page
    assert "<b>blue" not in page
    narrowed = visitor.post("/c/0/api/tune/narrow", {"bans": ["palette=red"], "pins": []}).json()
    assert narrowed["bans"] == ["palette=red"]
    assert visitor.post("/c/0/api/tune/narrow", {"bans": ["palette=plaid"], "pins": []}).status_code == 400
    assert visitor.post("/c/0/api/tune/narrow", {"bans": "palette=red"}).status_code == 400
    assert visitor.post("/c/0/api/tune/pause").status_code == 200


def test_mistakes_of_scripts_are_json_and_of_people_pages(visitor):
    assert visitor.client.get("/nothing").json() == {"error": "There is nothing at this address."}
    page = visitor.client.get("/nothing", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "Back to the pictures" in page.text
