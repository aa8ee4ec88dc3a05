"""Compares versions of attention: tables of two of them, and evidence for a difference.

The evidence is bootstrap intervals of accuracy and a permutation test of the difference. Pictures come in groups, such as
one scene in several modes. Whole groups are drawn and exchanged, because pictures of one group succeed and fail together.

Sources: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap* (1993), chapters 8 and 13; P. Good, *Permutation,
Parametric and Bootstrap Tests of Hypotheses* (2005), chapter 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ...errors import ItemsError
from .versions_abc import AttentionModel

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Coverage of the intervals.
LEVEL = 0.95


@dataclass(frozen=True)
class Comparison:
    """Attention of two versions over the same learning and measured pictures.

    The more lop-sided the signs are within a block of one learning mode and one measured mode, the more plainly the
    versions differ there.

    Attributes:
        first, second: (n learning, i measured) weights; every column sums to 1. Rows and columns are indexed by mode
            and picture.
    """

    first: pd.DataFrame
    second: pd.DataFrame
    names: tuple[str, str] = ("first", "second")

    @property
    def difference(self) -> pd.DataFrame:
        """Second less first."""
        return self.second - self.first

    @property
    def plus_minus(self) -> pd.DataFrame:
        """Signs of the difference: −1, 0 or 1."""
        return (self.difference > 0).astype(int) - (self.difference < 0).astype(int)

    @property
    def blocks(self) -> pd.DataFrame:
        """Mean sign, −1…1, of each learning mode (rows) against each measured mode (columns)."""
        return self.plus_minus.T.groupby(level="mode").mean().T.groupby(level="mode").mean()

    @property
    def lopsidedness(self) -> float:
        """Mean absolute value of ``blocks``: 0 if signs balance in every block, 1 if every block has one sign only."""
        return float(self.blocks.abs().to_numpy().mean())

    def figure(self) -> Figure:
        """Draw the two transposed tables, their difference and its signs as one figure."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11, 9), layout="constrained")
        axes: list[Axes] = list(figure.subplots(2, 2).flat)
        # A version that attends to single pictures needs another scale than one that spreads over a mode.
        tops = [float(np.quantile(table.to_numpy(), 0.995)) for table in (self.first, self.second)]
        largest = np.quantile(np.abs(self.difference.to_numpy()), 0.995) or 1.0
        tables = (
            (self.first, f"version {self.names[0]}", "viridis", 0.0, tops[0]),
            (self.second, f"version {self.names[1]}", "viridis", 0.0, tops[1]),
            (self.difference, f"difference {self.names[1]} − {self.names[0]}", "RdBu", -largest, largest),
            (self.plus_minus, f"plus–minus, lop-sidedness {self.lopsidedness:.2f}", "RdBu", -1.0, 1.0),
        )
        for axis, (table, title, colours, low, high) in zip(axes, tables, strict=True):
            image = axis.imshow(
                table.to_numpy(), cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest"
            )
            figure.colorbar(image, ax=axis, shrink=0.8)
            axis.set_title(title)
            _mark(axis, table)
        axes[2].set_xlabel("measured pictures")
        axes[2].set_ylabel("learning pictures")
        return figure


def _mark(axis: Axes, table: pd.DataFrame) -> None:
    """Name the modes along both axes and draw lines between them."""
    for names, place, label, line in (
        (table.columns.get_level_values("mode"), axis.set_xticks, axis.set_xticklabels, axis.axvline),
        (table.index.get_level_values("mode"), axis.set_yticks, axis.set_yticklabels, axis.axhline),
    ):
        starts = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1), len(names)]
        place([(a + b - 1) / 2 for a, b in pairwise(starts)])
        label([str(names[a]) for a in starts[:-1]], rotation=45 if place == axis.set_xticks else 0, fontsize=8)
        for edge in starts[1:-1]:
            line(edge - 0.5, color="white", linewidth=0.8)


def transposed(
    model: AttentionModel, items: object, modes: Sequence[str] | None = None, pictures: Sequence[str] | None = None
) -> pd.DataFrame:
    """Attention of a fitted version: learning pictures by mode in rows, measured ones of (i, p) items in columns."""
    import pandas as pd

    weights = model.attention(items).T
    learning, measured = weights.shape
    measured_modes = ["measured"] * measured if modes is None else list(modes)
    names = [str(i) for i in range(measured)] if pictures is None else list(pictures)
    if not len(measured_modes) == len(names) == measured:
        raise ItemsError(
            f"Expected {measured} modes and names of measured pictures, got {len(measured_modes)} and {len(names)}."
        )
    columns = pd.MultiIndex.from_arrays([measured_modes, names], names=["mode", "picture"])
    rows = pd.MultiIndex.from_arrays([model.modes_, [str(i) for i in range(learning)]], names=["mode", "picture"])
    table = pd.DataFrame(weights, index=rows, columns=columns)
    return table.sort_index(level="mode", sort_remaining=False).sort_index(axis=1, level="mode", sort_remaining=False)


