import io
import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.protocols import Measures
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.ingest.roots import existing_collection, open_collection_for, remember_roots
from soart.pipelines.ingest.scan import find_pictures
from soart.pipelines.scoring.measuring import import_pictures
from soart.pipelines.scoring.taste_store import TasteStore, tastes_of
from soart.pipelines.tastes.learning import taste_extractor
from soart.pipelines.tastes.rating_session import RatingSession
from soart.plugin.cli import keys


@pytest.fixture(scope="module")
def world(tmp_path_factory, paint):
    root = tmp_path_factory.mktemp("cli")
    paint(root / "good", 6, 1, vivid=True)
    paint(root / "bad", 6, 2, vivid=False)
    paint(root / "pool", 4, 3, vivid=True)
    paint(root / "pool", 4, 4, vivid=False)
    return root


@pytest.fixture
def mine(soart, world):
    """A taste that was learnt by the command line."""
    setting = ("--set", f"tastes={world / 'P'}")
    if not (world / "P" / "mine.taste.safetensors").exists():
        examples = ("--good", world / "good", "--bad", f"grey={world / 'bad'}")
        assert soart("taste", "learn", "mine", *examples, *setting)[0] == 0
    return setting


def test_the_taste_of_a_rated_folder_is_known_everywhere(soart, world, mine, tmp_path, monkeypatch):
    """After ``soart start`` only a ranking of the same folder knew it."""
    for name in ("DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    assert "soart start FOLDER" in soart("taste", "show")[1]
    assert "you have no taste yet, soart start FOLDER learns one" in soart("rank", world / "pool", "--by", "me")[2]
    with open_collection_for([str(world / "good")])[0] as collection:
        remember_roots(collection, [world / "good"])
        rated = tastes_of(collection.file("")).path("mine")
    rated.parent.mkdir(exist_ok=True)
    shutil.copy(world / "P" / "mine.taste.safetensors", rated)
    [listed] = json.loads(soart("taste", "show", "--json")[1])["tastes"]
    assert (listed["name"], listed["ratings"]) == ("mine", "good")
    for line in (("taste", "show", "mine"), ("rank", world / "pool", "--by", "mine")):
        code, _, err = soart(*line)
        assert (code, err.count("The taste 'mine' was learnt from ratings in 'good'.")) == (0, 1), err
    assert "ratings in" not in soart("rank", world / "good", "--by", "mine")[2]
    assert '"mine"' in soart("list", "judges", "--json")[1]
    code, _, err = soart("taste", "delete", "mine", "--yes")
    assert (code, rated.exists()) == (0, False), err
    shutil.copy(world / "P" / "mine.taste.safetensors", rated)
    # A taste of the user's own goes before it, and a folder that is named holds all that count.
    shutil.copytree(world / "P", tmp_path / "config" / "soart" / "tastes")
    assert json.loads(soart("taste", "show", "--json")[1])["tastes"][0]["ratings"] is None
    assert "There is no taste 'mine'" in soart("taste", "show", "mine", "--set", f"tastes={tmp_path}")[2]


def test_learn_show_rank(soart, world, mine, tmp_path):
    code, out, _ = soart("taste", "learn", "again", "--good", world / "good", "--bad", world / "bad", *mine, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["trust"]["word"] in ("usable", "strong")
    assert facts["method"] == "mixture"
    code, _, err = soart("taste", "show", "mine", "nowhere", "--report", tmp_path / "none.html", *mine)
    assert (code, err.splitlines()) == (
        1, ["'nowhere' does not exist.", "Error: No picture could be scored for the report."]
    )  # fmt: skip
    assert not (tmp_path / "none.html").exists()
    code, out, _ = soart("taste", "show", "mine", world / "pool", "--report", tmp_path / "r.html", *mine)
    assert code == 0
    assert "of 100 pairs of other pictures it orders about" in out
    assert "Report:" in out
    assert (tmp_path / "r.html").read_text(encoding="utf-8").count("data:image/png") == 16
    listed = json.loads(soart("taste", "show", *mine, "--json")[1])["tastes"]
    assert [t["name"] for t in listed] == ["again", "mine"]
    code, out, _ = soart("rank", world / "pool", "--by", "mine", *mine, "--json")
    ranking = json.loads(out)
    assert code == 0
    assert ranking["by"] == "taste:mine"
    assert all("/3-" in r["path"] for r in ranking["ranking"][:4])
    code, _, err = soart("taste", "learn", "again", "--good", world / "bad", "--bad", world / "good", *mine)
    assert code == 0
    assert "It replaced the taste of that name saved on 20" in err


def test_explain(soart, world, mine, tmp_path):
    picture = world / "pool" / "4-0.png"
    code, out, _ = soart("taste", "show", "mine", picture, "--picture", tmp_path / "h.png", *mine)
    assert code == 0
    assert "of 100, percentile" in out
    with Image.open(tmp_path / "h.png") as heat:
        assert heat.size == (20, 20)
    assert soart("taste", "show", "mine", picture, "--picture", tmp_path / "h.jpg", *mine)[0] == 0
    with Image.open(tmp_path / "h.jpg") as heat:
        assert heat.format == "JPEG"
    told = json.loads(soart("taste", "show", "mine", picture, *mine, "--json")[1])
    assert len(told["heat"]) == 2
    assert told["score"] < 50
    assert any(example["file"] for reason in told["reasons"] for example in reason.get("examples", ()))
    # The pictures that were learnt from are named, also in a ranking and in its report, which shows them.
    assert re.search(r"(?<!un)like (this|these) you (dis)?liked: \d-\d\.png", out)
    page = tmp_path / "ranking.html"
    ranked = soart("rank", world / "pool", "--by", "mine", *mine, "--report", page)[1]
    assert re.search(r"like (this|these) you (dis)?liked: \d-\d\.png", ranked)
    assert page.read_text(encoding="utf-8").count("data:image/jpeg") >= 4
    # Of several judges the name of the taste is told, in the unit that all have together.
    ranked = soart("rank", world / "pool", "--by", "mine", "--by", "blur=0.5", *mine)[1]
    assert re.search(r"[+−] mine \d+ of 100", ranked)
    assert "Ranked by taste: mine + freedom from blur, in standard deviations of these pictures." in ranked


def test_rate_next_and_learn_from_ratings(soart, world, mine, tmp_path):
    folder = tmp_path / "collection"
    with Collection(folder) as collection:
        import_pictures(collection, find_pictures([world / "pool"])[0], Measures(taste_extractor()))
    code, out, _ = soart("start", folder, "--terminal", "-n", 4, stdin="5u4x9\n1 q\n")
    assert code == 0
    assert "undone" in out
    assert "rating from 1 to 5" in out
    with Collection(folder) as collection:
        assert sorted(ratings(collection, "me").values()) == [1, 4]
    told = json.loads(soart("start", folder, "--json", stdin="3n2u")[1])
    assert (told["left"], [*told["ratings"].values()], len(told["not_for_me"])) == (3, [3], 1)
    told = json.loads(soart("taste", "show", "mine", folder, "--next", 2, *mine, "--json")[1])
    assert len(told["pictures"]) <= 2
    assert soart("taste", "show", "mine", folder, "--next", 8, *mine)[0] == 0
    with Collection(folder) as collection:
        tastes_of(folder).save(replace(TasteStore(world / "P").load("mine"), name="me"))
        rows = {row.id for row in collection.images()} - {*ratings(collection, "me")}
    told = json.loads(soart("start", folder, "--json", "-n", 1, stdin="q")[1])
    assert (told["left"], len(rows)) == (1, 4)
    with Collection(folder) as collection:
        rate(collection, "me", dict.fromkeys(rows, 5.0))
    code, out, _ = soart("taste", "learn", "rated", "--collection", folder, *mine, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["trust"]["word"] == "too few examples"
    code, _, err = soart("rank", world / "pool", "--by", "rated", *mine)
    assert code == 0
    assert "not reliable yet" in err


def test_a_rater_is_named_in_the_next_command_and_missed_if_misspelt(soart, world, mine, tmp_path):
    folder = tmp_path / "a collection"
    with Collection(folder) as collection:
        import_pictures(collection, find_pictures([world / "pool"])[0][:2], TechnicalJudge.load())
        rate(collection, "ann", dict(zip((row.id for row in collection.images()), (5.0, 1.0), strict=True)))
    for rater in ("anne", "me"):
        code, _, err = soart("taste", "learn", "hers", "--collection", folder, "--rater", rater, *mine)
        assert (code, f"'{rater}' has not rated" in err, "'ann'" in err) == (1, True, True)
    both = ("--good", world / "good", "--bad", world / "bad", "--network", "none")
    code, _, err = soart("taste", "learn", "hers", *both, "--collection", folder, "--rater", "anne", *mine)
    assert (code, "'anne' has not rated" in err) == (1, True)


def test_compare_blend_export_import(soart, world, mine, tmp_path):
    soart("taste", "learn", "grey", "--good", world / "bad", "--bad", world / "good", *mine)
    pair = ("taste", "show", "mine", world / "pool", "--against", "grey", *mine)
    code, out, _ = soart(*pair, "--picture", tmp_path / "apart.png")
    assert code == 0
    assert "rank correlation −" in out
    assert "Judged most differently, in percentiles of the compared pictures:" in out
    with Image.open(tmp_path / "apart.png") as sheet:
        assert sheet.width == 640
    told = json.loads(soart(*pair, "--json")[1])
    assert len(told["rank_correlation"]) == 2
    same = ("taste", "show", "mine", world / "pool", "--against", "mine", *mine)
    code, out, err = soart(*same, "--picture", tmp_path / "alike.png")
    assert (code, "No picture is judged differently by 10 percentiles or more." in out) == (0, True)
    assert ("is not written" in err, (tmp_path / "alike.png").exists()) == (True, False)
    assert json.loads(soart(*same, "--json")[1])["disagreements"] == []
    code, out, _ = soart("taste", "learn", "ours", "--blend", "mine=3", "--blend", "grey", *mine, "--json")
    assert code == 0
    assert "0.75 mine" in json.loads(out)["method"]
    file, other = tmp_path / "wide.safetensors", ("--set", f"tastes={tmp_path / 'Q'}")
    code, out, _ = soart("taste", "learn", "wide", "--blend", "mine", "--blend", "technical=3", *mine)
    assert (code, "wide: 0.25 mine + 0.75 technical; saved" in out) == (0, True)
    assert soart("taste", "show", "wide", "--export", file, *mine)[0] == 0
    code, out, _ = soart("taste", "import", file, "theirs", *other, "--json")
    assert (code, json.loads(out)["name"]) == (0, "theirs")
    assert "0.25 mine + 0.75 technical" in soart("taste", "show", *other)[1]
    assert soart("rank", world / "pool", "--by", "theirs", *other)[0] == 0
    assert soart("taste", "delete", "theirs", "--yes", *other)[0] == 0
    assert list((tmp_path / "Q").iterdir()) == []
    file.write_bytes(file.read_bytes()[:-8])
    code, _, err = soart("taste", "import", file, "--set", f"tastes={tmp_path / 'R'}")
    assert code == 1
    assert err.count("\n") == 1
    assert not (tmp_path / "R").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("taste", "learn", "x"), 2),
        (("taste", "learn", "a/b", "--good", "G"), 1),
        (("taste", "learn", "blur", "--good", "G", "--bad", "B"), 1),
        (("taste", "learn", "x", "--good", "G"), 1),
        (("taste", "learn", "x", "--good", "G", "--bad", "good=B"), 2),
        (("taste", "learn", "x", "--good", "G", "--bad", "G"), 1),
        (("taste", "show", "nobody", "p.png"), 1),
        (("taste", "show", "mine", "G"), 2),
        (("taste", "show", "mine", "--next", "8"), 2),
        (("taste", "show", "mine", "G", "--next", "8", "--against", "other"), 2),
        (("taste", "learn", "x", "--blend", "a=b"), 2),
        (("taste", "learn", "x", "--blend", "a", "--good", "G"), 2),
        (("taste", "import", "nothing"), 1),
        (("start", "nowhere", "--terminal"), 1),
        (("taste", "learn", "x", "--collection", "nowhere"), 1),
        (("rank", "G", "--by", "nobody"), 1),
    ],
)
def test_mistakes_end_in_one_sentence(soart, world, tmp_path, arguments, code):
    named = [str(world / "good") if a == "G" else str(a).replace("=B", f"={world / 'bad'}") for a in arguments]
    got, _, err = soart(*named, "--set", f"tastes={tmp_path / 'P'}")
    assert got == code
    if code == 1:
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
    assert not list(tmp_path.rglob("*.safetensors"))


