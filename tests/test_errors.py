import sys
from pathlib import Path

import pytest

from soart.errors import first_line, install_command


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("It broke.", "It broke"),
        ("\n  It broke: \nin detail.", "It broke"),
        ("Is 2.5 right?", "Is 2.5 right?"),
        ("", "ValueError"),
        (" \n", "ValueError"),
        (
            "Failed to import a.b because of the following error (look up to see its traceback):\nCannot load c.so.",
            "Cannot load c.so",
        ),
    ],
)
def test_first_line_of_an_error(message, line):
    assert first_line(ValueError(message)) == line


def test_an_extra_goes_into_the_environment_that_runs(monkeypatch):
    here = Path(sys.executable).parent
    monkeypatch.setenv("PATH", "/nowhere")
    assert install_command("web") == f"{sys.executable} -m pip install 'soart[web]'"
    monkeypatch.setattr("soart.errors.shutil.which", lambda name: str(here / name))
    assert install_command("web") == "pip install 'soart[web]'"
