"""Tastes planted in real pictures of packages, for benchmarks/taste/taste.py and build_beliefs.py.

Every source gives three views: the whole picture, and two crops of half and three quarters of its sides. A synthetic
person likes a mixture of a few properties (category, package and folder, palette, composition, framing), with a liking
of its own for single sources that nothing shows. The upper two fifths are liked, the lower two disliked. Persons *of content*
like categories, packages and folders alone, and none of the looks. Methods are developed on the learning sources;
figures are reported on the unseen ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import key_of, liked_fifths, progress, standard, stored_arrays
from soart.benchmarks.data.sources import Source, learning_sources, unseen_sources
from soart.metrics.image import read_image
from soart.metrics.items.combined import default_network, taste_extractor, with_nima
from soart.metrics.tastes.taste import computed_priors, priors_of_items, technical_prior

SEED = 91
#: Longest side of a view, share of the sides that a view shows, and side of the reduced picture for composition.
LONGEST, VIEWS, SMALL = 1024, (1.0, 0.5, 0.75), 32
#: Parts of a path that name a category.
CATEGORIES = (
    "/portraits/", "/story/", "/mate/nature/", "/naev/", "/wallpapers/", "/tuxpaint/", "/abstract/", "/units/",
)  # fmt: skip


@dataclass(frozen=True)
class World:
    """Views of sources with their items."""

    items: np.ndarray  # (n, p) items without a network; deep: (n, q) those of the network, and NIMA's
    deep: np.ndarray
    source: np.ndarray  # (n,) number of the source, whose views stay together
    technical: np.ndarray  # (n,) technical prior
    properties: dict[str, np.ndarray]  # (n,) standardised values by name, of which tastes are made
    folder: np.ndarray  # (n,) numbers of the source's folder and package
    package: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the items, those of the network after all others, and NIMA's, if there are some, last."""
        return with_nima(taste_extractor(default_network())).names[: self.both.shape[1]]

    @property
    def of_content(self) -> World:
        """The same views for persons who like content alone, none of the looks."""
        known = {"photograph", *CATEGORIES}
        return replace(self, properties={name: v for name, v in self.properties.items() if name in known})

    @property
    def both(self) -> np.ndarray:
        """(n, p + q) items of both kinds."""
        return np.hstack([self.items, self.deep])

    @property
    def told_names(self) -> tuple[str, ...]:
        """(k,) names of the prior scores that every taste has."""
        return priors_of_items(self.names)

    @cached_property
    def told(self) -> np.ndarray:
        """(n, k) these prior scores."""
        return computed_priors(self.told_names, self.both, self.names)

    def person(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(n,) labels 1 (liked), −1 or 0, and (n,) standardised likings, of the synthetic person of a ``seed``."""
        rng = np.random.default_rng([SEED, seed])
        liking = np.zeros(len(self.source))
        for name in rng.choice(sorted(self.properties), rng.integers(1, 4), replace=False):
            liking += rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * self.properties[name]
        if rng.random() < 0.6:
            by_folder, by_package = (rng.normal(size=200)[places] for places in (self.folder, self.package))
            liking += rng.uniform(0.3, 1.2) * (by_folder + by_package)
        of_sources, sources = rng.uniform(0.3, 1.2), rng.normal(size=500)
        of_views, views = rng.uniform(0.2, 0.6), rng.normal(size=len(liking))
        liking = standard(standard(liking) + of_sources * sources[self.source] + of_views * views)
        return liked_fifths(liking), liking

    def split(self, label: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Rows of ``size`` liked and then ``size`` disliked views, each of another source, and of all of other sources."""
        learn: list[int] = []
        for side in (1, -1):
            order = rng.permutation(np.flatnonzero((label == side) & ~np.isin(self.source, self.source[learn])))
            _, first = np.unique(self.source[order], return_index=True)
            learn += order[np.sort(first)[:size]].tolist()
        return np.array(learn), np.flatnonzero((label != 0) & ~np.isin(self.source, self.source[learn]))


def world(cache: Path, *, development: bool) -> World:
    """The learning sources for development, or the unseen ones, measured once."""
    return _world(*_measured(cache, development=development))


def _measured(cache: Path, *, development: bool) -> tuple[list[Source], np.ndarray, np.ndarray]:
    """Sources, the (n, p + q) items of their views, and the (n, s, s, 3) reduced views in 0…1."""
    found = (learning_sources if development else unseen_sources)(cache)
    extractor = taste_extractor(default_network())
    key = repr((extractor.version, [source.name for source in found], LONGEST, VIEWS, SEED))

    def measure() -> dict[str, np.ndarray]:
        rows, small = [], []
        for number, source in enumerate(found):
            for view in _views(read_image(source.path).pixels, np.random.default_rng([SEED, number])):
                rows.append(extractor.extract(view)[0].astype(np.float32))
                small.append(
                    np.asarray(Image.fromarray(view).convert("RGB").resize((SMALL, SMALL), Image.Resampling.BOX))
                )
            progress(number + 1, len(found), "measuring sources")
        return {"rows": np.stack(rows), "small": np.stack(small)}

    stored = stored_arrays(cache / f"tastes-{'learning' if development else 'unseen'}-{key_of(key)}.npz", measure)
    return found, stored["rows"].astype(float), stored["small"].astype(float) / 255


def _world(found: list[Source], rows: np.ndarray, small: np.ndarray) -> World:
    count = len(taste_extractor().names)
    source = np.repeat(np.arange(len(found)), len(VIEWS))
    paths = np.array([str(f.path) for f in found])
    folder, package = (
        np.unique([f.path.parent.name if by_folder else f.name.split("/")[0] for f in found], return_inverse=True)[1][
            source
        ]
        for by_folder in (True, False)
    )
    properties = looks(small) | {"framing": np.tile(VIEWS, len(found))}
    properties["photograph"] = np.array([f.kind == "photograph" for f in found])[source]
    for category in CATEGORIES:
        member = np.array([category in place for place in paths])[source]
        if 0.03 < member.mean() < 0.97:
            properties[category] = member
    properties = {name: standard(values) for name, values in properties.items()}
    technical = technical_prior(rows[:, :count], taste_extractor().names)
    return World(rows[:, :count], rows[:, count:], source, technical, properties, folder, package)


def _views(pixels: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    picture = Image.fromarray(pixels)
    views = []
    for share in VIEWS:
        width, height = (max(1, int(share * side)) for side in picture.size)
        left, top = int(rng.integers(0, picture.width - width + 1)), int(rng.integers(0, picture.height - height + 1))
        view = picture.crop((left, top, left + width, top + height))
        view.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        views.append(np.asarray(view))
    return views


def looks(small: np.ndarray) -> dict[str, np.ndarray]:
    """Palette and composition of (n, s, s, 3) reduced pictures in 0…1."""
    luma = small @ np.array([0.299, 0.587, 0.114])
    red, green, blue = np.moveaxis(small, -1, 0)
    edge = SMALL // 4
    middle = luma[:, edge:-edge, edge:-edge]
    return {
        "light": luma.mean(axis=(1, 2)),
        "contrast": luma.std(axis=(1, 2)),
        "saturated": (small.max(axis=3) - small.min(axis=3)).mean(axis=(1, 2)),
        "warm": (red - blue).mean(axis=(1, 2)),
        "green": (green - (red + blue) / 2).mean(axis=(1, 2)),
        "lit from above": luma[:, : SMALL // 2].mean(axis=(1, 2)) - luma[:, SMALL // 2 :].mean(axis=(1, 2)),
        "subject in the middle": middle.std(axis=(1, 2)) - luma.std(axis=(1, 2)),
        "light in the middle": middle.mean(axis=(1, 2)) - luma.mean(axis=(1, 2)),
        "symmetric": -np.abs(luma - luma[:, :, ::-1]).mean(axis=(1, 2)),
    }
