"""Measures time and memory of ``soart evaluate`` by collection size.

It is compared with decoding alone, imagehash and cleanvision. The script makes small JPEGs: 128 × 96 pixels, smooth
random colours with a little noise, a near-duplicate for every twentieth. With --large N it makes N pictures of 1,024 ×
1,024 pixels, of the sources of sources.py: a third each of PNG, JPEG and WebP. The command line runs on them twice: on a new
folder, and again on the unchanged folder. Memory is that of all processes together (proportional set size, sampled
every 0.2 s), so it counts shared pages once. Every tool gets the same files, read once beforehand, and one process per
core.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import command, default_cache
from soart.benchmarks.data.sources import sources
from soart.benchmarks.hosts.gallery import family, proportional_memory

CORES = len(os.sched_getaffinity(0))


def make(folder: Path, count: int) -> None:
    """Write ``count`` pictures, a thousand per folder."""
    rng = np.random.default_rng(0)
    for k in range(count):
        place = folder / f"{k // 1000:03}"
        if k % 1000 == 0:
            place.mkdir(parents=True)
        small = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        pixels = np.asarray(Image.fromarray(small).resize((128, 96), Image.Resampling.BICUBIC)).astype(np.int16)
        image = Image.fromarray((pixels + rng.integers(-6, 7, pixels.shape)).clip(0, 255).astype(np.uint8))
        image.save(place / f"{k:06}.jpg", quality=85)
        if k % 20 == 19:
            previous = Image.open(place / f"{k - 1:06}.jpg")
            previous.resize((96, 72)).save(place / f"{k:06}.jpg", quality=70)


def make_large(folder: Path, count: int) -> None:
    """Write ``count`` squares of 1,024 pixels, parts of source pictures, as PNG, JPEG and WebP in turn."""
    rng, side = np.random.default_rng(0), 1024
    large = [s for s in sources(default_cache()) if min(Image.open(s.path).size) >= side]
    folder.mkdir(parents=True)
    for k in range(count):
        with Image.open(large[k % len(large)].path) as image:
            size = int(rng.integers(side, min(image.size) + 1))
            left, top = (int(rng.integers(0, n - size + 1)) for n in image.size)
            part = image.convert("RGB").crop((left, top, left + size, top + size))
        part = part.resize((side, side), Image.Resampling.LANCZOS)
        part.save(folder / f"{k:06}{('.png', '.jpg', '.webp')[k % 3]}", quality=90)


class Memory:
    """Largest memory of a process and its descendants, in MB."""

    def __init__(self, pid: int) -> None:
        self.pid, self.peak, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.peak = max(self.peak, sum(map(proportional_memory, family(self.pid))))

    def stop(self) -> float:
        """The peak."""
        self._over.set()
        self._thread.join()
        return self.peak


def run_soart(pictures: Path, collection: Path, *options: str) -> tuple[float, float]:
    """Seconds and peak MB of one run of the command line."""
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "soart.plugin.cli",
        "evaluate",
        str(pictures),
        "--collection",
        str(collection),
        *options,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        memory = Memory(process.pid)
        _, said = process.communicate()
        peak = memory.stop()
    if process.returncode:
        raise SystemExit(said.decode())
    return time.perf_counter() - start, peak


def decode(path: str) -> None:
    """Decode a picture and discard it."""
    with Image.open(path) as image:
        image.load()


def phash(path: str) -> int:
    """The perceptual hash of imagehash."""
    import imagehash

    with Image.open(path) as image:
        return hash(imagehash.phash(image))


def on_all(work: Callable[[str], object], paths: list[str]) -> float:
    """Seconds for all files, with a process per core."""
    start = time.perf_counter()
    with ProcessPoolExecutor(CORES) as pool:
        for _ in pool.map(work, paths, chunksize=64):
            pass
    return time.perf_counter() - start


def run_cleanvision(folder: Path) -> float:
    """Seconds of cleanvision's default checks."""
    from cleanvision import Imagelab

    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        Imagelab(data_path=str(folder)).find_issues(n_jobs=CORES, verbose=False)
    return time.perf_counter() - start


def main() -> None:
    """Make pictures, run, print."""
    parser = command(__doc__, large=0, folder=None, peers_up_to=10_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    arguments = parser.parse_args()
    base = arguments.folder or Path(tempfile.mkdtemp(prefix="soart-collection-"))
    print(f"{CORES} cores")
    print(f"{'pictures':>9} {'first s':>8} {'per s':>6} {'ms each':>8} {'MB':>6} {'second s':>9} {'MB':>6} {'faster':>7} "
          f"{'decode s':>9} {'imagehash s':>12} {'cleanvision s':>14}")  # fmt: skip
    for count in [arguments.large] if arguments.large else arguments.sizes:
        pictures, collection = base / f"pictures-{count}", base / f"store-{count}"
        if not pictures.exists():
            (make_large if arguments.large else make)(pictures, count)
        paths = sorted(str(p) for p in pictures.rglob("*.*"))
        for path in paths:
            Path(path).read_bytes()
        shutil.rmtree(collection, ignore_errors=True)
        first, peak = run_soart(pictures, collection)
        second, peak2 = run_soart(pictures, collection)
        decoding = on_all(decode, paths)
        peers = [f"{'–':>12}", f"{'–':>14}"]
        if count <= arguments.peers_up_to:
            peers = [f"{on_all(phash, paths):12.1f}", f"{run_cleanvision(pictures):14.1f}"]
        print(f"{count:9} {first:8.1f} {count / first:6.0f} {1000 * first / count:8.2f} {peak:6.0f} {second:9.2f} {peak2:6.0f} "
              f"{first / second:6.0f}× {decoding:9.1f} {' '.join(peers)}", flush=True)  # fmt: skip
        shutil.rmtree(collection)
        if arguments.folder is None:
            shutil.rmtree(pictures)


if __name__ == "__main__":
    main()
