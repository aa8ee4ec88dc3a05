"""Times a first and a second run of the everyday commands on one folder.

The pictures are PNG files of a seeded generator: smooth shapes under a little grain, so that they compress as photographs
do. Each command has a data folder of its own, so its first run finds nothing stored. Wall time and CPU time are those of
the whole process tree. Each --path is a PYTHONPATH to time: the folder that holds a checkout ``soart``, and others of
optional packages. Several are timed in turn, so that their rows come from the same minutes.
"""

from __future__ import annotations

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

from soart.benchmarks.common import command, names_among

COMMANDS = {
    "rank": ("rank", "{folder}"),
    "find": ("find", "a red fox, vibrant colors", "{folder}"),
    "similar": ("find", "--like", "{folder}/000.png", "{folder}"),
    "keep": ("keep", "{folder}", "--group", "look-alike"),
    "evaluate": ("evaluate", "{folder}"),
}
SIDE = 1024


def pictures(folder: Path, number: int) -> None:
    """Write pictures of a seeded generator."""
    folder.mkdir()
    for k in range(number):
        rng = np.random.default_rng(k)
        coarse = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((SIDE, SIDE), 3)
        fine = Image.fromarray(rng.integers(96, 160, (SIDE // 8, SIDE // 8, 3), dtype=np.uint8)).resize((SIDE, SIDE), 3)
        values = np.asarray(coarse, np.int16) + np.asarray(fine, np.int16) - 128 + rng.integers(-3, 4, (SIDE, SIDE, 3))
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(folder / f"{k:03d}.png")
    # Files that have just been written may change again, so a second run would look at them once more.
    time.sleep(2.5)


def seconds(words: tuple[str, ...], folder: Path, data: Path, path: str) -> tuple[float, float]:
    """Wall and CPU seconds of one command, with this PYTHONPATH."""
    environment = {**os.environ, "XDG_DATA_HOME": str(data), "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    arguments = [part.format(folder=folder) for part in words]
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
    parser = command(__doc__, n=100)
    parser.add_argument("--commands", type=names_among([*COMMANDS]), default=[*COMMANDS])
    here = str(Path(__file__).resolve().parents[3])
    parser.add_argument("--path", nargs="+", default=[here], help="each a PYTHONPATH to time")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; {arguments.n} PNG files of {SIDE}×{SIDE}")
    print(f"{'command':34} {'first wall s':>12} {'CPU s':>7} {'again wall s':>13} {'CPU s':>7}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        one, many = Path(place, "one"), Path(place, "many")
        pictures(one, 1)
        pictures(many, arguments.n)

        for title, folder, name in (
            ("rank, one picture", one, "rank"),
            *((name, many, name) for name in arguments.commands),
        ):
            for path in arguments.path:
                with tempfile.TemporaryDirectory() as data:
                    timed = [seconds(COMMANDS[name], folder, Path(data), path) for _ in range(2)]
                label = title if path is arguments.path[0] else f"  {path}"
                print(f"{label:34}" + "".join(f" {wall:12.1f} {cpu:7.1f}" for wall, cpu in timed), flush=True)


if __name__ == "__main__":
    main()
