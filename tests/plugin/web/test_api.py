"""The interface for other programs, and the script for web UIs that uses it."""

import ast
import base64
import io
import json
import runpy
import socket
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from specimens.webui import Component, drawn, web_ui
from starlette.testclient import TestClient

from soart.errors import ImageError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.services import outside
from soart.plugin.web.answers import json_object
from soart.plugin.web.app import create_app, make_server

API_TOKEN = "a" * 43
SCRIPT = Path(__file__).parents[3] / "examples/webui/scripts/soart_taste.py"


def encoded(seed=0, side=24):
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


@pytest.fixture
def served(settings):
    app = create_app(replace(settings, api_token=API_TOKEN))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5000), follow_redirects=False) as client:
        yield client


def bearer(token=API_TOKEN, **headers):
    return {"Authorization": f"Bearer {token}", **headers}


def test_names_scores_and_ratings(served, folder):
    names = served.get("/api/v1/names", headers=bearer()).json()
    assert (names["tastes"], names["rater"]) == ([], "me")
    assert {"overall", "technical"} <= set(names["judges"])
    pictures = [{"picture": encoded(seed), "prompt": "a fox"} for seed in range(3)]
    body = {"by": "technical", "pictures": pictures}
    scored = served.post("/api/v1/scores", json=body, headers=bearer()).json()
    assert scored["order"] == sorted(range(3), key=lambda number: -scored["scores"][number])
    assert all(len(texts) >= 1 for texts in scored["reasons"])
    before = json.dumps(scored["scores"])
    rated = [{**one, "stars": stars, "seed": 7, "steps": 20} for one, stars in zip(pictures, (5, None, 0), strict=True)]
    stored = served.post("/api/v1/ratings", json={"pictures": rated}, headers=bearer()).json()
    assert (stored["rater"], stored["rated"], len(set(stored["pictures"]))) == ("me", 1, 3)
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {stored["pictures"][0]: 5}
        row = next(row for row in collection.images() if row.id == stored["pictures"][0])
        assert (row.generation.prompt, row.generation.seed) == ("a fox", 7)
    # Scores are not stored, and the same picture again is the same row.
    assert json.dumps(served.post("/api/v1/scores", json=body, headers=bearer()).json()["scores"]) == before
    again = served.post("/api/v1/ratings", json={"pictures": rated}, headers=bearer()).json()
    assert again["pictures"] == stored["pictures"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Expected a list of 1 to 64 pictures"),
        ({"pictures": []}, "Expected a list of 1 to 64 pictures"),
        ({"pictures": [3]}, "Expected picture 1 as an object"),
        ({"pictures": [{"picture": "not base64!"}]}, "Picture 1 is not in base64"),
        ({"pictures": [{"picture": base64.b64encode(b"no picture").decode()}]}, "picture 1"),
        ({"pictures": [{"picture": encoded()}], "by": "os:system"}, "The interface has no judge 'os:system'"),
        ({"pictures": [{"picture": encoded()}], "by": "\ud800" * 99}, "The interface has no judge"),
        ({"pictures": [{"picture": encoded()}], "by": ["technical"]}, "Expected the name of a judge"),
        ({"pictures": [{"picture": encoded()}], "by": []}, "Expected the name of a judge"),
        ({"pictures": [{"picture": encoded(), "steps": -5}]}, "Picture 1: Expected steps in"),
        ({"pictures": [{"picture": encoded()}, {"picture": encoded(side=4)}]}, "Picture 2: Expected size in"),
        ({"pictures": [{"picture": encoded(), "seed": 10**400}]}, "Expected 'seed' of picture 1 as a number"),
        ({"pictures": [{"picture": encoded(), "guidance": "7"}]}, "Expected 'guidance' of picture 1 as a number"),
        ({"pictures": [{"picture": encoded(), "prompt": 5}]}, "Expected 'prompt' of picture 1 as text, got '5'"),
        (
            {"pictures": [{"picture": encoded(), "sampler": "\ud800"}]},
            "Expected 'sampler' of picture 1 as text in UTF-8",
        ),
    ],
)
def test_mistakes_are_one_sentence(served, body, message):
    # Not by the client's own JSON, which cannot write lone surrogates.
    answer = served.post("/api/v1/scores", content=json.dumps(body).encode(), headers=bearer())
    assert (answer.status_code, "\n" in answer.json()["error"]) == (400, False)
    assert message in answer.json()["error"]


