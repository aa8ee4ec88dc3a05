"""Measures the overall score, beside what it was before and its parts: agreement with people, and order within pairs of versions.

Agreement with liking is that with opinions of domains that appeal has not learnt from, and rated quality
from none of them. Agreement with rated quality is on every fifth of the photographs that it was not learnt from, with the
built-in appeal. Pairs are an undamaged picture of 512 to 800 pixels of each source that neither the technical score nor rated
quality was learnt from, and its damaged versions, one for each fault, of any strength. The data of opinions.py and of
rated_photographs.py must be there. With --peers the agreement of NIQE (as in kinds.py) and of cleanvision's blur score is
printed alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from soart.benchmarks.common import bootstrap, command, print_table, progress
from soart.benchmarks.data.damage import FAULTS
from soart.benchmarks.data.opinions import measured, other_files, other_opinions
from soart.benchmarks.data.people import categories, everyone, picture_files
from soart.benchmarks.data.quality_pictures import damaged_each
from soart.benchmarks.data.rated_photographs import RatedPhotographs, items_of, rated_photographs
from soart.benchmarks.data.sources import unseen_sources
from soart.benchmarks.score.build_appeal import agreement as agree
from soart.benchmarks.score.build_appeal import mean_over
from soart.benchmarks.score.kinds import SEED, blur_scores, middle_size, niqe_of
from soart.benchmarks.score.parts import scores_of
from soart.metrics.image import read_image
from soart.metrics.items.nima import NimaExtractor
from soart.metrics.tastes.appeal import appeal_model
from soart.metrics.tastes.overall import OverallJudge
from soart.training.appeal import learn_appeal

#: Which of the rated photographs are measured, and draws of the bootstrap over them.
EVERY, DRAWS = 5, 1000


def agreement(cache: Path, judge: OverallJudge) -> None:
    """Print how far the overall score, what it was before, and its parts agree with people's liking, by domain."""
    place, others, category = everyone(cache), other_opinions(cache), categories(cache)
    names, photographs = place.names, np.unique(category)
    left_out = {name: place.opinions(category == name) for name in photographs} | others
    own = measured(picture_files(cache), "people", cache, NimaExtractor())
    marks = {name: own[category == name] for name in photographs}
    marks |= {
        name: measured(files, f"domain-{name}", cache, NimaExtractor()) for name, files in other_files(cache).items()
    }
    found: dict[str, dict[str, float]] = {}
    for domain, opinions in left_out.items():
        rest = [other for name, other in others.items() if name != domain]
        appeal = learn_appeal([place.opinions(category != domain), *rest], names).scores(opinions.items, names)
        for title, values in scores_of(judge, np.hstack([opinions.items, marks[domain]]), appeal).items():
            found.setdefault(title, {})[domain] = agree(values, opinions)
        progress(len(found["overall"]), len(left_out), "domains")
    table = pd.DataFrame(found)
    rated = [domain for domain, opinions in left_out.items() if opinions.pairs is None]
    table.loc["mean, ratings"] = table.loc[rated].mean()
    table.loc["mean"] = [mean_over(values, others) for values in found.values()]
    counts = {domain: len(o.values if o.pairs is None else o.pairs) for domain, o in left_out.items()}
    table.insert(0, "opinions", table.index.map(counts))
    print_table("agreement with people: rank correlations with ratings, shares of choices", table)


def quality(cache: Path, judge: OverallJudge) -> None:
    """Print rank correlations with the rated quality of some of the photographs that it was not learnt from, and 95 % intervals."""
    every = rated_photographs(cache, learning=False)
    some = RatedPhotographs(every.files[::EVERY], every.kind[::EVERY], every.opinions[::EVERY])
    marks = measured(some.files, "rated-some", cache, NimaExtractor())
    items = np.hstack([items_of(some, cache), marks])
    print(f"\nrank correlations with the rated quality of {len(items)} photographs")
    for title, values in scores_of(judge, items, appeal_model().scores(items, judge.extractor.names)).items():
        value, low, high = bootstrap(
            lambda i, values=values: spearmanr(values[i], some.opinions[i])[0], len(items), DRAWS, SEED
        )
        print(f"{title:14} {value:.3f} ({low:.3f} … {high:.3f})", flush=True)


def classical(cache: Path) -> None:
    """Print how far NIQE and the blur score of cleanvision agree with people."""
    place, others, category, niqe = everyone(cache), other_opinions(cache), categories(cache), niqe_of(cache)
    photographs, files = np.array(picture_files(cache)), other_files(cache)
    domains = {n: (photographs[category == n], place.opinions(category == n)) for n in np.unique(category)}
    domains |= {name: (files[name], opinions) for name, opinions in others.items()}
    found: dict[str, dict[str, float]] = {"NIQE": {}, "cleanvision": {}}
    for domain, (files, opinions) in domains.items():
        found["NIQE"][domain] = agree(np.array([niqe(read_image(file).pixels) for file in files]), opinions)
        found["cleanvision"][domain] = agree(np.array(blur_scores(files)), opinions)
    table = pd.DataFrame(found)
    table.loc["mean"] = [mean_over(values, others) for values in found.values()]
    print_table("agreement with people", table)


def pairs(cache: Path, judge: OverallJudge) -> None:
    """Print pairs in the right order."""
    rng = np.random.default_rng(SEED)
    pictures = [picture for source in unseen_sources(cache) if (picture := middle_size(source)) is not None]
    scores: dict[str, list[np.ndarray]] = {"technical": [], "rated": [], "overall": []}
    for number, picture in enumerate(pictures, start=1):
        items = np.concatenate([judge.extractor.extract(pixels) for pixels in damaged_each(picture, rng)])
        scores["technical"].append(judge.technical.score(items))
        scores["rated"].append(judge.rated(items))
        scores["overall"].append(judge.score(items))
        progress(number, len(pictures), "sources")
    right = {title: np.stack(rows)[:, :1] > np.stack(rows)[:, 1:] for title, rows in scores.items()}
    table = pd.DataFrame(
        {title: dict(zip(FAULTS, values.mean(axis=0), strict=True)) for title, values in right.items()}
    )
    table.loc["all but smooth"] = table.drop("smooth").mean()
    table.loc["all"] = table.loc[list(FAULTS)].mean()
    print_table(f"pairs right, {len(pictures)} pictures of 512 to 800 pixels", table)


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, cache=True, flags=["peers"]).parse_args()
    if arguments.peers:
        classical(arguments.cache)
        return
    judge = OverallJudge.load()
    agreement(arguments.cache, judge)
    quality(arguments.cache, judge)
    pairs(arguments.cache, judge)


if __name__ == "__main__":
    main()
