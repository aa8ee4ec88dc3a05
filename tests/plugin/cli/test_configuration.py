"""The command ``soart config``, and commands that use the settings."""

import json
import os
import types
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from soart.plugin.cli import app as cli
from soart.plugin.cli import configuration, generate, setting_defaults, tune
from soart.plugin.cli.commands import COMMANDS, OPTIONS

from ..conftest import commands


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working folder with pictures, and a configuration folder of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(tmp_path / "pictures" / f"{i}.png")
    return tmp_path


@pytest.fixture
def opened(monkeypatch):
    """Options of the generators that commands open, in place of opening them."""
    from soart.errors import ModelError

    options = []

    def refuse(given):
        options.append(given)
        raise ModelError("Nothing is drawn.")

    for module in (generate, tune):
        monkeypatch.setattr(module, "load_generator", refuse)
    return options


def test_settings_are_set_shown_and_removed(soart, home):
    assert soart("config", "set", "wildcards", "words")[0] == 0
    assert soart("config", "set", "by", "adherence", "clip=0.5", "--project")[0] == 0
    shown = json.loads(soart("config", "--json")[1])["settings"]
    assert shown["wildcards"] == {"value": "words", "from": str(home / "config" / "soart" / "config.toml")}
    assert shown["by"] == {"value": ["adherence", "clip=0.5"], "from": "soart.toml"}
    code, out, _ = soart("config")
    assert (code, "adherence clip=0.5" in " ".join(out.split())) == (0, True)
    assert soart("config", "set", "by", "--default", "--project")[1] == "by: overall\n"
    assert json.loads(soart("config", "--json")[1])["settings"]["by"] == {"value": None, "from": "default"}
    assert json.loads(soart("config", "--json")[1])["files"][0] == str(home / "soart.toml")
    for arguments in (
        ("set", "modle", "a"),
        ("set", "dtype", "float3"),
        ("set", "model", "a", "b"),
        ("set", "x", "--default"),
        ("set", "model"),
        ("set", "model", "a", "--default"),
    ):
        assert soart("config", *arguments)[0] == 2


def test_passwords_of_settings_are_kept_private(soart, home):
    for key, value, shown in (
        ("collection", "postgresql://ann:hunter2@host/art?password=hunter2", "postgresql://ann@host/art"),
        ("model", "a1111:http://me:hunter2@box", "a1111:http://box"),
    ):
        texts = [
            soart("config", "set", key, value),
            soart("config"),
            soart("config", "--help"),
            soart("generate", "-h"),
        ]
        texts += [soart("config", "--json"), soart("config", "set", key, value, "--json")]
        assert "hunter2" not in "".join(out + err for _, out, err in texts)
        assert all(shown in "".join(texts[number][1].split()) for number in (0, 3, 4, 5))
    file = home / "config" / "soart" / "config.toml"
    assert file.read_text().count("hunter2") == 3
    assert os.name == "nt" or file.stat().st_mode & 0o077 == 0


def test_rank_uses_the_judges_of_the_settings(soart, home, monkeypatch):
    (home / "soart.toml").write_text('by = "blur"\n')
    assert json.loads(soart("rank", "pictures", "--json")[1])["by"].startswith("blur-")
    monkeypatch.setenv("SOART_BY", "noise")
    assert json.loads(soart("rank", "pictures", "--json")[1])["by"].startswith("noise-")
    typed = soart("rank", "pictures", "--by", "technical", "--json")[1]
    assert json.loads(typed)["by"].startswith("technical-")
    monkeypatch.setenv("SOART_BY", "nobody")
    code, _, err = soart("rank", "pictures")
    assert (code, "no judge 'nobody'" in err) == (1, True)


def test_generate_and_tune_use_the_model_and_the_collection(soart, home, opened):
    (home / "soart.toml").write_text('model = "a/b"\ndevice = "cpu"\noffload = "none"\ncollection = "mine"\n')
    for command in (("generate", "a fox"), ("tune", "a {fox|owl}"), ("generate", "a fox", "--model", "c/d")):
        assert soart(*command)[0] == 1
    assert [(one.model, one.device, one.offload) for one in opened] == [
        ("a/b", "cpu", "none"), ("a/b", "cpu", "none"), ("c/d", "cpu", "none"),
    ]  # fmt: skip
    # Without a model no collection is made.
    assert not {"mine", "soart-pictures", "soart-tuning"} & {path.name for path in home.iterdir()}
    (home / "mine").write_text("a file")
    for command in (("generate", "a fox"), ("tune", "a {fox|owl}")):
        code, _, err = soart(*command)
        assert (code, "'mine' is a file" in err) == (1, True)


