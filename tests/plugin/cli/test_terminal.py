"""Progress of long commands, on a terminal and off one."""

from soart.plugin.cli import terminal
from soart.plugin.cli.terminal import Progress


def test_off_a_terminal_progress_is_a_line_every_few_seconds(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with Progress("measuring", 0) as progress:
        progress(1)
        assert capsys.readouterr().err == ""
        progress.expect(40)
        now[0] += terminal.LINE_SECONDS
        progress(11)
        assert capsys.readouterr().err == "measuring: 12 of 40\n"
        progress(1)
        now[0] += terminal.LINE_SECONDS / 2
        progress(1)
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == ""


def test_findings_follow_the_count(monkeypatch, capsys):
    now, found = [100.0], [""]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with Progress("inspecting", 9, lambda: found[0]) as progress:
        now[0] += terminal.LINE_SECONDS
        progress(1)
        found[0] = "best 'a[red]\x1b.png'"
        now[0] += terminal.LINE_SECONDS
        progress(1)
    assert capsys.readouterr().err == "inspecting: 1 of 9\ninspecting: 2 of 9; best 'a[red]\\x1b.png'\n"


def test_the_program_is_named_as_a_shell_finds_it(monkeypatch, tmp_path):
    script = tmp_path / "bin" / "soart"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal.sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", "/nowhere")
    assert terminal.program() == "bin/soart"
    monkeypatch.setenv("PATH", str(script.parent))
    assert terminal.program() == "soart"
    monkeypatch.setattr(terminal.sys, "argv", [str(tmp_path / "app.py")])
    assert terminal.program() == f"{terminal.sys.executable} -m soart"
