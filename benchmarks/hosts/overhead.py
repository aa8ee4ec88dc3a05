"""Breaks down the wall time of generating and ranking.

Prints seconds per picture, the share of wall time spent outside the diffusion pipeline, and the start-up time of
``soart --help``; medians with ranges over the runs. Wall time covers drawing, measuring, storing and ranking, not
loading and the HTML page.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from soart.benchmarks.common import command
from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines import demo
from soart.pipelines import generate as generation
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.finding import guarded
from soart.pipelines.judges.ranking import rank
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.scoring.pictures import StoredPictures


def show(name: str, values: list[float], unit: str) -> None:
    """Print a row: median and range."""
    print(f"{name:42} {statistics.median(values):8.3f} {unit:3} ({min(values):.3f}…{max(values):.3f})")


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, n=64, runs=5).parse_args()
    started = time.perf_counter()
    model, judge = load_model(device="cpu"), TechnicalJudge.load()
    loading = time.perf_counter() - started
    per_picture, share = [], []
    for run in range(arguments.runs + 1):
        with tempfile.TemporaryDirectory() as folder, Collection(Path(folder)) as collection:
            generator = ImageGenerator(model)
            started = time.perf_counter()
            requests = generation.plan(demo.TEMPLATE, arguments.n, generator, seed=1000 * run, prompt_seed=run)
            made = generation.generate(collection, generator, requests, [guarded(judge)])
            rank(StoredPictures(collection, made.rows), [(guarded(judge), 1.0)])
            wall = time.perf_counter() - started
            # The first run warms caches up and does not count.
            if run:
                per_picture.append(wall / arguments.n)
                share.append(100 * (1 - generator.pipeline_seconds / wall))
    start = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "soart.plugin.cli", "--help"], check=True, capture_output=True)
        start.append(time.perf_counter() - started)
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}; {arguments.n} pictures a run, "
          f"{model.steps} steps, batches of {model.batch_size}")  # fmt: skip
    show("one picture, all in", per_picture, "s")
    show("share outside the diffusion pipeline", share, "%")
    show("soart --help", start, "s")
    print(f"{'loading libraries and model, once':42} {loading:8.3f} s")


if __name__ == "__main__":
    main()
