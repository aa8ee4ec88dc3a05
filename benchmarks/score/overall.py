"""Measures the overall score: agreement with people, and order within pairs of versions.

    python benchmarks/score/overall.py [--cache DIR] [--peers]

Agreement is that of build_appeal.py: with opinions of domains that appeal has not learnt from, and rated quality from
none of them. Pairs are an undamaged picture of 512 to 800 pixels of each source that neither the technical score nor rated
quality was learnt from, and its damaged versions, one for each fault, of any strength. The data of opinions.py must be
there. With --peers the agreement of NIQE (as in kinds.py) and of cleanvision's blur score is printed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from soart.benchmarks.common import command, progress
from soart.benchmarks.data.damage import FAULTS, damage
from soart.benchmarks.data.opinions import other_files, other_opinions
from soart.benchmarks.data.people import categories, everyone, picture_files
from soart.benchmarks.data.quality_pictures import in_bytes
from soart.benchmarks.data.sources import unseen_sources
from soart.benchmarks.score.build_appeal import Learner, by_domain, mean_over, soart, technical
from soart.benchmarks.score.build_appeal import agreement as agree
from soart.benchmarks.score.kinds import SEED, blur_scores, middle_size, niqe_of
from soart.metrics.damage.rated_quality import rated_quality_model
from soart.metrics.damage.technical import costs_of_faults, quality_model
from soart.metrics.image import read_image
from soart.metrics.tastes.overall import POWER, OverallJudge, qualities_of, shares_of
from soart.training.appeal import Opinions, learn_appeal


def overall(names: tuple[str, ...]) -> Learner:
    """The overall score with an appeal that is learnt from these opinions, in logarithms, which order pictures alike."""
    columns, rated_model = [names.index(name) for name in quality_model().names], rated_quality_model()

    def learn(opinions: Sequence[Opinions]) -> Callable[[np.ndarray], np.ndarray]:
        appeal = learn_appeal(opinions, names)
        return lambda items: (
            np.log2(shares_of(appeal.scores(items, names)))
            + np.log2(qualities_of(rated_model.scores(items, names), rated_model.unlikeness(items, names)))
            - POWER * costs_of_faults(items[:, columns]) / quality_model().half
        )

    return learn


def rated(names: tuple[str, ...]) -> Learner:
    """Rated quality, which learns from none of these opinions; pictures that it cannot judge have its usual value."""
    model = rated_quality_model()
    return lambda opinions: lambda items: np.nan_to_num(model.scores(items, names), nan=model.usual)


def agreement(cache: Path) -> None:
    """Print how far scores agree with people."""
    place, others, category = everyone(cache), other_opinions(cache), categories(cache)
    learners = {
        "technical": technical,
        "appeal": soart,
        "rated": rated,
        "overall": overall,
    }
    columns = {title: by_domain(place, category, others, learner(place.names)) for title, learner in learners.items()}
    print("agreement with people: rank correlations with ratings, shares of choices\n" + " " * 14, end="")
    print(" ".join(f"{title:>10}" for title in columns))
    for domain in columns["overall"]:
        print(f"{domain:14} " + " ".join(f"{found[domain]:10.3f}" for found in columns.values()))
    print(f"{'mean':14} " + " ".join(f"{mean_over(found, others):10.3f}" for found in columns.values()))


def classical(cache: Path) -> None:
    """Print how far NIQE and the blur score of cleanvision agree with people."""
    place, others, category, niqe = everyone(cache), other_opinions(cache), categories(cache), niqe_of(cache)
    photographs = np.array(picture_files(cache))
    domains = {
        name: (list(photographs[category == name]), place.opinions(category == name)) for name in np.unique(category)
    }
    domains |= {name: (files, others[name]) for name, files in other_files(cache).items()}
    found: dict[str, dict[str, float]] = {"NIQE": {}, "cleanvision": {}}
    print(f"\n{'':14} {'NIQE':>11} {'cleanvision':>11}")
    for domain, (files, opinions) in domains.items():
        found["NIQE"][domain] = agree(np.array([niqe(read_image(file).pixels) for file in files]), opinions)
        found["cleanvision"][domain] = agree(np.array(blur_scores(files)), opinions)
        print(f"{domain:14} " + " ".join(f"{values[domain]:11.3f}" for values in found.values()), flush=True)
    print(f"{'mean':14} " + " ".join(f"{mean_over(values, others):11.3f}" for values in found.values()))


def pairs(cache: Path) -> None:
    """Print pairs in the right order, and scores of undamaged pictures by kind."""
    judge, rng = OverallJudge.load(), np.random.default_rng(SEED)
    sources = [(source, picture) for source in unseen_sources(cache) if (picture := middle_size(source)) is not None]
    scores: dict[str, list[np.ndarray]] = {"technical": [], "rated": [], "overall": []}
    for number, (_, picture) in enumerate(sources, start=1):
        versions = [in_bytes(picture)]
        versions += [in_bytes(damage(picture, fault, float(rng.uniform()), rng, FAULTS)) for fault in FAULTS]
        items = np.concatenate([judge.extractor.extract(pixels) for pixels in versions])
        scores["technical"].append(judge.technical.score(items))
        scores["rated"].append(judge.rated(items))
        scores["overall"].append(judge.score(items))
        progress(number, len(sources), "sources")
    by_title = {title: np.stack(rows) for title, rows in scores.items()}
    print(f"\npairs right, {len(sources)} pictures of 512 to 800 pixels\n{'':14} ", end="")
    print(" ".join(f"{title:>10}" for title in by_title))
    for k, fault in enumerate(FAULTS, start=1):
        print(f"{fault:14} " + " ".join(f"{np.mean(rows[:, 0] > rows[:, k]):10.2f}" for rows in by_title.values()))
    right = {title: rows[:, :1] > rows[:, 1:] for title, rows in by_title.items()}
    known = [fault != "smooth" for fault in FAULTS]
    print(f"{'all':14} " + " ".join(f"{values.mean():10.3f}" for values in right.values()))
    print(f"{'but smooth':14} " + " ".join(f"{values[:, known].mean():10.3f}" for values in right.values()))
    kinds, undamaged = np.array([source.kind for source, _ in sources]), by_title["overall"][:, 0]
    for kind in np.unique(kinds):
        points = undamaged[kinds == kind]
        print(f"{kind}: {len(points)} undamaged, overall {points.mean():.1f} ± {points.std():.1f} points")
    sides = np.array([max(picture.shape[:2]) for _, picture in sources])
    print(f"rank correlation of the overall score with the longest side {spearmanr(undamaged, sides)[0]:+.2f}")


def main() -> None:
    """Measure and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--peers", action="store_true", help="only the agreement of NIQE and cleanvision")
    arguments = parser.parse_args()
    if arguments.peers:
        classical(arguments.cache)
        return
    agreement(arguments.cache)
    pairs(arguments.cache)


if __name__ == "__main__":
    main()
