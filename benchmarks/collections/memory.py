"""Times a first and a second run of the everyday commands on one folder.

    python benchmarks/collections/memory.py [-n 100] [--side 1024] [--commands rank,find,similar,keep,evaluate]
        [--path FOLDER[:FOLDER] …]

The pictures are PNG files of a seeded generator: smooth shapes under a little grain, so that they compress as photographs
do. Each command has a data folder of its own, so its first run finds nothing stored; in the last lines one command follows
another in the same data folder. Wall time and CPU time are those of the whole process tree. Each --path is a PYTHONPATH to
time: the folder that holds a checkout ``soart``, and others of optional packages. Several are timed in turn, so that their
rows come from the same minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMANDS = {
    "rank": ("rank", "{folder}"),
    "find": ("find", "a red fox, vibrant colors", "{folder}"),
    "similar": ("find", "--like", "{folder}/000.png", "{folder}"),
    "keep": ("keep", "{folder}", "--group", "look-alike"),
    "evaluate": ("evaluate", "{folder}"),
    "evaluate technical": ("evaluate", "{folder}", "--by", "technical"),
}
#: Commands that follow another one in the same data folder.
PAIRS = (("rank", "evaluate"), ("evaluate", "rank"), ("evaluate", "evaluate technical"), ("rank", "similar"))


def pictures(folder: Path, number: int, side: int) -> None:
    """Write pictures of a seeded generator."""
    folder.mkdir()
    for k in range(number):
        rng = np.random.default_rng(k)
        coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((side, side), 3)
        fine = Image.fromarray(rng.integers(96, 160, (side // 8, side // 8, 3), dtype=np.uint8)).resize((side, side), 3)
        values = np.asarray(coarse, np.int16) + np.asarray(fine, np.int16) - 128 + rng.integers(-3, 4, (side, side, 3))
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(folder / f"{k:03d}.png")
    # Files that have just been written may change again, so a second run would look at them once more.
    time.sleep(2.5)


def seconds(command: tuple[str, ...], folder: Path, data: Path, path: str) -> tuple[float, float]:
    """Wall and CPU seconds of one command, with this PYTHONPATH."""
    environment = {**os.environ, "XDG_DATA_HOME": str(data), "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    arguments = [part.format(folder=folder) for part in command]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "soart", *arguments], env=environment, capture_output=True, text=True, cwd=folder.parent
    )
    wall = time.perf_counter() - started
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{run.stderr}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def adopt_orphans() -> None:
    """Let this process wait for processes whose parents have ended, so that their CPU time counts; on Linux only."""
    if sys.platform != "linux":
        return
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def main() -> None:
    """Measure and print."""
    adopt_orphans()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=100, help="pictures")
    parser.add_argument("--side", type=int, default=1024, help="pixels of the pictures' sides")
    parser.add_argument("--commands", default=",".join(COMMANDS))
    here = str(Path(__file__).resolve().parents[3])
    parser.add_argument("--path", nargs="+", default=[here], help="each a PYTHONPATH to time")
    parser.add_argument("--no-pairs", action="store_true", help="leave out commands that follow another one")
    arguments = parser.parse_args()
    chosen = arguments.commands.split(",")
    print(f"{platform.machine()}, {os.cpu_count()} cores; {arguments.n} PNG files of {arguments.side}×{arguments.side}")
    print(f"{'command':34} {'first wall s':>12} {'CPU s':>7} {'again wall s':>13} {'CPU s':>7}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        one, many = Path(place, "one"), Path(place, "many")
        pictures(one, 1, arguments.side)
        pictures(many, arguments.n, arguments.side)

        def row(name: str, folder: Path, *commands: str) -> None:
            for path in arguments.path:
                with tempfile.TemporaryDirectory() as data:
                    timed = [seconds(COMMANDS[command], folder, Path(data), path) for command in commands]
                label = name if path is arguments.path[0] else f"  {path}"
                print(f"{label:34}" + "".join(f" {wall:12.1f} {cpu:7.1f}" for wall, cpu in timed), flush=True)

        row("rank, one picture", one, "rank", "rank")
        for name in chosen:
            row(name, many, name, name)
        for first, then in PAIRS:
            if not arguments.no_pairs and {first, then} <= set(chosen):
                row(f"{first}, then {then}", many, first, then)


if __name__ == "__main__":
    main()
