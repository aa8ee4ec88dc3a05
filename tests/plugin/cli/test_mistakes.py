"""Wrong arguments end in one sentence and the documented exit code, before anything is written."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image

from soart.plugin.cli import generate
from soart.plugin.cli.terminal import open_closed_streams


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with pictures in ``pictures`` and a file that is no folder."""
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(tmp_path / "pictures" / f"{i}.png")
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


USAGE = [
    (["generate", "a", "--guidance", "inf"], "--guidance"), (["generate", "a", "--guidance", "nan"], "--guidance"),
    (["generate", "a", "--size", "0x0"], "8 to 8192"), (["generate", "a", "--size", "9" * 5000 + "x8"], "8 to 8192"),
    (["generate", "a", "--seed", str(2**63)], "--seed"),
    (["generate", "a", "--collection", ""], "--collection: it is empty"),
    (["generate", "a", "--collection= "], "--collection: it is empty"), (["generate", ""], "PROMPT: it is empty"),
    (["rank", ""], "PATHS: it is empty"), (["find", "", "pictures"], "WORDS: it is empty"),
    (["find", "a fox", "--top", "3", "pictures", ""], "PATHS: it is empty"),
    (["taste", "learn", "", "--good", "pictures"], "NAME: it is empty"),
    (["generate", "a", "--set", "dtype=float3"], "float32, float16, bfloat16"),
    (["generate", "a", "--set", "engine=dask"], "local, ray"),
    (["generate", "a", "--by", "adherence=1e308"], "weight up to 1,000,000"),
    (["rank", "pictures", "--report", ""], "--report: it is empty"),
    (["rank", "pictures", "--open"], "nothing to open"), (["evaluate", "pictures", "--open"], "nothing to open"),
    (["evaluate", "pictures", "--export", "x.txt"], ".csv, .json, .parquet"),
    (["cull", "pictures", "--to", "out"], "say what to move"),
    (["cull", "pictures", "--to", "out", "--worst", "200"], "more than 0 and at most 100"),
    (["compare-attention", "pictures", "file", "--versions", "A,A"], "two versions"),
    (["tune", "a {b|c}", "--by", "blur=nan"], "--by"), (["find", "a fox"], "name pictures or folders"), (["find", "pictures", "fox"], "words come before"),
]  # fmt: skip
FAILURE = [
    (["generate", "a", "--report", "nowhere/r.html"], "'nowhere/r.html' cannot be written: No such file"),
    (["generate", "a", "--report", "pictures/0.png"], "'pictures/0.png' is a page: name a file that ends in .html"),
    (["rank", "--report", "pictures/0.png", "pictures/1.png"], "'pictures/0.png' is a page"),
    (["tune", "a {b|c}", "--report", "pictures/0.png"], "'pictures/0.png' is a page"),
    (["taste", "show", "mine", "pictures", "--report", "pictures/0.png"], "'pictures/0.png' is a page"),
    (
        ["taste", "show", "mine", "pictures/0.png", "--picture", "pictures/0.png"],
        "exists already and would be replaced",
    ),
    (["generate", "a", "--set", "wildcards=nowhere"], "'nowhere' does not exist"),
    (["generate", "a {b"], "not valid dynamic-prompts"),
    (["generate", "{1e308::a|b}"], "Expected a weight such as 2 or 0.5 before '::'"),
    (["tune", "a {b"], "not valid dynamic-prompts"),
    (["label", "a fox in the snow, " * 20], "too long for the name of a file or folder"),
    (["taste", "show", "--set", "tastes=" + "a fox in the snow, " * 20], "too long for the name"),
    (["evaluate", "a fox in the snow, " * 20], "too long for the name of a file or folder"),
    (["evaluate", "~nobody-of-this-name/pictures"], "does not exist"),
    (["tune", "a {b|c}", "--report", "pictures"], "Is a directory"),
    (["rank", "pictures", "--report", "file/r.html"], "cannot be written: Not a directory"),
    (["rank", "pictures", "--copy-to", "file/x"], "is not a folder"),
    (["evaluate", "pictures", "--export", "nowhere/x.csv"], "cannot be written"),
    (["compare-attention", "pictures", "file", "--output", "file"], "cannot be written"),
    (["taste", "learn", "mine", "--good", "pictures", "--set", "tastes=file/x"], "cannot be written"),
    (["undo", "file"], "not an undo file: a line of it is not JSON."),
]


