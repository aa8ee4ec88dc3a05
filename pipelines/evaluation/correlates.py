"""Queries what correlates with higher scores."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from ..collection.collection import Collection
from ..collection.makes import names_of_loras, without_loras
from ..collection.score_statistics import NUMBERS, made_of_scan, mean_scores, numbers_and_scores
from ..ingest.metadata import prompt_words
from .associations import NAME, Association, Tally, findings
from .trends import Trend, trend

#: Settings whose values are compared.
_SETTINGS = ("model", "sampler", "scheduler", "tool")


def find_associations(collection: Collection, scan_number: int, judge: str) -> tuple[Association, ...]:
    """Associations of scores with words of prompts and negative prompts, models, LoRAs, samplers, schedulers and tools.

    Of pictures without a prompt those with words of file names; what lies in one folder counts as of one prompt.
    """
    tallies = {kind: Tally(kind) for kind in (NAME, "word", "negative", "model", "LoRA", *_SETTINGS)}
    scores, named = collection.scores(judge), defaultdict[tuple[str, tuple[str, ...]], list[float]](list)
    for image, path, _, _, prompt, *_ in made_of_scan(collection, scan_number):
        if not prompt and image in scores:
            named[str(Path(path).parent), words_of_name(path)].append(scores[image])
    for (folder, words), values in sorted(named.items()):
        tallies[NAME].add(folder, words, len(values), sum(values) / len(values))
    for prompt, _, pictures, mean in mean_scores(collection, scan_number, judge, "prompt"):
        if prompt:
            tallies["word"].add(prompt, prompt_words(prompt), pictures, mean)
    for prompt, negative, pictures, mean in mean_scores(collection, scan_number, judge, "negative"):
        if negative is not None:
            tallies["negative"].add(prompt or "", prompt_words(negative), pictures, mean)
    for kind in _SETTINGS:
        for prompt, value, pictures, mean in mean_scores(collection, scan_number, judge, kind):
            if value:
                tallies[kind].add(prompt or "", [value], pictures, mean)
    with_loras = [
        (without_loras(prompt or ""), names_of_loras(prompt or "", settings or ""), pictures, mean)
        for prompt, settings, pictures, mean in mean_scores(collection, scan_number, judge, "loras")
    ]
    if any(loras for _, loras, *_ in with_loras):
        for prompt, loras, pictures, mean in sorted(with_loras):
            tallies["LoRA"].add(prompt, loras, pictures, mean)
    return tuple(findings(tallies))


def words_of_name(path: str) -> tuple[str, ...]:
    """The words in the name of a file, such as ``glid3`` and ``dark`` of ``Glid3-12_dark.png``."""
    words = re.findall(r"[^\W_]{3,}", Path(path).stem.casefold())
    return tuple(dict.fromkeys(word for word in words if not word.isdigit()))


def find_trends(collection: Collection, scan_number: int, judge: str) -> tuple[Trend, ...]:
    """Rank correlations of scores with steps, guidance, number of pixels and date."""
    trends = []
    for name in NUMBERS:
        pairs, prompts = numbers_and_scores(collection, scan_number, judge, name)
        trends.append(trend(name, pairs[:, 0], pairs[:, 1], prompts))
    return tuple(each for each in trends if each is not None)
