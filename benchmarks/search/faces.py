"""Faces that are found, and what is taken for one, in photographs, generated pictures, paintings and drawings.

FOLDER of faces is ``jcpeterson/omi`` of GitHub: photographs of one face each, ``validation_images/real``, and faces that a GAN
drew, ``images``. FOLDER of generated pictures is ``data`` of ``qiyan111/AIGC``, with the 2,982 pictures of AGIQA-3K and their
prompts: PERSON names the prompts that ask for a person whose face is seen, and prompts without any of the words of ALIVE
ask for none. Drawn faces are Wesnoth's portraits of humans and elves, painted in a cartoon's manner, and pictures without faces are wallpapers,
both of the packages in ``sources.py``. Sizes are of GAN faces that are laid into wallpapers.

The threshold of ``metrics/items/blazeface.py`` was chosen on the first four kinds and on prompts that ask for no person, whose faces were looked at; the
other kinds were not used.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import command, progress
from soart.benchmarks.data.sources import PHOTOGRAPH, sources
from soart.metrics.image import read_image
from soart.metrics.items.blazeface import find_faces

#: Words of prompts that ask for a person, and of any that may have a face.
PERSON = re.compile(r"\b(?:woman|man|girl|boy|king|elder|warrior|women|twins|supermodel|empress|person)\b")
ALIVE = re.compile(
    r"\b(?:portrait|face|head|m[ae]n|wom[ae]n|girl|boy|child|bab(?:y|ies)|people|person|king|queen|knight|warrior|robot|alien|demon|devil|"
    r"god|witch|wizard|cat|dog|fox|wolf|bear|lion|monkey|owl|bird|animal|creature|character|astronaut|samurai|soldier|clown|elf|goblin|"
    r"statue|doll|skull|zombie|ghost|anthropomorphic|trump|obama|putin|musk|scientist|farmer|hero|cyborg|android|mech\w*|he|she|his|her)\b"
)
#: Generators whose pictures are clear enough to show a face.
CLEAR = ("DALLE2", "midjourney", "sd1.5", "xl2.2")
#: Heights of faces in pixels, in wallpapers of 1,024 pixels.
HEIGHTS = (24, 32, 48, 64, 96, 160, 320)


def picture(path: Path) -> np.ndarray:
    """(h, w, 3) pixels, reduced to 1,024 on the longer side."""
    pixels = read_image(path).pixels
    if max(pixels.shape[:2]) <= 1024:
        return pixels
    small = Image.fromarray(pixels)
    small.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    return np.asarray(small)


def generated(folder: Path) -> dict[str, list[Path]]:
    """Pictures of AGIQA-3K by kind."""
    kinds: dict[str, list[Path]] = {}
    for row in csv.DictReader((folder / "data.csv").read_text(encoding="utf-8").splitlines()):
        prompt, style = row["prompt"].casefold(), row["style"].removesuffix(" style")
        if not row["name"].startswith(CLEAR):
            continue
        if not ALIVE.search(prompt):
            kind = "generated, no person asked for"
        elif (
            PERSON.search(prompt)
            and re.search(r"portrait|face|headshot|beautiful|close-up", prompt)
            and "anthropomorphic" not in prompt
        ):
            kind = f"generated portraits, {style or 'no style'}"
        else:
            continue
        kinds.setdefault(kind, []).append(folder / "ACGIQA-3K" / row["name"])
    return kinds


def kinds_of_pictures(cache: Path, faces: Path | None, made: Path | None) -> dict[str, list[Path]]:
    """Files by kind; a kind without faces begins with a minus."""
    kinds: dict[str, list[Path]] = {}
    if faces is not None:
        kinds["photographs of a face"] = sorted((faces / "validation_images" / "real").glob("*.jpg"))
        kinds["GAN faces"] = sorted((faces / "images").glob("*.jpg"))
    portraits = cache / "wesnoth-1.18-data/usr/share/games/wesnoth/1.18/data/core/images/portraits"
    kinds["drawn portraits"] = sorted(p for race in ("humans", "elves") for p in (portraits / race).glob("*.webp"))
    there = [one for one in sources(cache, fetch=False) if one.kind == PHOTOGRAPH]
    seen = ("astronaut", "camera", "rocket")
    kinds["-photographs without a face"] = [one.path for one in there if not one.name.endswith(seen)]
    for kind, files in (generated(made) if made is not None else {}).items():
        kinds[f"-{kind}" if kind.startswith("generated, no") else kind] = sorted(files)
    return {kind: files for kind, files in kinds.items() if files}


def table(kinds: dict[str, Sequence[Path]]) -> None:
    """Print the share of pictures of each kind in which a face is found, and how many in the mean."""
    print(f"{'kind':44} {'pictures':>8} {'with a face':>12} {'faces each':>11}")
    for kind, files in kinds.items():
        counts = []
        for number, file in enumerate(files, start=1):
            counts.append(len(find_faces(picture(file))))
            progress(number, len(files), kind)
        found = np.array(counts)
        print(f"{kind.removeprefix('-'):44} {len(found):8} {np.mean(found > 0):12.1%} {found.mean():11.2f}", flush=True)


def sizes(faces: Iterable[Path], grounds: Sequence[Path]) -> None:
    """Print the share of faces found by their height in a picture of 1,024 pixels."""
    files = [*faces][:40]
    print("height in pixels: " + ", ".join(map(str, HEIGHTS)))
    shares = []
    for height in HEIGHTS:
        hits = 0
        for number, file in enumerate(files):
            ground = Image.fromarray(picture(grounds[number % len(grounds)])).resize((1024, 768))
            # A face fills some two thirds of the picture's height.
            side = round(height / 0.65)
            place = 80 + number * 97 % (1024 - side - 80), 60 + number * 61 % max(1, 768 - side - 60)
            ground.paste(Image.fromarray(picture(file)).resize((side, side), Image.Resampling.LANCZOS), place)
            middle = (place[0] + side / 2) / 1024, (place[1] + side / 2) / 768
            found = find_faces(np.asarray(ground))
            hits += bool(((found[:, :2] < middle) & (middle < found[:, 2:4])).all(axis=1).any())
        shares.append(f"{hits / len(files):.0%}")
    print("found:            " + ", ".join(shares))


def main() -> None:
    """Measure, and print."""
    arguments = command(__doc__, cache=True, faces=None, generated=None, most=32).parse_args()
    kinds = kinds_of_pictures(arguments.cache, arguments.faces, arguments.generated)
    chosen = {kind: files[:: max(1, len(files) // arguments.most)][: arguments.most] for kind, files in kinds.items()}
    table(chosen)
    if "GAN faces" in chosen:
        sizes(chosen["GAN faces"], chosen["-photographs without a face"])


if __name__ == "__main__":
    main()