@pytest.mark.parametrize(
    ("arguments", "words", "expected"), [*((*case, 2) for case in USAGE), *((*case, 1) for case in FAILURE)]
)
def test_nothing_is_begun(soart, folder, monkeypatch, arguments, words, expected):
    def refuse(*_):
        raise AssertionError("work has begun")

    monkeypatch.setattr(generate, "load_generator", refuse)
    before = contents(folder)
    code, out, err = soart(*arguments)
    assert (code, out) == (expected, "")
    assert words in " ".join(err.split())
    assert expected == 2 or len(err.strip().splitlines()) == 1
    assert contents(folder) == before


@pytest.mark.parametrize("command", [["generate", "a fox", "-n", "1"], ["tune", "a {fox|owl}", "--budget", "2"]])
@pytest.mark.parametrize(
    ("mistake", "expected", "words"),
    [
        (["--model", "nowhere.safetensors"], 1, "no model at 'nowhere.safetensors'"),
        (["--set", "device=cuda:99"], 1, "Device 'cuda:99'"),
        (["--lora", "nowhere"], 2, "no folder of LoRAs 'nowhere'"),
    ],
)
def test_a_mistake_in_the_model_leaves_no_collection(soart, folder, command, mistake, expected, words):
    before = contents(folder)
    code, out, err = soart(*command, *mistake, "--collection", "new/art")
    assert (code, out, words in err) == (expected, "", True)
    assert contents(folder) == before


def test_a_setting_that_the_model_refuses_leaves_no_collection(soart, folder):
    before = contents(folder)
    code, _, err = soart("generate", "a <lora:nowhere:1>", "-n", "1", "--collection", "new")
    assert (code, "nowhere" in err) == (2, True)
    assert contents(folder) == before


@pytest.mark.parametrize("command", [["generate", "a fox", "-n", "1"], ["tune", "a {fox|owl}", "--budget", "2"]])
@pytest.mark.parametrize("place", ["file", "file/art"])
def test_a_mistake_in_the_collection_is_seen_before_the_model_is_loaded(soart, folder, command, place):
    before = contents(folder)
    code, out, err = soart(*command, "--model", "nowhere.safetensors", "--collection", place)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert f"'{place}'" in err
    assert contents(folder) == before


def test_a_folder_that_cannot_be_opened_is_named(soart, folder, monkeypatch):
    with TemporaryDirectory() as place:
        # An ordinary user may not read the settings of this one.
        monkeypatch.setenv("XDG_CONFIG_HOME", place)
        monkeypatch.chdir(place)
        inner = Path(place, "closed", "inner")
        inner.mkdir(parents=True)
        Path(place).chmod(0o755)
        inner.parent.chmod(0)
        user = os.geteuid()
        # Imports everything, which an ordinary user may not read here.
        assert soart("label", "nowhere")[0] == 1
        os.seteuid(user or 65534)
        try:
            end = soart("label", str(inner))
        finally:
            os.seteuid(user)
            inner.parent.chmod(0o700)
        monkeypatch.chdir(folder)
    assert end == (1, "", f"Error: '{inner}' cannot be opened: Permission denied.\n")


def test_an_empty_file_is_no_undo_file_and_stays(soart, folder):
    (folder / "empty").touch()
    code, _, err = soart("undo", "empty")
    assert (code, "not an undo file" in err) == (1, True)
    assert (folder / "empty").exists()


