"""Evaluating and tidying without a browser, and once with one."""

import time
from pathlib import Path

import pytest

from soart.metrics.damage.titles import damage_noun
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.damage import suspected
from soart.pipelines.collection.tables import AWAY


@pytest.fixture
def folder(untidy):
    return untidy


def wait(visitor, seconds=60):
    end = time.monotonic() + seconds
    while (found := visitor.get("/api/evaluate").json())["live"]:
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def evaluated(visitor, **body):
    assert visitor.post("/c/0/api/evaluate", body).status_code == 200
    found = wait(visitor)
    assert found["found"], found
    return found


def digest_of(visitor, **rule):
    return visitor.get("/evaluate/plan", **rule).text.split('data-plan="')[1].split('"')[0]


def ids(visitor):
    return sorted(visitor.get("/api/ids").json()["ids"])


def test_the_gallery_is_filtered_by_suspected_damage_once_it_is_evaluated(visitor, folder):
    assert 'name="damage" disabled' in visitor.get("/gallery").text
    assert visitor.get("/api/ids", damage="none").json() == {"ids": []}
    evaluated(visitor)
    assert 'name="damage" disabled' not in visitor.get("/gallery").text
    with Collection(folder) as collection:
        found = suspected(collection)
    assert found
    any_, none = (visitor.get("/api/ids", damage=what).json()["ids"] for what in ("any", "none"))
    assert sorted(any_) == sorted(found)
    assert len({*any_, *none}) == len(any_) + len(none) == 18
    image, damage = next(iter(found.items()))
    assert image in visitor.get("/api/ids", damage=damage).json()["ids"]
    assert f"<dd>{damage_noun(damage)}</dd>" in visitor.get(f"/detail/{image}").text
    assert visitor.get("/api/ids", damage="rain").status_code == 400


def test_a_collection_is_evaluated_culled_and_put_back(visitor, visit, folder):
    assert visitor.get("/evaluate/findings").text.strip() == ""
    assert visitor.get("/evaluate/plan", duplicates=1).status_code == 400
    state = evaluated(visitor, profile="technical")
    assert state["message"] == "18 pictures evaluated."
    page = visitor.get("/evaluate/findings").text
    assert page.count('role="group" aria-label="Near-duplicates') == 2
    assert 'data-keep="17" aria-pressed="false"' in page
    assert "style=" not in page
    assert visitor.get("/evaluate/findings", groups="x").status_code == 400
    assert visitor.post("/c/0/api/evaluate/keep", {"image": 17}).json()["version"] > state["version"]
    assert 'data-keep="17" aria-pressed="true"' in visitor.get("/evaluate/findings").text
    assert visitor.post("/c/0/api/evaluate/keep", {"image": 1}).status_code == 400
    shown = visitor.get("/evaluate/plan", duplicates=1).text
    assert "Move 2 files away" in shown
    assert 'data-picture="5"' in shown
    assert "Choose what to move away" in visitor.get("/evaluate/plan").text
    for worst in ("x", "100", "-3", "nan"):
        assert visitor.get("/evaluate/plan", worst=worst).status_code == 400, worst
    rule = {"duplicates": "1"}
    assert visitor.post("/c/0/api/evaluate/move", {**rule, "plan": "old"}).status_code == 400
    assert visitor.post("/c/0/api/evaluate/move", {}).status_code == 400
    assert ids(visitor) == list(range(1, 20))
    plan = digest_of(visitor, **rule)
    assert visitor.client.post("/c/0/api/evaluate/move", json={**rule, "plan": plan}).status_code == 403
    assert visitor.post("/c/0/api/evaluate/move", {**rule, "plan": plan}).status_code == 200
    assert wait(visitor)["message"] == "2 files moved away."
    assert ids(visitor) == [1, 2, 3, 4, *range(6, 18), 19]
    assert "17 pictures" in visitor.get("/gallery").text
    assert "2 moved away" in visitor.client.get("/collections").text
    page = visitor.get("/evaluate/findings").text
    assert "2 pictures of this collection are away" in page
    name = page.split('data-undo="')[1].split('"')[0]
    # A fresh server reads the evaluation, and the undo file, of the one before.
    other = visit(fresh=True)
    assert other.get("/evaluate").status_code == 200
    assert wait(other)["found"]
    assert other.post("/c/0/api/evaluate/undo", {"name": "../soart.db"}).status_code == 400
    assert other.client.post("/c/0/api/evaluate/undo", json={"name": name}).status_code == 403
    assert other.post("/c/0/api/evaluate/undo", {"name": name}).status_code == 200
    assert wait(other)["message"] == "2 files brought back."
    assert ids(other) == ids(visitor) == list(range(1, 20))
    assert "moved away" not in other.client.get("/collections").text
    with Collection(folder) as collection:
        assert AWAY not in {row.problem for row in collection.images()}