def test_pictures_of_programs_are_decoded_where_those_of_the_collection_are(served, monkeypatch):
    [current] = served.app.state.server.collections

    def crash(content, label):
        raise ImageError(f"Decoding {label!r} crashed.")

    monkeypatch.setattr(current.collection, "decode", crash)
    for path, one in (("scores", {}), ("ratings", {"stars": 5})):
        body = {"by": "technical", "pictures": [{"picture": encoded(), **one}]}
        answer = served.post(f"/api/v1/{path}", json=body, headers=bearer())
        assert (answer.status_code, answer.json()["error"]) == (400, "Decoding 'picture 1' crashed.")


def test_base64_may_have_broken_lines_and_the_start_of_a_data_address(served):
    plain = encoded(3)
    broken = "\n".join(plain[start : start + 76] for start in range(0, len(plain), 76))
    body = {"by": "blur", "pictures": [{"picture": text} for text in (plain, broken, f"data:image/png;base64,{plain}")]}
    assert len(set(served.post("/api/v1/scores", json=body, headers=bearer()).json()["scores"])) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" + b"[]," * 10_000_000 + b"[]]", "too many values: send at most 200000"),
        (b"[" * 900 + b"]" * 900, "Expected a JSON object"),
        (b"[" * 100_000, "Expected a JSON object"),
        (b'{"pictures": ' + b"[" * 20 + b"]" * 20 + b"}", "nested too deeply: send at most 10 levels"),
        (b'{"by": {"a": ' + b'{"b": ' * 500 + b"1" + b"}" * 502, "nested too deeply"),
    ],
)
def test_hostile_json_is_refused_before_it_takes_time(served, body, message):
    begin = time.process_time()
    answer = served.post("/api/v1/scores", content=body, headers=bearer())
    # Thirty megabytes of lists take Python many seconds, in which no page is answered.
    assert time.process_time() - begin < 2
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_json_of_pages_may_be_as_large_as_their_requests():
    images = [*range(140_000)]
    assert json_object(json.dumps({"images": images}, separators=(",", ":")).encode()) == {"images": images}


def test_pictures_of_all_requests_share_a_budget_of_pixels(served, folder, monkeypatch):
    monkeypatch.setattr(outside, "_budget", outside.PixelBudget(2 * 24 * 24))
    [current] = served.app.state.server.collections
    decode, decoded, alive = current.collection.decode, [], []

    class Held(np.ndarray):
        """Pixels that can be counted."""

    def counted(content, label):
        picture = decode(content, label)
        held = picture.pixels.view(Held)
        decoded.append(weakref.ref(held))
        alive.append(sum(one() is not None for one in decoded))
        return replace(picture, pixels=held)

    pictures = [{"picture": encoded(seed), "prompt": "a fox", "stars": 4} for seed in range(8)]
    body = {"by": "overall", "pictures": pictures}
    alone = [
        served.post("/api/v1/scores", json={**body, "pictures": [one]}, headers=bearer()).json()["scores"][0]
        for one in pictures
    ]
    monkeypatch.setattr(current.collection, "decode", counted)
    with ThreadPoolExecutor(3) as pool:
        answers = [*pool.map(lambda _: served.post("/api/v1/scores", json=body, headers=bearer()).json(), range(3))]
    # Two are worked on, and the next one is decoded.
    assert len(decoded) == 24
    assert max(alive) <= 3
    for answer in answers:
        assert answer["scores"] == pytest.approx(alone, rel=1e-12)
        assert all(answer["reasons"])
    assert served.post("/api/v1/ratings", json=body, headers=bearer()).json()["rated"] == 8
    assert max(alive) <= 3


def test_a_picture_waits_until_the_budget_holds_it_and_a_larger_one_until_it_is_alone():
    budget, held, seen = outside.PixelBudget(10), [], []

    def work(side):
        with budget.holding(lambda: np.zeros((side, side, 3), np.uint8)):
            held.append(side)
            seen.append(sorted(held))
            time.sleep(0.02)
            held.remove(side)

    with ThreadPoolExecutor(9) as pool:
        [*pool.map(work, [2, 2, 2, 4, 2, 2, 4, 2, 2])]
    assert all(sides == [4] or sides in ([2], [2, 2]) for sides in seen)
    assert len(seen) == 9


def test_one_wrong_picture_stores_none_of_the_others(served, folder):
    pictures = [{"picture": text, "stars": 5} for text in (encoded(1), encoded(2), "bm8=")]
    answer = served.post("/api/v1/ratings", json={"pictures": pictures}, headers=bearer())
    assert (answer.status_code, answer.json()["error"].partition(" is")[0]) == (400, "'picture 3'")
    with Collection(folder) as collection:
        assert len(list(collection.images())) == 40


