"""Settings from the environment, the project and the user."""

import os
from contextlib import suppress
from functools import partial

import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import SoartError
from soart.pipelines.configuration import (
    KEYS,
    PROJECT,
    Setting,
    check_answer,
    checked,
    needs_answer,
    read_file,
    read_settings,
    store,
    variable,
)


@pytest.fixture
def files(tmp_path):
    """Paths of a project's and a user's file."""
    return tmp_path / PROJECT, tmp_path / "config" / "config.toml"


def test_each_value_comes_from_the_first_source_that_has_it(files):
    project, user = files
    for key, value in (("model", "user's"), ("device", "cpu"), ("wildcards", "words")):
        store(user, key, value)
    for key, value in (("model", "project's"), ("device", "mps")):
        store(project, key, value)
    found = read_settings({"SOART_MODEL": "variable's", "SOART_WILDCARDS": " ", "SOART_BY": "a:b c=2"}, files)
    assert {key: (setting.value, setting.source) for key, setting in found.items() if setting.source != "default"} == {
        "model": ("variable's", "SOART_MODEL"),
        "device": ("mps", str(project)),
        "by": (["a:b", "c=2"], "SOART_BY"),
        "wildcards": ("words", str(user)),
    }
    assert list(found) == list(KEYS)
    assert {setting.value for setting in read_settings({}, []).values()} == {None}


def test_the_language_that_earlier_versions_had_changes_nothing(files):
    files[0].write_text('language = "de"\nmodel = "a"\n')
    assert read_file(files[0]) == {"model": "a"}
    store(files[0], "model", "b")
    assert read_file(files[0]) == {"model": "b"}


def test_storing_keeps_comments_and_all_else(files):
    _, user = files
    user.parent.mkdir()
    user.write_text('# mine\nmodel = "a"  # good\n\nwildcards = "words"\n')
    store(user, "model", "b")
    store(user, "by", ["adherence"])
    store(user, "wildcards", None)
    store(user, "wildcards", None)
    assert user.read_text() == '# mine\nmodel = "b"  # good\n\nby = ["adherence"]\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'model = "b"\n'),
        ("# mine", '# mine\nmodel = "b"\n'),
        ('model = "a#\\"x" # good', 'model = "b" # good'),
        ("model='a'\r\nby = []\r\n", 'model = "b"\r\nby = []\r\n'),
        ('  model = """\na # b\nby = "c"\n"""  # good\n', 'model = "b"  # good\n'),
        ('model = [\n  "a", # one\n  "b",\n]\nby = []\n', 'model = "b"\nby = []\n'),
        ('by = ["c"]\n\n[later]\nmodel = 1\n', None),
        ('by = ["c"]\n[later]\na = 1\n', 'by = ["c"]\nmodel = "b"\n[later]\na = 1\n'),
        ('by = """\nmodel = 1\n"""\n', None),
        ('"model" = "a"\n', 'model = "b"\n'),
    ],
)
def test_only_the_value_changes_or_nothing(files, before, after):
    path, _ = files
    path.write_bytes(before.encode())
    if after is None:
        with pytest.raises(SoartError, match="change its file in an editor"):
            store(path, "model", "b")
    else:
        store(path, "model", "b")
    assert path.read_bytes().decode() == (before if after is None else after)


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_text_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    store(path, "wildcards", text)
    store(path, "by", [text, "b"])
    assert read_file(path) == {"wildcards": text, "by": [text, "b"]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('modle = "a"', "no setting 'modle' ('{path}'): did you mean 'model'?"),
        ('nonsense = "a"', "known are model, device"),
        ("model = 5", "'model' must be a text, got 5 ('{path}')"),
        ('model = " "', "must be a text"),
        ("by = 5", "must be a list of texts"),
        ('taste = "mine"', "no setting 'taste' ('{path}'): did you mean 'by'?"),
        ('dtype = "float3"', "one of float32, float16, bfloat16"),
        ('device = "toaster"', "'device' must be one of cpu, cuda, mps, xpu, or such as cuda:1"),
        ('[model]\nname = "a"', "must be a text"),
        ("model = ", "not valid TOML: Invalid value"),
        (b"\xff\xfe\x00", "not valid TOML"),
        ('by = ["evil:Class"]', "must not name code"),
    ],
)
def test_mistakes_are_named_with_their_file(files, content, words):
    path, _ = files
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SoartError) as caught:
        read_settings({}, files)
    assert words.format(path=path) in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_user_may_name_code_and_a_project_may_not(files):
    project, user = files
    store(user, "by", ["mine:Class=2", "clip:a/b=0.5"])
    assert read_file(user)["by"] == ["mine:Class=2", "clip:a/b=0.5"]
    store(project, "by", ["clip:a/b=0.5", "mine=2", "person:ann"])
    with pytest.raises(SoartError, match="must not name code"):
        store(project, "by", ["mine:Class"])


def test_a_user_may_name_a_database_and_a_project_may_not(files):
    """Its server would be asked for, and so told, the password in PGPASSWORD."""
    project, user = files
    store(user, "collection", "postgresql://ann@host/art")
    assert read_file(user)["collection"] == "postgresql://ann@host/art"
    with pytest.raises(SoartError, match="must not send your password"):
        store(project, "collection", "postgresql://ann@host/art")
    project.write_text('collection = "postgresql://ann@host/art"')
    with pytest.raises(SoartError, match="name a database on a server"):
        read_settings({}, files)
    for wrong in ("mysql://ann@host/art", "postgresql:ann:hunter2@host/art"):
        with pytest.raises(SoartError, match="'collection' cannot be used") as caught:
            store(user, "collection", wrong)
        assert "hunter2" not in str(caught.value)


