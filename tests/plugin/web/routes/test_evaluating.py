"""Evaluating and tidying without a browser, and once with one."""

import json
from pathlib import Path

import pytest

from soart.metrics.damage.titles import damage_noun
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.damage import suspected
from soart.pipelines.collection.tables import AWAY
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.roots import known_roots
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync


@pytest.fixture
def folder(untidy):
    return untidy


def evaluated(visitor, **body):
    assert visitor.post("/c/0/api/evaluate", body).status_code == 200
    state = visitor.wait_for_evaluation()
    assert state["found"], state
    return state


def digest_of(visitor, **rule):
    return visitor.get("/evaluate/plan", **rule).text.split('data-plan="')[1].split('"')[0]


def test_the_gallery_is_filtered_by_suspected_damage_once_it_is_evaluated(visitor, folder):
    assert 'name="damage" disabled' in visitor.get("/gallery").text
    assert visitor.get("/api/ids", damage="none").json() == {"ids": []}
    evaluated(visitor)
    assert 'name="damage" disabled' not in visitor.get("/gallery").text
    with Collection(folder) as collection:
        damages = suspected(collection)
    assert damages
    any_, none = (visitor.get("/api/ids", damage=damage).json()["ids"] for damage in ("any", "none"))
    assert sorted(any_) == sorted(damages)
    assert len({*any_, *none}) == len(any_) + len(none) == 18
    image, damage = next(iter(damages.items()))
    assert image in visitor.get("/api/ids", damage=damage).json()["ids"]
    assert f"<dd>{damage_noun(damage)}</dd>" in visitor.get(f"/detail/{image}").text
    assert visitor.get("/api/ids", damage="rain").status_code == 400
    assert visitor.get("/api/ids", words=f"damage:{damage}").json() == visitor.get("/api/ids", damage=damage).json()
    page = visitor.get("/evaluate/findings").text
    assert f'data-move="{image}"' in page
    assert "<h2>To decide</h2>" in page


@pytest.mark.parametrize("name", ["\x00", "\ud800", "~nobody-here/art", "x" * 5000])
def test_folders_that_cannot_be_are_refused(visitor, folder, name):
    for text in (name, f"{folder}/{name}"):
        headers = {"x-csrf-token": visitor.token, "content-type": "application/json"}
        body = json.dumps({"folders": text})
        refused = visitor.client.post("/c/0/api/evaluate", content=body, headers=headers)
        assert refused.status_code == 400
        assert "folder" in refused.json()["error"]


def test_guests_evaluate_the_folders_of_the_last_time_without_seeing_their_paths(visit, folder, tmp_path, make_untidy):
    own = make_untidy(tmp_path / "Ann's pictures") / "images"
    owner = visit(fresh=True, allowed=[own])
    evaluated(owner, folders=str(own))
    assert "Ann&#39;s pictures" in owner.get("/evaluate").text
    guest = visit(fresh=True, guests=True, secrets={"token": ""})
    page = guest.get("/evaluate").text
    assert str(tmp_path) not in page
    assert "Ann&#39;s" not in page
    guest.wait_for_evaluation()
    evaluated(guest, folders="")
    with Collection(folder) as collection:
        assert known_roots(collection) == [own]


def test_wrong_plans_moves_and_undos_are_refused(visitor):
    assert visitor.get("/evaluate/plan", duplicates=1).status_code == 400
    evaluated(visitor, by="technical")
    answers = [visitor.get("/evaluate/findings", groups="x")]
    answers += [visitor.get("/evaluate/plan", worst=worst) for worst in ("x", "101", "-3", "nan")]
    for name, body in (
        ("keep", {"image": 1}),
        ("move", {"duplicates": "1", "plan": "old"}),
        ("move", {}),
        ("undo", {"name": "../soart.db"}),
    ):
        answers.append(visitor.post(f"/c/0/api/evaluate/{name}", body))
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert sorted(visitor.get("/api/ids").json()["ids"]) == list(range(1, 20))


