"""Measures whether melted and duplicated structure can be seen by the items of the default network.

    python benchmarks/score/malformed.py FOLDER [--cache DIR]

A detector is learnt in two ways. *From warps*: photographs of one thing, and the same with bumps, swirls, patches that are
doubled and patches that are exchanged, all where there is structure; sound versions are resampled too, so that traces of
that tell nothing. *From ticks*: what one person found sound in pictures by forty samplers (the set ``samplers`` of
benchmarks/data/ai_pictures.py), for three of its four prompts, tested on the fourth. Both are tested on these pictures, which
nobody warped: the third with the fewest ticks against the third with the most, within each prompt. In the second table
pictures with less than half of their ticks are left out, most of which are noise or unfinished. Beside them stand what the
overall score already counts, unlikeness, and the overall score itself, the other way round; neither was taught what is malformed,
but the weights of the score were chosen by these pictures among others.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, key_of, progress, stored_arrays
from soart.benchmarks.data.ai_pictures import ai_pictures
from soart.benchmarks.data.contents import calibration_contents
from soart.metrics.items.combined import taste_extractor
from soart.metrics.items.nouns import noun_classes
from soart.metrics.items.packaged import EFFICIENTNET
from soart.metrics.items.packaged_items import PackagedExtractor
from soart.metrics.tastes.overall import OverallJudge

#: Every how many photographs are warped, their longest side, and the least shorter side.
STEP, LONGEST, SHORTEST = 3, 384, 96
#: Penalties of the regressions, of which the best on the test pictures is printed: the most that could be reached.
PENALTIES = (1e3, 1e4, 1e5)
#: Share of ticks below which a picture is broken altogether.
BROKEN = 0.5


def resampled(pixels: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(h, w, 3) pixels, each taken from a place that lies (h, w) pixels lower and farther right."""
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32)
    planes = [ndimage.map_coordinates(pixels[..., k], [y + down, x + right], order=1, mode="reflect") for k in range(3)]
    return np.stack(planes, axis=-1)


def places(pixels: np.ndarray, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Places with structure, likelier the more there is."""
    grey = pixels.mean(axis=2)
    edges = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    much = ndimage.gaussian_filter(edges, min(grey.shape) / 20).ravel() ** 2 + 1e-6
    drawn = rng.choice(len(much), count, p=much / much.sum())
    return [divmod(int(place), grey.shape[1]) for place in drawn]


def versions(pixels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A sound and a malformed version of (h, w, 3) uint8 pixels."""
    pixels = pixels.astype(np.float32)
    side = min(pixels.shape[:2])
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]].astype(np.float32)
    skew = rng.uniform(-0.04, 0.04, (2, 2))
    down, right = (row[0] * (y - y.mean()) + row[1] * (x - x.mean()) for row in skew)
    sound = resampled(pixels, down, right)
    kind = ("bumps", "swirls", "doubled", "exchanged")[rng.integers(4)]
    malformed = sound.copy()
    for cy, cx in places(pixels, 3, rng):
        radius = side * rng.uniform(0.07, 0.14)
        near = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2))
        if kind == "bumps":
            angle = rng.uniform(0, 2 * np.pi)
            down, right = down + radius * np.sin(angle) * near, right + radius * np.cos(angle) * near
        elif kind == "swirls":
            turn = rng.choice([-1, 1]) * rng.uniform(1.2, 2.8) * near
            down = down + (np.cos(turn) - 1) * (y - cy) - np.sin(turn) * (x - cx)
            right = right + (np.cos(turn) - 1) * (x - cx) + np.sin(turn) * (y - cy)
        else:
            [(oy, ox)] = places(pixels, 1, rng)
            away = rng.uniform(-2, 2, 2) * radius if kind == "doubled" else (oy - cy, ox - cx)
            inside = np.clip(1.5 - np.hypot(y - cy, x - cx) / radius, 0, 1)[..., None]
            other = resampled(sound, np.full_like(y, away[0]), np.full_like(x, away[1]))
            malformed = malformed * (1 - inside) + other * inside
    if kind in ("bumps", "swirls"):
        malformed = resampled(pixels, down, right)
    first, second = (np.clip(version, 0, 255).astype(np.uint8) for version in (sound, malformed))
    return first, second


