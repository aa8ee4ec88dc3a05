"""Single keys and pictures in a terminal, as far as the terminal supports them."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import out, printable, say

if TYPE_CHECKING:
    from ...pipelines.tastes.rating_session import RatingSession

#: Greatest width of a picture, in columns.
COLUMNS = 48


def check_keys() -> None:
    """Refuse to ask for keys where none can come: stdin is closed, or the empty device."""
    from ...errors import SoartError

    with contextlib.suppress(io.UnsupportedOperation, OSError):
        if sys.stdin.closed or os.path.samestat(os.fstat(sys.stdin.fileno()), Path(os.devnull).stat()):
            raise SoartError(
                "There are no keys to rate by, because stdin is closed or empty: use a terminal, or pipe the keys in."
            )


def keys() -> Iterator[str]:
    """Keys as they are pressed; if stdin is not a terminal, its characters without line breaks and spaces."""
    if sys.stdin.isatty():
        import typer

        while True:
            with contextlib.suppress(EOFError):
                key = typer.getchar()
                yield "q" if key in ("\x03", "\x04", "\x1b") else key.lower()
                continue
            return
    for line in sys.stdin:
        yield from line.strip().lower().replace(" ", "")


def rate_by_keys(session: RatingSession, pressed: Iterator[str], *, silent: bool = False, elsewhere: str = "") -> bool:
    """Show the pictures of a session one by one and store a rating for each key; False if q or the end of input ended it.

    ``elsewhere`` is a command that shows the pictures in the browser, named once if this terminal cannot show them. If
    the collection cannot be written and the keys come from a script, it raises: the next key would count for the same
    picture.
    """
    from ...errors import CollectionError
    from ...pipelines.collection.database import is_outage

    if elsewhere and not silent and sys.stdin.isatty() and not shows_pictures():
        _point_to(elsewhere)
    while True:
        row = session.current
        if row is None:
            # In a terminal the last key can be a slip too; a script sends all its keys on purpose.
            if silent or not session.position or not sys.stdin.isatty():
                return True
            say("That was the last picture. Press u to undo it, any other key to finish.")
            if next(pressed, "q") != "u":
                return True
            say(session.press("u"))
            continue
        if not silent:
            say(f"{session.position + 1}/{len(session.queue)}")
            show_picture(session.collection.locate(row), row.generation.prompt if row.generation else "")
        key = next(pressed, "q")
        if key == "q":
            return False
        try:
            answer = session.press(key)
        except CollectionError as error:
            if is_outage(error) and not sys.stdin.isatty():
                raise
            answer = str(error)
        if not silent:
            say(answer)


@functools.cache
def shows_pictures() -> bool:
    """True if the terminal has graphics (kitty or sixel) and textual-image is installed."""
    if sys.stdout.isatty():
        # The import queries the terminal, and fails in one that does not answer.
        with contextlib.suppress(Exception):
            from textual_image.renderable import Image, SixelImage, TGPImage

            return issubclass(Image, TGPImage | SixelImage)
    return False


@functools.cache
def _point_to(command: str) -> None:
    """Name the command that shows the pictures in the browser, once."""
    say(f"This terminal shows only the names of pictures. To see them in the browser: {command}")


def show_picture(path: Path, prompt: str) -> None:
    """Draw a picture if the terminal can; print its path."""
    if shows_pictures():
        from textual_image.renderable import Image

        with contextlib.suppress(Exception):
            out.print(Image(path, width=COLUMNS))
    say(printable(f"{path}  {prompt}" if prompt else str(path)))
