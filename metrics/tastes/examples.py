"""Judgements of pictures, of any kind and mixed, as likings in −1…1.

| judgement                         | liking                                                                       |
|-----------------------------------|------------------------------------------------------------------------------|
| good; bad, or a named kind of bad | 1; −1                                                                        |
| rating r from 1 to 5              | (r − 3)/2                                                                    |
| choice of one of two pictures     | 2 P(beats an average picture) − 1, by Bradley–Terry with a Gaussian prior    |

Sources: Bradley & Terry, *Biometrika* 39 (1952); Maystre & Grossglauser, "Fast and accurate inference of Plackett–Luce
models", NIPS (2015), as implemented by choix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import ItemsError
from ..checks import check_items, numbers_of
from .beliefs import Beliefs

GOOD, BAD, MIDDLE = "good", "bad", "middle"
#: Lowest and highest rating.
LOWEST, HIGHEST = 1.0, 5.0
_FIELDS = (
    "items", "liking", "modes", "groups", "pictures", "weights", "priors", "levels", "choices", "makings", "files",
)  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """Judged pictures."""

    items: np.ndarray  # (n, p) items
    liking: np.ndarray  # (n,) likings in −1…1
    modes: np.ndarray  # (n,) ``good``, ``middle``, ``bad``, or a named kind of bad
    #: (n,) group of each picture. Pictures of a group (same prompt, same seed, same scene) are left out together.
    groups: np.ndarray
    pictures: np.ndarray  # (n,) names of the pictures, for messages and for merging
    #: (n,) number of judgements behind each liking; 1 by default
    weights: np.ndarray = field(default_factory=lambda: np.zeros(0))
    #: (n, k) prior scores on any scale, NaN for missing ones; none by default
    priors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    #: (n,) pictures of one level, from 0, are known from choices among each other alone: their likings have an unknown
    #: level in common. −1 for other judgements, and by default.
    levels: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), kw_only=True)
    #: (n,) number of choices, not counting ties, in which each picture won or lost; 0 by default
    choices: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), kw_only=True)
    #: (n,) of objects, how each picture was made (``Making``); None where nothing is known, and by default
    makings: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=object), kw_only=True)
    #: (n,) paths or names of the files, for explanations; empty texts by default
    files: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.str_), kw_only=True)
    prior_names: tuple[str, ...] = ()  # (k,) their names; empty if unknown
    #: (k,) beliefs in trusts in them, as other raters have shown them, see ``shown_by_others``; empty for the usual
    #: ones
    prior_beliefs: tuple[Beliefs, ...] = ()

    def __post_init__(self) -> None:
        n = len(check_items(self.items, name="learning items"))
        if not len(self.weights):
            object.__setattr__(self, "weights", np.ones(n))
        if not self.priors.size:
            object.__setattr__(self, "priors", np.zeros((n, 0)))
        if not len(self.levels):
            object.__setattr__(self, "levels", np.full(n, -1))
        if not len(self.choices):
            object.__setattr__(self, "choices", np.zeros(n, dtype=np.int64))
        if not len(self.makings):
            object.__setattr__(self, "makings", np.full(n, None))
        if not len(self.files):
            object.__setattr__(self, "files", np.full(n, "", dtype=np.str_))
        for name in _FIELDS[1:]:
            if len(getattr(self, name)) != n:
                raise ItemsError(f"Expected {name} for each of {n} pictures, got {len(getattr(self, name))}.")
        if not (np.isfinite(self.liking).all() and (np.abs(self.liking) <= 1).all()):
            raise ItemsError("Expected likings in −1…1, got values outside.")
        if not (np.isfinite(self.weights).all() and (self.weights > 0).all()):
            raise ItemsError("Expected a weight above 0 for each picture, got others.")

    def __len__(self) -> int:
        return len(self.items)

    @property
    def graded(self) -> bool:
        """True if there are more than two different likings."""
        return len(np.unique(self.liking)) > 2

    @property
    def rated(self) -> np.ndarray:
        """(n,) False for pictures that are known from choices alone."""
        return self.levels < 0

    @property
    def generated(self) -> bool:
        """True if at least half of the pictures are known to be generated."""
        return 2 * sum(made is not None for made in self.makings) >= len(self)

    @property
    def choice_count(self) -> int:
        """Number of choices, not counting ties."""
        return int(self.choices.sum()) // 2

    @property
    def middle(self) -> float:
        """Liking halfway between the lowest and the highest: pictures above it count as liked."""
        return float((self.liking.min() + self.liking.max()) / 2)

    def take(self, rows: np.ndarray) -> Examples:
        """Examples of the pictures in ``rows``, row numbers or a mask."""
        arrays = {name: getattr(self, name)[rows] for name in _FIELDS}
        return Examples(**arrays, prior_names=self.prior_names, prior_beliefs=self.prior_beliefs)


def _labels(labels: Sequence[object] | None, n: int, kind: str) -> np.ndarray:
    """(n,) labels as strings; by default a different one for every picture."""
    values = np.array([f"{kind} {i}" for i in range(n)] if labels is None else [str(g) for g in labels], dtype=np.str_)
    if values.shape != (n,):
        raise ItemsError(f"Expected one {kind} for each of {n} pictures, got {len(values)}.")
    return values


def from_modes(
    modes: Mapping[str, object],
    groups: Mapping[str, Sequence[object]] | None = None,
    pictures: Mapping[str, Sequence[object]] | None = None,
) -> Examples:
    """Examples from one (n, p) item matrix per mode; ``good`` is liked, every other mode is a kind of bad."""
    matrices = {mode: numbers_of(items, f"items of {mode!r}") for mode, items in modes.items()}
    matrices = {mode: check_items(items, name=f"items of {mode!r}") for mode, items in matrices.items() if items.size}
    if not matrices:
        raise ItemsError("Expected pictures to learn a taste from, got none.")

    def labels(by_mode: Mapping[str, Sequence[object]] | None, kind: str) -> np.ndarray:
        return np.concatenate(
            [_labels((by_mode or {}).get(mode), len(items), f"{mode} {kind}") for mode, items in matrices.items()]
        )

    names = np.concatenate([np.full(len(items), mode) for mode, items in matrices.items()])
    liking = np.where(names == GOOD, 1.0, -1.0)
    rows = np.vstack(list(matrices.values()))
    return Examples(rows, liking, names, labels(groups, "group"), labels(pictures, "picture"))


def mode_of(liking: float) -> str:
    """Mode of a picture that has a liking but no mode of its own: good, middle or bad."""
    return GOOD if liking > 0.25 else BAD if liking < -0.25 else MIDDLE


def from_liking(
    items: object, liking: np.ndarray, groups: Sequence[object] | None = None, pictures: Sequence[object] | None = None
) -> Examples:
    """Examples from (n, p) items and (n,) likings in −1…1; by default each picture is a group."""
    rows = check_items(items, name="learning items")
    values = numbers_of(liking, "likings")
    if values.ndim != 1:
        raise ItemsError(f"Expected one liking for each of {len(rows)} pictures, got shape {values.shape}.")
    modes = np.array([mode_of(v) for v in values])
    return Examples(rows, values, modes, _labels(groups, len(rows), "group"), _labels(pictures, len(rows), "picture"))


def from_ratings(
    items: object, ratings: object, groups: Sequence[object] | None = None, pictures: Sequence[object] | None = None
) -> Examples:
    """Examples from (n, p) items and (n,) ratings 1–5, fractions too; by default each picture is a group."""
    try:
        values = np.asarray(ratings, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ItemsError(f"Expected ratings as numbers from 1 to 5: {error}.") from error
    outside = values[~((values >= LOWEST) & (values <= HIGHEST))]
    if outside.size:
        raise ItemsError(f"Expected ratings from 1 to 5, got {outside.ravel()[0]:g}: rescale them before learning.")
    return from_liking(items, (values - 3) / 2, groups, pictures)


def from_choices(
    items: object,
    choices: Iterable[tuple[int, int]],
    groups: Sequence[object] | None = None,
    pictures: Sequence[object] | None = None,
    ties: Iterable[tuple[int, int]] = (),
) -> Examples:
    """Examples from (n, p) items, choices (chosen, other) and ties of rows; by default each picture is a group."""
    # Readers of a collection need only the scale of ratings: they do not wait for SciPy.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.special import expit

    from .bradley_terry import strengths_of

    rows = check_items(items, name="learning items")
    wins, equal = ([(int(a), int(b)) for a, b in pairs] for pairs in (choices, ties))
    if not (wins or equal):
        raise ItemsError("Expected choices between two pictures, got none.")
    for a, b in (*wins, *equal):
        if a == b or not (0 <= a < len(rows) and 0 <= b < len(rows)):
            raise ItemsError(f"Expected choices between two of {len(rows)} pictures, got {a} and {b}.")
    strengths = strengths_of(len(rows), wins, equal, spread=1.0)
    examples = from_liking(rows, 2 * expit(strengths - strengths.mean()) - 1, groups, pictures)
    judged = np.array([*wins, *equal])
    links = coo_array((np.ones(len(judged)), (judged[:, 0], judged[:, 1])), shape=(len(rows), len(rows)))
    levels = connected_components(links, directed=False)[1].astype(np.int64)
    counts = np.bincount(np.array(wins, dtype=np.int64).ravel(), minlength=len(rows))
    return replace(examples, levels=levels, choices=counts).take(np.unique(judged))


def mix(*parts: Examples) -> Examples:
    """Combine examples. A picture that was judged more than once gets the mean liking and the sum of the weights."""
    if not parts:
        raise ItemsError("Expected pictures to learn a taste from, got none.")
    if len({part.items.shape[1] for part in parts}) > 1 or len({part.priors.shape[1] for part in parts}) > 1:
        raise ItemsError("Expected the same items of every picture; items of different extractors cannot be mixed.")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
    # Choices of one part tell nothing about the levels of another's.
    counts = [int(part.levels.max(initial=-1)) + 1 for part in parts]
    shifts = np.repeat(np.cumsum([0, *counts[:-1]]), [len(part) for part in parts])
    joined["levels"] = np.where(joined["levels"] >= 0, joined["levels"] + shifts, -1)
    judgements = Examples(**joined, prior_names=parts[0].prior_names, prior_beliefs=parts[0].prior_beliefs)
    first, which = np.unique(judgements.pictures, return_index=True, return_inverse=True)[1:]
    if len(first) == len(judgements):
        return check_contradictions(judgements)
    # Another judgement of a picture tells its own level.
    levels = np.where(np.bincount(which) > 1, -1, judgements.levels[first])
    weights = np.bincount(which, judgements.weights)
    choices = np.bincount(which, judgements.choices).astype(np.int64)
    liking = np.bincount(which, judgements.weights * judgements.liking) / weights
    merged = judgements.take(first)
    for i in np.flatnonzero(np.bincount(which) > 1):
        likings = judgements.liking[which == i]
        if likings.max() == 1 and likings.min() == -1:
            raise ItemsError(f"{str(merged.pictures[i])!r} is both good and bad: remove it from one of them.")
    modes = np.array([m if abs(v - w) < 1e-12 else mode_of(v)
                      for m, v, w in zip(merged.modes, liking, merged.liking, strict=True)])  # fmt: skip
    order = np.argsort(first)
    return check_contradictions(
        replace(merged, liking=liking, modes=modes, weights=weights, levels=levels, choices=choices).take(order)
    )


def check_contradictions(examples: Examples) -> Examples:
    """Return the examples, unless pictures with equal items, whatever their names, are good and bad."""
    which = np.unique(examples.items, axis=0, return_inverse=True)[1].ravel()
    low, high = np.full(which.max() + 1, np.inf), np.full(which.max() + 1, -np.inf)
    np.minimum.at(low, which, examples.liking)
    np.maximum.at(high, which, examples.liking)
    both = np.flatnonzero((low == -1) & (high == 1))
    # If all are copies of one picture, learning gives a message that fits better.
    if len(both) and len(low) > 1:
        names = [str(name) for name in examples.pictures[which == both[0]][:2]]
        raise ItemsError(f"The same picture is both good and bad ({' and '.join(names)}): remove it from one of them.")
    return examples