def compare(
    first: AttentionModel,
    second: AttentionModel,
    items: object,
    modes: Sequence[str] | None = None,
    pictures: Sequence[str] | None = None,
    names: tuple[str, str] | None = None,
) -> Comparison:
    """Compare two fitted versions, learnt from the same pictures in the same order, on measured pictures.

    Args:
        first: a fitted version.
        second: another one, fitted on the same items.
        items: (i, p) items of the measured pictures.
        modes: (i,) their modes; by default ``"measured"`` for all.
        pictures: (i,) their names; by default their numbers.
        names: names of the versions; by default the last letter of their class names.

    Raises:
        ItemsError: the versions were not learnt from the same pictures in the same order, or the items do not fit.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import AttentionB, AttentionD, compare
        >>> items, modes = np.random.default_rng(0).normal(size=(16, 3)), np.repeat(["blurry", "normal"], 8)
        >>> items += (modes == "normal")[:, None]
        >>> comparison = compare(AttentionB("normal").fit(items, modes), AttentionD().fit(items, modes), items[:4])
        >>> comparison.names, comparison.difference.shape
        (('B', 'D'), (16, 4))
    """
    if first.modes_.tolist() != second.modes_.tolist() or not np.array_equal(first.learning_, second.learning_):
        raise ItemsError("Expected two versions learnt from the same pictures in the same order, got others.")
    tables = [transposed(model, items, modes, pictures) for model in (first, second)]
    return Comparison(tables[0], tables[1], names or (type(first).__name__[-1], type(second).__name__[-1]))


@dataclass(frozen=True)
class VersionEvidence:
    """Accuracies of versions with their uncertainty."""

    #: balanced accuracy by version: the mean over modes of the share that is recognised, 0–1
    accuracy: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]  # (low, high) of each, 95 %
    difference: float  # second named version less the first, −1…1
    difference_interval: tuple[float, float]  # (low, high) of the difference, 95 %
    p_value: float  # share of random exchanges of the two versions, group by group, with a difference as large; 0–1


def evidence(
    modes: Sequence[str] | np.ndarray,
    predicted: Mapping[str, np.ndarray],
    groups: Sequence[str] | np.ndarray,
    names: tuple[str, str],
    rng: np.random.Generator,
    draws: int = 2000,
) -> VersionEvidence:
    """Accuracies of versions on (n,) modes with intervals, and a test of the difference between two of ``names``.

    The (n,) predictions of each version are for pictures that it was not fitted to. The (n,) groups are drawn and
    exchanged whole. The same name twice gives a difference of 0.
    """
    _, mode = np.unique(np.asarray(modes), return_inverse=True)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    shape = (int(group.max()) + 1, int(mode.max()) + 1)
    totals = _by_group(np.ones(len(mode)), group, mode, shape)
    hits = {
        version: _by_group((values == np.asarray(modes)).astype(float), group, mode, shape)
        for version, values in predicted.items()
    }
    accuracy = {version: float(_balanced(count.sum(0), totals.sum(0))) for version, count in hits.items()}
    drawn = rng.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=draws).astype(float)
    spread = {version: _balanced(drawn @ count, drawn @ totals) for version, count in hits.items()}
    first, second = names
    apart = hits[second] - hits[first]
    difference = accuracy[second] - accuracy[first]
    signs = rng.choice([-1.0, 1.0], size=(draws, len(apart)))
    exchanged = _balanced(signs @ apart, np.broadcast_to(totals.sum(0), (draws, shape[1])))
    as_large = int((np.abs(exchanged) >= abs(difference) - 1e-12).sum())
    return VersionEvidence(
        accuracy,
        {version: _interval(values) for version, values in spread.items()},
        difference,
        _interval(spread[second] - spread[first]),
        (1 + as_large) / (1 + draws),
    )


def _by_group(values: np.ndarray, group: np.ndarray, mode: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(groups, modes) sums of (n,) values."""
    table = np.zeros(shape)
    np.add.at(table, (group, mode), values)
    return table


def _balanced(hits: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """(…) mean over the modes that have pictures of hits divided by totals, both (…, modes)."""
    there = totals > 0
    shares = np.divide(hits, totals, out=np.zeros_like(hits), where=there)
    mean: np.ndarray = shares.sum(-1) / there.sum(-1)
    return mean


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