def test_keys_without_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1 2\nXu\n"))
    assert list(keys.keys()) == ["1", "2", "x", "u"]


def test_the_last_key_can_be_taken_back_in_a_terminal(world, tmp_path, monkeypatch, capsys):
    with Collection(tmp_path / "c") as collection:
        rows, _ = import_pictures(collection, find_pictures([world / "pool"])[0][:2], Measures(taste_extractor()))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        assert keys.rate_by_keys(RatingSession(collection, "me", rows), iter("51u4 "))
        assert ratings(collection, "me") == {rows[0].id: 5, rows[1].id: 4}
    assert "Press u to undo it" in capsys.readouterr().out


def test_ratings_of_a_script_that_cannot_be_stored_end_it(soart, collection, make_drawn):
    """Its next key would count for the same picture."""
    collection.add_drawn([make_drawn(k) for k in range(3)], "m", "DDIM")
    with collection.session("be written", write=True) as session:
        session.execute(text("CREATE TRIGGER full BEFORE INSERT ON ratings BEGIN SELECT RAISE(ABORT, 'no room'); END"))
    for options in ("--terminal", "--json"):
        code, _, err = soart("start", collection.folder, options, stdin="512\n")
        assert code == 1
        assert "cannot be written: no room" in err


def test_no_score_of_a_useless_taste_is_silent(soart, world, tmp_path):
    where = ("--set", f"tastes={tmp_path}")
    few = [sorted((world / kind).iterdir())[0] for kind in ("good", "bad")]
    learnt = ("taste", "learn", "few", "--good", few[0], "--bad", few[1], *where)
    assert "too few examples" in soart(*learnt)[1]
    code, out, err = soart("rank", world / "pool", "--by", "few", *where, "--json")
    assert code == 0
    assert "is not reliable yet" in json.loads(out)["notes"][0]
    assert "is not reliable yet" in err
    code, out, _ = soart("rank", world / "pool", "--by", "blur", *where, "--json")
    assert json.loads(out)["by"] == "blur-8"
    assert soart("taste", "learn", "x", "--good", few[0], "--bad", f"={few[1]}", *where)[0] == 2


