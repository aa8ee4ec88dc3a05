"""The Generate view: pictures of a prompt, and variations of a picture."""

import pytest

from soart.errors import SoartError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.services.generation import Drawing


@pytest.fixture(scope="module")
def reader(visit_once, things):
    """A visitor who changes nothing."""
    return visit_once(things)


def test_pictures_are_drawn_scored_and_kept(visitor, folder):
    body = {"prompt": "a {boat|fox}", "template": True, "count": "3", "seed": "5", "steps": "2", "negative": ""}
    assert visitor.send("generate", **body).json()["total"] == 3
    assert visitor.send("generate", **body).status_code == 400
    assert visitor.wait_for("draw")["message"] == "3 pictures drawn."
    state = visitor.get("/api/generate").json()
    assert (state["live"], state["failed"], len(state["pictures"])) == (False, False, 3)
    with Collection(folder) as collection:
        rows = collection.images()[-3:]
        assert [row.id for row in rows] == state["pictures"]
        assert [row.generation.seed for row in rows] == [5, 6, 7]
        assert {row.generation.prompt for row in rows} <= {"a boat", "a fox"}
        assert rows[0].generation.steps == 2
    cells = visitor.get("/api/cells", ids=",".join(map(str, state["pictures"])), profile="technical").json()["cells"]
    assert all(cell["score"] is not None or cell["problem"] for cell in cells)
    # The same prompt and settings with braces that are none.
    assert visitor.send("generate", **body | {"prompt": "a {b|c}", "template": False, "count": 1}).status_code == 200
    visitor.wait_for("draw")
    assert visitor.get("/api/ids", words="{b|c}").json()["ids"]


def test_judges_sort_the_pictures(package, visitor, folder):
    page = visitor.get("/generate").text
    assert 'name="judge" value="redness"' in page
    body = {"prompt": "a {boat|fox}", "template": True, "count": 4, "steps": 2}
    for judges in ({"os:getcwd": 1}, {"redness": "x"}, {"redness": 0}, {"redness": -1}):
        assert visitor.send("generate", **body, judges=judges).status_code == 400
    assert visitor.send("generate", **body, judges={"redness": 1}).status_code == 200
    assert visitor.wait_for("draw")["message"] == "4 pictures drawn."
    state = visitor.get("/api/generate").json()
    with Collection(folder) as collection:
        stored = collection.scores("judge:redness@1")
    assert len(stored) == 4
    assert state["values"] == {str(image): value for image, value in stored.items()}
    assert state["pictures"] == sorted(stored, key=lambda image: -stored[image])


def test_a_failure_is_a_sentence(visitor):
    assert visitor.send("generate", prompt="a {boat", template=True, count=1).status_code == 200
    assert visitor.wait_for("draw")["state"] == "failed"
    state = visitor.get("/api/generate").json()
    assert state["failed"]
    assert state["message"]


@pytest.mark.parametrize(
    "wrong",
    [{"prompt": " "}, {"count": 0}, {"count": 201}, {"width": 4096}, {"steps": 0}, {"seed": "x"}, {"guidance": "x"}],
)
def test_wrong_requests_are_refused(reader, wrong):
    assert reader.send("generate", **{"prompt": "a boat"} | wrong).status_code == 400


def test_long_prompts_are_refused():
    with pytest.raises(SoartError, match="at most 10000 characters as the prompt"):
        Drawing("x" * 10_001)


def test_forms_are_filled_from_a_picture(reader):
    page = reader.get("/generate", like="4").text
    assert "a red thing number 3</textarea>" in page
    assert 'name="width" min="1" max="2048" placeholder="model&#39;s" value="24"' in page.replace("'s", "&#39;s")
    assert 'name="template">' in page
    assert "a red thing number 3</textarea>" in reader.get("/tune", like="4").text
    assert 'name="template" checked' in reader.get("/generate").text
    # A hostile prompt stays text.
    assert "<img src=x" not in reader.get("/generate", like="1").text
    assert reader.get("/generate", like="999").status_code == 400


def test_facts_of_a_picture_can_be_copied(reader):
    page = reader.get("/detail/4").text
    assert 'data-copy="a red thing number 3"' in page
    assert 'data-copy="3"' in page
    assert "CFG scale: 5, Seed: 3, Size: 24x24" in page
    assert 'href="/c/0/download/4"' in page
