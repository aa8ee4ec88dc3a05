"""Pictures of which is known how they were made, and tastes planted in them, for benchmarks/taste/build_makings.py.

They are by several generators of 2022 from the same prompts. The folder ``imagen`` in the cache needs ``output/renders`` of
dcsan/imagen on GitHub; the data are their author's and come neither with soart nor with a package.
A synthetic person likes a random direction of the items, and makers as such, with a share of the variance that is fixed
beforehand; the rest is a liking of single pictures that nothing shows. The upper two fifths are liked, the lower two disliked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from soart.benchmarks.data.opinions import folder_of, measured
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.items.frame import CONTENT, Frame
from soart.metrics.protocols import Making
from soart.metrics.tastes.taste import computed_priors, priors_of_items
from soart.pipelines.ingest.metadata.words import prompt_words

SEED = 48
#: Fewest pictures of a generator.
FEWEST = 20
#: Principal components of each kind of items that a person's liking is made of, and their share of what is not the maker.
COMPONENTS, SHARE_OF_ITEMS = 12, 0.6


@dataclass(frozen=True)
class Made:
    """Pictures with their items, and how they were made."""

    both: np.ndarray  # (n, p) items, those of the network last
    makings: np.ndarray  # (n,) of objects
    maker: np.ndarray  # (n,) number of the generator, which a person may like as such
    prompt: np.ndarray  # (n,) number of the prompt; pictures of one are never on both sides

    def half(self, *, development: bool) -> Made:
        """The pictures of the half of the prompts for development, or of the other half."""
        chosen = np.random.default_rng(SEED).permutation(self.prompt.max() + 1)[self.prompt] % 2 == (not development)
        numbers = [np.unique(of[chosen], return_inverse=True)[1] for of in (self.maker, self.prompt)]
        return Made(self.both[chosen], self.makings[chosen], *numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """(p,) names of the items."""
        return taste_extractor(default_network()).names

    @cached_property
    def told(self) -> np.ndarray:
        """(n, k) prior scores of every taste."""
        return computed_priors(priors_of_items(self.names), self.both, self.names)

    @cached_property
    def components(self) -> np.ndarray:
        """(n, c) standardised principal components of appearance and of content."""
        frame = Frame.of(self.both, self.names)
        z, parts = frame.deviations(self.both), []
        content = frame.kinds[CONTENT]
        for columns in (np.setdiff1d(np.arange(z.shape[1]), content), content):
            rows = z[:, columns] - z[:, columns].mean(axis=0)
            left, lengths, _ = np.linalg.svd(rows, full_matrices=False)
            parts.append(left[:, :COMPONENTS] * lengths[:COMPONENTS] / np.sqrt(np.mean(rows**2) * columns.size))
        return np.hstack(parts)

    def person(self, seed: int, share: float, known: np.ndarray | None = None) -> np.ndarray:
        """(n,) labels 1 (liked), −1 or 0, of the synthetic person of a seed."""
        rng = np.random.default_rng([SEED, seed])
        maker = rng.normal(size=self.maker.max() + 1)[self.maker]
        items = _standard(self.components @ rng.normal(size=self.components.shape[1]))
        single = rng.normal(size=len(maker))
        rest = np.sqrt(SHARE_OF_ITEMS) * items + np.sqrt(1 - SHARE_OF_ITEMS) * single
        liking = np.sqrt(share) * _standard(maker if known is None else known) + np.sqrt(1 - share) * rest
        low, high = np.quantile(liking, (0.4, 0.6))
        return np.where(liking >= high, 1, np.where(liking <= low, -1, 0))

    def split(self, label: np.ndarray, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of ``size`` liked and then ``size`` disliked pictures of half of the prompts, and of all of the others."""
        rng = np.random.default_rng([SEED, 1, seed])
        first = rng.permutation(self.prompt.max() + 1)[self.prompt] % 2 == 0
        learn = [rng.permutation(np.flatnonzero(first & (label == side)))[:size] for side in (1, -1)]
        return np.concatenate(learn), np.flatnonzero(~first & (label != 0))


def _standard(values: np.ndarray) -> np.ndarray:
    standard: np.ndarray = (values - values.mean()) / values.std()
    return standard


def generators(cache: Path) -> Made:
    """Pictures by generators of 2022; a file's name begins with that of its generator, a folder's name is its prompt."""
    root = folder_of(cache, "imagen", "output", "renders")
    files = sorted(file for file in root.glob("*/*") if file.suffix in (".png", ".jpg"))
    items = measured(files, "imagen", cache)
    maker = np.array([re.split(r"[-.]", file.name)[0] for file in files])
    names, counts = np.unique(maker, return_counts=True)
    kept = np.isin(maker, names[counts >= FEWEST])
    prompts = [re.sub(r"-?\d+$", "", file.parent.name).replace("-", " ") for file in files]
    makings = np.full(len(files), None)
    makings[:] = [
        Making(model=one, loras=(), words=tuple(prompt_words(prompt)), negative=())
        for one, prompt in zip(maker, prompts, strict=True)
    ]
    numbers = [np.unique(np.array(of)[kept], return_inverse=True)[1] for of in (maker, prompts)]
    return Made(items[kept], makings[kept], *numbers)