def test_a_wrong_file_stops_the_commands_that_use_it_and_no_others(soart, home):
    (home / "soart.toml").write_text('modle = "a"\n')
    code, out, err = soart("rank", "pictures")
    assert (code, out) == (1, "")
    assert err == "Error: There is no setting 'modle' ('soart.toml'): did you mean 'model'?\n"
    assert soart("cache")[0] == 0


def test_models_are_listed(soart):
    assert json.loads(soart("list", "models", "--json")[1])["models"][0]["name"] == "embedded"
    assert "soart list classes" in soart("list", "models")[1]
    assert {"name", "inputs", "packages"} <= {*json.loads(soart("list", "classes", "--json")[1])["classes"][0]}


def test_keep_chooses_by_the_judges_of_the_settings(soart, home):
    (home / "soart.toml").write_text('by = "blur"\n')
    document = json.loads(soart("keep", "pictures", "--group", "look-alike", "--json")[1])
    typed = json.loads(soart("keep", "pictures", "--group", "look-alike", "--by", "blur", "--json")[1])
    assert document == typed
    assert document["by"].startswith("blur-")


def test_what_cannot_be_used_is_said_when_it_is_set_or_deleted(soart, home):
    code, _, err = soart("config", "set", "by", "nobody")
    assert (code, "no judge 'nobody'" in err) == (0, True)
    assert soart("config", "set", "by", "blur")[2] == ""
    assert soart("config", "set", "by", "adherence", "clip=x")[0] == 2
    taste = home / "config" / "soart" / "tastes" / "mine.taste.safetensors"
    taste.parent.mkdir(parents=True, exist_ok=True)
    taste.touch()
    soart("config", "set", "by", "mine=2", "technical")
    code, _, err = soart("taste", "delete", "mine", "--yes")
    assert (code, "'mine' is still a configured judge" in err) == (0, True)


@pytest.fixture
def good_and_bad(home):
    rng = np.random.default_rng(1)
    for name, darkest in (("good", 120), ("bad", 0)):
        (home / name).mkdir()
        for i in range(6):
            pixels = rng.integers(darkest, darkest + 120, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / name / f"{i}.png")


def test_new_tastes_start_from_the_prior_scores_of_the_settings(soart, good_and_bad, monkeypatch):
    learn = ("taste", "learn", "mine", "--good", "good", "--bad", "bad", "--set", "tastes=P", "--json")

    def starts(*arguments):
        code, out, err = soart(*learn, *arguments)
        assert code == 0, err
        return [*json.loads(out)["trusted_priors"]]

    assert starts() == ["technical", "appeal", "nima"]
    assert soart("config", "set", "priors", "appeal")[0] == 0
    assert starts() == ["appeal"]
    assert starts("--set", "priors=technical", "--network", "none") == ["technical"]
    monkeypatch.setenv("SOART_PRIORS", "none")
    assert starts("--network", "none") == []


def test_prior_scores_of_the_settings_that_are_not_available_are_left_out_with_a_note(soart, good_and_bad):
    learn = ("taste", "learn", "mine", "--good", "good", "--bad", "bad", "--set", "tastes=P", "--network", "none")
    assert soart("config", "set", "priors", "technical", "appeal", "others")[0] == 0
    code, out, err = soart(*learn, "--collection", "new", "--json")
    assert code == 0, err
    assert [*json.loads(out)["trusted_priors"]] == ["technical"]
    assert [note.partition(":")[0] for note in json.loads(out)["notes"]][:2] == [
        f"The setting 'priors' names {name!r}, which is left out" for name in ("appeal", "others")
    ]
    for name in ("appeal", "others"):
        code, _, err = soart(*learn, "--set", f"priors={name}")
        assert (code, f"The prior score {name!r} needs" in err) == (1, True)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["beauty"], "no prior score 'beauty': choose among technical, appeal, nima, others, rated-quality, adherence"),
        (["none", "appeal"], "none starts from nothing"),
    ],
)
def test_wrong_prior_scores_are_refused_when_they_are_set(soart, home, names, words):
    code, _, err = soart("config", "set", "priors", *names)
    assert (code, words in " ".join(err.replace("│", "").split())) == (2, True), err
    assert not (home / "config" / "soart").exists()


