"""The command line of the gallery: what it says before it serves, and that it serves."""

import os
import signal
import socket
import subprocess
import sys

import httpx2 as httpx
import pytest
from PIL import Image

from soart.metrics.tastes.overall import OverallJudge
from soart.pipelines import demo
from soart.pipelines.collection.collection import Collection
from soart.plugin.cli import web as command


@pytest.fixture
def serving(monkeypatch):
    """Applications that the command would have served."""
    found = []
    monkeypatch.setattr(command, "_serve", lambda app, listener, proxies: found.append((app, listener.getsockname())))
    yield found
    for app, _ in found:
        app.state.server.close()


@pytest.fixture(autouse=True)
def own_places(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def test_a_collection_that_is_not_there_is_said_and_not_made(soart, tmp_path):
    code, _, err = soart("web", "nothing", "--no-open", "--port", "0")
    assert code == 1
    assert "no folder or collection 'nothing'" in err
    assert "--create" in err
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--lora", "nosuch"), ("--set", "device=zzz"), ("--set", "device=cuda:x")]
)
def test_options_of_the_model_are_checked_at_the_start(soart, serving, tmp_path, option, value):
    line = ("web", "new", "--create", "--no-open", "--port", "0")
    code, _, err = soart(*line, option, value)
    assert (code, repr(value.rpartition("=")[2]) in err) == (2, True)
    assert serving == []
    assert not (tmp_path / "new").exists()


def test_an_empty_one_is_made_on_request(soart, serving, tmp_path):
    code, out, _ = soart("web", "new", "--create", "--no-open", "--port", "0")
    assert code == 0
    assert out.startswith("soart web: http://127.0.0.1:")
    assert Collection.is_collection(tmp_path / "new")


def test_the_usual_collections_are_found(soart, serving, tmp_path):
    for name in ("soart-demo", "soart-tuning"):
        Collection(tmp_path / name).close()
    assert soart("web", "--no-open", "--port", "0")[0] == 0
    assert [opened.name for opened in serving[0][0].state.server.collections] == ["soart-tuning", "soart-demo"]


