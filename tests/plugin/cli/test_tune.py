import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import soart
from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.protocols import Making
from soart.metrics.tastes.examples import from_ratings
from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.labels import parents_of
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.collection.settings import setting
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.tuning.findings import TradeOff
from soart.pipelines.tuning.settings import PRESENT, TuneSettings, earlier_tunes
from soart.plugin.cli.tune_output import best_table, print_trade_offs
from soart.prompts.space.rendering import RenderedChoice

SPACE = "template: a boat in {palette} colors, {style}\nslots:\n  palette: [warm, cool, neon]\n  style: [flat design, woodcut]\n  steps: ['3']\n"


@pytest.fixture
def tune(soart, monkeypatch, tmp_path):
    """Run ``soart tune …`` in a folder with a space; returns code, stdout, stderr."""
    (tmp_path / "space.yaml").write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    return partial(soart, "tune")


def test_tune_and_resume(tune, tmp_path):
    code, out, err = tune("space.yaml", "--budget", 6, "--batch", 3)
    assert (code, err) == (0, "")
    assert "1. expected" in out
    assert "a boat in" in out
    assert "batch 1: mean" in out
    assert "In the gallery, under Draw and Tune: soart web soart-tuning\n" in out
    [page] = (tmp_path / "soart-tuning").glob("tune-a-boat-in-palette-colors-style-*.html")
    assert "Best prompts" in page.read_text()
    with Collection(tmp_path / "soart-tuning") as collection:
        shown = TuneSettings.read(setting(collection, PRESENT))
    assert (shown.state, shown.budget, shown.why.endswith(f"Its report is {page}.")) == ("ended", 6, True)
    code, out, _ = tune("--budget", 8, "--batch", 3, "--json", "--report", "r.html")
    assert code == 0
    facts = json.loads(out)
    assert facts["pictures"] == 8
    assert facts["report"] == str(tmp_path / "r.html")
    assert sum(batch["pictures"] for batch in facts["batches"]) == 8
    assert {e["slot"] for e in facts["effects"]} == {"palette", "style", "steps"}
    assert facts["winners"][0]["words"][0]["prompt"].startswith("a boat in")
    assert facts["winners"][0]["words"][0]["steps"] == 3
    code, out, _ = tune(facts["space"] and "space.yaml", "--budget", 8, "--json")
    assert json.loads(out)["pictures"] == 8
    # Another tune leaves the report of the first, and is listed beside it.
    report = Path(json.loads(tune("space.yaml", "--budget", 8, "--by", "technical=2", "--json")[1])["report"])
    assert {*page.parent.glob("*.html")} == {page, report} != {page}
    with Collection(tmp_path / "soart-tuning") as collection:
        assert [tune.by for tune in earlier_tunes(collection)] == [{}]


def test_a_slot_of_numbers_takes_three_lines_of_the_effects(tune, tmp_path):
    (tmp_path / "space.yaml").write_text(
        SPACE.replace("style: [flat design, woodcut]", "style: {low: 0, high: 30, step: 1}")
    )
    code, out, _ = tune("space.yaml", "--budget", 4, "--batch", 4)
    assert code == 0
    words, numbers = out.split("Options that helped most and least:")[1].split(
        "Numbers, at the lowest, the best and the highest:"
    )
    assert "style: " not in words
    assert words.count("palette: ") == 3
    shown = [line.partition("style: ")[2] for line in numbers.splitlines() if "style: " in line]
    assert 2 <= len(shown) <= 3
    assert [number.partition(" ")[0] for number in (shown[0], shown[-1])] == ["0", "30"]
    assert len([number for number in shown if number.endswith(" (best)")]) == 1
    # The JSON output has all of them.
    facts = json.loads(tune("--budget", 4, "--json")[1])
    assert len([e for e in facts["effects"] if e["slot"] == "style"]) == 31


def test_a_name_that_nobody_rates_by_is_noticed(tune):
    code, _, err = tune("space.yaml", "--budget", 2, "--by", "person:nobody")
    assert (code, "'nobody' has not rated or compared any picture of this collection" in err) == (0, True)
    facts = json.loads(tune("space.yaml", "--budget", 2, "--by", "person:nobody", "--json")[1])
    assert "'nobody'" in facts["warnings"][0]


