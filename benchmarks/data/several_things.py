"""Pictures of several things, to report adherence on: labelled photographs, and pictures by generators with their prompts.

A folder that the user names holds clones of repositories of GitHub; those that are missing are left out. No picture
comes with soart, and nothing is learnt from them.

* lightly-ai/coco128_yolo: 256 photographs of COCO with boxes around all things of 80 kinds (annotations: CC BY 4.0).
* The sets ``four models``, ``2022`` (six pictures a prompt) and ``Stable Diffusion`` (version 1.5) of ``ai_pictures.py``.
  One viewer looked at every picture of which adherence judges a noun, on sheets sorted by the network's margin, and noted
  which nouns it does not show.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV (2014).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.metrics.items.nouns import noun_classes

COCO = "coco128_yolo"
#: Nouns by kind of COCO where the kind's own name is not the noun.
_COCO_NOUNS = {"cell phone": "phone", "orange": "", "mouse": "", "remote": ""}
#: Kinds of COCO that show a broader noun, of which COCO has nearly all kinds.
_BROADER = {
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
    "vehicle": ("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
}
#: Pictures of one prompt of ``2022`` that are looked at.
_EACH = 6
#: Nouns that pictures do not show, and those of which a look does not tell, by set; pictures are named as by ``_named``.
NOT_SHOWN = {
    "four models": {"camera": "1732493396 1732493399 1732493410 1732493415", "car": "1732493329"},
    "2022": {
        "frog": "kermit-frog/glid3-6", "hamburger": "mick-jagger/ldif-4 mick-jagger/glid3-6",
        "temple": "shanghai-jingan/disco-1", "bicycle": "panda-riding/glid3-8", "laptop": "woman-coffeeshop/disco-1",
        "statue": "statue-liberty/stab-3", "mountains": "aerial-criminals/dmin-7",
    },
    "Stable Diffusion": {
        "fish": "35", "cat": "102 159 167", "duck": "154", "pig": "158", "car": "127 174", "hair drier": "122",
        "bird": "22 28", "lab coat": "148", "sheep": "16", "apple": "18 23 125", "broccoli": "124",
        "grasshopper": "169", "umbrella": "118", "dog": "128", "banana": "9", "church": "155", "traffic light": "123",
        "nail": "61",
    },
}  # fmt: skip
UNCLEAR = {
    "four models": {},
    "2022": {
        "hamburger": "mick-jagger/glid3-8", "mountains": "aerial-criminals/glid3-3",
        "broccoli": "psychedelic-broccoli/dmin-8 psychedelic-broccoli/midj-2 psychedelic-broccoli/dmin-4 "
                    "psychedelic-broccoli/midj-3",
        "mushroom": "psychedelic-broccoli/ldif-7 psychedelic-broccoli/dmin-4 psychedelic-broccoli/ldif-9 "
                    "psychedelic-broccoli/dmin-8 psychedelic-broccoli/midj-3",
    },
    "Stable Diffusion": {
        "jug": "97", "barbershop": "159", "food": "82", "animal": "149", "drink": "82", "hammer": "91",
        "refrigerator": "97",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A labelled photograph."""

    file: Path  # of the picture
    #: Share of the picture that the box of the largest thing of a kind covers, by noun that it shows.
    shares: dict[str, float]


def coco_nouns(clone: Path) -> list[str]:
    """Nouns of adherence that COCO labels, in alphabetic order."""
    return sorted({noun for kind in _kinds(clone) for noun in _nouns_of(kind)})


def scenes(clone: Path) -> Iterator[Scene]:
    """The photographs of a clone of ``COCO``, by name."""
    kinds = _kinds(clone)
    for file in sorted((clone / "images").glob("*/*.jpg")):
        labels = clone / "object_detection" / "labels" / file.parent.name / f"{file.stem}.txt"
        shares: dict[str, float] = {}
        for line in labels.read_text(encoding="utf-8").splitlines() if labels.exists() else []:
            number, _, _, width, height = line.split()[:5]
            for noun in _nouns_of(kinds[int(number)]):
                shares[noun] = max(shares.get(noun, 0.0), float(width) * float(height))
        yield Scene(file, shares)


def _kinds(clone: Path) -> list[str]:
    text = (clone / "object_detection" / "config.yaml").read_text(encoding="utf-8")
    return re.findall(r"^ +\d+: (.+)$", text, re.MULTILINE)


def _nouns_of(kind: str) -> list[str]:
    own = _COCO_NOUNS.get(kind, kind)
    return [*([own] if own in noun_classes() else []), *(noun for noun, kinds in _BROADER.items() if kind in kinds)]


@dataclass(frozen=True, slots=True)
class Prompted:
    """A picture by a generator."""

    group: str  # name of its set
    file: Path  # of the picture
    prompt: str  # as it was drawn by

    def shows(self, noun: str) -> bool | None:
        """True if it shows a noun of its prompt; None if a look does not tell."""
        name = _named(self)
        if name in UNCLEAR[self.group].get(noun, "").split():
            return None
        return name not in NOT_SHOWN[self.group].get(noun, "").split()


def prompted(folder: Path, cache: Path) -> list[Prompted]:
    """The pictures by generators whose clones are in a folder."""
    rng = np.random.default_rng(0)
    found = []
    for group in ai_pictures(folder, cache, list(NOT_SHOWN)):
        for prompt in sorted(set(group.prompt)):
            files = [group.files[i] for i in np.flatnonzero(group.prompt == prompt)]
            if group.name == "2022":
                files = [files[i] for i in rng.permutation(len(files))[:_EACH]]
            if group.name == "Stable Diffusion":
                files = [file for file in files if "v1-5" in file.stem]
            found += [Prompted(group.name, file, _prompt(group.name, file, prompt)) for file in files]
    return found


def _prompt(group: str, file: Path, name: str) -> str:
    if group == "Stable Diffusion":
        return (file.parent / "prompt.txt").read_text(encoding="utf-8").strip()
    # A folder of the pictures of 2022 is named after its prompt, with a number at the end.
    return name.rpartition("-")[0].replace("-", " ") if group == "2022" else name


def _named(picture: Prompted) -> str:
    if picture.group == "four models":
        return picture.file.stem.partition("_")[0]
    if picture.group == "2022":
        return f"{'-'.join(picture.file.parent.name.split('-')[:2])}/{picture.file.stem}"
    return picture.file.parent.name