@pytest.mark.parametrize("stars", [6, -1, 0.5, 2.25, "5", True, [5]])
def test_wrong_stars_store_nothing(served, folder, stars):
    body = {"pictures": [{"picture": encoded(9), "stars": stars}]}
    assert served.post("/api/v1/ratings", json=body, headers=bearer()).status_code == 400
    with Collection(folder) as collection:
        assert len(list(collection.images())) == 40


def test_strangers_pages_and_other_machines_are_refused(served, app):
    get = served.get
    assert get("/api/v1/names").status_code == 401
    assert get("/api/v1/names", headers=bearer("b" * 43)).status_code == 401
    assert get("/api/v1/names", params={"token": API_TOKEN}).status_code == 401
    for headers in (
        {"Origin": "http://127.0.0.1"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin"}, {"X-Forwarded-For": "127.0.0.1"},
        {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "127.0.0.1/api"},
    ):  # fmt: skip
        assert get("/api/v1/names", headers=bearer(**headers)).status_code == 403, headers
    for client in (("10.0.0.2", 1), ("testclient", 1)):
        other = TestClient(served.app, base_url="http://127.0.0.1", client=client)
        assert other.get("/api/v1/names", headers=bearer()).status_code == 403
    # The owner of the pages is nobody here, the bearer nobody there, and without --api there is nothing.
    served.get("/", params={"token": "t" * 43})
    assert get("/c/0/gallery").status_code == 200
    assert get("/api/v1/names").status_code == 401
    stranger = TestClient(served.app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), follow_redirects=False)
    assert stranger.get("/c/0/api/ids", headers=bearer()).status_code == 401
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1), follow_redirects=False) as plain:
        assert plain.get("/api/v1/names", headers=bearer("")).status_code in (401, 404)
    assert get("/api/v1/nothing", headers=bearer()).status_code == 404
    assert get("/api/v1/scores", headers=bearer()).status_code == 405


def test_wrong_tokens_are_slowed_down_and_large_requests_refused(served):
    answers = [served.get("/api/v1/names", headers=bearer(f"guess {number}")).status_code for number in range(6)]
    assert answers[:3] == [401] * 3
    assert answers[-1] == 429
    other = TestClient(served.app, base_url="http://127.0.0.1", client=("127.0.0.9", 1))
    large = {**bearer(), "Content-Length": str(10**10)}
    assert other.post("/api/v1/scores", content=b"", headers=large).status_code == 413


@contextmanager
def listening(app):
    """An application on a real socket; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_the_script_for_web_uis_sorts_a_batch_and_rates_it(settings, folder):
    with web_ui(), listening(create_app(replace(settings, api_token=API_TOKEN))) as address:
        names = runpy.run_path(str(SCRIPT))
        script, token = names["Script"](), API_TOKEN
        script.ui(False)
        p = SimpleNamespace(prompt="a fox", seed=3, n_iter=4, batch_size=1, steps=20)
        processed = script.run(p, address, token, "technical", 3)
        # Without the grid, the best three, with the texts of each.
        assert len(processed.images) == 3
        assert processed.infotexts == [f"seed {seed}" for seed in processed.all_seeds]
        assert processed.comments.startswith("soart, best first: ")
        told = [float(score) for score in processed.comments.splitlines()[0].partition(": ")[2].split(", ")]
        assert told == sorted(told, reverse=True)
        rate, _ = Component.clicked
        assert "Give one number for each of the 3 pictures" in rate(address, token, "5 4")
        assert rate(address, token, "5 - 1") == "Stored for me: 2 rated in all."
        assert "Send the token" in rate(address, "wrong", "5 - 1")
        with Collection(folder) as collection:
            rated = {row.generation.seed: ratings(collection, "me").get(row.id) for row in collection.images() if row.generation and row.generation.prompt == "a fox"}  # fmt: skip
        assert rated == dict(zip(processed.all_seeds, (5, None, 1), strict=True))
        assert "Give one number for each" in rate(address, token, "5 x 1")
        # Whatever is wrong, the pictures that were drawn are shown.
        for wrong, by, said in (
            ("http://127.0.0.1:9", "technical", "soart does not answer at"),
            ("127.0.0.1:8700", "technical", "soart does not answer at 127.0.0.1:8700"),
            ("", "technical", "soart does not answer at"),
            (f"{address}/elsewhere", "technical", "soart: "),
            (address, "nobody", "soart: The interface has no judge 'nobody'"),
        ):
            unjudged = script.run(p, wrong, token, by, 0)
            assert len(unjudged.images) == 5
            assert said in unjudged.comments
            assert "\n" not in unjudged.comments.rstrip()


@pytest.fixture
def script():
    """The script, with its module's names as attributes, in a web UI."""
    with web_ui():
        yield SimpleNamespace(**runpy.run_path(str(SCRIPT)), state=sys.modules["modules.shared"].state)