def test_texts_may_be_empty_where_they_are_not_names():
    from soart.plugin.cli.commands import empty_value

    assert empty_value(["a", "--negative", "", "--negative="], {"--negative"}, ["PROMPT"]) is None
    options, arguments = {"--top", "-n"}, ["WORDS", "PATHS"]
    for args, name in (
        ([""], "WORDS"),
        (["-n", "3", ""], "WORDS"),
        (["a", "", "b"], "PATHS"),
        (["a", "b", "c", " "], "PATHS"),
        (["--json", "a", ""], "PATHS"),
        (["--", "-n", ""], "PATHS"),
        (["a", "-", ""], "PATHS"),
        (["-", ""], "PATHS"),
        (["--top="], "--top"),
        (["-n", ""], "-n"),
        (["--top", "--json", "a"], None),
        (["--json="], None),
        ([], None),
    ):
        assert empty_value(args, options, arguments) == name, args
    assert empty_value([""], set(), []) == "an argument"


def test_a_closed_stdin_is_seen_before_anything_is_drawn(folder):
    code = "import sys, soart.plugin.cli.app as app; sys.argv[1:] = ['tune', 'a {b|c}', '--ask']; app.main()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(0)
    ) as run:
        _, err = run.communicate(timeout=240)
    assert (run.returncode, len(err.splitlines()), "stdin is closed" in err) == (1, 1, True)
    assert not (folder / "soart-tuning").exists()


def test_characters_that_the_output_does_not_hold_are_escaped(tmp_path):
    (tmp_path / "狐 é.taste.safetensors").write_bytes(b"no taste")
    code = "import sys, soart.plugin.cli.app as app; sys.argv[1:] = ['taste', 'show', '--set', 'tastes=' + sys.argv[1]]; app.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert "\\u72d0 é" in done.stdout.decode("cp1252")


def test_closed_streams_are_opened(monkeypatch):
    for name in ("stdin", "stderr"):
        monkeypatch.setattr(sys, name, None)
    open_closed_streams()
    with sys.stdin, sys.stderr:
        assert sys.stdin.read() == ""
        assert sys.stderr.write("lost") == 4


def test_ctrl_c_is_130_in_every_command(soart, folder, monkeypatch):
    from soart.pipelines.scoring import measuring

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(measuring, "open_pictures", interrupted)
    code, _, err = soart("rank", "pictures")
    assert (code, err) == (130, "Interrupted.\n")


@pytest.fixture
def strangers_journal(tmp_path):
    """An undo file that moves two pictures, and makes a hidden file."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "key").write_text("mine")
    lines = [
        {"moved": str(tmp_path / ".ssh" / "authorized_keys"), "to": str(tmp_path / "out" / "key")},
        {"moved": str(tmp_path / "art" / "a.png"), "to": str(tmp_path / "out" / "a.png")},
        {"moved": str(tmp_path / "art" / "b.png"), "to": str(tmp_path / "out" / "b.png")},
    ]
    for name in ("a.png", "b.png"):
        (tmp_path / "out" / name).write_text(name)
    (tmp_path / "undo.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_the_undo_file_of_a_stranger_is_listed_and_not_followed(soart, strangers_journal):
    folder = strangers_journal
    code, out, err = soart("undo", folder / "undo.jsonl")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{str(folder / 'undo.jsonl')!r} was not recorded by this user with this soart: another user, an earlier soart "
        "or another program wrote it.",
        f"Moves 2 pictures from {str(folder / 'out')!r} to {str(folder / 'art')!r}.",
        f"Moves {str(folder / 'out' / 'key')!r} to {str(folder / '.ssh' / 'authorized_keys')!r}.",
        f"Error: To undo {str(folder / 'undo.jsonl')!r} without being asked, add --yes.",
    ]
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.png", "b.png", "key"]
    assert soart("undo", folder / "undo.jsonl", "--yes")[:2] == (0, "3 changes undone\n")
    assert (folder / "art" / "a.png").exists()


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 3), ("y\n", 0, 0)])
def test_the_changes_of_another_user_are_undone_after_a_question(
    soart, strangers_journal, monkeypatch, answer, code, left
):
    monkeypatch.setattr(io, "StringIO", type("Terminal", (io.StringIO,), {"isatty": lambda self: True}))
    assert soart("undo", strangers_journal / "undo.jsonl", stdin=answer)[0] == code
    assert len(list(strangers_journal.glob("out/*"))) == left