def test_list_and_delete(soart, world, mine, tmp_path, monkeypatch):
    (tmp_path / "tastes").mkdir()
    shutil.copy(world / "P" / "mine.taste.safetensors", tmp_path / "tastes")
    where = ("--set", f"tastes={tmp_path / 'tastes'}")
    (tmp_path / "tastes" / "broken.taste.safetensors").write_bytes(b"no taste")
    assert "mine" in soart("taste", "show", *where)[1]
    tastes = json.loads(soart("taste", "show", *where, "--json")[1])["tastes"]
    assert [taste["name"] for taste in tastes] == ["broken", "mine"]
    assert set(tastes[0]) == {"name", "problem"}
    monkeypatch.setattr("sys.stdin", io.StringIO("y"))
    code, _, err = soart("taste", "delete", "mine", *where)
    assert (code, "add --yes" in err) == (1, True)
    code, _, err = soart("taste", "delete", "broken", "nobody", "--yes", *where)
    assert (code, "no taste 'nobody'" in err) == (1, True)
    assert soart("taste", "delete", "broken", "mine", "--yes", *where)[0] == 0
    assert "no taste" in soart("taste", "show", *where)[1]


def test_judges_and_other_tastes_are_prior_scores(soart, world, mine, package, tmp_path):
    paint = tmp_path / "more"
    for name, level in (("good", 200), ("bad", 60)):
        (paint / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(level - 40, level + 40, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(paint / name / f"{number}.png")
    learn = ("taste", "learn", "more", "--good", paint / "good", "--bad", paint / "bad", *mine)
    code, out, err = soart(
        *learn, *(part for name in ("redness", "mine", "technical") for part in ("--set", f"priors={name}")), "--json"
    )
    assert code == 0, err
    assert [*json.loads(out)["trusted_priors"]] == ["technical", "judge:redness@1", "taste:mine"]
    out = soart("taste", "show", "more", *mine)[1]
    assert "judge: redness" in out
    assert "taste: mine" in out
    page = tmp_path / "more.html"
    assert soart("taste", "show", "more", world / "pool", "--report", page, *mine)[0] == 0
    assert "technical and judge: redness and taste: mine prior scores" in page.read_text()
    code, _, err = soart("rank", world / "pool", "--by", "more", *mine)
    assert (code, "has not judged 8 of 8 pictures" in " ".join(err.split())) == (0, True)
    code, out, err = soart("rank", world / "pool", "--by", "more", "--by", "redness=0", *mine, "--json")
    # Its pictures were grey.
    assert [code, *("unlike all" in one for one in json.loads(out)["problems"])] == [0, True]
    code, _, err = soart(
        "taste", "learn", "mine", "--good", world / "good", "--bad", world / "bad", *mine, "--set", "priors=more"
    )
    assert (code, "starts from 'mine', which cannot start from it" in " ".join(err.split())) == (1, True)
    copied = tmp_path / "Q"
    shutil.copytree(world / "P", copied)
    code, _, err = soart("taste", "delete", "mine", "--yes", "--set", f"tastes={copied}")
    assert (code, "A copy of 'mine' stays in 'more'" in " ".join(err.split())) == (0, True), err
    assert soart("rank", world / "pool", "--by", "more", "--set", f"tastes={copied}")[0] == 0
    (world / "P" / "more.taste.safetensors").unlink()


def test_a_taste_is_replaced_only_on_request(soart, world, mine, tmp_path):
    soart("taste", "learn", "grey", "--good", world / "bad", "--bad", world / "good", *mine)
    file, stored = tmp_path / "mine.safetensors", world / "P" / "mine.taste.safetensors"
    soart("taste", "show", "mine", "--export", file, *mine)
    before = stored.read_bytes()
    for line in (("import", file), ("learn", "mine", "--blend", "mine", "--blend", "grey")):
        code, _, err = soart("taste", *line, *mine)
        assert (code, "There is a taste 'mine' already" in err) == (1, True)
        assert stored.read_bytes() == before
    assert soart("taste", "import", file, "theirs", *mine)[0] == 0
    assert soart("taste", "import", file, "theirs", "--replace", *mine)[0] == 0


def test_ratings_of_an_evaluated_folder_are_found(soart, world, mine, tmp_path):
    folder = tmp_path / "pool"
    shutil.copytree(world / "pool", folder)
    code, _, err = soart("taste", "learn", "rated", "--collection", folder, *mine)
    assert (code, "soart evaluate on a folder first" in err) == (1, True)
    soart("evaluate", folder)
    with existing_collection(folder) as collection:
        rate(collection, "me", {row.id: 5.0 - 4 * (row.id % 2) for row in collection.images()})
    code, out, _ = soart("taste", "learn", "rated", "--collection", folder, "--network", "none", *mine, "--json")
    assert (code, json.loads(out)["trust"]["liked"]) == (0, 4)
    assert soart("taste", "show", "rated", folder, "--next", 8, *mine)[0] == 0
    # Nothing was written into the folder.
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in (world / "pool").iterdir())


def test_an_empty_name_is_not_the_current_folder(soart, world, mine):
    code, _, err = soart("taste", "learn", "x", "--good", world / "good", "--bad", "blurry=", *mine)
    assert (code, "got an empty name" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (("--network", "./nowhere"), "'./nowhere' is not a model folder"),
        (("--set", "priors=nothing"), "no prior score 'nothing'"),
        (("--set", "priors=others"), "needs ratings of other raters"),
        (("--rater", "zed"), "'new' is not a collection"),
        (("--choices", "nowhere.csv"), "'nowhere.csv' cannot be read"),
        (("--good", "empty"), "Expected good pictures in 'empty'"),
    ],
)
def test_a_mistake_in_learning_leaves_no_new_collection(soart, world, tmp_path, monkeypatch, mistake, words):
    monkeypatch.chdir(tmp_path)
    good = () if mistake[0] == "--good" else ("--good", world / "good")
    code, _, err = soart("taste", "learn", "x", *good, "--bad", world / "bad", "--collection", "new", *mistake)
    assert (code, words in " ".join(err.split())) == (2 if words.startswith("no prior") else 1, True), err
    assert not list(tmp_path.iterdir())
