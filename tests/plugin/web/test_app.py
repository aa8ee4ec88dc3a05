"""Pages and error messages of the whole application, without a browser."""

import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.tuning.settings import TuneSettings, store_tune
from soart.plugin.web.app import create_app
from soart.plugin.web.state import OpenCollection

from .conftest import TOKEN

VIEWS = ("start", "gallery", "rate", "compare", "keepers", "generate", "tune", "taste", "evaluate")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_a_page_with_nothing_inline_or_from_outside(reader, view):
    answer = reader.client.get(f"/c/0/{view}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inline in (" style=", "onclick", "javascript:", "<style", "http://", "https://", "//cdn"):
        assert inline not in answer.text
    assert answer.text.count("<script") == len(re.findall(r'<script (?:type="module" )?src="/static/', answer.text))


def test_the_first_page_of_one_collection_is_its_gallery(reader):
    assert reader.client.get("/").headers["location"] == "/c/0/gallery"


def test_no_collection_stays_open_if_another_cannot_be_opened(settings, tmp_path, monkeypatch):
    closed, close = [], OpenCollection.close
    monkeypatch.setattr(OpenCollection, "close", lambda self: (closed.append(self.number), close(self)))
    (tmp_path / "file").write_text("no collection")
    with pytest.raises(CollectionError):
        create_app(replace(settings, collections=[*settings.collections, tmp_path / "file"]))
    assert closed == [0]


def test_the_first_page_of_several_collections_is_their_list(settings, tmp_path):
    with Collection(tmp_path / "second") as second:
        store_tune(second, TuneSettings.of_text("a {<b>fox</b>|owl}", "embedded"))
    with TestClient(
        create_app(replace(settings, collections=[*settings.collections, tmp_path / "second"], guests=True)),
        base_url="http://localhost",
        follow_redirects=False,
    ) as two:
        assert two.get("/").headers["location"] == "/collections"
        page = two.get("/collections").text
        assert ">things</a>" in page
        assert ">second</a>" in page
        assert str(tmp_path / "second") not in page
        links = set(re.findall(r'href="(/c/1/[^"]+)"', page))
        assert len(links) == 5
        assert {two.get(link).status_code for link in links} == {200}
        assert "This collection is empty" in two.get("/c/1/gallery").text
        assert "--collection second<" in two.get("/c/1/gallery").text
        two.get("/", params={"token": TOKEN})
        assert f"--collection {tmp_path / 'second'}<" in two.get("/c/1/gallery").text
        assert two.get("/c/1/api/ids").json() == {"ids": []}
        # The tunes of the one are found from the other.
        others = two.get("/c/0/tune/earlier").text
        assert "&lt;b&gt;fox&lt;/b&gt;" in others
        assert 'href="/c/1/tune"' in others
        assert "<" not in two.get("/c/1/tune/earlier").text.strip()


@pytest.mark.parametrize("path", [
    "/nothing", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/soart.db", "/c/0/soart.db",
    "/c/7/gallery", "/c/-1/gallery",
])  # fmt: skip
def test_no_other_address_is_answered(reader, path):
    assert reader.client.get(path).status_code == 404


def test_errors_of_scripts_are_json(reader):
    assert reader.client.get("/nothing").json() == {"error": "Page not found."}
    assert reader.client.get("/c/0/api/rate").json() == {"error": "This address does not accept that method."}
    assert reader.client.get("/c/7/api/ids").json()["error"].startswith("There is no such collection here")


def test_errors_of_people_are_pages(reader):
    page = reader.client.get("/nothing", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "Page not found." in page.text
    assert "Back to the pictures" in page.text
