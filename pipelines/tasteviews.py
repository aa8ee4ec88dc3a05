"""Tastes looked at: which pictures to rate next, a rating session, several tastes on one collection, one picture explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..errors import CollectionError, ProfileError
from ..metrics.blend import Agreement, Blend, Taste, compare_tastes
from ..metrics.explain import Explanation, explain, heat_map, overlay
from ..metrics.image import read_image
from ..metrics.proposals import Proposal, propose
from ..metrics.taste import TasteProfile
from .address import address_of, is_url
from .collection import Collection
from .rank import Measurer, find_pictures, import_pictures, measure
from .ratings import check_rating, rate, reject, seen, take_back
from .schema import ImageRow
from .tastes import prior_matrix
from .tastescorer import TasteScorer

#: Side of a picture on a sheet, in pixels.
TILE = 160


def only_profile(taste: Taste) -> TasteProfile:
    """The taste, if it is no blend.

    Raises:
        ProfileError: it is a blend.
    """
    if isinstance(taste, Blend):
        names = ", ".join(part.name for part in taste.parts)
        raise ProfileError(f"{taste.name!r} is a blend: ask one of its tastes instead ({names}).")
    return taste


def measured(
    store: Collection, rows: Sequence[ImageRow], scorer: TasteScorer, progress: Callable[[], None] = lambda: None
) -> tuple[list[ImageRow], np.ndarray, list[str]]:
    """The sound pictures among ``rows``, their (n, p) items, and a sentence for each that cannot be read."""
    sound = [row for row in rows if not row.problem]
    items, problems = measure(store, sound, scorer, progress=progress)
    kept = [row for row in sound if row.id in items]
    matrix = np.stack([items[row.id] for row in kept]) if kept else np.zeros((0, len(scorer.extractor.names)))
    return kept, matrix.astype(np.float64), problems


def existing_collection(where: Path | str) -> Collection:
    """The collection in a folder or a database; unlike ``Collection(where)`` it makes none.

    Raises:
        CollectionError: there is none.
    """
    if not Collection.is_collection(where):
        raise CollectionError(f"{address_of(where).name!r} is no collection: generate pictures into one first.")
    return Collection(where)


def open_pictures(
    paths: Sequence[Path | str],
    measurer: Measurer,
    progress: Callable[[], None] = lambda: None,
    found: Callable[[int], None] = lambda n: None,
) -> tuple[Collection, list[ImageRow], list[str]]:
    """The pictures named: of the collection that is named, or in one in memory; to be closed by the caller.

    Returns:
        the collection, its pictures, and a sentence for each file that cannot be used.

    Raises:
        CollectionError: a URL among several paths, or of no collection.
    """
    if any(map(is_url, paths)) and len(paths) > 1:
        raise CollectionError("A collection named by a URL stands alone: name it without other pictures.")
    if len(paths) == 1 and (is_url(paths[0]) or Collection.is_collection(paths[0])):
        store = existing_collection(paths[0])
        return store, store.images(), []
    files, problems = find_pictures([Path(path) for path in paths])
    found(len(files))
    store = Collection(None)
    rows, unreadable = import_pictures(store, files, measurer, progress)
    return store, rows, problems + unreadable


def propose_next(
    store: Collection, scorer: TasteScorer, rater: str, count: int, progress: Callable[[], None] = lambda: None
) -> tuple[Proposal, list[ImageRow]]:
    """What a rater should rate next among the pictures of a collection that this rater has not seen."""
    profile = only_profile(scorer.taste)
    done, known = seen(store, rater), {str(name) for name in profile.examples.pictures}
    fresh = [row for row in store.images() if row.id not in done and row.sha256[:16] not in known]
    rows, items, _ = measured(store, fresh, scorer, progress)
    by_id = dict(zip([row.id for row in rows], items, strict=True))
    priors = prior_matrix(store, rater, profile.prior_names, by_id, profile.names) if rows else {}
    given = np.stack([priors[row.id] for row in rows]) if rows else None
    proposal = propose(profile, items, count, given)
    return proposal, [rows[i] for i in proposal.rows]


@dataclass
class RatingSession:
    """Pictures rated one after the other by single keys: 1–5 rates, x passes over for good, u takes the last one back.

    Every key is stored at once, so nothing is lost when the session breaks off.

    Attributes:
        store: the collection.
        rater: whose ratings they are.
        queue: pictures to rate, in order.
        place: number of the current one.
        given: what was said so far, by picture id; None for passed over.
    """

    store: Collection
    rater: str
    queue: Sequence[ImageRow]
    place: int = 0
    given: dict[int, int | None] = field(default_factory=dict)

    @property
    def current(self) -> ImageRow | None:
        """The picture to rate now; None at the end."""
        return self.queue[self.place] if self.place < len(self.queue) else None

    def press(self, key: str) -> str:
        """Act on a key; returns what was done, in a word or two.

        Raises:
            CollectionError: a key that means nothing here, or a collection that cannot be written.
        """
        row = self.current
        if key == "u":
            if self.place == 0:
                return "nothing to take back"
            self.place -= 1
            last = self.queue[self.place]
            take_back(self.store, self.rater, last.id)
            self.given.pop(last.id, None)
            return "taken back"
        if row is None:
            return "all rated"
        if key == "x":
            reject(self.store, self.rater, row.id)
            self.given[row.id] = None
        elif key.isdecimal() and len(key) == 1:
            rate(self.store, self.rater, {row.id: check_rating(float(key))})
            self.given[row.id] = int(key)
        else:
            raise CollectionError(f"Expected 1–5, x (pass over), u (undo) or q (quit), got {key!r}.")
        self.place += 1
        return "passed over" if key == "x" else f"rated {key}"


def rating_queue(
    store: Collection, rater: str, scorer: TasteScorer | None, count: int, seed: int = 0
) -> list[ImageRow]:
    """Pictures a rater has not seen: the most telling for a taste first, or in random order without one."""
    if scorer is not None:
        return propose_next(store, scorer, rater, count)[1]
    done = seen(store, rater)
    fresh = [row for row in store.images() if row.id not in done and not row.problem]
    order = np.random.default_rng(seed).permutation(len(fresh))
    return [fresh[i] for i in order[:count]]


def compare_on(
    store: Collection,
    rows: Sequence[ImageRow],
    scorers: Sequence[TasteScorer],
    progress: Callable[[], None] = lambda: None,
) -> tuple[Agreement, list[ImageRow], list[str]]:
    """Several tastes on the same pictures; a sentence for each picture that cannot be read."""
    kept, problems = list(rows), []
    for scorer in scorers:
        kept, _, trouble = measured(store, kept, scorer, progress)
        problems += trouble
    likings = np.stack([scorer.taste.liking(measured(store, kept, scorer)[1]) for scorer in scorers])
    return compare_tastes([scorer.taste.name for scorer in scorers], likings), kept, problems


def disagreement_sheet(store: Collection, agreement: Agreement, rows: Sequence[ImageRow], top: int = 8) -> Image.Image:
    """The pictures that tastes disagree on most, with the percentile each taste gives them, as one picture."""
    chosen = agreement.disagreements(min(top, len(rows)))
    line = 14
    height = TILE + line * len(agreement.names) + 8
    columns = min(4, max(1, len(chosen)))
    sheet = Image.new("RGB", (columns * TILE, -(-len(chosen) // columns) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for k, i in enumerate(chosen):
        y, x = divmod(k, columns)
        picture = Image.fromarray(read_image(store.locate(rows[i])).pixels)
        scale = (TILE - 8) / max(picture.size)
        size = tuple(max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((size[0], size[1]), Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
        sheet.paste(picture, (x * TILE + 4, y * height + 4))
        for number, name in enumerate(agreement.names):
            text = f"{agreement.percentiles[number, i]:3.0f}  {name[:20]}"
            pen.text((x * TILE + 6, y * height + TILE + number * line), text, fill="black")
    return sheet


@dataclass(frozen=True)
class Explained:
    """One picture explained.

    Attributes:
        explanation: its reasons.
        score: 0–100.
        percentile: within the taste's own collection.
        heat: (g, g) heat map.
        overlay: the picture under its heat map, (h, w, 3) uint8.
    """

    explanation: Explanation
    score: float
    percentile: float
    heat: np.ndarray
    overlay: np.ndarray


def explain_picture(scorer: TasteScorer, path: Path, grid: int = 4) -> Explained:
    """Explain the score of a picture file.

    Raises:
        ImageError: no sound picture.
        ProfileError: the taste is a blend.
    """
    profile = only_profile(scorer.taste)
    pixels = read_image(path).pixels
    items = scorer.extractor.extract(pixels).astype(np.float32).astype(np.float64)
    liking = profile.liking(items)
    heat = heat_map(profile, scorer.extractor, pixels, grid)
    return Explained(
        explain(profile, items, top=6)[0],
        float(100 * profile.probability(liking)[0]),
        float(profile.percentile(liking)[0]),
        heat,
        overlay(pixels, heat),
    )


def write_picture(pixels: np.ndarray, path: Path) -> Path:
    """Write (h, w, 3) uint8 pixels as PNG.

    Raises:
        CollectionError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, "PNG")
    except OSError as error:
        raise CollectionError(f"The picture {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return path.resolve()