def test_only_allowed_folders_are_named(visit, tmp_path, paint):
    more = paint(tmp_path / "allowed" / "more <b>", 3, 0, vivid=True)
    hidden = paint(tmp_path / "hidden", 3, 1, vivid=True)
    (tmp_path / "allowed" / "door").symlink_to(hidden)
    visitor = visit(allowed=[tmp_path / "allowed"])
    forbidden = (hidden, tmp_path / "nothing", more / ".." / ".." / "hidden", tmp_path / "allowed" / "door", "/", "~")
    for path in forbidden:
        refused = visitor.post("/c/0/api/evaluate", {"folders": str(path)})
        assert (refused.status_code, "--allow-folders" in refused.json()["error"]) == (400, True)
    gone = visitor.post("/c/0/api/evaluate", {"folders": str(tmp_path / "allowed" / "gone")})
    assert "There is no folder" in gone.json()["error"]
    assert evaluated(visitor, folders=f" {more}\n\n{more}")["message"] == "21 pictures evaluated."
    assert "more &lt;b&gt;</textarea>" in visitor.get("/evaluate").text
    # What a collection was evaluated with belongs to it.
    other = visit(fresh=True)
    assert evaluated(other, folders=str(more))["message"] == "21 pictures evaluated."


def test_links_out_of_an_allowed_folder_are_neither_shown_nor_moved(visit, tmp_path, paint, folder):
    more = paint(tmp_path / "more", 3, 0, vivid=True)
    secret = next(paint(tmp_path / "secret", 3, 1, vivid=True).iterdir())
    (tmp_path / "secret" / "note.txt").write_text("a secret prompt")
    (more / "link.png").symlink_to(secret)
    described, *_ = sorted(path for path in more.iterdir() if not path.is_symlink())
    described.with_suffix(".txt").symlink_to(tmp_path / "secret" / "note.txt")
    visitor = visit(allowed=[more])
    assert evaluated(visitor, folders=str(more))["message"] == "20 pictures evaluated."
    assert visitor.get("/evaluate/findings").text.count("a link out of its folder; skipped") == 2
    with Collection(folder) as collection:
        assert {row.path for row in collection.images()}.isdisjoint({str(more / "link.png"), str(described)})
    assert visitor.get("/api/ids", words="secret").json()["ids"] == []
    plan = digest_of(visitor, worst="99")
    assert visitor.post("/c/0/api/evaluate/move", {"worst": "99", "plan": plan}).status_code == 200
    visitor.wait_for_evaluation()
    assert (more / "link.png").is_symlink()
    assert secret.is_file()
    assert described.is_file()