def test_the_script_gives_the_token_of_the_environment_to_its_own_machine_alone(served, script, monkeypatch):
    monkeypatch.setenv("SOART_API_TOKEN", API_TOKEN)
    inputs = script.Script().ui(False)
    assert API_TOKEN not in str([vars(one) for one in inputs])
    assert [one.facts.label for one in inputs if getattr(one, "do_not_save_to_config", False)] == [
        "Token (empty: SOART_API_TOKEN)"
    ]
    with listening(served.app) as address:
        body = {"by": "technical", "pictures": [{"picture": encoded()}]}
        assert script.ask(address, "", "scores", body)["order"] == [0]
        with pytest.raises(RuntimeError, match="Send the token"):
            script.ask(address, "another", "scores", body)
    for elsewhere in ("http://127.0.0.1.evil.example:8700", "http://127.0.0.1@evil.example", "http://10.0.0.2:8700"):
        assert script.token_for(elsewhere, "") == ""
        assert script.token_for(elsewhere, " typed ") == "typed"
    with pytest.raises(RuntimeError, match="the token is damaged") as error:
        script.ask("http://127.0.0.1:9", "aaa\nbbb", "scores", {})
    assert "aaa" not in str(error.value)


def test_the_script_takes_no_token_along_to_where_it_is_redirected(script):
    seen = {}

    async def elsewhere(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        headers = dict(scope["headers"])
        seen[scope["path"]] = b"authorization" in headers
        location = b"http://localhost:%d/caught" % scope["server"][1]
        await send({"type": "http.response.start", "status": 302 if scope["path"] != "/caught" else 404, "headers": [(b"location", location), (b"content-length", b"0")]})  # fmt: skip
        await send({"type": "http.response.body", "body": b""})

    with listening(elsewhere) as address, pytest.raises(RuntimeError, match="it answered 404"):
        script.ask(address, API_TOKEN, "scores", {})
    assert seen == {"/api/v1/scores": True, "/caught": False}


def test_the_script_sorts_pictures_with_masks_and_maps_between_them(script):
    p = SimpleNamespace(prompt="a fox", seed=3, n_iter=3, batch_size=1, steps=20)
    processed = drawn(p)
    _, *pictures = processed.images
    mask = Image.new("RGB", (48, 48))
    processed.images = [processed.images[0], *(one for picture in pictures for one in (picture, mask)), mask]
    places = script.pictures_of(processed)
    assert [processed.images[place] for place in places] == pictures
    assert [one["seed"] for one in script.documents_of(processed, places)] == [3, 4, 5]
    script.sort(processed, places, [2, 0], [1.0, None, 3.0])
    assert processed.images == [pictures[2], pictures[0]]
    assert (processed.infotexts, processed.all_seeds) == (["seed 5", "seed 3"], [5, 3])
    facts = processed.info, processed.seed, processed.subseed, processed.comments
    assert facts == ("seed 5", 5, 0, "soart, best first: 3.0, 1.0\n")


def test_the_script_guesses_no_pictures_where_files_have_no_text(script, monkeypatch):
    processed = drawn(SimpleNamespace(prompt="a fox", seed=3, n_iter=2, batch_size=1, steps=20))
    for image in processed.images:
        image.info.clear()
    processed.images.append(Image.new("RGB", (48, 48)))
    monkeypatch.setitem(script.Script.run.__globals__, "process_images", lambda p: processed)
    assert script.Script().run(SimpleNamespace(batch_size=1), "", "", "technical", 0) is processed
    assert "soart cannot tell pictures from masks" in processed.comments


@pytest.mark.parametrize("by", ["interrupted", "skipped"])
def test_the_script_neither_judges_nor_stores_pictures_that_were_interrupted(served, script, by):
    p = SimpleNamespace(prompt="a fox", seed=3, n_iter=4, batch_size=2, steps=20)
    setattr(script.state, by, True)
    with listening(served.app) as address:
        processed = script.Script().run(p, address, API_TOKEN, "technical", 0)
        assert sorted(processed.all_seeds) == [3, 4]
        assert sorted(processed.infotexts) == ["seed 3", "seed 4"]
        assert [one["seed"] for one in script.last] == processed.all_seeds
        assert "pictures that were interrupted are left out" in processed.comments
        p.batch_size = 4
        assert script.Script().run(p, address, API_TOKEN, "technical", 0).comments.count("\n") == 1
        assert script.last == []


def test_the_script_needs_the_standard_library_alone_and_old_python():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"base64", "http", "io", "json", "os", "urllib", "gradio", "modules"}
