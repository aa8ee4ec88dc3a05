"""Progress of long work, told to whoever waits for it, and bars for Python callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

#: Called with a number of pictures or files that are done; whatever it raises ends the work.
Advance = Callable[[int], None]


def silent(done: int) -> None:
    """Tell nobody."""


@contextmanager
def bar(title: str, total: int | None = None) -> Iterator[tuple[Callable[..., None], Callable[[int], None]]]:
    """Functions that move a bar on, by 1 by default, and that set its length; seen in terminals and notebooks alone."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    shown = console.is_terminal or console.is_jupyter
    with Progress(console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(title, total=total)

        def expect(length: int) -> None:
            progress.update(task, total=length)

        yield partial(progress.advance, task), expect
