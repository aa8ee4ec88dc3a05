"""Times reading generation metadata, in comparison with ``sd-parsers``.

    python benchmarks/collections/metadata_speed.py [--side 1024] [--runs 30]

Prints median microseconds over the runs by kind of file, both on the same bytes; "-" if ``sd-parsers`` finds nothing or
fails.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, PngImagePlugin
from sd_parsers import Eagerness, ParserManager

from soart.benchmarks.common import command
from soart.pipelines.ingest.metadata import embedded_metadata

TEXT = (
    "a fox in the snow, (sharp:1.2), " * 8
    + "\nNegative prompt: blurry\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Model: m"
)


def graph(notes: int = 60) -> dict[str, object]:
    """A ComfyUI graph of usual size."""
    nodes: dict[str, object] = {
        "s": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 5,
                "steps": 20,
                "cfg": 7,
                "sampler_name": "euler",
                "scheduler": "normal",
                "positive": ["p", 0],
                "negative": ["n", 0],
                "latent_image": ["l", 0],
                "model": ["m", 0],
            },
        },
        "p": {"class_type": "CLIPTextEncode", "inputs": {"text": ["c0", 0], "clip": ["m", 1]}},
        "n": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["m", 1]}},
        "l": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
        "m": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "m"}},
        "d": {"class_type": "VAEDecode", "inputs": {"samples": ["s", 0], "vae": ["m", 2]}},
        "o": {"class_type": "SaveImage", "inputs": {"images": ["d", 0]}},
    }
    for n in range(notes):
        following: object = [f"c{n + 1}", 0] if n + 1 < notes else "end"
        nodes[f"c{n}"] = {
            "class_type": "StringConcatenate",
            "inputs": {"string_a": f"words {n}", "string_b": following, "delimiter": ", "},
        }
    return nodes


def hidden(pixels: np.ndarray) -> np.ndarray:
    """A picture with the compressed text in the lowest bits of alpha, column by column."""
    data = gzip.compress(TEXT.encode())
    bits = np.unpackbits(np.frombuffer(b"stealth_pngcomp" + (8 * len(data)).to_bytes(4, "big") + data, dtype=np.uint8))
    alpha = pixels[:, :, 3].T.ravel().copy()
    alpha[: len(bits)] = alpha[: len(bits)] & 254 | bits
    return np.dstack([pixels[:, :, :3], alpha.reshape(pixels.shape[1], pixels.shape[0]).T])


def encoded(pixels: np.ndarray, kind: str, texts: dict[str, str] | None = None, comment: str | None = None) -> bytes:
    """The bytes of a picture with PNG text chunks or an EXIF comment."""
    options: dict[str, object] = {}
    if texts:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        for name, text in texts.items():
            options["pnginfo"].add_text(name, text)
    if comment:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + comment.encode("utf-16-be")
        options["exif"] = exif.tobytes()
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def microseconds(function: Callable[[], object], runs: int) -> float:
    """Median time of a call."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def theirs(content: bytes) -> object:
    """The metadata that ``sd-parsers`` reads, with every kind of search, so that hidden texts count too."""
    try:
        return ParserManager(eagerness=Eagerness.EAGER).parse(io.BytesIO(content))
    except Exception:
        return None


def mixed_up(count: int = 200) -> int:
    """Number of JPEG files, read one after another, that get another file's prompt from ``sd-parsers``."""
    reader, wrong = ParserManager(), 0
    for n in range(count):
        text = f"picture {n}\nSteps: 20, Sampler: Euler, Seed: {n}"
        found = reader.parse(io.BytesIO(encoded(np.zeros((8, 8, 3), np.uint8), "JPEG", comment=text)))
        wrong += found is None or found.prompts[0].value != f"picture {n}"
    return wrong


def main() -> None:
    """Measure and print."""
    parser = command(__doc__)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    # Smooth with a little noise, so that files have a realistic size.
    ramp = np.add.outer(np.arange(options.side), np.arange(options.side))[:, :, None] // 8 + np.array([0, 40, 80])
    rgb = ((ramp + np.random.default_rng(0).integers(0, 12, ramp.shape)) % 256).astype(np.uint8)
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    workflow = {
        "prompt": json.dumps(graph()),
        "workflow": json.dumps({"nodes": [], "links": [], "extra": "x" * 60_000}),
    }
    kinds = {
        "PNG, nothing": encoded(rgb, "PNG"),
        "PNG with alpha, nothing": encoded(rgba, "PNG"),
        "JPEG, nothing": encoded(rgb, "JPEG"),
        "WebP, nothing": encoded(rgb, "WEBP"),
        "WebP with alpha, nothing": encoded(np.dstack([rgb, rgb[:, :, 0] | 1]), "WEBP"),
        "AVIF, nothing": encoded(rgb, "AVIF"),
        "PNG, parameters": encoded(rgb, "PNG", {"parameters": TEXT}),
        "JPEG, UserComment": encoded(rgb, "JPEG", comment=TEXT),
        "WebP, UserComment": encoded(rgb, "WEBP", comment=TEXT),
        "AVIF, UserComment": encoded(rgb, "AVIF", comment=TEXT),
        "PNG, ComfyUI graph of 67 nodes": encoded(rgb, "PNG", workflow),
        "PNG, hidden in alpha": encoded(hidden(rgba), "PNG"),
    }
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {options.side}x{options.side}, median of {options.runs} runs")
    print(f"{'kind':32} {'soart µs':>10} {'sd-parsers µs':>14}  found")
    for name, content in kinds.items():
        found = embedded_metadata(content)
        ours = microseconds(lambda content=content: embedded_metadata(content), options.runs)
        other = microseconds(lambda content=content: theirs(content), min(options.runs, 5)) if theirs(content) else None
        print(f"{name:32} {ours:10.0f} {'-' if other is None else f'{other:.0f}':>14}  {found.tool if found else '-'}")
    print(f"sd-parsers gives {mixed_up()} of 200 JPEG files in a row another file's prompt")


if __name__ == "__main__":
    main()
