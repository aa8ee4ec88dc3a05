"""The command ``soart start``: from a folder to a ranking of one's own in about a minute."""

from __future__ import annotations

import os
import shlex
import time
import webbrowser
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import SoartError
from ...pipelines.models.options import GeneratorOptions
from .options import load_generator, load_judges, rater_name, tastes_folder
from .terminal import Progress, emit, interruptible, note, say
from .web import check_gallery, is_interactive, listen, serve_gallery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...pipelines.collection.collection import Collection
    from ...pipelines.collection.tables import ImageRow
    from ...pipelines.services.start import StartService
    from ...pipelines.tastes.rating_session import RatingSession

#: Seconds between two looks at the reading.
_LOOK = 0.1


def start(
    folder: Annotated[
        str, typer.Argument(help="Folder of pictures, or a collection; the pictures stay where they are.")
    ],
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Rate by keys in this terminal instead of in the browser.")
    ] = False,
    copy_to: Annotated[
        Path | None,
        typer.Option(
            "--copy-to",
            metavar="FOLDER",
            help="Folder that the best twenty are copied to, in the browser at the press of a button; default there: "
            "FOLDER-best beside the folder.",
        ),
    ] = None,
    rater: Annotated[str, typer.Option(callback=rater_name, help="Name for your ratings and your taste.")] = "me",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the gallery; 0: any free one.")] = 8700,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in your browser.")] = True,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            min=1,
            help="In the terminal, pictures to rate now: those that teach most, once a taste is learnt. Default: until there are "
            "sixteen ratings.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Rate in the terminal, and print one JSON document instead of text.")
    ] = False,
) -> None:
    """Rank a folder by your own taste in about a minute: rate sixteen of its pictures while the rest is read.

    Keys in the terminal are 1–5, + and − for half a star, n for "not for me", x to skip, u to undo, q to quit. Every rating
    is stored at once. The same command goes on where you stopped.
    """
    from ...pipelines.collection.address import is_url
    from ...pipelines.ingest.roots import open_collection_for, remember_roots
    from ...pipelines.ingest.scan import Scan
    from ...pipelines.scoring.taste_store import TasteStore
    from ...pipelines.services.start import check_several
    from ...pipelines.tidying.copying import check_copy_target

    terminal = terminal or as_json or count is not None
    store = TasteStore(tastes_folder())
    # The taste bears the rater's name.
    store.place(rater)
    collection, roots = open_collection_for([folder], scan_of=Scan)
    with collection:
        if copy_to is not None:
            check_copy_target(copy_to, roots)
        check_several(collection, roots)
        remember_roots(collection, roots)
        place = collection.name
        # A URL may hold a password.
        folder = place if is_url(folder) else folder
        if not terminal and open_browser and not _has_browser() and is_interactive():
            note(
                "No browser can be opened from here: rate in the terminal. With --no-open the address is printed instead."
            )
            terminal = True
        if terminal:
            taste = store.folder if tastes_folder() else None
            _start_in_terminal(
                collection, folder, rater, taste, copy_to, count, as_json, any(map(os.path.isdir, roots))
            )
            return
    check_gallery()
    from ..web.state import ServerSettings

    beside = Path(folder).resolve()
    settings = ServerSettings(
        [place], partial(load_generator, GeneratorOptions()), tastes=store, rater=rater, read=frozenset({place}),
        copy_to=(copy_to or beside.with_name(f"{beside.name}-best")).absolute(), names=frozenset({"127.0.0.1"}),
    )  # fmt: skip
    with listen("127.0.0.1", port) as listener:
        serve_gallery(settings, listener, "127.0.0.1", lasting=port != 0, open_browser=open_browser, page="c/0/start")


