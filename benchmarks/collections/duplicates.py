"""Measures near-duplicate detection on changed copies of pictures.

Every other picture of sources.py is changed in thirteen ways; the other half was used to choose the limits. A changed
copy is detected if it is in the group of its original. Different pictures in one group are false alarms. Three sets
make that hard, and all their pictures should stay: pictures of the embedded model, whose few subjects repeat; many
compositions in one manner, which single linkage joins into chains; and one composition in every palette and style.

*imagehash* is the same hash alone, at our limit. *cleanvision* is its near-duplicate check with default settings.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from soart.benchmarks.common import command, print_table
from soart.benchmarks.data.drawing import drawn as pictures_of
from soart.benchmarks.data.sources import sources
from soart.metrics.image import read_image
from soart.metrics.similarity.near_duplicates import DISTANCE, near_groups, perceptual_hash, views
from soart.pipelines.collection.thumbnails import SMALL, encode_thumbnail
from soart.pipelines.tiny.words import PALETTES, STYLES, SUBJECTS
from soart.training.captions import Scene
from soart.training.render import render


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


def _noisy(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image) + np.random.default_rng(0).normal(0, 6, (image.height, image.width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "JPEG 60": lambda image: _jpeg(image, 60),
    "JPEG 25": lambda image: _jpeg(image, 25),
    "cropped by 2 %": lambda image: _crop(image, 0.02),
    "cropped by 6 %": lambda image: _crop(image, 0.06),
    "12 % lighter": lambda image: ImageEnhance.Brightness(image).enhance(1.12),
    "15 % more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.15),
    "30 % more colour": lambda image: ImageEnhance.Color(image).enhance(1.3),
    "gamma 0.85": lambda image: image.point(lambda value: round(255 * (value / 255) ** 0.85)),
    "noise": _noisy,
    "sharpened": lambda image: ImageEnhance.Sharpness(image).enhance(1.8),
    "warmer": _warm,
    "caption": _caption,
}


def drawn(prompts: Sequence[str], count: int) -> list[Image.Image]:
    """Pictures of the embedded model, many seeds of few prompts."""
    from soart.pipelines.models.generator import ImageGenerator
    from soart.pipelines.models.loading import load_model

    generator = ImageGenerator(load_model(device="cpu"))
    requests = [generator.request(prompts[k % len(prompts)], k) for k in range(count)]
    return [Image.fromarray(pixels) for pixels in pictures_of(generator, requests)]


def rendered() -> list[Image.Image]:
    """One composition of each subject in every style and palette, as the training pictures are rendered."""
    scenes = [Scene(*scene, "sharp") for scene in product(SUBJECTS, PALETTES, STYLES)]
    return [Image.fromarray(render(scene, np.random.default_rng(7))) for scene in scenes]


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


def find_groups(pictures: list[Image.Image]) -> dict[str, np.ndarray]:
    """Group (n,) of each picture by each method, −1 for none."""
    pixels = [np.asarray(picture) for picture in pictures]
    hashes = np.array([perceptual_hash(one) for one in pixels], np.uint64)
    # Views of the stored thumbnails, as evaluations take them.
    seen = np.stack([views(read_image(encode_thumbnail(one, SMALL)).pixels) for one in pixels])
    equal = np.zeros_like(seen)
    order = np.argsort([-one.size for one in pixels], kind="stable")
    return {
        "soart": near_groups(hashes, order, lambda rows: seen[rows]),
        f"imagehash, {DISTANCE} bits": near_groups(hashes, order, lambda rows: equal[rows]),
        "cleanvision": run_cleanvision(pictures),
    }


def main() -> None:
    """Change, group, print."""
    arguments = command(__doc__, cache=True, sources=10_000, drawn=100).parse_args()
    pictures, source, change = [], [], []
    for number, one in enumerate(sources(arguments.cache)[1::2][: arguments.sources]):
        image = Image.fromarray(read_image(one.path).pixels)
        image.thumbnail((256, 256))
        for name, work in {"": lambda image: image, **CHANGES}.items():
            pictures.append(work(image))
            source.append(number)
            change.append(name)
    found = find_groups(pictures)
    origin = {s: k for k, (s, c) in enumerate(zip(source, change, strict=True)) if c == ""}
    rows = {
        name: {
            title: np.mean([g[k] >= 0 and g[k] == g[origin[source[k]]] for k, c in enumerate(change) if c == name])
            for title, g in found.items()
        }
        for name in CHANGES
    }
    print_table(f"{len(origin)} sources, {len(pictures)} pictures; share of changed copies that are found", rows, 2)
    kinds = np.array(source)
    different = np.triu(kinds[:, None] != kinds[None], 1)
    wrong = {title: (((g[:, None] == g[None]) & (g[:, None] >= 0)) & different).sum() for title, g in found.items()}
    print_table(f"false pairs, of {different.sum()}", {"": wrong})
    manner = "a mountain in cool colors, watercolor"
    sets = {
        "few subjects": drawn(["a boat", "a tree, warm palette", "a house, pointillism", "a fish"], arguments.drawn),
        "one manner": drawn([manner], arguments.drawn),
        "palettes and styles": rendered(),
    }
    rows = {}
    for name, different_pictures in sets.items():
        rows[f"{name}, {len(different_pictures)}"] = {
            title: (group >= 0).sum() - len(np.unique(group[group >= 0]))
            for title, group in find_groups(different_pictures).items()
        }
    print_table("pictures that would go; none should", rows)


if __name__ == "__main__":
    main()