def test_folders_are_shown_while_they_are_evaluated(soart, serving, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "holiday"
    folder.mkdir()
    for level in (40, 90):
        Image.linear_gradient("L").point(lambda v, level=level: (v + level) % 256).save(folder / f"{level}.png")
    code, _, err = soart("web", folder, "--watch", "--no-open", "--port", "0")
    assert (code, f"Watching {folder}." in err) == (0, True)
    [shown] = serving[0][0].state.server.collections
    assert shown.evaluation.job.wait(240)
    assert (shown.evaluation.failure, len(shown.collection.images())) == ("", 2)
    assert shown.evaluation.state().found
    assert shown.name == "holiday"
    assert sorted(path.name for path in folder.iterdir()) == ["40.png", "90.png"]
    # A collection of the settings, here or elsewhere, is not shown beside them.
    monkeypatch.setenv("SOART_COLLECTION", "foxes")
    assert soart("web", folder, "--no-open", "--port", "0")[0] == 0
    assert [opened.name for opened in serving[-1][0].state.server.collections] == ["holiday"]
    monkeypatch.delenv("SOART_COLLECTION")
    code, _, err = soart("web", "--watch", "--no-open", "--port", "0")
    assert (code, "--watch needs a folder" in err) == (1, True)
    code, _, err = soart("web", tmp_path / "none", "--no-open", "--port", "0")
    assert (code, "none" in err) == (1, True)


def test_somebody_at_a_terminal_is_offered_one(serving, monkeypatch, tmp_path, generator):
    from typer.testing import CliRunner

    from soart.plugin.cli.app import app

    # The runner has a stdin of its own, which is not a terminal.
    monkeypatch.setattr(command, "is_interactive", lambda: True)
    # The same model, already loaded, and fewer pictures.
    monkeypatch.setattr(command, "load_generator", lambda *_, **__: generator)
    monkeypatch.setattr(demo, "COUNT", 4)
    runner = CliRunner()
    answer = runner.invoke(app, ["web", "mine", "--no-open", "--port", "0"], input="n\n")
    assert "There is no folder or collection 'mine'" in str(answer.exception)
    answer = runner.invoke(app, ["web", "mine", "--no-open", "--port", "0"], input="e\n")
    assert answer.exit_code == 0
    assert Collection.is_collection(tmp_path / "mine")
    answer = runner.invoke(app, ["web", "demo", "--no-open", "--port", "0"], input="d\n")
    assert answer.exit_code == 0
    with Collection(tmp_path / "demo") as collection:
        assert len(collection.images()) == 4
        assert len(collection.scores(OverallJudge.load().stored_name)) == 4


def test_a_taken_port_and_a_strange_address_are_said(soart, tmp_path):
    Collection(tmp_path / "c").close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = soart("web", "c", "--no-open", "--port", taken.getsockname()[1])
        assert (code, "choose another --port" in err) == (1, True)
    code, _, err = soart("web", "c", "--no-open", "--host", "no.such.host.invalid")
    assert (code, "cannot listen on no.such.host.invalid" in err) == (1, True)


def test_a_rater_who_cannot_have_a_taste_is_refused_at_once(soart, tmp_path):
    Collection(tmp_path / "c").close()
    for name, said in (("../me", "Expected a name of letters"), ("technical", "name of a built-in judge")):
        code, _, err = soart("web", "c", "--no-open", "--port", "0", "--rater", name)
        assert (code, said in err) == (1, True)


def test_every_start_prints_another_token(soart, serving, tmp_path):
    Collection(tmp_path / "c").close()
    for _ in range(2):
        code, out, err = soart("web", "c", "--no-open", "--port", "0", "--allow-host", "Gallery.LAN")
        assert (code, err) == (0, "")
        app, (_, port) = serving[-1]
        assert out == f"soart web: http://127.0.0.1:{port}/?token={app.state.server.settings.token}  (Ctrl-C ends it)\n"
    first, second = (app.state.server.settings for app, _ in serving)
    assert first.token != second.token
    assert len(first.token) > 40
    assert "gallery.lan" in first.names
    assert not first.guests


def test_sessions_outlast_a_restart_unless_any_free_port_is_taken(soart, serving):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for number in (port, port, 0, 0):
        assert soart("web", "new", "--create", "--no-open", "--port", str(number))[0] == 0
    keys = [app.state.server.key for app, _ in serving]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    # Even on the same port: of two starts with --port 0 both may get it.
    assert [app.state.server.settings.secret for app, _ in serving[2:]] == ["", ""]


def test_guests_are_let_in_with_a_warning(soart, serving, tmp_path, monkeypatch):
    Collection(tmp_path / "c").close()
    line = ("web", "c", "--no-open", "--port", "0", "--host", "0.0.0.0")
    assert "Anyone who can reach" in soart(*line, "--guests")[2]
    assert serving[-1][0].state.server.settings.guests
    code, _, err = soart(*line, "--guests", "--password", "sesame")
    assert (code, "leave out --guests or the password" in err) == (1, True)
    monkeypatch.setenv("SOART_PASSWORD", "sesame")
    assert soart(*line)[2] == ""
    assert serving[-1][0].state.server.settings.password == "sesame"


def test_folders_to_allow_must_exist(soart, serving, tmp_path):
    Collection(tmp_path / "c").close()
    line = ("web", "c", "--no-open", "--port", "0", "--allow-folders")
    code, _, err = soart(*line, "nothing")
    assert (code, "There is no folder 'nothing' to allow" in err) == (1, True)
    assert soart(*line, str(tmp_path))[0] == 0
    assert tmp_path in serving[-1][0].state.server.collections[0].allowed


@pytest.mark.parametrize("proxy", ["*", "proxy.example", "10.0.0.1/8"])
def test_a_proxy_is_named_by_its_address(soart, serving, tmp_path, proxy):
    code, _, err = soart("web", "c", "--create", "--port", "0", "--trusted-proxy", proxy)
    assert (code, "expected an address" in err) == (2, True)
    assert serving == []


def test_judges_are_offered_and_mistakes_seen_at_once(soart, serving, package, tmp_path):
    Collection(tmp_path / "soart-demo").close()
    named = ("--by", "acme_judge:Moody=0.5", "--by", "clip:openai/clip-vit-base-patch32")
    assert soart("web", "--no-open", "--port", "0", *named)[0] == 0
    offered = serving[0][0].state.server.judges.offered
    assert [(label, one.weight) for label, one in offered.items()][-2:] == [
        ("acme_judge:Moody", 0.5),
        ("clip:openai/clip-vit-base-patch32", 1.0),
    ]
    code, _, err = soart("web", "--no-open", "--port", "0", "--by", "nothing")
    assert (code, err.count("There is no judge 'nothing'")) == (1, 1)
    assert soart("web", "--no-open", "--port", "0", "--by", "redness=much")[0] == 2


def test_prior_scores_are_those_of_the_settings_or_of_the_command_line(soart, serving, tmp_path, monkeypatch):
    Collection(tmp_path / "soart-demo").close()
    line = ("web", "--no-open", "--port", "0")
    monkeypatch.setenv("SOART_PRIORS", "appeal others")
    for options in ((), ("--set", "priors=technical"), ("--set", "priors=none")):
        assert soart(*line, *options)[0] == 0
    assert [app.state.server.settings.priors for app, _ in serving] == [["appeal", "others"], ["technical"], []]
    code, _, err = soart(*line, "--set", "priors=beauty")
    assert (code, "no prior score 'beauty'" in err, len(serving)) == (2, True, 3)


def test_without_the_extra_it_says_how_to_get_it(soart, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("soart.plugin.web.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    code, _, err = soart("web", "--no-open")
    assert code == 1
    assert "pip install 'soart[web]'" in err


def test_it_starts_without_what_only_pictures_need():
    code = (
        "import sys, soart.plugin.cli.web, soart.plugin.web.app; "
        "print([name for name in ('torch', 'diffusers', 'transformers', 'sklearn', 'pandas', 'scipy.stats', 'scipy.optimize') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_it_serves_until_it_is_interrupted(tmp_path):
    Collection(tmp_path / "c").close()
    line = [sys.executable, "-m", "soart.plugin.cli", "web", "c", "--no-open", "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            address, token = process.stdout.readline().split()[2].split("?token=")
            refused = httpx.get(f"{address}c/0/api/ids", timeout=240)
            with httpx.Client(follow_redirects=True, timeout=240) as client:
                answer = client.get(f"{address}c/0/gallery?token={token}", headers={"accept": "text/html"})
        finally:
            process.send_signal(signal.SIGINT)
        assert refused.status_code == 401
        assert "This collection is empty" in answer.text
        assert process.wait(240) == 0
        assert process.stderr.read() == ""
