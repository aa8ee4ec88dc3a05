"""Host names, tokens, passwords, roles and keys."""

import os
import threading

import pytest
from specimens.crowding import CrowdedLock
from starlette.testclient import TestClient

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.comparisons import store_choice
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.services.judging import KEY, start_judging
from soart.plugin.web import security
from soart.plugin.web.answers import without_paths
from soart.plugin.web.routes import people
from soart.plugin.web.security import Guard, allowed_host, signing_key
from soart.plugin.web.sessions import Sessions, same_secret

from .conftest import Visitor

TOKEN = "t" * 43
PASSWORD = "öffne dich"
MOVE, UNDO = "/c/0/api/evaluate/move", "/c/0/api/evaluate/undo"

RATE = "/c/0/api/rate"
BODY = {"rater": "me", "image": 1, "stars": 5}
HTML = {"accept": "text/html"}


def test_a_change_needs_the_token_of_the_session(visitor, folder):
    assert visitor.client.post(RATE, json=BODY).status_code == 403
    assert visitor.client.post(RATE, json=BODY, headers={"x-csrf-token": "guess"}).status_code == 403
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {}


def test_a_change_must_come_from_this_site(visitor, folder):
    assert visitor.post(RATE, BODY, origin="http://evil.example").status_code == 403
    assert visitor.post(RATE, BODY, origin="http://[").status_code == 403
    assert visitor.post(RATE, BODY, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert visitor.post(RATE, BODY, host="evil.example").status_code == 403
    assert visitor.client.get("/c/0/gallery", headers={"host": "evil.example"}).status_code == 403
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {}
    assert visitor.post(RATE, BODY, origin="http://127.0.0.1").status_code == 200


def test_large_requests_and_other_methods_are_refused(visitor):
    assert visitor.post(RATE, {**BODY, "junk": "x" * 1_100_000}).status_code == 403
    assert visitor.client.get(RATE).status_code == 405


@pytest.mark.parametrize(("host", "good"), [
    ("127.0.0.1:8700", True), ("localhost", True), ("[::1]:80", True), ("192.168.0.7:8700", True), ("gallery.lan", True),
    ("evil.example", False), ("", False), ("localhost.evil.example", False), ("[junk", False), ("[::1", False),
    ("127.0.0.1/login?", False), ("127.0.0.1/static/", False), ("127.0.0.1:80/login#", False), ("me@127.0.0.1", False),
    ("127.0.0.1\\", False), ("127.0.0.1 ", False), ("127.0.0.1\n", False), ("127.0.0.1:", False), ("127.0.0.1:port", False),
])  # fmt: skip
def test_host_names(host, good):
    assert allowed_host(host, frozenset({"gallery.lan"})) is good


def test_the_host_of_a_request_opens_no_path(visit, folder):
    client = visit(password=PASSWORD, secrets={"token": "guess"}).client
    for host in ("127.0.0.1/login?", "127.0.0.1/static/", "localhost/login#"):
        answer = client.get("/c/0/gallery", headers={**HTML, "host": host})
        assert (answer.status_code, "data-csrf" in answer.text) == (403, False), host


@pytest.mark.parametrize(("host", "path", "stranger"), [
    ("127.0.0.1/login?", "/c/0/gallery", "/login"), ("127.0.0.1/static/", "/c/0/gallery", "/login"), ("127.0.0.1", "/login", None),
    ("127.0.0.1", "/static/style.css", None), ("127.0.0.1", "/loginpage", "/login"),
])  # fmt: skip
def test_the_path_that_is_routed_decides(monkeypatch, host, path, stranger):
    # As if a host with a path were accepted.
    monkeypatch.setattr(security, "allowed_host", lambda header, names: True)
    headers = [(b"host", host.encode()), (b"accept", b"text/html")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, "session": {}}
    guard = Guard(None, Sessions("s", TOKEN, PASSWORD), frozenset())
    response = guard._response(scope)
    assert (response and response.headers["location"]) == stranger


@pytest.fixture
def locked(visit):
    """A visitor of a server with a password, who has not entered it yet, and the token of the session."""
    client = visit(password=PASSWORD, secrets={"token": "guess"}).client
    return client, csrf_of(client)


def csrf_of(client):
    page = client.get("/login", headers=HTML).text
    return {"x-csrf-token": page.split('data-csrf="')[1].split('"')[0]}


def enter(client, secret):
    return client.post("/login", json={"password": secret}, headers=csrf_of(client))


@pytest.mark.parametrize("settings_", [{"password": PASSWORD}, {"token": "another"}], ids=["password", "token alone"])
def test_strangers_are_answered_nothing(visit, settings_):
    client = visit(**settings_, secrets={"token": "guess"}).client
    token = csrf_of(client)
    for path in ("/", "/c/0/gallery", "/collections", "/c/0/gallery?token=guess", "/c/0/gallery?token="):
        assert client.get(path, headers=HTML).headers["location"] == "/login"
    for path in ("/c/0/api/ids", "/c/0/pictures/1/small", "/c/0/detail/1"):
        assert client.get(path).status_code == 401
    assert client.post("/c/0/api/rate", json={"image": 1, "stars": 1}, headers=token).status_code == 401


def test_a_server_without_token_and_password_opens_to_nobody(visit):
    client = visit(token="", secrets={"token": ""}).client
    assert client.get("/c/0/api/ids").status_code == 401
    assert enter(client, "").status_code == 400


def test_a_wrong_password_opens_nothing(locked):
    client, token = locked
    wrong = client.post("/login", json={"password": "sesame"}, headers=token)
    assert wrong.json() == {"error": "That is not the password."}
    assert client.post("/login", json=[], headers=token).status_code == 400
    assert client.get("/c/0/api/ids").status_code == 401


def test_wrong_passwords_are_slowed_down(locked):
    client, token = locked
    answers = [client.post("/login", json={"password": f"guess {k}"}, headers=token) for k in range(40)]
    assert [answer.status_code for answer in answers[:3]] == [400] * 3
    assert sum(answer.status_code == 400 for answer in answers) < 6
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["error"].startswith("There were too many wrong passwords: try again in ")
    # The right one has to wait too: else a guess would show at once that it is right.
    assert client.post("/login", json={"password": PASSWORD}, headers=token).status_code == 429


def test_headers_of_proxies_are_not_believed(locked, visit):
    client, token = locked
    codes = []
    for number in range(10):
        headers = {**token, "x-forwarded-for": f"10.0.0.{number}", "forwarded": f"for=10.0.0.{number}"}
        codes.append(client.post("/login", json={"password": "guess"}, headers=headers).status_code)
    assert codes[-1] == 429
    for headers in ({"x-forwarded-host": "127.0.0.1"}, {"forwarded": "host=127.0.0.1"}):
        assert client.get("/login", headers={"host": "evil.example", **headers}).status_code == 403


def test_a_proxy_that_passes_the_host_on_may_serve_tls(visit):
    visitor = visit(names=frozenset({"gallery.example"}))
    headers = {"host": "gallery.example", "origin": "https://gallery.example"}
    assert visitor.post(RATE, BODY, **headers).status_code == 200
    # One that does not pass it on is noticed at the first change.
    assert visitor.post(RATE, BODY, host="127.0.0.1:8700", origin="https://gallery.example").status_code == 403


def test_the_token_opens_as_the_owner_and_leaves_the_address(visit):
    client = visit(password=PASSWORD, secrets={"token": "guess"}).client
    answer = client.get("/c/0/gallery", params={"token": TOKEN, "words": "red & blue"}, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/0/gallery?words=red+%26+blue")
    assert client.get("/c/0/api/ids").status_code == 200
    # Never an address of another server.
    assert (
        client.get("http://127.0.0.1//evil.example/", params={"token": TOKEN}).headers["location"] == "/evil.example/"
    )


def test_the_owner_may_enter_the_token_in_place_of_the_password(locked):
    client, _ = locked
    assert enter(client, TOKEN).status_code == 200
    assert client.post(MOVE, json={}, headers=csrf_of(client)).json()["error"] == "Choose what to move away."


@pytest.mark.parametrize(
    ("settings_", "secrets"), [({"password": PASSWORD}, {"token": "", "password": PASSWORD}), ({"guests": True}, {"token": ""})]
)  # fmt: skip
def test_a_guest_changes_no_file_and_sees_no_path(visit, folder, settings_, secrets):
    guest = visit(**settings_, secrets=secrets)
    for path in (MOVE, UNDO, "/c/0/api/judge"):
        refused = guest.post(path, {"worst": "50", "plan": "x", "name": "x"})
        assert refused.status_code == 403
        assert refused.json()["error"].startswith("Only the owner of this server may move or add files")
    assert guest.post(RATE, {**BODY, "rater": "guest"}).status_code == 200
    for path in ("/c/0/evaluate", "/c/0/detail/1", "/collections"):
        assert str(folder) not in guest.client.get(path).text
    assert str(folder) in visit(**settings_).client.get("/collections").text
    # Nor in the name of a judge, which works all the same.
    judge = f"judge:clip:{folder}/towers@1"
    with Collection(folder) as collection:
        collection.set_scores(judge, dict.fromkeys(collection.ids(), 5.0))
    for path in ("gallery", "judges", "detail/1"):
        assert str(folder) not in guest.client.get(f"/c/0/{path}").text, path
    export = guest.client.get(guest.send("selection/export", images=[1], kind="csv").json()["address"]).text
    assert "score:judge:clip:towers@1" in export
    assert str(folder) not in export
    for path in ("gallery", "judges"):
        assert 'value="judge:clip:towers@1"' in guest.client.get(f"/c/0/{path}").text
    assert f'title="{judge}">clip:towers<' in visit(**settings_).client.get("/c/0/gallery").text
    for visitor, name in ((guest, "judge:clip:towers@1"), (visit(**settings_), judge)):
        assert visitor.get("/api/cells", ids="1", by=name).json()["cells"][0]["score"] == 5
        assert len(visitor.get("/api/ids", by=name, sort="score").json()["ids"]) == 40
        shown = visitor.get("/detail/1", by=name).text.split('class="score num">')[1].split(",")[0]
        assert shown == '<b>5</b> <span class="dim">clip:towers'
    # Nor in a message.
    with Collection(folder) as collection:
        file = collection.locate(collection.images()[0])
    file.unlink()
    for path in ("pictures/1/small", "pictures/1/full", "heat/1", "detail/1", "download/1", "api/ids?like=999"):
        assert str(folder) not in guest.client.get(f"/c/0/{path}").text, path
    assert f"{file.name}' cannot be read" in guest.client.get("/c/0/pictures/1/full").text
    # Nor in a job.
    current = guest.client.app.state.server.collections[0]
    judge = f"adherence:{folder}/towers"
    assert start_judging(current.jobs, current.collection, current.tastes, judge, []).wait(240)
    answer = guest.client.get("/c/0/api/jobs")
    assert str(folder) not in answer.text
    assert answer.json()["jobs"][-1]["key"] == "judge:"
    current.jobs.start(
        f"{KEY}clip:{folder}/towers", "Judging by clip", lambda job: f"judge:clip:{folder}/towers@1"
    ).wait(240)
    answer = guest.client.get("/c/0/api/jobs")
    assert str(folder) not in answer.text
    assert answer.json()["jobs"][-1]["judged"] == "judge:clip:towers@1"


@pytest.mark.parametrize(("path", "name"), [
    ("/home/ann/art/a.png", "a.png"), ("/home/Ann's pictures/a.png", "a.png"), ("/Ann's \"best\"/of/x y.png", "x y.png"),
    ("C:\\Users\\ann\\a.png", "a.png"), ("C:/Users/Ann's/a.png", "a.png"), ("\\\\server\\share\\a.png", "a.png"),
    ("\\\\server\\share", "share"), ("/home/ann/art/", "art"), ("/", ""),
    ("postgresql://alice:pw@db.internal:5432/art", "art"), ("postgresql+psycopg://alice@db.internal/art?sslkey=/k", "art"),
    ("postgresql://alice@db.internal", ""), ("sqlite:////home/ann/soart.db", "soart.db"),
])  # fmt: skip
def test_messages_for_guests_name_files_and_databases_without_their_paths(path, name):
    shown = without_paths(f"The file {path!r} isn't there: it's not in 'and/or' {path!r}.")
    assert shown in {f"The file {q}{name}{q} isn't there: it's not in 'and/or' {q}{name}{q}." for q in "'\""}


def test_a_guest_cancels_no_job_but_those_of_the_guest(visit):
    guest = visit(password=PASSWORD, secrets={"token": "", "password": PASSWORD})
    others = [TestClient(guest.client.app, base_url="http://127.0.0.1", follow_redirects=False) for _ in range(2)]
    owner, other = Visitor(others[0]), Visitor(others[1], token="", password=PASSWORD)
    assert other.post("/rater", {"rater": "ann"}).status_code == 200
    current = guest.client.app.state.server.collections[0]

    def may_cancel(visitor, number):
        [job] = [job for job in visitor.get("/api/jobs").json()["jobs"] if job["number"] == number]
        code = visitor.post("/c/0/api/jobs/cancel", {"job": number}).status_code
        assert code == (200 if job["cancellable"] else 403)
        return job["cancellable"]

    # The job waits for the model.
    with current.generation._drawing:
        for starter, refused, allowed in ((owner, guest, owner), (guest, other, guest), (guest, other, owner)):
            assert starter.post("/c/0/api/generate", {"prompt": "a boat"}).status_code == 200
            job = current.generation.job
            assert not may_cancel(refused, job.number)
            assert job.live
            assert may_cancel(allowed, job.number)
            assert job.wait(240)
            assert job.state == "cancelled"


def test_the_password_opens_until_the_logout_even_for_a_stolen_cookie(visit, settings, tmp_path):
    changes = {"password": PASSWORD, "ended": tmp_path / "ended"}
    client = visit(**changes, secrets={"token": "", "password": PASSWORD}).client
    stolen = dict(client.cookies)
    other = visit(**changes, secrets={"token": ""}).client
    for name, value in stolen.items():
        other.cookies.set(name, value)
    assert client.get("/c/0/api/ids").status_code == other.get("/c/0/api/ids").status_code == 200
    assert client.post("/logout", json={}, headers=csrf_of(client)).status_code == 200
    assert client.get("/c/0/api/ids").status_code == 401
    # A server of its own, as after a restart.
    restarted = visit(**changes, secrets={"token": ""}).client
    for name, value in stolen.items():
        client.cookies.set(name, value)
        restarted.cookies.set(name, value)
    assert client.get("/c/0/api/ids").status_code == 401
    assert restarted.get("/c/0/api/ids").status_code == 401


def test_numbers_of_ended_sessions_are_kept_as_long_as_their_cookies_last(tmp_path):
    files = tmp_path / "ended"

    def begun():
        return Sessions("s", "", "", ended=files)

    session = {"id": "one"}
    begun().leave(session)
    [written] = tmp_path.iterdir()
    copy = {"id": "one", "role": "guest"}
    begun().drop_ended(copy)
    assert copy == {}
    os.utime(written, (0, 0))
    # The cookie is worth nothing any more without its number.
    begun()
    assert list(tmp_path.iterdir()) == []


def test_the_token_of_changes_is_another_one_after_the_login(locked):
    client, before = locked
    assert enter(client, PASSWORD).status_code == 200
    after = csrf_of(client)
    assert after != before
    body = {**BODY, "rater": "guest"}
    assert client.post(RATE, json=body, headers=before).status_code == 403
    assert client.post(RATE, json=body, headers=after).status_code == 200


@pytest.mark.parametrize(("own", "shared"), [("me", "guest"), ("guest", "visitor")])
def test_a_guest_without_a_name_rates_beside_the_owner(visit, folder, own, shared):
    owner = visit(password=PASSWORD, rater=own)
    assert owner.post(RATE, {**BODY, "rater": own}).status_code == 200
    guest = visit(password=PASSWORD, rater=own, secrets={"token": "", "password": PASSWORD})
    assert guest.post(RATE, {**BODY, "rater": own, "stars": 1}).status_code == 400
    assert guest.post(RATE, {**BODY, "rater": shared, "stars": 1}).status_code == 200
    assert guest.post("/rater", {"rater": "ann"}).status_code == 200
    assert guest.post(RATE, {**BODY, "rater": "ann", "stars": 2}).status_code == 200
    with Collection(folder) as collection:
        assert [ratings(collection, rater) for rater in (own, shared, "ann")] == [{1: 5}, {1: 1}, {1: 2}]


def test_of_two_guests_who_enter_a_name_at_the_same_time_one_gets_it(visit, monkeypatch):
    guests = [visit(password=PASSWORD, secrets={"token": "", "password": PASSWORD})]
    app = guests[0].client.app
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    guests.append(Visitor(client, token="", password=PASSWORD))
    lock, codes = CrowdedLock(), []
    monkeypatch.setattr(app.state.server.names, "_lock", lock)
    second = threading.Thread(
        target=lambda: codes.append(guests[1].post("/rater", {"rater": "ann"}).status_code), daemon=True
    )
    check = people.check_new_rater

    def checked(name, known):
        check(name, known)
        if not lock.second_waits.is_set():
            second.start()
            assert lock.second_waits.wait(240)

    monkeypatch.setattr(people, "check_new_rater", checked)
    assert guests[0].post("/rater", {"rater": "ann"}).status_code == 200
    second.join(240)
    assert codes == [403]


def test_a_guest_takes_no_name_of_another(visit, folder):
    with Collection(folder) as collection:
        rate(collection, "ann", {1: 5})
        rate(collection, "guest", {1: 3})
        store_choice(collection, "cleo", "c", 1, [2])
    client = visit(password=PASSWORD, rater="rita").client
    app = client.app

    def another(**secrets):
        return Visitor(TestClient(app, base_url="http://127.0.0.1", follow_redirects=False), **secrets)

    guest, later = another(token="", password=PASSWORD), another(token="", password=PASSWORD)
    for name in ("rita", "ann", "cleo"):
        refused = guest.post("/rater", {"rater": name})
        assert refused.status_code == 403
        assert refused.json()["error"] == f"The name '{name}' belongs to another rater: choose another one."
    # In other capitals their tastes would share a file.
    assert guest.post("/rater", {"rater": "Rita"}).status_code == 400
    assert guest.post("/rater", {"rater": "ben"}).status_code == 200
    # Also before the first rating.
    assert later.post("/rater", {"rater": "ben"}).status_code == 403
    for name in ("dora", "guest", "ben"):
        assert guest.post("/rater", {"rater": name}).status_code == 200, name
    # After the logout too: the browser is the same.
    assert guest.post("/logout").status_code == 200
    guest = Visitor(guest.client, token="", password=PASSWORD)
    assert 'data-rater="guest"' in guest.client.get("/c/0/gallery").text
    assert guest.post("/rater", {"rater": "ben"}).status_code == 200
    # The owner may take any.
    assert another().post("/rater", {"rater": "ann"}).status_code == 200


def test_a_cookie_with_long_names_still_fits(visit):
    guest = visit(password=PASSWORD, secrets={"token": "", "password": PASSWORD})
    for letter in "äöüßéèê":
        assert guest.post("/rater", {"rater": letter * 64}).status_code == 200
    assert max(len(value) for value in guest.client.cookies.values()) < 4000


def test_a_new_password_ends_sessions_but_not_the_name_of_the_rater(visit):
    first = visit(password=PASSWORD, secrets={"token": "", "password": PASSWORD})
    assert first.post("/rater", {"rater": "ann"}).status_code == 200
    client = visit(password="another", secrets={"token": ""}).client
    for name, value in first.client.cookies.items():
        client.cookies.set(name, value)
    assert client.get("/c/0/api/ids").status_code == 401
    assert enter(client, "another").status_code == 200
    assert 'data-rater="ann"' in client.get("/c/0/gallery").text


def test_servers_of_one_machine_have_cookies_of_their_own(visit):
    assert {*visit(port=8700).client.cookies} == {"soart-8700"}
    assert {*visit(port=8701).client.cookies} == {"soart-8701"}


@pytest.fixture
def owner_of(visit):
    """True if a server with these settings takes the cookies of the owner of another server, renamed as it names its own."""

    def taken(cookies, **changes):
        client = visit(fresh=True, **changes, secrets={"token": "guess"}).client
        name = f"soart-{changes.get('port', 0)}"
        for value in cookies:
            client.cookies.set(name, value)
        return client.get("/c/0/api/ids").status_code == 200

    return taken


def test_a_session_holds_for_its_server_alone(visit, settings, owner_of, tmp_path):
    cookies = [*visit(port=8700).client.cookies.values()]
    other = tmp_path / "other"
    Collection(other).close()
    assert owner_of(cookies, port=8700)
    assert not owner_of(cookies, port=8701)
    assert not owner_of(cookies, port=8700, collections=[other])
    assert not owner_of(cookies, port=8700, collections=[*settings.collections, other])
    assert not owner_of(cookies, port=8700, secret="another user's")


def test_a_collection_in_the_place_of_another_takes_no_sessions_of_it(visit, settings, owner_of, folder, tmp_path):
    cookies = [*visit().client.cookies.values()]
    assert owner_of(cookies)
    folder.rename(tmp_path / "away")
    Collection(folder).close()
    assert not owner_of(cookies)
    # Nor does the collection itself at another place, beside which another server may run.
    assert not owner_of(cookies, collections=[tmp_path / "away"])


def test_the_order_of_collections_does_not_end_sessions(visit, settings, owner_of, tmp_path):
    other = tmp_path / "other"
    Collection(other).close()
    both = [*settings.collections, other]
    cookies = [*visit(collections=both).client.cookies.values()]
    assert owner_of(cookies, collections=both[::-1])


def test_a_server_without_a_secret_has_another_key_at_every_start(visit, owner_of):
    cookies = [*visit(secret="").client.cookies.values()]
    assert not owner_of(cookies, secret="")


def test_signing_keys_last(tmp_path):
    first = signing_key(tmp_path)
    assert signing_key(tmp_path) == first
    assert (tmp_path / "web-secret").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"cut short"])
def test_a_secret_that_was_cut_short_is_replaced(tmp_path, content):
    (tmp_path / "web-secret").write_bytes(content)
    assert signing_key(tmp_path) == signing_key(tmp_path)
    assert (tmp_path / "web-secret").stat().st_mode & 0o077 == 0


def test_every_start_has_another_key_if_none_can_be_stored(tmp_path):
    (tmp_path / "file").write_text("")
    assert signing_key(tmp_path / "file") != signing_key(tmp_path / "file")


def test_secrets_are_compared():
    assert same_secret("ä", "ä")
    assert not same_secret("a", "b")
    assert not same_secret("\ud800", "b")
