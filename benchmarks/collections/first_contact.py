"""Times what somebody does first who has a folder of pictures of other tools.

    python benchmarks/collections/first_contact.py [--count 300]

Pictures of 1,024 × 1,024 pixels are cut from the learning sources (sources.py) and saved as PNG, with the metadata of
AUTOMATIC1111's web UI in one half and of ComfyUI in the other; every tenth comes a second time as a small JPEG. Then the commands
of docs/first-five-minutes.md run one after another, each as a process of its own. Liked are the more colourful ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from soart.benchmarks.common import command
from soart.benchmarks.data.sources import learning_sources

SIDE, SEED, LIKED = 1024, 5, 8


def write_pictures(folder: Path, cache: Path, count: int) -> list[Path]:
    """Write the pictures; returns those that are no copies."""
    rng = np.random.default_rng(SEED)
    sources = learning_sources(cache)
    paths = []
    for number in range(count):
        with Image.open(sources[number % len(sources)].path) as opened:
            picture = opened.convert("RGB")
        side = int(min(picture.size) * rng.uniform(0.6, 1.0))
        left, top = (int(rng.integers(0, length - side + 1)) for length in picture.size)
        picture = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        text = PngInfo()
        if number % 2:
            text.add_text("parameters", f"view {number}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {number}")
        else:
            text.add_text("prompt", json.dumps(graph(number)))
        paths.append(folder / f"{number:04d}.png")
        picture.save(paths[-1], pnginfo=text, compress_level=4)
        if number % 10 == 0:
            picture.resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS).save(
                folder / f"{number:04d}-small.jpg", quality=85
            )
    return paths


def graph(number: int) -> dict[str, object]:
    """The smallest graph of ComfyUI that draws."""
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "model.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": f"view {number}", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {
            "class_type": "KSampler",
            "inputs": {
                "seed": number, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
                "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["5", 0],
            },
        },
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1}},
    }  # fmt: skip


def colourfulness(path: Path) -> float:
    """Mean chroma of a picture, by which the imagined person likes."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.resize((64, 64)), dtype=float)
    return float((pixels.max(axis=2) - pixels.min(axis=2)).mean())


def main() -> None:
    """Write, run and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--count", type=int, default=300, help="number of pictures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root, pictures = Path(name), Path(name, "pictures")
        pictures.mkdir()
        paths = write_pictures(pictures, arguments.cache, arguments.count)
        ordered = sorted(paths[:: max(1, len(paths) // 60)], key=colourfulness)
        for kind, chosen in (("liked", ordered[-LIKED:]), ("disliked", ordered[:LIKED])):
            (root / kind).mkdir()
            for path in chosen:
                os.link(path, root / kind / path.name)
        places = {f"XDG_{part}_HOME": str(root / part.lower()) for part in ("DATA", "CONFIG", "STATE", "CACHE")}
        steps = (
            ("best twenty", ["rank", "pictures", "--copy-to", "best", "--top", "20"]),
            ("page", ["evaluate", "pictures", "--report", "page.html"]),
            ("duplicates", ["cull", "pictures", "--duplicates", "--to", "copies"]),
            ("taste from 8+8", ["taste", "learn", "mine", "--good", "liked", "--bad", "disliked"]),
            ("best twenty by taste", ["rank", "pictures", "--by", "mine", "--copy-to", "mine", "--top", "20"]),
        )
        total = 0.0
        for label, line in steps:
            started = time.monotonic()
            subprocess.run([sys.executable, "-m", "soart.plugin.cli", *line], cwd=root, env=os.environ | places,
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            seconds = time.monotonic() - started
            total += seconds
            print(f"{label:24} {seconds:7.1f} s   soart {' '.join(line)}", flush=True)
        print(f"{'together':24} {total:7.1f} s")
        print(
            f"{len(list((root / 'best').iterdir()))} copied; {len(list((root / 'copies').rglob('*.*')))} duplicates moved"
        )


if __name__ == "__main__":
    main()
