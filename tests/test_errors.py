import pytest

from soart.errors import first_line


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
