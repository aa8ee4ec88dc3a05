"""Plans pictures from a template, draws the missing ones and measures them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from ..errors import PromptError, expect
from ..prompts.space.templates import expand
from .collection.claims import Claims
from .collection.collection import Collection
from .collection.tables import ImageRow
from .judges.guarded import GuardedJudge
from .judges.storing import judge_pictures
from .models.request import Request
from .scoring.pictures import StoredPictures
from .support.progress import Advance, silent

if TYPE_CHECKING:
    from .models.generator import ImageGenerator

#: Seconds between two looks at requests that another process draws.
_WAITING = 1.0


@dataclass
class Generated:
    """The pictures of ``generate``, in the order of the requests."""

    rows: list[ImageRow] = field(default_factory=list)
    #: drawn, reused: number of pictures drawn now, and of those that the collection held already, or that another
    #: process drew meanwhile
    drawn: int = 0
    reused: int = 0
    redrawn: int = 0  # number of pictures drawn now whose earlier files are gone or changed


def plan(
    template: str,
    count: int,
    generator: ImageGenerator,
    *,
    seed: int = 0,
    prompt_seed: int = 0,
    wildcards: Path | str | None = None,
    literal: bool = False,
    check: Callable[[], None] = lambda: None,
    **settings: Any,  # noqa: ANN401
) -> list[Request]:
    """Requests for ``count`` pictures of a template.

    Args:
        template: a prompt or a dynamic-prompts template: ``{a|b}`` varies, ``__style__`` draws from a vocabulary.
        count: number of pictures.
        generator: checks the requests, and fills in the model's own settings.
        seed: image seed of the first picture, counting up.
        prompt_seed: decides which prompts the template gives.
        wildcards: a folder of your own ``NAME.txt`` vocabularies.
        literal: use the template as it is, with its braces, as the prompt of every picture.
        check: called now and then while the template is expanded; whatever it raises ends that.
        settings: ``negative``, ``steps``, ``guidance``, ``width``, ``height``, ``scheduler``; else those of the model.

    Raises:
        PromptError: the template cannot be expanded, or less than one picture is wanted.
        SoartError: a seed that is not a whole number.
        ModelError: a setting is unknown, out of range, or not supported by the model.

    Examples:
        >>> import soart
        >>> generator = soart.ImageGenerator(soart.load_model(device="cpu"))
        >>> requests = soart.plan("a boat in {cool|warm} colors", 2, generator, seed=5, steps=2)
        >>> [(request.seed, request.steps, request.prompt.endswith("colors")) for request in requests]
        [(5, 2, True), (6, 2, True)]
    """
    from .models.generator import ImageGenerator

    expect("a generator such as ImageGenerator(load_model())", generator, ImageGenerator)
    expect("the prompt as text", template, str, error=PromptError)
    expect("the number of pictures as a whole number", count, int, error=PromptError)
    if count < 1:
        raise PromptError(f"Expected at least one picture, got {count}.")
    expect("the seeds as whole numbers", seed, int)
    expect("the seeds as whole numbers", prompt_seed, int)
    # Neither random.seed nor SQLite takes whole numbers of NumPy for what they are.
    seed, prompt_seed = int(seed), int(prompt_seed)
    prompts = [template] * count if literal else expand(template, count, prompt_seed, wildcards, check)
    return [generator.request(prompt, seed + i, **settings) for i, prompt in enumerate(prompts)]


def generate(
    collection: Collection,
    generator: ImageGenerator,
    requests: Sequence[Request],
    judges: Sequence[GuardedJudge] = (),
    progress: Advance = silent,
) -> Generated:
    """Draw the requests that the collection does not hold, and judge the pictures while they are in memory.

    A picture whose file is gone or changed is drawn again into its old row, which keeps ratings, and keeps items and
    scores too if the picture comes out the same. A changed file stays, under another name.

    Every batch is committed before the next begins, so an interrupted call, made again, continues where it was.
    Requests that another call is drawing into the same collection at this time are waited for, and drawn here if it
    ends early.

    ``judges`` run here if they judge by items alone; the others need no pixels in memory. ``progress`` is called with
    the number of pictures reused, then with the size of each batch, and with 0 in between while another process or
    program draws; what it raises ends the drawing.
    """
    identity = generator.model.identity
    keys = [request.key(identity) for request in requests]
    done = collection.known_requests(keys)
    result = Generated(reused=sum(key in done for key in keys))
    progress(result.reused)
    missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in done}
    with Claims(collection) as claims:
        while missing:
            own = claims.take(missing)
            # Another process may have drawn them between the look-up and the claim, or since.
            known = collection.known_requests(missing)
            done |= known
            result.reused += len(known)
            progress(len(known))
            missing = {key: request for key, request in missing.items() if key not in known}
            to_draw = {key: request for key, request in missing.items() if key in own}
            result.redrawn += len(collection.requested(to_draw))
            for drawn in _draw(collection, generator, list(to_draw.values()), judges, result, progress):
                done |= drawn
                progress(len(drawn))
            missing = {key: request for key, request in missing.items() if key not in own}
            if missing and not to_draw:
                sleep(_WAITING)
    result.rows = [done[key] for key in keys]
    return result


def _draw(
    collection: Collection,
    generator: ImageGenerator,
    requests: Sequence[Request],
    judges: Sequence[GuardedJudge],
    result: Generated,
    progress: Advance,
) -> Iterator[dict[str, ImageRow]]:
    """Draw requests; yields the pictures of each batch by the keys of their requests, once they are stored and measured."""
    from .models.steps import StepReport

    identity = generator.model.identity
    # Only what is drawn elsewhere takes long enough for a caller to ask within a picture.
    steps = (StepReport(lambda _step: progress(0)),) if generator.outside else ()
    for batch in generator.draw(requests, *steps):
        # A batch has one scheduler.
        sampler = batch[0].request.sampler_or(generator.model.sampler)
        rows = collection.add_drawn(batch, identity, sampler)
        pixels = {row.id: drawn.pixels for row, drawn in zip(rows, batch, strict=True) if not row.problem}
        for judge in judges:
            if judge.needs == {"items"}:
                pictures = StoredPictures(collection, [row for row in rows if row.id in pixels], pixels=pixels)
                judge_pictures(pictures, judge)
        result.drawn += len(batch)
        yield {drawn.request.key(identity): row for row, drawn in zip(rows, batch, strict=True)}
