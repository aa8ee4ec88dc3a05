"""The command line of soart; exit codes are 0 done, 1 failure, 2 wrong usage, 130 interrupted."""

from __future__ import annotations

import errno
import functools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from typer.main import get_command

from ...errors import SoartError
from ...pipelines.support.processes import keep_freed_memory
from ...version import __version__
from . import configuration, taste
from .cache import cache
from .commands import TYPED, CommandGroup, Commands
from .compare_attention import compare_attention
from .demo import demo, doctor
from .distil import distil
from .evaluate import evaluate
from .find import find
from .generate import generate
from .keep import keep
from .label import label
from .list_command import list_
from .optimize import optimize
from .rank import rank
from .start_ranking import start
from .terminal import escape_unencodable, note, open_closed_streams
from .tidy import cull, undo
from .tune import tune
from .web import web

#: Commands by what they are for, in the order of ``--help``.
GROUPS = {
    "Draw pictures and tune prompts": ("generate", "tune", "optimize"),
    "Rank and sort the pictures you have": (
        "rank",
        "find",
        "keep",
        "evaluate",
        "label",
        "cull",
        "undo",
    ),
    "Your taste": ("start", "taste", "web"),
    "Try, check and set up": ("demo", "doctor", "list", "cache", "config"),
    "Research": ("compare-attention",),
}
_START = """\b
Where to start:
  soart demo                                 all of it in a minute, offline
  soart start FOLDER                         your own ranking in a minute: rate sixteen
  soart rank FOLDER --copy-to best --top 20  copies of the best twenty
  soart evaluate FOLDER --report page.html   a page: good, damaged, duplicate
  soart web FOLDER                           rate and compare in the browser
"""


class GroupedCommands(CommandGroup):
    """The commands under the headings of ``GROUPS``."""

    def headings(self) -> Mapping[str, Sequence[str]]:
        """Names of the commands by heading."""
        return {
            **GROUPS,
            "More": [name for name in self.commands if not any(name in names for names in GROUPS.values())],
        }


app = Commands(
    name="soart",
    help="Generate pictures with any Stable Diffusion model, rank them, learn your taste, tune the prompts.",
    epilog=_START,
    cls=GroupedCommands,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(requested: bool) -> None:
    if requested:
        print(f"soart {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    typed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A setting for this call, such as device=cpu; before or after the command, repeatable (soart config lists them).",
        ),
    ] = None,
) -> None:
    ctx.meta[TYPED] = typed or ()


app.command(epilog='Example: soart generate "a {fox|owl}, __style__" -n 16 --seed 1 --report foxes.html')(generate)
app.command(epilog="Example: soart rank holiday-pictures/ --by mine --report ranking.html")(rank)
app.command(
    epilog='Example: soart find "a red fox in the snow" pictures/ --top 12    '
    "or: soart find --like beach.jpg pictures/ --copy-to like-beach"
)(find)
app.command(epilog="Example: soart keep pictures/ --group prompt --by mine --copy-to keepers")(keep)
app.command(epilog="Example: soart doctor --json")(doctor)
app.command(
    "compare-attention", epilog="Example: soart compare-attention normal/ blurry/ noisy/ --versions B,D --output tables"
)(compare_attention)
app.command(epilog="Example: soart evaluate pictures/ --report pictures.html --export pictures.csv")(evaluate)
app.command(
    epilog='Example: soart label pictures/ pictures/a.png --album "best of 2026" --favourite    '
    "or: soart label pictures/ --xmp --by mine"
)(label)
app.command(epilog="Example: soart cull pictures/ --duplicates --worst 20 --to culled/ --dry-run")(cull)
app.command(epilog="Example: soart undo soart-undo-20261125-140000.jsonl")(undo)
app.command(epilog="Example: soart demo --folder /tmp/soart-demo")(demo)
app.command(epilog='Example: soart tune "a fox in the snow" --by mine --budget 120')(tune)
app.command(epilog="Example: soart start holiday-pictures/")(start)
app.command(epilog='Example: soart optimize "a fox in the snow" --by mine --seconds 60')(optimize)
app.command(epilog="Example: soart web soart-pictures")(web)
app.command("list", epilog="Example: soart list judges")(list_)
app.command(epilog="Example: soart cache holiday-pictures/ --clear")(cache)
taste.app.command(
    epilog='Example: soart taste distil mine --lora mine.safetensors --prompt "a {fox|owl|boat}, __style__"'
)(distil)
app.add_typer(taste.app, name="taste")
app.add_typer(configuration.app, name="config")

#: Errors of writing to a pipe that nobody reads, or to a full or failing device.
_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@functools.cache
def root() -> GroupedCommands:
    """The group of all commands, built once: reading their options from signatures takes a tenth of a second."""
    commands = get_command(app)
    assert isinstance(commands, GroupedCommands)
    return commands


def main() -> None:
    """Run the command line; expected errors are printed as one sentence."""
    # Threads of OpenMP that wait actively take the cores from each other: drawing beside one other busy process took
    # eight times as long. OpenMP reads this when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    open_closed_streams()
    escape_unencodable()
    # A shell completes by the name of a program: of python -m soart it would complete python.
    completion = bool({"--install-completion", "--show-completion"} & set(sys.argv[1:2]))
    try:
        root()(prog_name="soart" if completion else None)
    except SoartError as error:
        note(f"Error: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        # Before a command begins; a command says itself what is kept.
        note("Interrupted.")
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            # Perhaps a prompt in the place of a folder.
            note(f"Error: {error.filename!s:.60}… is too long for the name of a file or folder.")
            sys.exit(1)
        if isinstance(error, PermissionError) and error.filename is not None:
            note(f"Error: {str(error.filename)!r} cannot be opened: {error.strerror}.")
            sys.exit(1)
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        # What is left to write goes nowhere, or Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            note(f"Error: the output cannot be written: {error.strerror}.")
        sys.exit(1)


if __name__ == "__main__":
    main()