def test_what_cannot_be_stored_leaves_the_file(files, tmp_path):
    path, _ = files
    path.write_text("model = ")
    with pytest.raises(SoartError, match="not valid TOML"):
        store(path, "model", "a")
    assert path.read_text() == "model = "
    (tmp_path / "file").touch()
    with pytest.raises(SoartError, match="cannot be written"):
        store(tmp_path / "file" / "config.toml", "model", "a")
    with pytest.raises(SoartError, match=r"must be a text, got None \(SOART_MODEL\)"):
        checked("model", None, variable("model"))


def test_prior_scores_of_a_project_name_no_code(files):
    project, user = files
    store(project, "priors", ["technical", "clip:a/b", "a friend's taste"])
    assert read_file(project)["priors"] == ["technical", "clip:a/b", "a friend's taste"]
    store(user, "priors", ["mine:Class"])
    with pytest.raises(SoartError, match="must not name code"):
        store(project, "priors", ["mine:Class"])
    project.write_text('priors = ["evil:Class"]')
    with pytest.raises(SoartError, match="must not name code"):
        read_settings({}, files)


@pytest.mark.parametrize(
    "content",
    [
        "model = " + "[" * 5000,
        "model" + ".a" * 5000 + " = 1",
        "by = " + "[" * 400 + "]" * 400,
        "[" + ".".join("a" * 5000) + "]",
    ],
    ids=["open", "dotted", "closed", "table"],
)
def test_deeply_nested_settings_are_a_sentence(files, content):
    project, _ = files
    project.write_text(content)
    with pytest.raises(SoartError) as caught:
        read_settings({}, files)
    assert "\n" not in str(caught.value)
    assert str(project) in str(caught.value)
    with suppress(SoartError):
        store(project, "taste", "blur")


def test_a_project_names_local_models_only_after_an_answer(files, monkeypatch, tmp_path):
    project, user = files
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "data" / name)
    (tmp_path / "tower").mkdir()
    asked = []

    def ask(question, answer=True):
        asked.append(question)
        return answer

    local = {"model": str(tmp_path / "tower"), "by": [f"clip:{tmp_path / 'tower'}=0.5", "adherence"]}
    for key, value in local.items():
        setting = Setting(value, str(project))
        assert needs_answer(key, setting)
        for source in (str(user), variable(key), "default"):
            check_answer(key, Setting(value, source), None)
    for key, value in (("model", "a/b"), ("model", "embedded"), ("by", ["clip:a/b"]), ("collection", "./tower")):
        check_answer(key, Setting(value, str(project)), None)
    setting = Setting(local["model"], str(project))
    with pytest.raises(SoartError, match="which you have not allowed") as caught:
        check_answer("model", setting, None)
    assert caught.value.exit_code == 2
    with pytest.raises(SoartError, match="is not loaded"):
        check_answer("model", setting, partial(ask, answer=False))
    check_answer("model", setting, ask)
    check_answer("model", setting, None)
    # The judge names the same model.
    check_answer("by", Setting(local["by"], str(project)), None)
    assert len(asked) == 2
    assert str(tmp_path / "tower") in asked[0]
    # Another project, and another model behind the same name.
    with pytest.raises(SoartError, match="not allowed"):
        check_answer("model", Setting(local["model"], str(tmp_path / "other" / PROJECT)), None)
    (tmp_path / "tower").rmdir()
    (tmp_path / "tower").symlink_to(tmp_path / "data")
    with pytest.raises(SoartError, match="not allowed"):
        check_answer("model", setting, None)


def test_a_head_that_a_project_names_is_asked_for_part_by_part(files, monkeypatch, tmp_path):
    project, _ = files
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "data" / name)
    monkeypatch.chdir(tmp_path)
    for text in ("aesthetic:heads/v2,x/tower", "aesthetic:heads/v2", "aesthetic:heads/v2,x/tower=0.5"):
        for key in ("by", "priors"):
            with pytest.raises(SoartError, match="the local model 'heads/v2'"):
                check_answer(key, Setting([text], str(project)), None)
    (tmp_path / "x" / "tower").mkdir(parents=True)
    asked = []
    check_answer(
        "by", Setting(["aesthetic:heads/v2,x/tower=0.5"], str(project)), lambda text: asked.append(text) or True
    )
    assert [str(tmp_path / name) in text for name, text in zip(("heads/v2", "x/tower"), asked, strict=True)] == [
        True
    ] * 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_settings_are_read_from_regular_files_alone(files):
    project, _ = files
    os.mkfifo(project)
    for step in range(3):
        with pytest.raises(
            SoartError, match="cannot be read: it is not a regular file" if step < 2 else "more than 16 MiB"
        ):
            read_file(project)
        with pytest.raises(SoartError, match="cannot be written"):
            store(project, "model", "a/b")
        project.unlink()
        if step == 0:
            project.symlink_to("/dev/zero")
        else:
            with project.open("wb") as stream:
                stream.truncate(1 << 40)


def test_a_model_that_the_user_stores_in_a_project_is_allowed(files, monkeypatch, tmp_path):
    project, _ = files
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "data" / name)
    store(project, "model", str(tmp_path / "model.safetensors"))
    check_answer("model", read_settings({}, files)["model"], None)
    [answers] = (tmp_path / "data").rglob("project-models.json")
    for content in ("", "[" * 100_000, '{"allowed": [5]}'):
        answers.write_text(content)
        with pytest.raises(SoartError, match="not allowed"):
            check_answer("model", read_settings({}, files)["model"], None)
