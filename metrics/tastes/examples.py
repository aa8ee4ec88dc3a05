"""What somebody has said about pictures: good and bad ones, ratings, choices between two; any mix, as liking in −1…1.

| said                        | liking                                                                             |
|-----------------------------|------------------------------------------------------------------------------------|
| good; bad, or a named kind of bad | 1; −1                                                                        |
| rating r from 1 to 5        | (r − 3)/2                                                                          |
| this one rather than that   | 2 P(beats an average picture) − 1, by the Bradley–Terry model with a Gaussian prior |

Source: Bradley & Terry, *Biometrika* 39 (1952); Maystre & Grossglauser, "Fast and accurate inference of Plackett–Luce models", NIPS (2015),
as implemented by choix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

from ...errors import ItemsError
from ..checks import check_items

GOOD, BAD, MIDDLE = "good", "bad", "middle"
LOWEST, HIGHEST = 1.0, 5.0


@dataclass(frozen=True)
class Examples:
    """Judged pictures.

    Attributes:
        items: (n, p) items.
        liking: (n,) in −1…1.
        weights: (n,) number of judgements behind each liking.
        modes: (n,) ``good``, ``middle``, ``bad``, or a named kind of bad.
        groups: (n,) pictures of one group (same prompt, same seed, same scene) are left out together.
        priors: (n, k) prior scores, any scale; NaN where there is none.
        pictures: (n,) names of the pictures, for messages and for merging.
    """

    items: np.ndarray
    liking: np.ndarray
    modes: np.ndarray
    groups: np.ndarray
    pictures: np.ndarray
    weights: np.ndarray = field(default_factory=lambda: np.zeros(0))
    priors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        n = len(check_items(self.items, name="learning items"))
        if not len(self.weights):
            object.__setattr__(self, "weights", np.ones(n))
        if not self.priors.size:
            object.__setattr__(self, "priors", np.zeros((n, 0)))
        for name in ("liking", "modes", "groups", "pictures", "weights", "priors"):
            if len(getattr(self, name)) != n:
                raise ItemsError(f"Expected {name} for each of {n} pictures, got {len(getattr(self, name))}.")
        if not (np.isfinite(self.liking).all() and (np.abs(self.liking) <= 1).all()):
            raise ItemsError("Expected likings in −1…1, got others.")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def graded(self) -> bool:
        """Whether there are more than two degrees of liking."""
        return len(np.unique(self.liking)) > 2

    def take(self, rows: np.ndarray) -> Examples:
        """The pictures of some rows."""
        names = ("items", "liking", "modes", "groups", "pictures", "weights", "priors")
        return Examples(**{name: getattr(self, name)[rows] for name in names})


def _labels(given: Sequence[object] | None, n: int, what: str) -> np.ndarray:
    """(n,) strings; where none are given, one of its own for every picture."""
    values = np.array([f"{what} {i}" for i in range(n)] if given is None else [str(g) for g in given], dtype=np.str_)
    if values.shape != (n,):
        raise ItemsError(f"Expected one {what} for each of {n} pictures, got {len(values)}.")
    return values


def from_modes(
    modes: Mapping[str, object],
    groups: Mapping[str, Sequence[object]] | None = None,
    pictures: Mapping[str, Sequence[object]] | None = None,
) -> Examples:
    """Examples from one (n, p) item matrix a mode; ``good`` is liked, every other mode is a kind of bad.

    Args:
        modes: items by mode; empty matrices are passed over.
        groups: by mode, a group for each picture.
        pictures: by mode, a name for each picture.
    """
    parts = {mode: np.asarray(items, dtype=np.float64) for mode, items in modes.items()}
    parts = {mode: check_items(items, name=f"items of {mode!r}") for mode, items in parts.items() if items.size}
    if not parts:
        raise ItemsError("Expected pictures to learn a taste from, got none.")
    names = np.concatenate([np.full(len(items), mode) for mode, items in parts.items()])
    of = {
        what: np.concatenate(
            [_labels(None if given is None else given.get(m), len(x), f"{m} {what}") for m, x in parts.items()]
        )
        for what, given in (("group", groups), ("picture", pictures))
    }
    rows = np.vstack(list(parts.values()))
    return Examples(rows, np.where(names == GOOD, 1.0, -1.0), names, of["group"], of["picture"])


def mode_of(liking: float) -> str:
    """The mode of a picture that was rated rather than sorted."""
    return GOOD if liking > 0.25 else BAD if liking < -0.25 else MIDDLE


def from_liking(
    items: object, liking: np.ndarray, groups: Sequence[object] | None = None, pictures: Sequence[object] | None = None
) -> Examples:
    """Examples from (n, p) items and (n,) likings in −1…1."""
    rows = check_items(items, name="learning items")
    values = np.asarray(liking, dtype=np.float64)
    modes = np.array([mode_of(v) for v in values])
    return Examples(rows, values, modes, _labels(groups, len(rows), "group"), _labels(pictures, len(rows), "picture"))


def from_ratings(
    items: object, ratings: object, groups: Sequence[object] | None = None, pictures: Sequence[object] | None = None
) -> Examples:
    """Examples from (n, p) items and (n,) ratings 1–5, fractions allowed.

    Raises:
        ItemsError: a rating out of scale or not a number, or matrices that do not fit together.
    """
    try:
        values = np.asarray(ratings, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ItemsError(f"Expected ratings as numbers from 1 to 5: {error}.") from error
    wrong = values[~((values >= LOWEST) & (values <= HIGHEST))]
    if wrong.size:
        raise ItemsError(f"Expected ratings from 1 to 5, got {wrong.ravel()[0]:g}: rescale them before learning.")
    return from_liking(items, (values - 3) / 2, groups, pictures)


def from_choices(
    items: object,
    choices: Iterable[tuple[int, int]],
    groups: Sequence[object] | None = None,
    pictures: Sequence[object] | None = None,
) -> Examples:
    """Examples from (n, p) items and choices between two pictures.

    Args:
        items: items of all pictures; those in no choice are left out.
        choices: pairs (chosen, other) of row numbers.
        groups: a group for each picture.
        pictures: a name for each picture.

    Raises:
        ItemsError: a row number out of range, or a picture against itself.
    """
    import choix

    rows = check_items(items, name="learning items")
    pairs = [(int(a), int(b)) for a, b in choices]
    if not pairs:
        raise ItemsError("Expected choices between two pictures, got none.")
    for a, b in pairs:
        if a == b or not (0 <= a < len(rows) and 0 <= b < len(rows)):
            raise ItemsError(f"Expected choices between two of {len(rows)} pictures, got {a} and {b}.")
    strength = choix.opt_pairwise(len(rows), pairs, alpha=0.5, method="Newton-CG", tol=1e-8)
    every = from_liking(rows, 2 * expit(strength - strength.mean()) - 1, groups, pictures)
    return every.take(np.unique(np.array(pairs)))


def mix(*parts: Examples) -> Examples:
    """All judgements together; of a picture judged more than once, the mean liking counts, with more weight.

    Raises:
        ItemsError: a picture is both good and bad, or the parts hold different items or prior scores.
    """
    if not parts:
        raise ItemsError("Expected pictures to learn a taste from, got none.")
    if len({part.items.shape[1] for part in parts}) > 1 or len({part.priors.shape[1] for part in parts}) > 1:
        raise ItemsError("Expected the same items of every picture; items of different extractors cannot be mixed.")
    names = ("items", "liking", "modes", "groups", "pictures", "weights", "priors")
    every = Examples(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
    first, which = np.unique(every.pictures, return_index=True, return_inverse=True)[1:]
    if len(first) == len(every):
        return contradictions(every)
    total = np.bincount(which, every.weights)
    liking = np.bincount(which, every.weights * every.liking) / total
    merged = every.take(first)
    for i in np.flatnonzero(np.bincount(which) > 1):
        said = every.liking[which == i]
        if said.max() == 1 and said.min() == -1:
            raise ItemsError(f"{str(merged.pictures[i])!r} is both good and bad: take it out of one of them.")
    modes = np.array([m if abs(v - w) < 1e-12 else mode_of(v)
                      for m, v, w in zip(merged.modes, liking, merged.liking, strict=True)])  # fmt: skip
    order = np.argsort(first)
    return contradictions(
        Examples(merged.items, liking, modes, merged.groups, merged.pictures, total, merged.priors).take(order)
    )


def contradictions(examples: Examples) -> Examples:
    """The examples, unless two pictures of the very same items are good and bad.

    Raises:
        ItemsError: they are, by whatever names.
    """
    _, which = np.unique(examples.items, axis=0, return_inverse=True)
    low, high = np.full(which.max() + 1, np.inf), np.full(which.max() + 1, -np.inf)
    np.minimum.at(low, which.ravel(), examples.liking)
    np.maximum.at(high, which.ravel(), examples.liking)
    both = np.flatnonzero((low == -1) & (high == 1))
    # Copies of a single picture are another mistake, which learning names.
    if len(both) and len(low) > 1:
        names = [str(name) for name in examples.pictures[which.ravel() == both[0]][:2]]
        raise ItemsError(f"The same picture is both good and bad ({' and '.join(names)}): take it out of one of them.")
    return examples
