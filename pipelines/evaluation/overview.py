"""The overview of an evaluated folder that Python programs and notebooks get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...notebooks import Cell, html_table
from ..collection.thumbnails import thumbnail_of_file
from ..support.failures import told_together
from ..support.figures import figure
from ..support.wording import counted
from .folders import EvaluatedCollection, unkept
from .records import records
from .summary import ListedPicture, Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

#: Most pictures of each list.
LISTED = 5


@dataclass(frozen=True)
class Overview:
    """Summary of an evaluation of some folders; it prints as a few lines.

    Attributes:
        summary: counts, and the most notable pictures of each kind.
        files: a record of each file, by the columns of ``soart evaluate --export`` (docs/evaluate.md).
        problems: a sentence for each file that cannot be used, one if the taste is not reliable yet, and one if the
            collection is read-only, so that the evaluation is not kept. What is wrong with many files is printed once.

    Examples:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import soart
        >>> from PIL import Image
        >>> with TemporaryDirectory() as folder:
        ...     pictures = Path(folder, "pictures")
        ...     pictures.mkdir()
        ...     for name in ("one.png", "copy.png"):
        ...         Image.radial_gradient("L").convert("RGB").save(pictures / name)
        ...     print(soart.evaluate(pictures, by="noise", collection=Path(folder, "collection")))
        1 picture in 2 files
        By freedom from noise: mean 61.6, middle half 61.6 … 61.6. 100 is free of it; below 50, which hardly any undamaged picture has, it is suspected.
        Sizes: 256 × 256 1, mean 62
        Best: one.png (62)
        To decide: 1 exact copy
    """

    summary: Summary = field(repr=False)
    files: tuple[Mapping[str, Any], ...] = field(repr=False)
    problems: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Stored name of the judge that ranks; ``SEVERAL`` for several together."""
        return self.summary.by

    @property
    def pictures(self) -> int:
        """Number of different pictures."""
        return self.summary.pictures

    @property
    def best(self) -> tuple[ListedPicture, ...]:
        """The best pictures, the best first; near-duplicates are left out."""
        return self.summary.best

    @property
    def worst(self) -> tuple[ListedPicture, ...]:
        """The worst pictures that are not among the best, the worst first; near-duplicates are left out."""
        return self.summary.worst

    def __str__(self) -> str:
        return "\n".join([*self._lines(), *told_together(self.problems)])

    def _repr_html_(self) -> str:
        """The best and the worst pictures as a table above the counts, for notebooks."""
        rows: list[list[Cell]] = [
            [kind, thumbnail_of_file(Path(one.path)), figure(one.score, 2), Path(one.path).name]
            for kind, listed in (("best", self.best), ("worst", self.worst))
            for one in listed
        ]
        first, *others = self._lines()
        counts = [line for line in others if not line.startswith(("Best: ", "Worst: "))]
        return html_table(["", "", "score", "file"], rows, [first, *counts, *told_together(self.problems)])

    def to_pandas(self) -> pd.DataFrame:
        """One row a file, in the order of paths; values that are not known are missing."""
        import pandas as pd

        return pd.DataFrame(list(self.files), columns=list(self.files[0]) if self.files else None)

    def _lines(self) -> list[str]:
        return [f"{counted(self.pictures)} in {counted(self.summary.files, 'file')}", *self.summary.lines(LISTED)]


def overview_of(evaluated: EvaluatedCollection, doubts: Sequence[str] = ()) -> Overview:
    """The overview of an evaluated collection, which must be open; ``doubts`` are sentences on unreliable judges."""
    update, judged = evaluated.update, evaluated.judged
    return Overview(
        summarise(evaluated, LISTED),
        tuple(records(evaluated.collection, update.scan_number, evaluated.evaluation, update.unusable, judged)),
        (*doubts, *unkept(evaluated.collection), *update.problems, *update.table_problems, *judged.problems),
    )
