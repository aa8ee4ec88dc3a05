"""Arguments, cache, progress and intervals of all benchmarks.

A script takes its arguments from ``command``, keeps what takes long to measure with ``stored_arrays`` or ``stored_json``
in the folder ``--cache``, shows ``progress`` on standard error, and prints its tables on standard output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from scipy import stats

ROOT = Path(__file__).parents[1]


def default_cache() -> Path:
    """The folder of packages and measured items between runs: ``$XDG_CACHE_HOME/soart-benchmarks``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soart-benchmarks"


def command(
    description: str, *folders: str, cache: bool = False, flags: Sequence[str] = (), **usual: float | Path | None
) -> argparse.ArgumentParser:
    """Parser of a script's arguments.

    Args:
        description: of the script, its arguments among it.
        folders: names of folders that must be told.
        cache: True if it keeps something.
        flags: names of options without a value.
        usual: usual values of options: whole numbers, other numbers, or None for a path.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in folders:
        parser.add_argument(name, type=Path)
    for name in flags:
        parser.add_argument(f"--{name}", action="store_true")
    for name, value in {**usual, **({"cache": default_cache()} if cache else {})}.items():
        option = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
        kind = at_least(min(value, 1)) if isinstance(value, int) else float if isinstance(value, float) else Path
        parser.add_argument(option, type=kind, default=value, help=f"usually {value}" if value is not None else None)
    return parser


def at_least(lowest: int) -> Callable[[str], int]:
    """Return a type for argparse: whole numbers from ``lowest`` on."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {lowest}, got {text!r}.")
        return int(text)

    return number


def names_among(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return a type for argparse: comma-separated names, each of them known."""

    def names(text: str) -> list[str]:
        wanted = text.split(",")
        if unknown := [name for name in wanted if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(known)}.")
        return wanted

    return names


def key_of(facts: str) -> str:
    """Twelve characters for the name of a file, which differ if the facts do."""
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _stored(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file unless it is there; an interrupted run leaves none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            write(file)
        part.replace(path)
    return path


def stored_array(path: Path, measure: Callable[[], np.ndarray]) -> np.ndarray:
    """The array of a ``.npy`` file, measured and written if the file is not there."""
    found: np.ndarray = np.load(_stored(path, lambda file: np.save(file, measure())))
    return found


def stored_arrays(path: Path, measure: Callable[[], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file by name, measured and written if the file is not there."""
    with np.load(_stored(path, lambda file: np.savez_compressed(file, **measure()))) as found:
        return dict(found)


def stored_json(path: Path, run: Callable[[], object]) -> Any:  # noqa: ANN401
    """The result in a JSON file, of a run that is made if the file is not there."""
    return json.loads(_stored(path, lambda file: file.write(json.dumps(run()).encode())).read_text(encoding="utf-8"))


def progress(number: int, total: int, title: str) -> None:
    """Show on standard error that ``number`` of ``total`` are done; the last one ends the line."""
    print(f"\r{title} {number}/{total}", end="\n" if number == total else "", file=sys.stderr, flush=True)


def sheet(tiles: Sequence[tuple[np.ndarray, str]], path: Path, side: int, columns: int) -> None:
    """Draw uint8 pictures with words below into one file."""
    drawn = Image.new("RGB", (columns * side, -(-len(tiles) // columns) * (side + 14)), "white")
    pen = ImageDraw.Draw(drawn)
    for place, (pixels, words) in enumerate(tiles):
        x, y = place % columns * side, place // columns * (side + 14)
        picture = Image.fromarray(pixels)
        picture.thumbnail((side - 4, side - 4))
        drawn.paste(picture, (x, y))
        pen.text((x, y + side - 3), words, fill="black")
    drawn.save(path)
    print(f"written: {path}")


def standard(values: np.ndarray) -> np.ndarray:
    """(n,) values with mean 0 and deviation 1."""
    deviations: np.ndarray = np.asarray(values, dtype=float) - np.mean(values)
    return deviations / (deviations.std() + 1e-12)


def liked_fifths(liking: np.ndarray) -> np.ndarray:
    """(n,) labels by a liking: the upper two fifths are liked (1), the lower two disliked (−1), the others 0."""
    low, high = np.quantile(liking, (0.4, 0.6))
    return np.where(liking >= high, 1, np.where(liking <= low, -1, 0))


def half_width(values: np.ndarray) -> np.ndarray:
    """Half of the 90 % t interval of the mean of each column; NaN of a single row."""
    n = len(values)
    return stats.t.ppf(0.95, max(n - 1, 1)) * values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else values[0] * np.nan


def cells(values: np.ndarray, form: str, digits: int = 3) -> str:
    """Mean of each column, in a form, ± half of the 90 % interval."""
    return "".join(f"{m:{form}} ± {h:.{digits}f}" for m, h in zip(values.mean(axis=0), half_width(values), strict=True))


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % t interval of (n,) values."""
    mean, half = values.mean(), stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(mean), float(mean - half), float(mean + half)


def bootstrap(
    statistic: Callable[[np.ndarray], float], groups: np.ndarray | int, draws: int = 400, seed: int = 0
) -> tuple[float, float, float]:
    """A statistic of numbers of rows, and its 95 % interval over (n,) groups of the rows, or over so many rows."""
    groups = np.arange(groups) if isinstance(groups, int) else groups
    rng, rows = np.random.default_rng(seed), [np.flatnonzero(groups == one) for one in np.unique(groups)]
    drawn = (np.concatenate([rows[k] for k in rng.integers(len(rows), size=len(rows))]) for _ in range(draws))
    low, high = np.nanquantile([statistic(some) for some in drawn], (0.025, 0.975))
    return float(statistic(np.concatenate(rows))), float(low), float(high)


def compared(reached: np.ndarray, others: Sequence[str]) -> str:
    """The mean of the first of (n, k) columns, and that of each of the others with the 95 % interval of the difference."""
    first, *rest = reached.T
    text = f"{first.mean():.3f}"
    for name, values in zip(others, rest, strict=True):
        mean, low, high = interval(first - values)
        text += f", {name} {values.mean():.3f} ({mean:+.3f}: {low:+.3f} … {high:+.3f})"
    return text


def print_against(reached: Mapping[str, Sequence[float]], *bases: str) -> None:
    """Print the mean of each method, and how far those of ``bases`` are ahead of it, with paired 95 % intervals."""
    for name, values in reached.items():
        line = f"  {name:16} {np.mean(values):.3f}"
        for base in bases:
            if name != base:
                mean, low, high = interval(np.array(reached[base]) - np.array(values))
                line += f"   {base} − it {mean:+.3f} ({low:+.3f} … {high:+.3f})"
        print(line, flush=True)


def print_table(title: str, rows: pd.DataFrame | Mapping[str, Mapping[str, object]], digits: int = 3) -> None:
    """Print rows of values by column, each by its name."""
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame.from_dict(rows, orient="index")
    print(f"\n{title}\n{table.round(digits).to_string(na_rep='')}", flush=True)
