"""Faces that are found, and what is taken for one, in photographs, generated pictures, paintings and drawings.

FOLDER of faces is ``jcpeterson/omi`` of GitHub: photographs of one face each, ``validation_images/real``, and faces that a GAN
drew, ``images``. FOLDER of generated pictures is ``data`` of ``qiyan111/AIGC``, with the 2,982 pictures of AGIQA-3K and their
prompts: PERSON names the prompts that ask for a person whose face is seen, and prompts without any of the words of ALIVE
ask for none. Drawn faces are Wesnoth's portraits of humans and elves, painted in a cartoon's manner; pictures without faces are
wallpapers, and Wesnoth's landscapes, all of the packages in ``sources.py``. FOLDER of paintings is ``memory`` of
``RealityBending/FakeArt``, with their categories.

The threshold of ``metrics/items/blazeface.py`` was chosen on the first four kinds and on prompts that ask for no person, whose faces were looked at; the
other kinds were not used.
"""

from __future__ import annotations

import csv
import re
from argparse import Namespace
from collections.abc import Sequence
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
SEEN = re.compile(r"portrait|face|headshot|beautiful|close-up")
#: Generators whose pictures are clear enough to show a face.
CLEAR = ("DALLE2", "midjourney", "sd1.5", "xl2.2")
#: Heights of faces in pixels, in wallpapers of 1,024 pixels.
HEIGHTS = (24, 32, 48, 64, 96, 160, 320)
#: Least heights of faces, in shares of the height of their picture.
SHARES = (0.0, 0.05, 0.15, 0.4)


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
            kind = "-generated, no person asked for"
        elif PERSON.search(prompt) and SEEN.search(prompt) and "anthropomorphic" not in prompt:
            kind = f"generated portraits, {style or 'no style'}"
        else:
            continue
        kinds.setdefault(kind, []).append(folder / "ACGIQA-3K" / row["name"])
    return {kind: sorted(files) for kind, files in kinds.items()}


def painted(folder: Path) -> dict[str, list[Path]]:
    """Paintings by kind."""
    rows = csv.DictReader((folder / "stimuli_data.csv").read_text(encoding="utf-8").splitlines())
    files = [(row["Category"], folder / "stimuli" / row["Item"]) for row in rows]
    return {
        "painted portraits": [path for kind, path in files if kind == "Portrait"],
        "-paintings without people": [path for kind, path in files if kind in ("Landscape", "Still Life")],
    }


def kinds_of_pictures(given: Namespace) -> dict[str, list[Path]]:
    """Files by kind; a kind without faces begins with a minus."""
    kinds: dict[str, list[Path]] = {}
    if faces := given.faces:
        kinds["photographs of a face"] = sorted((faces / "validation_images" / "real").glob("*.jpg"))
        kinds["GAN faces"] = sorted((faces / "images").glob("*.jpg"))
    cache, there = given.cache, [one for one in sources(given.cache, fetch=False) if one.kind == PHOTOGRAPH]
    portraits = cache / "wesnoth-1.18-data/usr/share/games/wesnoth/1.18/data/core/images/portraits"
    kinds["drawn portraits"] = sorted(p for race in ("humans", "elves") for p in (portraits / race).glob("*.webp"))
    scenes = ("landscape-[chmp]*", "swamp*")
    kinds["-drawn landscapes"] = sorted(p for name in scenes for p in (portraits.parent / "story").glob(name))
    there = [one for one in there if not one.name.endswith(("astronaut", "camera", "rocket"))]
    kinds["-photographs without a face"] = [one.path for one in there]
    kinds |= painted(given.paintings) if given.paintings else {}
    kinds |= generated(given.generated) if given.generated else {}
    return {kind: files for kind, files in kinds.items() if files}


def table(kinds: dict[str, Sequence[Path]]) -> dict[str, list[tuple[Path, np.ndarray]]]:
    """Print the share of pictures of each kind in which a face is found, and faces each by their share of the height; return them."""
    heights = f"by share of the height, from {', '.join(f'{low:.0%}' for low in SHARES)}"
    print(f"{'kind':44} {'pictures':>8} {'with a face':>12} {'faces each':>11}   {heights}")
    found = {}
    for kind, files in kinds.items():
        found[kind] = []
        for number, file in enumerate(files, start=1):
            found[kind].append((file, find_faces(picture(file))))
            progress(number, len(files), kind)
        faces = [faces for _, faces in found[kind]]
        tall = np.concatenate([one[:, 3] - one[:, 1] for one in faces])
        each = np.histogram(tall, [*SHARES, 2])[0] / len(files)
        shares = f"{np.mean([len(one) > 0 for one in faces]):12.1%} {len(tall) / len(files):11.2f}"
        print(f"{kind.strip('-'):44} {len(files):8} {shares}   {', '.join(f'{one:.2f}' for one in each)}", flush=True)
    return found


def sizes(faces: Sequence[tuple[Path, np.ndarray]], grounds: Sequence[Path]) -> list[float]:
    """The share of faces, each found in its own picture, that are found at ``HEIGHTS`` in a picture of 1,024 pixels."""
    shares = []
    for height in HEIGHTS:
        hits = 0
        for number, (file, known) in enumerate(faces):
            whole = Image.fromarray(picture(file))
            box = known[0, :4] * np.tile(whole.size, 2)
            middle, half = (box[:2] + box[2:]) / 2, 0.75 * max(box[2:] - box[:2])
            cut = whole.crop((*np.maximum(middle - half, 0).round(), *np.minimum(middle + half, whole.size).round()))
            scale = height / (box[3] - box[1])
            cut = cut.resize([max(1, round(side * scale)) for side in cut.size], Image.Resampling.LANCZOS)
            ground = Image.fromarray(picture(grounds[number % len(grounds)])).resize((1024, 768))
            place = 80 + number * 97 % (944 - cut.width), number * 61 % (768 - cut.height)
            ground.paste(cut, place)
            middle = (np.array(place) + np.array(cut.size) / 2) / ground.size
            found = find_faces(np.asarray(ground))
            hits += bool(((found[:, :2] < middle) & (middle < found[:, 2:4])).all(axis=1).any())
        shares.append(hits / len(faces))
    return shares


def main() -> None:
    """Measure, and print."""
    arguments = command(__doc__, cache=True, faces=None, generated=None, paintings=None, most=32).parse_args()
    kinds = kinds_of_pictures(arguments)
    chosen = {kind: files[:: max(1, len(files) // arguments.most)][: arguments.most] for kind, files in kinds.items()}
    found = table(chosen)
    print(f"{'found of the largest faces, by height in pixels':44} {', '.join(map(str, HEIGHTS))}")
    for kind, faces in found.items():
        if not kind.startswith("-") and (seen := [one for one in faces if len(one[1])]):
            shares = sizes(seen, chosen["-photographs without a face"])
            print(f"{kind:39} {len(seen):4} {', '.join(f'{share:.0%}' for share in shares)}", flush=True)


if __name__ == "__main__":
    main()