def test_links_out_that_the_owner_evaluated_are_hidden_from_guests(visit, tmp_path, paint, folder):
    more = paint(tmp_path / "more", 3, 0, vivid=True)
    disk = paint(tmp_path / "disk", 4, 1, vivid=True)
    elsewhere, *_ = sorted(disk.iterdir())
    (more / "link.png").symlink_to(elsewhere)
    (more / "folder").symlink_to(disk)
    described, *_ = sorted(path for path in more.iterdir() if path.is_file() and not path.is_symlink())
    (disk / "note.txt").write_text("a secret prompt")
    described.with_suffix(".txt").symlink_to(disk / "note.txt")
    with Collection(folder) as collection:
        before = {row.id for row in collection.images()}
        sync(collection, Scan([more], follow_links=True), LocalEngine(1))
        rows = {row.id: Path(row.path) for row in collection.images() if row.id not in before}
    hidden = {
        image for image, path in rows.items() if path == described or path.name == "link.png" or "folder" in path.parts
    }
    assert len(rows) == 7
    assert len(hidden) == 5
    owner, guest = visit(fresh=True), visit(fresh=True, guests=True, secrets={"token": ""})
    for visitor, shown in ((owner, {*rows}), (guest, {*rows} - hidden)):
        assert {*visitor.get("/api/ids").json()["ids"]} & {*rows} == shown
        cells = visitor.get("/api/cells", ids=",".join(map(str, rows))).json()["cells"]
        assert {cell["id"] for cell in cells} == shown
        assert {cell["id"] for cell in visitor.get("/api/queue", count=50).json()["cells"]} & {*rows} == shown
        for image in rows:
            for page in ("pictures/{}/small", "pictures/{}/full", "heat/{}?by=blur", "detail/{}", "optimize?image={}"):
                answer = visitor.client.get(f"/c/0/{page.format(image)}")
                assert (answer.status_code == 200) == (image in shown), (page, answer.text)
        found = visitor.get("/api/ids", words="secret").json()["ids"]
        assert bool(found) == (visitor is owner)
    assert guest.send("optimize", image=min(hidden), judge="technical", seconds=5, strength=0.5).status_code == 404
    answer = guest.send("selection/export", images=[*rows], kind="json")
    assert answer.status_code == 200, answer.text
    address = guest.send("selection/export", images=[*rows], kind="json").json()["address"]
    assert "secret" not in guest.client.get(address).text
    # Sent by another name, that of a folder that guests may see.
    allowed = visit(fresh=True, guests=True, secrets={"token": ""}, allowed=[disk])
    assert {*allowed.get("/api/ids").json()["ids"]} & {*rows} == {*rows}


def test_a_folder_that_became_a_link_is_read_no_more(visit, tmp_path, paint):
    more = paint(tmp_path / "allowed" / "more", 3, 0, vivid=True)
    hidden = paint(tmp_path / "hidden", 3, 1, vivid=True)
    visitor = visit(allowed=[tmp_path / "allowed"])
    evaluated(visitor, folders=str(more))
    plan = digest_of(visitor, worst="99")
    more.rename(tmp_path / "before")
    more.symlink_to(hidden)
    refused = visitor.post("/c/0/api/evaluate/move", {"worst": "99", "plan": plan})
    assert (refused.status_code, "--allow-folders" in refused.json()["error"]) == (400, True)
    assert len(list(hidden.iterdir())) == 3
    visitor.post("/c/0/api/evaluate")
    state = visitor.wait_for_evaluation()
    assert state["failed"]
    assert "--allow-folders" in state["message"]


def test_failures_are_messages(visitor, folder):
    assert visitor.post("/c/0/api/evaluate", {"by": "nobody"}).status_code == 400
    for path in (folder / "images").iterdir():
        path.unlink()
    visitor.post("/c/0/api/evaluate")
    state = visitor.wait_for_evaluation()
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
    page.wait_for_selector("[data-keep]")
    assert page.locator(".group").count() == 2
    page.click("[data-keep='17']")
    page.wait_for_selector("[data-keep='17'][aria-pressed='true']")
    assert page.get_attribute("[data-keep='5']", "aria-pressed") == "false"
    page.keyboard.press("u")
    page.wait_for_selector("[data-keep='17'][aria-pressed='false']")
    page.click("[data-keep='17']")
    page.wait_for_selector("[data-keep='17'][aria-pressed='true']")
    assert page.evaluate("document.activeElement.dataset.keep") == "17"
    page.click(".group .thumb >> nth=0")
    page.wait_for_selector("dialog[open] #viewer-image")
    page.keyboard.press("Escape")
    page.check("#rule [name=duplicates]")
    page.fill("#rule [name=worst]", "20")
    page.wait_for_selector("#plan h3:has-text('worst')")
    numbers = page.locator("#plan [data-picture]").evaluate_all("nodes => nodes.map((node) => node.dataset.picture)")
    moved = [int(number) for number in numbers]
    assert (5 in moved, 17 in moved) == (True, False)
    assert len({6, 18} & set(moved)) == 1
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
