"""The command line of the gallery: what it says before it serves, and that it serves."""

import os
import signal
import socket
import subprocess
import sys

import httpx2 as httpx
import pytest

from soart.pipelines.collection.collection import Collection
from soart.plugin.cli import web as command


@pytest.fixture
def serving(monkeypatch):
    """Applications that the command would have served."""
    found = []
    monkeypatch.setattr(command, "_serve", lambda app, listener: found.append((app, listener.getsockname())))
    yield found
    for app, _ in found:
        app.state.server.close()


@pytest.fixture(autouse=True)
def own_places(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def test_a_collection_that_is_not_there_is_said_and_not_made(soart, tmp_path):
    code, _, err = soart("web", "--collection", "nothing", "--no-open", "--port", "0")
    assert code == 1
    assert "no collection 'nothing'" in err
    assert "--create" in err
    assert not (tmp_path / "nothing").exists()


def test_an_empty_one_is_made_on_request(soart, serving, tmp_path):
    code, out, _ = soart("web", "--collection", "new", "--create", "--no-open", "--port", "0")
    assert code == 0
    assert out.startswith("soart web: http://127.0.0.1:")
    assert Collection.is_collection(tmp_path / "new")


def test_the_usual_collections_are_found(soart, serving, tmp_path):
    for name in ("soart-demo", "soart-tuning"):
        Collection(tmp_path / name).close()
    assert soart("web", "--no-open", "--port", "0")[0] == 0
    assert [opened.name for opened in serving[0][0].state.server.collections] == ["soart-tuning", "soart-demo"]


def test_somebody_at_a_terminal_is_offered_one(serving, monkeypatch, tmp_path, generator):
    from typer.testing import CliRunner

    from soart.plugin.cli.app import app

    # The runner has a stdin of its own, which is not a terminal.
    monkeypatch.setattr(command, "_is_interactive", lambda: True)
    # The same model, already loaded.
    monkeypatch.setattr(command, "load_generator", lambda *_, **__: generator)
    runner = CliRunner()
    answer = runner.invoke(app, ["web", "--collection", "mine", "--no-open", "--port", "0"], input="n\n")
    assert "There is no collection 'mine'" in str(answer.exception)
    answer = runner.invoke(app, ["web", "--collection", "mine", "--no-open", "--port", "0"], input="e\n")
    assert answer.exit_code == 0
    assert Collection.is_collection(tmp_path / "mine")
    answer = runner.invoke(app, ["web", "--collection", "demo", "--no-open", "--port", "0"], input="d\n")
    assert answer.exit_code == 0
    with Collection(tmp_path / "demo") as collection:
        assert len(collection.images()) == 24
        assert len(collection.scores("technical-2")) == 24


def test_a_taken_port_and_a_strange_address_are_said(soart, tmp_path):
    Collection(tmp_path / "c").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = soart("web", "--collection", "c", "--no-open", "--port", taken.getsockname()[1])
        assert (code, "choose another --port" in err) == (1, True)
    code, _, err = soart("web", "--collection", "c", "--no-open", "--host", "no.such.host.invalid")
    assert (code, "cannot listen on no.such.host.invalid" in err) == (1, True)


def test_a_rater_who_cannot_have_a_taste_is_refused_at_once(soart, tmp_path):
    Collection(tmp_path / "c").close()
    for name, said in (("../me", "Expected a name of letters"), ("technical", "name of a built-in profile")):
        code, _, err = soart("web", "--collection", "c", "--no-open", "--port", "0", "--rater", name)
        assert (code, said in err) == (1, True)


def test_others_are_let_in_with_a_warning_unless_there_is_a_password(soart, serving, tmp_path, monkeypatch):
    Collection(tmp_path / "c").close()
    line = ("web", "--collection", "c", "--no-open", "--port", "0", "--host", "0.0.0.0")
    assert "set a password" in soart(*line)[2]
    assert soart(*line, "--password", "sesame")[2] == ""
    monkeypatch.setenv("SOART_PASSWORD", "sesame")
    assert soart(*line, "--allow-host", "Gallery.LAN")[2] == ""
    settings = serving[-1][0].state.server.settings
    assert (settings.password, settings.local) == ("sesame", False)
    assert "gallery.lan" in settings.names


def test_without_the_extra_it_says_how_to_get_it(soart, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("soart.plugin.web.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    code, _, err = soart("web", "--no-open")
    assert code == 1
    assert "pip install 'soart[web]'" in err


def test_it_serves_until_it_is_interrupted(tmp_path):
    Collection(tmp_path / "c").close()
    line = [sys.executable, "-m", "soart.plugin.cli", "web", "--collection", "c", "--no-open", "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            address = process.stdout.readline().split()[2]
            answer = httpx.get(f"{address}c/0/gallery", headers={"accept": "text/html"})
        finally:
            process.send_signal(signal.SIGINT)
        assert "This collection is empty" in answer.text
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
