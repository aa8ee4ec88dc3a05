"""Compares a Ray cluster on this machine with soart's own worker processes.

The script makes JPEG files of 256×256 pixels. In every run each engine in turn inspects them and draws with the
embedded model. A cluster of one machine has no more power than the machine, so the figures are the overhead of Ray.
Starting and stopping the cluster is timed separately. Printed are medians over the runs with their range.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.common import command
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.ray_engine import RayEngine
from soart.pipelines.models.opening import open_generator
from soart.pipelines.models.options import GeneratorOptions
from soart.pipelines.support.ray_cluster import ray_connection

SIDE, SEED, WORKERS = 256, 4, 2


def make(folder: Path, number: int) -> list[str]:
    """JPEG files of smooth colours with some noise."""
    rng, paths = np.random.default_rng(SEED), []
    for k in range(number):
        smooth = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))
        pixels = np.clip(np.asarray(smooth) + rng.normal(0, 8, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        paths.append(str(folder / f"{k}.jpg"))
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def main() -> None:
    """Time both engines, inspecting and drawing."""
    arguments = command(__doc__, n=2000, drawn=64, runs=3).parse_args()
    found: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        paths = make(Path(folder), arguments.n)
        for _ in range(arguments.runs):
            found["inspect, local, pictures/s"].append(inspect(LocalEngine(WORKERS), paths))
            found["draw, local, pictures/s"].append(draw("local", None, arguments.drawn))
            started = time.perf_counter()
            with ray_connection(WORKERS):
                found["start of the cluster, s"].append(time.perf_counter() - started)
                found["inspect, ray, pictures/s"].append(inspect(RayEngine(WORKERS), paths))
                found["draw, ray, one worker, pictures/s"].append(draw("ray", 1, arguments.drawn))
                name = f"draw, ray, {WORKERS} workers, pictures/s"
                found[name].append(draw("ray", WORKERS, arguments.drawn))
                started = time.perf_counter()
            found["end of the cluster, s"].append(time.perf_counter() - started)
    for name, values in found.items():
        print(f"{name:40} {statistics.median(values):8.1f}   {min(values):.1f} … {max(values):.1f}")


def inspect(engine: LocalEngine | RayEngine, paths: list[str]) -> float:
    """Pictures inspected per second, including the start of the workers."""
    started = time.perf_counter()
    sound = sum(inspection.problem is None for inspection in engine.inspect(paths))
    assert sound == len(paths)
    return len(paths) / (time.perf_counter() - started)


def draw(engine: str, workers: int | None, number: int) -> float:
    """Pictures drawn in a second, with the model loaded and warm."""
    with open_generator(GeneratorOptions(engine=engine, workers=workers)) as generator:
        requests = [generator.request("a boat in cool colors", seed) for seed in range(number + 16)]
        list(generator.draw(requests[:16]))
        started = time.perf_counter()
        drawn = sum(len(batch) for batch in generator.draw(requests[16:]))
        return drawn / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