def test_a_tune_for_a_person_begins_with_their_taste_in_the_named_folder(tune, tmp_path):
    made = [Making(words=("boat", "warm" if number < 12 else "cool"), negative=()) for number in range(24)]
    judged = from_ratings(np.random.default_rng(0).normal(size=(24, 2)), np.repeat([5, 1], 12))
    judged = replace(judged, makings=np.array(made, dtype=object))
    taste = learn_taste(judged, ("colour/a/0", "colour/b/0"), "v", name="ann", repeats=1)
    TasteStore(tmp_path / "tastes").save(taste)
    for rater in ("ann", "bob"):
        by = "--by", f"person:{rater}", "--by", "technical=0"
        code, out, _ = tune("space.yaml", *by, "--budget", 2, "--set", "tastes=tastes")
        assert code == 0
        begins = (
            "It begins with what taste: ann shows of options, in stars: palette=" in out and "palette=warm +" in out
        )
        assert begins == (rater == "ann")


def test_asking_and_bans(tune, tmp_path):
    narrowed = ("--ban", "palette=neon", "--pin", "style=flat")
    code, out, _ = tune("space.yaml", "--budget", 10, "--batch", 3, "--ask", *narrowed, stdin="5 1 9 3\nq")
    assert code == 0
    assert "Ended on request" in out
    with Collection(tmp_path / "soart-tuning") as collection:
        assert sorted(ratings(collection, "me").values()) == [1, 3, 5]
        prompts = {row.generation.prompt for row in collection.images()}
    assert prompts <= {"a boat in warm colors, flat design", "a boat in cool colors, flat design"}
    facts = json.loads(tune("--by", "person:me", "--budget", 3, "--json")[1])
    assert facts["unit"] == "stars"
    assert facts["goal"] == {"me": 1.0}
    code, out, _ = tune("--by", "person:me=2", "--by", "none=1")
    assert code == 1


def test_asking_begins_with_what_was_left_of_the_last_batch(tune, tmp_path):
    asking = partial(tune, "space.yaml", "--budget", 3, "--batch", 3, "--ask")
    for keys, asked, end in (("5 x q", "1/3", "Ended"), ("3", "1/1", "Finished"), ("4", "", "")):
        code, out, _ = asking(stdin=keys)
        assert code == 0
        assert [line for line in out.splitlines() if line[:2] == "1/"] == ([asked] if asked else [])
        assert end in out
    with Collection(tmp_path / "soart-tuning") as collection:
        assert sorted(ratings(collection, "me").values()) == [3, 5]


def test_long_prompts_are_cut_in_the_table_of_the_best(tmp_path):
    generator = soart.ImageGenerator(soart.load_model(device="cpu"), steps=1)
    space = soart.PromptSpace.from_text("a boat, " + "in the snow, " * 30 + "{red|blue}")
    with Collection(tmp_path / "c") as collection:
        panel = soart.Panel([soart.TechnicalJudge.load()])
        tuner = soart.Tuner(collection, generator, space, panel, batch=2, budget=2, prune=False)
        tuner.step()
        table = best_table(tuner.judged())
    cells = [str(cell) for cell in table.columns[1].cells]
    assert len(cells) == 2
    for cell in cells:
        assert len(cell) < 140
        assert cell.startswith("a boat, in the snow")
        assert " … " in cell
    # The words in which the prompts differ are the last.
    assert {word for cell in cells for word in ("red", "blue") if f"{word} (seed" in cell} == {"red", "blue"}


def test_trade_offs_need_several_judges(tune):
    code, _, err = tune("space.yaml", "--budget", 2, "--pareto")
    words = "--pareto has no effect: the only judge is overall score, so there are no trade-offs."
    assert (code, err.splitlines()[0]) == (0, words)


