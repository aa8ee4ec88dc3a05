"""Times measuring a picture on one core, beside decoding and other measures.

    python benchmarks/score/speed.py [--rounds 15] [--side 1024] [--cpu]

Pictures are square crops of scikit-image photographs, stored as PNG and as JPEG of quality 90. Each figure is the median
over rounds of the mean over the pictures, with the range of the rounds. All measures run in turn within a round, so a busy machine affects them
equally; with --cpu CPU time is measured instead of wall time, which it affects less. OpenCV must be installed; the rows without it measure as soart does where it is not. The last table shows the growth of the cost with picture size, items and learning pictures.
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
from soart.benchmarks.score.brisque import brisque_features
from soart.metrics.attention.version_d import AttentionD
from soart.metrics.attention.versions_abc import AttentionC
from soart.metrics.image import check_pixels, read_image
from soart.metrics.items import planes
from soart.metrics.items.colour import ColourExtractor
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.deep import DeepExtractor
from soart.metrics.items.parts import items_of
from soart.metrics.items.planes import direct_statistics, halve, normalise, to_channels
from soart.metrics.items.quality import QualityExtractor
from soart.metrics.items.soart import SoartExtractor
from soart.metrics.similarity.near_duplicates import perceptual_hash

PHOTOGRAPHS = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png", "rocket.jpg", "ihc.png")


def direct_items(pixels: np.ndarray, extractor: SoartExtractor) -> np.ndarray:
    """The same items by convolution with every pattern."""
    plane = to_channels(torch.from_numpy(check_pixels(pixels)).permute(2, 0, 1)[None])
    found: dict[str, list[np.ndarray]] = {name: [] for name in extractor.representations}
    for scale in range(extractor.scales):
        plane = halve(plane) if scale else plane
        for name in extractor.representations:
            found[name].append(items_of(direct_statistics(plane if name == "raw" else normalise(plane)))[0])
    return np.stack([np.stack(found[name], axis=1) for name in extractor.representations]).ravel()


def cleanvision_passes(image: Image.Image) -> None:
    """Cleanvision's light, dark, information and blur checks."""
    for check in (BrightnessProperty("light"), EntropyProperty(), BlurrinessProperty()):
        check.calculate(image)


def photographs(folder: Path, side: int) -> list[Path]:
    """PNG files of square crops, a JPEG beside each; smaller photographs are enlarged to fill them."""
    files = []
    for name in PHOTOGRAPHS:
        pixels = read_image(Path(skimage.__file__).parent / "data" / name).pixels
        size = min(pixels.shape[:2])
        image = Image.fromarray(pixels[:size, :size]).resize((side, side), Image.Resampling.LANCZOS)
        files.append(folder / f"{Path(name).stem}.png")
        image.save(files[-1])
        image.save(files[-1].with_suffix(".jpg"), quality=90)
    return files


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Time of one call by a clock."""
    started = clock()
    run()
    return clock() - started


def main() -> None:
    """Measure and print."""
    parser = command(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--side", type=int, default=1024, help="pixels of the pictures' sides")
    parser.add_argument("--cpu", action="store_true", help="measure CPU time")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter
    torch.set_num_threads(1)
    threadpool_limits(1)
    everything, full_size = taste_extractor(), SoartExtractor(side=arguments.side)
    with tempfile.TemporaryDirectory() as folder:
        files = photographs(Path(folder), arguments.side)
        jpegs = [file.with_suffix(".jpg") for file in files]
        decoded = [read_image(file).pixels for file in files]
        images = [Image.fromarray(pixels) for pixels in decoded]
        worst = max(np.abs(direct_items(p, full_size) - full_size.extract(p)[0]).max() for p in decoded)

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
            "SOART at the file's size": lambda i: full_size.extract(decoded[i]),
            "the same by convolution": lambda i: direct_items(decoded[i], full_size),
            "BRISQUE, 36 features": lambda i: brisque_features(decoded[i]),
            "cleanvision, 3 checks": lambda i: cleanvision_passes(images[i]),
            "imagehash, phash": lambda i: imagehash.phash(images[i]),
        }
        rounds: dict[str, list[float]] = {name: [] for name in measures}
        for number in range(arguments.rounds + 1):
            for name, measure in measures.items():
                mean = np.mean([seconds(lambda i=i, m=measure: m(i), clock) for i in range(len(files))])
                # The first round warms up.
                if number:
                    rounds[name].append(1000 * float(mean))
    middle = {name: float(np.median(values)) for name, values in rounds.items()}
    print(
        f"{len(files)} pictures of {arguments.side}×{arguments.side}, one core of {platform.processor() or platform.machine()}, torch {torch.__version__}"
    )
    print(f"{'CPU' if arguments.cpu else 'wall'} time; range of the rounds")
    print(f"{'measure':26} {'ms a picture':>12} {'range':>17}")
    for name, values in rounds.items():
        print(f"{name:26} {middle[name]:12.2f} {min(values):8.2f} … {max(values):6.2f}")
    ratio = middle["the same by convolution"] / middle["SOART at the file's size"]
    print(f"convolution / autocorrelations {ratio:.1f} (bar 10); largest difference of an item {worst:.1e}")
    for how, png, jpeg in (
        ("with", "PNG, items and hash", "JPEG, items and hash"),
        ("without", "PNG, the same", "JPEG, the same"),
    ):
        ratio = middle[png] / middle["decode PNG (read_image)"]
        print(f"{how} OpenCV: PNG, items and hash / decoding {ratio:.2f} (bar 2); JPEG {middle[jpeg]:.1f} ms (bar 40)")
    rng = np.random.default_rng(0)
    print("\nside of the picture   ms")
    for side in (64, 128, 256, 512, 1024, 2048):
        pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        print(f"{side:19} {1000 * min(seconds(lambda p=pixels: everything.extract(p)) for _ in range(3)):8.2f}")
    network = DeepExtractor.load("efficientnet-lite0", depths=True)
    print("\nnetwork items of a taste, side of the picture   ms alone   ms in eights")
    for side in (64, 512, 1024):
        pixels = rng.integers(0, 256, (8, side, side, 3), dtype=np.uint8)
        alone = 1000 * min(seconds(lambda p=pixels: network.extract(p[0])) for _ in range(3))
        eights = 125 * min(seconds(lambda p=pixels: network.extract(p)) for _ in range(3))
        print(f"{side:47} {alone:10.1f} {eights:14.1f}")
    print("\nitems p  learning n   fit C ms   fit D ms   measure a picture D ms")
    for p, n in ((36, 140), (144, 140), (576, 140), (576, 560), (576, 1120), (1152, 140)):
        x, modes = rng.normal(size=(n, p)), np.tile([str(k) for k in range(7)], n // 7)
        model = AttentionD()
        fits = [1000 * seconds(lambda m=m, x=x, y=modes: m.fit(x, y)) for m in (AttentionC(), model)]
        one = min(seconds(lambda m=model, x=x: m.predict(x[:1])) for _ in range(5))
        print(f"{p:7} {n:11} {fits[0]:10.1f} {fits[1]:10.1f} {1000 * one:24.2f}")


if __name__ == "__main__":
    main()
