"""Host names, tokens, password and keys."""

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings
from soart.plugin.web.security import allowed_host, same_secret, signing_key

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
    ("evil.example", False), ("", False), ("localhost.evil.example", False), ("[junk", False),
])  # fmt: skip
def test_host_names(host, good):
    assert allowed_host(host, frozenset({"gallery.lan"})) is good


@pytest.fixture
def locked(visit):
    """A visitor of a server with a password, which was not entered yet, and the token of the session."""
    client = visit(password="öffne dich").client
    page = client.get("/login", headers=HTML).text
    return client, {"x-csrf-token": page.split('data-csrf="')[1].split('"')[0]}


def test_without_the_password_nothing_is_answered(locked):
    client, token = locked
    for path in ("/", "/c/0/gallery", "/collections"):
        assert client.get(path, headers=HTML).headers["location"] == "/login"
    for path in ("/c/0/api/ids", "/c/0/pictures/1/small", "/c/0/detail/1"):
        assert client.get(path).status_code == 401
    assert client.post("/c/0/api/rate", json={"image": 1, "stars": 1}, headers=token).status_code == 401


def test_a_wrong_password_opens_nothing(locked):
    client, token = locked
    wrong = client.post("/login", json={"password": "sesame"}, headers=token)
    assert wrong.json() == {"error": "That is not the password."}
    assert client.post("/login", json=[], headers=token).status_code == 400
    assert client.get("/c/0/api/ids").status_code == 401


def test_the_password_opens_until_the_logout(locked):
    client, token = locked
    assert client.post("/login", json={"password": "öffne dich"}, headers=token).status_code == 200
    assert client.get("/c/0/api/ids").status_code == 200
    assert client.post("/logout", json={}, headers=token).status_code == 200
    assert client.get("/c/0/api/ids").status_code == 401


def test_signing_keys_last_and_change_with_the_password(tmp_path):
    first = signing_key("a", tmp_path)
    assert signing_key("a", tmp_path) == first
    assert signing_key("b", tmp_path) != first
    assert (tmp_path / "web-secret").stat().st_mode & 0o077 == 0


def test_every_start_has_another_key_if_none_can_be_stored(tmp_path):
    (tmp_path / "file").write_text("")
    assert signing_key("a", tmp_path / "file") != signing_key("a", tmp_path / "file")


def test_secrets_are_compared():
    assert same_secret("ä", "ä")
    assert not same_secret("a", "b")
