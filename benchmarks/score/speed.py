"""Times measuring a picture on one core, beside decoding and other measures.

Pictures are square crops of scikit-image photographs of 1,024 pixels, stored as PNG and as JPEG of quality 90. Each figure is the
median over rounds of the mean over the pictures, with the range of the rounds. All measures run in turn within a round, so a busy
machine affects them equally. OpenCV must be installed; the rows without it measure as soart does where it is not.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import imagehash
import numpy as np
import skimage
import torch
from cleanvision.issue_managers.image_property import BlurrinessProperty, BrightnessProperty, EntropyProperty
from PIL import Image
from threadpoolctl import threadpool_limits

from soart.benchmarks.common import command
from soart.metrics.image import read_image
from soart.metrics.items import planes
from soart.metrics.items.colour import ColourExtractor
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.quality import QualityExtractor
from soart.metrics.items.soart import SoartExtractor
from soart.metrics.similarity.near_duplicates import perceptual_hash

SIDE = 1024
PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg", "ihc.png")


def cleanvision_passes(image: Image.Image) -> None:
    """Cleanvision's light, dark, information and blur checks."""
    for check in (BrightnessProperty("light"), EntropyProperty(), BlurrinessProperty()):
        check.calculate(image)


def photographs(folder: Path) -> list[Path]:
    """PNG files of square crops, a JPEG beside each; smaller photographs are enlarged to fill them."""
    files = []
    for name in PHOTOGRAPHS:
        pixels = read_image(Path(skimage.__file__).parent / "data" / name).pixels
        size = min(pixels.shape[:2])
        image = Image.fromarray(pixels[:size, :size]).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        files.append(folder / f"{Path(name).stem}.png")
        image.save(files[-1])
        image.save(files[-1].with_suffix(".jpg"), quality=90)
    return files


def milliseconds(run: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, rounds=15).parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    everything = taste_extractor()
    with tempfile.TemporaryDirectory() as folder:
        files = photographs(Path(folder))
        jpegs = [file.with_suffix(".jpg") for file in files]
        decoded = [read_image(file).pixels for file in files]
        images = [Image.fromarray(pixels) for pixels in decoded]

        def whole(file: Path) -> None:
            pixels = read_image(file).pixels
            everything.extract(pixels)
            perceptual_hash(pixels)

        def without_opencv(measure: Callable[[], object]) -> None:
            with patch.object(planes, "opencv", lambda: None):
                measure()

        measures: dict[str, Callable[[int], object]] = {
            "decode PNG (read_image)": lambda i: read_image(files[i]),
            "decode JPEG (read_image)": lambda i: read_image(jpegs[i]),
            "SOART, 576 items": lambda i: SoartExtractor().extract(decoded[i]),
            "colour, 40 items": lambda i: ColourExtractor().extract(decoded[i]),
            "quality, 86 items": lambda i: QualityExtractor().extract(decoded[i]),
            "all 702 items": lambda i: everything.extract(decoded[i]),
            "perceptual hash": lambda i: perceptual_hash(decoded[i]),
            "PNG, items and hash": lambda i: whole(files[i]),
            "JPEG, items and hash": lambda i: whole(jpegs[i]),
            "all items, without OpenCV": lambda i: without_opencv(lambda: everything.extract(decoded[i])),
            "PNG, the same": lambda i: without_opencv(lambda: whole(files[i])),
            "JPEG, the same": lambda i: without_opencv(lambda: whole(jpegs[i])),
            "cleanvision, 3 checks": lambda i: cleanvision_passes(images[i]),
            "imagehash, phash": lambda i: imagehash.phash(images[i]),
        }
        rounds: dict[str, list[float]] = {name: [] for name in measures}
        for number in range(arguments.rounds + 1):
            for name, measure in measures.items():
                mean = np.mean([milliseconds(lambda i=i, m=measure: m(i)) for i in range(len(files))])
                # The first round warms up.
                if number:
                    rounds[name].append(float(mean))
    middle = {name: float(np.median(values)) for name, values in rounds.items()}
    print(f"{len(files)} pictures, one core of {platform.processor() or platform.machine()}, torch {torch.__version__}")
    print(f"{'measure':26} {'ms a picture':>12} {'range':>17}")
    for name, values in rounds.items():
        print(f"{name:26} {middle[name]:12.2f} {min(values):8.2f} … {max(values):6.2f}")
    for how, png, jpeg in (
        ("with", "PNG, items and hash", "JPEG, items and hash"),
        ("without", "PNG, the same", "JPEG, the same"),
    ):
        ratio = middle[png] / middle["decode PNG (read_image)"]
        print(f"{how} OpenCV: PNG, items and hash / decoding {ratio:.2f} (bar 2); JPEG {middle[jpeg]:.1f} ms (bar 40)")
    rng, network = np.random.default_rng(0), DeepExtractor.load("efficientnet-lite0", depths=True)
    print("\nnetwork items of a taste, side of the picture   ms")
    for side in (64, 512, 1024):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        print(f"{side:47} {min(milliseconds(lambda p=pixels: network.extract(p)) for _ in range(3)):10.1f}")


if __name__ == "__main__":
    main()
