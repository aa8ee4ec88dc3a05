"""Single keys and pictures in a terminal, as far as it can."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .terminal import out, printable, say

if TYPE_CHECKING:
    from ...pipelines.tastes.rating_session import RatingSession

#: Columns a picture takes at most.
COLUMNS = 48


def keys() -> Iterator[str]:
    """Keys as they are pressed; where stdin is no terminal, the characters in it, lines and spaces passed over."""
    if sys.stdin.isatty():
        import click

        while True:
            with contextlib.suppress(EOFError):
                key = click.getchar()
                yield "q" if key in ("\x03", "\x04", "\x1b") else key.lower()
                continue
            return
    for line in sys.stdin:
        yield from line.strip().lower().replace(" ", "")


def rate_by_keys(session: RatingSession, pressed: Iterator[str], *, silent: bool = False) -> bool:
    """Show the pictures of a session one after the other and store what the keys say; False when q, or the end of input, breaks it off."""
    from ...errors import CollectionError

    while True:
        row = session.current
        if row is None:
            # In a terminal the last key can be a slip too; a script has said what it had to say.
            if silent or not session.position or not sys.stdin.isatty():
                return True
            say("That was the last one: u takes it back, any other key goes on.")
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
            said = session.press(key)
        except CollectionError as error:
            said = str(error)
        if not silent:
            say(said)


def show_picture(path: Path, prompt: str) -> None:
    """Draw a picture where the terminal has graphics (kitty or sixel, by textual-image if installed); else print its path."""
    if sys.stdout.isatty():
        # Asks the terminal when it is imported, and fails where it cannot.
        with contextlib.suppress(Exception):
            from textual_image.renderable import Image, SixelImage, TGPImage

            if issubclass(Image, TGPImage | SixelImage):
                out.print(Image(path, width=COLUMNS))
    say(printable(f"{path}  {prompt}" if prompt else str(path)))
