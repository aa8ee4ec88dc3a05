"""What the command line prints: tables, progress bars, JSON."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from ...pipelines.scoring.ranking import RankedPicture

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print a line to stdout, as it is."""
    out.print(text, markup=False, soft_wrap=True)


def note(text: str) -> None:
    """Print a line to stderr, as it is."""
    err.print(text, markup=False, soft_wrap=True)


def emit(document: dict[str, Any]) -> None:
    """Print one JSON document: ASCII, finite numbers only."""
    print(json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False))


def printable(text: str) -> str:
    """Escape control characters, so that strangers' file names and prompts cannot steer the terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a command that keeps what is done."""
    try:
        yield
    except KeyboardInterrupt:
        note("Interrupted: finished pictures are kept, and the same command goes on from there.")
        raise typer.Exit(130) from None


def ranking_rows(ranking: Sequence[RankedPicture]) -> list[dict[str, Any]]:
    """The ranking as plain JSON values."""
    rows = []
    for r in ranking:
        row: dict[str, Any] = {
            "place": r.place,
            "path": str(r.path.resolve()),
            "score": round(r.score, 4),
            "percentile": round(r.percentile, 2),
            "reasons": [{"group": e.text, "contribution": round(e.contribution, 4)} for e in r.reasons],
        }
        if r.row.generation is not None:
            names = ("prompt", "negative", "seed", "steps", "guidance", "model")
            row.update({name: getattr(r.row.generation, name) for name in names})
        rows.append(row)
    return rows


def print_ranking(ranking: Sequence[RankedPicture], top: int) -> None:
    """Print the best ``top`` as a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("#", "score", "pct"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("picture", "prompt", "why"):
        table.add_column(name, overflow="fold")
    for r in ranking[:top]:
        why = "; ".join(f"{reason.contribution:+.1f} {reason.text}" for reason in r.reasons)
        prompt = f"{r.row.generation.prompt} (seed {r.row.generation.seed})" if r.row.generation else ""
        texts = (Text(printable(text)) for text in (r.path.name, prompt, why))
        table.add_row(str(r.place), f"{r.score:.1f}", f"{r.percentile:.0f}", *texts)
    out.print(table)
    if len(ranking) > top:
        out.print(f"… and {len(ranking) - top} more.")


class Progress:
    """A bar with rate and time left on stderr; silent where stderr is no terminal. Call it with what was done."""

    def __init__(self, what: str, total: int) -> None:
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
            progress.TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(what, total=total, rate="")
        self._waiting, self._due = 0, 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._move()
        self._bar.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar away while something else uses the terminal."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def show(self, below: RenderableType) -> None:
        """Set what stands below the bar."""
        self._bar.below = below
        self._bar.refresh()

    def expect(self, total: int) -> None:
        """Set how many pictures there are, once that is known."""
        self._bar.update(self._task, total=total)

    def __call__(self, done: int = 1) -> None:
        """Move the bar on by ``done`` pictures."""
        self._waiting += done
        # A bar takes a fifth of a millisecond, which is much beside a small picture.
        if time.monotonic() >= self._due:
            self._move()

    def _move(self) -> None:
        done, self._waiting, self._due = self._waiting, 0, time.monotonic() + 0.1
        speed = self._bar.tasks[0].finished_speed or self._bar.tasks[0].speed
        self._bar.update(self._task, advance=done, rate=f"{speed:.1f} pictures/s" if speed else "")
