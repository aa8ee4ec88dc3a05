"""The main job from end to end: expand a template, draw what is missing, measure, rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..metrics.protocols import Measurer
from ..prompts.space.templates import expand
from .collection.collection import Collection
from .collection.tables import ImageRow
from .models.generator import ImageGenerator
from .models.request import Request
from .scoring.measuring import measure


@dataclass
class Generated:
    """What a call of ``generate`` did.

    Attributes:
        rows: the pictures, in the order of the requests.
        drawn, reused: how many were drawn now, and how many lay in the collection already.
    """

    rows: list[ImageRow] = field(default_factory=list)
    drawn: int = 0
    reused: int = 0


def plan(
    template: str,
    count: int,
    generator: ImageGenerator,
    *,
    seed: int = 0,
    prompt_seed: int = 0,
    wildcards: Path | None = None,
    literal: bool = False,
    **settings: Any,  # noqa: ANN401
) -> list[Request]:
    """Requests for ``count`` pictures: prompts by ``prompt_seed``, or all ``template`` as it is where ``literal``; image seeds count up from ``seed``."""
    prompts = [template] * count if literal else expand(template, count, prompt_seed, wildcards)
    return [generator.request(prompt, seed + i, **settings) for i, prompt in enumerate(prompts)]


def generate(
    collection: Collection,
    generator: ImageGenerator,
    requests: Sequence[Request],
    scorer: Measurer | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Generated:
    """Draw the requests the collection does not hold yet, and measure them while their pixels are at hand.

    Every batch is committed before the next begins: an interrupted call, made again, goes on where it was.

    Args:
        collection: where pictures and items go.
        generator: the model that draws.
        requests: what to draw.
        scorer: whose items to measure; None measures nothing.
        progress: called with the number of pictures that are new in the collection.
    """
    identity = generator.model.identity
    keys = [request.key(identity) for request in requests]
    done = collection.known_requests(keys)
    result = Generated(reused=sum(key in done for key in keys))
    progress(result.reused)
    missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in done}
    for batch in generator.draw(missing.values()):
        # A batch has one scheduler.
        named = (batch[0].request.scheduler or "").removesuffix("Scheduler")
        rows = collection.add_drawn(batch, identity, named or generator.model.sampler)
        pixels = {row.id: drawn.pixels for row, drawn in zip(rows, batch, strict=True) if not row.problem}
        if scorer is not None:
            measure(collection, [row for row in rows if row.id in pixels], scorer, pixels)
        done.update({drawn.request.key(identity): row for row, drawn in zip(rows, batch, strict=True)})
        result.drawn += len(batch)
        progress(len(batch))
    result.rows = [done[key] for key in keys]
    return result
