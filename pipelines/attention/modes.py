"""Folders of pictures, one a mode: versions of attention side by side, and how well each tells the modes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold

from ...errors import ImageError, ItemsError
from ...metrics.attention.comparison import Comparison, compare
from ...metrics.attention.version_d import AttentionD
from ...metrics.attention.versions_abc import AttentionA, AttentionB, AttentionC, AttentionModel
from ...metrics.image import read_image
from ...metrics.items.soart import SoartExtractor, heads_of
from ..ingest.scan import find_pictures

VERSIONS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Modes:
    """Measured pictures with a mode each.

    Attributes:
        items: (n, p) SOART items.
        modes: (n,) mode of each picture.
        files: where they lie.
        names: (p,) names of the items.
        problems: a sentence for each picture that could not be read.
    """

    items: np.ndarray
    modes: np.ndarray
    files: tuple[Path, ...]
    names: tuple[str, ...]
    problems: tuple[str, ...]

    def columns(self, metric: str) -> np.ndarray:
        """(p,) bool: the items of one metric, ``Y1``, ``Y2`` or ``Y3``."""
        return np.array([name.endswith(f"/{metric}") for name in self.names])


@dataclass(frozen=True)
class VersionReport:
    """What a comparison of versions found.

    Attributes:
        comparison: tables of the two versions asked for.
        accuracy: balanced accuracy of each version, cross-validated; pictures of one file name stay on one side.
        chance: balanced accuracy of a guess.
        folds: parts of the cross-validation.
    """

    comparison: Comparison
    accuracy: Mapping[str, float]
    chance: float
    folds: int


def measure_modes(
    folders: Mapping[str, Path],
    progress: Callable[[], None] = lambda: None,
    found: Callable[[int], None] = lambda n: None,
) -> Modes:
    """Measure the pictures of each folder, one folder a mode.

    Args:
        folders: folder of each mode.
        progress: called once a picture.
        found: called with the number of pictures before the first is read.

    Raises:
        ItemsError: fewer than two modes with pictures that can be read.
    """
    extractor = SoartExtractor()
    problems: list[str] = []
    listed = []
    for mode, folder in folders.items():
        files, missing = find_pictures([folder])
        problems += missing
        listed += [(mode, file) for file in files]
    found(len(listed))
    rows, modes, kept = [], [], []
    for mode, file in listed:
        try:
            rows.append(extractor.extract(read_image(file).pixels)[0])
        except ImageError as error:
            problems.append(str(error))
        else:
            modes.append(mode)
            kept.append(file)
        progress()
    if len(set(modes)) < 2:
        raise ItemsError(
            f"Expected readable pictures in at least two folders, got them in {len(set(modes))} of {len(folders)}."
            + "".join(f" {problem}" for problem in problems[:3])
        )
    return Modes(np.stack(rows), np.array(modes), tuple(kept), extractor.names, tuple(problems))


def fit_version(version: str, data: Modes, rows: np.ndarray, unit_space: str) -> AttentionModel:
    """Fit one version to Y2 items (version A: with Y3 for its query) of the chosen (n,) bool ``rows``."""
    columns = data.columns("Y2")
    y2, modes = data.items[rows][:, columns], data.modes[rows]
    if version == "A":
        return AttentionA().fit(y2, modes, data.items[rows][:, data.columns("Y3")])
    if version == "B":
        return AttentionB(unit_space).fit(y2, modes)
    if version == "C":
        return AttentionC().fit(y2, modes)
    if version == "D":
        heads = heads_of([name for name, chosen in zip(data.names, columns, strict=True) if chosen])
        stems = [f.stem for f, chosen in zip(data.files, rows, strict=True) if chosen]
        return AttentionD(heads=heads).fit(y2, modes, stems)
    raise ItemsError(f"Expected a version among {', '.join(VERSIONS)}, got {version!r}.")


def compare_versions(
    data: Modes, versions: Sequence[str] = ("A", "B"), unit_space: str | None = None, folds: int = 5, seed: int = 0
) -> VersionReport:
    """Fit every version on part of the pictures and measure the rest, in turn.

    Args:
        data: measured pictures.
        versions: the two whose tables are to be compared, first and second.
        unit_space: mode that version B starts from; by default the first one.
        folds: parts of the cross-validation; fewer where a mode has fewer pictures.
        seed: of the shuffling.

    Raises:
        ItemsError: an unknown version or unit space, or a mode of fewer than four pictures.
    """
    if len(versions) != 2 or set(versions) - set(VERSIONS):
        raise ItemsError(f"Expected two versions among {', '.join(VERSIONS)}, got {', '.join(versions)}.")
    unit = unit_space or str(data.modes[0])
    if unit not in data.modes:
        raise ItemsError(f"Expected the unit space among {', '.join(np.unique(data.modes))}, got {unit!r}.")
    scarce = {m: c for m, c in zip(*np.unique(data.modes, return_counts=True), strict=True) if c < 4}
    if scarce:
        raise ItemsError(
            "Expected at least four readable pictures a mode, got "
            + ", ".join(f"{count} of {mode}" for mode, count in scarce.items()) + "."
        )  # fmt: skip
    stems = np.array([file.stem for file in data.files])
    fewest = min(len(np.unique(stems[data.modes == mode])) for mode in np.unique(data.modes))
    folds = min(folds, fewest // 2)
    if folds < 2:
        raise ItemsError("Expected at least four differently named pictures a mode, so that some can be left out.")
    splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(data.items, data.modes, stems))
    y2 = data.items[:, data.columns("Y2")]
    predicted = {version: np.empty_like(data.modes) for version in VERSIONS}
    comparison: Comparison | None = None
    for _, test in splits:
        learning = np.ones(len(data.modes), dtype=bool)
        learning[test] = False
        fitted = {version: fit_version(version, data, learning, unit) for version in VERSIONS}
        for version, model in fitted.items():
            predicted[version][test] = model.predict(y2[test])
        if comparison is None:
            names = [data.files[i].name for i in test]
            first, second = (fitted[version] for version in versions)
            comparison = compare(first, second, y2[test], data.modes[test].tolist(), names)
    if comparison is None:
        raise ItemsError("Expected pictures to compare, got none.")
    accuracy = {v: float(balanced_accuracy_score(data.modes, predicted[v])) for v in VERSIONS}
    return VersionReport(comparison, accuracy, 1 / len(np.unique(data.modes)), folds)
