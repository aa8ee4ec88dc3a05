"""Real people's choices between pictures of one kind: how often appeal, the technical score and tastes agree with them.

    python benchmarks/choices.py

22 people chose the prettier of two pictures, 411 times between paintings, 400 times each between houses and between flowers
(photographs), all people between the same pairs (Y. Feng, "Subjective preference study", 2020). The data do not come with
soart: the folder ``choices`` in the cache needs the folders ``images`` and ``data`` of the kinds from Loni0111/preference_study
on GitHub. That tastes learn from differences of pictures was chosen on them, and nothing else. Intervals are 95 % t intervals over people.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from fewshot import interval
from sklearn.linear_model import RidgeCV
from sources import default_cache

from soart.metrics.image import read_image
from soart.metrics.items.combined import default_network, taste_extractor
from soart.metrics.tastes.examples import from_choices
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.profile import computed_priors, scores_told_by

KINDS = ("paints", "houses", "flowers")
#: Choices that a taste is learnt from.
SIZES = (30, 100)
NAMES = taste_extractor(default_network()).names
PRIORS = scores_told_by(NAMES)


def measured(folder: Path, cache: Path) -> np.ndarray:
    """(n, p) items of the pictures, in the order of their numbers; measured once."""
    extractor = taste_extractor(default_network())
    path = cache / f"choices-{folder.name}-{hashlib.sha256(extractor.version.encode()).hexdigest()[:12]}.npy"
    if not path.exists():
        files = sorted((folder / "images").glob("*.jpg"), key=lambda file: int(file.stem))
        np.save(path, np.stack([extractor.extract(read_image(file).pixels)[0].astype(np.float32) for file in files]))
    return np.load(path).astype(float)


def chosen(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """(c, 2) pictures left and right by place among all, and (people, c) True where the right one was chosen."""
    numbers = sorted(int(file.stem) for file in (folder / "images").glob("*.jpg"))
    place = {number: at for at, number in enumerate(numbers)}
    right, pairs, earlier = [], [], None
    for file in sorted((folder / "data").glob("*.csv")):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("image_left")]
        pairs = [[place[int(Path(row[side]).stem)] for side in ("image_left", "image_right")] for row in rows]
        assert earlier in (None, pairs), f"{file.name} has other pairs than the files before it."
        earlier = pairs
        right.append([(row["key_resp_2.keys"] or row["key_resp.keys"]) == "m" for row in rows])
    return np.array(pairs), np.array(right)


def agreement(scores: np.ndarray, pairs: np.ndarray, right: np.ndarray) -> float:
    """Share of (c, 2) pairs of which (n,) scores prefer the picture that was chosen."""
    return float(np.mean((scores[pairs[:, 1]] > scores[pairs[:, 0]]) == right))


def taste(items: np.ndarray, priors: np.ndarray, names: tuple[str, ...], won: list[tuple[int, int]]) -> np.ndarray:
    """(n,) likings of all pictures, learnt from choices (better, worse)."""
    examples = from_choices(items, won, pictures=list(range(len(items))))
    rows = examples.pictures.astype(int)
    learnt = fit(
        replace(examples, priors=priors[rows], prior_names=names),
        NAMES,
        np.random.default_rng(0),
        Scaling.of(items, priors, NAMES),
    )
    return learnt(items, priors)


def report(folder: Path, cache: Path) -> None:
    """Print all agreements for a kind of pictures."""
    items, (pairs, right) = measured(folder, cache), chosen(folder)
    priors = computed_priors(PRIORS, items, NAMES, np.zeros((0, 0)), np.zeros(len(items)))
    print(f"\n{folder.name}: {len(items)} pictures, {len(pairs)} choices each of {len(right)} people")
    others = (right.sum(axis=0) - right) / (len(right) - 1)
    majority = [np.mean((rest > 0.5)[rest != 0.5] == own[rest != 0.5]) for rest, own in zip(others, right, strict=True)]
    alone = {
        name: [agreement(scores, pairs, own) for own in right] for name, scores in zip(PRIORS, priors.T, strict=True)
    }
    for name, values in {**alone, "majority of the others": majority}.items():
        mean, low, high = interval(np.array(values))
        print(f"  {name:24} agrees in {mean:.1%} ({low:.1%} … {high:.1%})", flush=True)
    z = Scaling.of(items, priors, NAMES).frame.deviations(items)
    for size in SIZES:
        found: dict[str, list[float]] = {}
        for person, own in enumerate(right):
            order = np.random.default_rng([size, person]).permutation(len(pairs))
            learn, rest = order[:size], order[size:]
            test = rest[~np.isin(pairs[rest], pairs[learn]).any(axis=1)]
            won = [
                (int(b), int(a)) if own[c] else (int(a), int(b)) for c, (a, b) in zip(learn, pairs[learn], strict=True)
            ]
            apart = z[pairs[learn, 1]] - z[pairs[learn, 0]]
            ridge = RidgeCV(apart.shape[1] * np.logspace(-2, 2, 9), fit_intercept=False).fit(
                apart, 2.0 * own[learn] - 1
            )
            scores = {
                "soart": taste(items, priors, PRIORS, won),
                "no prior score": taste(items, priors[:, :0], (), won),
                "ridge": z @ ridge.coef_,
                PRIORS[-1]: priors[:, -1],
            }
            for name, values in scores.items():
                found.setdefault(name, []).append(agreement(values, pairs[test], own[test]))
        for name, values in found.items():
            mean, low, high = interval(np.array(found["soart"]) - np.array(values)) if name != "soart" else (0.0,) * 3
            print(
                f"  from {size} choices: {name:16} {np.mean(values):.3f}   soart − it {mean:+.3f} ({low:+.3f} … {high:+.3f})",
                flush=True,
            )


def main() -> None:
    """Print the report of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=default_cache())
    cache = parser.parse_args().cache
    for kind in KINDS:
        if not (cache / "choices" / kind).is_dir():
            raise SystemExit(f"{cache / 'choices' / kind} is not there, see benchmarks/choices.py.")
        report(cache / "choices" / kind, cache)


if __name__ == "__main__":
    main()
