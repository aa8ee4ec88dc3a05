"""Widgets of notebooks: rate pictures in the cell, and watch a tune.

    rate = RatePictures(soart.rank("pictures/"))
    rate                                    # stars by a click, a touch or the keys 1–5
    mine = rate.taste("mine")

Needs anywidget (``pip install 'soart[notebook]'``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...errors import ImageError, SoartError, TasteError, expect, install_command
from ...metrics.tastes.examples import HIGHEST, LOWEST
from ...pipelines.best_of import Candidate, pixels_of
from ...pipelines.collection.collection import Collection
from ...pipelines.collection.ratings import NOT_FOR_ME as PERSONAL_DISLIKE
from ...pipelines.collection.ratings import check_rater, judgements_of, set_judgements
from ...pipelines.collection.thumbnails import encode_thumbnail
from ...pipelines.judges.ranking import RankedPicture
from ...pipelines.services.outside import store_shown

try:
    import traitlets
    from anywidget import AnyWidget
except ImportError as missing:
    raise ImportError(f"Widgets need anywidget, which is not installed: {install_command('notebook')}.") from missing

if TYPE_CHECKING:
    from ...metrics.tastes.taste import LearntTaste
    from ...pipelines.tuning.tuner import Tuner

_FOLDER = Path(__file__).parent
#: Longest side of the pictures in a cell, in pixels.
_SIDE = 512
#: The rating of a picture that is well made but not to the rater's liking.
NOT_FOR_ME = 0
#: Stars from which on, and up to which, a picture is an example of what is liked or not.
_LIKED, _DISLIKED = 4, 2


def _source(picture: Any, pixels: np.ndarray) -> Candidate | Path | np.ndarray:  # noqa: ANN401
    """The form in which a collection stores a picture: with its request, as its file, or as pixels."""
    if isinstance(picture, Candidate):
        return picture
    picture = picture.path if isinstance(picture, RankedPicture) else picture
    return Path(picture) if isinstance(picture, str | Path) else pixels


class RatePictures(AnyWidget):
    """Stars for pictures, given in the cell of a notebook.

    Keys: 1–5 rate and go on, n is *not for me*, key 0 takes the rating away, ← and → move.

    >>> import numpy as np
    >>> from soart.plugin.jupyter.widgets import RatePictures
    >>> widget = RatePictures([np.zeros((8, 8, 3)), np.ones((8, 8, 3))])
    >>> widget.stars = {"1": 5}
    >>> widget.ratings
    {1: 5}

    Args:
        pictures: a ranking, the result of ``best_of``, or a list of files, PIL pictures or arrays.
        collection: stores each rating at once, and shows those that it has of these pictures; a collection or its folder.
            None keeps ratings in the widget alone.
        rater: name of the rater in the collection.

    Attributes:
        stars: 1–5 by the number of the picture as text, from "0" on; 0, ``NOT_FOR_ME``, for one that is not to your liking.
        received: the stars that Python has got, by which the page sees whether the kernel lives.
        trouble: why the last stars could not be stored; empty if they were.

    Raises:
        ImageError: a picture that cannot be read.
        CollectionError: a collection that cannot be opened, or a name that raters cannot have.
    """

    _esm = _FOLDER / "rating.js"
    _css = _FOLDER / "widgets.css"
    pictures: Any = traitlets.List().tag(sync=True)
    stars: Any = traitlets.Dict().tag(sync=True)

    received: Any = traitlets.Dict().tag(sync=True)
    trouble: Any = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        pictures: Iterable[Any],
        *,
        collection: Collection | Path | str | None = None,
        rater: str = "me",
        **options: Any,  # noqa: ANN401
    ) -> None:
        if unknown := {*options} - {*self.trait_names()}:
            raise TypeError(f"RatePictures has no option {min(unknown)!r}.")
        wrong = isinstance(pictures, str | Mapping | Image.Image) or not isinstance(pictures, Iterable)
        if wrong:
            raise ImageError(f"Expected a list of pictures, got {pictures!r:.80}.")
        if not (listed := list(pictures)):
            raise ImageError("The list of pictures is empty: give at least one.")
        self._pixels = [pixels_of(picture) for picture in listed]
        if isinstance(collection, str | Path):
            collection = Collection(collection)
        self._collection, self._rater, self._ids = collection, rater, list[int]()
        stars: dict[str, int] = {}
        if collection is not None:
            expect("a collection or its folder", collection, Collection)
            self._ids = [store_shown(collection, _source(*one)) for one in zip(listed, self._pixels, strict=True)]
            given = judgements_of(collection, check_rater(rater), self._ids)
            known = {number: given[image] for number, image in enumerate(self._ids) if given.get(image)}
            stars = {str(number): max(NOT_FOR_ME, round(value)) for number, value in known.items()}
        sources = [base64.b64encode(encode_thumbnail(pixels, _SIDE)).decode() for pixels in self._pixels]
        pages = [f"data:image/jpeg;base64,{source}" for source in sources]
        super().__init__(pictures=pages, stars=stars, received=stars, **options)

    @traitlets.observe("stars")
    def _store(self, change: Any) -> None:  # noqa: ANN401
        """Store what a click has changed, and tell the page."""
        new, kept = change["new"], self.received
        if self._collection is not None and self._ids:
            # Compared with what is stored, so that stars that could not be stored are stored with the next.
            changed = {number for number in {*new, *kept} if new.get(number) != kept.get(number)}
            stored = {
                number: PERSONAL_DISLIKE if new.get(number) == NOT_FOR_ME else new.get(number) for number in changed
            }
            values = {self._ids[int(number)]: stars for number, stars in stored.items()}
            try:
                set_judgements(self._collection, self._rater, values)
            except SoartError as error:
                self.trouble = str(error)
                raise
        self.trouble, self.received = "", new

    @traitlets.validate("stars")
    def _only_stars(self, proposal: Any) -> dict[str, int]:  # noqa: ANN401
        """Ratings of pictures that there are: what a page sends is not trusted."""
        allowed = {NOT_FOR_ME, *range(int(LOWEST), int(HIGHEST) + 1)}
        known = {str(number) for number in range(len(self._pixels))}
        return {
            str(number): stars
            for number, stars in proposal["value"].items()
            if str(number) in known and type(stars) is int and stars in allowed
        }

    @property
    def ratings(self) -> dict[int, int]:
        """The stars by number of the picture, in order."""
        return {int(number): self.stars[number] for number in sorted(self.stars, key=int)}

    def taste(self, name: str, **options: Any) -> LearntTaste:  # noqa: ANN401
        """Learn a taste: from four stars on a picture is liked, up to two or *not for me* it is not.

        Args:
            name: of the taste.
            options: of ``soart.learn_from_pictures``.

        Raises:
            TasteError: no picture is liked, or none is disliked.
        """
        from ...pipelines.tastes.learning import learn_from_pictures

        good = [self._pixels[number] for number, stars in self.ratings.items() if stars >= _LIKED]
        bad = [self._pixels[number] for number, stars in self.ratings.items() if stars <= _DISLIKED]
        if not good or not bad:
            raise TasteError(
                f"Expected pictures that you like and ones that you do not, got {len(good)} and {len(bad)}: rate some with four or "
                "five stars, and some with one or two."
            )
        return learn_from_pictures(name, good, bad, **options)


class WatchTune(AnyWidget):
    """The progress of a tune, and its best prompts so far, in the cell of a notebook.

        watch = WatchTune()
        watch                                   # in a cell of its own
        pipe.tune("a {fox|owl}", watch=watch)

    Attributes:
        done, budget: numbers of pictures.
        table: HTML of the best prompts so far; all text in it is escaped.
    """

    _esm = _FOLDER / "watching.js"
    _css = _FOLDER / "widgets.css"
    done = traitlets.Int(0).tag(sync=True)
    budget = traitlets.Int(0).tag(sync=True)
    table = traitlets.Unicode("").tag(sync=True)

    def show(self, tuner: Tuner) -> None:
        """Show the state of a tuner; called after every batch."""
        with self.hold_sync():
            self.done, self.budget, self.table = tuner.done, tuner.budget, tuner._repr_html_()
