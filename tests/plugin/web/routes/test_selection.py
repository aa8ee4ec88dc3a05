"""Many pictures at once: rate, label, move away, export; and the original files."""

import io
import json
import shutil
import zipfile

import pytest
from specimens.scanning import update

from soart.errors import CollectionError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import TAG, label_counts
from soart.pipelines.collection.ratings import judged_pictures, ratings
from soart.pipelines.collection.tables import ImageRow


def select(visitor, action, **body):
    return visitor.send(f"selection/{action}", **body)


def test_many_pictures_are_rated_and_that_is_undone(visitor, folder):
    visitor.send("rate", image=2, stars=1)
    answer = select(visitor, "rate", images=[1, 2, 3, 3, 999], stars=4).json()
    assert answer == {"before": [[1, None], [2, 1], [3, None]]}
    with Collection(folder) as collection:
        assert ratings(collection, "me") == {1: 4, 2: 4, 3: 4}
        # Another tab rates one of them since: undo leaves that one alone.
        visitor.send("rate", image=3, stars=0)
        now = select(visitor, "rate", before=answer["before"], stars=4).json()["now"]
        assert now == [[1, None], [2, 1], [3, 0]]
        assert ratings(collection, "me") == {2: 1}
        assert judged_pictures(collection, "me") == {2, 3}


def test_labels_are_given_counted_and_filter(visitor):
    assert select(visitor, "label", kind="tag", name="sea side", images=[1, 2]).json() == {"changed": [1, 2]}
    assert select(visitor, "label", kind="album", name="best", images=[2, 3]).json() == {"changed": [2, 3]}
    assert select(visitor, "label", kind="favourite", images=[4]).json() == {"changed": [4]}
    assert visitor.get("/api/labels").json() == {"tag": [["sea side", 2]], "album": [["best", 2]]}
    for query, found in (({"tag": "sea side"}, [2, 1]), ({"album": "best"}, [3, 2]), ({"favourite": "1"}, [4])):
        assert visitor.get("/api/ids", **query).json()["ids"] == found
    cells = visitor.get("/api/cells", ids="3,4").json()["cells"]
    assert [cell["favourite"] for cell in cells] == [False, True]
    assert '<option value="sea side"' in visitor.get("/gallery").text
    page = visitor.get("/detail/2").text
    assert "sea side" in page
    assert "best" in page
    assert select(visitor, "label", kind="tag", name="sea side", images=[2], on=False).json() == {"changed": [2]}
    assert visitor.get("/api/labels").json()["tag"] == [["sea side", 1]]


@pytest.mark.parametrize(("action", "body"), [
    ("rate", {"images": [], "stars": 3}), ("rate", {"images": [1], "stars": 9}), ("rate", {"images": ["x"], "stars": 3}),
    ("rate", {"before": [[1]], "stars": 3}), ("rate", {"before": [3], "stars": 3}), ("rate", {"images": [1], "stars": 3, "rater": "zoe"}),
    ("label", {"images": [1], "kind": "tag", "name": ""}), ("label", {"images": [1], "kind": "colour", "name": "x"}),
    ("label", {"images": "1", "kind": "tag", "name": "x"}), ("export", {"images": [1], "kind": "exe"}),
    ("export", {"images": [999], "kind": "zip"}), ("move", {"images": []}), ("move", {"images": [999]}),
])  # fmt: skip
def test_wrong_requests_are_refused(reader, action, body):
    assert select(reader, action, **body).status_code == 400


def test_selected_pictures_are_moved_away_and_back(visitor, folder):
    name = select(visitor, "move", images=[5, 7]).json()["undo"]
    assert visitor.wait_for("evaluate")["message"] == "2 files moved away."
    assert {5, 7}.isdisjoint(visitor.get("/api/ids").json()["ids"])
    assert visitor.send("evaluate/undo", name=name).status_code == 200
    assert visitor.wait_for("evaluate")["message"] == "2 files brought back."
    assert {5, 7} <= set(visitor.get("/api/ids").json()["ids"])


def export(visitor, kind, images):
    address = select(visitor, "export", images=images, kind=kind).json()["address"]
    return visitor.client.get(address)


def test_a_selection_is_exported(visitor, folder):
    select(visitor, "label", kind="tag", name="boat", images=[3])
    answer = export(visitor, "zip", [3, 2])
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''things.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        table = json.loads(archive.read("pictures.json"))
        assert [record["tags"] for record in table] == ["boat", None]
        assert archive.read(table[0]["file"]) == visitor.get("/download/3").content
        assert table[0]["path"].startswith(str(folder))
    assert export(visitor, "csv", [1]).text.startswith("file,path,sha256")
    assert [record["prompt"] for record in export(visitor, "json", [4]).json()] == ["a red thing number 3"]
    assert visitor.client.get("/c/0/export/guess").status_code == 404


def test_a_path_that_no_file_can_have_is_a_missing_file(visitor, folder):
    with Collection(folder) as collection, collection.session("be written", write=True) as session:
        row = session.get(ImageRow, collection.images()[0].id)
        row.path = f"/{folder.name}\0/a.png"
    for page in ("/download/{}", "/pictures/{}/full", "/heat/{}"):
        assert visitor.get(page.format(row.id)).status_code == 404
    for page in ("/detail/{}", "/optimize?image={}", "/api/cells?ids={}"):
        assert visitor.client.get(f"/c/0{page.format(row.id)}").status_code == 200
    with Collection(folder) as collection:
        assert not collection.holds(row)
    with pytest.raises(CollectionError, match="zero byte"):
        Collection("art\0")


def test_the_original_file_is_downloaded_byte_for_byte(visitor, folder):
    with Collection(folder) as collection:
        row = collection.images()[2]
        path = collection.locate(row)
    answer = visitor.get(f"/download/{row.id}")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{path.name}"
    path.write_bytes(b"another file")
    assert visitor.get(f"/download/{row.id}").status_code == 404


def test_the_files_of_a_move_are_counted_with_exact_copies(visitor, folder):
    with Collection(folder) as collection:
        file = collection.locate(collection.images()[0])
        shutil.copy(file, file.with_name("copy.png"))
        update(collection, file.parent)
    planned = visitor.send("selection/plan", images=[1, 2]).json()
    assert planned == {"files": 3, "folder": str(folder / "culled" / "selected")}
    assert visitor.send("selection/plan", images=[999]).status_code == 400


def test_a_guest_exports_neither_paths_nor_texts_and_moves_nothing(visit, folder):
    guest = visit(guests=True, secrets={"token": ""})
    assert guest.send("selection/move", images=[1]).status_code == 403
    assert guest.send("selection/plan", images=[1]).status_code == 403
    assert str(folder) not in export(guest, "csv", [1]).text
    with zipfile.ZipFile(io.BytesIO(export(guest, "zip", [1]).content)) as archive:
        assert all(str(folder).encode() not in archive.read(name) for name in archive.namelist())
        assert len(archive.namelist()) == 3
    with Collection(folder) as collection:
        collection.locate(collection.images()[0]).unlink()
    assert str(folder) not in guest.client.get("/c/0/download/1").text
    assert guest.send("selection/label", rater="guest", kind="tag", name="x", images=[1]).status_code == 200
    with Collection(folder) as collection:
        assert label_counts(collection, TAG) == {"x": 1}
