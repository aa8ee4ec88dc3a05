"""Compares versions of attention on pictures with a mode each, and writes the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from ...errors import CollectionError, ImageError, ItemsError
from ...metrics.attention.comparison import Comparison, VersionEvidence, compare, evidence
from ...metrics.attention.version_d import AttentionD
from ...metrics.attention.versions_abc import AttentionA, AttentionB, AttentionC, AttentionModel
from ...metrics.image import read_image
from ...metrics.items.soart import SoartExtractor, heads_of
from ..ingest.scan import as_text, find_pictures
from ..support.progress import Advance, silent

VERSIONS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Modes:
    """SOART items (n, p) of pictures, modes (n,), and a sentence for each picture that could not be read."""

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
    """Results of a comparison of versions."""

    comparison: Comparison
    #: cross-validated balanced accuracies with intervals, and a test of the difference between the two versions;
    #: pictures of one file name are left out together
    evidence: VersionEvidence
    chance: float  # balanced accuracy of guessing
    folds: int

    @property
    def accuracy(self) -> Mapping[str, float]:
        """Cross-validated balanced accuracy by version."""
        return self.evidence.accuracy


def measure_modes(folders: Mapping[str, Path], progress: Advance = silent, found: Advance = silent) -> Modes:
    """Measure the pictures of folders, by mode; ``found`` is called with their number before the first is read."""
    extractor = SoartExtractor()
    problems: list[str] = []
    listed = []
    for mode, folder in folders.items():
        files, missing = find_pictures([folder])
        problems += missing
        listed += [(mode, file) for file in files]
    found(len(listed))
    rows, modes, measured = [], [], []
    for mode, file in listed:
        try:
            rows.append(extractor.extract(read_image(file).pixels)[0])
        except ImageError as error:
            problems.append(str(error))
        else:
            modes.append(mode)
            measured.append(file)
        progress(1)
    if len(set(modes)) < 2:
        raise ItemsError(
            f"Expected readable pictures in at least two folders, got them in {len(set(modes))} of {len(folders)}."
            + "".join(f" {problem}" for problem in problems[:3])
        )
    return Modes(np.stack(rows), np.array(modes), tuple(measured), extractor.names, tuple(problems))


def fit_version(version: str, data: Modes, rows: np.ndarray, unit_space: str) -> AttentionModel:
    """Fit a version of attention to the rows (n,) bool of pictures; version B starts from the mode ``unit_space``."""
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


def check_versions(versions: Sequence[str]) -> None:
    """Refuse anything but two different versions."""
    if len(versions) != 2 or len(set(versions) & set(VERSIONS)) != 2:
        raise ItemsError(f"Expected two versions among {', '.join(VERSIONS)}, got {', '.join(versions) or 'none'}.")


def compare_versions(
    data: Modes, versions: Sequence[str] = ("A", "B"), unit_space: str | None = None, folds: int = 5
) -> VersionReport:
    """Cross-validate every version, and compare the tables of two; fewer folds if a mode has too few pictures."""
    check_versions(versions)
    unit = unit_space or str(data.modes[0])
    if unit not in data.modes:
        raise ItemsError(f"Expected the unit space among {', '.join(np.unique(data.modes))}, got {unit!r}.")
    scarce = {m: c for m, c in zip(*np.unique(data.modes, return_counts=True), strict=True) if c < 4}
    if scarce:
        raise ItemsError(
            "Expected at least four readable pictures in each mode, got "
            + ", ".join(f"{count} of {mode}" for mode, count in scarce.items()) + "."
        )  # fmt: skip
    stems = np.array([file.stem for file in data.files])
    fewest = min(len(np.unique(stems[data.modes == mode])) for mode in np.unique(data.modes))
    folds = min(folds, fewest // 2)
    if folds < 2:
        raise ItemsError("Expected at least four pictures of different names in each mode, to leave some out.")
    splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(data.items, data.modes, stems))
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
            names = [as_text(data.files[i].name) for i in test]
            first, second = (fitted[version] for version in versions)
            comparison = compare(first, second, y2[test], data.modes[test].tolist(), names)
    if comparison is None:
        raise ItemsError("Expected pictures to compare, got none.")
    pair = (versions[0], versions[1])
    found = evidence(data.modes, predicted, stems, pair, np.random.default_rng(0))
    return VersionReport(comparison, found, 1 / len(np.unique(data.modes)), folds)


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the two transposed tables, the difference, the plus–minus table and its block means, and one picture."""
    first, second = comparison.names
    tables = {
        f"attention-{first}.csv": comparison.first,
        f"attention-{second}.csv": comparison.second,
        "difference.csv": comparison.difference,
        "plus-minus.csv": comparison.plus_minus,
        "plus-minus-blocks.csv": comparison.blocks,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(folder / name)
        comparison.figure().savefig(folder / "comparison.png", dpi=110)
    except OSError as error:
        raise CollectionError(f"The tables cannot be written to {str(folder)!r}: {error.strerror or error}.") from error
    return [folder / name for name in (*tables, "comparison.png")]
