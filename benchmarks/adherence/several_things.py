"""Measures adherence of nouns on pictures of several things: is what it calls not seen really not there?

FOLDER holds the clones that benchmarks/data/several_things.py names. Photographs of COCO are asked for 50 nouns each;
things that cover less than a share of the picture are asked for in one table and left out of the other. Pictures by
generators are asked for the nouns of their own prompts. Intervals are 95 % by bootstrap over pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from soart.benchmarks.adherence.photographs import chance_shown, figures, usual_statistics
from soart.benchmarks.common import command, key_of
from soart.benchmarks.data.opinions import measured
from soart.benchmarks.data.several_things import COCO, coco_nouns, prompted, scenes
from soart.metrics.items.nouns import noun_classes
from soart.pipelines.judges.nouns import NounSource, noun_margin
from soart.pipelines.judges.phrase_judgements import MISSED, SEEN
from soart.pipelines.judges.phrase_sources import Brief
from soart.prompts.phrases.cutting import cut_prompt

#: Least shares of a picture that things cover.
SHARES = (0.0, 0.02)


def items_of(files: Sequence[Path], source: NounSource, cache: Path) -> np.ndarray:
    """(n, 1000) items of pictures, measured once."""
    key = key_of(" ".join(f"{file.parent.name}/{file.name}" for file in files))
    return measured(files, f"several-things-{key}", cache, source.extractor)


def report_scenes(clone: Path, source: NounSource, cache: Path) -> None:
    """Print the figures of labelled photographs."""
    found, nouns, table = list(scenes(clone)), coco_nouns(clone), noun_classes()
    items = items_of([scene.file for scene in found], source, cache)
    asked = [(i, noun, scene.shares.get(noun, 0.0)) for i, scene in enumerate(found) for noun in nouns]
    picture, share = (np.array([row[k] for row in asked]) for k in (0, 2))
    margin = np.array([noun_margin(items[i], table[noun]) for i, noun, _ in asked])
    broad = np.array([len(table[noun]) > 1 for _, noun, _ in asked])
    print(f"COCO: {len(found)} photographs, {len(nouns)} nouns")
    for least in SHARES:
        keep = (share == 0) | (share >= least)
        shown = share[keep] > 0
        print(f" things of {100 * least:g} % of the picture and more: shown {shown.sum()} times")
        p = chance_shown(margin[keep], broad[keep], source.narrow, source.broad)
        rates: dict[str, Callable[[np.ndarray], float]] = {
            "shown, called not seen": lambda i, p=p, s=shown: float((p[i][s[i]] < MISSED).mean()),
            "not shown, called not seen": lambda i, p=p, s=shown: float((p[i][~s[i]] < MISSED).mean()),
            "shown, called seen": lambda i, p=p, s=shown: float((p[i][s[i]] >= SEEN).mean()),
            "not shown, called seen": lambda i, p=p, s=shown: float((p[i][~s[i]] >= SEEN).mean()),
        }
        weight = np.where(shown, 1.0, shown.sum() / (~shown).sum())
        figures(usual_statistics(p, shown, weight) | rates, picture[keep])


def report_prompts(folder: Path, source: NounSource, cache: Path) -> None:
    """Print the figures of pictures by generators, asked for the nouns of their prompts."""
    table, asked = noun_classes(), []
    for picture in prompted(folder, cache):
        with Image.open(picture.file) as opened:
            brief = Brief(picture.prompt, opened.size)
        phrases = [p for p in cut_prompt(picture.prompt, source.lexicon) if source.knows(p, brief) and not p.negated]
        asked += [(picture, phrase.text) for phrase in phrases]
    files = list(dict.fromkeys(picture.file for picture, _ in asked))
    items = dict(zip(files, items_of(files, source, cache), strict=True))
    shows = np.array([{True: 1.0, False: 0.0, None: np.nan}[picture.shows(noun)] for picture, noun in asked])
    margin = np.array([noun_margin(items[picture.file], table[noun]) for picture, noun in asked])
    broad = np.array([len(table[noun]) > 1 for _, noun in asked])
    told = np.isfinite(shows)
    print(
        f"prompts: {len(files)} pictures, {len(asked)} nouns answered: {(shows == 1).sum()} shown, {(shows == 0).sum()} not, "
        f"{(~told).sum()} unclear"
    )
    p = chance_shown(margin, broad, source.narrow, source.broad)
    for title, those in (
        ("called not seen", p < MISSED),
        ("called uncertain", (p >= MISSED) & (p < SEEN)),
        ("called seen", p >= SEEN),
    ):
        counts = [(those & (shows == 1)).sum(), (those & (shows == 0)).sum(), (those & ~told).sum()]
        print(f"  {title:18} shown {counts[0]:3}, not {counts[1]:3}, unclear {counts[2]:3}")
    print(f"  wrongly called not seen {(p[shows == 1] < MISSED).sum() / len(asked):.1%}")


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, "folder", cache=True).parse_args()
    source = NounSource.load()
    if (arguments.folder / COCO).is_dir():
        report_scenes(arguments.folder / COCO, source, arguments.cache)
    else:
        print(f"{arguments.folder / COCO} is not there: its photographs are left out.")
    report_prompts(arguments.folder, source, arguments.cache)


if __name__ == "__main__":
    main()
