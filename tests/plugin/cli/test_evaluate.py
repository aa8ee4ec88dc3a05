import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specimens.ugly import encoded, picture, write_ugly

from soart.metrics.tastes.overall import stored_name
from soart.pipelines.collection.collection import Collection
from soart.pipelines.tidying.journal import Journal


@pytest.fixture
def art(tmp_path, monkeypatch):
    """Nine pictures, one of them twice; the user's own places lie in a temporary folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "art"
    folder.mkdir()
    for k in range(9):
        (folder / f"{k}.png").write_bytes(encoded(picture(k), "PNG"))
        (folder / f"{k}.txt").write_text(f"thing {k}")
    (folder / "again.png").write_bytes(encoded(picture(3), "PNG"))
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return folder


def test_evaluate_says_what_is_there_and_opens_nothing_twice(soart, art, tmp_path):
    code, out, err = soart("evaluate", art, "--export", tmp_path / "all.csv", "--report", tmp_path / "page.html")
    assert (code, err) == (0, "")
    assert "9 pictures in 10 files (10 inspected" in out
    assert "1 exact copy" in out
    assert (tmp_path / "all.csv").read_text().count("\n") == 11
    assert "<title>soart: art</title>" in (tmp_path / "page.html").read_text()
    code, out, _ = soart("evaluate", art)
    assert code == 0
    assert "(0 inspected, 0 recognised, 10 unchanged)" in out
    assert sorted(p.name for p in art.iterdir()) == sorted(
        [*(f"{k}.{s}" for k in range(9) for s in ("png", "txt")), "again.png"]
    )


def test_evaluating_needs_no_torch_in_this_process(soart, art):
    """Only workers that measure pictures import it, which is most of the time of a run that finds nothing new."""
    soart("evaluate", art)
    code = (
        "import sys\nfrom soart.plugin.cli.app import app\n"
        f"try: app(['evaluate', {str(art)!r}, '--json'])\n"
        "finally: print([m for m in ('torch', 'sklearn', 'pandas') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert json.loads(done.stdout)["pictures"] == 9
    assert done.stderr.strip() == "[]"


def test_evaluate_as_json(soart, art, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "same.png").write_bytes((art / "0.png").read_bytes())
    code, out, _ = soart("evaluate", art, "--by", "blur", "--against", tmp_path / "other", "--top", 2, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["by"] == "blur-8"
    assert (document["pictures"], document["copies"], document["update"]["found"]) == (9, 1, 10)
    assert len(document["best"]) == 2
    assert document["against"]["shared"] == 1
    code, _, err = soart("evaluate", art, "--against", art)
    assert (code, "twice" in err) == (1, True)


def test_problems_of_tables_are_shown(soart, art):
    (art / "metadata.csv").write_text("name,text\nboat.png,a boat\n")
    said = "'art/metadata.csv', line 2: 'file_name' is missing"
    code, _, err = soart("evaluate", "art", "--report", "page.html")
    assert (code, said in err) == (0, True)
    assert "Tables beside the pictures that cannot be read" in Path("page.html").read_text()
    assert said in json.loads(soart("evaluate", "art", "--json")[1])["update"]["table_problems"][0]


def test_pictures_that_cannot_be_judged_as_json(soart, art):
    (art / "black.png").write_bytes(encoded(Image.new("RGB", (64, 64)), "PNG"))
    code, out, _ = soart("evaluate", art, "--json")
    assert (code, json.loads(out)["unfit"]) == (0, {"all black": 1})


def test_ugly_folders_end_well(soart, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    broken, odd = write_ugly(tmp_path / "ugly")
    code, out, err = soart("evaluate", tmp_path / "ugly", "--top", 100)
    assert code == 0
    assert f"{len(odd)} pictures" in out
    told_beside = sum(map(int, re.findall(r"The same is true of (\d+) other files\.", err)))
    assert len(err.splitlines()) + told_beside == len(broken) + 1
    assert "\nline.jpg" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing"], 1, "There is no picture in"),
        (["art", "--only", "*.xyz"], 1, "There is no picture in 'art' whose name or path matches '*.xyz'."),
        (["art", "--export", "x.xls"], 2, "ends in .csv, .json, .parquet"),
        (["art", "--set", "engine=steam"], 2, "local, ray"),
        (["art", "--by", "nobody"], 1, "There is no judge 'nobody'"),
        (["art", "--set", "workers=0"], 2, "whole number of at least 1"),
        (["art", "--report", "no/such/page.html"], 1, "cannot be written"),
        (["art", "--report", "page.pdf"], 1, "is a page: name a file that ends in .html, or a folder"),
        ([], 2, "Missing argument"),
        ([""], 2, "FOLDERS: it is empty"),
        (["art", ""], 2, "FOLDERS: it is empty"),
        (["art", "--against", ""], 2, "--against: it is empty"),
        (["art", "--report", ""], 2, "--report: it is empty"),
        (["art", "--report", "a.html", "--report", "a.html"], 2, "got 'a.html', 'a.html'"),
        (["art", "--report", "a.html", "--report", "b"], 2, "got 'a.html', 'b'"),
        (["art", "--report", "art"], 1, "would lie among the pictures of 'art'"),
        (["art", "--report", "art/page"], 1, "would lie among the pictures of 'art'"),
        (["art/0.png", "--against", "art", "--report", "way/page"], 1, "would lie among the pictures of 'art'"),
    ],
)
def test_mistakes_are_one_sentence(soart, art, arguments, code, said):
    (art.parent / "way").symlink_to(art)
    before = sorted(art.parent.rglob("*.*"))
    found, _, err = soart("evaluate", *arguments)
    assert found == code
    assert said in " ".join(err.replace("│", " ").split())
    assert [path for path in sorted(art.parent.rglob("*.*")) if "data" not in path.parts] == before


@pytest.mark.parametrize("command", [["evaluate"], ["cull", "--to", "out", "--worst", "50"], ["label", "--xmp"]])
@pytest.mark.parametrize("folder", ["empty", "art"])
def test_a_folder_without_pictures_makes_no_collection(soart, art, command, folder):
    Path("empty").mkdir()
    if folder == "empty":
        Path("empty/notes.txt").write_text("no picture")
    only, where = (["--only", "*.webp"], " whose name or path matches '*.webp'") if folder == "art" else ([], "")
    for more in ([], *([["--collection", "new"]] if command == ["evaluate"] else [])):
        code, _, err = soart(command[0], folder, *command[1:], *more, *only)
        assert (code, " ".join(err.split())) == (1, f"Error: There is no picture in '{folder}'{where}.")
    assert not any(Path(name).exists() for name in ("data", "new"))


@pytest.mark.parametrize("command", [["evaluate"], ["cull", "--to", "out", "--worst", "50"], ["label", "--xmp"]])
def test_a_misspelt_folder_makes_no_collection(soart, tmp_path, monkeypatch, command):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    code, _, err = soart(command[0], tmp_path / "none", *command[1:])
    assert (code, "does not exist" in " ".join(err.split())) == (1, True)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["cull", "label"])
def test_a_folder_without_a_name_is_not_the_one_we_are_in(soart, art, monkeypatch, command):
    monkeypatch.chdir(art)
    code, out, err = soart(command, "", *(["--to", "out", "--worst", 50] if command == "cull" else ["--xmp"]))
    assert (code, out, "it is empty" in err) == (2, "", True)


def test_one_change_is_counted_as_one(soart, tmp_path):
    (tmp_path / "a.png").touch()
    journal = Journal(tmp_path / "undo.jsonl")
    journal.move(tmp_path / "a.png", tmp_path / "out" / "a.png")
    journal.close()
    assert soart("undo", tmp_path / "undo.jsonl") == (0, "1 change undone\n", "")


def test_a_page_of_one_file_may_lie_among_the_pictures(soart, art):
    assert soart("evaluate", art, "--report", art / "page.html")[0] == 0
    assert "10 unchanged" in soart("evaluate", art)[1]


def test_cull_annotate_and_undo(soart, art, tmp_path):
    before = {p.name: p.read_bytes() for p in art.iterdir()}
    code, out, _ = soart("cull", art, "--duplicates", "--worst", 25, "--to", tmp_path / "out", "--dry-run")
    assert code == 0
    assert "Would move: 1 duplicates, 2 low, of 9 pictures" in out
    assert not (tmp_path / "out").exists()
    moves = [line for line in out.splitlines() if " → " in line]
    (staying,) = re.findall(r"/out/duplicates/\S+ \(stays: (\S+)\)$", "\n".join(moves), re.MULTILINE)
    assert (art / staying).exists()
    assert not any(line.startswith(f"{staying} ") for line in moves)
    code, out, _ = soart("cull", art, "--duplicates", "--worst", 25, "--to", tmp_path / "out", "--json")
    document = json.loads(out)
    assert [move["stays"] for move in document["moves"] if move["stays"]] == [str(art / staying)]
    assert document["moved"] == 3
    gone = len(before) - sum(1 for _ in art.iterdir())
    assert soart("undo", document["undo_file"])[:2] == (0, f"{gone} changes undone\n")
    assert {p.name: p.read_bytes() for p in art.iterdir()} == before
    out = soart("label", art, "--xmp", "--dry-run")[1]
    assert len(re.findall(r"\.png: (?:1 star|[2-5] stars)$", out, re.MULTILINE)) == 10
    assert soart("label", art, "--matching", "3", "--xmp", "--dry-run")[1].endswith("\nWould annotate 1 file\n")
    code, out, _ = soart("label", art, "--xmp", "--png")
    undo_file = re.search(r"To undo: soart undo (\S+)", out)[1]
    assert (code, (art / "0.xmp").exists()) == (0, True)
    assert "Annotated 10 files" in out
    code, out, _ = soart("label", art, "--xmp", "--png")
    assert (code, out) == (0, "Nothing to write: the annotations of 10 files are there already\n")
    assert soart("undo", undo_file)[0] == 0
    assert {p.name: p.read_bytes() for p in art.iterdir()} == before
    code, _, err = soart("undo", undo_file)
    assert (code, "There is no undo file" in err) == (1, True)
    code, _, err = soart("cull", art, "--to", tmp_path / "out")
    assert (code, "say what to move" in err) == (2, True)


@pytest.mark.parametrize("to", ["art/0.txt", "art/0.txt/deep/er"])
@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_nothing_is_moved_to_or_below_a_file(soart, art, to, more):
    code, out, err = soart("cull", art, "--worst", 50, "--to", to, *more)
    assert (code, out) == (1, "")
    assert err.endswith("art/0.txt' is not a folder.\n")
    assert (art / "0.txt").read_text() == "thing 0"


def test_cull_counts_what_was_moved(soart, art, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "low").write_text("in the way")
    before = sorted(art.iterdir())
    code, out, err = soart("cull", art, "--worst", 25, "--to", "out")
    assert (code, out) == (1, "Moved: nothing, of 9 pictures\n")
    assert err.count("cannot be moved: ") == 2
    assert sorted(art.iterdir()) == before
    code, out, _ = soart("cull", art, "--worst", 25, "--to", "out", "--json")
    document = json.loads(out)
    assert (code, document["moved"], document["moves"], document["undo_file"]) == (1, 0, [], None)
    code, out, err = soart("cull", art, "--worst", 25, "--duplicates", "--to", "out")
    assert (code, err.count("cannot be moved: ")) == (1, 2)
    assert out.startswith("Moved: 1 duplicates, of 9 pictures\n")
    assert len(list(art.iterdir())) < len(before)


def everything_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_what_was_culled_is_not_culled_again(soart, art, tmp_path, monkeypatch):
    before = everything_in(art)
    monkeypatch.chdir(art)
    files = []
    for names in (4, 6):
        code, out, _ = soart("cull", ".", "--worst", 50, "--to", "culled", "--json")
        files.append(json.loads(out)["undo_file"])
        assert code == 0
        assert sum(path.suffix == ".png" for path in (art / "culled" / "low").iterdir()) >= names
    assert not (art / "culled" / "low" / "culled").exists()
    # A link is no way in.
    (tmp_path / "way").symlink_to(art / "culled")
    assert soart("cull", tmp_path / "way", "--worst", 50, "--to", "culled")[0] == 1
    assert len({*files}) == 2
    for file in reversed(files):
        assert soart("undo", file)[0] == 0
    assert everything_in(art) == before


@pytest.mark.parametrize("to", [".", "art", "art/../art/"])
def test_the_folder_looked_at_cannot_take_what_is_culled(soart, art, to):
    before = everything_in(art)
    code, out, err = soart("cull", "art", "--worst", 50, "--to", to)
    assert (code, out, "is, or contains, a folder that is read" in err) == (1, "", True)
    assert everything_in(art) == before


def test_undo_leaves_folders_that_were_there_or_hold_something(soart, art, tmp_path):
    (tmp_path / "out").mkdir()
    done = json.loads(soart("cull", art, "--worst", 25, "--duplicates", "--to", "out/deep", "--json")[1])
    (tmp_path / "out" / "deep" / "low" / "mine.txt").write_text("mine")
    assert soart("undo", done["undo_file"])[0] == 0
    assert sorted(everything_in(tmp_path / "out")) == ["deep", "deep/low", "deep/low/mine.txt"]


def test_annotations_that_write_nothing_are_refused(soart, art):
    code, _, err = soart("label", art, "--xmp", "--rater", "nobody")
    assert (code, err.endswith("; nobody has.\n")) == (1, True)
    for wrong, words in (
        (("--xmp", "--tag", "x"), "label the pictures first"),
        (("--dry-run",), "for --xmp and --png"),
    ):
        code, _, err = soart("label", art, *wrong)
        assert (code, words in " ".join(err.split())) == (2, True)
    assert soart("label", art, "--png")[0] == 0
    assert not (art / "0.xmp").exists()


def test_the_best_are_few_of_one_prompt_and_all_with_alike(soart, tmp_path):
    folder = tmp_path / "all"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(12):
        noise = rng.integers(0, 90 if number < 6 else 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("one prompt" if number < 6 else f"prompt {number}")
    line = ("rank", folder, "--by", "technical", "--top", 5)
    document = json.loads(soart(*line, "--json")[1])
    prompts = {one["place"]: one["prompt"] for one in document["ranking"]}
    assert [*prompts] == [*range(1, 13)]
    best = [one["place"] for one in document["best"]]
    left = sorted(place for one in document["best"] for place in one["alike"])
    # All others are clearly worse.
    assert [prompts[place] for place in best].count("one prompt") == 3
    assert sorted([*best, *left]) == [*range(1, best[-1] + 1)]
    out = soart(*line)[1]
    assert "  alike  " in out
    assert f"… and 7 more, {len(left)} of them like a better one above: --alike shows these too." in out
    every = json.loads(soart(*line, "--alike", "--json", "--copy-to", tmp_path / "best")[1])
    assert [one["place"] for one in every["best"]] == [1, 2, 3, 4, 5]
    assert every["ranking"] == document["ranking"]
    assert len([*(tmp_path / "best").glob("*.png")]) == 5


def test_a_folder_named_from_another_one_is_the_same(soart, art, tmp_path, monkeypatch):
    (art / "sub").mkdir()
    (art / "again.png").rename(art / "sub" / "again.png")
    soart("evaluate", art)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (art / "8.png").unlink()
    code, out, _ = soart("evaluate", "../art", "--report", tmp_path / "page.html")
    assert (code, "(0 inspected, 0 recognised, 9 unchanged, 1 missing)" in out) == (0, True)
    assert "<title>soart: art</title>" in (tmp_path / "page.html").read_text()
    code, out, _ = soart("cull", "../art", "--below", 101, "--to", "../out", "--json")
    moves = {step["from"]: step["to"] for step in json.loads(out)["moves"]}
    assert moves[str(art / "sub" / "again.png")] == str(tmp_path / "out" / "low" / "sub" / "again.png")
    assert (tmp_path / "out" / "low" / "sub" / "again.png").exists()


def test_what_was_culled_is_not_rated_and_counts_again_when_it_is_back(soart, art, tmp_path):
    done = json.loads(soart("cull", art, "--worst", 50, "--to", tmp_path / "out", "--json")[1])
    moved = {path.name for path in (tmp_path / "out").rglob("*.png")}
    assert len(moved) >= 4
    rated = json.loads(soart("start", art, "--json", stdin="1" * 20)[1])["ratings"]
    assert {Path(path).name for path in rated} == {f"{k}.png" for k in range(9)} - moved
    soart("undo", done["undo_file"])
    assert json.loads(soart("evaluate", art, "--json")[1])["pictures"] == 9
    rated = json.loads(soart("start", art, "--json", stdin="1" * 20)[1])["ratings"]
    assert {Path(path).name for path in rated} == {f"{k}.png" for k in range(9)} & moved


def test_an_export_that_fails_does_not_keep_the_others_and_the_page_from_being_written(soart, art, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    exports = ("--export", "a.parquet", "--export", "b.csv", "--report", "page.html")
    code, out, err = soart("evaluate", "art", "--by", "blur", *exports)
    assert (code, "Error: Parquet needs the package pyarrow" in err) == (1, True)
    assert ("Written: b.csv" in out, "a.parquet" in out) == (True, False)
    assert Path("b.csv").read_text().count("\n") == 11
    assert Path("page.html").exists()
    code, out, err = soart("evaluate", "art", "--by", "blur", *exports, "--json")
    assert (code, json.loads(out)["exports"], err.count("Error: ")) == (1, ["b.csv"], 1)


@pytest.mark.skipif(os.name == "nt", reason="the system refuses such names")
def test_names_of_files_steer_no_terminal_and_disguise_nothing(soart, art):
    # Among them a copy, a black picture and a file that is none.
    folder = art / "a\x1b[2Jb\u202ec"
    folder.mkdir()
    contents = [encoded(picture(k), "PNG") for k in (20, 21, 22, 3)]
    for k, content in enumerate([*contents, b"no picture"]):
        (folder / f"\x1b[31m{k}\x9b2K\u2066gnp.png").write_bytes(content)
    (folder / "black\u202e.png").write_bytes(encoded(Image.new("RGB", (64, 64)), "PNG"))
    name = "\x1b[31m\u202e"
    lines = [
        ("evaluate", "art", "--export", f"{name}.csv", "--report", f"{name}.html", "--top", 20),
        ("rank", "art", "--by", "blur", "--top", 20, "--report", f"{name}rank.html", "--copy-to", f"{name}copies"),
        ("find", "--like", folder / "black\u202e.png", "art", "--network", "none", "--top", 20),
        ("find", "--like", folder / "\x1b[31m0\x9b2K\u2066gnp.png", "art", "--network", "none", "--top", 20),
        ("keep", "art", "--group", "look-alike", "--by", "blur"),
        ("cull", "art", "--duplicates", "--to", f"{name}culled", "--by", "blur", "--dry-run"),
        ("cache",),
        ("cache", f"{name}nothing"),
        ("evaluate", f"{name}nothing"),
    ]
    said = ["".join(soart(*line)[1:]) for line in lines]
    for shown in (*said, *(Path(f"{name}{end}").read_text() for end in (".csv", ".html", "rank.html"))):
        assert not {*shown} & {*"\x1b\x9b\u202e\u2066"}
        # A long path is wrapped.
        assert "\\x1b" in "".join(shown.split())


def test_models_count_in_places_unless_they_are_switched_off(soart, tmp_path, make_drawn, monkeypatch):
    place, name = tmp_path / "collection", stored_name()
    with Collection(place) as collection:
        rows = [
            row
            for start, model in ((0, "good"), (50, "bad"))
            for row in collection.add_drawn([make_drawn(start + k, f"thing {k}") for k in range(6)], model, "s")
        ]
        scores = [52.0, 53, 54, 55, 56, 30, 40, 41, 42, 43, 44, 32]
        collection.set_scores(name, dict(zip([row.id for row in rows], scores, strict=True)))

    def ranked(*options):
        found = json.loads(soart("rank", place, "--json", *options)[1])["ranking"]
        return [(one["score"], one["effect"]) for one in found]

    moved = ranked()
    assert [score + effect for score, effect in moved] == sorted((a + b for a, b in moved), reverse=True)
    assert [score for score, _ in moved] != sorted(scores, reverse=True)
    assert "  effect  " in soart("rank", place)[1]
    plain = [(score, 0.0) for score in sorted(scores, reverse=True)]
    assert ranked("--set", "model_effect=off") == plain
    monkeypatch.setenv("SOART_MODEL_EFFECT", "off")
    assert ranked() == plain
    assert ranked("--set", "model_effect=on") == moved
    monkeypatch.delenv("SOART_MODEL_EFFECT")
    export = tmp_path / "all.json"
    best = json.loads(soart("evaluate", place, "--json", "--top", 12, "--export", export)[1])["best"]
    assert [one["score"] for one in best] == [score for score, _ in moved[: len(best)]]
    records = sorted(json.loads(export.read_text()), key=lambda one: one["place"])
    assert [(one["score"], one["effect"]) for one in records] == moved
    assert [one["place"] for one in records] == [*range(1, 13)]
    assert soart("rank", place, "--set", "model_effect=no")[0] == 2
