"""``soart demo``: the whole loop on the embedded model."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Json, load_generator
from .ranking_output import Output, draw
from .taste import describe
from .terminal import Progress, emit, say
from .tune import finish, run


def demo(
    folder: Annotated[
        str, typer.Option(metavar="FOLDER|URL", help="Collection of the demo; a second run reuses what is there.")
    ] = "soart-demo",
    as_json: Json = False,
) -> None:
    """The whole loop on the embedded model, offline, in about a minute.

    Generates pictures and ranks them; a stand-in for you rates them, its taste is learnt, and a prompt is tuned to that taste.
    """
    from ...pipelines import demo as loop
    from ...pipelines.collection.collection import Collection

    with Collection(folder) as collection:
        generator = load_generator()
        output = Output(as_json, collection.file("report.html"), 10, "soart demo", (f"Template: {loop.TEMPLATE}",))
        rows, facts = draw(collection, generator, loop.requests(generator), output)
        with Progress("learning", len(rows)) as progress:
            scorer = loop.learn_from_stand_in(collection, rows, progress)
        if not as_json:
            say(f"\nA stand-in for you, who likes cool colors, rates these {len(rows)} pictures by looking at them.")
            say(f"Its taste is learnt from the ratings: {scorer.taste.trust.sentence}.")
            say(f"Now {loop.TUNED!r} is tuned to that taste, {loop.BUDGET} pictures:")
        tuner = loop.tuner(collection, generator, scorer)
        why = run(tuner, 0.0, None, silent=as_json)
        tuned = finish(tuner, why, (), collection.file("tune.html"), as_json)
        first, last = loop.opinion_of_ends(tuner)
        if not as_json:
            say(f"The stand-in, not asked meanwhile, gives the first batch {first:.1f} of 5 and the last {last:.1f}.")
    if as_json:
        emit({**facts, "taste": describe(scorer.taste), "tuned": {**tuned, "stand_in": [first, last]}})
