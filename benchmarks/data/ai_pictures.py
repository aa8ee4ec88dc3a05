"""Pictures by generators to choose settings by, for parts.py of ``benchmarks/score``. They are never learnt from.

A folder that the user names holds clones of these repositories of GitHub; those that are missing are left out. None of
the pictures, nor what people said of them, comes with soart.

* ``samplers``: gctanita/understandingImageGeneration. One model, four prompts, some forty samplers of eight seeds each,
  as sheets of eight. One person ticked what is sound, such as *fingers not merged*: the opinion is the share of these
  ticks among the checks of a prompt for anomalies and for the whole, without those of what the prompt asked for.
* ``four models``: nicholasgriffintn/ai-image-generation-comparison (Apache 2.0). Seven prompts by four models of 2023 and
  2024; one person's rating from 1 to 5, which counts the prompt, too.
* ``three models``: Kauandugi/Bias-ai-university-visuals (CC0). Sixteen prompts by three models of 2025; the mean of two
  people's ratings of *visual quality and coherence* from 1 to 5. Pictures whose file is missing are left out.
* ``AGIQA-3K``: qiyan111/AIGC, a copy (the data without a licence of their own). 300 prompts by six models of 2019 to 2022
  under ten settings; the mean opinion of the quality. The model is that with its setting.
* ``OMI``: jcpeterson/omi (CC BY-NC-SA). 1,004 faces by one generator; how attractive people find the face. To measure by only.
* ``2022``: dcsan/imagen. 41 prompts by some ten generators of 2022, without opinions.
* ``Stable Diffusion``: kennymckormick/DrawBench-Glance. 200 prompts by Stable Diffusion 1.4, 1.5 and 2.1, as JPEGs,
  without opinions.
"""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.data.opinions import measured
from soart.metrics.image import read_image
from soart.metrics.items.combined import stored_parts
from soart.metrics.tastes.overall import OverallJudge

#: Sets of whose pictures people said something.
WITH_OPINIONS = ("AGIQA-3K", "OMI", "samplers", "four models", "three models")
#: Columns and rows of tiles in a sheet, least side of a tile, and the least share of a line that tiles cover.
COLUMNS, ROWS, LEAST_SIDE, COVERED = 4, 2, 200, 0.6
#: Brightness from which on a pixel is the paper of a sheet.
PAPER = 250
#: Prompts of the sheets of samplers, by their names in the tables.
SHEETS = ("cat_and_parrot", "ballerina", "ice_cat", "flower")


@dataclass(frozen=True)
class AiPictures:
    """Pictures of one set."""

    name: str  # of the set
    files: list[Path]  # n files
    prompt: np.ndarray  # (n,) names of their prompts
    #: (n,) names of what hangs together: the prompts, or the prompts with their seeds where there are few.
    group: np.ndarray
    model: np.ndarray  # (n,) names of what made them, a model or a sampler
    opinions: np.ndarray  # (n,) what people say, higher is better, NaN where nobody said anything

    def items(self, cache: Path) -> np.ndarray:
        """(n, p) items of the overall score; measured once."""
        parts = stored_parts(OverallJudge.load().extractor)
        return np.hstack([measured(self.files, self._title, cache, part) for part in parts])

    @property
    def _title(self) -> str:
        return f"ai-{self.name.replace(' ', '-')}"


#: A picture of a set: its file, prompt, group, model and opinion.
Row = tuple[Path, str, str, str, float]


def ai_pictures(folder: Path, cache: Path, names: Sequence[str] = ()) -> list[AiPictures]:
    """The sets whose clones are in a folder, those with opinions first."""
    readers: dict[str, tuple[str, Callable[[Path], Iterator[Row]]]] = {
        "samplers": ("understandingImageGeneration", lambda clone: _samplers(clone, cache / "ai-samplers")),
        "four models": ("ai-image-generation-comparison", _four_models),
        "three models": ("Bias-ai-university-visuals", _three_models),
        "AGIQA-3K": ("AIGC", _agiqa),
        "OMI": ("omi", _omi),
        "2022": ("imagen", _of_2022),
        "Stable Diffusion": ("DrawBench-Glance", _stable_diffusion),
    }
    found = []
    for name, (clone, read) in readers.items():
        if names and name not in names:
            continue
        if (folder / clone).is_dir():
            files, *columns, opinions = zip(*read(folder / clone), strict=True)
            found.append(AiPictures(name, list(files), *(np.array(c) for c in columns), np.array(opinions, float)))
        else:
            print(f"{folder / clone} is not there: {name!r} is left out.")
    if not found:
        raise SystemExit(f"{folder} holds no clone that benchmarks/data/ai_pictures.py names.")
    return found


