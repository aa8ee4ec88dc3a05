"""Attention tables of words, ratings and folders."""

import json

import pytest

ASK = {"first": "B", "second": "D"}


@pytest.fixture(scope="module")
def folders(paint, tmp_path_factory):
    """A request to compare two folders, with their parent."""
    parent = tmp_path_factory.mktemp("folders")
    names = [str(paint(parent / name, 5, 1, vivid=name == "one")) for name in ("one", "two")]
    return {**ASK, "source": "folders", "text": "\n".join(names)}, parent


@pytest.fixture(scope="module")
def visitor(visit_once, things, folders):
    return visit_once(things, allowed=[folders[1]])


def compare(visitor, **body):
    assert visitor.post("/c/0/api/attention", {**ASK, **body}).status_code == 200
    return visitor.wait_for("attention")


def test_words_of_prompts(visitor):
    assert visitor.get("/api/attention").json() == {"report": None}
    assert compare(visitor, source="words", text="red grey")["state"] == "done"
    report = visitor.get("/api/attention").json()["report"]
    assert report["names"] == ["B", "D"]
    table = report["tables"]["difference"]
    assert len(table["values"]) == len(table["rows"])
    assert set(table["columns"]) == {"grey", "red"}


def test_too_few_ratings_are_reported(visitor):
    assert "two kinds" in compare(visitor, source="ratings")["message"]


def test_folders(visitor, folders):
    assert compare(visitor, **folders[0])["state"] == "done"


def test_a_link_out_of_a_folder_is_not_measured(visit, tmp_path, paint):
    secret = paint(tmp_path / "secret", 3, 2, vivid=True)
    for number, name in enumerate(("one", "two")):
        paint(tmp_path / "allowed" / name, 5, number, vivid=name == "one")
    (tmp_path / "allowed" / "one" / "link.png").symlink_to(next(secret.iterdir()))
    body = {**ASK, "source": "folders", "text": "\n".join(str(tmp_path / "allowed" / name) for name in ("one", "two"))}
    visitor = visit(allowed=[tmp_path / "allowed"])
    assert visitor.post("/c/0/api/attention", body).status_code == 200
    assert visitor.wait_for("attention")["message"].startswith("10 pictures compared.")


def test_missing_and_single_folders_are_refused(visitor, folders):
    body, parent = folders
    for text in (str(parent / "nowhere"), str(parent)):
        assert visitor.post("/c/0/api/attention", {**body, "text": text}).status_code == 400


def test_words_that_no_prompt_can_hold_are_refused(visitor):
    for text in ("grey \ud800", "grey r\x00d"):
        body = {"first": "a", "second": "b", "source": "words", "text": text}
        headers = {"x-csrf-token": visitor.token, "content-type": "application/json"}
        refused = visitor.client.post("/c/0/api/attention", content=json.dumps(body), headers=headers)
        assert refused.status_code == 400
        assert refused.json()["error"].startswith("Expected words to search for, got ")


def test_only_allowed_folders_are_read(visit, folders):
    refused = visit(fresh=True).post("/c/0/api/attention", folders[0])
    assert refused.status_code == 400
    assert "--allow-folders" in refused.json()["error"]