def test_a_goal_of_several_judges_is_named_and_its_trade_offs_are_listed(tune, tmp_path, capsys):
    judges = ("--by", "blur", "--by", "noise=2", "--budget")
    code, out, _ = tune("space.yaml", *judges, 4, "--batch", 4)
    assert code == 0
    assert "Goal: freedom from blur × 1, freedom from noise × 2, in deviations." in out
    assert tune("space.yaml", *judges, 3)[1].startswith("4 pictures are there already.")
    words = RenderedChoice("a boat", "blurry", steps=3)
    one = TradeOff(words, {"blur-8": 90.0, "noise-8": 80.0})
    print_trade_offs([one] * 7)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:5] == ["  freedom from blur 90, freedom from noise 80", "   a boat", "   Negative prompt: blurry"]
    assert lines[-1] == "  … and 2 more in the report."
    print_trade_offs([one])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "name a space"),
        (["space.yaml", "--budget", "1"], 2, "--budget"),
        (["space.yaml", "--by", "person:me=much"], 2, "NAME=WEIGHT"),
        (["space.yaml", "--by", "nobody"], 1, "no judge 'nobody'"),
        (["none.yaml"], 1, "No such file"),
        (["broken.yaml"], 1, "line 2"),
        (["a boat", "--pin", "style=zzz"], 1, "no option"),
        (["a {boat}"], 1, "Nothing varies"),
        # Too long for the name of a file.
        (["a {boat}" + ", in the snow" * 30], 1, "Nothing varies"),
        (["--collection", "none"], 1, "is not a collection"),
        (["space.yaml", "--pin", "palette=warm", "--pin", "style=woodcut"], 1, "single choice"),
        (["space.yaml", "--by", "person:me=-1"], 2, "NAME=WEIGHT"),
        (["space.yaml", "--report", "none/r.html", "--budget", "2"], 1, "cannot be written"),
        (["space.yaml", "--model", "./none"], 1, "There is no model"),
    ],
)
def test_mistakes_end_in_one_sentence(tune, tmp_path, monkeypatch, arguments, code, words):
    (tmp_path / "broken.yaml").write_text("slots:\n  a: []\n")
    got, _, err = tune(*arguments)
    assert got == code
    assert words in err
    if code == 1:
        assert len(err.strip().splitlines()) == 1
    if not {"--report", "--model"} & {*arguments}:
        assert not (tmp_path / "soart-tuning").exists()


def test_interrupt_keeps_what_is_done(tune, tmp_path, monkeypatch):
    from soart.pipelines.models.generator import ImageGenerator

    draw = ImageGenerator.draw

    def interrupted(self, requests):
        yield next(iter(draw(self, requests)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ImageGenerator, "draw", interrupted)
        code, _, err = tune("space.yaml", "--budget", 4, "--batch", 2)
    assert code == 130
    assert "run the same command to continue" in err
    code, out, _ = tune("space.yaml", "--budget", 4, "--batch", 2)
    assert code == 0
    assert "2 of 4 pictures are there already" in out


@pytest.mark.parametrize("where", [(), ("--lora", ".")])
def test_a_lora_that_there_is_not_is_one_sentence(tune, where):
    code, out, err = tune("a boat, <lora:ink:{0..1.2}>", "--budget", 4, *where)
    assert (code, out) == (2, "")
    assert err.startswith("Error: ")
    assert "LoRA 'ink'" in err
    assert err.count("\n") == 1


def test_a_tune_may_end_with_its_best_picture_optimized(tune, tmp_path):
    asked = ("space.yaml", "--budget", 4, "--batch", 4, "--by", "technical")
    code, out, err = tune(*asked, "--optimize", 4, "--json")
    assert code == 0, err
    found = json.loads(out)["optimized"]
    assert found["value"] >= found["start"]
    assert found["by"] == "technical"
    with Collection(tmp_path / "soart-tuning") as collection:
        best = collection.images()[-1]
        [parent] = parents_of(collection, best)
        assert collection.locate(best).name == Path(found["path"]).name
        assert parent.generation.prompt == best.generation.prompt == found["prompt"]
        # The parent is the best picture of the best prompt.
        values = collection.scores(TechnicalJudge.load().stored_name)
        same = [row.id for row in collection.images() if row.generation.prompt == best.generation.prompt]
        assert values[parent.id] == max(values[image] for image in same if image != best.id)
    code, _, err = tune(*asked[:-2], "--by", "person:ann", "--optimize", 4)
    assert code == 1
    assert "learn their taste" in err