def _runs(covered: np.ndarray) -> list[tuple[int, int]]:
    """Starts and ends of runs of True of at least ``LEAST_SIDE``."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], covered.astype(int), [0]])))
    return [(a, b) for a, b in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True) if b - a >= LEAST_SIDE]


def tiles_of(sheet: np.ndarray) -> list[np.ndarray]:
    """The tiles of an (h, w, 3) uint8 sheet of white paper, row by row; none if they are not as many as expected."""
    inked = (sheet < PAPER).any(axis=2)
    rows = _runs(inked.mean(axis=1) > COVERED)
    found = []
    for top, bottom in rows:
        columns = _runs(inked[top:bottom].mean(axis=0) > COVERED)
        found += [sheet[top:bottom, left:right] for left, right in columns]
    return found if len(found) == COLUMNS * ROWS else []


def _checks(lines: list[str], prompt: str, numbers: list[str]) -> dict[str, float]:
    """Share of sound things among the checks for anomalies and of the whole, by picture, from the table of a prompt."""
    titles = [n for n, line in enumerate(lines) if line.startswith("# ")]
    heading = next((n for n in titles if lines[n][2:].strip().lower().replace(" ", "_") == prompt), None)
    if heading is None:
        return {}
    end = next((n for n in titles if n > heading), len(lines))
    ticks = [
        [float(cell) for cell in cells[3:]]
        for line in lines[heading:end]
        if (cells := [cell.strip() for cell in line.strip().strip("|").split("|")])[0] in ("Anomalies", "Overall")
        and len(cells) == 3 + len(numbers)
        and set(cells[3:]) <= {"0", "1"}
    ]
    return dict(zip(numbers, np.mean(ticks, axis=0).tolist(), strict=True)) if ticks else {}


def _samplers(clone: Path, tiles: Path) -> Iterator[Row]:
    tiles.mkdir(parents=True, exist_ok=True)
    for table in sorted((clone / "Samplers").glob("*/*-raw-data.md")):
        text = table.read_text(encoding="utf-8")
        for prompt in SHEETS:
            # The table of scores names the pictures; in the sheets and other tables they are in the order of numbers.
            numbers = sorted(set(re.findall(rf"\|\s*(\d+)\s*\|\s*{prompt}\s*\|", text)), key=int)
            checks = _checks(text.splitlines(), prompt, numbers)
            sheet = next(table.parent.glob(f"*-{prompt}.png"), None)
            if not sheet or len(checks) != COLUMNS * ROWS:
                print(f"{table.parent.name}, {prompt}: without a table or a sheet of {COLUMNS * ROWS} pictures.")
                continue
            pixels = tiles_of(read_image(sheet).pixels)
            if not pixels:
                print(f"{sheet.name}: other tiles than expected.")
            for seed, (number, tile) in enumerate(zip(numbers, pixels, strict=bool(pixels))):
                file = tiles / f"{table.parent.name}-{prompt}-{number}.png"
                if not file.exists():
                    Image.fromarray(tile).save(file)
                yield file, prompt, f"{prompt} {seed}", table.parent.name, checks[number]


def _four_models(clone: Path) -> Iterator[Row]:
    folder = clone / "data" / "25-nov"
    with closing(sqlite3.connect(f"file:{folder / 'image_generation.db'}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT image_path, prompt, model, rating FROM image_generations ORDER BY id"
        ).fetchall()
    for path, prompt, model, rating in rows:
        yield folder / "generated" / Path(path).name, prompt, prompt, Path(model).name, float(rating)


def _three_models(clone: Path) -> Iterator[Row]:
    with (clone / "data/metadada/bia_study_images_with_means.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        number = row["Prompt_id"].removeprefix("P")
        places = (clone / "data/images" / row["Prompt_variant"]).glob(f"{row['Model_clean']}*/*rompt {number}/*")
        prompt = f"{row['Prompt_id']} {row['Prompt_variant']}"
        if file := next(iter(sorted(places)), None):
            yield file, prompt, prompt, row["Model_clean"], float(row["Mean_visual_quality"])


def _agiqa(clone: Path) -> Iterator[Row]:
    with (clone / "data/data.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            file, prompt = clone / "data/ACGIQA-3K" / row["name"], row["prompt"]
            yield file, prompt, prompt, file.stem.rpartition("_")[0], float(row["mos_quality"])


def _omi(clone: Path) -> Iterator[Row]:
    with (clone / "attribute_means.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            name = row["stimulus"]
            yield clone / "images" / f"{name}.jpg", name, name, "one", float(row["attractive"])


def _of_2022(clone: Path) -> Iterator[Row]:
    for file in sorted((clone / "output/renders").glob("*/*.png")):
        yield file, file.parent.name, file.parent.name, file.stem.partition("-")[0], np.nan


def _stable_diffusion(clone: Path) -> Iterator[Row]:
    for file in sorted(clone.glob("*/*/*.jpg")):
        yield file, file.parent.name, file.parent.name, file.stem.removesuffix("_seed_0"), np.nan
