import io
import sys

import pytest

from soart.plugin import cli


@pytest.fixture
def soart(capsys, monkeypatch):
    """Run a command line in this process; returns code, stdout, stderr."""

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["soart", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out, captured.err

    return run