def test_a_local_model_of_a_project_is_loaded_after_a_question_that_comes_once(soart, home, opened, monkeypatch):
    (home / "model").mkdir()
    (home / "soart.toml").write_text('model = "./model"\n')
    code, _, error = soart("generate", "a fox")
    assert (code, error.count("\n"), opened) == (2, 1, [])
    assert "'soart.toml' name the local model './model', which you have not allowed" in error
    # Whatever does not load it, or names another one, asks nothing.
    assert soart("generate", "--help")[0] == soart("doctor")[0] == soart("config")[0] == 0
    assert "./model" in soart("generate", "--help")[1]
    soart("generate", "a fox", "--model", "embedded")
    monkeypatch.setenv("SOART_MODEL", "embedded")
    soart("generate", "a fox")
    monkeypatch.delenv("SOART_MODEL")
    assert [options.model for options in opened] == ["embedded", "embedded"]
    answers = ["no", "yes"]
    monkeypatch.setattr(
        setting_defaults, "sys", types.SimpleNamespace(stdin=types.SimpleNamespace(isatty=lambda: True))
    )
    monkeypatch.setattr(setting_defaults.typer, "confirm", lambda question, err: answers.pop(0) == "yes")
    assert soart("generate", "a fox")[0] == 2
    assert len(opened) == 2
    soart("generate", "a fox")
    soart("generate", "a fox")
    assert [options.model for options in opened[2:]] == ["./model", "./model"]
    assert answers == []


#: A value of each setting that is not its default, and of each option that has a variable of its own.
IN_ENVIRONMENT = {
    "model": "a/b", "device": "cpu", "dtype": "float32", "offload": "none", "batch_size": "3", "model_config": "pictures",
    "request": "a=1 b=2", "engine": "ray", "workers": "2", "by": "blur noise=2", "priors": "appeal others",
    "model_effect": "off", "collection": "mine", "wildcards": "pictures", "tastes": "pictures", "password": "open sesame",
}  # fmt: skip


def take(taken, key, **given):
    taken.update(given, setting=setting_defaults.setting(key))


def test_every_setting_can_be_set_by_its_environment_variable_in_every_command(soart, home, monkeypatch):
    every = commands(cli.root())
    assert {*setting_defaults.USES} == {*configuration.KEYS}
    uses = [(key, tuple(name.split())) for key, names in setting_defaults.USES.items() for name in names]
    uses += [
        (parameter.envvar.removeprefix("SOART_").lower(), words)
        for words, command in every.items()
        for parameter in command.params
        if getattr(parameter, "envvar", None)
    ]
    assert {key for key, _ in uses} == {*IN_ENVIRONMENT}
    for key, words in uses:
        command, taken = every[words], {}
        options = [one for one in command.params if f"--{key}" in one.opts]
        needed = [one for one in command.params if one.required]
        places = [
            [one.opts[0], "new.safetensors"] if one.param_type_name == "option" else ["pictures"] for one in needed
        ]
        text = IN_ENVIRONMENT[key]
        with monkeypatch.context() as patch:
            patch.setenv(configuration.variable(key), text)
            patch.setattr(command, "callback", partial(take, taken, key))
            code, _, err = soart(*words, *(text for place in places for text in place))
        assert (code, err) == (0, ""), (key, words)
        value = taken[options[0].name if options else "setting"]
        assert (list(value) if isinstance(value, tuple) else value) in (text, text.split()), (key, words)


@pytest.mark.parametrize("key", [key for key, described in configuration.KEYS.items() if described.private])
def test_a_project_names_nothing_that_is_the_users_own(soart, home, key):
    Path("soart.toml").write_text(f"{key} = {json.dumps(IN_ENVIRONMENT[key])}\n")
    code, out, err = soart("rank", "pictures")
    assert (code, out, f"name {key!r}, which a project's file cannot do" in err) == (1, "", True)
    assert soart("config", "set", key, IN_ENVIRONMENT[key], "--project")[0] == 1


def test_what_was_renamed_is_answered_in_a_sentence_that_names_the_new_one(soart, home):
    every = commands(cli.root())
    for old, new in COMMANDS.items():
        assert tuple(old.split()) not in every
        name = new.removeprefix("soart ").split()
        assert tuple(name[:1]) in every or tuple(name[:2]) in every or name[0] == "config", new
        code, out, err = soart(*old.split(), "--any", "pictures")
        assert (code, out, err) == (2, "", f"Error: The command soart {old} is gone: use {new}.\n")
    for old in OPTIONS:
        *words, option = old.split()
        words = words or ["rank"]
        assert all(option not in (*one.opts, *one.secondary_opts) for one in every[tuple(words)].params)
        for text in (option, f"{option}=x"):
            code, out, err = soart(*words, "pictures", text, "x")
            assert (code, out, err.count("\n"), f"The option {option} of soart {' '.join(words)} is gone: " in err) == (
                2,
                "",
                1,
                True,
            )
