"""Checks ``brisque.py`` against the PyPI package of that name.

    python benchmarks/score/check_brisque.py

It needs PyPI and a minute or two, so CI does not run it. The package needs numpy < 2, so it gets a temporary
environment. For each photograph of scikit-image the largest relative difference is printed twice:

* *same choices*: the package's grey values, zeros outside the picture, cubic halving without a low-pass filter, and the
  asymmetric fit also for the coefficients themselves. The remaining difference is arithmetic: below 1e-5 without flat
  areas. In flat areas the coefficients are rounding noise, and their sign decides on which side the package counts them.
* *as run*: our features as the benchmarks compute them, at full and half size, to show the effect of those choices.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

PACKAGES = ("numpy<2", "brisque[opencv-python-headless]==0.2.0")
PHOTOGRAPHS = (
    "brick", "camera", "chelsea", "coffee", "grass", "gravel", "motorcycle_left",  # hardly a flat pixel
    "astronaut", "ihc", "retina", "rocket",
)  # fmt: skip
#: Differences are relative to the package's value, or to this if the value is smaller, because means cross zero.
FLOOR = 0.01


def load_own() -> ModuleType:
    """Our module under another name, because the package is also called ``brisque``."""
    spec = importlib.util.spec_from_file_location("own_brisque", Path(__file__).with_name("brisque.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def best(work: Callable[[], object], runs: int = 5) -> float:
    """Processor seconds of the fastest of several runs."""
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def compare() -> None:
    """Measure and print, inside the environment."""
    import cv2
    import skimage
    from brisque import BRISQUE
    from PIL import Image

    own = load_own()
    # Without the constructor: features need no model.
    package = BRISQUE.__new__(BRISQUE)

    def half(plane: np.ndarray) -> np.ndarray:
        return cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)

    def theirs(rgb: np.ndarray) -> np.ndarray:
        gray = skimage.color.rgb2gray(rgb)
        planes = (gray, half(gray))
        return np.array([np.squeeze(v) for plane in planes for v in package.calculate_brisque_features(plane)], float)

    def same_choices(rgb: np.ndarray) -> np.ndarray:
        gray, features = skimage.color.rgb2gray(rgb), []
        for plane in (gray, half(gray)):
            coefficients = own.mscn(plane * 255, "constant")
            shape, _, left, right = own.fit_aggd(coefficients)
            features += [shape, (left + right) / 2]
            for pair in own.products(coefficients):
                features += own.fit_aggd(pair)
        return np.array(features)

    folder = Path(skimage.__file__).parent / "data"
    print(f"numpy {np.__version__}; relative differences, the largest of 36 features")
    print(f"{'photograph':16} {'flat %':>7} {'same choices':>13} {'as run, full':>13} {'as run, half':>13}")
    for name in PHOTOGRAPHS:
        rgb = np.asarray(Image.open(next(folder.glob(f"{name}.*"))).convert("RGB"))
        flat = 100 * np.mean(np.abs(own.mscn(skimage.color.rgb2gray(rgb) * 255, "constant")) < 1e-6)
        reference = theirs(rgb)
        same, run = (
            np.abs(features(rgb) - reference) / np.maximum(np.abs(reference), FLOOR)
            for features in (same_choices, own.brisque_features)
        )
        print(f"{name:16} {flat:7.2f} {same.max():13.1e} {run[:18].max():13.1e} {run[18:].max():13.1e}")
    rgb = skimage.data.astronaut()
    ours, others = best(lambda: own.brisque_features(rgb)), best(lambda: theirs(rgb))
    print(f"512×512, least processor time: ours {ours * 1000:.1f} ms, the package {others * 1000:.1f} ms")


def main() -> None:
    """Make the environment, run this file in it, and remove it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().inside:
        compare()
        return
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        # -P keeps this folder, and so our brisque.py, off the path.
        subprocess.run([python, "-P", __file__, "--inside"], check=True)


if __name__ == "__main__":
    main()
