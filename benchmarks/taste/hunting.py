"""The first sixteen pictures that a person rates: how many of them are liked, and what is learnt from them.

A folder holds 600 pictures of AGIQA-3K (``benchmarks/data/ai_pictures.py`` names the clone), others for each person. Persons
like one in ten, and rate in stars. Their tastes are planted, of six kinds: a subject (words of prompts), a maker, a palette,
what many people think good, and subjects in a palette or by a maker; with a liking on top that nothing shows. Ways to choose:

* ``random``;
* ``hunted``: as soart does, each from the ratings but the last, which comes while the next picture is shown.

``liked`` is the number of liked ones of sixteen, and ``AUC`` that of the taste learnt from them for the liked ones among the
others. Intervals are 95 % t intervals over persons, of paired differences to ``hunted``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, compared, progress, standard, stored_array
from soart.benchmarks.data.ai_pictures import AiPictures, ai_pictures
from soart.benchmarks.data.opinions import measured
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.protocols import Making
from soart.metrics.similarity.distinct import numbered
from soart.metrics.similarity.diversity import Seen, looks_of
from soart.metrics.tastes import proposals
from soart.metrics.tastes.examples import Examples, from_ratings
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.proposals import hunt
from soart.metrics.tastes.taste import computed_priors, priors_of_items
from soart.pipelines.ingest.metadata.words import prompt_words
from soart.pipelines.tastes.rating_session import considered, likeness_of, unusual

SEED, PICTURES, RATED = 31, 600, 16
KINDS = ("subject", "maker", "palette", "many", "subject palette", "subject maker")
NAMES = taste_extractor(default_network()).names
PRIORS = priors_of_items(NAMES)
#: Shares of pictures below which a rating of 1, 2, 3 and 4 stars ends.
STARS = (0.4, 0.7, 0.9, 0.96)


@dataclass(frozen=True)
class Folder:
    """A folder of pictures and its person: items and prior scores by picture, and stars 1–5."""

    kind: str
    items: np.ndarray
    priors: np.ndarray
    prompts: np.ndarray
    makings: np.ndarray
    stars: np.ndarray

    def examples(self, rows: list[int]) -> Examples:
        """The person's opinions of some rows."""
        found = from_ratings(self.items[rows], self.stars[rows], pictures=rows)
        return replace(found, priors=self.priors[rows], prior_names=PRIORS, makings=self.makings[rows])


def planted(kind: str, place: AiPictures, items: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) likings of a person of a kind, of the pictures of some rows."""
    words = [set(str(place.prompt[row]).lower().replace(",", " ").split()) for row in rows]
    long = sorted({word for some in words for word in some if len(word) > 3})

    def of(part: str) -> np.ndarray:
        if part == "subject":
            while True:
                liked = {*rng.choice(long, 3, replace=False)}
                shown = np.array([bool(some & liked) for some in words])
                if 0.06 < shown.mean() < 0.3:
                    return shown
        if part == "maker":
            return place.model[rows] == rng.choice(np.unique(place.model))
        if part == "many":
            return place.opinions[rows]
        colours = items[rows][:, [name.startswith("colour/") for name in NAMES]]
        axes = np.linalg.svd((colours - colours.mean(axis=0)) / (colours.std(axis=0) + 1e-9), full_matrices=False)[0]
        return axes[:, :6] @ rng.normal(size=6)

    liking = np.sum([standard(of(part).astype(float)) for part in kind.split()], axis=0)
    return standard(liking) + 0.4 * rng.normal(size=len(rows))


def hunted(folder: Folder, rng: np.random.Generator) -> list[int]:
    """As soart does."""
    mixed = rng.permutation(PICTURES)[: considered(PICTURES)]
    items, prompts = folder.items[mixed], folder.prompts[mixed]
    seen = Seen(numbered(prompts.tolist()), np.zeros(len(mixed), np.uint64), looks_of(items, NAMES))
    shown: dict[int, float | None] = {}
    # The same for all sixteen.
    covariance, bars = proposals._prior_covariance(items, NAMES, folder.makings[mixed]), unusual(seen.looks)
    for _ in range(RATED):
        with patch.object(proposals, "_prior_covariance", lambda *_: covariance):
            [row] = hunt(items, NAMES, 1, shown, None, likeness_of(seen), bars)
        if shown:
            last = next(reversed(shown))
            shown[last] = (folder.stars[mixed[last]] - 3) / 2
        shown[int(row)] = None
    return mixed[[*shown]].tolist()


WAYS: dict[str, Callable[[Folder, np.random.Generator], list[int]]] = {
    "hunted": hunted, "random": lambda folder, rng: rng.permutation(PICTURES)[:RATED].tolist(),
}  # fmt: skip


def auc_of(folder: Folder, rows: list[int]) -> float:
    """AUC of the taste learnt from some rows, for the liked ones among the others; 0.5 if all have one rating."""
    if len(np.unique(folder.stars[rows])) < 2:
        return 0.5
    fitted = fit(folder.examples(rows), NAMES, Scaling.of(folder.items, folder.priors, NAMES))
    left = np.setdiff1d(np.arange(PICTURES), rows)
    return float(
        roc_auc_score(folder.stars[left] >= 4, fitted(folder.items[left], folder.priors[left], folder.makings[left]))
    )


def main() -> None:
    """Print the tables."""
    arguments = command(__doc__, "clones", cache=True, persons=60).parse_args()
    [place] = ai_pictures(arguments.clones, arguments.cache, ["AGIQA-3K"])
    items = measured(place.files, f"ai-{place.name}", arguments.cache)
    priors = stored_array(
        arguments.cache / f"hunting-priors-{len(NAMES)}.npy", lambda: computed_priors(PRIORS, items, NAMES)
    )
    ways = [*WAYS]
    liked, reached = [], []
    for number in range(arguments.persons):
        rng, kind = np.random.default_rng([SEED, number]), KINDS[number % len(KINDS)]
        rows = rng.choice(len(items), PICTURES, replace=False)
        liking = planted(kind, place, items, rows, rng)
        ranks = np.argsort(np.argsort(liking)) / PICTURES
        made = np.array([
            Making(model=str(place.model[row]), words=tuple(prompt_words(str(place.prompt[row])))) for row in rows
        ])  # fmt: skip
        stars = 1.0 + np.searchsorted(STARS, ranks, "right")
        folder = Folder(kind, items[rows], priors[rows], place.prompt[rows], made, stars)
        chosen = [WAYS[way](folder, np.random.default_rng([SEED, number, 1])) for way in ways]
        liked.append([(folder.stars[some] >= 4).sum() for some in chosen])
        reached.append([auc_of(folder, some) for some in chosen])
        progress(number + 1, arguments.persons, "persons")
    counts, aucs = np.array(liked, dtype=float), np.array(reached)
    print(f"{arguments.persons} persons who like {(folder.stars >= 4).mean():.0%} of {PICTURES} pictures")
    print(f"liked of {RATED}: hunted {compared(counts, ways[1:])}")
    print(f"AUC after {RATED}: hunted {compared(aucs, ways[1:])}")


if __name__ == "__main__":
    main()
