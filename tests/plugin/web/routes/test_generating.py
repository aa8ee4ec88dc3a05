"""The Generate view: pictures of a prompt, and variations of a picture."""

from functools import partial

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from specimens.backends import A1111, serving
from specimens.waiting import until

from soart.errors import SoartError
from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.roots import open_collection_for
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.models.backends.address import backend_address
from soart.pipelines.models.opening import open_generator
from soart.pipelines.services.generation import Drawing


def test_a_single_picture_is_counted_as_one(visitor):
    for seed, count, message in (
        (90, 1, "1 picture drawn."),
        (90, 2, "1 picture drawn. 1 was in the collection already."),
    ):
        assert visitor.send("generate", prompt="a boat", count=count, seed=seed, steps=1).status_code == 200
        assert visitor.wait_for("draw")["message"] == message


def test_words_that_the_model_does_not_read_are_named(visitor):
    prompt = "a boat " + "in watercolor " * 18 + "with a zebra"
    assert visitor.send("generate", prompt=prompt, count=1, seed=90, steps=1).status_code == 200
    message = visitor.wait_for("draw")["message"]
    assert message.startswith("1 picture drawn. The model does not read the end of a prompt")
    assert message.endswith("with a zebra.")


def test_pictures_are_drawn_scored_and_kept(visitor, folder):
    body = {"prompt": "a {boat|fox}", "template": True, "count": "3", "seed": "5", "steps": "2", "negative": ""}
    assert visitor.send("generate", **body).json()["total"] == 3
    assert visitor.send("generate", **body).status_code == 400
    assert visitor.wait_for("draw")["message"] == "3 pictures drawn."
    state = visitor.get("/api/generate").json()
    assert (state["live"], state["failed"], len(state["pictures"])) == (False, False, 3)
    with Collection(folder) as collection:
        rows = collection.images()[-3:]
        overall = collection.scores(stored_name())
        assert {row.id for row in rows} == overall.keys()
        # Without a chosen judge overall sorts them, the best first.
        assert state["pictures"] == sorted(overall, key=lambda image: -overall[image])
        assert (state["judges"], state["points"]) == (["overall score"], True)
        assert [row.generation.seed for row in rows] == [5, 6, 7]
        assert {row.generation.prompt for row in rows} <= {"a boat", "a fox"}
        assert rows[0].generation.steps == 2
    cells = visitor.get("/api/cells", ids=",".join(map(str, state["pictures"])), by="overall").json()["cells"]
    assert all(cell["score"] is not None or cell["problem"] for cell in cells)
    # The same prompt and settings with braces that are none.
    assert visitor.send("generate", **body | {"prompt": "a {b|c}", "template": False, "count": 1}).status_code == 200
    visitor.wait_for("draw")
    assert visitor.get("/api/ids", words="{b|c}").json()["ids"]


def test_judges_sort_the_pictures(package, visitor, folder):
    page = visitor.get("/generate").text
    assert 'name="by" value="redness"' in page
    body = {"prompt": "a {boat|fox}", "template": True, "count": 4, "steps": 2}
    for judges in ({"os:getcwd": 1}, {"redness": "x"}, {"redness": 0}, {"redness": -1}):
        assert visitor.send("generate", **body, by=judges).status_code == 400
    assert visitor.send("generate", **body, by={"redness": 1}).status_code == 200
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
    [
        {"prompt": " "},
        {"count": 0},
        {"count": 201},
        {"width": 4096},
        {"steps": 0},
        {"seed": "x"},
        {"guidance": "x"},
        {"guidance": "nan"},
        {"guidance": 1e9},
        {"guidance": -1},
        {"seed": -1},
        {"seed": 2**70},
        {"seed": 2**63 - 2},
        {"width": 7},
        {"height": 0},
    ],
)
def test_wrong_requests_are_refused(reader, wrong):
    refused = reader.send("generate", **{"prompt": "a boat"} | wrong)
    assert refused.status_code == 400
    assert refused.json()["error"].endswith(".")
    assert not any(job["key"] == "draw" for job in reader.get("/api/jobs").json()["jobs"])