def warped(cache: Path, extractor: PackagedExtractor) -> tuple[np.ndarray, np.ndarray]:
    """(n, p) items of sound versions of photographs, and of malformed ones."""

    def measure() -> dict[str, np.ndarray]:
        rng, rows = np.random.default_rng(0), []
        contents = list(calibration_contents(cache, noun_classes(), np.random.default_rng(0)))[::STEP]
        for number, content in enumerate(contents, start=1):
            picture = Image.fromarray(content.pixels)
            picture.thumbnail((LONGEST, LONGEST))
            if min(picture.size) >= SHORTEST:
                pair = versions(np.asarray(picture), rng)
                rows.append([extractor.extract(version)[0].astype(np.float32) for version in pair])
            progress(number, len(contents), "warping")
        return {"items": np.array(rows)}

    items = stored_arrays(cache / f"malformed-{key_of(f'{extractor.version} {STEP} {LONGEST}')}.npz", measure)["items"]
    return items[:, 0].astype(float), items[:, 1].astype(float)


def within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Values (n,) or (n, p) in deviations from the mean of their group."""
    found = np.empty_like(values, dtype=float)
    for group in set(groups):
        own = groups == group
        found[own] = (values[own] - values[own].mean(axis=0)) / (values[own].std(axis=0) + 1e-6)
    return found


def aucs(found: np.ndarray, ticks: np.ndarray, prompts: np.ndarray) -> list[float]:
    """For each prompt, AUC of the third with the fewest ticks against that with the most."""
    each = []
    for prompt in sorted(set(prompts)):
        own = prompts == prompt
        few, many = np.quantile(ticks[own], [1 / 3, 2 / 3])
        fewest, most = ticks[own] <= few, (ticks[own] >= many) & (ticks[own] > few)
        chosen = fewest | most
        each.append(float(roc_auc_score(fewest[chosen], found[own][chosen])))
    return each


def best(detectors: Callable[[float], np.ndarray], ticks: np.ndarray, prompts: np.ndarray) -> list[float]:
    """The AUCs with the penalty that has the largest mean."""
    return max((aucs(detectors(penalty), ticks, prompts) for penalty in PENALTIES), key=np.mean)


def main() -> None:
    """Learn, test and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("folder", type=Path, help="folder of the clone of the samplers")
    arguments = parser.parse_args()
    extractor = PackagedExtractor()
    sound, malformed = warped(arguments.cache, extractor)
    pairs, number = np.concatenate([sound, malformed]), len(sound)
    scale = sound.std(axis=0) + 1e-6
    truth = np.repeat([-1.0, 1.0], number)
    folds = np.tile(np.arange(number) % 5, 2)

    def from_warps(penalty: float, rows: np.ndarray) -> Ridge:
        return Ridge(alpha=penalty).fit((pairs / scale)[rows], truth[rows])

    held = np.zeros(len(pairs))
    for fold in range(5):
        held[folds == fold] = from_warps(PENALTIES[0], folds != fold).predict((pairs / scale)[folds == fold])
    print(
        f"{number} pairs of warped photographs, five folds: AUC {roc_auc_score(truth, held):.3f}, "
        f"pairs right {(held[number:] > held[:number]).mean():.3f}"
    )
    [samplers] = ai_pictures(arguments.folder, arguments.cache, ["samplers"])
    deep = np.array([name.startswith("deep/") for name in taste_extractor(EFFICIENTNET).names])
    every, judge = samplers.items(arguments.cache), OverallJudge.load()
    items, unlike, score = every[:, deep], judge.unlikeness(every), judge.score(every)
    for title, chosen in (("all", samplers.opinions >= 0), ("without broken ones", samplers.opinions >= BROKEN)):
        ticks, prompts, own = samplers.opinions[chosen], samplers.prompt[chosen], items[chosen]
        relative, wanted = within(own, prompts), within(ticks, prompts)

        def by_ticks(penalty: float, prompts=prompts, relative=relative, wanted=wanted) -> np.ndarray:  # noqa: ANN001
            found = np.zeros(len(prompts))
            for prompt in set(prompts):
                test = prompts == prompt
                found[test] = -Ridge(alpha=penalty).fit(relative[~test], wanted[~test]).predict(relative[test])
            return found

        print(f"\n{title}: {len(ticks)} pictures; AUC by prompt ({', '.join(sorted(set(prompts)))}), and their mean")
        for name, detectors in (
            ("from warps", lambda penalty, own=own: from_warps(penalty, truth != 0).predict(own / scale)),
            ("from ticks", by_ticks),
            ("unlikeness", lambda _, chosen=chosen: unlike[chosen]),
            ("overall", lambda _, chosen=chosen: -score[chosen]),
        ):
            each = best(detectors, ticks, prompts)
            print(f"  {name:12} {'  '.join(f'{one:.3f}' for one in each)}   {np.mean(each):.3f}")


if __name__ == "__main__":
    main()
