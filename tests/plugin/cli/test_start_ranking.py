"""The command line of ``soart start``: what it serves, and the way through a terminal."""

import pytest

from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.ingest.default_places import default_collection_path
from soart.pipelines.ingest.roots import known_roots
from soart.plugin.cli import start_ranking, web


@pytest.fixture
def pictures(tmp_path, monkeypatch, paint):
    for name in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "holiday", 10, 1, vivid=True)
    return paint(tmp_path / "holiday", 10, 2, vivid=False)


@pytest.fixture
def serving(monkeypatch):
    """Applications that the command would have served, of which none reads pictures."""
    found = []
    monkeypatch.setattr(web, "_serve", lambda app, listener, proxies: found.append(app))
    monkeypatch.setattr("soart.plugin.web.state.StartService.read", lambda service: None)
    yield found
    for app in found:
        app.state.server.close()


def test_the_page_is_served_before_anything_is_read(soart, serving, pictures, tmp_path):
    code, out, err = soart("start", "holiday", "--no-open", "--port", "0")
    assert (code, err) == (0, "")
    assert "/c/0/start?token=" in out
    settings = serving[0].state.server.settings
    assert (settings.copy_to, settings.rater) == (tmp_path / "holiday-best", "me")
    assert list(settings.read) == list(settings.collections)
    [shown] = serving[0].state.server.collections
    assert (shown.name, known_roots(shown.collection), shown.collection.ids()) == ("holiday", [pictures], [])
    assert soart("start", ".", "--no-open", "--port", "0", "--copy-to", "elsewhere")[0] == 1
    assert soart("start", "holiday", "--no-open", "--port", "0", "--copy-to", "elsewhere")[0] == 0
    assert serving[-1].state.server.settings.copy_to == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("nowhere",), "nowhere' does not exist"),
        (("empty",), "no picture"),
        (("holiday", "--rater", "technical"), "built-in judge"),
        (("holiday", "--copy-to", "holiday/best"), "choose a folder elsewhere"),
    ],
)
def test_mistakes_are_said_at_once(soart, serving, pictures, tmp_path, line, said):
    (tmp_path / "empty").mkdir()
    code, _, err = soart("start", *line, "--no-open", "--port", "0")
    assert (code, said in err) == (1, True), err
    assert serving == []


@pytest.mark.parametrize("tty", [True, False])
def test_without_a_browser_a_terminal_asks_instead(soart, serving, pictures, monkeypatch, tty):
    asked = []

    def no_browser():
        raise start_ranking.webbrowser.Error

    monkeypatch.setattr(start_ranking.webbrowser, "get", no_browser)
    monkeypatch.setattr(start_ranking.webbrowser, "open", lambda address: False)
    monkeypatch.setattr(start_ranking, "_start_in_terminal", lambda *arguments: asked.append(arguments[1]))
    monkeypatch.setattr(start_ranking, "is_interactive", lambda: tty)
    code, _, err = soart("start", "holiday", "--port", "0")
    assert (code, asked, len(serving)) == (0, ["holiday"] * tty, 1 - tty)
    assert ("No browser can be opened" in err) == tty


@pytest.mark.slow
def test_the_same_in_a_terminal(soart, pictures, tmp_path):
    code, out, err = soart("start", "holiday", "--terminal", stdin="5 q")
    assert (code, "To go on: soart start holiday --terminal" in out) == (0, True), err
    with Collection(default_collection_path([pictures])) as collection:
        assert len(ratings(collection, "me")) == 1
    code, out, err = soart("start", "holiday", "--terminal", "--copy-to", "best", stdin="5 1 " * 8)
    assert code == 0, err
    assert "How sure this is: " in out
    assert "learnt from ratings in" not in err
    assert "soart rank holiday --by me" in out
    assert len(list((tmp_path / "best").iterdir())) == 20
    code, out, err = soart("rank", "holiday", "--by", "me", "--top", "3")
    assert (code, "soart start" in out) == (0, False), err


def test_a_ranking_without_a_taste_leads_to_one(soart, pictures):
    code, out, err = soart("rank", "holiday", "--top", "3", "--by", "technical")
    assert (code, out.count("For a ranking of your own in about a minute: soart start holiday")) == (0, 1), err
    code, out, err = soart("rank", "holiday", "--top", "3", "--by", "technical", "--json")
    assert (code, "soart start" in out + err) == (0, False)