def _has_browser() -> bool:
    """True if this machine knows a browser."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _start_in_terminal(
    collection: Collection, folder: str, rater: str, tastes_folder: Path | None, copy_to: Path | None, count: int | None,
    as_json: bool, reads: bool,
) -> None:  # fmt: skip
    """Ask for ratings by keys while the pictures are read; then print the best."""
    from ...pipelines.judges.finding import doubts_of
    from ...pipelines.scoring.collection_tastes import CollectionTastes
    from ...pipelines.scoring.taste_store import TasteStore
    from ...pipelines.services.evaluation import EvaluationService
    from ...pipelines.services.learning import Start, judgements_by, learn_taste
    from ...pipelines.services.start import BEST, GOAL, StartService
    from ...pipelines.support.background import Job, Jobs
    from ...pipelines.tastes.rating_session import RatingSession
    from .keys import check_keys, keys, rate_by_keys
    from .ranking_output import RankingOutput, show_ranking

    check_keys()
    again = shlex.join(["soart", "start", folder, *([] if rater == "me" else ["--rater", rater])])
    jobs = Jobs()
    tastes = CollectionTastes(collection, TasteStore(tastes_folder))
    service = StartService(collection, tastes, jobs, EvaluationService(collection, tastes, jobs))
    facts: dict[str, Any] = {"rater": rater, "ratings": {}, "not_for_me": [], "left": 0}
    with interruptible():
        try:
            job = service.read() if reads else None
            while job and job.live and not service.state().pictures:
                time.sleep(_LOOK)
            wanted = count or GOAL - judgements_by(collection, rater).count
            if wanted > 0:
                if not as_json:
                    say("1–5 rates, + and − correct by half a star, n: not for me, x skips, u undoes, q stops.")
                session = RatingSession(
                    collection, rater, _queue(collection, service, rater, wanted, chosen=count is not None)
                )
                whole = rate_by_keys(session, keys(), silent=as_json, elsewhere=again)
                facts |= _ratings(session)
                if not whole or not judgements_by(collection, rater).unequal:
                    few = " in a folder with more pictures" if len(collection.ids()) < GOAL else ""
                    why = f" They are all alike: rate some pictures higher than others{few}." if whole else ""
                    if as_json:
                        return emit({**facts, "note": why.strip()})
                    return say(f"Your ratings are stored.{why} To go on: {again} --terminal")
            _wait_until_read(service)
            if failed := service.failure:
                if not collection.ids():
                    raise SoartError(failed)
                note(failed)
            if not as_json:
                say("Learning your taste…")
            assert collection.where is not None
            lesson = learn_taste(Job(0, "", ""), collection.where, rater, Start(tastes=tastes_folder))
            judges = load_judges([rater], folder=collection.file("tastes"))
            rows = [row for row in collection.images() if row.problem is None]
            output = RankingOutput(as_json, None, BEST, "soart: your ranking", copy_to=copy_to)
            facts |= show_ranking(collection, rows, output, judges, alike=False)
            if as_json:
                return emit({**facts, "trust": f"{lesson.sentence}."})
            say(f"How sure this is: {'not reliable yet, ' if doubts_of(judges) else ''}{lesson.sentence}.")
            say(f"Each rating makes it surer: {shlex.join(['soart', 'web', folder])}")
            return say(f"The same ranking again: {shlex.join(['soart', 'rank', folder, '--by', rater])}")
        finally:
            jobs.close()


def _queue(
    collection: Collection, service: StartService, rater: str, count: int, *, chosen: bool
) -> Sequence[ImageRow]:
    """The pictures to rate; a count that is ``chosen`` takes those that teach the rater's taste most, if there is one."""
    from ...errors import TasteError
    from ...pipelines.scoring.taste_judge import TasteJudge
    from ...pipelines.scoring.taste_store import tastes_of
    from ...pipelines.tastes.rating_session import LazyQueue, rating_queue

    if chosen and collection.where is not None:
        with suppress(TasteError):
            judge = TasteJudge.of(tastes_of(collection.where).load(rater))
            _wait_until_read(service)
            return rating_queue(collection, rater, judge, count)
    return LazyQueue(collection, rater, count)


def _ratings(session: RatingSession) -> dict[str, Any]:
    """The ratings of a session as plain JSON values; None is a skipped picture."""
    from ...pipelines.collection.ratings import NOT_FOR_ME

    given = {
        str(session.collection.locate(row)): session.ratings[row.id]
        for row in session.queue[: session.position]
        if row.id in session.ratings
    }
    disliked = [path for path, value in given.items() if value == NOT_FOR_ME]
    stars = {path: value for path, value in given.items() if value != NOT_FOR_ME}
    return {"ratings": stars, "not_for_me": disliked, "left": len(session.queue[session.position :])}


def _wait_until_read(service: StartService) -> None:
    """Show the progress of the reading until all pictures are read."""
    with Progress("reading", 0) as bar:
        shown = 0
        while (state := service.state()).live:
            bar.expect(state.files)
            bar(state.done - shown)
            shown = state.done
            time.sleep(_LOOK)