def test_folders_are_named_only_where_the_server_is_local(visitor, visit, tmp_path, paint):
    more = paint(tmp_path / "more <b>", 3, 0, vivid=True)
    for path, status in ((str(tmp_path / "gone"), 400), (f" {more}\n\n{more}", 200)):
        assert visitor.post("/c/0/api/evaluate", {"folders": path}).status_code == status
    assert wait(visitor)["message"] == "21 pictures evaluated."
    assert "more &lt;b&gt;</textarea>" in visitor.get("/evaluate").text
    other = visit(local=False)
    page = other.get("/evaluate").text
    assert "textarea" not in page
    assert "more" not in page
    wait(other)
    refused = other.post("/c/0/api/evaluate", {"folders": str(more)})
    assert refused.status_code == 400
    assert "this machine alone" in refused.json()["error"]
    assert evaluated(other)["message"] == "21 pictures evaluated."


def test_failures_are_sentences(visitor, folder):
    assert visitor.post("/c/0/api/evaluate", {"profile": "nobody"}).status_code == 400
    for path in (folder / "images").iterdir():
        path.unlink()
    visitor.post("/c/0/api/evaluate")
    state = wait(visitor)
    assert state["failed"]
    assert state["message"].startswith("There is no picture in")
    assert visitor.get("/evaluate").status_code == 200


def test_nothing_is_moved_where_the_folder_cannot_be_written(visitor, monkeypatch):
    evaluated(visitor)
    assert 'data-movable="yes"' in visitor.get("/evaluate/findings").text
    plan = digest_of(visitor, worst="50")
    monkeypatch.setattr("soart.pipelines.services.evaluation.os.access", lambda path, mode: False)
    assert 'data-movable=""' in visitor.get("/evaluate/findings").text
    refused = visitor.post("/c/0/api/evaluate/move", {"worst": "50", "plan": plan})
    assert "cannot be written" in refused.json()["error"]


def test_duplicates_are_chosen_moved_and_brought_back_in_the_browser(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/evaluate")
    page.wait_for_selector("#state:has-text('Nothing is evaluated yet')")
    page.click("#ask .primary")
    page.wait_for_selector("[data-keep]", timeout=60_000)
    assert page.locator(".group").count() == 2
    page.click("[data-keep='17']")
    page.wait_for_selector("[data-keep='17'][aria-pressed='true']")
    assert page.get_attribute("[data-keep='5']", "aria-pressed") == "false"
    assert page.evaluate("document.activeElement.dataset.keep") == "17"
    page.click(".group .thumb >> nth=0")
    page.wait_for_selector("dialog[open] #viewer-image")
    page.keyboard.press("Escape")
    page.check("#rule [name=duplicates]")
    page.fill("#rule [name=worst]", "20")
    page.wait_for_selector("#plan h3:has-text('worst')")
    moved = [
        int(one)
        for one in page.locator("#plan [data-picture]").evaluate_all("all => all.map(one => one.dataset.picture)")
    ]
    assert {5, 18} <= set(moved)
    assert 17 not in moved
    page.click("#plan .primary")
    page.wait_for_selector("#undo [data-undo]")
    assert all(not page.locator(f"#findings [data-picture='{image}']").count() for image in moved)
    with Collection(folder) as collection:
        assert sorted(row.id for row in collection.images() if row.problem == AWAY) == sorted(moved)
    page.reload()
    page.click("[data-undo]")
    page.wait_for_selector("#undo [data-undo]", state="detached")
    page.wait_for_selector("[data-keep='18']")
    with Collection(folder) as collection:
        assert AWAY not in {row.problem for row in collection.images()}
        assert all(Path(collection.locate(row)).is_file() for row in collection.images())
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
