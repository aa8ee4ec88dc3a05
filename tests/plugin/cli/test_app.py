import importlib.metadata
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specimens.ugly import picture
from typer.main import get_command

from soart.metrics.damage.technical import DETECTORS
from soart.pipelines.models.options import GeneratorOptions
from soart.plugin.cli import app as cli
from soart.plugin.cli import terminal

from ..conftest import commands


def test_second_run_reuses(soart, tmp_path):
    command = ("generate", "a {fox|owl}", "-n", 2, "--steps", 2, "--collection", tmp_path / "c")
    assert "2 drawn, 0 already there" in soart(*command)[1]
    code, out, _ = soart(*command, "--report", tmp_path / "r.html")
    assert code == 0
    assert "0 drawn, 2 already there" in out
    assert (tmp_path / "r.html").read_text().count("data:image/png") == 2
    assert "Report:" in out
    assert json.loads(soart("rank", tmp_path / "c", "--json")[1])["ranking"][0]["prompt"] in ("a fox", "a owl")
    next((tmp_path / "c" / "images").glob("*.png")).unlink()
    out = soart(*command)[1]
    assert "1 drawn (1 again, because their files are gone or changed), 1 already there" in out


def without_time(page):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "", page.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("usual_effort")
def test_demo(soart, tmp_path):
    code, out, _ = soart("demo", "--folder", tmp_path / "d")
    assert code == 0
    [drawn] = re.findall(r"(\d+) drawn, 0 already there", out)
    assert "The stand-in rated none of these: it gives" in out
    pictures = tmp_path / "d" / "pictures"
    assert len(list(pictures.iterdir())) == 28
    assert re.search(r"Next:\n  \S+.* start .*pictures\n", out)
    pages = [tmp_path / "d" / name for name in ("report.html", "tune.html")]
    before = [without_time(page) for page in pages]
    first = json.loads(soart("demo", "--folder", tmp_path / "d", "--json")[1])
    assert first["drawn"] == 0
    shown = first["pictures"]
    assert len({row["prompt"] for row in shown["ranking"]}) == 7
    assert {Path(one["path"]).name.partition("-")[0] for one in shown["found"]} == {"portrait", "headphones"}
    # With all scores, expectations and effects.
    assert [without_time(page) for page in pages] == before
    assert first["reused"] == int(drawn) == len(first["ranking"]) >= 16
    assert first["ranking"][0]["score"] > first["ranking"][-1]["score"] + 30
    page = (tmp_path / "d" / "report.html").read_text(encoding="utf-8")
    assert all(r["prompt"] in page for r in first["ranking"])
    tuned = first["tuned"]
    assert first["taste"]["trust"]["word"] in ("usable", "strong")
    assert tuned["winners"][0]["choice"]["palette"] == "cool colors"
    assert max(batch["mean"] for batch in tuned["batches"]) > tuned["batches"][0]["mean"] + 30
    before, after = tuned["stand_in"]
    assert after > before + 1.5
    assert (tmp_path / "d" / "tune.html").read_text(encoding="utf-8").count("data:image/png") >= 16


