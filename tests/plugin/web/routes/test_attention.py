"""Attention tables of words, ratings and folders."""

import pytest

ASK = {"first": "B", "second": "D"}


@pytest.fixture(scope="module")
def visitor(visit_once, things):
    return visit_once(things)


@pytest.fixture(scope="module")
def folders(paint, tmp_path_factory):
    """A request to compare two folders, with their parent."""
    parent = tmp_path_factory.mktemp("folders")
    names = [str(paint(parent / name, 5, 1, vivid=name == "one")) for name in ("one", "two")]
    return {**ASK, "source": "folders", "text": "\n".join(names)}, parent


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


def test_missing_and_single_folders_are_refused(visitor, folders):
    body, parent = folders
    assert visitor.post("/c/0/api/attention", {**body, "text": "/nowhere"}).status_code == 400
    assert visitor.post("/c/0/api/attention", {**body, "text": str(parent)}).status_code == 400


def test_folders_are_refused_if_other_machines_can_reach_the_server(visit, folders):
    refused = visit(local=False).post("/c/0/api/attention", folders[0])
    assert "this machine alone" in refused.json()["error"]
