"""Output of the command line: lines, progress bars, JSON."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from ...pipelines.support.background import TimeLeft
from ...pipelines.support.failures import told_together
from ...pipelines.support.wording import printable as printable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

#: Seconds between two updates of a progress bar: one takes a fifth of a millisecond, a lot beside a small picture.
UPDATE_SECONDS = 0.1
#: Seconds between the lines of a progress that is not shown on a terminal.
LINE_SECONDS = 5.0

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed; Python leaves None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def escape_unencodable() -> None:
    """Escape characters that the output's encoding does not hold, such as of a prompt in a file on Windows."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a line to stdout, without markup and control characters."""
    out.print(printable(text, lines=True), markup=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a line to stderr, without markup and control characters."""
    err.print(printable(text, lines=True), markup=False, soft_wrap=True)


def print_notes(texts: Iterable[str]) -> None:
    """Print lines to stderr, with control characters escaped."""
    for text in texts:
        note(printable(text))


def print_problems(texts: Iterable[str]) -> None:
    """Print sentences on files to stderr as ``print_notes`` does; what is wrong with many files is told once."""
    print_notes(told_together(texts))


def program() -> str:
    """The name by which a shell finds this program: ``soart``, the path of its script, or the module's command."""
    script, found = Path(sys.argv[0]), shutil.which("soart")
    if found and Path(found).exists() and script.exists() and Path(found).samefile(script):
        return "soart"
    if script.stem != "soart" or not script.exists():
        return f"{shlex.quote(sys.executable)} -m soart"
    here = os.path.relpath(script)
    return shlex.quote(min(here, str(script), key=len))


def emit(document: dict[str, Any]) -> None:
    """Print one JSON document: ASCII, finite numbers only."""
    print(json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False))


def show(as_json: bool, facts: dict[str, Any], lines: Iterable[str], problems: Iterable[str] = ()) -> None:
    """Print a result: as one JSON document, or as lines and, to stderr, sentences on what went wrong."""
    if as_json:
        return emit(facts)
    for line in lines:
        say(printable(line))
    return print_notes(problems)


def show_in_desktop(path: Path | str) -> None:
    """Open a page or a folder in the program that the system has for it; a line to stderr if there is none."""
    if typer.launch(str(path)) != 0:
        note(f"{str(path)!r} cannot be opened from here: open it yourself.")


def plain_table(*headings: str, right: Container[str] = ()) -> Table:
    """An empty table without borders; the columns ``right`` hold numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", justify="right" if heading in right else "left")
    return table


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Container[str] = ()) -> None:
    """Print rows below headings; control characters are escaped, and nothing in a cell is markup."""
    from rich.text import Text

    table = plain_table(*headings, right=right)
    for row in rows:
        table.add_row(*(Text(printable(str(cell))) for cell in row))
    out.print(table)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a command whose finished work is kept."""
    try:
        yield
    except KeyboardInterrupt:
        note("Interrupted. Finished pictures are kept; run the same command to continue.")
        raise typer.Exit(130) from None


class Progress:
    """A bar with rate and time left on stderr; if that is not a terminal, a line every few seconds.

    Call it with the number of pictures done since the last call; see ``expect`` if the total is not known yet.
    ``findings`` returns what is known so far in a sentence, which is shown below the bar or in the lines; ``doing``
    what goes on at this moment in a few words, which are shown after the title.
    """

    def __init__(
        self,
        title: str,
        total: int,
        findings: Callable[[], str] = lambda: "",
        doing: Callable[[], str] = lambda: "",
    ) -> None:
        from rich import progress

        class Bar(progress.Progress):
            """A bar with room for something below it."""

            below: RenderableType | None = None

            def get_renderables(self) -> Iterable[RenderableType]:
                yield from super().get_renderables()
                if self.below is not None:
                    yield self.below

        self._bar = Bar(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TextColumn("{task.fields[left]}"),
            console=err,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(title, total=total, rate="", left="")
        self._left = TimeLeft()
        self._waiting, self._due = 0, 0.0
        self._title, self._next_line = title, time.monotonic() + LINE_SECONDS
        self._findings, self._doing = findings, doing

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._advance()
        self._bar.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the bar while something else uses the terminal."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def show(self, below: RenderableType) -> None:
        """Set the content below the bar."""
        self._bar.below = below
        self._bar.refresh()

    def expect(self, total: int) -> None:
        """Set the number of pictures, once it is known."""
        self._bar.update(self._task, total=total)

    def reach(self, done: int) -> None:
        """Advance the bar to ``done`` of all pictures."""
        self(done - int(self._bar.tasks[0].completed) - self._waiting)

    def __call__(self, done: int = 1) -> None:
        """Advance the bar by ``done`` pictures."""
        self._waiting += done
        if time.monotonic() >= self._due:
            self._advance()

    def _advance(self) -> None:
        done, self._waiting, self._due = self._waiting, 0, time.monotonic() + UPDATE_SECONDS
        speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
        doing = self._doing()
        title = f"{self._title}, {doing}" if doing else self._title
        self._bar.update(self._task, advance=done, description=title, rate=f"{speed:.1f} pictures/s" if speed else "")
        task = self._bar.tasks[0]
        seconds = self._left(int(task.completed), int(task.total or 0), time.monotonic())
        self._bar.update(self._task, left="" if seconds is None else f"{timedelta(seconds=round(seconds))} left")
        findings = printable(self._findings())
        if findings and not self._bar.disable:
            from rich.text import Text

            self.show(Text(findings))
        if self._bar.disable and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_SECONDS
            total = f" of {task.total:.0f}" if task.total else ""
            found = f"; {findings}" if findings else ""
            print(f"{printable(title)}: {task.completed:.0f}{total}{found}", file=sys.stderr, flush=True)