def test_rank_folder_with_ugly_files(soart, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    (tmp_path / "zero.webp").touch()
    Image.new("RGBA", (1, 1)).save(tmp_path / "[red]one\x1b[31m.png")
    before = sorted(p.name for p in tmp_path.iterdir())
    code, out, err = soart("rank", tmp_path, tmp_path / "none")
    assert code == 0
    assert "\x1b" not in out
    for words in ("cut.jpg", "zero.webp", "same file", "does not exist", "[red]one", "too small to be judged"):
        assert words in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    document = json.loads(soart("rank", tmp_path, "--json")[1])
    assert len(document["ranking"]) == 3
    assert len(document["problems"]) == 4


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_picture_takes_two_lines_that_fit(soart, tmp_path, monkeypatch, paint, width):
    folder = paint(tmp_path / "a folder with quite a long name" / "in which there is another", 3, 3, vivid=True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"{'noise' * 12}.png")
    (folder / "3-0.txt").write_text("a boat in a storm, " * 20)
    monkeypatch.setattr(terminal.out, "_width", width)
    heading, *lines = soart("rank", tmp_path, "--by", "technical")[1].splitlines()
    lines = lines[: next(n for n, line in enumerate(lines) if line.startswith("Ranked by"))]
    assert len(lines) == 2 * 4
    assert max(map(len, [heading, *lines])) <= width
    assert [line[:6] for line in lines[1::2]] == ["    + "] * 3 + ["    − "]
    assert "grain over" not in "".join(lines)
    # Names are cut in the middle: their ends tell pictures apart.
    assert all(".png" in line for line in lines[::2])


def test_processes_rank_as_one_does(soart, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(33):
        pixels = rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(tmp_path / f"{number:02}.png")
    (tmp_path / "broken.png").write_bytes(b"x")
    line = ("rank", tmp_path, "--by", "technical", "--json")
    several = json.loads(soart(*line, "--set", "workers=2")[1])
    single = json.loads(soart(*line[:1], *sorted(tmp_path.glob("[012]*.png")), *line[2:])[1])
    scores = {one["path"]: one["score"] for one in several["ranking"]}
    assert len(scores) == 33
    assert len(several["problems"]) == 1
    assert {one["path"]: one["score"] for one in single["ranking"]}.items() <= scores.items()


def test_the_table_has_no_empty_column_and_json_explains_all(soart, tmp_path, paint):
    folder = paint(tmp_path / "art", 3, 3, vivid=True)
    code, out, _ = soart("rank", folder, "--by", "technical")
    assert code == 0
    assert out.split("\n", 1)[0].split() == ["#", "score", "pct", "picture", "rendering"]
    assert "other causes" not in out
    assert "usual deductions" not in out
    ranking = json.loads(soart("rank", folder, "--by", "technical", "--json")[1])["ranking"]
    references = [row["score"] - sum(part["contribution"] for part in row["parts"]) for row in ranking]
    assert references == pytest.approx([references[0]] * 3, abs=1e-3)
    assert all(1 <= len(row["reasons"]) <= 3 for row in ranking)
    assert all(reason in row["parts"] for row in ranking for reason in row["reasons"])
    (folder / "3-0.txt").write_text("a boat")
    assert "prompt" in soart("rank", folder, "--by", "technical")[1].split("\n", 1)[0].split()


def test_problems_name_pictures_as_the_user_does(soart, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "art"
    folder.mkdir()
    picture(0, (96, 96)).save(folder / "good.png")
    Image.new("RGB", (96, 96)).save(folder / "black.png")
    (folder / "notes.png").write_text("notes")
    for given, start in (("art", "art/"), (folder, f"{folder}/"), ("../" + tmp_path.name, f"../{tmp_path.name}/art/")):
        expected = [f"'{start}{name}.png'" for name in ("notes", "black")]
        problems = json.loads(soart("rank", given, "--by", "technical", "--json")[1])["problems"]
        assert [problem.split(" is ")[0] for problem in problems] == expected
    assert f"'{start}notes.png' is not" in soart("evaluate", given)[2]
    assert f"'{start}notes.png' is not" in soart("keep", given, "--by", "technical")[2]
    monkeypatch.chdir(folder)
    assert "'notes.png' is not" in soart("evaluate", ".")[2]


def test_what_ranks_is_named(soart, tmp_path):
    drawn = json.loads(soart("generate", "a {fox|boat}", "--count", 3, "--collection", tmp_path / "c", "--json")[1])
    assert drawn["by"].startswith("overall-")
    ranked = {
        name: json.loads(soart("rank", tmp_path / "c", *taste, "--report", tmp_path / f"{name}.html", "--json")[1])
        for name, taste in (("default", ()), ("overall", ("--by", "overall")), ("technical", ("--by", "technical")))
    }
    assert drawn["ranking"] == ranked["default"]["ranking"] == ranked["overall"]["ranking"]
    assert ranked["technical"]["by"].startswith("technical-")
    names = ("a {fox|boat}", "--count", 3, "--collection", tmp_path / "c")
    named = json.loads(soart("generate", *names, "--by", "technical", "--json")[1])
    assert (named["drawn"], named["by"]) == (0, ranked["technical"]["by"])
    assert named["ranking"] == ranked["technical"]["ranking"]
    code, _, err = soart("generate", "a fox", "--by", "nobody", "--collection", tmp_path / "other")
    assert (code, "There is no judge 'nobody'" in err, (tmp_path / "other").exists()) == (1, True, False)
    parts = [part["text"] for one in ranked["default"]["ranking"] for part in one["parts"]]
    assert any("better liked content than " in part for part in parts)
    for name, words in (("default", "would like the picture"), ("technical", "how well a picture is rendered")):
        assert words in (tmp_path / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_escaped_in_pages_and_tables(soart, tmp_path):
    rng = np.random.default_rng(0)
    for mode in ("clean", "dull"):
        (tmp_path / mode).mkdir()
        for i in range(4):
            pixels = rng.integers(0, 256 if mode == "clean" else 90, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(os.fsdecode(os.fsencode(tmp_path / mode / f"{i}") + b"caf\xe9.png"))
    code, _, err = soart("rank", tmp_path)
    assert (code, err.count("is not valid UTF-8: rename it."), "\\udce9" in err) == (1, 8, True)
    code, _, err = soart("compare-attention", tmp_path / "clean", tmp_path / "dull", "--output", tmp_path / "out")
    assert (code, err) == (0, "")


def test_the_best_are_copied_with_their_texts_and_nothing_is_overwritten(soart, tmp_path):
    folder, best = tmp_path / "all" / "sub", tmp_path / "best"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"prompt {i}")
    line = ("rank", tmp_path / "all", "--copy-to", best, "--top", 2)
    document = json.loads(soart(*line, "--json")[1])
    first, second = (Path(picture["path"]) for picture in document["ranking"][:2])
    assert (document["copied"], soart("undo", document["undo_file"])[0], best.exists()) == (2, 0, False)
    assert f"2 copied to {best}\nTo undo: soart undo soart-undo-" in soart(*line)[1]
    assert sorted(path.name for path in best.iterdir()) == [
        f"1 {first.stem}.png", f"1 {first.stem}.txt", f"2 {second.stem}.png", f"2 {second.stem}.txt",
    ]  # fmt: skip
    assert (best / f"1 {first.name}").read_bytes() == first.read_bytes()
    (best / f"2 {second.name}").write_bytes(b"mine")
    code, out, err = soart(*line)
    assert (code, f"2 copied to {best}-2" in out, "holds copies of another ranking" in err) == (0, True, True)
    assert (best / f"2 {second.name}").read_bytes() == b"mine"
    # Whoever reads the table may stop at once.
    line = shlex.join(
        [sys.executable, "-m", "soart.plugin.cli", "rank", str(tmp_path / "all"), "--copy-to", str(tmp_path / "piped")]
    )
    subprocess.run(f"{line} | true", shell=True, check=True, capture_output=True)
    assert len(list((tmp_path / "piped").glob("*.png"))) == 3
    # Refused before anything is read.
    for bad, words in (
        (folder / "0.png", "is not a folder"),
        (tmp_path, "choose a separate folder"),
        (folder / "best", "choose a folder elsewhere"),
    ):
        code, out, err = soart("rank", tmp_path / "all", "--copy-to", bad)
        assert (code, out, words in err) == (1, "", True)


def test_pages_and_copies_are_opened_when_they_are_there(soart, tmp_path, monkeypatch):
    folder = tmp_path / "all"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(folder / "0.png")
    opened, page, best = [], tmp_path / "page.html", tmp_path / "best"
    monkeypatch.setattr("typer.launch", lambda path: opened.append((path, Path(path).exists())) or 0)
    assert soart("rank", folder, "--copy-to", best, "--open")[0] == 0
    assert soart("rank", folder, "--copy-to", best, "--report", page, "--open", "--json")[0] == 0
    assert soart("evaluate", folder, "--report", page, "--open")[0] == 0
    assert opened == [(str(path), True) for path in (best, page, page)]
    monkeypatch.setattr("typer.launch", lambda path: 1)
    code, _, err = soart("rank", folder, "--report", page, "--open")
    assert (code, "cannot be opened from here" in err) == (0, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("arguments", [["-h"], ["config", "--json"]])
def test_output_that_cannot_be_written_is_one_sentence(arguments):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "soart.plugin.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device.\n"


def test_an_interrupt_before_the_command_begins_is_no_traceback(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "root", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "Interrupted.\n")


_INTERRUPTED_IMPORT = """\
import runpy, sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
"""


@pytest.mark.parametrize("module", ["soart", "soart.plugin.cli", None])
def test_an_interrupt_during_the_imports_is_no_traceback(module):
    script = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["scripts"]["soart"]
    home, _, name = script.partition(":")
    start = (
        f"from {home} import {name}; {name}()"
        if module is None
        else f"runpy.run_module({module!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_IMPORT + start], capture_output=True, text=True, check=False
    )
    # Python ends by the signal itself if it noticed one: 130 for a shell too.
    assert (done.returncode in (130, -signal.SIGINT), done.stderr) == (True, "Interrupted.\n")


_INTERRUPTED_AGAIN = """\
import atexit, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)
# While Python ends.
atexit.register(signal.raise_signal, signal.SIGINT)
from soart.plugin.cli import app, start

def interrupted(**_):
    if sys.argv[1] == "during":
        signal.raise_signal(signal.SIGINT)
    sys.exit(130)

app.root = lambda: interrupted
start.main()
"""


@pytest.mark.parametrize(("when", "words"), [("during", "Interrupted.\n"), ("before", "")])
def test_ctrl_c_pressed_twice_ends_as_pressed_once(when, words):
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED_AGAIN, when], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, words)


def test_nothing_to_rank_is_a_failure(soart, tmp_path):
    code, _, err = soart("rank", tmp_path)
    assert code == 1
    assert " ".join(err.split()) == f"Error: There is no picture in '{tmp_path}'."
    assert soart("find", "a boat", tmp_path)[::2] == (1, err)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["generate"], 2, "Missing argument"),
        (["generate", "a", "-n", "0"], 2, "--count"),
        (["generate", "a", "--size", "huge"], 2, "WIDTHxHEIGHT"),
        (["generate", "a", "--what"], 2, "No such option"),
        (["nonsense"], 2, "No such command"),
        (["generate", "a {b", "--collection", "C"], 1, "not valid dynamic-prompts"),
        (["generate", "__nobody__", "--collection", "C"], 1, "Unknown wildcard"),
        (["generate", "a", "--model", "./none", "--collection", "C"], 1, "There is no model"),
        (["generate", "a", "--model", "no/body", "--collection", "C"], 1, "hub cannot be reached"),
        (["generate", "a", "--set", "device=abacus", "--collection", "C"], 2, "must be one of cpu"),
        (["generate", "a", "--set", "batch_size=0"], 2, "whole number of at least 1"),
        (["generate", "a", "--set", "cpu"], 2, "Expected KEY=VALUE"),
        (["doctor", "--set", "device=cpu"], 2, "does not use the setting"),
        (["generate", "a", "--size", "61x64", "--collection", "C"], 1, "failed"),
    ],
)
def test_mistakes_end_in_one_sentence(soart, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    got, out, err = soart(*arguments)
    assert got == code
    assert words in err
    assert out == ""
    if code == 1:
        assert len(err.strip().splitlines()) == 1


def test_interrupt_keeps_what_is_done(soart, tmp_path, monkeypatch):
    from soart.pipelines.models.generator import ImageGenerator

    draw = ImageGenerator.draw

    def interrupted(self, requests):
        yield next(iter(draw(self, requests)))
        raise KeyboardInterrupt

    drawing = ("-n", 4, "--steps", 1, "--set", "batch_size=2")
    command = ("generate", "a {fox|owl|boat|tree}", *drawing, "--collection", tmp_path / "c")
    with monkeypatch.context() as patch:
        patch.setattr(ImageGenerator, "draw", interrupted)
        code, _, err = soart(*command)
    assert code == 130
    assert "Interrupted" in err
    assert "2 drawn, 2 already there" in soart(*command)[1]


def test_doctor(soart):
    code, out, _ = soart("doctor", "--json")
    checks = {c["name"]: c for c in json.loads(out)["checks"]}
    assert code == 0
    assert checks["embedded model"]["ok"]
    assert checks["technical score"]["found"].startswith("technical")
    assert "device" in soart("doctor")[1]
    packages = {"pyiqa:METRIC": "pyiqa", "image-reward[:MODEL]": "image-reward", "hpsv3[:DEVICE]": "hpsv3"}
    for name, package in packages.items():
        installed = package in {distribution.name for distribution in importlib.metadata.distributions()}
        check = checks[f"judge {name}"]
        assert (check["ok"], check["found"].startswith("not installed")) == (installed, not installed)


def test_soart_alone_says_where_to_start_and_what_each_command_does(soart):
    code, out, err = soart()
    text = " ".join((out + err).split())
    assert code == 2
    assert "Where to start: soart demo" in text
    for command in get_command(cli.app).commands.values():
        assert " ".join(command.get_short_help_str(limit=1000).split()) in text
    assert {name for names in cli.GROUPS.values() for name in names} == set(get_command(cli.app).commands)
    assert soart("rank", "-h")[1] == soart("rank", "--help")[1]


@pytest.mark.parametrize("group", ["taste", "config"])
def test_groups_show_whole_descriptions(soart, group):
    text = " ".join(soart(group, "-h")[1].split())
    commands = get_command(cli.app).commands[group].commands
    assert commands
    for command in commands.values():
        summary = " ".join(command.get_short_help_str(limit=1000).split())
        assert summary in text
        assert "..." not in summary


def test_every_fault_is_listed_among_the_judges(soart):
    assert not {*DETECTORS} - {*soart("list", "judges")[1].split()}


def test_generator_options_are_one_value(monkeypatch, soart, tmp_path):
    from soart.errors import ModelError
    from soart.plugin.cli import generate

    opened = []

    def refuse(options):
        opened.append(options)
        raise ModelError("Nothing is drawn.")

    monkeypatch.setattr(generate, "load_generator", refuse)
    common = ("generate", "a", "--collection", tmp_path / "c")
    assert soart(*common)[0] == 1
    values = ("device=cpu", "engine=ray", "workers=2", "batch-size=3")
    settings = [part for value in values for part in ("--set", value)]
    assert soart(*settings[:4], *common, "--model", "m", *settings[4:])[0] == 1
    assert opened == [GeneratorOptions(), GeneratorOptions("m", device="cpu", engine="ray", workers=2, batch_size=3)]


def test_every_command_has_help_with_an_example_that_parses(soart):
    every = commands(cli.root())
    assert set(every) >= {("generate",), ("rank",), ("demo",), ("taste", "learn"), ("config", "set")}
    for words, command in every.items():
        code, out, _ = soart(*words, "--help")
        assert code == 0
        assert f"Example: soart {' '.join(words)}" in out
        # A command that ends only when it is told to has nothing to say as JSON.
        assert ("--json" in out) == (words != ("web",))
        for text in re.split(r"\s{2,}or: ", command.epilog.removeprefix("Example: ")):
            example = shlex.split(text)
            assert example[: len(words) + 1] == ["soart", *words]
            context = command.make_context(words[-1], example[len(words) + 1 :], resilient_parsing=False)
            assert context.command.name == words[-1]


def test_help_imports_nothing_heavy():
    code = "import sys, soart.plugin.cli.app; print([m for m in ('torch', 'diffusers', 'numpy', 'PIL', 'sqlalchemy') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.fixture
def mode_folders(tmp_path):
    rng = np.random.default_rng(2)
    for mode, strength in (("clean", 2), ("grainy", 60)):
        (tmp_path / mode).mkdir()
        for i in range(6):
            ramp = np.linspace(rng.uniform(0, 80), rng.uniform(120, 200), 40)[:, None, None] * np.ones((40, 32, 3))
            noisy = ramp + strength * rng.standard_normal(ramp.shape)
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(tmp_path / mode / f"{i}.png")
    return tmp_path


def test_compare_attention(soart, mode_folders, tmp_path):
    folders = [mode_folders / "clean", mode_folders / "grainy"]
    (folders[0] / "bad.png").write_bytes(b"")
    code, out, err = soart("compare-attention", *folders, "--versions", "b,d", "--output", tmp_path / "out")
    assert code == 0
    assert "balanced accuracy" in out
    assert "by chance as large in" in out
    assert "bad.png" in err
    code, out, _ = soart("compare-attention", *folders, "--versions", "A,B", "--output", tmp_path / "out", "--json")
    document = json.loads(out)
    assert document["balanced_accuracy"]["D"] == 1.0
    assert document["intervals"]["D"][0] <= 1.0 <= document["intervals"]["D"][1]
    assert 0 <= document["p_value"] <= 1
    assert document["pictures"] == 12
    assert set(document["blocks"]) == {"clean", "grainy"}
    assert all((tmp_path / "out" / name).exists() for name in ("difference.csv", "plus-minus.csv", "comparison.png"))


def test_compare_attention_refuses_what_it_cannot_do(soart, mode_folders, tmp_path):
    clean = mode_folders / "clean"
    assert soart("compare-attention", clean, clean)[0] == 2
    code, _, err = soart("compare-attention", clean, tmp_path / "gone")
    assert code == 1
    assert "gone" in err
    code, _, err = soart("compare-attention", clean, mode_folders / "grainy", "--versions", "X,Y")
    assert (code, "got X, Y" in err) == (2, True)


def test_the_module_completes_the_command_and_not_python():
    line = [sys.executable, "-m", "soart", "--show-completion", "bash"]
    named = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = subprocess.run(line, check=True, capture_output=True, text=True, env=named).stdout
    assert script.strip().splitlines()[-1].endswith(" -F _soart_completion soart")
