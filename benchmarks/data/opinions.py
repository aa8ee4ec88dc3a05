"""People's opinions of pictures that appeal is learnt from, for build_appeal.py, people_report.py and choices.py.

No picture was made by a generator. Domains are groups of pictures whose opinions compare:

* ``photographs``: OASIS, see people.py;
* ``paintings``: 93 paintings with the mean liking of some twenty people, from 1 to 7 (Fekete et al., "The Vienna Art
  Picture System (VAPS)", *Psychology of Aesthetics, Creativity, and the Arts* 17, 2023);
* ``art``, ``interiors``, ``exteriors``, ``faces``, ``landscapes``: 562 pictures with mean ratings from 1 to 7 (Vessel,
  Maurer, Denker & Starr, "Stronger shared taste for natural aesthetic domains than for artifacts of human culture",
  *Cognition* 179, 2018);
* ``paints``, ``houses``, ``flowers``: choices, see choices.py.

The data come neither with soart nor with a package. The folder ``opinions`` in the cache needs ``paintings/images`` and
the tables ``paintings/*.csv`` (``stimuli_data.csv`` of the three experiments of RealityBending/FakeArt on GitHub), and
``scenes/images`` and ``scenes/vessel_means_per_image.csv`` (of ColinConwell/AffectExMachina).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from soart.benchmarks.common import key_of, progress, stored_array
from soart.metrics.image import read_image
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.protocols import Extractor
from soart.training.appeal import Opinions

PHOTOGRAPHS = "photographs"
#: Kinds of scenes by the names in the table.
SCENES = {"art": "art", "ari": "interiors", "are": "exteriors", "fac": "faces", "lsc": "landscapes"}
#: Kinds of pictures that people chose between.
CHOICES = ("paints", "houses", "flowers")


def measured(
    pictures: Sequence[Path | np.ndarray], title: str, cache: Path, extractor: Extractor | None = None
) -> np.ndarray:
    """(n, p) items of files or pixels, of the default network unless told; measured once, and kept under this title."""
    extractor = extractor or taste_extractor(default_network())

    def measure() -> np.ndarray:
        rows = []
        for number, one in enumerate(pictures, start=1):
            pixels = read_image(one).pixels if isinstance(one, Path) else one
            rows.append(extractor.extract(pixels)[0].astype(np.float32))
            progress(number, len(pictures), f"measuring {title}")
        return np.stack(rows)

    return stored_array(cache / f"{title}-{key_of(extractor.version)}.npy", measure).astype(float)


def folder_of(cache: Path, *parts: str) -> Path:
    """A folder of the data."""
    folder = cache.joinpath(*parts)
    if not folder.is_dir():
        raise SystemExit(f"{folder} is not there, see benchmarks/data/opinions.py.")
    return folder


def rated_paintings(cache: Path) -> tuple[list[Path], np.ndarray]:
    """Files of paintings, and their mean liking."""
    folder = folder_of(cache, "opinions", "paintings")
    liking = {
        row["Item"]: float(row["Liking_Mean_All"])
        for table in sorted(folder.glob("*.csv"))
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    }
    files = [file for file in sorted((folder / "images").iterdir()) if file.name in liking]
    return files, np.array([liking[file.name] for file in files])


def rated_scenes(cache: Path) -> tuple[list[Path], np.ndarray, np.ndarray]:
    """Files of art, interiors, exteriors, faces and landscapes, their kinds, and mean ratings within each kind."""
    folder = folder_of(cache, "opinions", "scenes")
    with (folder / "vessel_means_per_image.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if (folder / "images" / row["image_name"]).is_file()]
    files = [folder / "images" / row["image_name"] for row in rows]
    kinds = np.array([SCENES[row["image_type"]] for row in rows])
    return files, kinds, np.array([float(row["rating"]) for row in rows])


def chosen(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(c, 2) pictures left and right by place among all, and (people, c) True where the right one was chosen."""
    numbers = sorted(int(file.stem) for file in (folder / "images").glob("*.jpg"))
    place = {number: at for at, number in enumerate(numbers)}
    right, pairs, earlier = [], [], None
    for file in sorted((folder / "data").glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("image_left")]
        pairs = [[place[int(Path(row[side]).stem)] for side in ("image_left", "image_right")] for row in rows]
        assert earlier in (None, pairs), f"{file.name} has other pairs than the files before it."
        earlier = pairs
        right.append([(row["key_resp_2.keys"] or row["key_resp.keys"]) == "m" for row in rows])
    return np.array(pairs), np.array(right)


def choice_files(kind: str, cache: Path) -> list[Path]:
    """Files of the pictures of a kind that people chose between, in the order of their numbers."""
    return sorted((folder_of(cache, "choices", kind) / "images").glob("*.jpg"), key=lambda file: int(file.stem))


def choices(kind: str, cache: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, p) items of the pictures of a kind, and their pairs and choices, see ``chosen``."""
    items = measured(choice_files(kind, cache), f"choices-{kind}", cache)
    return items, *chosen(folder_of(cache, "choices", kind))


def other_files(cache: Path) -> dict[str, list[Path]]:
    """Files of the pictures of ``other_opinions``, by domain."""
    files, kinds, _ = rated_scenes(cache)
    return {
        "paintings": rated_paintings(cache)[0],
        **{title: [f for f, kind in zip(files, kinds, strict=True) if kind == title] for title in SCENES.values()},
        **{kind: choice_files(kind, cache) for kind in CHOICES},
    }


def other_opinions(cache: Path) -> dict[str, Opinions]:
    """All but those of photographs, by domain."""
    files, liking = rated_paintings(cache)
    found = {"paintings": Opinions(measured(files, "paintings", cache), liking)}
    files, kinds, ratings = rated_scenes(cache)
    items = measured(files, "scenes", cache)
    found |= {title: Opinions(items[kinds == title], ratings[kinds == title]) for title in SCENES.values()}
    for kind in CHOICES:
        items, pairs, right = choices(kind, cache)
        found[kind] = Opinions(items, 2 * right.mean(axis=0) - 1, pairs)
    return found
