"""Explains the score of one picture: reasons in words, and a map of its better and worse parts."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import CollectionError, ImageError
from ...files import read_regular, write_whole
from ...metrics.damage.reasons import NO_FAULT
from ...metrics.image import read_image
from ...metrics.protocols import ItemJudge, Reason, Values
from ...metrics.tastes.blend import only_taste
from ...metrics.tastes.by_example import Known
from ...metrics.tastes.by_example import explain as by_example
from ...metrics.tastes.heat_maps import overlay, patch_map
from ...metrics.tastes.overall import BuiltInJudge
from ..collection.collection import Collection
from ..collection.queries import rows_of
from ..collection.tables import ImageRow
from ..support.progress import Advance, silent
from .in_memory import measure_pixels
from .makings import making_in
from .measuring import stored_items
from .pictures import StoredPictures
from .reasons import COMPARED_WITH_ONE, chosen, compared
from .taste_judge import TasteJudge

#: Longest side of a picture under its heat map, in pixels.
SIDE = 1024
#: Formats of such pictures beside PNG, by the ending of the name.
_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
#: EXIF tag of the software that wrote a picture, and its value in pictures of ``write_picture``.
_SOFTWARE, _OURS = 0x0131, "soart: explanation"


@dataclass(frozen=True)
class ScoreExplanation:
    """The score of a picture in a collection, explained."""

    score: float | None  # by the judge; None if the picture cannot be read, or cannot be judged by a taste
    reasons: tuple[Reason, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class ExplainedPicture:
    """The score of a picture, explained."""

    score: float
    reasons: tuple[Reason, ...]
    heat: np.ndarray  # (g, g), positive where the picture is better than its own mean
    overlay: np.ndarray  # the picture under its heat map, (h, w, 3) uint8


@dataclass(frozen=True)
class TasteExplanation:
    """The score of a picture under a taste, explained."""

    reasons: tuple[Reason, ...]
    score: float  # 0–100
    percentile: float  # within the taste's own collection
    #: the most similar named kind of picture and its probability; None if no kinds were named
    mode: tuple[str, float] | None
    heat: np.ndarray  # (g, g), positive where the picture is better than its own mean
    overlay: np.ndarray  # the picture under its heat map, (h, w, 3) uint8


def _heat(judge: ItemJudge, pixels: np.ndarray, grid: int = 4) -> np.ndarray:
    """(g, g) heat map of a picture: of the liking under a taste, of the score by another judge."""
    value = judge.taste.liking if isinstance(judge, TasteJudge) else judge.score
    return patch_map(value, judge.extractor, pixels, grid)


def explain_score(collection: Collection, row: ImageRow, judge: ItemJudge) -> ScoreExplanation:
    """Explain the score of a picture in a collection, without a heat map."""
    pictures, problems = StoredPictures(collection, [row]).with_items(judge.extractor)
    if problems:
        return ScoreExplanation(None, problem=problems[0])
    said = judge.values(pictures)
    assert isinstance(said, Values)
    if said.why and said.why[0]:
        return ScoreExplanation(None, problem=f"This picture has no score: {said.why[0]}.")
    matrix, among = pictures.items(judge.extractor), _others(collection, judge)
    if isinstance(judge, BuiltInJudge):
        pixels = None
        # Without a fault there is no place to look for; items may outlive their picture.
        if judge.verdicts(matrix) != [NO_FAULT]:
            with contextlib.suppress(ImageError):
                pixels = collection.pixels(row)
        parts = _with_places(judge, pixels, matrix, None if among is None else among.items(judge.extractor))
    else:
        parts = judge.reasons(pictures, among)[0]
    return ScoreExplanation(float(said.values[0]), chosen(parts))


def _others(collection: Collection, judge: ItemJudge) -> StoredPictures | None:
    """The pictures of a collection to compare one of them with, of those whose items are stored; None for too few."""
    ids = compared(collection.ids(), COMPARED_WITH_ONE)
    known = stored_items(collection, judge.extractor, ids)
    rows = [row for row in rows_of(collection, [*known]) if not row.problem]
    if len(rows) < 2:
        return None
    return StoredPictures(collection, rows, known={judge.extractor.version: known})


def _with_places(
    judge: BuiltInJudge, pixels: np.ndarray | None, items: np.ndarray, among: np.ndarray | None
) -> list[Reason]:
    """Parts of the score of one picture with (1, p) items, with the places of faults if the pixels are there."""
    places = {} if pixels is None else judge.places(pixels, items)
    return judge.explain(items, among, places)[0]


def explain_batch(
    judge: ItemJudge, pictures: Mapping[int, np.ndarray], grid: int = 4, progress: Advance = silent
) -> dict[int, ExplainedPicture]:
    """Explain the scores of pictures in memory, against each other; of one alone, against the usual picture.

    Pictures are (h, w, 3) uint8 or floating 0…1; heat maps have ``grid`` patches a side.
    """
    items = {number: measure_pixels(judge, pixels) for number, pixels in pictures.items()}
    others = compared([*pictures])
    among = np.concatenate([items[number] for number in others]) if others else None
    explained = {}
    for number, pixels in pictures.items():
        heat, own = _heat(judge, pixels, grid), items[number]
        if isinstance(judge, BuiltInJudge):
            parts = _with_places(judge, pixels, own, among)
        else:
            parts = judge.explain(own, among)[0]
        explained[number] = ExplainedPicture(float(judge.score(own)[0]), chosen(parts), heat, overlay(pixels, heat))
        progress(1)
    return explained


def explain_picture(judge: TasteJudge, path: Path, grid: int = 4) -> TasteExplanation:
    """Explain the score of a picture file under a taste."""
    taste = only_taste(judge.taste)
    pixels = read_image(path).pixels
    items = measure_pixels(judge, pixels)
    heat = _heat(judge, pixels, grid)
    makings = [making_in(path)] if taste.of_making else None
    percentile = float(taste.percentile(taste.liking(items, makings=makings))[0])
    reasons = chosen(by_example(taste, Known(items, makings=makings))[0])
    mode = None if taste.modes is None else taste.modes.nearest(taste.fitted.scaling.frame.deviations(items))[0]
    score = float(taste.score(items, makings=makings, useless_ok=True)[0])
    return TasteExplanation(reasons, score, percentile, mode, heat, overlay(pixels, heat))


def heat_picture(collection: Collection, row: ImageRow, judge: ItemJudge) -> bytes:
    """The picture under its heat map, as JPEG: green parts score better than its mean part, red ones worse."""
    pixels = collection.pixels(row)
    heat = _heat(judge, pixels)
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE))
    # Small pictures are enlarged in whole steps, so that the map is smooth while their pixels stay sharp.
    step = max(1, 256 // max(image.size))
    image = image.resize((image.width * step, image.height * step), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    Image.fromarray(overlay(np.asarray(image), heat)).save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def check_picture(path: Path) -> None:
    """Check that ``write_picture`` replaces no file but one that it wrote itself."""
    if not path.is_file():
        return
    try:
        with Image.open(io.BytesIO(read_regular(path))) as image:
            own = image.getexif().get(_SOFTWARE) == _OURS
    # Whatever Pillow raises for a file that is not a picture.
    except Exception:
        own = False
    if not own:
        raise CollectionError(f"{str(path)!r} exists already and would be replaced: name another file.")


def write_picture(pixels: np.ndarray, path: Path) -> Path:
    """Write (h, w, 3) uint8 pixels as JPEG or WebP if the name ends so, else as PNG.

    A file that this function wrote earlier is replaced, any other stays.
    """
    check_picture(path)
    buffer, kind = io.BytesIO(), _FORMATS.get(path.suffix.lower(), "PNG")
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[_SOFTWARE] = _OURS
    try:
        image.save(buffer, kind, exif=exif)
    except (OSError, ValueError) as error:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise CollectionError(
            f"A picture of {size} pixels is too large for {kind}: choose a name that ends in .png, not {path.name!r}."
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise CollectionError(f"The picture {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return path.resolve()
