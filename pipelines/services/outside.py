"""Pictures that another program sends, to be scored or stored with a rating."""

from __future__ import annotations

import base64
import binascii
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ImageError, ModelError, SoartError, expect_text
from ...metrics.image import Picture
from ...metrics.tastes.bradley_terry import MOST_SHOWN
from ..collection.collection import Collection
from ..collection.comparisons import store_choice
from ..judges.finding import guarded
from ..judges.in_memory import score_batch
from ..models.limits import SEED_LIMIT
from ..models.request import DEFAULT_GUIDANCE, DEFAULT_STEPS, DrawnPicture, Request
from ..scoring.collection_tastes import CollectionTastes
from ..scoring.pictures import PicturesInMemory
from .rating import RatingService

if TYPE_CHECKING:
    from ..best_of import Candidate

#: Most pictures of a call, and pixels of the pictures in memory of all calls together.
MOST_PICTURES, MOST_PIXELS = 64, 64_000_000
#: Numbers of a picture are below this, so that they are whole numbers or finite.
_MOST_NUMBER = 1e20


@dataclass(frozen=True, slots=True)
class SentRequest(Request):
    """The known facts of a picture; its pixels tell it from others with the same facts."""

    digest: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SentPicture:
    """A picture of another program, as (h, w, 3) uint8 pixels with what it was drawn from as far as that is known."""

    pixels: np.ndarray
    request: Request
    model: str
    sampler: str


