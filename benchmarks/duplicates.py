"""Measures near-duplicate detection on changed copies of pictures.

    python benchmarks/duplicates.py [--cache DIR]

Every other picture of sources.py is changed in nine ways; the other half was used to choose the limits. A changed copy
is detected if it is in the group of its original. Different pictures in one group are false alarms. A hundred pictures
of the embedded model, whose few subjects repeat, make that hard. *imagehash* is the same hash alone, at the limit of
its documentation's examples for equal pictures (0 bits) and at ours. *cleanvision* is its near-duplicate check with
default settings.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance
from sources import default_cache, sources

from soart.metrics.image import read_image
from soart.metrics.items.combined import taste_extractor
from soart.metrics.similarity.near_duplicates import DISTANCE, near_groups, perceptual_hash
from soart.metrics.similarity.outliers_and_styles import Overview


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def _crop(image: Image.Image, share: float) -> Image.Image:
    dx, dy = int(image.width * share / 2), int(image.height * share / 2)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


def _caption(image: Image.Image) -> Image.Image:
    marked = image.copy()
    pen, top = ImageDraw.Draw(marked), image.height - image.height // 14
    pen.rectangle((0, top, image.width // 3, image.height), fill="black")
    pen.text((4, top), "watermark", fill="white")
    return marked


def _warm(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image) * np.array([1.08, 1, 0.92])).clip(0, 255).astype(np.uint8))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "JPEG 60": lambda image: _jpeg(image, 60),
    "JPEG 25": lambda image: _jpeg(image, 25),
    "cropped by 2 %": lambda image: _crop(image, 0.02),
    "cropped by 6 %": lambda image: _crop(image, 0.06),
    "12 % lighter": lambda image: ImageEnhance.Brightness(image).enhance(1.12),
    "sharpened": lambda image: ImageEnhance.Sharpness(image).enhance(1.8),
    "warmer": _warm,
    "caption": _caption,
}


def drawn(count: int) -> list[Image.Image]:
    """Pictures of the embedded model, many seeds of few prompts."""
    from soart.pipelines.models.generator import ImageGenerator
    from soart.pipelines.models.loading import load_model

    generator = ImageGenerator(load_model(device="cpu"))
    prompts = ("a boat", "a tree, warm palette", "a house, pointillism", "a fish")
    requests = [generator.request(prompts[k % 4], k) for k in range(count)]
    return [Image.fromarray(one.pixels) for batch in generator.draw(requests) for one in batch]


def run_cleanvision(pictures: list[Image.Image]) -> np.ndarray:
    """Group (n,) of each picture by cleanvision, −1 for none."""
    from cleanvision import Imagelab

    groups = np.full(len(pictures), -1)
    with tempfile.TemporaryDirectory() as folder:
        for k, picture in enumerate(pictures):
            picture.save(Path(folder) / f"{k:05}.png")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            lab = Imagelab(data_path=folder)
            lab.find_issues({"near_duplicates": {}, "exact_duplicates": {}}, verbose=False)
        for kind in ("near_duplicates", "exact_duplicates"):
            for number, paths in enumerate(lab.info.get(kind, {}).get("sets", [])):
                groups[[int(Path(path).stem) for path in paths]] = number + (0 if kind == "near_duplicates" else 10_000)
    return groups


def main() -> None:
    """Change, group, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of unpacked packages")
    arguments = parser.parse_args()
    pictures, source, change = [], [], []
    for number, one in enumerate(sources(arguments.cache)[1::2]):
        image = Image.fromarray(read_image(one.path).pixels)
        image.thumbnail((256, 256))
        for name, work in {"": lambda image: image, **CHANGES}.items():
            pictures.append(work(image))
            source.append(number)
            change.append(name)
    fresh = drawn(100)
    pictures += fresh
    source += [10_000 + k for k in range(len(fresh))]
    change += [""] * len(fresh)
    extractor = taste_extractor()
    hashes = np.array([perceptual_hash(np.asarray(picture)) for picture in pictures], np.uint64)
    items = np.concatenate([extractor.extract(np.asarray(picture)) for picture in pictures])
    overview = Overview.of(items)
    tint = [k for k, name in enumerate(extractor.names) if name.startswith("colour/")]
    tints = ((items - overview.centre) / overview.scale)[:, tint].astype(np.float32)
    same = np.zeros((len(pictures), 1), np.float32)
    found = {
        "soart": near_groups(hashes, tints),
        "imagehash, 0 bits": near_groups(hashes, same, 0),
        f"imagehash, {DISTANCE} bits": near_groups(hashes, same, DISTANCE),
        "cleanvision": run_cleanvision(pictures),
    }
    origin = {s: k for k, (s, c) in enumerate(zip(source, change, strict=True)) if c == "" and s < 10_000}
    print(f"{len(origin)} sources, {len(pictures)} pictures; share of changed copies that are found")
    print(f"{'':18}" + "".join(f"{name:>20}" for name in found))
    for name in CHANGES:
        rows = [k for k, c in enumerate(change) if c == name]
        shares = (np.mean([g[k] >= 0 and g[k] == g[origin[source[k]]] for k in rows]) for g in found.values())
        print(f"{name:18}" + "".join(f"{share:20.2f}" for share in shares))
    kinds = np.array(source)
    for name, part in (("false pairs", kinds < 10_000), ("… of the model", kinds >= 10_000)):
        wrong = []
        for groups in found.values():
            together = (groups[part][:, None] == groups[part][None]) & (groups[part][:, None] >= 0)
            different = np.triu(kinds[part][:, None] != kinds[part][None], 1)
            wrong.append(f"{(together & different).sum()} of {different.sum()}")
        print(f"{name:18}" + "".join(f"{text:>20}" for text in wrong))


if __name__ == "__main__":
    main()