def test_long_prompts_are_refused():
    with pytest.raises(SoartError, match="at most 10000 characters as the prompt"):
        Drawing("x" * 10_001)


def test_forms_are_filled_from_a_picture(reader):
    page = reader.get("/generate", like="4").text
    assert "a red thing number 3</textarea>" in page
    assert 'name="width" min="8" step="8" max="2048" placeholder="model&#39;s" value="24"' in page.replace(
        "'s", "&#39;s"
    )
    assert 'name="template">' in page
    assert "a red thing number 3</textarea>" in reader.get("/tune", like="4").text
    assert 'name="template" checked' in reader.get("/generate").text
    # A hostile prompt stays text.
    assert "<img src=x" not in reader.get("/generate", like="1").text
    assert reader.get("/generate", like="999").status_code == 404


def test_facts_of_a_picture_can_be_copied(reader):
    page = reader.get("/detail/4").text
    assert 'data-copy="a red thing number 3"' in page
    assert 'data-copy="3"' in page
    assert "CFG scale: 5, Seed: 3, Size: 24x24" in page
    assert 'href="/c/0/download/4"' in page


def test_variations_of_a_picture_are_drawn_with_the_backend_of_the_owner(tmp_path, visit, make_drawn):
    backend = A1111()
    text = PngInfo()
    settings = "Steps: 9, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 4, Seed: 5, Size: 24x16"
    text.add_text("parameters", f"a boat\n{settings}")
    (tmp_path / "art").mkdir()
    Image.new("RGB", (24, 16), "red").save(tmp_path / "art" / "boat.png", pnginfo=text)
    store, roots = open_collection_for([str(tmp_path / "art")], str(tmp_path / "seen"))
    with store:
        sync_and_evaluate(store, Scan(roots), LocalEngine(1))
        image = store.images()[0].id
    with serving(backend) as name:
        drawn_by = {
            "collections": [tmp_path / "seen"],
            "backend": backend_address(name),
            "load": partial(open_generator, name),
        }
        owner = visit(**drawn_by)
        title = f"{backend_address(name).title}, model dreamy_v2"
        page = until(lambda: title in (page := owner.get("/generate", like=image).text) and page)
        assert f"drawn with {title}" in owner.get(f"/detail/{image}").text
        assert 'value="DPM++ 2M Karras"' in page
        # A backend shows no previews by which candidates could be dropped.
        assert 'name="prune"' not in owner.get("/tune").text
        asked = {"prompt": "a boat", "count": 2, "seed": 9, "steps": 9, "guidance": 4, "width": 24, "height": 16}
        # A request cannot name another program.
        other = {"model": "a1111:http://127.0.0.1:1", "backend": "a1111:http://127.0.0.1:1"}
        assert owner.send("generate", **asked, **other, sampler="DPM++ 2M Karras").status_code == 200
        assert owner.wait_for("draw")["message"] == "2 pictures drawn."
        sent = [body for _, path, body, _ in backend.requests if path.endswith("txt2img")]
        told = [(body["seed"], body["steps"], body["sampler_name"], body["scheduler"]) for body in sent]
        assert told == [(9, 9, "DPM++ 2M", "Karras"), (10, 9, "DPM++ 2M", "Karras")]
        # The sampler of a picture that the backend drew is known, too, but that of another model would not be.
        drawn = owner.get("/api/generate").json()["pictures"][0]
        assert 'value="DPM++ 2M Karras"' in owner.get("/generate", like=drawn).text
        with Collection(tmp_path / "seen") as collection:
            [other] = collection.add_drawn([make_drawn(1)], "embedded", "DPMSolverMultistep")
        assert "DPMSolver" not in owner.get("/generate", like=other.id).text
        # Guests are not told where the backend is.
        guest = visit(**drawn_by, guests=True, secrets={"token": "unknown"})
        assert 'Draws with <b id="backend">Automatic1111' in guest.get("/generate").text
        backend.failures["*"] = "break"
        assert guest.send("generate", **asked | {"seed": 90}).status_code == 200
        message = guest.wait_for("draw")["message"]
        assert "Automatic1111 stopped" in message
        assert "127.0.0.1" not in message