class PixelBudget:
    """Lets pictures of a limited number of pixels be in memory; the next ones wait, and a larger one is there alone."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._decoding, self._changed = threading.Lock(), threading.Condition()

    @contextmanager
    def holding(self, decode: Callable[[], np.ndarray]) -> Iterator[np.ndarray]:
        """The pixels (h, w, 3) of a picture while it is worked on; nobody may hold one who asks for another."""
        # How large a picture is is known when it is decoded, so of those that wait only one is.
        with self._decoding:
            pixels = decode()
            size = pixels.shape[0] * pixels.shape[1]
            with self._changed:
                self._changed.wait_for(lambda: not self._held or self._held + size <= self._most)
                self._held += size
        try:
            yield pixels
        finally:
            with self._changed:
                self._held -= size
                self._changed.notify_all()


#: Of all calls together.
_budget = PixelBudget(MOST_PIXELS)


def check_sent(documents: object) -> list[Mapping[str, Any]]:
    """Return the pictures of a call after checking their form.

    1 to ``MOST_PICTURES`` objects have ``picture`` (a file in base64) and, if known, ``prompt``, ``negative``,
    ``seed``, ``steps``, ``guidance``, ``model`` and ``sampler``.
    """
    if not isinstance(documents, list) or not 1 <= len(documents) <= MOST_PICTURES:
        raise SoartError(f"Expected a list of 1 to {MOST_PICTURES} pictures.")
    for number, document in enumerate(documents, 1):
        if not isinstance(document, Mapping) or not isinstance(document.get("picture"), str):
            raise SoartError(f"Expected picture {number} as an object with the file in base64 as its 'picture'.")
    return documents


def for_each_sent(
    documents: Sequence[Mapping[str, Any]],
    decode: Callable[[bytes, str], Picture],
    act: Callable[[int, SentPicture], None],
) -> None:
    """Decode the pictures of a call and do something with each, one by one within the budget of pixels."""
    for number, document in enumerate(documents):
        with _budget.holding(partial(_decoded, document, number + 1, decode)) as pixels:
            act(number, _sent(document, number + 1, pixels))
            # Or they would stay in memory while the next ones are decoded.
            del pixels


def _decoded(document: Mapping[str, Any], number: int, decode: Callable[[bytes, str], Picture]) -> np.ndarray:
    try:
        # Programs of the shell break the lines.
        content = base64.b64decode("".join(document["picture"].rpartition(",")[2].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"Picture {number} is not in base64.") from error
    return decode(content, f"picture {number}").pixels


def _sent(document: Mapping[str, Any], number: int, pixels: np.ndarray) -> SentPicture:
    texts = {name: _text(document, name, number) for name in ("prompt", "negative", "model", "sampler")}
    numbers = {name: _number(document, name, number) for name in ("seed", "steps", "guidance")}
    steps, guidance = numbers["steps"], numbers["guidance"]
    request = SentRequest(
        texts["prompt"],
        int(numbers["seed"] or 0) % SEED_LIMIT,
        texts["negative"],
        DEFAULT_STEPS if steps is None else int(steps),
        DEFAULT_GUIDANCE if guidance is None else guidance,
        pixels.shape[1],
        pixels.shape[0],
        digest=_digest(pixels),
    )
    try:
        request.check()
    except ModelError as error:
        raise SoartError(f"Picture {number}: {error}") from error
    return SentPicture(pixels, request, texts["model"] or "unknown", texts["sampler"] or "unknown")


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _text(document: Mapping[str, Any], name: str, number: int) -> str:
    """A text that is known of a picture; empty if it is not."""
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SoartError(f"Expected {name!r} of picture {number} as text, got {str(value)[:40]!r}.")
    expect_text(f"{name!r} of picture {number}", value, SoartError)
    return value


def _number(document: Mapping[str, Any], name: str, number: int) -> float | None:
    """A number that is known of a picture; None if it is not."""
    value = document.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_NUMBER):
        return value
    raise SoartError(f"Expected {name!r} of picture {number} as a number, got {str(value)[:40]!r}.")


def score_sent(
    documents: Sequence[Mapping[str, Any]],
    decode: Callable[[bytes, str], Picture],
    by: str,
    tastes: CollectionTastes,
) -> dict[str, Any]:
    """Score pictures; nothing is stored.

    The result has ``scores`` (None for a picture without), ``order`` (numbers of the scored ones from 0, best first),
    ``reasons`` of each, and ``problems``.
    """
    item_judge = tastes.judge(by)
    judge, extractor = guarded(item_judge), item_judge.extractor
    views: dict[int, np.ndarray] = {}
    prompts: dict[int, str] = {}
    items: dict[int, np.ndarray] = {}
    unmeasured: list[str] = []

    def measure(number: int, picture: SentPicture) -> None:
        measured, problems = PicturesInMemory({number: picture.pixels}).with_items(extractor)
        unmeasured.extend(problems)
        if measured.ids:
            items[number] = measured.items(extractor)[0]
            prompts[number] = picture.request.prompt
            # The judge sees items alone: in the place of the pixels stands one that is repeated.
            views[number] = np.broadcast_to(picture.pixels[:1, :1].copy(), picture.pixels.shape)

    for_each_sent(documents, decode, measure)
    known = {extractor.version: items}
    scored, problems = score_batch(PicturesInMemory(views, prompts, known=known), [(judge, 1.0)])
    scores: dict[int, float | None] = dict.fromkeys(range(len(documents)))
    reasons: dict[int, list[str]] = {number: [] for number in scores}
    for one in scored:
        scores[one.number] = one.score
        reasons[one.number] = [reason.text for reason in one.reasons]
    order = [one.number for one in sorted(scored, key=lambda one: -one.score)]
    doubt = [judge.doubt] if judge.doubt else []
    return {
        "by": by,
        "scores": list(scores.values()),
        "order": order,
        "reasons": list(reasons.values()),
        "problems": [*doubt, *unmeasured, *problems],
    }


def rate_sent(
    collection: Collection,
    service: RatingService,
    documents: Sequence[Mapping[str, Any]],
    stars: Sequence[float | None],
) -> list[int]:
    """Store pictures, and ratings of them by the rater of a service; returns their ids.

    ``stars`` are 1–5, 0 for a skip, None for no rating. After a wrong picture nothing is stored.
    """
    ids: list[int] = []

    def store(number: int, picture: SentPicture) -> None:
        ids.append(store_sent(collection, picture))
        value = stars[number]
        if value is not None:
            service.rate(ids[-1], value)

    if len(documents) > 1:
        # Decoded twice, because all of them may not fit into memory, and one that cannot be read refuses the others.
        for_each_sent(documents, collection.decode, lambda number, picture: None)
    for_each_sent(documents, collection.decode, store)
    return ids


def sent_picture(pixels: np.ndarray, model: str) -> SentPicture:
    """A picture of which little is known but its (h, w, 3) uint8 pixels."""
    request = SentRequest("", 0, width=pixels.shape[1], height=pixels.shape[0], digest=_digest(pixels))
    return SentPicture(pixels, request, model, "unknown")


def store_sent(collection: Collection, picture: SentPicture) -> int:
    """Store a picture, unless it is there; returns its id."""
    drawn = DrawnPicture(picture.request, picture.pixels, None, 0.0)
    return int(collection.add_drawn([drawn], picture.model, picture.sampler)[0].id)


def store_shown(collection: Collection, picture: Candidate | Path | np.ndarray) -> int:
    """Store a picture that a notebook shows, unless it is there; returns its id. Files are not copied."""
    if isinstance(picture, Path):
        return int(collection.add_file(picture)[0].id)
    if not isinstance(picture, np.ndarray):
        return store_sent(collection, SentPicture(picture.pixels, picture.request, "notebook", "unknown"))
    return store_sent(collection, sent_picture(picture, "notebook"))


def store_picks(
    collection: Collection, rater: str, pictures: Mapping[int, np.ndarray], picked: Sequence[int], program: str
) -> int:
    """Store that a rater prefers each picked picture to all others; returns the number of these pairs."""
    ids = {number: store_sent(collection, sent_picture(pixels, program)) for number, pixels in pictures.items()}
    # The same pixels twice are one picture.
    winners = list(dict.fromkeys(ids[number] for number in picked))
    losers = [one for one in dict.fromkeys(ids.values()) if one not in winners]
    for winner in winners:
        for start in range(0, len(losers), MOST_SHOWN - 1):
            store_choice(collection, rater, uuid.uuid4().hex, winner, losers[start : start + MOST_SHOWN - 1])
    return len(winners) * len(losers)
